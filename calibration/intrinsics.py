"""A first estimate of one camera's intrinsics from its own images of the board.

Good enough to start the bundle adjustment from, which then refines every parameter on all images:
the focal length from homographies (Zhang, "A flexible new technique for camera calibration",
2000), then two radial coefficients, from a few images chosen to differ. OpenCV's calibrateCamera
is not used, because two runs of it differ in their last digits.
"""

import cv2
import numpy as np

from calibration.adjusting import adjust
from calibration.board import Board
from calibration.boardposes import pose_candidates
from calibration.bundle import ROUGH
from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.geometry import Array
from calibration.lens import Lens
from calibration.observations import FEWEST_CORNERS

__all__ = ["estimate_intrinsics"]

MOST_IMAGES = 30
FEWEST_IMAGES = 3  # views of a plane that fix a camera's intrinsics
STAGES = (("fx", "fy", "k1"), ("fx", "fy", "cx", "cy", "k1", "k2"))  # fitted one after another
SCALE = 2.0  # px; corners farther off pull no harder, since some may be wrong
PLAUSIBLE_FOCAL = (0.2, 50.0)  # of the image's longer side


def estimate_intrinsics(
    board: Board, corners: Array, *, view: str, size: tuple[int, int]
) -> Camera:
    """Return a camera at the origin, estimated from its corners (frame, corner, 2) px.

    Raises `CalibrationError` where there are too few images, or no camera explains them.
    """
    usable = np.flatnonzero(np.isfinite(corners[..., 0]).sum(axis=1) >= FEWEST_CORNERS)
    if len(usable) < FEWEST_IMAGES:
        raise CalibrationError(
            f"view '{view}' saw the board in only {len(usable)} images with {FEWEST_CORNERS} or "
            f"more corners; {FEWEST_IMAGES} at different tilts are the least, 20 are good"
        )
    chosen = _choose_images(corners[usable], size)
    objects, images = [], []
    for image in corners[usable[chosen]]:
        seen = np.isfinite(image[:, 0])
        objects.append(board.points[seen].astype(np.float32))
        images.append(image[seen].astype(np.float32))
    matrix = np.asarray(cv2.initCameraMatrix2D(objects, images, size, 1.0), dtype=float)
    if not np.isfinite(matrix).all() or not _is_plausible(matrix[0, 0], size):
        matrix = np.array([[max(size), 0, size[0] / 2], [0, max(size), size[1] / 2], [0, 0, 1.0]])
    camera = Camera(
        name=view,
        size=size,
        matrix=matrix,
        lens=Lens(distortions=np.zeros(5)),
        rotation=np.eye(3),
        translation=np.zeros(3),
    )
    for names in STAGES:
        camera = _fit(camera, board, corners[usable[chosen]], names)
    if not _is_plausible(camera.matrix[0, 0], size):
        raise CalibrationError(
            f"view '{view}': the images of the board lead to a focal length of "
            f"{camera.matrix[0, 0]:.3g} px; show the board at several tilts and distances"
        )
    return camera


def _fit(camera: Camera, board: Board, corners: Array, names: tuple[str, ...]) -> Camera:
    """Return the camera with the parameters called `names` fitted to its own images."""
    boards = pose_candidates(camera, board.points, corners)[:, 0]
    if np.isfinite(boards[:, 0, 0]).sum() < FEWEST_IMAGES:
        return camera
    return adjust(
        [camera],
        boards,
        corners[None],
        board.points,
        free=[names],
        posed=[False],
        sigma=np.array([SCALE]),
        tolerance=ROUGH,
    ).cameras[0]


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
    shear = np.nanmean(centered.prod(axis=-1), axis=1) / spread.prod(axis=-1)
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
