"""The animal in 3-D as pictures: one a moment, for videos, drawn without a browser."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import xarray as xr

from calibration.rig import Rig
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.palette import BODY, CYCLE, MUTED, PAPER, RULE, keypoint_colors, rgb_of
from labcut3d.viewers.rig_figure import cube_around, view_camera
from labcut3d.viewers.signals import default_keypoints
from labcut3d.viewers.surroundings import Surroundings, box_lines, substrate_lines
from labcut3d.viewers.trajectory_figure import bone_line, positions_of

__all__ = ["Projection", "choose_projection", "scene_pictures"]

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

TRAIL_S = 2.0  # s
FILLS = 0.62  # of the picture's half: the half side of the cube, whose corners reach farther
SHIFT = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """A parallel projection: px = `axes` (2, 3) times (point - `middle` (3,)), plus `origin`."""

    axes: Array
    middle: Array
    origin: Array

    def __call__(self, points: Array) -> Array:
        """Return the pixels (..., 2) of points (..., 3), y down."""
        return (points - self.middle) @ self.axes.T + self.origin


def choose_projection(ranges: Array, rig: Rig | None, size: int) -> Projection:
    """Return the projection that shows a cube of `ranges` (3, 2) in a square of `size` px.

    Upright, and from the direction of the viewer's scene.
    """
    camera = view_camera(rig)
    up, eye = (np.array([camera[name][axis] for axis in "xyz"]) for name in ("up", "eye"))
    back = eye / np.linalg.norm(eye)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    scale = FILLS * size / float(np.ptp(ranges[0]))
    return Projection(
        axes=scale * np.stack([right, -np.cross(back, right)]),
        middle=ranges.mean(axis=1),
        origin=np.full(2, size / 2),
    )


def scene_pictures(
    trajectories: xr.Dataset,
    size: int,
    *,
    skeleton: Skeleton | None = None,
    rig: Rig | None = None,
    surroundings: Surroundings | None = None,
) -> Iterator[Image]:
    """Yield one picture (size, size, 3) RGB a moment: skeleton, trail, chamber and substrate."""
    surroundings = surroundings or Surroundings()
    position = positions_of(trajectories)
    boxes = [corners.reshape(-1, 3) for corners in surroundings.boxes.values()]
    ranges = cube_around(np.concatenate(boxes)) if boxes else cube_around(position, trim=0.002)
    project = choose_projection(ranges, rig, size)
    ground = _ground(project, surroundings, ranges, size)
    names = [str(name) for name in trajectories["keypoint"].values]
    colors = [rgb_of(color) for color in keypoint_colors(names, skeleton).values()]
    tip = names.index(default_keypoints(names, skeleton)[-1])
    length = round(TRAIL_S * float(trajectories.attrs["fps"]))
    for moment in range(len(position)):
        image = ground.copy()
        for points, path in zip(
            position[moment],
            np.moveaxis(position[max(0, moment - length) : moment + 1, :, tip], 1, 0),
            strict=True,
        ):
            _polyline(image, project(path), CYCLE[3], 2)
            _polyline(image, project(bone_line(points, skeleton, names)), BODY, 3)
            _discs(image, project(points), colors)
        yield image


def _ground(project: Projection, surroundings: Surroundings, ranges: Array, size: int) -> Image:
    """Return the picture without an animal: the chamber, or else a cube, and the substrate."""
    image = np.full((size, size, 3), rgb_of(PAPER), dtype=np.uint8)
    if surroundings.substrate is not None:
        _polyline(image, project(substrate_lines(surroundings.substrate, ranges)), RULE, 1)
    cube = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
    for corners in surroundings.boxes.values() or [cube]:
        _polyline(image, project(box_lines(corners)), MUTED if surroundings.boxes else RULE, 1)
    return image


def _polyline(image: Image, pixels: Array, color: str, width: int) -> None:
    """Draw a line through pixels (n, 2), broken where they are NaN."""
    known = np.asarray(np.isfinite(pixels).all(axis=-1))
    pairs = np.stack([pixels[:-1], pixels[1:]], axis=1)[known[:-1] & known[1:]]
    lines = list(np.round(np.clip(pairs, -1e5, 1e5) * 2**SHIFT).astype(np.int32))
    cv2.polylines(image, lines, False, rgb_of(color), width, cv2.LINE_AA, SHIFT)


def _discs(image: Image, pixels: Array, colors: list[tuple[int, int, int]]) -> None:
    """Draw a disc of its colour at each of the pixels (n, 2) that are known."""
    radius = image.shape[0] / 110
    for (x, y), color in zip(pixels, colors, strict=True):
        if np.isfinite(x + y) and abs(x) + abs(y) < 1e5:
            at, r = (round(float(x) * 2**SHIFT), round(float(y) * 2**SHIFT)), round(radius * 16)
            cv2.circle(image, at, r, color, -1, cv2.LINE_AA, SHIFT)
