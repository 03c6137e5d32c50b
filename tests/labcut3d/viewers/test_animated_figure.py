"""Figures with a slider: every frame shows its moment."""

import json

import numpy as np
import pytest

import labcut3d as lc
from labcut3d.errors import DatasetError


def test_every_frame_has_the_points_of_its_moment(scene, trajectories):
    figure = lc.view(trajectories, skeleton=scene.skeleton, rig=scene.rig)
    assert len(figure.frames) == len(figure.layout.sliders[0].steps) == 50
    roles = [figure.data[index].meta["role"] for index in figure.frames[7].traces]
    assert roles == ["bones", "trail", "points"]
    _, trail, points = figure.frames[7].data
    shown = np.stack([points.x, points.y, points.z], axis=-1)
    np.testing.assert_allclose(shown, scene.position[7], rtol=1e-5)
    tail = scene.position[1:8, -1]  # its first moment is missing
    np.testing.assert_allclose(np.stack([trail.x, trail.y, trail.z], -1)[1:], tail, rtol=1e-5)
    json.loads(figure.to_json())


def test_detections_are_shown_in_all_views(scene):
    figure = lc.view(scene.detections, skeleton=scene.skeleton)
    assert len(figure.frames) == 50
    moving = figure.frames[12].data
    assert len(moving) == 2 * 4  # bones and points of every view
    points = np.stack([moving[5].x, moving[5].y], axis=-1)
    expected = scene.detections["position"].values[12, 2, :, :, 0].T
    np.testing.assert_allclose(points, expected, rtol=1e-5)
    low, high = figure.layout.yaxis3.range
    assert low > high  # pixels count downwards


def test_long_recordings_are_thinned(scene, trajectories):
    figure = lc.view(trajectories, skeleton=scene.skeleton, most_moments=20)
    assert [frame.name for frame in figure.frames][:3] == ["0", "3", "6"]


def test_other_datasets_are_refused(trajectories):
    with pytest.raises(DatasetError, match="'space'"):
        lc.view(trajectories.drop_vars("space"))
