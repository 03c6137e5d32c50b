"""Finding a ChArUco board in one image: markers first, then the corners between them.

Boards printed by OpenCV before 4.6 ("legacy") and boards printed white on black ("inverted") carry
the same markers in other places or colours. Until one image has shown which pattern fits, every
pattern is tried.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from calibration.board import DICTIONARIES, CharucoBoard
from calibration.geometry import Array
from calibration.subpixel import refine

__all__ = ["CharucoFinder"]

FEWEST_MARKERS = 3  # that agree on one flat board before a pattern is believed
LARGEST_MARKER_ERROR = 0.15  # of a marker's side, from the board's homography
PROBES = 4  # images kept to look for other dictionaries in, where nothing fits


class CharucoFinder:
    """Finds one ChArUco board in image after image, and learns how it is printed."""

    def __init__(self, board: CharucoBoard) -> None:
        self.board = board
        self._decided = False
        self._detector = _marker_detector(board)
        self._layouts = {
            legacy: _marker_layout(replace(board, legacy=legacy)) for legacy in (False, True)
        }
        self._neighbours = _neighbours(board, self._layouts[board.legacy])
        self._images = self._most_markers = self._images_with_markers = 0
        self._probes: list[np.ndarray] = []

    def find(self, gray: np.ndarray) -> tuple[Array, str]:
        """Return the corners (corner, 2) px in a grey image, NaN where not seen, and a reason.

        The reason is empty unless there are no corners at all.
        """
        self._images += 1
        missing = np.full((self.board.n_corners, 2), np.nan)
        if not self._decided:
            self._decide(gray)
        image = cv2.bitwise_not(gray) if self.board.inverted else gray
        markers = self._markers(image)
        self._most_markers = max(self._most_markers, len(markers))
        self._images_with_markers += bool(markers)
        if not markers:
            if not self._decided and len(self._probes) < PROBES:
                self._probes.append(gray)
            return missing, "no marker of the board was found"
        predicted, axes = self._predict(markers)
        return refine(image, predicted, axes, self._clear).corners, ""

    def remark(self) -> str:
        """Return in words what was seen, for the message where it was not enough."""
        text = (
            f"markers of {self.board.dictionary} were seen in {self._images_with_markers} of "
            f"{self._images} images, at most {self._most_markers} of {self.board.n_markers} at once"
        )
        if self._decided or not self._probes:
            return text
        other = _other_dictionary(self._probes, self.board.dictionary)
        return f"{text}; {other}" if other else text

    def _decide(self, gray: np.ndarray) -> None:
        """Find out how the board is printed, if this image shows it."""
        board, best = self.board, LARGEST_MARKER_ERROR
        for inverted in (self.board.inverted, not self.board.inverted):
            markers = self._markers(cv2.bitwise_not(gray) if inverted else gray)
            for legacy in (self.board.legacy, not self.board.legacy):
                error = _layout_error(markers, self._layouts[legacy])
                if error < best:
                    board, best = replace(self.board, inverted=inverted, legacy=legacy), error
            if best < LARGEST_MARKER_ERROR:
                break
        else:
            return
        if self.board.squares_y % 2:  # both patterns are the same: there is nothing to tell
            board = replace(board, legacy=self.board.legacy)
        self.board, self._decided = board, True
        self._neighbours = _neighbours(board, self._layouts[board.legacy])

    def _markers(self, image: np.ndarray) -> dict[int, Array]:
        """Return the corners (4, 2) px of each marker found; one seen twice is not trusted."""
        corners, ids, _ = self._detector.detectMarkers(image)
        found = [] if ids is None else [int(marker) for marker in ids.ravel()]
        return {
            marker: quad.reshape(4, 2).astype(float)
            for marker, quad in zip(found, corners, strict=True)
            if found.count(marker) == 1
        }

    def _predict(self, markers: dict[int, Array]) -> tuple[Array, Array]:
        """Return where the corners beside the markers should be, and a square's sides there.

        Each marker foretells its own corners by its own homography, which hardly notices the
        lens; two markers that meet at a corner are averaged.
        """
        layout = self._layouts[self.board.legacy]
        total = np.zeros((self.board.n_corners, 3, 2))
        count = np.zeros((self.board.n_corners, 1, 1))
        points = self.board.points[:, :2]
        for marker, quad in markers.items():
            corners = self._neighbours[marker]
            warp = cv2.getPerspectiveTransform(layout[marker], quad.astype(np.float32))
            pixels, axes = _warp_with_axes(
                np.asarray(warp, dtype=float), points[corners], self.board.square_length
            )
            total[corners] += np.concatenate([pixels[:, None], np.swapaxes(axes, 1, 2)], axis=1)
            count[corners] += 1
        with np.errstate(invalid="ignore"):
            mean = total / count
        return mean[:, 0], np.ascontiguousarray(np.swapaxes(mean[:, 1:], 1, 2))

    @property
    def _clear(self) -> float:
        """How far from a corner's lines, in squares, the first marker begins."""
        return (1 - self.board.marker_length / self.board.square_length) / 2


