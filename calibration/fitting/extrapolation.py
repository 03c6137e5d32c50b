"""What is known of a lens where no corner was seen: that it goes on much as it did.

The polynomials of lens models run wild beyond the corners they were fitted to; many fold over
inside the image, so that pixels near its border have no ray. A lens does not. Its radial map is
continued by the two-parameter curve s a (1 + c a^2), a being the angle from the axis, which fits
what was seen and has no reason to turn back, and models with many terms are held near that
continuation: far too weakly to matter where there are corners, strongly enough where there are
none.
"""

from collections.abc import Sequence

import numpy as np

from calibration.camera import Camera
from calibration.fitting.lens_models import LensModel
from calibration.geometry import Array, is_seen
from calibration.lens import DISTORTION_NAMES, FISHEYE_NAMES
from calibration.solver.lens_kernels import SKEW, Prior

__all__ = ["folds_over", "lens_prior"]

TRUST = 0.02  # of the radius: how near to the continuation a lens is held
DIRECTIONS = 8  # in which a lens is held
RADII = 16  # from the last corner seen to the corner of the image
SAMPLES = 50  # radii at which the continuation is fitted to a lens
STEEPEST = 1.45  # rad; the continuation ends where rays leave the image plane's front
BORDER = 9  # points along each side of an image at which a lens is checked


def lens_prior(models: Sequence[LensModel], cameras: Sequence[Camera], corners: Array) -> Prior:
    """Return what is known of the lenses of `models` beforehand.

    `cameras` are an earlier fit to corners (view, frame, corner, 2) px, with lenses of any model:
    their radial maps are continued from the outermost corner seen to the corner of the image.
    """
    n_views = len(cameras)
    rays, targets = np.zeros((2, n_views, RADII * DIRECTIONS, 2))
    weights = np.zeros((n_views, RADII * DIRECTIONS))
    information = np.zeros((n_views, SKEW + 1))
    angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    around = np.column_stack([np.cos(angles), np.sin(angles)])
    for view, (camera, seen) in enumerate(zip(cameras, corners, strict=True)):
        if not models[view].vague:
            continue  # its few terms are well determined
        radii, places = _continuation(camera, seen[is_seen(seen)])
        rays[view] = (radii[:, None, None] * around).reshape(-1, 2)
        targets[view] = (places[:, None, None] * around).reshape(-1, 2)
        weights[view] = np.repeat(1 / (TRUST * places) ** 2, DIRECTIONS)
        names = FISHEYE_NAMES if models[view].kind == "fisheye" else DISTORTION_NAMES
        vague = [4 + names.index(name) for name in models[view].vague]
        information[view, vague] = 1.0
    return Prior(
        mean=np.zeros_like(information),
        information=information,
        rays=rays,
        targets=targets,
        weights=weights,
    )


def folds_over(camera: Camera) -> bool:
    """Tell whether a camera's lens model folds over inside the image.

    Beyond such a fold two directions are imaged at one pixel, and no pixel's ray can be trusted.
    On the way from the principal point to each point of the image's border the model must image
    rays ever farther out, until it arrives there.
    """
    width, height = camera.size
    x, y = np.linspace(0, width - 1, BORDER), np.linspace(0, height - 1, BORDER)
    border = np.concatenate(
        [
            *(np.column_stack([x, np.full(BORDER, edge)]) for edge in (0, height - 1)),
            *(np.column_stack([np.full(BORDER, edge), y]) for edge in (0, width - 1)),
        ]
    )
    places = (border - camera.matrix[:2, 2]) / camera.matrix[[0, 1], [0, 1]]
    distances = np.linalg.norm(places, axis=-1)
    directions = places / distances[:, None]
    radii = np.tan(np.linspace(0, STEEPEST, 2 * SAMPLES))
    imaged = camera.lens.distort(radii[:, None, None] * directions)
    outward = np.einsum("rbi,bi->rb", imaged, directions)
    arrived = np.maximum.accumulate(outward, axis=0)[:-1] >= distances
    return bool(((np.diff(outward, axis=0) <= 0) & ~arrived).any())


def _continuation(camera: Camera, corners: Array) -> tuple[Array, Array]:
    """Return radii of rays beyond all corners (n, 2) px, and the radii at which they are imaged."""
    focal = np.array([camera.matrix[0, 0], camera.matrix[1, 1]])
    center = camera.matrix[:2, 2]
    width, height = camera.size
    edges = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    end = np.linalg.norm((edges - center) / focal, axis=-1).max()
    outermost = np.argmax(np.linalg.norm((corners - center) / focal, axis=-1))
    last = float(np.linalg.norm(camera.undistort(corners[outermost])))
    last = last if np.isfinite(last) else 0.1 * end
    radii = np.linspace(0, last, SAMPLES)[1:]
    imaged = np.linalg.norm(camera.lens.distort(np.column_stack([radii, 0 * radii])), axis=-1)
    a = np.arctan(radii)
    (slope, bend), *_ = np.linalg.lstsq(np.column_stack([a, a**3]), imaged, rcond=None)
    beyond = np.linspace(a[-1], STEEPEST, 10 * SAMPLES)
    places = slope * beyond + bend * beyond**3
    reached = np.flatnonzero((places >= end) | (np.gradient(places) <= 0))
    stop = reached[0] if reached.size else len(beyond) - 1
    chosen = np.linspace(0, stop, RADII).round().astype(int)
    return np.tan(beyond[chosen]), places[chosen]
