"""The state of a training on disk, so that one that was killed goes on where it was.

All randomness depends on the seed and the step alone, so a resumed training ends with the same
bits as one that was never interrupted.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from calibration.files import atomic_write
from labcut3d.detection.settings import DetectorSettings
from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton

__all__ = ["Checkpoint", "State", "training_key"]

INTERVAL = 50  # steps from one save to the next
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what AdamW remembers of each parameter


@dataclass(slots=True, kw_only=True)
class State:
    """Where a training is: all that the next step depends on, besides weights and optimizer."""

    step: int
    decay_from: int
    points: list[tuple[int, float, float]]
    recent: list[float]
    average: list[Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A file that holds the state of one training, told from all others by `key`."""

    path: Path
    key: str

    def save(
        self, state: State, parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer
    ) -> None:
        """Write the state, atomically, if it is time."""
        if state.step % INTERVAL:
            return
        tensors = {}
        for i, parameter in enumerate(parameters):
            tensors[f"{i}.weight"] = parameter.detach().contiguous()
            tensors[f"{i}.average"] = state.average[i].contiguous()
            for name in MOMENTS:
                tensors[f"{i}.{name}"] = optimizer.state[parameter][name].contiguous()
        told = {
            "key": self.key,
            "step": state.step,
            "decay_from": state.decay_from,
            "points": state.points,
            "recent": state.recent,
        }
        with atomic_write(self.path) as temporary:
            save_file(tensors, temporary, metadata={"training": json.dumps(told)})

    @torch.no_grad()
    def restore(
        self, state: State, parameters: Sequence[nn.Parameter], optimizer: torch.optim.Optimizer
    ) -> None:
        """Set everything to what the file says; leave all as it is where it is of no use.

        A file that is absent, damaged or of another training only means to start from the
        beginning.
        """
        try:
            with safe_open(self.path, framework="pt") as stored:
                told = json.loads((stored.metadata() or {}).get("training", "{}"))
                if not isinstance(told, dict) or told.get("key") != self.key:
                    return
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, RecursionError):
            return
        for i, parameter in enumerate(parameters):
            parameter.copy_(tensors[f"{i}.weight"])
            state.average[i].copy_(tensors[f"{i}.average"])
            moments = {name: tensors[f"{i}.{name}"] for name in MOMENTS}
            # Laid out as the parameter is, which the fused optimizer relies on.
            optimizer.state[parameter] = {
                name: tensor if name == "step" else torch.empty_like(parameter).copy_(tensor)
                for name, tensor in moments.items()
            }
        state.step, state.decay_from = told["step"], told["decay_from"]
        state.points = [tuple(point) for point in told["points"]]
        state.recent = told["recent"]

    def remove(self) -> None:
        """Delete the file: the training is finished."""
        self.path.unlink(missing_ok=True)


def training_key(
    images: Sequence[LabelledImage],
    settings: DetectorSettings,
    skeleton: Skeleton,
    start: nn.Module | None = None,
) -> str:
    """Return what tells trainings apart: a hash of settings, labels, pixels and torch's version.

    Of the `skeleton`, left and right count, by which images are mirrored. `start` is the network
    that the training goes on from, where it is not a new one.
    """
    digest = hashlib.sha256(f"{settings!r} {skeleton.mirrored} {torch.__version__}".encode())
    for image in images:
        digest.update(f"{image.recording} {image.frame} {image.view}".encode())
        digest.update(np.ascontiguousarray(image.points).tobytes())
        digest.update(np.ascontiguousarray(image.known).tobytes())
        digest.update(np.ascontiguousarray(image.image).tobytes())
    for tensor in start.state_dict().values() if start else ():
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
