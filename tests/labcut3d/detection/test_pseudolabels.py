"""What geometry may say: only what the views agree on, and never near the labels that judge it."""

import dataclasses

import numpy as np
import pytest

from calibration import Rig
from labcut3d.detection.pseudolabels import (
    PseudoLabels,
    agreed_labels,
    free_moments,
    spread_moments,
)
from labcut3d.errors import DatasetError
from labcut3d.reconstruction import reconstruct
from labcut3d.schema import make_detections
from labcut3d.synthetic import Blemishes, make_scene

TIMES = 40


def scene_of(n_cameras=4):
    """A scene, its detections as arrays (time, view, 2, keypoint, 1), and its true pixels alike."""
    scene = make_scene(
        3, n_cameras=n_cameras, n_boards=3, n_times=TIMES, blemishes=Blemishes(noise=0.3)
    )
    pixels = np.moveaxis(scene.rig.project(scene.position), 0, 1).swapaxes(-1, -2)[..., None]
    return scene, scene.detections["position"].values.copy(), pixels


def label(scene, position, confidence, variance=0.1) -> PseudoLabels:
    """The pseudo-labels of detections with a covariance of `variance` px^2."""
    detections = make_detections(
        position=position,
        confidence=confidence,
        covariance=np.broadcast_to(variance * np.eye(2), (*np.moveaxis(position, 2, -1).shape, 2)),
        views=scene.rig.names,
        keypoints=scene.skeleton.keypoints,
        individuals=["animal"],
        fps=30.0,
    )
    trajectories = reconstruct(detections, scene.rig, skeleton=scene.skeleton)
    return agreed_labels("walk", detections, trajectories, scene.rig)


def errors(labels: PseudoLabels, truth) -> np.ndarray:
    """Distances (time, view, keypoint) px from the pseudo-labels to the true pixels."""
    true = np.moveaxis(truth[..., 0], 2, -1)
    return np.linalg.norm(labels.position[:, :, 0] - true, axis=-1)


def test_agreed_points_are_nearer_to_the_truth_than_the_detections():
    scene, position, truth = scene_of()
    labels = label(scene, position, np.full((TIMES, 4, 7, 1), 0.95))
    off = errors(labels, truth)
    assert np.isfinite(off).mean() > 0.9
    detected = np.linalg.norm(position - truth, axis=2)[..., 0]
    assert np.sqrt(np.nanmean(off**2)) < 0.8 * np.sqrt(np.nanmean(detected**2))
    assert labels.known.sum() == np.isfinite(off).sum()
    assert labels.agreed.tolist() == np.isfinite(off).any(axis=1).sum(axis=-1).tolist()


def test_planted_wrong_detections_are_never_taken():
    """Sure of themselves and far off, in one view or alike in several."""
    scene, position, truth = scene_of()
    rng = np.random.default_rng(0)
    wrong = rng.random((TIMES, 4, 7, 1)) < 0.2
    shift = rng.choice([-1, 1], position.shape) * rng.uniform(6, 40, position.shape)
    position += np.where(wrong[:, :, None], shift, 0)
    labels = label(scene, position, np.full((TIMES, 4, 7, 1), 0.95))
    off = errors(labels, truth)
    assert np.isfinite(off).any()
    assert np.nanmax(off) < 3
    agreed = np.isfinite(off).any(axis=1)
    assert not agreed[wrong[..., 0].any(axis=1)].any()


def test_an_unsure_view_is_unknown_and_one_that_sees_nothing_is_hidden():
    scene, position, _ = scene_of()
    confidence = np.full((TIMES, 4, 7, 1), 0.95)
    confidence[:, 1, 0] = 0.3
    confidence[:, 2, 1] = 0.01
    position[:, 3, :, 2] = np.nan
    labels = label(scene, position, confidence)
    located = np.isfinite(labels.position).all(axis=-1)[:, :, 0]
    known = labels.known[:, :, 0]
    assert not located[:, 1, 0].any()
    assert not known[:, 1, 0].any()
    for view, keypoint in ((2, 1), (3, 2)):
        assert not located[:, view, keypoint].any()
        others = located[:, :, keypoint].any(axis=1)
        assert others.mean() > 0.8
        np.testing.assert_array_equal(known[:, view, keypoint], others)


