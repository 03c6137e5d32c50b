"""What is said of encoders before torch is loaded holds once they are built."""

from typing import get_args

import pytest
import torch

from labcut3d.detection.encoders.names import BLOCKS, PACKAGED, EncoderName
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.network import KeypointNetwork
from labcut3d.detection.settings import DetectorSettings
from labcut3d.errors import DetectorError

QUICK = [name for name in BLOCKS if name != "convnext_small"]  # 50 million random numbers


def test_names_are_listed_once_each():
    assert get_args(EncoderName) == tuple(BLOCKS)
    assert PACKAGED == ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")


@torch.no_grad()
@pytest.mark.parametrize("name", QUICK)
def test_every_encoder_has_its_blocks_channels_and_strides(name):
    encoder = new_encoder(name, pretrained=False)
    assert len(encoder.blocks) == BLOCKS[name]
    features = encoder(torch.zeros((1, 3, 64, 96)))
    assert [tuple(f.shape[2:]) for f in features] == [(16, 24), (8, 12), (4, 6)]
    assert encoder.channels == tuple(f.shape[1] for f in features)
    assert encoder.taps[-1] == BLOCKS[name] - 1  # nothing is computed in vain


@pytest.mark.parametrize("name", ["efficientnet-lite2", "resnet18", "mobilenet_v3_small"])
def test_freezing_counts_blocks_of_every_encoder(name):
    network = KeypointNetwork(new_encoder(name, pretrained=False), 1)
    network.encoder.freeze(3)
    moving = {id(p) for block in list(network.encoder.blocks)[3:] for p in block.parameters()}
    assert {id(p) for p in network.parts()[1]} == moving
    for all_of_them in (BLOCKS[name], None):
        network.encoder.freeze(all_of_them)
        assert network.parts()[1] == []


def test_more_frozen_blocks_than_there_are_are_refused():
    assert DetectorSettings(encoder="resnet18", frozen_blocks=6).frozen_blocks == 6
    with pytest.raises(DetectorError, match=r"frozen_blocks = 7: encoder resnet18 has 6 blocks"):
        DetectorSettings(encoder="resnet18", frozen_blocks=7)
    with pytest.raises(DetectorError, match=r"frozen_blocks = -1"):
        DetectorSettings(frozen_blocks=-1)


def test_an_unknown_encoder_is_refused_with_the_nearest_known():
    with pytest.raises(DetectorError, match=r"'resnet51'.*did you mean 'resnet50'"):
        DetectorSettings(encoder="resnet51")  # pyright: ignore[reportArgumentType]
    with pytest.raises(DetectorError, match=r"'vgg'.*efficientnet-lite0, .*convnext_small"):
        new_encoder("vgg")
