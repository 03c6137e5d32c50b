"""Runs of `labcut3d reconstruct` that are really killed: a worker, or everything at once."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

RESULTS = ("detections.nc", "trajectories.nc", "kinematics.nc", "events.csv")


def command(root: Path, *options: str, stage: str = "reconstruct") -> subprocess.Popen:
    """Start the command in a session of its own, so that all its processes can be killed."""
    code = "from labcut3d.cli import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, stage, str(root), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    )


def end(process: subprocess.Popen) -> str:
    """Let a run come to its end, which must be a good one; return what it printed."""
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 0, told
    return told


def kill_thrice(root: Path, seconds: float, rng: random.Random) -> int:
    """Kill two runs and a worker of a third, which ends; return how many were hit.

    Each within `seconds` of the run's first write. One that ended before its moment is not hit.
    """
    hit = 0
    for victim in ("run", "run", "worker"):
        several = victim == "worker" or rng.random() < 0.5
        process = command(root, *(["--workers", "2"] if several else []))
        _await_work(root, process)
        time.sleep(rng.uniform(0, seconds))
        hit += _kill(process, victim, rng)
    end(process)
    return hit


def results(root: Path) -> dict[str, bytes]:
    """Return the content of all results that are compared, by their names."""
    paths = sorted(path for path in (root / "results").glob("*/*") if path.name in RESULTS)
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in paths}


def _await_work(root: Path, process: subprocess.Popen) -> None:
    """Wait until a run writes its first chunk or result, or ends."""
    before = _written(root)
    while process.poll() is None and _written(root) <= before:
        time.sleep(0.02)


def _written(root: Path) -> float:
    """Return when a chunk or a result was last written or removed."""
    folders = [*(root / "results").glob("*/.chunks"), *(root / "results").glob("*/.stamps")]
    return max((path.stat().st_mtime for path in folders if path.exists()), default=0.0)


def _kill(process: subprocess.Popen, victim: str, rng: random.Random) -> bool:
    """Kill a run with all its processes, or one of its workers, if it is still at work."""
    ended = process.poll() is not None
    if victim == "run":
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if victim == "run" or ended:
        return not ended
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "spawn_main" in " ".join(child.cmdline())
    ]
    if not workers:
        return False
    os.kill(rng.choice(workers).pid, signal.SIGKILL)
    return True
