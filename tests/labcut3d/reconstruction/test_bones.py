"""Bones: those that are stiff pull, those that now and then change their length do not."""

import numpy as np
import pytest

from labcut3d.reconstruction import reconstruct
from labcut3d.reconstruction.bones import learn_bones, pull_of_bones
from labcut3d.schema import make_detections
from labcut3d.skeleton import Skeleton
from labcut3d.synthetic_rig import make_rig

MOMENTS, LENGTH, NOISE = 1000, 4.0, 0.05  # frames, mm, mm
RUNS = (200, 430, 700, 880)  # where a change of length begins
LASTS = 12  # frames; together 5 % of the moments


def rod(rng: np.random.Generator, longer: float, lasts: int = LASTS) -> np.ndarray:
    """Two ends (2, time, 3) of a bone that turns, longer by a part of its length in some runs."""
    way = np.cumsum(rng.normal(0, 0.05, (MOMENTS, 3)), axis=0) + np.eye(3)[0]
    way /= np.linalg.norm(way, axis=-1, keepdims=True)
    length = np.full(MOMENTS, LENGTH)
    for start in RUNS:
        length[start : start + lasts] *= 1 + longer * np.hanning(lasts + 2)[1:-1]
    near = np.cumsum(rng.normal(0, 0.02, (MOMENTS, 3)), axis=0)
    return np.stack([near, near + length[:, None] * way])


def noisy(ends: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tracks with noise, and the covariance that says so."""
    covariance = np.broadcast_to(NOISE**2 * np.eye(3), (*ends.shape, 3))
    return ends + rng.normal(0, NOISE, ends.shape), covariance


@pytest.mark.parametrize("seed", range(5))
def test_a_stiff_bone_is_learnt(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bones = learn_bones(*noisy(rod(rng, 0.0), rng), [(0, 1)])
    assert bones.length[0] == pytest.approx(LENGTH, rel=0.01)
    # The noise of two ends along the bone: nothing else makes it vary; 1 % is the least allowed.
    assert bones.deviation[0] == pytest.approx(np.sqrt(2) * NOISE, rel=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_a_bone_that_changes_five_percent_of_the_time_pulls_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert not len(learn_bones(*noisy(rod(rng, 0.3), rng), [(0, 1)]).pairs)


@pytest.mark.parametrize("seed", range(5))
def test_nor_does_one_that_does_so_for_one_percent(seed: int) -> None:
    """Fewer moments than any quantile shows, but several in a row."""
    rng = np.random.default_rng(seed)
    ends = rod(rng, 0.0)
    ends[1, 500:510] += 0.3 * (ends[1, 500:510] - ends[0, 500:510])
    assert not len(learn_bones(*noisy(ends, rng), [(0, 1)]).pairs)


def test_single_wrong_moments_leave_a_bone_stiff() -> None:
    rng = np.random.default_rng(0)
    points, covariance = noisy(rod(rng, 0.0), rng)
    points[1, 100::250] += 2.0  # mm: far off, but never for long
    bones = learn_bones(points, covariance, [(0, 1)])
    assert bones.deviation[0] < 2 * NOISE * np.sqrt(2)


def test_the_pull_is_towards_the_length() -> None:
    rng = np.random.default_rng(1)
    points, covariance = noisy(rod(rng, 0.0), rng)
    bones = learn_bones(points, covariance, [(0, 1)])
    information, vectors = np.zeros((2, MOMENTS, 3, 3)), np.zeros((2, MOMENTS, 3))
    longer = points.copy()
    longer[1] += 0.1 * (points[1] - points[0])
    pull_of_bones(bones, longer, covariance, information, vectors)
    force = vectors - (information @ longer[..., None])[..., 0]  # the slope of the fit
    along = longer[1] - longer[0]
    assert ((force[1] * along).sum(axis=-1) < 0).mean() > 0.99
    assert ((force[0] * along).sum(axis=-1) > 0).mean() > 0.99


def test_an_extension_survives_the_skeleton() -> None:
    """Seen by three cameras, with the bone in the skeleton."""
    rng = np.random.default_rng(2)
    rig = make_rig(3, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    truth = np.moveaxis(middle + rod(rng, 0.3), 0, 1)
    pixels = rig.project(truth) + rng.normal(0, 1.0, (3, MOMENTS, 2, 2))
    shape = (MOMENTS, 3, 2, 1)
    detections = make_detections(
        position=np.moveaxis(pixels, (0, 3), (1, 2))[..., None],
        confidence=np.full(shape, 0.95),
        covariance=np.broadcast_to(np.eye(2), (*shape, 2, 2)),
        views=rig.names,
        keypoints=["head", "proboscis"],
        individuals=["fly"],
        fps=30.0,
    )
    skeleton = Skeleton(
        name="rod", keypoints=("head", "proboscis"), bones=(("head", "proboscis"),), left_right=()
    )
    position = reconstruct(detections, rig, skeleton=skeleton)["position"].values[..., 0]
    length = np.linalg.norm(position[..., 1] - position[..., 0], axis=-1)
    for start in RUNS:
        peak = length[start : start + LASTS].max() / np.median(length) - 1
        assert peak == pytest.approx(0.3, abs=0.1)  # of the length; 1 px is 5 % of it
