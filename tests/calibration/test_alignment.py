from dataclasses import replace

import numpy as np
import pytest

from calibration.alignment import WorldChange, rigid_alignment
from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.errors import CalibrationError, RigError
from calibration.geometry import make_pose, rotation_from_vector
from calibration.lens import Lens
from calibration.rig import Rig
from calibration.triangulation import triangulate_points


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(4, 10, 3)), rotation_from_vector(rng.normal(size=3)), rng.normal(size=3)


@pytest.mark.parametrize("seed", range(5))
def test_known_motion_is_found_despite_missing_points(seed: int) -> None:
    points, rotation, translation = scene(seed)
    moved = points @ rotation.T + translation
    moved[0, :3], points[1, 0, 1] = np.nan, np.nan
    found_rotation, found_translation = rigid_alignment(points, moved)
    assert found_rotation == pytest.approx(rotation, abs=1e-12)  # rounding alone
    assert found_translation == pytest.approx(translation, abs=1e-12)


def test_never_mirrors_and_never_scales() -> None:
    points, _, _ = scene(1)
    for distorted in (points * [1, 1, -1], points * 2.5):
        rotation, _ = rigid_alignment(points, distorted)
        assert np.linalg.det(rotation) == pytest.approx(1.0)
        assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)


def test_points_in_a_plane_suffice() -> None:
    points, rotation, translation = scene(2)
    points[..., 2] = 0
    found, _ = rigid_alignment(points, points @ rotation.T + translation)
    assert found == pytest.approx(rotation, abs=1e-12)


def test_what_cannot_be_aligned_is_refused() -> None:
    points, _, _ = scene(3)
    with pytest.raises(CalibrationError, match="2 pairs"):
        rigid_alignment(points[0, :2], points[0, :2])
    line = np.arange(9.0)[:, None] * [1.0, 2.0, 3.0]
    with pytest.raises(CalibrationError, match="one line"):
        rigid_alignment(line, line)
    with pytest.raises(CalibrationError, match="shapes"):
        rigid_alignment(points, points[:2])


def rig_and_points() -> tuple[Rig, np.ndarray]:
    rng = np.random.default_rng(7)
    cameras = []
    for index in range(3):
        turn = rotation_from_vector(rng.normal(scale=0.2, size=3))
        cameras.append(
            Camera(
                name=f"cam{index}",
                size=(640, 480),
                matrix=np.array([[800.0, 0, 320], [0, 801, 240], [0, 0, 1]]),
                lens=Lens(distortions=np.array([-0.2, 0.05, 1e-3, -1e-3, 0.0])),
                rotation=turn,
                translation=rng.normal([0, 0, 300], 20),
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm"), rng.normal(scale=25, size=(40, 3))


def change_of(seed: int, scale: float = 1.0) -> WorldChange:
    rng = np.random.default_rng(seed)
    motion = make_pose(rotation_from_vector(rng.normal(size=3)), rng.normal(scale=100, size=3))
    return WorldChange(motion=motion, scale=scale, how="a test")


@pytest.mark.parametrize("scale", [1.0, 1.037])
def test_a_moved_rig_sees_what_it_saw(scale: float) -> None:
    rig, points = rig_and_points()
    change = change_of(1, scale)
    moved = change.move_rig(rig)
    pixels = moved.project(change.move_points(points))
    np.testing.assert_allclose(pixels, rig.project(points), atol=1e-8)  # px: rounding
    for before, after in zip(rig, moved, strict=True):
        assert after.center == pytest.approx(change.move_points(before.center), abs=1e-9)
    assert moved.metadata["world"] == "a test"
    assert moved.metadata.get("world_scale", 1.0) == scale


def test_all_distances_are_kept_or_scaled_alike() -> None:
    rig, points = rig_and_points()
    for scale in (1.0, 0.25):
        change = change_of(2, scale)
        moved = triangulate_points(change.move_rig(rig), rig.project(points)).points
        a, b = np.triu_indices(len(points), 1)
        before = np.linalg.norm(points[a] - points[b], axis=-1)
        after = np.linalg.norm(moved[a] - moved[b], axis=-1)
        np.testing.assert_allclose(after, scale * before, rtol=1e-9)


def test_scales_multiply_and_leave_the_world_where_it_is() -> None:
    rig, _ = rig_and_points()
    placed = change_of(3).move_rig(rig)
    scaled = WorldChange(scale=2.0, how="twice").move_rig(placed)
    again = WorldChange(scale=0.25, how="a quarter").move_rig(scaled)
    assert again.metadata["world"] == "a test"
    assert again.metadata["world_scale"] == 0.5
    assert again.metadata["world_scale_from"] == "a quarter"


def covariance_of(rig: Rig) -> RigCovariance:
    names = [f"{c.name}.{kind}_{axis}" for c in rig for kind in KINDS for axis in "xyz"]
    root = np.random.default_rng(4).normal(size=(len(names), len(names)))
    step = np.tile([1e-5] * 3 + [1e-3] * 3, len(rig))[:, None]  # rad, mm
    return RigCovariance(names=tuple(names), matrix=(step * root) @ (step * root).T, gauge="none")


KINDS = ("rotation", "translation")


def pixel_covariance(rig: Rig, covariance: RigCovariance, point: np.ndarray) -> np.ndarray:
    """The covariance (6, 6), px^2, of a point's pixels in all views: central differences."""

    def pixels(step: np.ndarray) -> np.ndarray:
        cameras = [
            replace(c, rotation=rotation_from_vector(s[:3]) @ c.rotation, translation=t)
            for c, s in zip(rig, step.reshape(-1, 6), strict=True)
            for t in [c.translation + s[3:]]
        ]
        return replace(rig, cameras=tuple(cameras)).project(point).ravel()

    steps = 1e-6 * np.eye(len(covariance.names))
    jacobian = np.stack([(pixels(s) - pixels(-s)) / 2e-6 for s in steps], axis=-1)
    return jacobian @ covariance.matrix @ jacobian.T


def test_uncertainty_moves_with_the_rig() -> None:
    rig, points = rig_and_points()
    covariance = covariance_of(rig)
    change = change_of(5, 1.5)
    moved = change.move_covariance(covariance, rig)
    for point in points[:3]:
        before = pixel_covariance(rig, covariance, point)
        after = pixel_covariance(change.move_rig(rig), moved, change.move_points(point))
        np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-5 * np.abs(before).max())
    assert "a test" in moved.gauge


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"motion": np.diag([1.0, 1.0, -1.0, 1.0])}, "mirrors"),
        ({"motion": np.diag([2.0, 0.5, 1.0, 1.0])}, "not rigid"),
        ({"motion": np.full((4, 4), np.nan)}, "finite"),
        ({"scale": -1.0}, "positive"),
        ({"scale": np.nan}, "positive"),
    ],
)
def test_what_is_no_rigid_motion_is_refused(fields: dict, reason: str) -> None:
    with pytest.raises(CalibrationError, match=reason):
        WorldChange(how="", **fields)


@pytest.mark.parametrize("pose", ["here", [1.0, 2.0], [[1.0, 0.0], [0.0, 1.0]], [["a"] * 4] * 4])
def test_a_chamber_whose_pose_is_none_is_named(pose: object) -> None:
    """As where somebody edited the rig's file."""
    rig = replace(rig_and_points()[0], metadata={"world_from_chamber": pose})
    with pytest.raises(RigError, match=r"world_from_chamber = .*give a matrix"):
        change_of(1).move_rig(rig)
