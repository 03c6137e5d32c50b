"""Rectification: two views turned until a point lies in the same row of both, and depth from it.

Both cameras are turned by half of their relative rotation, so that they look in one direction,
and then together until their baseline lies along the rows (or, where one stands above the other,
along the columns). Conventions are those of cv2.stereoRectify: disparity is left minus right,
`q` maps (x, y, disparity, 1) to homogeneous coordinates in the rectified left frame.

Source: Bouguet's algorithm, as OpenCV's documentation of stereoRectify describes it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration.camera import Camera
from calibration.epipolar import essential_matrix, relative_pose
from calibration.errors import RigError
from calibration.geometry import Array, rotation_from_vector, vector_from_rotation
from calibration.rig import Rig

__all__ = ["Rectification", "rectify"]

BORDER = 50  # points along each side of an image
FLATTEST = 0.2  # cosine: rays of an image turned further from the new axis are stretched 25-fold
MOST_TURNED = np.deg2rad(50)  # of the baseline, until it lies in the images' plane
LEAST_ZOOM = 0.01
OUTSIDE = -1e4  # px: where the maps point when no camera sees a rectified pixel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rectification:
    """Two views with their rectified images, of which pixel (x, y) means the same ray's plane.

    `cameras` left and right; `size` (width, height) of both rectified images; `rotations`
    (2, 3, 3) rectified_from_camera; `projections` (2, 3, 4) px, of points in the rectified left
    frame; `q` (4, 4); `maps` (2, height, width, 2) float32 px, where each rectified pixel is found
    in the camera's image; `regions` the largest (x, y, width, height) found in which all pixels
    are; `vertical`: disparity runs along y, not x; `unit` of length.
    """

    cameras: tuple[Camera, Camera]
    size: tuple[int, int]
    rotations: Array
    projections: Array
    q: Array
    maps: NDArray[np.float32]
    regions: tuple[tuple[int, int, int, int], tuple[int, int, int, int]]
    vertical: bool
    unit: str

    @property
    def focal_length(self) -> float:
        """The focal length of both rectified images, px."""
        return float(self.projections[0, 0, 0])

    @property
    def baseline(self) -> float:
        """The distance between the two cameras, in `unit`."""
        return float(np.linalg.norm(self.projections[1, :, 3]) / self.focal_length)

    def rectify_image(self, view: str, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the rectified image (height, width[, channels]) of a view; black where unseen."""
        import cv2

        index = self._index(view)
        width, height = self.cameras[index].size
        if image.shape[:2] != (height, width):
            raise RigError(
                f"camera '{view}': the image has {image.shape[1]}x{image.shape[0]} px, and the rig "
                f"is calibrated for {width}x{height}"
            )
        return cv2.remap(image, self.maps[index], None, cv2.INTER_LINEAR)  # type: ignore[return-value]

    def rectify_points(self, view: str, pixels: ArrayLike) -> Array:
        """Return where pixels (..., 2) of a view lie in its rectified image; NaN where nowhere."""
        index = self._index(view)
        ideal = self.cameras[index].undistort(pixels)
        return self._pixels(index, _turn(self.rotations[index], ideal))

    def unrectify_points(self, view: str, pixels: ArrayLike) -> Array:
        """Return where pixels (..., 2) of a rectified image lie in the view's own image."""
        index = self._index(view)
        center = self.projections[index, :2, 2]
        turned = (np.asarray(pixels, dtype=float) - center) / self.focal_length
        camera = self.cameras[index]
        distorted = camera.lens.distort(_turn(self.rotations[index].T, turned))
        return distorted @ camera.matrix[:2, :2].T + camera.matrix[:2, 2]

    def disparity_to_points(self, pixels: ArrayLike, disparity: ArrayLike) -> Array:
        """Return the points (..., 3) of the world at rectified left pixels with a disparity.

        `pixels` (..., 2) and `disparity` (...) px, left minus right; lengths are in `unit`. NaN
        where the disparity is missing or puts a point behind the cameras.
        """
        pixels, disparity = np.asarray(pixels, dtype=float), np.asarray(disparity, dtype=float)
        ones = np.ones((*disparity.shape, 1))
        homogeneous = np.concatenate([pixels, disparity[..., None], ones], axis=-1) @ self.q.T
        with np.errstate(divide="ignore", invalid="ignore"):
            rectified = homogeneous[..., :3] / homogeneous[..., 3:]
        rectified[~(np.isfinite(rectified).all(axis=-1) & (rectified[..., 2] > 0))] = np.nan
        left = self.cameras[0]
        return (rectified @ self.rotations[0] - left.translation) @ left.rotation

    def image_to_points(self, disparity: ArrayLike) -> Array:
        """Return the points (height, width, 3) of the world of a whole disparity image, px."""
        disparity = np.asarray(disparity, dtype=float)
        rows, columns = np.indices(disparity.shape, dtype=float)
        return self.disparity_to_points(np.stack([columns, rows], axis=-1), disparity)

    def depth(self, disparity: ArrayLike) -> Array:
        """Return the depths (...) in `unit`, along the rectified views' axis, of disparities."""
        shifted = self.q[3, 2] * np.asarray(disparity, dtype=float) + self.q[3, 3]
        with np.errstate(divide="ignore"):
            return np.where(shifted > 0, self.q[2, 3] / shifted, np.nan)

    def disparity(self, depth: ArrayLike) -> Array:
        """Return the disparities (...) px of depths in `unit`: the range that a matcher needs."""
        with np.errstate(divide="ignore"):
            return (self.q[2, 3] / np.asarray(depth, dtype=float) - self.q[3, 3]) / self.q[3, 2]

    def depth_resolution(self, depth: ArrayLike, disparity_sigma: float = 1.0) -> Array:
        """Return the standard deviation (...) of depths, in `unit`, for one of disparity in px.

        depth^2 sigma / (focal length x baseline): twice as far is four times as coarse.
        """
        depth = np.asarray(depth, dtype=float)
        return depth**2 * disparity_sigma / (self.focal_length * self.baseline)

    def _index(self, view: str) -> int:
        """Return 0 for the left view and 1 for the right."""
        names = [camera.name for camera in self.cameras]
        if view not in names:
            raise RigError(f"no view '{view}' in this pair; it has {' and '.join(names)}")
        return names.index(view)

    def _pixels(self, index: int, normalized: Array) -> Array:
        """Return the rectified pixels (..., 2) of normalized coordinates (..., 2)."""
        return normalized * self.focal_length + self.projections[index, :2, 2]


