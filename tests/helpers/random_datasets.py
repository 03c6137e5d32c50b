"""Small random datasets of both kinds, for tests of formats: missing points, odd names, any fps."""

import numpy as np
import xarray as xr

from labcut3d.schema import make_detections, make_trajectories

KEYPOINTS = ("snout", "left ear", "hind_knee_L", "Größe")
VIEWS = ("cam0", "side")


def covariances(rng: np.random.Generator, shape: tuple[int, ...], size: int) -> np.ndarray:
    """Positive definite matrices (*shape, size, size)."""
    factors = rng.normal(size=(*shape, size, size))
    return factors @ np.swapaxes(factors, -1, -2) + 0.1 * np.eye(size)


def random_detections(
    seed: int = 0, *, times=7, keypoints=3, individuals=("fly",), fps=30.0, covariance=False
) -> xr.Dataset:
    """Detections of two views; a fifth of the points is missing."""
    rng = np.random.default_rng(seed)
    shape = (times, len(VIEWS), keypoints, len(individuals))
    missing = rng.random(shape) < 0.2
    missing[-1] = False  # so that the last frame is told by every format
    position = rng.uniform(-5, 1500, (times, len(VIEWS), 2, keypoints, len(individuals)))
    position[np.broadcast_to(missing[:, :, None], position.shape)] = np.nan
    spread = covariances(rng, shape, 2)
    spread[missing] = np.nan
    return make_detections(
        position=position,
        confidence=np.where(missing, 0.0, rng.random(shape)),
        covariance=spread if covariance else None,
        views=VIEWS,
        keypoints=KEYPOINTS[:keypoints],
        individuals=individuals,
        fps=fps,
    )


def random_trajectories(
    seed: int = 0, *, times=7, keypoints=3, individuals=("fly",), fps=30.0, unit="mm"
) -> xr.Dataset:
    """Trajectories; a fifth of the points is missing, with all that belongs to them."""
    rng = np.random.default_rng(seed)
    like = random_detections(
        seed, times=times, keypoints=keypoints, individuals=individuals, fps=fps
    )
    shape = (times, keypoints, len(individuals))
    missing = rng.random(shape) < 0.2
    missing[-1] = False
    position = rng.normal(scale=50, size=(times, 3, keypoints, len(individuals)))
    position[np.broadcast_to(missing[:, None], position.shape)] = np.nan
    spread = covariances(rng, shape, 3)
    spread[missing] = np.nan
    used = (rng.random((times, len(VIEWS), *shape[1:])) < 0.8) & ~missing[:, None]
    return make_trajectories(
        position=position,
        position_raw=position + rng.normal(size=position.shape),
        covariance=spread,
        reprojection_error=np.where(missing, np.nan, rng.random(shape)),
        view_used=used,
        confidence=np.where(missing, np.nan, rng.random(shape)),
        like=like,
        unit=unit,
    )
