"""Maps are as large as promised, the prior is honest, and frozen means frozen."""

import numpy as np
import torch

from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.network import STRIDE, KeypointNetwork


def test_there_is_one_map_a_keypoint_at_stride_4():
    network = KeypointNetwork(new_encoder("efficientnet-lite0"), 5)
    images = torch.zeros((2, 64, 96, 3), dtype=torch.uint8)
    assert network(images).shape == (2, 5, 64 // STRIDE, 96 // STRIDE)


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
