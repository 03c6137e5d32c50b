"""Square markers in one image, and boards that are nothing but markers."""

from collections.abc import Sequence

import cv2
import numpy as np

from calibration.boards.boardchecks import DICTIONARIES
from calibration.boards.markerboard import MarkerBoard
from calibration.corners.subpixel import Refined, refine
from calibration.geometry import Array

__all__ = ["MarkerDetector", "MarkerFinder", "Sighting", "Tally", "no_corners"]

FEWEST_MARKERS = 3  # in a few images before another dictionary is proposed
FINE = (9, 5)  # px, windows in which black is told from white; the first shows nearly all markers
COARSE = (23,)  # for edges that are very soft
ENOUGH = 0.9  # of the markers; most corners of a board have two
PROBES = 4  # images kept to look for other dictionaries in, where nothing fits

Sighting = tuple[Refined, str]
"""What one image showed, and in words why it showed nothing, empty if it did."""


def no_corners(count: int) -> Refined:
    """Return corners none of which was seen."""
    missing = np.full(count, np.nan)
    return Refined(corners=np.full((count, 2), np.nan), deviations=missing, blur=missing)


class MarkerDetector:
    """Finds markers of one dictionary by their numbers, and no others: so it is many times faster.

    OpenCV 5 compares every candidate with every marker of the dictionary.
    """

    def __init__(self, dictionary: str, numbers: Sequence[int]) -> None:
        whole = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
        self._numbers = list(numbers)
        own = cv2.aruco.Dictionary(
            whole.bytesList[self._numbers].copy(), whole.markerSize, whole.maxCorrectionBits
        )
        self._detectors = {window: _detector(own, window) for window in (*FINE, *COARSE)}
        self.module = 1 / (whole.markerSize + 2)
        """The width of a marker's black border, in parts of its side."""

    def find(self, image: np.ndarray) -> dict[int, Array]:
        """Return the corners (4, 2) px of each marker found; one seen twice is not trusted."""
        return self._look(image, FINE) or self._look(image, COARSE)

    def _look(self, image: np.ndarray, windows: Sequence[int]) -> dict[int, Array]:
        """Return the markers that show with one window or another, as long as many are missing."""
        markers: dict[int, Array] = {}
        for window in windows:
            corners, ids, _ = self._detectors[window].detectMarkers(image)
            found = [] if ids is None else [int(marker) for marker in ids.ravel()]
            for marker, quad in zip(found, corners, strict=True):
                if found.count(marker) == 1:
                    markers.setdefault(self._numbers[marker], quad.reshape(4, 2).astype(float))
            if len(markers) >= ENOUGH * len(self._numbers):
                break
        return markers


def _detector(dictionary: cv2.aruco.Dictionary, window: int) -> cv2.aruco.ArucoDetector:
    """Return a detector that tells black from white within a window of some px."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    parameters.adaptiveThreshWinSizeMin = parameters.adaptiveThreshWinSizeMax = window
    return cv2.aruco.ArucoDetector(dictionary, parameters)


class Tally:
    """Counts the markers seen in images, and says so where they were too few."""

    def __init__(self, dictionary: str, n_markers: int) -> None:
        self._dictionary, self._n_markers = dictionary, n_markers
        self._images = self._with_markers = self._most = 0
        self._probes: list[np.ndarray] = []

    def add(self, gray: np.ndarray, count: int) -> None:
        """Take note of an image in which `count` markers were found."""
        self._images += 1
        self._with_markers += count > 0
        self._most = max(self._most, count)
        if not count and len(self._probes) < PROBES:
            self._probes.append(gray)

    def remark(self) -> str:
        """Return in words what was seen, and which dictionary fits where nothing was."""
        text = (
            f"markers of {self._dictionary} were seen in {self._with_markers} of "
            f"{self._images} images, at most {self._most} of {self._n_markers} at once"
        )
        if self._with_markers or not self._probes:
            return text
        other = _other_dictionary(self._probes, self._dictionary)
        return f"{text}; {other}" if other else text


class MarkerFinder:
    """Finds the markers of one board in image after image."""

    def __init__(self, board: MarkerBoard) -> None:
        self.board = board
        self._rows = {marker.id: 4 * i for i, marker in enumerate(board.markers)}
        self._detector = MarkerDetector(board.dictionary, list(self._rows))
        self._tally = Tally(board.dictionary, len(board.markers))

    def find(self, gray: np.ndarray) -> Sighting:
        """Return the corners of the board in a grey image, and why there are none if so."""
        markers = self._detector.find(gray)
        self._tally.add(gray, len(markers))
        if not markers:
            return no_corners(self.board.n_corners), "no marker of the board was found"
        corners = np.full((self.board.n_corners, 2), np.nan)
        for marker, quad in markers.items():
            corners[self._rows[marker] : self._rows[marker] + 4] = quad
        quads = corners.reshape(-1, 4, 2)
        sides = np.stack([np.roll(quads, -1, axis=1) - quads, np.roll(quads, 1, axis=1) - quads])
        axes = np.ascontiguousarray(np.moveaxis(sides, 0, -1).reshape(-1, 2, 2))
        return refine(gray, corners, axes, self._detector.module, ends=True), ""

    def remark(self) -> str:
        """Return in words what was seen, for the message where it was not enough."""
        return self._tally.remark()


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
