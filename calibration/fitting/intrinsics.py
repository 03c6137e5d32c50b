"""A first estimate of one camera's intrinsics from its own images of the board.

Good enough to start the bundle adjustment from, which then refines every parameter on all images:
the focal length from homographies (Zhang, "A flexible new technique for camera calibration",
2000), then two radial coefficients, from a few images chosen to differ. OpenCV's calibrateCamera
is not used, because two runs of it differ in their last digits.
"""

import cv2
import numpy as np

from calibration.boards.board import Board
from calibration.camera import Camera
from calibration.corners.observations import fewest_corners
from calibration.errors import CalibrationError
from calibration.fitting.boardposes import flat_coordinates, pose_candidates
from calibration.geometry import Array, is_seen
from calibration.lens import Lens
from calibration.solver.adjusting import adjust, residuals_at
from calibration.solver.bundle import ROUGH

__all__ = ["estimate_intrinsics", "require_plausible"]

MOST_IMAGES = 30
FEWEST_IMAGES = 3  # views of a plane that fix a camera's intrinsics
STAGES = (("fx", "fy", "k1"), ("fx", "fy", "cx", "cy", "k1", "k2"))  # fitted one after another
SCALE = 2.0  # px; corners farther off pull no harder, since some may be wrong
PLAUSIBLE_FOCAL = (0.2, 50.0)  # of the image's longer side
FOCALS = np.geomspace(0.4, 10.0, 15)  # of the image's longer side, tried where no plane tells


def estimate_intrinsics(
    board: Board, corners: Array, *, view: str, size: tuple[int, int]
) -> Camera:
    """Return a camera at the origin, estimated from its corners (frame, corner, 2) px.

    Raises `CalibrationError` where there are too few images, or no camera explains them.
    """
    fewest = fewest_corners(board.n_corners)
    usable = np.flatnonzero(is_seen(corners).sum(axis=1) >= fewest)
    if len(usable) < FEWEST_IMAGES:
        raise CalibrationError(
            f"view '{view}' saw the board in only {len(usable)} images with {fewest} or "
            f"more corners; {FEWEST_IMAGES} at different tilts are the least, 20 are good"
        )
    chosen = corners[usable[_choose_images(corners[usable], size)]]
    camera = _first_camera(board, chosen, view, size)
    boards = pose_candidates(camera, board.points, chosen)[:, 0]
    if np.isfinite(boards[:, 0, 0]).sum() >= FEWEST_IMAGES:
        for names in STAGES:
            found = adjust(
                [camera],
                boards,
                chosen[None],
                board.points,
                free=[names],
                posed=[False],
                sigma=SCALE,
                tolerance=ROUGH,
            )
            (camera,), boards = found.cameras, found.boards
    require_plausible(camera)
    return camera


def require_plausible(camera: Camera) -> None:
    """Raise `CalibrationError` for a camera with a focal length that no real lens has."""
    focal = float(camera.matrix[0, 0])
    if not _is_plausible(focal, camera.size):
        raise CalibrationError(
            f"view '{camera.name}': the images of the board lead to a focal length of {focal:.3g} "
            f"px for images of {camera.size[0]} x {camera.size[1]}; show the board at several "
            "tilts and distances, and check that the view is not mirrored and in step with others"
        )


def _first_camera(board: Board, corners: Array, view: str, size: tuple[int, int]) -> Camera:
    """Return a camera without distortion: from homographies, or the best of many focal lengths."""
    flat = [flat_coordinates(board.points[is_seen(image)]) for image in corners]
    if all(points is not None for points in flat) and np.ptp(corners[is_seen(corners)]) > 0:
        matrix = cv2.initCameraMatrix2D(
            [np.asarray(points, dtype=np.float32) for points in flat],
            [image[is_seen(image)].astype(np.float32) for image in corners],
            size,
            1.0,
        )
        focal = float(matrix[0, 0])
        if np.isfinite(matrix).all() and _is_plausible(focal, size):
            return _ideal_camera(view, size, focal)
    tried = [_ideal_camera(view, size, focal * max(size)) for focal in FOCALS]
    errors = []
    for camera in tried:
        boards = pose_candidates(camera, board.points, corners)[:, 0]
        residual = residuals_at([camera], boards, corners[None], board.points)
        distance = np.linalg.norm(residual, axis=-1)
        errors.append(float(np.nanmedian(distance)) if np.isfinite(distance).any() else np.inf)
    return tried[int(np.argmin(errors))]


def _ideal_camera(view: str, size: tuple[int, int], focal: float) -> Camera:
    """Return a camera at the origin without distortion, its centre in the image's middle."""
    middle = (np.array(size) - 1) / 2
    return Camera(
        name=view,
        size=size,
        matrix=np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]]),
        lens=Lens(distortions=np.zeros(5)),
        rotation=np.eye(3),
        translation=np.zeros(3),
    )


def _choose_images(corners: Array, size: tuple[int, int]) -> np.ndarray:
    """Return the indices of images that differ most from each other, the richest first.

    Images are compared by the mean, the spread and the shear of their corners; each next one is
    the farthest from those chosen. Images with few corners count as near to all.
    """
    counts = np.isfinite(corners[..., 0]).sum(axis=1)
    scaled = corners / max(size)
    mean = np.nanmean(scaled, axis=1)
    centered = scaled - mean[:, None]
    spread = np.sqrt(np.nanmean(centered**2, axis=1))
    shear = np.nanmean(centered.prod(axis=-1), axis=1) / np.maximum(spread.prod(axis=-1), 1e-12)
    features = np.column_stack([mean, 2 * spread, 0.3 * shear])
    chosen = [int(np.argmax(counts))]
    distance = np.full(len(corners), np.inf)
    while len(chosen) < min(MOST_IMAGES, len(corners)):
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(distance * counts)))
    return np.unique(chosen)


def _is_plausible(focal: float, size: tuple[int, int]) -> bool:
    """Tell whether a focal length, px, is one that a real lens has."""
    low, high = PLAUSIBLE_FOCAL
    return bool(low * max(size) < focal < high * max(size))
