"""What views say of each other: rings hold what they promise, and the wrong click is named."""

import numpy as np
import pytest
from erring_rigs import erring, uncertain
from walled import MEDIA
from walled import make_rig as make_walled_rig

from labcut3d.labelling.agreement import CONTRADICTS, NOISE, compare_views, label_noise
from labcut3d.synthetic_rig import make_rig

RING = 5.991  # squared standard deviations that hold 95 % of a normal in two dimensions
TOLERANCE = 0.03  # of 95 %, three standard deviations of 600 trials


def scene(medium, count, seed=0):
    """Return a rig and points that all its cameras see, in the middle of what they film."""
    rng = np.random.default_rng(seed)
    if medium == "none":
        return make_rig(4, rng), np.array([0, 0, 300.0]) + rng.uniform(-25, 25, (count, 3)), rng
    return make_walled_rig(*MEDIA[medium]), rng.uniform(-30, 30, (count, 3)), rng


def inside_rings(agreement, truth, views):
    """Return how often the true pixels lie within the rings of 95 %, in views without a label."""
    offset = (truth - agreement.place)[views]
    inverse = np.linalg.inv(agreement.spread[views])
    return (np.einsum("vni,vnij,vnj->vn", offset, inverse, offset) < RING).mean()


@pytest.mark.parametrize("medium", ["none", "water"])
def test_rings_hold_what_they_promise(medium):
    rig, points, rng = scene(medium, 600)
    truth = rig.project(points)
    clicked = truth + rng.normal(0, NOISE, truth.shape)
    clicked[2:] = np.nan
    agreement = compare_views(rig, clicked)
    assert abs(inside_rings(agreement, truth, [2, 3]) - 0.95) < TOLERANCE


def test_rings_hold_the_error_of_the_calibration_too():
    rig, points, rng = scene("none", 10)
    covariance = uncertain(rig, rng)
    root = np.linalg.cholesky(covariance.matrix + 1e-18 * np.eye(len(covariance.matrix)))
    with_it, without = [], []
    for _ in range(40):
        true_rig = erring(rig, root @ rng.normal(size=len(root)))
        truth = true_rig.project(points)
        clicked = truth + rng.normal(0, 0.5, truth.shape)
        clicked[2:] = np.nan
        found = compare_views(rig, clicked, noise=0.5, rig_covariance=covariance)
        with_it.append(inside_rings(found, truth, [2, 3]))
        without.append(inside_rings(compare_views(rig, clicked, noise=0.5), truth, [2, 3]))
    # A calibration's error is the same for all points of a trial, so 40 trials count as 40.
    assert abs(np.mean(with_it) - 0.95) < 0.08
    assert np.mean(without) < 0.85


@pytest.mark.parametrize("medium", ["none", "acrylic"])
@pytest.mark.parametrize(("labelled", "ring"), [(4, np.sqrt(RING)), (2, 1.960)])
def test_good_labels_deviate_as_noise_does(medium, labelled, ring):
    """In two dimensions against the place that others tell, in one against another's curve."""
    rig, points, rng = scene(medium, 600)
    clicked = rig.project(points) + rng.normal(0, NOISE, (4, 600, 2))
    clicked[labelled:] = np.nan
    deviation = compare_views(rig, clicked).deviation
    assert np.isnan(deviation[labelled:]).all()
    assert abs((deviation[:labelled] < ring).mean() - 0.95) < TOLERANCE


@pytest.mark.parametrize("labelled", [3, 4])
def test_the_wrong_click_is_named_and_no_other(labelled):
    rig, points, rng = scene("none", 200)
    truth = rig.project(points)
    clicked = truth + rng.normal(0, NOISE, truth.shape)
    clicked[labelled:] = np.nan
    angle = rng.uniform(0, 2 * np.pi, 200)
    clicked[1] += 30 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    found = compare_views(rig, clicked)
    wrong = found.deviation > CONTRADICTS
    # Of three views, an error along a curve of one of them leaves two answers; of four, hardly.
    assert wrong[1].mean() > (0.95 if labelled == 4 else 0.9)
    assert np.delete(wrong[:labelled], 1, axis=0).mean() < (0.02 if labelled == 4 else 0.12)
    assert np.median(found.distance[1]) == pytest.approx(30, abs=1.5)


def test_two_clicks_that_miss_each_other_are_both_named_with_their_distance():
    rig, points, _ = scene("none", 50)
    clicked = rig.project(points)
    clicked[2:] = np.nan
    off = np.array([0.0, 12.0])
    clicked[1] += off
    found = compare_views(rig, clicked)
    assert np.array_equal(np.isfinite(found.distance).all(axis=1), [True, True, False, False])
    assert (found.deviation[0] == found.deviation[1]).all()
    assert (found.distance[:2] < 12.5).all()  # what lies along the curve cannot be seen
    assert found.deviation[:2].max() > CONTRADICTS


def test_one_click_and_none_say_nothing():
    rig, points, _ = scene("none", 2)
    clicked = np.full((4, 2, 2), np.nan)
    clicked[0, 0] = rig.project(points)[0, 0]
    found = compare_views(rig, clicked)
    for values in (found.place, found.distance, found.deviation):
        assert np.isnan(values).all()


def test_the_noise_of_labels_is_learnt_from_them():
    rig, points, rng = scene("none", 100)
    clicked = rig.project(points) + rng.normal(0, 2.0, (4, 100, 2))
    clicked[0, :5] += 100  # mistakes
    assert label_noise(rig, clicked) == pytest.approx(2.0, rel=0.1)
    assert label_noise(rig, clicked[:, :8]) == NOISE
