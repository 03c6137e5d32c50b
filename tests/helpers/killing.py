"""Runs of `labcut3d reconstruct` that are really killed: a worker, or everything at once."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import psutil

RESULTS = ("detections.nc", "trajectories.nc", "kinematics.nc", "events.csv")
Victim = Literal["run", "worker"]


def command(root: Path, *options: str) -> subprocess.Popen:
    """Start the command in a session of its own, so that all its processes can be killed."""
    code = "from labcut3d.cli import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, "reconstruct", str(root), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )


def finish(root: Path, *options: str) -> str:
    """Let a run come to its end; return what it printed."""
    process = command(root, *options)
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 0, told
    return told


def time_of_work(root: Path, *options: str) -> float:
    """Let a run come to its end; return the seconds from its first write on."""
    process = command(root, *options)
    start = _first_write(root, process)
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 0, told
    return time.monotonic() - start


def disturb(root: Path, victims: Sequence[Victim], seconds: float, *, seed: int) -> int:
    """Kill each of `victims` within `seconds` of its run's first write; return how many were hit.

    A run that ended before its moment came is not killed. A run that lost a worker goes on.
    """
    rng = random.Random(seed)
    hit = 0
    for victim in victims:
        process = command(root, "--workers", "2")
        _first_write(root, process)
        time.sleep(rng.uniform(0, seconds))
        hit += _kill(process, victim, rng)
        if victim == "worker":
            told, _ = process.communicate(timeout=600)
            assert process.returncode == 0, told
            shutil.rmtree(root / "results" / random_recording(root, rng))
    return hit


def random_recording(root: Path, rng: random.Random) -> str:
    """Return the name of a recording."""
    return rng.choice(sorted(path.name for path in (root / "recordings").iterdir()))


def results(root: Path) -> dict[str, bytes]:
    """Return the content of all results that are compared, by their names."""
    paths = sorted(path for path in (root / "results").glob("*/*") if path.name in RESULTS)
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


def _first_write(root: Path, process: subprocess.Popen) -> float:
    """Wait until a run writes its first chunk or result, or ends; return the moment."""
    begun = time.time()
    while process.poll() is None:
        folders = [*(root / "results").glob("*/.chunks"), *(root / "results").glob("*/.stamps")]
        if any(folder.stat().st_mtime >= begun for folder in folders if folder.exists()):
            break
        time.sleep(0.02)
    return time.monotonic()


def _kill(process: subprocess.Popen, victim: Victim, rng: random.Random) -> bool:
    """Kill a run with all its processes, or one of its workers, if it is still at work."""
    if process.poll() is not None:
        return False
    if victim == "run":
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    if not workers:
        return False
    os.kill(rng.choice(workers).pid, signal.SIGKILL)
    return True
