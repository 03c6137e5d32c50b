"""What nouns show in a notebook: the numbers that they hold, and names as text."""

import subprocess
import sys
from dataclasses import replace

import numpy as np

from calibration import triangulate_points
from calibration.notebook import html_table
from labcut3d.synthetic import make_scene


def test_tables_take_everything_for_text():
    shown = html_table("<a>", ["<b>"], [["<c>"]], "<d>")
    assert all(f"&lt;{letter}&gt;" in shown for letter in "abcd")
    assert not any(f"<{letter}>" in shown for letter in "acd")


def test_rigs_and_cameras_show_where_they_stand():
    rig = make_scene(3, n_times=2).rig
    shown = rig._repr_html_()
    assert all(name in shown for name in rig.names)
    assert f"{rig['cam1'].matrix[0, 0]:.1f}" in shown
    assert ", ".join(f"{v:.4g}" for v in rig["cam1"].center) in rig["cam1"]._repr_html_()
    evil = replace(rig, cameras=(replace(rig.cameras[0], name="<script>"),))
    assert "<script>" not in evil._repr_html_() + evil.cameras[0]._repr_html_()


def test_doubts_about_a_rig_are_shown():
    rig = make_scene(3, n_times=2).rig
    twins = replace(rig, cameras=(*rig.cameras, replace(rig.cameras[0], name="copy")))
    assert "have the same pose" in twins._repr_html_()


def test_triangulations_show_how_much_is_known():
    scene = make_scene(3, n_times=4)
    pixels = scene.rig.project(scene.position)
    pixels[:, 0, 0] = np.nan
    found = triangulate_points(scene.rig, pixels)
    shown = found._repr_html_()
    assert f"<td>{found.points[..., 0].size}</td>" in shown
    assert f"<td>{found.points[..., 0].size - 1}</td>" in shown
    nothing = triangulate_points(scene.rig, np.full_like(pixels, np.nan))
    assert "<td>0</td>" in nothing._repr_html_()


def test_showing_needs_no_plotly():
    code = "import sys, calibration; print('plotly' in sys.modules, 'pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
