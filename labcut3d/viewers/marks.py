"""What is drawn on the images of a recording: detections, reprojections, bones, repairs."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from labcut3d.errors import DatasetError
from labcut3d.viewers.palette import keypoint_colors, rgb_of
from labcut3d.viewers.recording import Recording
from labcut3d.viewers.repairs import exchanged_points
from labcut3d.viewers.trajectory_figure import positions_of

__all__ = ["Marks", "draw_marks", "draw_title", "marks_of", "reproject"]

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

SHIFT = 4  # bits behind the point of cv2's coordinates
BONE, OUTLINE, TIE = (245, 245, 245), (255, 255, 255), (255, 216, 77)
DISC, RING, WRONG_RING = 3.0, 6.0, 8.0  # px at a width of 640


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """The marks of all moments and views; what is not known is NaN.

    `detected` and `reprojected` (time, view, individual, keypoint, 2) px of the view's images;
    `exchanged` (time, view, individual, keypoint) tells detections that were the other side's;
    `bones` are pairs of keypoints' indices, `colors` RGB for each keypoint.
    """

    views: tuple[str, ...]
    detected: Array
    reprojected: Array
    exchanged: npt.NDArray[np.bool_]
    bones: tuple[tuple[int, int], ...]
    colors: tuple[tuple[int, int, int], ...]


def marks_of(recording: Recording) -> Marks:
    """Return what can be drawn on the images of a recording."""
    main = recording.main
    views = tuple(str(view) for view in main["view"].values)
    names = [str(name) for name in main["keypoint"].values]
    shape = (main.sizes["time"], len(views), main.sizes["individual"], len(names), 2)
    detected = reprojected = np.full(shape, np.nan)
    exchanged = np.zeros(shape[:-1], dtype=bool)
    if recording.detections is not None:
        order = ("time", "view", "individual", "keypoint", "space")
        found = recording.detections["position"].sel(view=list(views))
        detected = found.transpose(*order).values.astype(float)
    if recording.trajectories is not None and recording.rig is not None:
        reprojected = reproject(recording, views)
        if recording.detections is not None:
            exchanged = exchanged_points(
                recording.trajectories, recording.detections, reprojected, recording.skeleton
            )
    bones = () if recording.skeleton is None else recording.skeleton.bones
    colors = keypoint_colors(names, recording.skeleton)
    return Marks(
        views=views,
        detected=detected,
        reprojected=reprojected,
        exchanged=exchanged,
        bones=tuple((names.index(a), names.index(b)) for a, b in bones if {a, b} <= set(names)),
        colors=tuple(rgb_of(colors[name]) for name in names),
    )


def reproject(recording: Recording, views: Sequence[str]) -> Array:
    """Return where (time, view, individual, keypoint, 2) px the views see the trajectories.

    NaN for views that have no camera. Raises `DatasetError` without trajectories or rig.
    """
    if recording.trajectories is None or recording.rig is None:
        raise DatasetError(f"recording '{recording.name}': reprojections need trajectories and rig")
    position, rig = positions_of(recording.trajectories), recording.rig
    missing = np.full((*position.shape[:-1], 2), np.nan)
    known = [rig[view].project(position) if view in rig.names else missing for view in views]
    return np.stack(known, axis=1)


def draw_marks(image: Image, marks: Marks, moment: int, view: int, scale: float = 1.0) -> Image:
    """Return an RGB image of a view with its marks of one moment.

    Bones and discs show reprojections (detections where there are none), rings show detections; one
    that was the other side's is a wide ring tied to where its keypoint is. `scale` is that of the
    image to the view's own.
    """
    image, size = image.copy(), image.shape[1] / 640
    detected = (marks.detected[moment, view] + 0.5) * scale - 0.5
    reprojected = (marks.reprojected[moment, view] + 0.5) * scale - 0.5
    for individual in range(len(detected)):
        lines = reprojected[individual]
        if not np.isfinite(lines).any():
            lines = detected[individual]
        _lines(image, lines[np.array(marks.bones, dtype=int).reshape(-1, 2)], BONE, size)
        wrong = marks.exchanged[moment, view, individual]
        ties = np.stack([detected[individual, wrong], reprojected[individual, wrong]], axis=1)
        _lines(image, ties, TIE, 1.6 * size)
        for keypoint, color in enumerate(marks.colors):
            _circle(image, reprojected[individual, keypoint], (DISC + 1) * size, OUTLINE, -1)
            _circle(image, reprojected[individual, keypoint], DISC * size, color, -1)
            radius = (WRONG_RING if wrong[keypoint] else RING) * size
            _circle(image, detected[individual, keypoint], radius + size, OUTLINE, 1)
            _circle(image, detected[individual, keypoint], radius, color, max(round(2 * size), 1))
    return image


def draw_title(image: Image, text: str) -> Image:
    """Return an image with a text in its upper left corner."""
    size, place = max(image.shape[1] / 640, 0.5), (round(8 * image.shape[1] / 640) + 4, 0)
    origin = (place[0], round(24 * size))
    image = image.copy()
    for color, width in ((0, 0, 0), 4), ((255, 255, 255), 1):
        cv2.putText(
            image, text, origin, cv2.FONT_HERSHEY_SIMPLEX, 0.6 * size, color, width, cv2.LINE_AA
        )
    return image


def _lines(image: Image, ends: Array, color: tuple[int, int, int], width: float) -> None:
    """Draw lines (n, 2, 2) px whose ends are both known and not far outside."""
    ends = ends[(np.abs(ends) < 1e5).all(axis=(1, 2))]
    lines = list(np.round(ends * 2**SHIFT).astype(np.int32))
    thickness = max(round(width), 1)
    cv2.polylines(image, lines, False, color, thickness, cv2.LINE_AA, SHIFT)


def _circle(
    image: Image, place: Array, radius: float, color: tuple[int, int, int], thickness: int
) -> None:
    """Draw a circle, filled where `thickness` is -1, at a place (2,) px that is known."""
    if not (np.abs(place) < 1e5).all():
        return
    x, y, r = (round(float(v) * 2**SHIFT) for v in (*place, radius))
    cv2.circle(image, (x, y), r, color, thickness, cv2.LINE_AA, SHIFT)
