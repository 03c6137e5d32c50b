"""Every family of encoders runs in OpenVINO, and says there what it says in torch."""

import numpy as np
import pytest
import torch

from labcut3d.detection import runtime
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.heatmaps import decode, probabilities
from labcut3d.detection.network import KeypointNetwork

FAMILIES = ("efficientnet-lite1", "resnet18", "mobilenet_v3_small", "efficientnet_b0")
FAMILIES += ("convnext_tiny",)


@torch.no_grad()
@pytest.mark.parametrize("name", FAMILIES)
def test_openvino_finds_what_torch_finds(name, monkeypatch):
    monkeypatch.setattr(runtime, "_precision", lambda _: "f32")
    torch.manual_seed(0)
    network = KeypointNetwork(new_encoder(name, pretrained=False), 2).eval()
    images = np.random.default_rng(0).integers(0, 255, (2, 64, 96, 3), np.uint8)
    network.prepare(torch.from_numpy(images))
    torch.nn.init.normal_(network.head.weight)  # maps with clear peaks
    found = runtime.Runtime(network, "cpu")(images)
    expected = decode(probabilities(network(torch.from_numpy(images))))
    assert expected.position.std() > 1
    # Rounding of float32: a thousandth of a pixel, and of a probability.
    np.testing.assert_allclose(found.position, expected.position.numpy(), atol=1e-3)
    np.testing.assert_allclose(found.mass, expected.mass.numpy(), atol=1e-3)
