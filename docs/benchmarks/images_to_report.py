"""From images to a report on mouse_4cam, as whole commands: labcut3d's against aniposelib's.

    python docs/benchmarks/images_to_report.py

Ours is `labcut3d calibrate --board ...`: start the program, read 84 images, find the corners,
calibrate, check on frames left out, write rig.toml and calibration.html. Theirs is a script that
reads the same images, finds the corners and writes calibration.toml, without a report.
"""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from common import data_dir, installed, show, time_in_turn

LABCUT3D = Path(sys.executable).with_name("labcut3d")  # the command, of the same environment
VIEWS = ("back", "mid", "side", "top")
THEIRS = """
import sys
from pathlib import Path
import cv2
from aniposelib.boards import CharucoBoard
from aniposelib.cameras import CameraGroup
folder, out, views = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
board = CharucoBoard(8, 11, 24.0, 18.75, marker_bits=4, dict_size=1000)
group, rows = CameraGroup.from_names(views), []
for camera, view in zip(group.cameras, views):
    images = sorted((folder / view / "calibration_images").glob("*.jpg"),
                    key=lambda path: int(path.stem.split("-")[-1]))
    camera.set_size(cv2.imread(str(images[0])).shape[1::-1])
    rows.append(board.detect_images([str(image) for image in images]))
group.calibrate_rows(rows, board, verbose=False)
group.dump(out)
"""


def run(command: list[str]) -> None:
    """Run a command to its end, unheard; fail where it fails."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stderr}")


def main() -> None:
    """Print the medians of both commands, run in turn."""
    folder = data_dir("mouse_4cam")
    with tempfile.TemporaryDirectory() as name:
        board = Path(name) / "board.toml"
        board.write_text((folder / "board.toml").read_text("utf-8") + '\nunit = "mm"\n', "utf-8")
        sources = [f"{view}={folder / view / 'calibration_images'}" for view in VIEWS]
        ours = [str(LABCUT3D), "calibrate", "--board", str(board), *sources]
        theirs = [sys.executable, "-c", THEIRS, str(folder), f"{name}/calibration.toml", *VIEWS]
        sides = {
            "labcut3d": partial(run, [*ours, "-o", f"{name}/rig"]),
            "aniposelib": partial(run, theirs),
        }
        timings = time_in_turn(installed(sides))
    fast = timings["labcut3d"].wall
    rows = [
        (name, timing.wall, timing.spread, f"{fast / timing.wall:.3f}")
        for name, timing in timings.items()
    ]
    columns = ("command", "wall s", "least to most", "labcut3d / it")
    show("mouse_4cam, images -> report", columns, rows)


if __name__ == "__main__":
    main()