def rectify(
    rig: Rig, left: str, right: str, *, zero_disparity: bool = False, zoom: float = 1.0
) -> Rectification:
    """Return the rectification of two views of a rig.

    Each rectified image is as large as the left camera's and centred on what its camera sees, so
    that cameras that converge keep what they have in common; with `zero_disparity` both have one
    principal point, and disparity is zero at infinity. `zoom` below 1 shows more of the images,
    smaller. Raises `RigError` with the reason where two views cannot be rectified: cameras behind
    each other, or that look in too different directions.
    """
    if not LEAST_ZOOM <= zoom <= 1 / LEAST_ZOOM:
        raise RigError(f"zoom = {zoom!r}: give {LEAST_ZOOM:g} to {1 / LEAST_ZOOM:g}")
    essential_matrix(rig, left, right)  # refuses cameras in one place
    pose = relative_pose(rig, left, right)
    cameras = (rig[left], rig[right])
    rotations, axis = _rotations(pose, left, right)
    shift = float((rotations[1] @ pose[:3, 3])[axis])
    borders = [_border(cameras[i], rotations[i]) for i in (0, 1)]
    focal = zoom * min(np.sqrt(c.matrix[0, 0] * c.matrix[1, 1]) for c in cameras)
    centers = _centers(borders, focal, cameras[0].size)
    shared = [1 - axis] if not zero_disparity else [0, 1]
    centers[:, shared] = centers[:, shared].mean(axis=0)
    projections = np.zeros((2, 3, 4))
    projections[:, 0, 0] = projections[:, 1, 1] = focal
    projections[:, :2, 2], projections[:, 2, 2] = centers, 1.0
    projections[1, axis, 3] = focal * shift
    maps = [_map(cameras[i], rotations[i], projections[i], cameras[0].size) for i in (0, 1)]
    return Rectification(
        cameras=cameras,
        size=cameras[0].size,
        rotations=rotations,
        projections=projections,
        q=_disparity_matrix(projections, axis),
        maps=np.stack(maps),
        regions=(_region(maps[0], cameras[0]), _region(maps[1], cameras[1])),
        vertical=axis == 1,
        unit=rig.unit,
    )


def _rotations(right_from_left: Array, left: str, right: str) -> tuple[Array, int]:
    """Return rectified_from_camera (2, 3, 3) and the axis of the baseline: 0 for x, 1 for y."""
    half = rotation_from_vector(-vector_from_rotation(right_from_left[:3, :3]) / 2)
    shift = half @ right_from_left[:3, 3]
    shift /= np.linalg.norm(shift)
    axis = int(abs(shift[1]) > abs(shift[0]))
    turn = np.arccos(min(abs(shift[axis]), 1.0))
    if turn > MOST_TURNED:
        raise RigError(
            f"cameras '{left}' and '{right}' stand one behind the other: their baseline is "
            f"{np.rad2deg(np.arccos(min(abs(shift[2]), 1.0))):.0f} degrees from where they look, "
            "so that no rectified image holds both; triangulate with them instead"
        )
    target = np.zeros(3)
    target[axis] = np.copysign(1.0, shift[axis])
    normal = np.cross(shift, target)
    length = np.linalg.norm(normal)
    together = rotation_from_vector(normal * (turn / length) if length else normal)
    return np.stack([together @ half.T, together @ half]), axis


