"""What computing may use of a machine: chunks of frames in memory, and a share of the cores."""

import os
from dataclasses import dataclass

from labcut3d.errors import ProjectError

__all__ = ["CHUNK_STEP", "ComputeSettings", "cores", "share_of_cores"]

CHUNK_STEP = 16  # frames that detectors look at together: a chunk holds a whole number of them
SHARE = "LABCUT3D_CORES"
# What the libraries read when they start: BLAS and torch, numba, OpenCV.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeSettings:
    """How the work is divided."""

    chunk_frames: int = 1024
    """Frames of a view that are detected in one piece: what a kill costs at most, and what
    detection holds in memory; a multiple of 16."""

    def __post_init__(self) -> None:
        """Refuse chunks that would cut through frames looked at together."""
        if self.chunk_frames < CHUNK_STEP or self.chunk_frames % CHUNK_STEP:
            nearest = max(CHUNK_STEP, round(self.chunk_frames / CHUNK_STEP) * CHUNK_STEP)
            raise ProjectError(
                f"compute setting chunk_frames = {self.chunk_frames}: must be a multiple of "
                f"{CHUNK_STEP}, such as {nearest}"
            )


def cores() -> int:
    """Return how many threads this process may compute with: its share, by default all cores.

    The environment variable LABCUT3D_CORES tells the share where several processes compute at once.
    """
    told = os.environ.get(SHARE, "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    if hasattr(os, "sched_getaffinity"):  # Linux: what a job of a cluster was given
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_of_cores(workers: int) -> dict[str, str]:
    """Return the environment of one of `workers` processes that share the cores of this one."""
    threads = str(max(1, cores() // workers))
    return {**dict.fromkeys(THREADS, threads), SHARE: threads, "OMP_WAIT_POLICY": "PASSIVE"}
