"""The three board recordings with a reference: their images, boards, and OpenCV's corners."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from common import cache_dir, data_dir

from calibration import Camera, CharucoBoard, Lens, Rig
from calibration.geometry import Array, rotation_from_vector
from calibration.timing.timestamps import Timeline, read_timestamps

__all__ = ["DATASETS", "Recording", "fly_chamber_truth", "opencv_corners"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A board in synchronous grey images (view -> list), with the board as it was printed.

    `timelines` say when each view's images were taken, empty where nothing does.
    """

    name: str
    board: CharucoBoard
    images: dict[str, list[np.ndarray]]
    timelines: dict[str, Timeline] = field(default_factory=dict)

    @property
    def views(self) -> tuple[str, ...]:
        """The names of the views."""
        return tuple(self.images)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the images, the same in all views."""
        height, width = next(iter(self.images.values()))[0].shape
        return width, height


def mouse_4cam() -> Recording:
    """Return the 21 images of each of four cameras about an arena, 1280x1024."""
    folder, images = data_dir("mouse_4cam"), {}
    for view in ("back", "mid", "side", "top"):
        paths = sorted((folder / view / "calibration_images").glob("*.jpg"), key=_number)
        images[view] = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    board = _board(8, 11, 24.0, 18.75, "DICT_4X4_1000")
    return Recording(name="mouse_4cam", board=board, images=images)


def charuco_4cam() -> Recording:
    """Return the 57 synchronous frames of four web cameras, 1280x720, of an inverted board."""
    folder = data_dir("charuco_4cam") / "calibration" / "extrinsic"
    images = {f"cam_{view}": list(_frames(folder / f"cam_{view}.mp4")) for view in range(4)}
    board = _board(4, 5, 54.0, 40.5, "DICT_4X4_1000", inverted=True)
    counts = {view: len(frames) for view, frames in images.items()}
    timelines = read_timestamps(folder / "timestamps.csv", counts)
    return Recording(name="charuco_4cam", board=board, images=images, timelines=timelines)


def fly_chamber() -> Recording:
    """Return the 240 frames of four cameras about a chamber of 8 mm, 640x480, cameras known."""
    folder = data_dir("fly_chamber") / "calibration"
    images = {f"cam{view}": list(_frames(folder / f"cam{view}.mp4")) for view in range(4)}
    board = _board(7, 7, 0.8, 0.6, "DICT_4X4_50")
    return Recording(name="fly_chamber", board=board, images=images)


DATASETS = {"mouse_4cam": mouse_4cam, "charuco_4cam": charuco_4cam, "fly_chamber": fly_chamber}
"""How each recording is read."""


def fly_chamber_truth() -> Rig:
    """Return the cameras that the fly chamber was rendered with."""
    table = json.loads((data_dir("fly_chamber") / "truth" / "cameras.json").read_text("utf-8"))
    cameras = [
        Camera(
            name=camera["name"],
            size=tuple(camera["size"]),
            matrix=np.array(camera["matrix"]),
            lens=Lens(distortions=np.array(camera["distortions"])),
            rotation=rotation_from_vector(np.array(camera["rotation"])),
            translation=np.array(camera["translation"]),
        )
        for camera in table["cameras"]
    ]
    return Rig(cameras=tuple(cameras), unit=table["unit"])


def opencv_corners(recording: Recording) -> Array:
    """Return the corners (view, frame, corner, 2) px that OpenCV's CharucoDetector finds.

    With its default parameters; kept in the cache, since a large dictionary takes it a minute.
    """
    path = cache_dir() / f"{recording.name}_opencv{cv2.__version__}.npz"
    if not path.is_file():
        find = partial(_opencv_image, _opencv_detector(recording.board), recording.board)
        corners = [[find(image) for image in images] for images in recording.images.values()]
        np.savez(path, corners=np.array(corners))
    with np.load(path) as data:
        return data["corners"]


def _opencv_detector(board: CharucoBoard) -> cv2.aruco.CharucoDetector:
    """Return OpenCV's detector of a board."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_x, board.squares_y)
    return cv2.aruco.CharucoDetector(
        cv2.aruco.CharucoBoard(size, board.square_length, board.marker_length, dictionary)
    )


def _opencv_image(
    detector: cv2.aruco.CharucoDetector, board: CharucoBoard, image: np.ndarray
) -> Array:
    """Return the corners (corner, 2) px in one image, NaN where not seen."""
    found = np.full((board.n_corners, 2), np.nan)
    corners, ids, _, _ = detector.detectBoard(255 - image if board.inverted else image)
    if ids is not None and len(ids):
        found[ids.ravel()] = corners.reshape(-1, 2)
    return found


def _board(
    columns: int, rows: int, square: float, marker: float, dictionary: str, inverted: bool = False
) -> CharucoBoard:
    """Return a board measured in mm."""
    return CharucoBoard(
        squares_x=columns,
        squares_y=rows,
        square_length=square,
        marker_length=marker,
        dictionary=dictionary,
        unit="mm",
        inverted=inverted,
    )


def _frames(path: Path) -> Iterator[np.ndarray]:
    """Read a video as grey images."""
    video = cv2.VideoCapture(str(path))
    while (read := video.read())[0]:
        yield cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY)


def _number(path: Path) -> int:
    """Return the number at the end of a file's name."""
    return int(path.stem.split("-")[-1])
