"""Rectification: rows that agree, depth that is triangulation's, and OpenCV's conventions."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import Camera, Lens, Rig, rectify, triangulate_points
from calibration.epipolar import relative_pose
from calibration.errors import RigError
from calibration.geometry import rotation_from_vector
from calibration.stereo import _disparity_matrix

MATRIX = np.array([[800.0, 0, 321], [0, 805, 238], [0, 0, 1]])
PAIRS = {
    "side by side": ((-60, 1, 2), (0.01, 0.02, 0.03)),
    "converging": ((-60, 5, 20), (0.05, 0.5, 0.0)),
    "one above the other": ((3, -60, 3), (-0.3, 0.02, 0.0)),
    "left is on the right": ((60, 1, 2), (0.01, -0.02, 0.03)),
    "rolled": ((-60, 0, 0), (0.0, 0.0, 0.4)),
}


def make_pair(shift, turn, *, skew=0.0, lenses=None):
    """Two cameras; `shift` and `turn` are right_from_left, mm and rotation vector."""
    lenses = lenses or [
        Lens(distortions=np.array([-0.2, 0.05, 1e-3, -1e-3, 0.01])),
        Lens(distortions=np.array([-0.25, 0.06, 1e-3, 1e-3, 0.01, 0.02, 0.0, 0.0])),
    ]
    rotation = rotation_from_vector(turn)
    left = Camera(
        name="left",
        size=(640, 480),
        matrix=MATRIX + np.array([[0, skew, 0], [0, 0, 0], [0, 0, 0]]),
        lens=lenses[0],
        rotation=rotation_from_vector([0.1, 0.2, 0.3]),
        translation=np.array([5.0, 6.0, 7.0]),
    )
    right = Camera(
        name="right",
        size=(640, 480),
        matrix=MATRIX + np.diag([5.0, 4.0, 0.0]),
        lens=lenses[1],
        rotation=rotation @ left.rotation,
        translation=rotation @ left.translation + np.array(shift, dtype=float),
    )
    return Rig(cameras=(left, right), unit="mm")


def points_between(rig, n=300, seed=0):
    """Points (n, 3) that both cameras see inside their images, and their pixels."""
    rng = np.random.default_rng(seed)
    camera = rig["left"]
    seen = rng.uniform([-100, -100, 100], [100, 100, 500], size=(100 * n, 3))
    points = (seen - camera.translation) @ camera.rotation
    pixels = rig.project(points)
    inside = ((pixels >= 0) & (pixels <= np.array(camera.size) - 1)).all(axis=(0, 2))
    assert inside.sum() >= n
    return points[inside][:n], pixels[:, inside][:, :n]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_rows_agree_and_depth_is_triangulations(pair):
    rig = make_pair(*pair)
    rectified = rectify(rig, "left", "right")
    points, pixels = points_between(rig)
    left = rectified.rectify_points("left", pixels[0])
    right = rectified.rectify_points("right", pixels[1])
    along = int(rectified.vertical)
    assert np.abs((left - right)[:, 1 - along]).max() < 1e-9  # px
    disparity = (left - right)[:, along]
    found = rectified.disparity_to_points(left, disparity)
    np.testing.assert_allclose(found, points, atol=1e-8)  # mm
    np.testing.assert_allclose(found, triangulate_points(rig, pixels).points, atol=1e-6)
    axis = rectified.rotations[0] @ rig["left"].rotation
    depth = (points @ axis.T + rectified.rotations[0] @ rig["left"].translation)[:, 2]
    np.testing.assert_allclose(rectified.depth(disparity), depth, rtol=1e-9)
    np.testing.assert_allclose(rectified.disparity(depth), disparity, atol=1e-9)
    np.testing.assert_allclose(rectified.unrectify_points("left", left), pixels[0], atol=1e-8)
    np.testing.assert_allclose(rectified.unrectify_points("right", right), pixels[1], atol=1e-8)
    assert rectified.baseline == pytest.approx(np.linalg.norm(pair[0]))


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_conventions_are_opencvs(pair):
    """The rotations are those of cv2.stereoRectify; Q follows from P as there; so do the maps."""
    rig = make_pair(*pair)
    ours = rectify(rig, "left", "right")
    pose = relative_pose(rig, "left", "right")
    cameras = [a for c in rig for a in (np.array(c.matrix), np.array(c.distortions))]
    turn, shift = pose[:3, :3].copy(), pose[:3, 3:].copy()
    r1, r2, p1, p2, q, *_ = cv2.stereoRectify(*cameras, (640, 480), turn, shift, flags=0)
    np.testing.assert_allclose(ours.rotations, [r1, r2], atol=1e-12)
    np.testing.assert_allclose(
        _disparity_matrix(np.stack([p1, p2]), int(ours.vertical)), q, atol=1e-12
    )
    for index, camera in enumerate(rig):
        theirs = cv2.initUndistortRectifyMap(
            np.array(camera.matrix),
            np.array(camera.distortions),
            ours.rotations[index],
            ours.projections[index],
            ours.size,
            cv2.CV_32FC2,
        )[0]
        seen = (ours.maps[index] > 0).all(axis=-1)
        assert seen.mean() > 0.5
        np.testing.assert_allclose(ours.maps[index][seen], theirs[seen], atol=1e-3)  # px, float32


@settings(max_examples=20, deadline=None)
@given(
    shift=st.tuples(st.floats(-80, 80), st.floats(-80, 80), st.floats(-20, 20)).filter(
        lambda s: max(abs(s[0]), abs(s[1])) > 30
    ),
    turn=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(-0.5, 0.5)),
    zoom=st.floats(0.5, 2),
    zero=st.booleans(),
)
def test_rows_agree_for_every_pair(shift, turn, zoom, zero):
    rig = make_pair(shift, turn, skew=3.0)
    rectified = rectify(rig, "left", "right", zoom=zoom, zero_disparity=zero)
    points, pixels = points_between(rig, 20)
    left = rectified.rectify_points("left", pixels[0])
    right = rectified.rectify_points("right", pixels[1])
    along = int(rectified.vertical)
    assert np.abs((left - right)[:, 1 - along]).max() < 1e-6  # px
    found = rectified.disparity_to_points(left, (left - right)[:, along])
    np.testing.assert_allclose(found, points, atol=1e-6)
    assert (rectified.q[3, 3] == 0) == zero or rectified.q[3, 3] == pytest.approx(0)


def test_images_are_sampled_where_the_points_say():
    """A bright dot in each camera's image appears where rectify_points puts it."""
    rig = make_pair(*PAIRS["converging"])
    rectified = rectify(rig, "left", "right")
    rows, columns = np.indices((480, 640))
    for view, pixel in (("left", (350.25, 200.5)), ("right", (222.75, 280.0))):
        blob = np.exp(-((columns - pixel[0]) ** 2 + (rows - pixel[1]) ** 2) / (2 * 4.0**2))
        image = rectified.rectify_image(view, np.round(255 * blob).astype(np.uint8)).astype(float)
        found = np.array([(image * columns).sum(), (image * rows).sum()]) / image.sum()
        expected = rectified.rectify_points(view, pixel)
        np.testing.assert_allclose(found, expected, atol=0.1)  # px; the blob is stretched a little
    with pytest.raises(RigError, match="image has 480x640 px"):
        rectified.rectify_image("left", np.zeros((640, 480), np.uint8))
    with pytest.raises(RigError, match="no view 'top'"):
        rectified.rectify_points("top", [1.0, 2.0])


