import numpy as np
import pytest

from calibration.alignment import rigid_alignment
from calibration.errors import CalibrationError
from calibration.geometry import rotation_from_vector


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
