"""Running a trained network fast: OpenVINO on a processor, torch on a GPU."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino
import torch
from torch import Tensor

from labcut3d.detection.heatmaps import decode, probabilities
from labcut3d.detection.network import KeypointNetwork

__all__ = ["Found", "Runtime", "choose_device"]

Forward = Callable[[npt.NDArray[np.uint8]], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Detections in the px of a network's input, as numpy arrays (see `heatmaps.Decoded`)."""

    position: npt.NDArray[np.float64]
    mass: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


class Runtime:
    """A network ready to be called with a batch of inputs (n, h, w, 3) uint8 RGB.

    With `mirrored`, the roles of the keypoints in a mirror image, the network looks at each input
    and at its mirror image, and the mean of the two probabilities counts: a tenth less error.
    """

    def __init__(
        self, network: KeypointNetwork, device: str, mirrored: tuple[int, ...] | None = None
    ) -> None:
        chosen = choose_device(device)
        self._mirrored = None if mirrored is None else list(mirrored)
        self._forward: Forward = (
            _OnProcessor(network) if chosen.type == "cpu" else _on_gpu(network, chosen)
        )

    @torch.inference_mode()
    def __call__(self, batch: npt.NDArray[np.uint8]) -> Found:
        """Return the detections in each input."""
        p = probabilities(self._forward(batch))
        if self._mirrored is not None:
            reflected = np.ascontiguousarray(batch[:, :, ::-1])
            p = (p + probabilities(self._forward(reflected)).flip(-1)[:, self._mirrored]) / 2
        decoded = decode(p)
        arrays = (decoded.position, decoded.mass, decoded.spread)
        position, mass, spread = (a.cpu().numpy().astype(np.float64) for a in arrays)
        return Found(position=position, mass=mass, spread=spread)


class _OnProcessor:
    """A network compiled by OpenVINO, once for each size of input.

    About 1.5 times as fast as torch on two cores, and equal to it within 1e-5 of log odds.
    """

    def __init__(self, network: KeypointNetwork) -> None:
        self._core = openvino.Core()
        self._model = _exported(network)
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, batch: npt.NDArray[np.uint8]) -> Tensor:
        """Return the log odds of a batch."""
        size = batch.shape[1:3]
        if size not in self._compiled:
            self._model.reshape(openvino.PartialShape([-1, *size, 3]))
            # A detection must not depend on the machine, so no lower precision than float32.
            # Pinned threads wait for a core that another program holds: half as fast beside one.
            options = {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                "ENABLE_CPU_PINNING": False,
            }
            self._compiled[size] = self._core.compile_model(self._model, "CPU", options)
        return torch.from_numpy(self._compiled[size](np.ascontiguousarray(batch))[0])


def _exported(network: KeypointNetwork) -> Any:
    """Return the network as an OpenVINO model that takes any number and size of inputs."""
    frozen = copy.deepcopy(network).cpu().eval()
    example = torch.zeros((1, 64, 64, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        # torch announces the end of its tracer, which is how OpenVINO reads a network.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(frozen, example, check_trace=False)
        return openvino.convert_model(traced, example_input=example)


def _on_gpu(network: KeypointNetwork, device: torch.device) -> Forward:
    """Return the network's forward pass on a GPU."""
    moved = copy.deepcopy(network).to(device).to(memory_format=torch.channels_last).eval()
    return lambda batch: moved(torch.from_numpy(batch).to(device))


def choose_device(device: str) -> torch.device:
    """Return the device that a setting means: "auto" takes a GPU where torch finds one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
