"""Pictures of boards through real lenses, with every corner known.

Each pixel's ray is intersected with the board's plane, so that perspective and distortion are
exact; nine samples a pixel give soft edges.
"""

import numpy as np
import numpy.typing as npt

from calibration.boards.flatboards import FlatBoard
from calibration.camera import Camera
from calibration.geometry import invert_pose, transform
from labcut3d.board_print import board_cells

__all__ = ["render_board", "render_boards"]

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

SAMPLES = 3  # along each side of a pixel
PAPER_MARGIN = 0.6  # squares of white around the board


def render_boards(
    camera: Camera,
    board: FlatBoard,
    poses: Array,
    rng: np.random.Generator,
    *,
    noise: float = 2.0,
) -> list[Image]:
    """Return one picture a pose (frame, 4, 4) world_from_board; see `render_board`."""
    return [render_board(camera, board, pose, rng, noise=noise) for pose in poses]


def render_board(
    camera: Camera,
    board: FlatBoard,
    world_from_board: Array,
    rng: np.random.Generator,
    *,
    noise: float = 2.0,
) -> Image:
    """Return what `camera` sees of a board, (height, width, 3) uint8 RGB.

    White paper with a margin, on grey; `noise` is the standard deviation of each grey value.
    A board behind the camera or seen from its back leaves the grey.
    """
    width, height = camera.size
    image = np.full((height, width), 95.0)
    cells, cell = board_cells(board)
    margin = PAPER_MARGIN * board.square_length
    # A chessboard's origin is its first inner corner, one square inside the board.
    origin = np.zeros(2) if hasattr(board, "dictionary") else np.full(2, -board.square_length)
    low = origin - margin
    high = origin + np.array(cells.shape[::-1]) * cell + margin
    box = _box_in_image(camera, world_from_board, low, high)
    if box is not None:
        left, top, right, bottom = box
        steps = (np.arange(SAMPLES) + 0.5) / SAMPLES - 0.5
        x = (np.arange(left, right)[:, None] + steps).ravel()
        y = (np.arange(top, bottom)[:, None] + steps).ravel()
        on_board = _meet_board(camera, world_from_board, x, y)
        shade = _shade(on_board, cells, cell, origin, (low, high))
        blocks = shade.reshape(bottom - top, SAMPLES, right - left, SAMPLES)
        image[top:bottom, left:right] = blocks.mean(axis=(1, 3))
    image += noise * rng.standard_normal(image.shape)
    return np.repeat(np.clip(np.rint(image), 0, 255).astype(np.uint8)[..., None], 3, axis=-1)


def _box_in_image(
    camera: Camera, pose: Array, low: Array, high: Array
) -> tuple[int, int, int, int] | None:
    """Return the pixels (left, top, right, bottom) that hold the sheet, or None if none do."""
    along = np.linspace(0, 1, 9)
    grid = low + np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2) * (high - low)
    points = transform(pose, np.concatenate([grid, np.zeros((len(grid), 1))], axis=1))
    towards = points.mean(axis=0) - camera.center
    if np.dot(towards, pose[:3, 2]) <= 0:  # the board's z points away from who sees its front
        return None
    pixels = camera.project(points)
    if np.isnan(pixels).any():
        return None
    left, top = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 2, 0)
    right, bottom = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 3, camera.size)
    return (left, top, right, bottom) if left < right and top < bottom else None


def _meet_board(camera: Camera, pose: Array, x: Array, y: Array) -> Array:
    """Return where the rays of pixels x, y meet the board's plane, (y, x, 2) board frame."""
    every = 2 * SAMPLES  # rays bend so little that every sixth sample is enough
    coarse = [np.append(axis[::every], axis[-1]) for axis in (x, y)]
    grid = np.stack(np.meshgrid(*coarse), axis=-1)
    if camera.wall is not None:  # behind it every ray has an origin of its own
        origins, directions = camera.rays(grid)
        start = transform(invert_pose(pose), origins)
        directions = directions @ pose[:3, :3]
        met = start[..., :2] - directions[..., :2] * (start[..., 2:] / directions[..., 2:])
        return _lerp(_lerp(met, coarse[0], x, axis=1), coarse[1], y, axis=0)
    normalized = camera.undistort(grid)
    columns = _lerp(normalized, coarse[0], x, axis=1)
    normalized = _lerp(columns, coarse[1], y, axis=0)
    origins, _ = camera.rays(np.array(camera.size) / 2)
    homogeneous = np.concatenate([normalized, np.ones_like(normalized[..., :1])], axis=-1)
    board_from_world = invert_pose(pose)
    directions = homogeneous @ camera.rotation @ board_from_world[:3, :3].T
    start = transform(board_from_world, origins[None])[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return start[:2] - directions[..., :2] * (start[2] / directions[..., 2:])


def _lerp(values: Array, at: Array, to: Array, axis: int) -> Array:
    """Interpolate `values`, known at the rising positions `at` along `axis`, linearly at `to`."""
    index = np.clip(np.searchsorted(at, to, side="right") - 1, 0, len(at) - 2)
    weight = (to - at[index]) / np.where(at[index + 1] > at[index], at[index + 1] - at[index], 1)
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = weight.reshape(shape)
    return np.take(values, index, axis) * (1 - weight) + np.take(values, index + 1, axis) * weight


def _shade(
    points: Array,
    cells: npt.NDArray[np.bool_],
    cell: float,
    origin: Array,
    sheet: tuple[Array, Array],
) -> Array:
    """Return the grey (...) of points (..., 2) of the board's plane: black, white or around it."""
    with np.errstate(invalid="ignore"):
        on_sheet = ((points >= sheet[0]) & (points < sheet[1])).all(axis=-1)
        index = np.floor((points - origin) / cell)
        index = np.nan_to_num(index, nan=-1.0, posinf=-1.0, neginf=-1.0)
        inside = np.asarray(((index >= 0) & (index < cells.shape[::-1])).all(axis=-1))
    place = np.where(inside[..., None], index, 0).astype(int)
    rows, columns = np.moveaxis(place, -1, 0)[::-1]
    ink = inside & np.asarray(cells)[rows, columns]
    return np.where(on_sheet, np.where(ink, 20.0, 230.0), 95.0)
