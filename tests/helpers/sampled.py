"""Variances by brute force: a quantity of many drawn versions of its points."""

from collections.abc import Callable

import numpy as np
import xarray as xr


def moving_points(
    moments: int = 40, keypoints: tuple[str, ...] = ("a", "b", "c", "d"), seed: int = 0
) -> xr.DataArray:
    """Positions (time, space, keypoint, individual) mm of two animals at 30 frames a second.

    None stands still: they move by a tenth of a mm and more from frame to frame.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(moments) / 30
    start = rng.normal(0, 2, (3, len(keypoints), 2))
    swing = rng.normal(0, 0.5, (3, len(keypoints), 2))
    seconds = time[:, None, None, None]
    values = start + swing * np.sin(2 * np.pi * 0.7 * seconds) + 3 * np.sign(swing) * seconds
    return xr.DataArray(
        values,
        dims=("time", "space", "keypoint", "individual"),
        coords={
            "time": time,
            "space": list("xyz"),
            "keypoint": list(keypoints),
            "individual": ["one", "two"],
        },
        attrs={"units": "mm"},
    )


def covariance_like(position: xr.DataArray, size: float = 0.02, seed: int = 1) -> xr.DataArray:
    """Covariances (time, keypoint, individual, space, space_) of about size^2 mm^2."""
    rng = np.random.default_rng(seed)
    dims = ("time", "keypoint", "individual", "space")
    shape = [position.sizes[dim] for dim in dims]
    roots = rng.normal(0, size, (*shape, 3))
    return xr.DataArray(
        roots @ np.swapaxes(roots, -1, -2),
        dims=(*dims, "space_"),
        coords={**{dim: position[dim] for dim in dims}, "space_": list("xyz")},
        attrs={"units": "mm^2"},
    )


def draw(position: xr.DataArray, covariance: xr.DataArray, draws: int) -> xr.DataArray:
    """Versions of the positions with errors of that covariance, along a dimension `draw`."""
    rng = np.random.default_rng(2)
    roots = np.linalg.cholesky(covariance.values + 1e-12 * np.eye(3))
    noise = rng.normal(size=(draws, *covariance.shape[:-1]))
    errors = xr.DataArray((roots @ noise[..., None])[..., 0], dims=("draw", *covariance.dims[:-1]))
    return (position + errors).transpose("draw", *position.dims).assign_attrs(position.attrs)


def assert_variance_is_true(
    quantity: Callable[[xr.DataArray], xr.DataArray],
    stated: xr.DataArray,
    position: xr.DataArray,
    covariance: xr.DataArray,
    draws: int = 3000,
) -> None:
    """The variance of a quantity over draws, beside the stated one.

    3000 draws tell a variance to 2.6 % (one sigma); over hundreds of numbers the worst is 10 % off,
    and errors of a hundredth of the points' distances leave a few per cent to the second order.
    """
    drawn = quantity(draw(position, covariance, draws)).var("draw", ddof=1)
    ratio = (drawn / stated.transpose(*drawn.dims)).values
    assert np.isfinite(ratio).all()
    assert np.median(ratio) == np.clip(np.median(ratio), 0.98, 1.02)
    assert ratio.min() > 0.85
    assert ratio.max() < 1.15
