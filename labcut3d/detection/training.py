"""From labelled images to a detector, with a report of how it went."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from labcut3d.detection.checkpoint import Checkpoint, training_key
from labcut3d.detection.detector import Detector
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.evaluation import Evaluation, evaluate, look
from labcut3d.detection.fitting import Curve, Draw, Plan, fit
from labcut3d.detection.heatmaps import loss, targets
from labcut3d.detection.network import STRIDE, KeypointNetwork
from labcut3d.detection.runtime import choose_device
from labcut3d.detection.sampling import (
    animal_sizes,
    hold_out,
    locator_draw,
    plain_crops,
    pose_draw,
)
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.symmetry import plausible_flips
from labcut3d.detection.trainable import label_warnings, require_trainable
from labcut3d.detection.uncertainty import UNCALIBRATED, Calibration, fit_calibration
from labcut3d.labels import LabelledImage
from labcut3d.progress import Progress
from labcut3d.skeleton import Skeleton

__all__ = ["TrainingReport", "train_detector"]

LOCATOR_SIGMA = 2.0  # cells; the middle of an animal is a vaguer place than a keypoint
LOCATOR_RATE = 5e-3  # its encoder stays frozen, which bears larger steps
PREPARE = 8  # inputs that set the scale of the features


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """How a training went.

    `curves` has the loss of "locator" (where it was trained) and "pose" over their steps;
    `held_out` the images that were kept from training, `evaluation` the detector's figures on them
    (None where there are none).
    `warnings` are sentences for the user.
    """

    settings: DetectorSettings
    skeleton: Skeleton
    n_images: int
    n_labels: int
    curves: dict[str, Curve]
    held_out: tuple[LabelledImage, ...]
    evaluation: Evaluation | None
    seconds: float
    warnings: tuple[str, ...]


def train_detector(
    images: Sequence[LabelledImage],
    skeleton: Skeleton,
    settings: DetectorSettings | None = None,
    *,
    more: Sequence[LabelledImage] = (),
    start: Detector | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Detector, TrainingReport]:
    """Train a detector on labelled images of any number of views.

    None of the images `more`, such as pseudo-labels, are held out, and they decide no settings.
    From `start`, a detector of these settings, the locator stays and the pose network goes on.

    With `settings.share` "none", call it once for each view with that view's images alone. The
    same images, settings and processor give the same bits, also when a training that was killed
    goes on from the file `checkpoint`, which is deleted at the end. Raises `DetectorError` where
    the labels cannot train a detector of one animal.
    """
    settings = settings or DetectorSettings()
    started = time.perf_counter()
    shown, held_out = hold_out(images, settings.held_out)
    require_trainable([*images, *more], shown, skeleton)
    sizes = animal_sizes(shown)
    key = training_key([*images, *more], settings, skeleton, start.pose if start else None)
    settings = _resolved(settings, shown, sizes[""], skeleton)
    shown = [*shown, *more]
    tell = _Teller(settings, progress)
    curves = {}
    if start:
        locator = start.locator
    else:
        locator, curves["locator"] = _train_locator(shown, sizes, settings, tell)
    saved = Checkpoint(path=checkpoint, key=key) if checkpoint else None
    split = _Split(shown, held_out, start.pose if start else None)
    pose, curves["pose"] = _train_pose(split, sizes, settings, skeleton, tell, saved)
    detector = Detector(
        keypoints=skeleton.keypoints,
        mirrored=skeleton.mirrored,
        settings=settings,
        sizes=sizes,
        locator=locator,
        pose=pose,
        calibration=UNCALIBRATED,
    )
    calibration = _calibrate(detector, held_out)
    if calibration is not None:
        detector = dataclasses.replace(detector, calibration=calibration)
    report = TrainingReport(
        settings=settings,
        skeleton=skeleton,
        n_images=len(images),
        n_labels=int(sum(np.isfinite(image.points[..., 0]).sum() for image in images)),
        curves=curves,
        held_out=tuple(held_out),
        evaluation=evaluate(detector, held_out) if held_out else None,
        seconds=time.perf_counter() - started,
        warnings=label_warnings(images, skeleton, calibrated=calibration is not None),
    )
    if saved:
        saved.remove()
    return detector, report


def _resolved(
    settings: DetectorSettings, images: Sequence[LabelledImage], size: float, skeleton: Skeleton
) -> DetectorSettings:
    """Return the settings with what they leave open decided by the labels."""
    if settings.flips != "auto":
        return settings
    rotation = math.radians(settings.rotation_deg)
    flips = plausible_flips(images, skeleton.mirrored, size, rotation)
    return dataclasses.replace(settings, flips=flips)


class _Split(NamedTuple):
    """Images to train on, images held out, and the network that the training goes on from."""

    shown: Sequence[LabelledImage]
    held_out: Sequence[LabelledImage]
    start: KeypointNetwork | None


class _Teller:
    """Adds up the steps of both networks for one progress callback."""

    def __init__(self, settings: DetectorSettings, progress: Progress | None) -> None:
        self.locator_steps = settings.locator_steps
        self.pose_steps = settings.max_steps
        self.progress = progress

    def locator(self, step: int, steps: int, loss_value: float) -> None:
        """Report a step of the locator."""
        self._report(step, steps + self.pose_steps, f"locator, loss {loss_value:.2f}")

    def pose(self, step: int, steps: int, loss_value: float) -> None:
        """Report a step of the pose network."""
        done = self.locator_steps + step
        self._report(done, self.locator_steps + steps, f"keypoints, loss {loss_value:.2f}")

    def _report(self, done: int, total: int, note: str) -> None:
        if self.progress:
            self.progress(done, total, note)


def _train_locator(
    images: Sequence[LabelledImage],
    sizes: dict[str, float],
    settings: DetectorSettings,
    tell: _Teller,
) -> tuple[KeypointNetwork, Curve]:
    """Train the network that finds the animal in the whole image."""
    draw = locator_draw(images, sizes, settings)
    network = _new_network(settings, 1, draw, frozen=None)
    plan = Plan(
        min_steps=settings.locator_steps,
        max_steps=settings.locator_steps,
        learning_rate=LOCATOR_RATE,
        encoder_rate=0.0,
        sigma=LOCATOR_SIGMA,
    )
    return network, fit(network, draw, plan, progress=tell.locator)


def _train_pose(
    split: _Split,
    sizes: dict[str, float],
    settings: DetectorSettings,
    skeleton: Skeleton,
    tell: _Teller,
    saved: Checkpoint | None,
) -> tuple[KeypointNetwork, Curve]:
    """Train the network that finds the keypoints in a square around the animal."""
    draw = pose_draw(split.shown, sizes, settings, skeleton.mirrored)
    network = _new_network(settings, len(skeleton.keypoints), draw, settings.frozen_blocks)
    if split.start:
        network.load_state_dict(split.start.state_dict())
    plan = Plan(
        min_steps=settings.min_steps,
        max_steps=settings.max_steps,
        learning_rate=settings.learning_rate,
        encoder_rate=settings.encoder_rate,
    )
    measure = _held_out_loss(split.held_out, sizes, settings)
    return network, fit(network, draw, plan, held_out=measure, checkpoint=saved, progress=tell.pose)


def _new_network(
    settings: DetectorSettings, n_keypoints: int, draw: Draw, frozen: int | None
) -> KeypointNetwork:
    """Return a network with pretrained encoder and a decoder that the seed decides.

    `frozen` is the number of blocks of the encoder that stay as they are; None for all.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = KeypointNetwork(new_encoder(settings.encoder), n_keypoints)
    network.encoder.freeze(frozen)
    device = choose_device(settings.device)
    network = network.to(device).to(memory_format=torch.channels_last)
    network.prepare(torch.from_numpy(draw(0)[0][:PREPARE]).to(device))
    return network