def test_regions_hold_only_what_is_seen():
    rig = make_pair(*PAIRS["rolled"])
    rectified = rectify(rig, "left", "right")
    for view in (0, 1):
        x, y, width, height = rectified.regions[view]
        assert width * height > 0.3 * 640 * 480
        part = rectified.maps[view][y : y + height, x : x + width]
        assert (part >= 0).all()
        assert (part <= [639, 479]).all()


def test_a_lens_that_folds_back_shows_nothing_twice():
    """Strong barrel distortion: rays from far outside the image do not re-enter it."""
    lens = Lens(distortions=np.array([-0.35, 0.0, 0.0, 0.0]))
    rig = make_pair((-60, 0, 0), (0, 0, 0), lenses=[lens, lens])
    rectified = rectify(rig, "left", "right", zoom=0.3)
    sources = rectified.maps[0, ::5, ::5].astype(float)
    rows, columns = np.indices((480, 640))[:, ::5, ::5]
    seen = (sources >= 0).all(axis=-1) & (sources <= [639, 479]).all(axis=-1)
    assert 0.05 < seen.mean() < 0.5
    moved = rectified.rectify_points("left", sources) - np.stack([columns, rows], axis=-1)
    assert np.abs(moved[seen]).max() < 0.01  # px


def test_a_fisheye_is_rectified_too():
    lens = Lens(distortions=np.array([-0.02, 0.003, 0.001, -0.001]), model="fisheye")
    rig = make_pair(*PAIRS["side by side"], lenses=[lens, lens])
    rectified = rectify(rig, "left", "right")
    points, pixels = points_between(rig)
    left = rectified.rectify_points("left", pixels[0])
    disparity = (left - rectified.rectify_points("right", pixels[1]))[:, 0]
    np.testing.assert_allclose(rectified.disparity_to_points(left, disparity), points, atol=1e-7)


def test_depth_resolution_is_the_spread_of_noisy_depths():
    rectified = rectify(make_pair(*PAIRS["side by side"]), "left", "right")
    disparity, sigma = 120.0, 0.1
    noisy = disparity + sigma * np.random.default_rng(0).normal(size=20_000)
    depth = rectified.depth(disparity)
    # 20,000 samples know a standard deviation to 0.5 %; four times that.
    assert rectified.depth(noisy).std() == pytest.approx(
        float(rectified.depth_resolution(depth, sigma)), rel=0.02
    )


def test_missing_and_impossible_disparities_are_nan():
    rectified = rectify(make_pair(*PAIRS["side by side"]), "left", "right", zero_disparity=True)
    points = rectified.image_to_points([[np.nan, 50.0], [0.0, -5.0]])
    assert np.isfinite(points).all(axis=-1).tolist() == [[False, True], [False, False]]
    depths = rectified.depth([np.nan, 50.0, 0.0, -5.0])
    assert np.isfinite(depths).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("shift", "turn", "reason"),
    [
        ((0, 0, -60), (0, 0, 0), "one behind the other: their baseline is 0 degrees"),
        ((-20, 0, 60), (0, 0.1, 0), "one behind the other"),
        ((0, 0, 0), (0, 0.3, 0), "stand in one place"),
        ((-100, 0, 50), (0, 2.0, 0), r"by .. degrees.* too different directions"),
        ((-1, 0, 200), (0, np.pi, 0), "too different directions|one behind the other"),
    ],
)
def test_pairs_that_cannot_be_rectified_say_why(shift, turn, reason):
    with pytest.raises(RigError, match=reason):
        rectify(make_pair(shift, turn), "left", "right")


@pytest.mark.parametrize("zoom", [0.0, -1.0, np.nan, np.inf, 1e-300])
def test_a_zoom_that_leaves_no_image_is_refused(zoom):
    with pytest.raises(RigError, match="zoom"):
        rectify(make_pair((-60, 0, 0), (0, 0, 0)), "left", "right", zoom=zoom)
