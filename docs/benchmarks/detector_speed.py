"""Frames a second of our detector beside DeepLabCut 3's, on openfield's video and this processor.

    LABCUT3D_DEEPLABCUT=PYTHON python docs/benchmarks/detector_speed.py

PYTHON is that of an environment with deeplabcut (pip install deeplabcut==3.0.2); without it there
is our row alone. Decoding is included on both sides, starting and loading are not. Ours goes over
the whole video, theirs over its first frames, in turn, each with all cores. Speed only: their
weights are drawn at random (see deeplabcut_speed.py), so that nothing is said of their errors.
"""

import json
import os
import subprocess
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import torch
from common import data_dir, show
from inference import trained

from labcut3d.detection.inference import detect_recording
from labcut3d.video import open_frames

RUNS = 3
FRAMES = 24  # for DeepLabCut, which takes up to a second or so for each
PYTHON = "LABCUT3D_DEEPLABCUT"


def deeplabcut(video: Path, threads: int) -> dict[str, tuple[float, float]]:
    """Return DeepLabCut's seconds a frame, of the clock and of the processor, by batch."""
    python = os.environ.get(PYTHON)
    if not python:
        return {}
    script = Path(__file__).with_name("deeplabcut_speed.py")
    command = [python, str(script), str(video), str(FRAMES), str(threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{python} {script.name} failed:\n{done.stderr[-2000:]}")
    seconds = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        f"DeepLabCut, ResNet-50, batches of {batch}": (wall / FRAMES, cpu / FRAMES)
        for batch, (wall, cpu) in seconds.items()
    }


def main() -> None:
    """Print the medians of all sides."""
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    detector, _ = trained()
    (video,) = (data_dir("openfield") / "videos").glob("*.mp4")
    frames = open_frames(video)
    if not os.environ.get(PYTHON):
        print(f"DeepLabCut: not told where ({PYTHON} is not set), skipped")
    taken: dict[str, list[tuple[float, float]]] = {}
    for _ in range(RUNS):
        wall, cpu = perf_counter(), process_time()
        detect_recording(detector, {"top": frames}, fps=30.0)
        ours = (perf_counter() - wall) / len(frames), (process_time() - cpu) / len(frames)
        for name, seconds in {"labcut3d": ours, **deeplabcut(video, threads)}.items():
            taken.setdefault(name, []).append(seconds)
    medians = {name: np.median(runs, axis=0) for name, runs in taken.items()}
    rows = []
    for name, (wall, cpu) in medians.items():
        rates = [1 / run[0] for run in taken[name]]
        spread = f"{min(rates):.3g} to {max(rates):.3g}"
        ratios = [f"{own:.3f}" for own in medians["labcut3d"] / (wall, cpu)]
        rows.append((name, f"{1 / wall:.3g}", spread, 1000 * cpu, *ratios))
    columns = ("", "frames/s", "least to most", "CPU ms a frame", "labcut3d / it", "of CPU time")
    show(f"detection over a video of 640x480, {threads} threads", columns, rows)


if __name__ == "__main__":
    main()
