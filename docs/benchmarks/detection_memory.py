"""Peak memory of detecting in ever longer videos: the same minute, repeated.

    python docs/benchmarks/detection_memory.py PROJECT RECORDING 1 10 30

PROJECT has trained detectors; a copy of it is made for each number of repetitions, in which the
recording's videos are repeated without encoding them anew.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labcut3d import load_project
from labcut3d.pipeline import detect


def repeated(project: Path, recording: str, times: int, target: Path) -> Path:
    """Copy a project with one recording, whose videos are shown `times` times."""
    target.mkdir()
    shutil.copy(project / "project.toml", target)
    for path in [*project.glob("*.toml"), project / "models"]:
        (shutil.copytree if path.is_dir() else shutil.copy)(path, target / path.name)
    folder = target / "recordings" / recording
    folder.mkdir(parents=True)
    for video in (project / "recordings" / recording).iterdir():
        listed = target / "list.txt"
        listed.write_text(f"file '{video.resolve()}'\n" * times)
        join = ["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", str(listed)]
        subprocess.run([*join, "-c", "copy", str(folder / video.name)], check=True)
    return target


def measure(project: Path, recording: str) -> None:
    """Detect in this process; print frames, seconds and the peak of its memory."""
    loaded = load_project(project)
    frames = len(next(iter(loaded.recording_sources(recording).values())))
    start = time.monotonic()
    detect(loaded, recording)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{frames} frames: {time.monotonic() - start:.0f} s, peak {peak:.0f} MiB", flush=True)


def main(project: str, recording: str, *times: str) -> None:
    """Measure each length in a process of its own."""
    for one in times:
        with tempfile.TemporaryDirectory() as folder:
            root = repeated(Path(project), recording, int(one), Path(folder) / "project")
            subprocess.run(
                [sys.executable, __file__, "--measure", str(root), recording], check=True
            )


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        measure(Path(sys.argv[2]), sys.argv[3])
    else:
        main(*sys.argv[1:])
