"""Peak memory of everything after detection, for ten minutes and for ten hours.

    python docs/benchmarks/long_memory.py PROJECT [RECORDING] [HOURS]

PROJECT is a calibrated and trained project (`examples/02_fly_chamber.py` makes one). The detections
of its RECORDING (recording1), and its videos, are repeated to ten minutes and to HOURS (10); each
stage then works on them in a process of its own, as `labcut3d reconstruct` has it, but for eggs:
looking for them in the images of thousands of bouts takes hours, and the memory of one bout. The
project itself is not changed. Prints the peak of the resident memory, seconds, and the ratios.
"""

import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import xarray as xr
from common import show
from detection_memory import repeated

from labcut3d.dataset_pieces import save_pieces
from labcut3d.project import Project, load_project
from labcut3d.schema import open_dataset
from labcut3d.stages.behaving import events
from labcut3d.stages.moving import kinematics
from labcut3d.stages.quality import quality
from labcut3d.stages.reconstructing import triangulate
from labcut3d.stages.summarising import summary
from labcut3d.stages.viewing import view

SHORT_S = 600.0
PIECE = 8192  # moments
CLOCK = ("time", "view")
NO_EGGS = """
[events]
eggs_in = "nothing"

[events.nothing]
signal = "speed:scutellum"
enter = 1e6
leave = 1e5
"""
STAGES = {
    "triangulate": triangulate,
    "kinematics": kinematics,
    "events": events,
    "view": view,
    "quality": lambda project, _: quality(project),
    "summary": lambda project, _: summary(project),
}


def pieces_of(detections: xr.Dataset, times: int) -> Iterator[xr.Dataset]:
    """Yield detections again and again, piece by piece."""
    fps, moments = float(detections.attrs["fps"]), detections.sizes["time"]
    for start in range(0, times * moments, PIECE):
        index = np.arange(start, min(start + PIECE, times * moments))
        piece = detections.isel(time=index % moments)
        frames = np.repeat(index[:, None], piece.sizes["view"], axis=1)
        clocks = {"frame": (CLOCK, frames), "view_time": (CLOCK, frames / fps)}
        yield piece.assign_coords(time=index / fps).assign(clocks)


def lengthened(project: Project, recording: str, seconds: float, folder: Path) -> Path:
    """Return a copy of a project whose only recording lasts so many seconds."""
    whole = open_dataset(project.results(recording) / "detections.nc")
    times = round(seconds * float(whole.attrs["fps"]) / whole.sizes["time"])
    copy = repeated(project.root, recording, times, folder / f"{seconds:.0f}s")
    with (copy / "project.toml").open("a", encoding="utf-8") as settings:
        settings.write(NO_EGGS)
    results = copy / "results" / recording
    results.mkdir(parents=True)
    for path in project.root.glob("results/rig*"):
        shutil.copy(path, copy / "results")
    save_pieces(pieces_of(whole, times), results / "detections.nc")
    return copy


def measure(stage: str, root: Path, recording: str) -> dict[str, float]:
    """Return the peak memory, GiB, and the seconds of a stage in a process of its own."""
    command = [sys.executable, __file__, "--stage", stage, str(root), recording]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_stage(stage: str, root: Path, recording: str) -> None:
    """Run a stage here, and print what it took."""
    start = perf_counter()
    STAGES[stage](load_project(root), recording)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({"gib": peak, "seconds": perf_counter() - start}))


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--stage"]:
        run_stage(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
        return
    project = load_project(Path(sys.argv[1]))
    recording = sys.argv[2] if len(sys.argv) > 2 else "recording1"
    hours = float(sys.argv[3]) if len(sys.argv) > 3 else 10.0
    with tempfile.TemporaryDirectory() as name:
        roots = [
            lengthened(project, recording, seconds, Path(name))
            for seconds in (SHORT_S, hours * 3600)
        ]
        rows = []
        for stage in STAGES:
            short, long = (measure(stage, root, recording) for root in roots)
            rows.append(
                (
                    stage,
                    f"{short['gib']:.2f} ({short['seconds']:.0f} s)",
                    f"{long['gib']:.2f} ({long['seconds']:.0f} s)",
                    f"{long['gib'] / short['gib']:.2f}",
                )
            )
            print(*rows[-1], sep="\t", file=sys.stderr, flush=True)
    columns = ("", "10 minutes, GiB", f"{hours:g} hours, GiB", "ratio")
    show("peak of the resident memory after detection", columns, rows)


if __name__ == "__main__":
    main()
