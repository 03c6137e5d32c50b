"""Averages over pairs of cameras: exact on exact pairs, and deaf to a pair that is wrong."""

from itertools import combinations

import numpy as np

from calibration.fitting.averaging import average_offsets, average_rotations
from calibration.geometry import rotation_from_vector, vector_from_rotation

N = 6


def _scene(seed: int = 0):
    """Return true rotations and centres of cameras, the first at the origin, and all pairs."""
    rng = np.random.default_rng(seed)
    rotations = rotation_from_vector(rng.normal(size=(N, 3)))
    rotations[0] = np.eye(3)
    centers = rng.normal(size=(N, 3)) * 100
    centers[0] = 0
    pairs = np.array(list(combinations(range(N), 2)))
    relative = rotations[pairs[:, 1]] @ np.swapaxes(rotations[pairs[:, 0]], 1, 2)
    return rng, rotations, centers, pairs, relative


def _angles(first, second):
    """Return the angles, rad, between rotations."""
    return np.linalg.norm(vector_from_rotation(first @ np.swapaxes(second, 1, 2)), axis=-1)


def _along_first(pairs, relative):
    """Return rotations straight from the pairs of the first camera, a poor spanning tree."""
    start = np.stack([np.eye(3)] * N)
    for (a, b), rotation in zip(pairs, relative, strict=True):
        if a == 0:
            start[b] = rotation
    return start


def test_exact_pairs_give_exact_cameras():
    """Without noise the average is the truth, from a start that is off by up to half a radian."""
    rng, rotations, centers, pairs, relative = _scene()
    start = rotation_from_vector(rng.uniform(-0.3, 0.3, (N, 3))) @ rotations
    start[0] = np.eye(3)
    ones = np.ones(len(pairs))
    assert _angles(average_rotations(pairs, relative, ones, start), rotations).max() < 1e-9
    offsets = centers[pairs[:, 1]] - centers[pairs[:, 0]]
    assert (
        np.abs(average_offsets(pairs, offsets, ones, n_cameras=N, scale=100.0) - centers).max()
        < 1e-7
    )


def test_averaging_lowers_the_noise_of_a_tree():
    """With five pairs a camera the error is clearly below that of one pair."""
    rng, rotations, _, pairs, relative = _scene(1)
    noisy = rotation_from_vector(rng.normal(size=(len(pairs), 3)) * 0.005) @ relative
    start = _along_first(pairs, noisy)
    found = average_rotations(pairs, noisy, np.ones(len(pairs)), start)
    assert _angles(found, rotations).mean() < 0.75 * _angles(start, rotations).mean()


def test_a_wrong_pair_is_outvoted_even_in_the_start():
    """Two of fifteen pairs are flipped, one of them in the tree: off by less than 0.02 rad.

    That is the width within which a pair still pulls.
    """
    rng, rotations, centers, pairs, relative = _scene(2)
    relative = rotation_from_vector(rng.normal(size=(len(pairs), 3)) * 0.002) @ relative
    wrong = [0, 9]
    relative[wrong] = rotation_from_vector([0.0, 1.2, 0.0]) @ relative[wrong]
    offsets = centers[pairs[:, 1]] - centers[pairs[:, 0]]
    offsets[wrong] += 150
    ones = np.ones(len(pairs))
    found = average_rotations(pairs, relative, ones, _along_first(pairs, relative))
    assert _angles(found, rotations).max() < 0.02
    placed = average_offsets(pairs, offsets, ones, n_cameras=N, scale=100.0)
    # Linear beyond a fiftieth of the scale, and a wrong pair pulls no harder than that.
    assert np.linalg.norm(placed - centers, axis=1).max() < 0.02 * 100


def test_precision_decides_between_contradicting_pairs():
    """In a triangle that does not close, the pair that is trusted least takes the blame."""
    pairs = np.array([[0, 1], [1, 2], [0, 2]])
    truth = rotation_from_vector([[0.0, 0, 0], [0.3, 0, 0], [0, 0.5, 0]])
    relative = truth[pairs[:, 1]] @ np.swapaxes(truth[pairs[:, 0]], 1, 2)
    relative[1] = rotation_from_vector([0.0, 0.0, 0.8]) @ relative[1]
    precision = np.array([3.0, 1.0, 3.0])
    start = np.stack([np.eye(3), relative[0], relative[1] @ relative[0]])
    found = average_rotations(pairs, relative, precision, start)
    assert _angles(found, truth).max() < 0.02
