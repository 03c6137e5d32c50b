"""Running a trained network fast: OpenVINO on a processor, torch on a GPU."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from labcut3d.detection.heatmaps import decode, probabilities
from labcut3d.detection.network import KeypointNetwork

__all__ = ["Found", "Runtime", "choose_device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Detections in the px of a network's input, as numpy arrays (see `heatmaps.Decoded`)."""

    position: npt.NDArray[np.float64]
    mass: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


class Runtime:
    """A network ready to be called with a batch of inputs (n, h, w, 3) uint8 RGB."""

    def __init__(self, network: KeypointNetwork, device: str) -> None:
        self.device = choose_device(device)
        self.network = network.to(self.device).to(memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def __call__(self, batch: npt.NDArray[np.uint8]) -> Found:
        """Return the detections in each input."""
        log_odds = self.network(torch.from_numpy(batch).to(self.device))
        decoded = decode(probabilities(log_odds))
        arrays = (decoded.position, decoded.mass, decoded.spread)
        position, mass, spread = (a.cpu().numpy().astype(np.float64) for a in arrays)
        return Found(position=position, mass=mass, spread=spread)


def choose_device(device: str) -> torch.device:
    """Return the device that a setting means: "auto" takes a GPU where torch finds one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