def test_two_sure_views_of_four_are_not_enough():
    scene, position, _ = scene_of()
    confidence = np.full((TIMES, 4, 7, 1), 0.95)
    confidence[:, 2:] = 0.2
    assert not label(scene, position, confidence).known.any()


@pytest.mark.parametrize(
    ("views", "off", "placed"), [(2, 1.0, True), (2, 2.2, False), (4, 2.2, True), (4, 3.8, False)]
)
def test_a_rig_of_two_must_agree_twice_as_well(views, off, placed):
    """A view that lies `off` px from the 3-D points; 3 px may be, and 1.5 px with two views."""
    scene, *_ = scene_of(views)
    sure = scene.detections["confidence"] * 0 + 0.95
    detections = scene.detections.assign(confidence=sure.where(np.isfinite(sure), 0.0))
    trajectories = reconstruct(detections, scene.rig)
    position = detections["position"].values.copy()
    position[:, 0, 1] += off
    moved = detections.assign(position=(detections["position"].dims, position))
    labels = agreed_labels("walk", moved, trajectories, scene.rig)
    assert np.isfinite(labels.position).mean() == pytest.approx(float(placed), abs=0.1)


def test_a_point_outside_a_view_is_not_placed_there():
    """One keypoint leaves a narrower image, and the detector holds on to the border."""
    scene, position, truth = scene_of()
    furthest = int(truth[0, 0, 0, :, 0].argmax())
    width = int(truth[0, 0, 0, furthest, 0] - 0.5)  # a pixel or two short of it
    first, *others = scene.rig
    narrow = dataclasses.replace(first, size=(width, first.size[1]))
    scene = dataclasses.replace(scene, rig=Rig(cameras=(narrow, *others), unit="mm"))
    position[0, 0, 0, furthest] = width - 1
    labels = label(scene, position, np.full((TIMES, 4, 7, 1), 0.95), 4.0)
    assert labels.agreed[0] == 7
    assert np.isfinite(labels.position[0, 1:, 0, furthest]).all()
    assert not labels.known[0, 0, 0, furthest]


def test_trajectories_of_other_detections_are_refused():
    scene, *_ = scene_of()
    trajectories = reconstruct(scene.detections, scene.rig)
    with pytest.raises(DatasetError, match=r"'walk'.*differ in 'time'"):
        agreed_labels("walk", scene.detections.isel(time=slice(5)), trajectories, scene.rig)


def moments(count: int, poses=None, agreed=None) -> PseudoLabels:
    """Pseudo-labels of `count` moments numbered from 100, of one view and keypoint."""
    return PseudoLabels(
        recording="walk",
        views=("left",),
        frames=100 + np.arange(count)[:, None],
        position=np.zeros((count, 1, 1, 1, 2)),
        known=np.ones((count, 1, 1, 1), dtype=bool),
        agreed=np.ones(count, dtype=int) if agreed is None else agreed,
        poses=np.zeros((count, 1, 3)) if poses is None else poses,
    )


def test_the_stretch_of_held_out_moments_and_what_is_labelled_stay_free():
    free = free_moments(moments(200), labelled=[110, 250], held_out=[150, 180], fps=10.0)
    taken = 100 + np.flatnonzero(~free)
    # 200 moments and 4 labels: 12 frames apart would be room, half a second is 5.
    expected = {*range(105, 116), *range(245, 256), *range(145, 186)}
    assert set(taken.tolist()) == expected


def test_moments_are_chosen_one_of_each_pose_and_none_like_the_labelled():
    kinds = np.repeat([0, 1, 2, 3], (60, 25, 10, 5))
    poses = 10.0 * np.eye(4)[kinds][:, None] + np.random.default_rng(0).normal(0, 0.1, (100, 1, 4))
    agreed = np.full(100, 5)
    agreed[-2:] = 1  # of the last pose; too little to learn from
    one = moments(100, poses, agreed)
    free = np.ones(100, dtype=bool)
    free[3] = False
    found = spread_moments([one], [free], [[103]], 3)
    assert [kinds[moment] for _, moment in found] == [1, 2, 3]
    assert all(agreed[moment] == 5 for _, moment in found)
    assert found == spread_moments([one], [free], [[103]], 3)
    assert spread_moments([one], [np.zeros(100, dtype=bool)], [[103]], 3) == []
