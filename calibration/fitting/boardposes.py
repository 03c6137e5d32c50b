"""Where the board was, from one image of it by a known camera.

A small or distant flat board has two poses that look almost alike (Collins & Bartoli,
"Infinitesimal plane-based pose estimation", 2014). Both are kept until other cameras decide.
"""

import cv2
import numpy as np

from calibration.camera import Camera
from calibration.corners.observations import fewest_corners
from calibration.geometry import Array, invert_pose, make_pose, transform

__all__ = ["best_world_poses", "flat_coordinates", "pose_candidates"]

THINNEST = 1e-3  # of their length: points narrower than that lie on a line
FLATTEST = 0.02  # of their width: points thicker than that lie in no plane
_Plane = tuple[Array, float]  # what `_plane` returns
CAP = 10.0  # px; a corner farther off counts as this much when poses are compared


def pose_candidates(camera: Camera, points: Array, corners: Array) -> Array:
    """Return camera_from_board (frame, 2, 4, 4) for corners (frame, corner, 2) px.

    The better pose comes first; points that lie in no plane have but one, given twice. NaN where
    there are too few corners.
    """
    poses = np.full((len(corners), 2, 4, 4), np.nan)
    normalized = camera.undistort(corners)
    plane = _plane(points)
    for frame, image in enumerate(normalized):
        seen = np.isfinite(image[:, 0])
        if np.count_nonzero(seen) < fewest_corners(len(points)):
            continue
        among = points[seen]
        found = _solve(among, image[seen], plane if _is_flat(plane) else _plane(among))
        for index in range(2 if found else 0):
            poses[frame, index] = found[min(index, len(found) - 1)]
    return poses


def _solve(points: Array, image: Array, plane: _Plane | None) -> list[Array]:
    """Return the poses (4, 4), best first, that put points (n, 3) at normalized image (n, 2).

    Points of one plane have two (IPPE, in the plane's own frame), others one (SQPnP: Terzakis &
    Lourakis 2020), points of a line none.
    """
    if plane is None:
        return []
    if not _is_flat(plane):
        found, turn, shift = cv2.solvePnP(points, image, np.eye(3), None, flags=cv2.SOLVEPNP_SQPNP)
        return [make_pose(cv2.Rodrigues(turn)[0], shift.ravel())] if found else []
    plane_from_board, _ = plane
    flat = transform(plane_from_board, points) * [1, 1, 0]
    middle = flat[:, :2].mean(axis=0)
    affine, _, _, extent = np.linalg.lstsq(flat[:, :2] - middle, image - image.mean(axis=0))
    if not extent[1] > THINNEST * extent[0]:
        return []
    # OpenCV's IPPE misses the pose of a plane that is seen from behind at certain turns.
    if affine[0, 0] * affine[1, 1] < affine[0, 1] * affine[1, 0]:
        turn = np.diag([1.0, -1.0, -1.0, 1.0])
        plane_from_board, flat = turn @ plane_from_board, flat * [1, -1, 0]
    _, turns, shifts, _ = cv2.solvePnPGeneric(flat, image, np.eye(3), None, flags=cv2.SOLVEPNP_IPPE)
    return [
        make_pose(cv2.Rodrigues(turn)[0], shift.ravel()) @ plane_from_board
        for turn, shift in zip(turns[:2], shifts[:2], strict=True)
    ]


def flat_coordinates(points: Array) -> Array | None:
    """Return points (n, 3) that lie in one plane in that plane's frame, z = 0; None else."""
    found = _plane(points)
    return transform(found[0], points) * [1, 1, 0] if found and _is_flat(found) else None


def _is_flat(plane: _Plane | None) -> bool:
    """Tell whether there is a plane, and the points lie in it."""
    return plane is not None and plane[1] <= FLATTEST


def _plane(points: Array) -> _Plane | None:
    """Return plane_from_board (4, 4) of points (n, 3), and their thickness over their width.

    None where they lie on a line.
    """
    center = points.mean(axis=0)
    _, extent, axes = np.linalg.svd(points - center, full_matrices=False)
    if not extent[1] > THINNEST * extent[0]:
        return None
    axes[2] *= np.sign(np.linalg.det(axes))  # right-handed
    return make_pose(axes, -axes @ center), float(extent[2] / extent[1])


def best_world_poses(
    cameras: tuple[Camera, ...], points: Array, corners: Array, candidates: Array
) -> Array:
    """Return world_from_board (frame, 4, 4): of all candidates, the one all cameras agree with.

    `corners` (view, frame, corner, 2) px; `candidates` (view, frame, 2, 4, 4) camera_from_board.
    NaN for frames without a candidate.
    """
    best = np.full((corners.shape[1], 4, 4), np.nan)
    best_score = np.full(corners.shape[1], np.inf)
    for view, camera in enumerate(cameras):
        for choice in range(candidates.shape[2]):
            world = invert_pose(camera.camera_from_world) @ candidates[view, :, choice]
            score = _disagreement(cameras, transform(world, points), corners)
            score = np.where(np.isfinite(world[:, 0, 0]), score, np.inf)
            better = score < best_score
            best[better], best_score[better] = world[better], score[better]
    return best


def _disagreement(cameras: tuple[Camera, ...], points_world: Array, corners: Array) -> Array:
    """Return the capped sum (frame,) px of how far corners lie from projected points."""
    projected = np.stack([camera.project(points_world) for camera in cameras])
    errors = np.linalg.norm(projected - corners, axis=-1)
    errors = np.where(np.isfinite(projected[..., 0]), np.minimum(errors, CAP), CAP)
    return np.where(np.isfinite(corners[..., 0]), errors, 0.0).sum(axis=(0, 2))
