"""What a lens does to an ideal image: OpenCV's models of distortion.

A direction in front of a camera is written as its normalized coordinates (x/z, y/z). `distort`
moves them to where the lens images them; `undistort` goes back.

Source: OpenCV, "Camera Calibration and 3D Reconstruction"; Brown, "Close-range camera
calibration", 1971; for fisheye lenses Kannala & Brandt, "A generic camera model and calibration
method for conventional, wide-angle and fish-eye lenses", 2006.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from calibration.errors import RigError
from calibration.geometry import Array

__all__ = ["DISTORTION_NAMES", "Lens", "LensKind"]

LensKind = Literal["opencv", "fisheye"]

DISTORTION_NAMES = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4")
FISHEYE_NAMES = ("k1", "k2", "k3", "k4")
ALLOWED_COUNTS = {"opencv": (0, 4, 5, 8, 12), "fisheye": (4,)}
NEWTON_STEPS = 20
TINY_RADIUS = 1e-9  # below it a fisheye is its own tangent
STEEPEST = 1.5  # rad from a fisheye's axis, at which a first guess ends
CONVERGED = 1e-10  # normalized coordinates: 1e-7 px at a focal length of 1000 px


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lens:
    """The distortion of one lens.

    The model "opencv" has 0, 4, 5, 8 or 12 `distortions` in OpenCV's order (radial, tangential,
    rational, thin prism), "fisheye" the four k1 to k4 of OpenCV's fisheye module, by which a ray
    at the angle a from the axis is imaged at a (1 + k1 a^2 + k2 a^4 + k3 a^6 + k4 a^8).
    """

    distortions: Array
    model: LensKind = "opencv"

    def __post_init__(self) -> None:
        values = np.array(self.distortions, dtype=float)
        if self.model not in get_args(LensKind):
            raise RigError(f"lens model = {self.model!r}: give 'opencv' or 'fisheye'")
        allowed = ALLOWED_COUNTS[self.model]
        if values.ndim != 1 or len(values) not in allowed:
            counts = ", ".join(map(str, allowed[:-1])) + " or " * (len(allowed) > 1)
            raise RigError(
                f"distortions: shape {values.shape}; the lens model '{self.model}' has "
                f"{counts}{allowed[-1]} numbers"
            )
        if not np.isfinite(values).all():
            raise RigError(f"distortions = {values.tolist()}: every coefficient must be finite")
        values.flags.writeable = False
        object.__setattr__(self, "distortions", values)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Lens)
            and self.model == other.model
            and np.array_equal(self.distortions, other.distortions)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the coefficients, in their order."""
        names = FISHEYE_NAMES if self.model == "fisheye" else DISTORTION_NAMES
        return names[: len(self.distortions)]

    def distort(self, normalized: ArrayLike) -> Array:
        """Return where the lens images ideal normalized points (..., 2), also normalized."""
        xy = np.asarray(normalized, dtype=float)
        if self.model == "fisheye":
            return xy * self._fisheye(xy)[0][..., None]
        if not self.distortions.any():
            return xy.copy()
        _, _, p1, p2, *_, s1, s2, s3, s4 = self._padded()
        x, y = xy[..., 0], xy[..., 1]
        r2 = x * x + y * y
        numerator, denominator = self._radial(r2)
        radial = numerator / denominator
        return np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + r2 * (s1 + s2 * r2),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + r2 * (s3 + s4 * r2),
            ],
            axis=-1,
        )

    def jacobian(self, normalized: ArrayLike) -> Array:
        """Return d distort / d normalized, (..., 2, 2), at ideal normalized points (..., 2)."""
        xy = np.asarray(normalized, dtype=float)
        if self.model == "fisheye":
            scale, bend = self._fisheye(xy)
            return scale[..., None, None] * np.eye(2) + bend[..., None, None] * (
                xy[..., :, None] * xy[..., None, :]
            )
        k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = self._padded()
        x, y = xy[..., 0], xy[..., 1]
        r2 = x * x + y * y
        numerator, denominator = self._radial(r2)
        radial = numerator / denominator
        d_numerator = k1 + r2 * (2 * k2 + r2 * 3 * k3)
        d_denominator = k4 + r2 * (2 * k5 + r2 * 3 * k6)
        slope = 2 * (d_numerator - radial * d_denominator) / denominator  # d radial / d r2, twice
        prism_x, prism_y = 2 * (s1 + 2 * s2 * r2), 2 * (s3 + 2 * s4 * r2)
        mixed = x * y * slope + 2 * (p1 * x + p2 * y)
        return _matrix(
            [radial + x * x * slope + 2 * p1 * y + 6 * p2 * x + prism_x * x, mixed + prism_x * y],
            [mixed + prism_y * x, radial + y * y * slope + 6 * p1 * y + 2 * p2 * x + prism_y * y],
        )

    def parameter_jacobian(self, normalized: ArrayLike) -> Array:
        """Return d distort / d distortions, (..., 2, k), at ideal normalized points (..., 2)."""
        xy = np.asarray(normalized, dtype=float)
        if self.model == "fisheye":
            angle, ratio = _angle(np.linalg.norm(xy, axis=-1))
            powers = angle[..., None] ** np.array([2, 4, 6, 8]) * ratio[..., None]
            return xy[..., :, None] * powers[..., None, :]
        x, y = xy[..., 0], xy[..., 1]
        r2 = x * x + y * y
        numerator, denominator = self._radial(r2)
        zero, powers = np.zeros_like(x), (r2, r2**2, r2**3)
        up = [(x * p / denominator, y * p / denominator) for p in powers]
        shrink = -numerator / denominator**2
        down = [(x * p * shrink, y * p * shrink) for p in powers]
        tangential = [(2 * x * y, r2 + 2 * y * y), (r2 + 2 * x * x, 2 * x * y)]
        prism = [(r2, zero), (r2**2, zero), (zero, r2), (zero, r2**2)]
        columns = [*up[:2], *tangential, up[2], *down, *prism][: len(self.distortions)]
        if not columns:
            return np.zeros((*xy.shape, 0))
        return np.stack([np.stack(column, axis=-1) for column in columns], axis=-1)

    def undistort(self, distorted: ArrayLike) -> Array:
        """Return the ideal normalized points (..., 2) that the lens images at `distorted`.

        Newton's method. NaN where the model has no such point: beyond the radius at which a
        barrel polynomial folds back, and where it does not converge.
        """
        target = np.asarray(distorted, dtype=float)
        if not self.distortions.any() and self.model == "opencv":
            return target.copy()
        xy = self._first_guess(target)
        with np.errstate(all="ignore"):  # a diverging point turns to NaN, which is its answer
            for _ in range(NEWTON_STEPS):
                error = self.distort(xy) - target
                xy = xy - _solve(self.jacobian(xy), error)
                if not (np.abs(error) > CONVERGED * 1e-3).any():
                    break
            error = np.abs(self.distort(xy) - target).max(axis=-1)
            a, b, c, d = _entries(self.jacobian(xy))
            unfolded = (a * d - b * c > 0) & (a + d > 0)
        return np.where((unfolded & (error < CONVERGED))[..., None], xy, np.nan)

    def _first_guess(self, target: Array) -> Array:
        """Return where Newton's method starts: for a fisheye, where an ideal one would see it."""
        if self.model == "opencv":
            return target.copy()
        radius = np.linalg.norm(target, axis=-1, keepdims=True)
        angle = np.minimum(radius, STEEPEST)
        return target * np.where(radius > 0, np.tan(angle) / np.where(radius > 0, radius, 1), 1)

    def _fisheye(self, xy: Array) -> tuple[Array, Array]:
        """Return the fisheye's factor f, and b with d distort / d xy = f I + b xy xy'."""
        k1, k2, k3, k4 = self.distortions.tolist()
        radius = np.linalg.norm(xy, axis=-1)
        angle, ratio = _angle(radius)
        a2 = angle * angle
        factor = ratio * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
        growth = 1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))
        growth = growth / (1 + radius**2)
        safe = np.where(radius > TINY_RADIUS, radius, 1.0)
        return factor, np.where(radius > TINY_RADIUS, (growth - factor) / safe**2, 0.0)

    def _padded(self) -> list[float]:
        """Return all twelve coefficients, zero where the model has fewer."""
        return [*self.distortions.tolist(), *[0.0] * (12 - len(self.distortions))]

    def _radial(self, r2: Array) -> tuple[Array, Array]:
        """Return numerator and denominator of the radial factor at squared radii."""
        k1, k2, _, _, k3, k4, k5, k6, *_ = self._padded()
        return 1 + r2 * (k1 + r2 * (k2 + r2 * k3)), 1 + r2 * (k4 + r2 * (k5 + r2 * k6))


def _angle(radius: Array) -> tuple[Array, Array]:
    """Return the angle from the axis of a ray at a normalized radius, and angle / radius."""
    angle = np.arctan(radius)
    safe = np.where(radius > TINY_RADIUS, radius, 1.0)
    return angle, np.where(radius > TINY_RADIUS, angle / safe, 1.0)


def _matrix(*rows: list[Array]) -> Array:
    """Stack the entries of matrices, given row by row, into (..., row, column)."""
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _entries(matrices: Array) -> tuple[Array, Array, Array, Array]:
    """Return the four entries of 2x2 matrices, row by row."""
    return matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 0], matrices[..., 1, 1]


def _solve(matrices: Array, vectors: Array) -> Array:
    """Solve 2x2 systems in closed form; a singular one gives NaN or infinity, not an error."""
    a, b, c, d = _entries(matrices)
    x, y = vectors[..., 0], vectors[..., 1]
    return np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[..., None]
