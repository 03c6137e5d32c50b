"""Training one network: AdamW, a schedule that watches the error curve, and averaged weights."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from labcut3d.detection.checkpoint import Checkpoint, State
from labcut3d.detection.heatmaps import loss, targets
from labcut3d.detection.network import STRIDE, KeypointNetwork

__all__ = ["Batch", "Curve", "Draw", "Plan", "Schedule", "fit"]


class Batch(NamedTuple):
    """`inputs` (n, h, w, 3) uint8 RGB; `points` (n, k, 2) px, NaN = hidden; `known` (n, k)."""

    inputs: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float64]
    known: npt.NDArray[np.bool_]


Draw = Callable[[int], Batch]
"""Step -> its batch."""

WARM_UP = 0.15  # of the shortest training
COOL_DOWN = 0.4  # of the whole training
WINDOW = 40  # steps of which the mean loss is one point of the curve
PATIENCE = 5  # points of the curve over which the error must fall,
STALLED = 0.1  # by at least this fraction, to be falling
WEIGHT_DECAY = 0.01
LARGEST_GRADIENT = 5.0
EMA = 0.98  # weight of the past, in the average over steps that is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one network is trained; the names are those of `DetectorSettings`.

    `sigma` is the spread of the target around a label, in cells of the heatmap.
    """

    min_steps: int
    max_steps: int
    learning_rate: float
    encoder_rate: float
    sigma: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The course of a training: at `step` (n,), the mean `loss` (n,) since the last point.

    `held_out` (n,) is the loss on images that are not trained on, NaN where there are none.
    """

    step: npt.NDArray[np.int64]
    loss: npt.NDArray[np.float64]
    held_out: npt.NDArray[np.float64]


class Schedule:
    """Step sizes that rise, stay, and fall once the error has stopped falling.

    Warm-up, a plateau of open length, and a linear decay to zero that takes the same share of any
    training. The plateau ends when the error stalls, at the earliest so that `min_steps` are made,
    at the latest so that `max_steps` are.
    """

    def __init__(self, min_steps: int, max_steps: int) -> None:
        self.warm_up = max(1, round(WARM_UP * min_steps))
        self.earliest = round((1 - COOL_DOWN) * min_steps)
        self.decay_from = round((1 - COOL_DOWN) * max_steps)
        self.max_steps = max_steps

    def watch(self, step: int, errors: Sequence[float]) -> None:
        """End the plateau at `step` if the `errors` measured so far have stalled."""
        if self.earliest <= step < self.decay_from and len(errors) > PATIENCE:
            recent, before = min(errors[-PATIENCE:]), min(errors[:-PATIENCE])
            if recent > (1 - STALLED) * before:
                self.decay_from = step

    def rate(self, step: int) -> float:
        """Return the step size of a step, as a fraction of the largest."""
        rise = (step + 1) / self.warm_up
        fall = (self.steps - step) / max(1, self.steps - self.decay_from)
        return max(0.0, min(rise, fall, 1.0))

    @property
    def steps(self) -> int:
        """The steps there are, as far as is known by now."""
        return min(self.max_steps, round(self.decay_from / (1 - COOL_DOWN)))


def fit(
    network: KeypointNetwork,
    draw: Draw,
    plan: Plan,
    *,
    held_out: Callable[[KeypointNetwork], float] | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[int, int, float], None] | None = None,
) -> Curve:
    """Train a network in place and leave it with the average of its last weights.

    `held_out` measures the averaged weights from time to time, which tells when to end: the loss
    in training falls on while the labels are learnt by heart. `checkpoint` keeps the state, and is
    gone on from if there is one; `progress(step, steps, loss)` is told each step.
    The same `draw` and starting weights give the same bits on the same processor.
    """
    device = next(network.parameters()).device
    decoder, encoder = network.parts()
    parameters = [*decoder, *encoder]
    optimizer = torch.optim.AdamW(
        [{"params": decoder, "base": 1.0}, {"params": encoder, "base": plan.encoder_rate}],
        lr=plan.learning_rate,
        weight_decay=WEIGHT_DECAY,
        fused=True,
    )
    schedule = Schedule(plan.min_steps, plan.max_steps)
    average = [p.detach().clone() for p in parameters]
    state = State(step=0, decay_from=schedule.decay_from, points=[], recent=[], average=average)
    if checkpoint:
        checkpoint.restore(state, parameters, optimizer)
        schedule.decay_from = state.decay_from
    batches = _ahead(draw, state.step)
    while state.step < schedule.steps:
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * group["base"] * schedule.rate(state.step)
        value = _descend(network, optimizer, next(batches), plan.sigma, device)
        _blend(average, parameters, state.step)
        state.recent.append(value)
        state.step += 1
        if len(state.recent) == WINDOW or state.step == schedule.steps:
            inside, outside = float(np.mean(state.recent)), math.nan
            if held_out:
                with _assigned(parameters, average):
                    outside = held_out(network)
            state.points.append((state.step, inside, outside))
            state.recent = []
            schedule.watch(state.step, [point[2 if held_out else 1] for point in state.points])
            state.decay_from = schedule.decay_from
        if checkpoint:
            checkpoint.save(state, parameters, optimizer)
        if progress:
            progress(state.step, schedule.steps, value)
    _assign(parameters, average)
    steps, losses, outside = zip(*state.points, strict=True)
    return Curve(step=np.array(steps), loss=np.array(losses), held_out=np.array(outside))


def _ahead(draw: Draw, first: int) -> Iterator[Batch]:
    """Yield the batches from step `first` on, each drawn while the one before is trained on."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        upcoming = pool.submit(draw, first)
        for step in itertools.count(first + 1):
            batch = upcoming.result()
            upcoming = pool.submit(draw, step)
            yield batch


def _descend(
    network: KeypointNetwork,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    sigma: float,
    device: torch.device,
) -> float:
    """Make one step and return its loss.

    On a GPU that has bfloat16 the network computes in it, which has float32's range, so that no
    loss needs scaling. On processors it does not pay: depthwise convolutions lose what others gain.
    """
    shape = (batch.inputs.shape[1] // STRIDE, batch.inputs.shape[2] // STRIDE)
    points = torch.from_numpy(batch.points).to(device, torch.float32)
    wanted = targets(points, shape, sigma, torch.from_numpy(batch.known).to(device))
    with torch.autocast(device.type, torch.bfloat16, enabled=_has_bfloat16(device)):
        log_odds = network(torch.from_numpy(batch.inputs).to(device))
    value = loss(log_odds.float(), wanted)
    optimizer.zero_grad()
    value.backward()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
    optimizer.step()
    return value.item()


def _has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device is a GPU that computes in bfloat16, rather than imitates it."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


@torch.no_grad()
def _blend(average: list[Tensor], parameters: Sequence[nn.Parameter], step: int) -> None:
    """Move the averaged weights towards the present ones, faster in the beginning."""
    weight = 1 - min(EMA, (step + 1) / (step + 10))
    for mean, parameter in zip(average, parameters, strict=True):
        mean.lerp_(parameter, weight)


@contextmanager
def _assigned(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> Iterator[None]:
    """Lend parameters other values."""
    own = [p.detach().clone() for p in parameters]
    _assign(parameters, values)
    yield
    _assign(parameters, own)


@torch.no_grad()
def _assign(parameters: Sequence[nn.Parameter], values: Sequence[Tensor]) -> None:
    """Set parameters to values."""
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
