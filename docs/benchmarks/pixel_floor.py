"""What is left on charuco_4cam once each image has a delay of its own: shutters? a bent board?

    python docs/benchmarks/pixel_floor.py

A rolling shutter takes the rows of an image one after another, so that corners of a moving board
lie off along their motion, the more the lower they are; a bent board has its corners off its plane.
Each is fitted to every other run of ten frames and judged by the error in those left out.
"""

import numpy as np
from common import show
from datasets import charuco_4cam
from scipy.optimize import least_squares

from calibration import Calibration, observe
from calibration.geometry import Array, is_seen, transform
from calibration.timing.scene import Scene
from calibration.timing.synchronization import calibrate_in_time
from calibration.timing.timestamps import with_times
from calibration.timing.tracks import velocities

BLOCK = 10  # frames left out together
PERIOD = 1 / 6  # s from frame to frame


def main() -> None:
    """Print the error left out before and after, for each cause."""
    recording = charuco_4cam()
    numbers = {view: line.numbers.tolist() for view, line in recording.timelines.items()}
    printed, seen = observe(recording.board, recording.images, numbers=numbers)
    result = calibrate_in_time(printed, with_times(seen, recording.timelines))
    left_out = np.arange(len(result.board_poses)) // BLOCK % 2 == 1
    rows = [
        (f"rolling shutter of {name}", *_shutter(result, view, left_out))
        for view, name in enumerate(result.rig.names)
    ]
    rows.append(("a bent board", *_bend(result, left_out)))
    columns = ("cause", "fitted", "px left out, without", "with")
    show("charuco_4cam, images brought to one moment", columns, rows)


def _shutter(result: Calibration, view: int, left_out: np.ndarray) -> tuple[str, float, float]:
    """Return the time that one camera takes to read an image, and the errors px left out."""
    camera, scene = result.rig.cameras[view], Scene.of(result)
    pixels = camera.project(transform(result.board_poses, result.board.points))
    motion = velocities(pixels[None], scene.taken, PERIOD)[0]
    residual = result.residuals[view]
    known = is_seen(residual) & is_seen(motion)
    row = np.where(known, pixels[..., 1] / camera.size[1], 0.0)
    row -= row.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1)
    effect = motion * row[..., None]
    fitted, judged = known & ~left_out[:, None], known & left_out[:, None]
    seconds = (effect[fitted] * residual[fitted]).sum() / (effect[fitted] ** 2).sum()
    after = residual[judged] - seconds * effect[judged]
    return f"{1e3 * seconds:.1f} ms", _mean(residual[judged]), _mean(after)


def _bend(result: Calibration, left_out: np.ndarray) -> tuple[str, float, float]:
    """Return how far corners lie off the board's plane at most, and the errors px left out."""
    believed = Scene.of(result).corners

    def residuals(depth: Array, frames: np.ndarray) -> Array:
        points = result.board.points.copy()
        points[:, 2] += depth
        off = result.rig.project(transform(result.board_poses[frames], points))
        off -= believed[:, frames]
        return off[is_seen(off)]

    posed = np.isfinite(result.board_poses[:, 0, 0])
    flat = np.zeros(len(result.board.points))
    bent = least_squares(lambda z: residuals(z, posed & ~left_out).ravel(), flat, loss="soft_l1").x
    judged = posed & left_out
    text = f"{np.abs(bent).max():.2f} {result.board.unit}"
    return text, _mean(residuals(flat, judged)), _mean(residuals(bent, judged))


def _mean(residuals: Array) -> float:
    """Return the mean length of residuals (n, 2)."""
    return float(np.linalg.norm(residuals, axis=-1).mean())


if __name__ == "__main__":
    main()
