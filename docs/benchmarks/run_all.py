"""Run all benchmarks, one after the other, and write what they print on one page.

    python docs/benchmarks/run_all.py [--only NAME ...] [--project FLY_PROJECT] [-o PAGE.md]

Each runs in a process of its own. One that lacks a program, data or a project is skipped, with
what it said; so is what takes longer than an hour. What each said is kept in the folder PAGE.kept,
of which the page is made: so they can run on different days, and one that is run again takes the
place of what it said before. The page tells the machine, all versions, and of each benchmark when
it ran and whether other programs used the cores.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).parent
LIMIT = 3600  # s
BUSY = 0.3  # of the cores taken before a benchmark starts, from which it says so
PEERS = ("aniposelib", "caliscope", "ensemble-kalman-smoother", "pyceres", "pycolmap")
PACKAGES = ("labcut3d", "numpy", "numba", "opencv-contrib-python", "scipy", "torch", "openvino")
# In order of what they take.
PLAIN = (
    *("solve_time", "covariance_simulation", "fly_truth", "bundle_boards", "bundle_points"),
    *("triangulation", "smoothing", "mouse_residuals", "drift", "refraction", "pixel_floor"),
    *("selection", "heldout", "images_to_report", "swaps", "inference", "detector_speed"),
    *("labelling", "kinematics", "viewer_playback", "identities", "openfield_robustness"),
    *("refinement", "fly_detectors", "detectors", "graph_overhead"),
)
# These need what examples/02_fly_chamber.py leaves.
OF_A_PROJECT = ("fly_events", "fly_points", "fly_chain", "long_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a benchmark printed, how it ended, and the seconds that it took.

    `load` is how many programs wanted a core on average in the minute before it started.
    """

    name: str
    printed: str
    problem: str
    seconds: float
    load: float
    day: str
    versions: dict[str, str]


def run(name: str, arguments: list[str]) -> Outcome:
    """Run one benchmark in a process of its own."""
    begun, load = perf_counter(), os.getloadavg()[0]
    command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return outcome(name, "", f"stopped after {LIMIT} s", LIMIT, load)
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    problem = last if done.returncode else ""
    return outcome(name, done.stdout.rstrip(), problem, perf_counter() - begun, load)


def outcome(name: str, printed: str, problem: str, seconds: float, load: float) -> Outcome:
    """Return an outcome of today."""
    return Outcome(
        name=name,
        printed=printed,
        problem=problem,
        seconds=seconds,
        load=load,
        day=date.today().isoformat(),
        versions=versions(),
    )


def versions() -> dict[str, str]:
    """Return the versions of what takes part; a peer that is absent is named so."""
    found = {"Python": platform.python_version()}
    for name in (*PACKAGES, *PEERS):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = 'not installed, skipped (pip install "labcut3d[bench]")'
    return found


def keep(outcome: Outcome, folder: Path) -> None:
    """Keep an outcome in a folder, in place of an earlier one."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(outcome), indent=1)
    (folder / f"{outcome.name}.json").write_text(text, encoding="utf-8")


def kept(folder: Path) -> list[Outcome]:
    """Return the outcomes in a folder, in the order of running."""
    paths = [folder / f"{name}.json" for name in (*PLAIN, *OF_A_PROJECT)]
    return [Outcome(**json.loads(path.read_text("utf-8"))) for path in paths if path.is_file()]


def page(outcomes: list[Outcome]) -> str:
    """Return the page in Markdown."""
    now = versions()
    rows = [
        ("machine", f"{platform.platform()}, {platform.machine()}"),
        ("cores", str(os.cpu_count())),
        *now.items(),
    ]
    table = "\n".join(["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows)])
    return "\n\n".join(["# All benchmarks, as printed", table, *map(section, outcomes)]) + "\n"


def section(outcome: Outcome) -> str:
    """Return what the page says of one benchmark."""
    parts = [f"## {outcome.name}.py", f"{outcome.day}, {outcome.seconds:.0f} s."]
    if outcome.load > BUSY * (os.cpu_count() or 1):
        parts.append(
            f"**Other programs used the cores** (load {outcome.load:.1f} before it began): seconds "
            "and rates are not those of this machine; errors are."
        )
    now = versions()
    other = [f"{name} {value}" for name, value in outcome.versions.items() if now[name] != value]
    if other:
        parts.append(f"With other versions than above: {', '.join(other)}.")
    if outcome.problem:
        parts.append(f"Skipped: {outcome.problem}")
    if outcome.printed:
        parts.append(f"```text\n{outcome.printed}\n```")
    return "\n\n".join(parts)


def main() -> None:
    """Run what was asked for, and write the page after each, so that none is lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*PLAIN, *OF_A_PROJECT], default=None)
    parser.add_argument(
        "--project", type=os.path.abspath, help="what examples/02_fly_chamber.py leaves"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks.md"))
    chosen = parser.parse_args()
    folder = chosen.output.with_suffix(".kept")
    for name in chosen.only or [*PLAIN, *OF_A_PROJECT]:
        needs = name in OF_A_PROJECT
        if needs and chosen.project is None:
            problem = "needs --project, what examples/02_fly_chamber.py leaves"
            result = outcome(name, "", problem, 0.0, 0.0)
        else:
            result = run(name, [chosen.project] if needs else [])
        keep(result, folder)
        print(f"{name}: {result.problem or 'done'} ({result.seconds:.0f} s)", flush=True)
        chosen.output.write_text(page(kept(folder)), encoding="utf-8")
    print(f"-> {chosen.output}")


if __name__ == "__main__":
    main()
