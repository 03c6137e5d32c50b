"""Examples run as notebooks, too, and what they show is rich there."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("nbclient", "nbformat", "ipykernel")),
    reason="needs nbclient, nbformat and ipykernel: pip install labcut3d[docs]",
)

SHOWN = '''"""What a notebook shows of a scene."""

from labcut3d import view
from labcut3d.synthetic import make_scene

scene = make_scene(1, n_times=3)
scene.rig

view(scene.detections, skeleton=scene.skeleton)
'''


def run(*arguments) -> None:
    command = [sys.executable, str(ROOT / "docs" / "notebooks.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def cells_of(path: Path) -> list[dict]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_every_example_becomes_a_notebook_that_says_the_same(tmp_path):
    run(tmp_path)
    for path in EXAMPLES:
        code = "\n".join(
            "".join(cell["source"]) for cell in cells_of(tmp_path / f"{path.stem}.ipynb")
        )
        lines = [line for line in path.read_text().split('"""', 2)[2].splitlines() if line.strip()]
        kept = [line for line in code.splitlines() if line.strip()]
        assert kept[2:] == lines  # behind the cell that sets the arguments


def test_rigs_and_figures_are_shown(tmp_path):
    example = tmp_path / "shown.py"
    example.write_text(SHOWN)
    run(tmp_path, example)
    _, _, rig, figure = cells_of(tmp_path / "shown.ipynb")
    assert "Rig of 4 cameras" in "".join(rig["outputs"][0]["data"]["text/html"])
    assert "application/vnd.plotly.v1+json" in figure["outputs"][0]["data"]


@pytest.mark.slow
def test_an_example_runs_as_a_notebook(dataset, tmp_path):
    run(tmp_path, "03_stereo_pair.py", dataset("stereo_pair"), tmp_path / "out")
    last = cells_of(tmp_path / "03_stereo_pair.ipynb")[-1]
    assert "baseline" in "".join(last["outputs"][0]["text"])
    assert (tmp_path / "out" / "calibration.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"),
    [("01_mouse_four_cameras", "mouse_4cam"), ("04_stereo_disparity", "stereo_pair")],
)
def test_longer_examples_run_as_notebooks(dataset, tmp_path, name, data):
    run(tmp_path, f"{name}.py", dataset(data), tmp_path / "out")
    assert any(cell.get("outputs") for cell in cells_of(tmp_path / f"{name}.ipynb"))