def _border(camera: Camera, rotation: Array) -> Array:
    """Return the rectified normalized coordinates (n, 2) of the border of a camera's image."""
    ramp = np.linspace(-0.5, 0.5, BORDER)
    side = np.full(BORDER, 0.5)
    unit = [(ramp, -side), (ramp, side), (-side, ramp), (side, ramp)]
    square = np.concatenate([np.stack(pair, axis=-1) for pair in unit])
    size = np.array(camera.size, dtype=float)
    ideal = camera.undistort((square + 0.5) * size - 0.5)
    ideal = ideal[np.isfinite(ideal).all(axis=-1)]
    rays = np.concatenate([ideal, np.ones_like(ideal[:, :1])], axis=-1) @ rotation.T
    cosine = rays[:, 2] / np.linalg.norm(rays, axis=-1)
    if not len(rays) or cosine.min() < FLATTEST:
        angle = np.rad2deg(np.arccos(rotation[2, 2]))
        raise RigError(
            f"camera '{camera.name}' would be turned by {angle:.0f} degrees, which stretches its "
            "image beyond use: the two views look in too different directions; triangulate with "
            "them instead"
        )
    return rays[:, :2] / rays[:, 2:]


def _centers(borders: list[Array], focal: float, size: tuple[int, int]) -> Array:
    """Return the principal points (2, 2) that put both views in the middle of their images."""
    middle = (np.array(size) - 1.0) / 2
    return np.stack([middle - focal * (b.min(axis=0) + b.max(axis=0)) / 2 for b in borders])


def _map(
    camera: Camera, rotation: Array, projection: Array, size: tuple[int, int]
) -> NDArray[np.float32]:
    """Return where each pixel of a rectified image lies in the camera's, (height, width, 2)."""
    rows, columns = np.indices(size[::-1], dtype=float)
    grid = np.stack([columns, rows], axis=-1)
    ideal = _turn(rotation.T, (grid - projection[:2, 2]) / projection[0, 0])
    pixels = camera.lens.distort(ideal) @ camera.matrix[:2, :2].T + camera.matrix[:2, 2]
    # Beyond what the image's border sees, a lens model may fold rays back into the image.
    border = _border(camera, np.eye(3))
    seen = (np.abs(ideal) <= np.abs(border).max(axis=0) * 1.001).all(axis=-1)
    return np.where(seen[..., None], pixels, OUTSIDE).astype(np.float32)


def _turn(rotation: Array, normalized: Array) -> Array:
    """Return the normalized coordinates (..., 2) of turned rays; NaN for rays turned away."""
    rays = normalized @ rotation[:, :2].T + rotation[:, 2]
    return rays[..., :2] / np.where(rays[..., 2:] > 0, rays[..., 2:], np.nan)


def _disparity_matrix(projections: Array, axis: int) -> Array:
    """Return Q (4, 4) of two rectified projections (2, 3, 4), as cv2.stereoRectify has it."""
    (left, right), focal = projections, projections[0, 0, 0]
    shift = right[axis, 3] / focal
    q = np.zeros((4, 4))
    q[0, 0] = q[1, 1] = 1.0
    q[:2, 3] = -left[:2, 2]
    q[2, 3] = focal
    q[3, 2] = -1 / shift
    q[3, 3] = (left[axis, 2] - right[axis, 2]) / shift
    return q


def _region(pixel_map: NDArray[np.float32], camera: Camera) -> tuple[int, int, int, int]:
    """Return a large rectangle (x, y, width, height) of pixels that the camera all sees.

    The side with the largest share of unseen pixels moves inwards until all are seen.
    """
    limits = np.array(camera.size) - 1.0
    inside = np.logical_and(pixel_map >= 0, pixel_map <= limits)
    unseen: NDArray[np.bool_] = np.logical_not(inside[..., 0] & inside[..., 1])
    top, first = 0, 0
    bottom, last = unseen.shape
    while top < bottom and first < last:
        part = unseen[top:bottom, first:last]
        shares = [part[0].mean(), part[-1].mean(), part[:, 0].mean(), part[:, -1].mean()]
        worst = int(np.argmax(shares))
        if shares[worst] == 0:
            if not part.any():
                break
            worst = int(np.argmin([bottom - top, last - first])) * 2
        top, bottom = top + (worst == 0), bottom - (worst == 1)
        first, last = first + (worst == 2), last - (worst == 3)
    return first, top, max(last - first, 0), max(bottom - top, 0)
