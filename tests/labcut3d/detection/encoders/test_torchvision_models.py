"""Torchvision's networks keep their function when they are cut; weights come or it is said why not.

No test needs a network: what is published is played by files of random weights.
"""

import shutil

import pytest
import torch
from torch import nn
from torchvision.models import get_model
from torchvision.models.feature_extraction import create_feature_extractor

from calibration.files import sha256_of
from labcut3d.detection.encoders import torchvision_models
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.errors import DetectorError

# The nodes of torchvision's own extractor at strides 4, 8 and 16.
NODES = {
    "resnet18": ("layer1", "layer2", "layer3"),
    "resnet50": ("layer1", "layer2", "layer3"),
    "mobilenet_v3_small": ("features.1", "features.3", "features.8"),
    "efficientnet_b0": ("features.2", "features.3", "features.5"),
    "convnext_tiny": ("features.1", "features.3", "features.5"),
}
QUICK = "mobilenet_v3_small"


def _unsettle(model: nn.Module) -> None:
    """Give every batch norm statistics and every layer scale a size that must not be lost."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
        if hasattr(module, "layer_scale"):
            nn.init.uniform_(module.layer_scale, 0.1, 0.3)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Publish random weights at a file:// address, and start with an empty cache."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "cache"))

    def publish(name: str = QUICK) -> tuple[nn.Module, str]:
        model = get_model(name, weights=None).eval()
        _unsettle(model)
        torch.save(model.state_dict(), tmp_path / "made.pth")
        path = tmp_path / f"{name}-{sha256_of(tmp_path / 'made.pth')[:8]}.pth"
        (tmp_path / "made.pth").rename(path)
        monkeypatch.setattr(torchvision_models, "_address", lambda _: path.as_uri())
        return model, path

    return publish


@torch.no_grad()
@pytest.mark.parametrize("name", NODES)
def test_the_features_are_those_of_torchvision(name, published):
    model, _ = published(name)
    x = torch.randn((2, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    expected = create_feature_extractor(model, list(NODES[name]))(x).values()
    encoder = new_encoder(name)
    for training in (True, False):  # which changes nothing: all that could is folded or gone
        encoder.train(training)
        for ours, theirs in zip(encoder(x), expected, strict=True):
            # 1e-4 of the features' scale: rounding of float32 through up to 40 convolutions.
            assert (ours - theirs).abs().max() < 1e-4 * theirs.abs().max()
    assert not [m for m in encoder.modules() if isinstance(m, nn.BatchNorm2d)]


def test_weights_are_downloaded_once_and_quietly(published, capfd, tmp_path):
    _, path = published()
    first = new_encoder(QUICK)
    assert (tmp_path / "cache" / "checkpoints" / path.name).is_file()
    path.unlink()  # from now on there is no network
    again = new_encoder(QUICK)
    torch.testing.assert_close(first.state_dict(), again.state_dict(), rtol=0, atol=0)
    assert capfd.readouterr() == ("", "")


def test_a_file_copied_by_hand_is_taken(published, tmp_path):
    _, path = published()
    (tmp_path / "cache" / "checkpoints").mkdir(parents=True)
    shutil.move(path, tmp_path / "cache" / "checkpoints" / path.name)
    assert new_encoder(QUICK)


def test_without_network_the_remedies_are_told(published, tmp_path):
    _, path = published()
    path.unlink()
    with pytest.raises(DetectorError) as caught:
        new_encoder(QUICK)
    for told in (QUICK, path.as_uri(), str(tmp_path / "cache"), "efficientnet-lite0"):
        assert told in str(caught.value)
    assert new_encoder(QUICK, pretrained=False)  # as to load a detector


def test_a_cache_that_cannot_be_written_is_told(published, tmp_path):
    published()
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(DetectorError, match="cannot be had"):
        new_encoder(QUICK)


def test_a_download_that_is_not_what_was_published_is_not_kept(published, tmp_path):
    _, path = published()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DetectorError, match="invalid hash value"):
        new_encoder(QUICK)
    assert list((tmp_path / "cache" / "checkpoints").iterdir()) == []


def test_a_damaged_file_in_the_cache_is_named(published, tmp_path):
    _, path = published()
    new_encoder(QUICK)
    cached = tmp_path / "cache" / "checkpoints" / path.name
    cached.write_bytes(cached.read_bytes()[:1000])
    with pytest.raises(DetectorError, match=f"{cached}: damaged.*delete it"):
        new_encoder(QUICK)


@pytest.mark.parametrize("name", torchvision_models.FINEST_TO_COARSEST)
def test_every_network_has_an_address_that_tells_its_hash(name):
    url = torchvision_models._address(name)
    assert url.startswith("https://download.pytorch.org/models/")
    assert len(torchvision_models.published_hash(url)) == 8
