"""Lenses beyond the corners they were fitted to: no fold inside the image."""

from dataclasses import replace

import numpy as np
import pytest

from calibration import calibrate
from calibration.camera import Camera
from calibration.corners.observations import Observations
from calibration.fitting.extrapolation import folds_over, lens_prior
from calibration.fitting.lens_models import LENS_MODELS, lens_model, with_model
from calibration.geometry import Array, make_pose, rotation_from_vector, transform
from calibration.lens import Lens
from labcut3d.synthetic import make_scene

FISHEYE = Lens(distortions=[0.02, -0.01, 0.003, -0.001], model="fisheye")


def camera_of(lens: Lens, focal: float = 600.0) -> Camera:
    return Camera(
        name="cam",
        size=(1280, 960),
        matrix=[[focal, 0, 640.0], [0, focal, 480.0], [0, 0, 1]],
        lens=lens,
        rotation=np.eye(3),
        translation=np.zeros(3),
    )


@pytest.mark.parametrize(
    ("lens", "folds"),
    [
        (Lens(distortions=np.zeros(5)), False),
        (Lens(distortions=[-0.1, 0.02, 0, 0, 0]), False),
        (Lens(distortions=[-0.3, 0.0, 0, 0, 0]), True),  # turns at r = 1.05; the corner is at 1.33
        (Lens(distortions=[0.1, 0.0, 0, 0, -0.1]), True),
        (FISHEYE, False),
        (Lens(distortions=[-0.2, -0.1, 0, 0], model="fisheye"), True),
    ],
)
def test_a_lens_that_turns_back_inside_the_image_is_recognised(lens, folds):
    assert folds_over(camera_of(lens)) == folds


def test_a_fold_outside_the_image_does_no_harm():
    assert not folds_over(camera_of(Lens(distortions=[-0.3, 0.0, 0, 0, 0]), focal=1600.0))


def test_the_continuation_of_a_fisheye_is_the_fisheye():
    camera = camera_of(FISHEYE)
    seen = np.random.default_rng(0).uniform([340, 240], [940, 720], (1, 300, 2))  # the middle half
    start = with_model(camera, LENS_MODELS[1])
    # A five-term lens that imitates the fisheye where corners were seen, and nowhere else.
    radius = np.linspace(0, 0.7, 50)
    imaged = FISHEYE.distort(np.column_stack([radius, 0 * radius]))[:, 0]
    powers = np.column_stack([radius**3, radius**5, radius**7])
    k1, k2, k3 = np.linalg.lstsq(powers, imaged - radius, rcond=None)[0]
    start = replace(start, lens=Lens(distortions=[k1, k2, 0, 0, k3]))
    prior = lens_prior([lens_model("rational")], [start], seen[None])
    true = FISHEYE.distort(prior.rays[0])
    away = np.linalg.norm(true - prior.targets[0], axis=-1)
    assert (away < 0.02 * np.linalg.norm(true, axis=-1)).all()  # within what it is trusted to
    imitation = np.linalg.norm(start.lens.distort(prior.rays[0]) - true, axis=-1)
    assert away.max() < 0.1 * imitation.max()


def test_models_with_few_terms_have_no_prior():
    seen = np.random.default_rng(0).uniform(300, 700, (1, 50, 2))
    prior = lens_prior([LENS_MODELS[0]], [camera_of(Lens(distortions=np.zeros(5)))], seen[None])
    assert not prior.weights.any()
    assert not prior.information.any()


def wide_scene(n_frames: int = 24) -> tuple[Observations, Camera, Array]:
    """A fisheye camera and an ordinary one see a board that keeps to the middle of the image."""
    scene = make_scene(0, n_boards=1)
    points = scene.board.points - scene.board.points.mean(axis=0)
    rng = np.random.default_rng(4)
    turn = rotation_from_vector(rng.normal(scale=0.4, size=(n_frames, 3)))
    shift = rng.uniform([-35, -25, 55], [35, 25, 90], (n_frames, 3))
    poses = make_pose(turn, shift - np.einsum("fij,j->fi", turn, scene.board.points.mean(axis=0)))
    wide = replace(camera_of(FISHEYE, 640.0), name="wide")
    second = replace(
        camera_of(Lens(distortions=[-0.1, 0.02, 1e-3, 0, 0]), 900.0),
        name="narrow",
        rotation=rotation_from_vector([0, -0.3, 0]),
        translation=np.array([20.0, 0, 5]),
    )
    world = transform(poses, scene.board.points)
    corners = np.stack([wide.project(world), second.project(world)])
    corners += rng.normal(scale=0.05, size=corners.shape)
    outside = ((corners < 0) | (corners > [1279, 959])).any(axis=-1)
    corners[outside] = np.nan
    assert points.shape == (scene.board.n_corners, 3)
    observations = Observations(
        views=("wide", "narrow"),
        sizes=((1280, 960),) * 2,
        frames=np.arange(n_frames),
        corners=corners,
    )
    return observations, wide, scene.board


def test_a_fisheye_is_calibrated_without_a_fold_and_chosen_by_its_held_out_error():
    observations, wide, board = wide_scene()
    result = calibrate(board, observations)
    assert not any(folds_over(camera) for camera in result.rig)
    assert result.lens_models["wide"] in ("fisheye", "rational")
    assert "fisheye" in result.held_out["wide"]
    assert result.rms < 0.1  # px; two coordinates of 0.05 px
    found = result.rig["wide"]
    assert found.matrix[0, 0] == pytest.approx(wide.matrix[0, 0], rel=3e-3)
    # Rays all over the image within two degrees, also in the corners where no board was seen.
    grid = np.stack(np.meshgrid(np.linspace(0, 1279, 9), np.linspace(0, 959, 7)), axis=-1)
    angles = np.arctan(np.linalg.norm(found.undistort(grid), axis=-1))
    true = np.arctan(np.linalg.norm(wide.undistort(grid), axis=-1))
    assert np.isfinite(angles).all()
    np.testing.assert_allclose(angles, true, atol=np.deg2rad(2.0))
