"""Tracks give in to views that agree with each other, and state how sure that is."""

import numpy as np
import pytest

from labcut3d.reconstruction.contradictions import give_in, variance_of_doubt
from labcut3d.reconstruction.evidence import Evidence, first_noise
from labcut3d.synthetic_rig import make_rig

SHIFT = np.array([3.0, -2.0, 1.0])  # mm, some 18 px in the images; the noise has 1 px
MOMENT = 4


def scene(mistaken: int) -> tuple[Evidence, np.ndarray, np.ndarray]:
    """Four views, of which some are mistaken alike at one moment; the track and that place."""
    rng = np.random.default_rng(0)
    rig = make_rig(4, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    track = middle + np.linspace(-5, 5, 10)[None, :, None] * np.ones(3)
    elsewhere = track.copy()
    elsewhere[0, MOMENT] += SHIFT
    pixels = rig.project(track)
    pixels[:mistaken] = rig.project(elsewhere)[:mistaken]
    there = np.full(pixels.shape[:-1], 0.9)
    evidence = Evidence(
        rig=rig,
        pixels=pixels,
        information=there[..., None, None] * np.eye(2),
        confidence=there,
        share=np.zeros(pixels.shape),
        stated=True,
    )
    return evidence, track, elsewhere


@pytest.mark.parametrize(("mistaken", "gives_in"), [(4, True), (3, True), (2, False), (1, False)])
def test_a_track_gives_in_to_a_majority_that_agrees(mistaken: int, gives_in: bool) -> None:
    evidence, track, elsewhere = scene(mistaken)
    points, doubt = give_in(evidence, first_noise(evidence), track, elsewhere)
    np.testing.assert_array_equal(points, elsewhere if gives_in else track)
    np.testing.assert_array_equal(doubt, track - points)


def test_moments_that_tell_nothing_alone_are_left() -> None:
    evidence, track, elsewhere = scene(4)
    elsewhere[0, MOMENT] = np.nan
    points, doubt = give_in(evidence, first_noise(evidence), track, elsewhere)
    np.testing.assert_array_equal(points, track)
    assert not doubt.any()


def test_the_doubt_holds_either_place() -> None:
    """Beside a small noise, the ellipsoid of 95 % about one of two places holds the other."""
    covariance = 1e-4 * np.eye(3) + variance_of_doubt(SHIFT)
    assert SHIFT @ np.linalg.solve(covariance, SHIFT) < 7.815
    assert variance_of_doubt(np.zeros((2, 3))).shape == (2, 3, 3)
