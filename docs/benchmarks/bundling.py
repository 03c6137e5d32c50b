"""The comparison of bundle adjustments: who reaches the least cost, and how fast.

Ceres is given the loosest of three tolerances, and the linear solver, with which it comes within
1e-6 of the least cost soonest. labcut3d is run with that tolerance, and with its own.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from ceres import CeresResult
from common import show, time_in_turn

from calibration.solver.adjustment import Adjustment
from calibration.solver.bundle import FINE

__all__ = ["compare"]

SOLVERS = ("SPARSE_SCHUR", "DENSE_SCHUR")
TOLERANCES = (1e-6, 1e-7, 1e-8)
ENOUGH = 1e-6  # of the cost, above the least one
BEST = 1e-12  # the tolerance that finds the least cost
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")


def compare(
    title: str,
    scene: Any,
    adjust: Callable[[Any, float], Adjustment],
    ceres: Callable[[Any, str, int, float], CeresResult],
    threads: int,
) -> None:
    """Print the medians of both sides, run in turn with as many threads each."""
    _limit(threads)
    least = min(ceres(scene, SOLVERS[0], threads, BEST).cost, adjust(scene, FINE).cost)
    solver, tolerance = _quickest(scene, ceres, threads, least)
    found: list[CeresResult] = []

    def theirs() -> None:
        found.append(ceres(scene, solver, threads, tolerance))

    ours = {f"labcut3d, {t:g}": partial(adjust, scene, t) for t in (tolerance, FINE)}
    timings = time_in_turn({**ours, "Ceres": theirs})
    rows = [
        (name, t.wall, t.spread, t.cpu, *_outcome(t.result, least))
        for name, t in timings.items()
        if name in ours
    ]
    counted = found[1:]  # the first run is the warm-up
    wall, cpu = (float(np.median([getattr(r, name) for r in counted])) for name in ("wall", "cpu"))
    walls = [result.wall for result in counted]
    spread = f"{min(walls):.3g} to {max(walls):.3g}"
    last = _outcome(counted[-1], least)
    rows.append((f"Ceres, {solver}, {tolerance:g}", wall, spread, cpu, *last))
    rows = [(*row, f"{row[1] / wall:.3f}", f"{row[3] / cpu:.3f}") for row in rows]
    columns = (
        "",
        "wall s",
        "least to most",
        "CPU s",
        "steps",
        "final cost",
        "above least",
        "wall/Ceres",
        "CPU/Ceres",
    )
    show(f"{title}, {scene.count} pixels, {threads} thread(s)", columns, rows)


def _limit(threads: int) -> None:
    """Run this script again with the numerical libraries limited, unless they are already."""
    wanted = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        command = [sys.executable, *sys.argv]
        sys.exit(subprocess.run(command, env={**os.environ, **wanted}, check=False).returncode)


def _quickest(
    scene: Any,
    ceres: Callable[[Any, str, int, float], CeresResult],
    threads: int,
    least: float,
) -> tuple[str, float]:
    """Return the solver and tolerance with which Ceres gets close enough soonest."""
    times = {}
    for solver in SOLVERS:
        for tolerance in TOLERANCES:
            result = ceres(scene, solver, threads, tolerance)
            if _differ(result.cost, least) <= ENOUGH:
                times[solver, tolerance] = result.cpu
                break
    return min(times, key=lambda choice: times[choice])


def _differ(cost: float, least: float) -> float:
    """Return by which part a cost is above the least."""
    return abs(cost - least) / least


def _outcome(result: Adjustment | CeresResult, least: float) -> tuple[int, str, str]:
    """Return the steps, the cost, and how far it is above the least, for a table."""
    return result.iterations, f"{result.cost:.6f}", f"{_differ(result.cost, least):.1e}"