def _held_out_loss(
    images: Sequence[LabelledImage], sizes: dict[str, float], settings: DetectorSettings
) -> Callable[[KeypointNetwork], float] | None:
    """Return a function that gives a network's loss on plain crops of held-out images."""
    shown = [image for image in images if np.isfinite(image.points).any()]
    if not shown:
        return None
    inputs, points = plain_crops(shown, sizes, settings)
    known = np.stack([image.known[0] for image in shown])
    cells = settings.crop_side(sizes[""]) // STRIDE

    @torch.no_grad()
    def measure(network: KeypointNetwork) -> float:
        device = next(network.parameters()).device
        asked = torch.from_numpy(points).float().to(device)
        wanted = targets(asked, (cells, cells), known=torch.from_numpy(known).to(device))
        batches = torch.from_numpy(inputs).to(device).split(settings.batch)
        log_odds = torch.cat([network(batch) for batch in batches])
        return loss(log_odds, wanted).item()

    return measure


def _calibrate(detector: Detector, images: Sequence[LabelledImage]) -> Calibration | None:
    """Fit confidence and covariance to images that were not trained on."""
    if not images:
        return None
    raw, labels = look(detector, images), np.stack([image.points[0] for image in images])
    known = np.stack([image.known[0] for image in images])
    return fit_calibration(
        mass=raw.mass[known],
        spread=raw.spread[known],
        error=(raw.position - labels)[known],
        tolerance=detector.settings.right_within,
    )
