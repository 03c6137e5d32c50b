"""Detection over a whole video, decoding included: frames a second, where the time goes, and what
the fast runtime costs in accuracy.

    python docs/benchmarks/inference.py

A detector is trained on four fifths of openfield's labelled images when first needed, and kept.
"""

import dataclasses
import os
from collections.abc import Callable
from itertools import pairwise
from time import perf_counter

import numpy as np
import torch
from common import cache_dir, data_dir, show, time_in_turn
from labelled_sets import openfield

from labcut3d.detection.detector import BATCH, Detector
from labcut3d.detection.inference import detect_recording
from labcut3d.detection.runtime import Runtime
from labcut3d.detection.storage import load_detector, save_detector
from labcut3d.detection.symmetry import Mirror
from labcut3d.detection.training import train_detector
from labcut3d.labels import LabelledImage
from labcut3d.video import Frames, open_frames

RUNS = 3
PART = 320  # frames on which the steps are timed one by one


def trained() -> tuple[Detector, list[LabelledImage]]:
    """Return the detector, and the images that it was not trained on."""
    images, skeleton = openfield()
    order = np.random.default_rng(0).permutation(len(images))
    test, rest = ([images[i] for i in part] for part in np.split(order, [len(images) // 5]))
    folder = cache_dir() / "openfield_detector"
    if not (folder / "model.toml").exists():
        save_detector(train_detector(rest, skeleton)[0], folder)
    return load_detector(folder), test


def plain(detector: Detector) -> Detector:
    """Return the same detector with its networks run by torch, in float32."""
    detector = dataclasses.replace(detector, _runtimes={})
    mirror = Mirror.of(detector.settings.flips, detector.mirrored)
    for part, network, turned in (
        ("locator", detector.locator, None),
        ("pose", detector.pose, mirror),
    ):
        runtime = Runtime(network, "cpu", turned)
        runtime._forward = _forward(network)
        detector._runtimes[part] = runtime
    return detector


def _forward(network: torch.nn.Module) -> Callable[[np.ndarray], torch.Tensor]:
    """Return the forward pass of a network in torch."""
    return lambda batch: network(torch.from_numpy(batch))


def accuracy(detector: Detector, test: list[LabelledImage]) -> None:
    """Print errors on images not trained on, of the runtime and of the plain network."""
    truth = np.stack([image.points[0] for image in test])
    images = [image.image for image in test]
    found = {
        "as it runs": detector.detect(images).position,
        "plain torch": plain(detector).detect(images).position,
    }
    errors = {name: np.linalg.norm(p - truth, axis=-1) for name, p in found.items()}
    rows = [
        (name, float(np.nanmean(error)), float(np.nanmedian(error)))
        for name, error in errors.items()
    ]
    moved = np.linalg.norm(found["as it runs"] - found["plain torch"], axis=-1)
    rows.append(("from one to the other", float(moved.mean()), float(np.median(moved))))
    show(f"error on {len(test)} images not trained on", ("", "mean px", "median px"), rows)


def steps(detector: Detector, frames: Frames) -> None:
    """Print the milliseconds a frame of each step, alone, on the first frames."""
    images = [image for _, image in frames.read(range(PART))]
    size = detector.size_in("")
    batches = [images[start : start + BATCH] for start in range(0, PART, BATCH)]
    centers = [detector.locate(batch, size) for batch in batches]
    pose = detector._runtime("pose")
    seen: list[np.ndarray] = []
    pose_call = pose._forward
    pose._forward = lambda batch: (seen.append(batch), pose_call(batch))[1]
    for batch, center in zip(batches, centers, strict=True):
        detector._look_around(batch, center, size)
    pose._forward = pose_call
    sides = {
        "decoding the video": lambda: [None for _ in frames.read(range(PART))],
        "locating in every frame": lambda: [detector.locate(batch, size) for batch in batches],
        "cropping, network, maps": lambda: [
            detector._look_around(batch, center, size)
            for batch, center in zip(batches, centers, strict=True)
        ],
        "of which the network": lambda: [pose_call(batch) for batch in seen],
        "following: the two together": lambda: [
            detector.follow(batch, after=after[0]) for batch, after in pairwise(batches)
        ],
    }
    timings = time_in_turn(sides, RUNS)
    rows = [(name, 1e3 * t.wall / PART, 1e3 * t.cpu / PART) for name, t in timings.items()]
    title = f"each step alone; {seen[0].shape[1]} px crops, {len(seen[0]) // BATCH} looks a frame"
    show(title, ("", "ms a frame", "CPU ms"), rows)


def main() -> None:
    """Print all figures."""
    torch.set_num_threads(os.cpu_count() or 1)
    detector, test = trained()
    accuracy(detector, test)
    (path,) = (data_dir("openfield") / "videos").glob("*.mp4")
    frames = open_frames(path)
    rates = []
    for _ in range(RUNS):
        started = perf_counter()
        detect_recording(detector, {"top": frames}, fps=30.0)
        rates.append(len(frames) / (perf_counter() - started))
    each = ", ".join(f"{rate:.0f}" for rate in rates)
    print(
        f"{np.median(rates):.0f} frames/s over {len(frames)} frames, decoding included (median of "
        f"{each}); {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    steps(detector, frames)


if __name__ == "__main__":
    main()