def _warp_with_axes(warp: Array, points: Array, length: float) -> tuple[Array, Array]:
    """Return a homography of points (n, 2), and of steps by `length` in x and y: (n, 2, 2) px."""
    homogeneous = points @ warp[:, :2].T + warp[:, 2]
    pixels = homogeneous[:, :2] / homogeneous[:, 2:]
    slopes = warp[None, :2, :2] - pixels[:, :, None] * warp[None, 2:, :2]
    return pixels, length * slopes / homogeneous[:, 2, None, None]


def _marker_detector(board: CharucoBoard) -> cv2.aruco.ArucoDetector:
    """Return a detector of the board's own markers only: faster, and no foreign marker fits."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    own = cv2.aruco.Dictionary(
        dictionary.bytesList[: board.n_markers].copy(),
        dictionary.markerSize,
        dictionary.maxCorrectionBits,
    )
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    parameters.adaptiveThreshWinSizeMin = 5
    parameters.adaptiveThreshWinSizeMax = 21
    parameters.adaptiveThreshWinSizeStep = 16
    return cv2.aruco.ArucoDetector(own, parameters)


def _marker_layout(board: CharucoBoard) -> np.ndarray:
    """Return the corners (marker, 4, 2) of the board's markers in its plane, float32."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_x, board.squares_y)
    drawn = cv2.aruco.CharucoBoard(size, board.square_length, board.marker_length, dictionary)
    drawn.setLegacyPattern(board.legacy)
    return np.ascontiguousarray(np.array(drawn.getObjPoints(), dtype=np.float32)[:, :, :2])


def _neighbours(board: CharucoBoard, layout: np.ndarray) -> list[np.ndarray]:
    """Return for each marker the corners of the board at its square."""
    centers = layout.mean(axis=1)
    offset = np.abs(board.points[None, :, :2] - centers[:, None]).max(axis=-1)
    return [np.flatnonzero(row < 0.6 * board.square_length) for row in offset]


def _layout_error(markers: dict[int, Array], layout: np.ndarray) -> float:
    """Return how badly markers fit a layout: the median error in parts of a marker's side."""
    if len(markers) < FEWEST_MARKERS:
        return np.inf
    plane = layout[list(markers)].reshape(-1, 2)
    target = np.concatenate(list(markers.values()))
    side = np.median([np.linalg.norm(quad[0] - quad[1]) for quad in markers.values()])
    homography, _ = cv2.findHomography(plane, target, cv2.LMEDS)
    if homography is None:
        return np.inf
    fitted = cv2.perspectiveTransform(plane[None], homography)[0]
    return float(np.median(np.linalg.norm(fitted - target, axis=-1)) / side)


def _other_dictionary(images: Sequence[np.ndarray], ours: str) -> str:
    """Return a hint at the dictionary whose markers the images do show, or an empty string."""
    counts = {}
    for name in DICTIONARIES:
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        detector = cv2.aruco.ArucoDetector(dictionary, cv2.aruco.DetectorParameters())
        found = [detector.detectMarkers(image)[1] for image in images]
        counts[name] = sum(0 if ids is None else len(ids) for ids in found)
    best = max(counts, key=lambda name: counts[name])
    if counts[best] < FEWEST_MARKERS or best == ours:
        return ""
    return f"markers of {best} fit better: is the board's dictionary right?"
