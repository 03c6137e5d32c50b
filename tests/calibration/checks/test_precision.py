"""Uncertainty in the frame of a volume: rigid motions are no error, shapes keep theirs."""

import numpy as np
import pytest

from calibration.alignment import WorldChange
from calibration.checks.precision import in_frame_of_points
from calibration.covariance import RigCovariance
from calibration.errors import RigError
from calibration.geometry import make_pose, rotation_from_vector
from calibration.solver.parameters import parameter_names
from calibration.solver.uncertainty import predict_uncertainty
from labcut3d.synthetic_rig import make_rig


@pytest.fixture(scope="module")
def rig():
    return make_rig(3, np.random.default_rng(2))


@pytest.fixture(scope="module")
def points(rig):
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    return middle + np.random.default_rng(3).uniform(-20, 20, (30, 3))


def covariance_of(rig, columns: np.ndarray) -> RigCovariance:
    names = tuple(f"{c.name}.{name}" for c in rig for name in parameter_names(c))
    return RigCovariance(names=names, matrix=columns @ columns.T, gauge="a test")


def free(rig) -> RigCovariance:
    """A covariance in which every parameter is uncertain, and correlated with the others."""
    steps = {"f": 1.0, "c": 1.0, "r": 1e-4, "t": 0.05}  # px, px, rad, mm; lens terms 1e-3
    names = [name for camera in rig for name in parameter_names(camera)]
    size = np.array([steps.get(name[0], 1e-3) for name in names])
    root = np.random.default_rng(4).normal(size=(len(size), len(size))) / np.sqrt(len(size))
    return covariance_of(rig, size[:, None] * root)


def deviations(rig, covariance, points) -> np.ndarray:
    variances = predict_uncertainty(rig, covariance, points, 0.0)
    return np.sqrt(np.maximum(np.trace(variances, axis1=1, axis2=2), 0.0))


def test_a_rig_that_moves_as_a_whole_is_no_error(rig, points):
    columns = []
    for camera in rig:
        rows = np.zeros((len(parameter_names(camera)), 6))
        rows[-6:-3, :3] = rows[-3:, 3:] = camera.rotation
        columns.append(rows * [1e-3, 1e-3, 1e-3, 1, 1, 1])
    swinging = covariance_of(rig, np.concatenate(columns))
    assert deviations(rig, swinging, points).min() > 0.1  # mm
    still = in_frame_of_points(swinging, rig, points)
    assert deviations(rig, still, points).max() < 1e-6


def test_it_is_the_least_of_all_frames_and_the_same_from_any(rig, points):
    before = free(rig)
    here = deviations(rig, in_frame_of_points(before, rig, points), points)
    assert np.square(here).sum() < np.square(deviations(rig, before, points)).sum()
    motion = make_pose(rotation_from_vector([0.5, -1.0, 0.3]), np.array([100.0, -50.0, 20.0]))
    change = WorldChange(motion=motion, how="elsewhere")
    moved = change.move_covariance(before, rig)
    there = in_frame_of_points(moved, change.move_rig(rig), change.move_points(points))
    again = deviations(change.move_rig(rig), there, change.move_points(points))
    np.testing.assert_allclose(again, here, rtol=1e-6)


def test_distances_are_as_uncertain_as_before(rig, points):
    """Of two points the variance along the line between them, first camera held or not."""
    pair = points[:2]
    line = (pair[1] - pair[0]) / np.linalg.norm(pair[1] - pair[0])
    before = free(rig)
    after = in_frame_of_points(before, rig, points)
    shifts = linear_shifts(rig, pair)
    stretch = line @ (shifts[1] - shifts[0])
    kept = stretch @ after.matrix @ stretch
    assert kept == pytest.approx(stretch @ before.matrix @ stretch, rel=1e-6)


def linear_shifts(rig, pair) -> np.ndarray:
    """d point / d parameters (2, 3, p) by the normal equations of triangulation."""
    result = []
    for point in pair:
        by_point = np.concatenate([camera.project_jacobian(point) for camera in rig])
        blocks = [camera.parameter_jacobian(point) for camera in rig]
        by_rig = np.zeros((2 * len(rig), sum(block.shape[1] for block in blocks)))
        column = 0
        for view, block in enumerate(blocks):
            by_rig[2 * view : 2 * view + 2, column : column + block.shape[1]] = block
            column += block.shape[1]
        result.append(-np.linalg.lstsq(by_point, by_rig, rcond=None)[0])
    return np.stack(result)


def test_what_cannot_be_told_is_refused(rig, points):
    with pytest.raises(RigError, match="2 points"):
        in_frame_of_points(free(rig), rig, points[:2])
    with pytest.raises(RigError, match="another rig"):
        in_frame_of_points(RigCovariance(names=(), matrix=np.zeros((0, 0)), gauge=""), rig, points)
