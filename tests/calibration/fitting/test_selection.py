"""The lens model that the images support: no more terms than they need, and no fewer."""

from dataclasses import replace

import numpy as np
import pytest

from calibration import calibrate
from calibration.corners.observations import Observations
from calibration.fitting.lens_models import DEFAULT_MODEL, lens_model
from calibration.fitting.robust import first_fit
from calibration.fitting.selection import choose_lens_models
from calibration.lens import Lens
from labcut3d.synthetic import Blemishes, Scene, make_scene, observe_board

PLAIN = [-0.3, 0.1, 1e-3, -1e-3, 0.0]
WAVY = [-0.3, 0.1, 1e-3, -1e-3, 1500.0]  # a bend that shows although the board keeps to the middle


def scene_with(second: list[float]) -> Scene:
    """A scene whose second camera has the lens `second`, the others a plain one."""
    scene = make_scene(3, n_cameras=3, n_boards=40)
    cameras = tuple(
        replace(camera, lens=Lens(distortions=second if index == 1 else PLAIN))
        for index, camera in enumerate(scene.rig)
    )
    rig, rng = replace(scene.rig, cameras=cameras), np.random.default_rng(0)
    seen = observe_board(rig, scene.board, scene.board_poses, rng, Blemishes(noise=0.1))
    return replace(scene, rig=rig, observations=seen)


def test_each_camera_gets_the_lens_it_needs():
    scene = scene_with(WAVY)
    result = calibrate(scene.board, scene.observations)
    assert result.lens_models == {
        "cam0": "k1 k2 p1 p2",
        "cam1": "k1 k2 p1 p2 k3",
        "cam2": "k1 k2 p1 p2",
    }
    scores = result.held_out["cam1"]
    assert scores["k1 k2 p1 p2 k3"] < 0.95 * scores["k1 k2 p1 p2"]
    assert result.rig["cam1"].distortions[4] == pytest.approx(WAVY[4], rel=0.3)
    assert result.rig["cam0"].distortions[4] == 0.0
    assert result.rig.metadata["distortion_model"] == result.lens_models


def test_plain_lenses_stay_plain():
    scene = scene_with(PLAIN)
    result = calibrate(scene.board, scene.observations)
    assert set(result.lens_models.values()) == {"k1 k2 p1 p2"}
    # The terms that are hard to tell apart are tried only where simpler ones have helped.
    assert set(result.held_out["cam0"]) == {"k1 k2 p1 p2", "k1 k2 p1 p2 k3"}


def test_with_few_frames_nothing_is_tried():
    scene = make_scene(5, n_cameras=2, n_boards=40, blemishes=Blemishes(noise=0.1))
    seen = scene.observations
    few = np.flatnonzero(seen.usable.all(axis=0))[:6]
    seen = Observations(
        views=seen.views, sizes=seen.sizes, frames=seen.frames[few], corners=seen.corners[:, few]
    )
    fit = first_fit(scene.board, scene.rig.cameras, scene.board_poses[few], seen.corners)
    choice = choose_lens_models(fit)
    assert choice.models == (DEFAULT_MODEL,) * 2
    assert choice.errors == ({}, {})
    assert choice.cameras == fit.cameras


def test_a_model_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        lens_model("k9")
