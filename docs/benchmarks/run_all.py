"""Run all benchmarks, one after the other, and write what they print on one page.

    python docs/benchmarks/run_all.py [--only NAME ...] [--project FLY_PROJECT] [-o PAGE.md]

Each runs in a process of its own. One that lacks a program, data or a project is skipped, with what
it said; so is what takes longer than an hour. The page tells the machine and all versions.
"""

import argparse
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).parent
LIMIT = 3600  # s
PEERS = ("aniposelib", "caliscope", "pyceres", "pycolmap")
PACKAGES = ("labcut3d", "numpy", "numba", "opencv-contrib-python", "scipy", "torch", "openvino")
# In order of what they take.
PLAIN = (
    *("solve_time", "covariance_simulation", "fly_truth", "bundle_boards", "bundle_points"),
    *("triangulation", "smoothing", "mouse_residuals", "drift", "refraction", "pixel_floor"),
    *("selection", "heldout", "images_to_report", "swaps", "inference", "labelling"),
    *("kinematics", "viewer_playback", "identities", "openfield_robustness", "refinement"),
    *("fly_detectors", "detectors", "graph_overhead"),
)
OF_A_PROJECT = (
    "fly_events",
    "fly_points",
    "long_memory",
)  # need one that examples/02_fly_chamber.py leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a benchmark printed, how it ended, and the seconds that it took."""

    name: str
    printed: str
    problem: str
    seconds: float


def run(name: str, arguments: list[str]) -> Outcome:
    """Run one benchmark in a process of its own."""
    begun = perf_counter()
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        problem = f"stopped after {LIMIT} s"
        return Outcome(name=name, printed="", problem=problem, seconds=LIMIT)
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return Outcome(
        name=name,
        printed=done.stdout.rstrip(),
        problem=last if done.returncode else "",
        seconds=perf_counter() - begun,
    )


def machine() -> str:
    """Return the table of the machine and of the versions; a peer that is absent is named so."""
    rows = [
        ("date", date.today().isoformat()),
        ("machine", f"{platform.platform()}, {platform.machine()}"),
        ("cores, load", f"{os.cpu_count()}, {os.getloadavg()[0]:.1f}"),
        ("Python", platform.python_version()),
    ]
    for name in (*PACKAGES, *PEERS):
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:
            rows.append((name, 'not installed, skipped (pip install "labcut3d[bench]")'))
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows)])


def page(outcomes: list[Outcome]) -> str:
    """Return the page in Markdown."""
    parts = ["# All benchmarks, as printed", machine()]
    for outcome in outcomes:
        parts.append(f"## {outcome.name}.py ({outcome.seconds:.0f} s)")
        if outcome.problem:
            parts.append(f"Skipped: {outcome.problem}")
        if outcome.printed:
            parts.append(f"```text\n{outcome.printed}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Run what was asked for, and write the page after each, so that none is lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*PLAIN, *OF_A_PROJECT], default=None)
    parser.add_argument(
        "--project", type=os.path.abspath, help="what examples/02_fly_chamber.py leaves"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks.md"))
    chosen = parser.parse_args()
    outcomes: list[Outcome] = []
    for name in chosen.only or [*PLAIN, *OF_A_PROJECT]:
        needs = name in OF_A_PROJECT
        if needs and chosen.project is None:
            problem = "needs --project, what examples/02_fly_chamber.py leaves"
            outcomes.append(Outcome(name=name, printed="", problem=problem, seconds=0))
        else:
            outcomes.append(run(name, [chosen.project] if needs else []))
        print(
            f"{name}: {outcomes[-1].problem or 'done'} ({outcomes[-1].seconds:.0f} s)", flush=True
        )
        chosen.output.write_text(page(outcomes), encoding="utf-8")
    print(f"-> {chosen.output}")


if __name__ == "__main__":
    main()
