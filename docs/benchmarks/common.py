"""What all benchmarks share: where the data lie, medians of interleaved runs, and the table."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

__all__ = ["RUNS", "Timing", "cache_dir", "data_dir", "installed", "show", "time_in_turn"]

RUNS = 5
PEERS = {"aniposelib": "aniposelib", "Caliscope": "caliscope", "EKS": "eks"}
"""The module of each program that may be absent, by the first word of what a table calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds, medians over the runs: `wall` of the clock, `cpu` of all threads together.

    `least` and `most` are the walls of the quickest and slowest run; `result` is what the last run
    returned.
    """

    wall: float
    cpu: float
    least: float
    most: float
    result: Any

    @property
    def spread(self) -> str:
        """The seconds of the quickest and of the slowest run, in words."""
        return f"{self.least:.3g} to {self.most:.3g}"


def data_dir(name: str) -> Path:
    """Return the folder of a data set in the folder that LABCUT3D_DATA names."""
    root = os.environ.get("LABCUT3D_DATA")
    if not root or not (Path(root) / name).is_dir():
        raise SystemExit(f"set LABCUT3D_DATA to the folder that holds '{name}'; it is {root!r}")
    return Path(root) / name


def cache_dir() -> Path:
    """Return the folder in which slow detections of peers are kept between runs."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "labcut3d-benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def installed(sides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sides whose programs are there, and print which are not."""
    absent = [
        name for name in sides if find_spec(PEERS.get(name.split()[0], "calibration")) is None
    ]
    for name in absent:
        print(f"{name}: not installed, skipped")
    return {name: side for name, side in sides.items() if name not in absent}


def time_in_turn(
    sides: Mapping[str, Callable[[], Any]], runs: int = RUNS, warm_up: bool = True
) -> dict[str, Timing]:
    """Run all sides `runs` times, one after the other, and return each side's medians.

    In turn, so that a machine that slows down slows all sides; a first run of each is not counted.
    """
    walls: dict[str, list[float]] = {name: [] for name in sides}
    cpus: dict[str, list[float]] = {name: [] for name in sides}
    results: dict[str, Any] = {}
    for run in range(-1 if warm_up else 0, runs):
        for name, side in sides.items():
            wall, cpu = perf_counter(), process_time()
            results[name] = side()
            if run >= 0:
                walls[name].append(perf_counter() - wall)
                cpus[name].append(process_time() - cpu)
    return {
        name: Timing(
            wall=float(np.median(walls[name])),
            cpu=float(np.median(cpus[name])),
            least=min(walls[name]),
            most=max(walls[name]),
            result=results[name],
        )
        for name in sides
    }


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are right-aligned."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
    Console(width=140).print(table)
