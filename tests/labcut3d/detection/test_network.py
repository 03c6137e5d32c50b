"""The packaged weights really load, folding changes nothing, and shapes are as promised."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from labcut3d.detection.encoders.efficientnet_lite import EfficientNetLite0
from labcut3d.detection.encoders.weights import BATCH_NORM_EPS, new_encoder, packaged_weights
from labcut3d.detection.network import STRIDE, KeypointNetwork
from labcut3d.errors import DetectorError

STRIDES_OF_STAGES = {1: 2, 3: 2, 5: 2}


def _unfolded(x: torch.Tensor, encoder: EfficientNetLite0) -> list[torch.Tensor]:
    """The encoder computed from the published weights, each batch norm by itself."""
    state = packaged_weights()

    def convolve(x: torch.Tensor, name: str, norm: str, like: torch.nn.Conv2d) -> torch.Tensor:
        x = F.conv2d(
            x, state[f"{name}.weight"], None, like.stride, like.padding, groups=like.groups
        )
        parts = [state[f"{norm}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts, eps=BATCH_NORM_EPS)

    x = F.relu6(convolve(x, "_conv_stem", "_bn0", encoder.stem))
    features = []
    for i, block in enumerate(encoder.blocks):
        y, name = x, f"_blocks.{i}."
        if block.expand is not None:
            y = F.relu6(convolve(y, name + "_expand_conv", name + "_bn0", block.expand))
        y = F.relu6(convolve(y, name + "_depthwise_conv", name + "_bn1", block.depthwise))
        y = convolve(y, name + "_project_conv", name + "_bn2", block.project)
        x = x + y if block.residual else y
        if i in encoder.taps:
            features.append(x)
    return features


@torch.no_grad()
def test_folding_the_batch_norms_changes_nothing():
    x = torch.randn((2, 3, 64, 96), generator=torch.Generator().manual_seed(0))
    encoder = new_encoder("efficientnet-lite0")
    for folded, unfolded in zip(encoder(x), _unfolded(x, encoder), strict=True):
        # 1e-4 of the features' scale: rounding of float32 through 11 blocks.
        assert (folded - unfolded).abs().max() < 1e-4 * unfolded.abs().max()


@torch.no_grad()
def test_the_weights_are_those_of_imagenet_and_not_random():
    x = torch.randn((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    random = EfficientNetLite0()(x)[-1]
    pretrained = new_encoder("efficientnet-lite0")(x)[-1]
    assert (pretrained - random).abs().mean() > 0.1
    assert pretrained.std() > 10 * random.std()  # untrained features fade with depth


def test_shapes_and_strides():
    encoder = new_encoder("efficientnet-lite0")
    features = encoder(torch.zeros((1, 3, 64, 96)))
    assert [f.shape[1:] for f in features] == [(24, 16, 24), (40, 8, 12), (112, 4, 6)]
    assert tuple(f.shape[1] for f in features) == encoder.channels
    images = torch.zeros((2, 64, 96, 3), dtype=torch.uint8)
    assert KeypointNetwork(encoder, 5)(images).shape == (2, 5, 64 // STRIDE, 96 // STRIDE)


def test_an_untrained_network_says_nowhere_half_the_time():
    network = KeypointNetwork(new_encoder("efficientnet-lite0"), 2)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (2, 64, 64, 3), np.uint8))
    network.prepare(images)
    cells = (64 // STRIDE) ** 2
    torch.testing.assert_close(
        network(images).exp(), torch.full((2, 2, 16, 16), 1 / cells), atol=1e-6, rtol=1e-4
    )


def test_frozen_blocks_are_not_trained():
    network = KeypointNetwork(new_encoder("efficientnet-lite0"), 1)
    network.encoder.freeze(3)
    decoder, encoder = network.parts()
    assert decoder
    trained = sum(p.numel() for p in encoder)
    assert trained == sum(
        p.numel() for b in list(network.encoder.blocks)[3:] for p in b.parameters()
    )
    network.encoder.freeze(None)
    assert network.parts()[1] == []


def test_an_unknown_encoder_is_refused():
    with pytest.raises(DetectorError, match="resnet9"):
        new_encoder("resnet9")
