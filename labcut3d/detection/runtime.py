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

from labcut3d.compute import cores
from labcut3d.detection.heatmaps import decode, probabilities
from labcut3d.detection.network import KeypointNetwork
from labcut3d.detection.symmetry import Mirror

__all__ = ["Found", "Runtime", "choose_device"]

Forward = Callable[[npt.NDArray[np.uint8]], Tensor]

MOST_THREADS = 8  # each has buffers of its own; a video is decoded no faster than eight compute


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Detections in the px of a network's input, as numpy arrays (see `heatmaps.Decoded`)."""

    position: npt.NDArray[np.float64]
    mass: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


class Runtime:
    """A network ready to be called with a batch of inputs (n, h, w, 3) uint8 RGB.

    With a `mirror`, the network looks at each input and at its mirror image, and the mean of the
    two probabilities counts: a tenth less error.
    """

    def __init__(self, network: KeypointNetwork, device: str, mirror: Mirror | None = None) -> None:
        chosen = choose_device(device)
        self._mirror = mirror
        self._forward: Forward = (
            _OnProcessor(network) if chosen.type == "cpu" else _on_gpu(network, chosen)
        )

    @torch.inference_mode()
    def __call__(self, batch: npt.NDArray[np.uint8]) -> Found:
        """Return the detections in each input."""
        if self._mirror is None:
            p = probabilities(self._forward(batch))
        else:
            reversed_axis = 2 - self._mirror.direction  # of (n, h, w, 3)
            inputs = np.concatenate([batch, np.flip(batch, reversed_axis)])
            plain, reflected = probabilities(self._forward(inputs)).split(len(batch))
            p = (plain + reflected.flip(reversed_axis + 1)[:, list(self._mirror.roles)]) / 2
        decoded = decode(p)
        arrays = (decoded.position, decoded.mass, decoded.spread)
        position, mass, spread = (a.cpu().numpy().astype(np.float64) for a in arrays)
        return Found(position=position, mass=mass, spread=spread)


class _OnProcessor:
    """A network compiled by OpenVINO, once for each size of input; an input is one thread's work.

    A batch is shared out by inputs. That keeps all cores busy and the caches warm, and the bits
    of an answer depend neither on the batch that it came in nor on the number of cores.
    """

    def __init__(self, network: KeypointNetwork) -> None:
        self._core = openvino.Core()
        self._model = _exported(network)
        self._queues: dict[tuple[int, ...], openvino.AsyncInferQueue] = {}

    def __call__(self, batch: npt.NDArray[np.uint8]) -> Tensor:
        """Return the log odds of a batch."""
        queue = self._queue(batch.shape[1:3])
        answers: list[Any] = [None] * len(batch)

        def keep(request: Any, index: int) -> None:
            answers[index] = request.get_output_tensor(0).data.copy()

        queue.set_callback(keep)
        for index in range(len(batch)):
            queue.start_async(np.ascontiguousarray(batch[index : index + 1]), index)
        queue.wait_all()
        return torch.from_numpy(np.concatenate(answers))

    def _queue(self, size: tuple[int, ...]) -> openvino.AsyncInferQueue:
        """Return the requests for inputs of (height, width), compiled when first needed."""
        if size not in self._queues:
            self._model.reshape(openvino.PartialShape([1, *size, 3]))
            threads = min(cores(), MOST_THREADS)
            # Pinned threads wait for a core that another program holds: half as fast beside one.
            options = {
                "NUM_STREAMS": threads,
                "INFERENCE_NUM_THREADS": threads,
                "INFERENCE_PRECISION_HINT": _precision(self._core),
                "ENABLE_CPU_PINNING": False,
            }
            compiled = self._core.compile_model(self._model, "CPU", options)
            self._queues[size] = openvino.AsyncInferQueue(compiled, threads)
        return self._queues[size]


def _precision(core: openvino.Core) -> str:
    """Return bfloat16 where the processor computes in it, which halves the time, else float32.

    A detection moves by a tenth of its error, in no direction, and errs no more.
    """
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def _exported(network: KeypointNetwork) -> Any:
    """Return the network as an OpenVINO model that takes any size of input."""
    frozen = copy.deepcopy(network).cpu().eval()
    example = torch.zeros((1, 64, 64, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.no_grad():
        # torch announces the end of its tracer, which is how OpenVINO reads a network.
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(frozen, example, check_trace=False)
        return openvino.convert_model(traced, example_input=example)


def _on_gpu(network: KeypointNetwork, device: torch.device) -> Forward:
    """Return the network's forward pass on a GPU, in mixed precision."""
    moved = copy.deepcopy(network).to(device).to(memory_format=torch.channels_last).eval()

    def forward(batch: npt.NDArray[np.uint8]) -> Tensor:
        with torch.autocast(device.type, dtype=torch.float16):
            return moved(torch.from_numpy(batch).to(device)).to(torch.float32)

    return forward


def choose_device(device: str) -> torch.device:
    """Return the device that a setting means: "auto" takes a GPU where torch finds one."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
