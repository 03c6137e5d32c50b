"""Checking rigs: every known way of being absurd is named, and a good rig passes."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.alignment import WorldChange
from calibration.camera import Camera
from calibration.checks.checking import check_rig, field_of_view, shared_views
from calibration.checks.findings import worst_level
from calibration.geometry import make_pose
from calibration.lens import Lens
from calibration.rig import Rig
from labcut3d.synthetic_rig import make_rig


@pytest.fixture(scope="module")
def rig():
    return make_rig(4, np.random.default_rng(1))


def with_camera(rig: Rig, index: int, **changes) -> Rig:
    """The rig with something wrong in one camera."""
    cameras = list(rig.cameras)
    cameras[index] = replace(cameras[index], **changes)
    return replace(rig, cameras=tuple(cameras))


def reasons(rig: Rig, level: str, **options) -> str:
    """What is wrong at one level, in one text."""
    return "\n".join(f.reason for f in check_rig(rig, **options) if f.level == level)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_good_rigs_pass(count):
    rig = make_rig(count, np.random.default_rng(count))
    assert worst_level(check_rig(rig)) == "PASS", check_rig(rig)


def test_copies_are_named(rig):
    first = rig.cameras[0]
    nearly = first.translation + 1e-5
    copied = with_camera(rig, 2, rotation=first.rotation, translation=nearly)
    assert "'cam0' and 'cam2' have the same pose" in reasons(copied, "FAIL")


def test_the_broken_calibration_of_the_mouse_is_caught(dataset):
    path = dataset("mouse_4cam") / "calibration.toml"
    rig = Rig.load(path, unit="mm")
    first = check_rig(rig, unit_known=False)[0]
    assert first.level == "FAIL"
    assert "'side' and 'top' have the same pose" in first.reason
    assert "names no unit" in reasons(rig, "WARN", unit_known=False)


@pytest.mark.parametrize(
    ("focal", "level", "words"),
    [
        ([4e5, 4e5], "FAIL", "no lens has"),
        ([15.0, 15.0], "FAIL", "no lens has"),
        ([150.0, 150.0], "WARN", "unusual"),
        ([1300.0, 1420.0], "WARN", "differ by 8 %"),
        ([1300.0, 2400.0], "FAIL", "differ by 46 %"),
    ],
)
def test_absurd_focal_lengths_are_named(rig, focal, level, words):
    matrix = np.array(rig.cameras[1].matrix)
    matrix[0, 0], matrix[1, 1] = focal
    wrong = with_camera(rig, 1, matrix=matrix, lens=Lens(distortions=np.zeros(0)))
    assert f"'cam1': f" in reasons(wrong, level)  # noqa: F541
    assert words in reasons(wrong, level)


@pytest.mark.parametrize(
    ("centre", "level", "words"),
    [([700.0, 240.0], "FAIL", "outside"), ([320.0, 400.0], "WARN", "far from the middle")],
)
def test_principal_points_off_the_image_are_named(rig, centre, level, words):
    matrix = np.array(rig.cameras[3].matrix)
    matrix[:2, 2] = centre
    assert words in reasons(with_camera(rig, 3, matrix=matrix), level)


def folding_camera(radius: float) -> Camera:
    """A camera at the origin whose lens folds over at a distorted radius, px, from its middle."""
    focal = 500.0
    fold = 1.5 * radius / focal  # r (1 + k r^2) turns at r^2 = -1 / 3k, where it is two thirds of r
    return Camera(
        name="cam0",
        size=(640, 480),
        matrix=np.array([[focal, 0, 319.5], [0, focal, 239.5], [0, 0, 1]]),
        lens=Lens(distortions=np.array([-1 / (3 * fold**2), 0, 0, 0])),
        rotation=np.eye(3),
        translation=np.zeros(3),
    )


@pytest.mark.parametrize(
    ("radius", "level"), [(300.0, "FAIL"), (350.0, "WARN"), (420.0, "PASS")]
)  # the image's corner is 399 px from its middle, its sides 320 and 240 px
def test_lenses_that_fold_over_are_named(radius, level):
    rig = Rig(cameras=(folding_camera(radius),), unit="mm")
    found = check_rig(rig)
    assert worst_level(found) == level
    assert ("folds over" in found[0].reason) == (level != "PASS")
    assert ("in its corners" in found[0].reason) == (level == "WARN")


def test_a_fold_hidden_inside_is_seen_too():
    """r (1 + a r^2 + b r^4) that falls and rises again has rays everywhere, and some pixels two."""
    matrix = np.array([[400.0, 0, 319.5], [0, 400.0, 239.5], [0, 0, 1]])
    camera = replace(
        folding_camera(300), matrix=matrix, lens=Lens(distortions=np.array([-1.6, 1.1, 0, 0]))
    )
    assert "folds over" in reasons(Rig(cameras=(camera,), unit="mm"), "FAIL")


@pytest.mark.parametrize(("term", "found"), [(0.004, False), (-0.12, True)])
def test_tangential_terms_that_no_lens_has_are_named(rig, term, found):
    lens = Lens(distortions=np.array([-0.1, 0.0, 0.001, term]))
    warned = reasons(with_camera(rig, 1, lens=lens), "WARN")
    assert ("'cam1': tangential distortion of 0.12" in warned) == found


@pytest.mark.parametrize(("times", "level"), [(200, "FAIL"), (25, "WARN")])
def test_a_camera_far_out_of_the_rig_is_named(rig, times, level):
    camera = rig.cameras[1]
    away = camera.center - times * 300 * camera.rotation[2]
    wrong = with_camera(rig, 1, translation=-camera.rotation @ away)
    assert "'cam1' stands" in reasons(wrong, level)


def test_a_camera_that_looks_away_is_named(rig):
    camera = rig.cameras[2]
    turn = np.diag([-1.0, 1.0, -1.0]) @ camera.rotation
    away = with_camera(rig, 2, rotation=turn, translation=-turn @ camera.center)
    assert "no common volume: cam0 with cam1 with cam3 | cam2" in reasons(away, "FAIL")


def test_poses_written_the_other_way_round_are_recognised(rig):
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    motion = make_pose(np.eye(3), -middle)
    placed = WorldChange(motion=motion, how="origin in the middle").move_rig(rig)
    cameras = tuple(replace(c, rotation=c.rotation.T, translation=c.center) for c in placed)
    found = check_rig(replace(placed, cameras=cameras))
    assert found[0].level == "FAIL"
    assert "world_from_camera" in found[0].remedy


def test_cameras_share_views_where_a_point_is_in_both_images(rig):
    """Neighbours on the ring look at its middle; a camera that looks outwards meets none."""
    camera = rig.cameras[0]
    turn = np.diag([-1.0, 1.0, -1.0]) @ camera.rotation
    shared = shared_views(with_camera(rig, 0, rotation=turn, translation=-turn @ camera.center))
    expected = np.ones((4, 4), dtype=bool)
    expected[0, 1:] = expected[1:, 0] = False
    np.testing.assert_array_equal(shared, expected)


def test_an_impossible_size_is_named(rig):
    assert "apart" not in reasons(rig, "WARN")
    assert "m apart" in reasons(replace(rig, unit="m"), "WARN")


def test_the_field_of_view_is_that_of_the_lens(rig):
    camera = replace(rig.cameras[0], lens=Lens(distortions=np.zeros(0)))
    width, fx = camera.size[0] - 1, camera.matrix[0, 0]
    assert field_of_view(camera) == pytest.approx(np.degrees(2 * np.arctan(width / 2 / fx)), 1e-3)
