"""The page of suggestions: self-contained, with a picture of every view, names as plain text."""

import base64

import cv2
import numpy as np

from labcut3d.detection.suggestions import Suggestion
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.suggestion_page import Marks, figure_when, picture_of, suggestion_page

BUG = Skeleton(name="bug", keypoints=("head", "tail"))
IMAGE = np.full((240, 640, 3), 90, dtype=np.uint8)
FOUND = [
    Suggestion(recording="walk", moment=12, frame=17, reason="<b>head</b> jumps", score=1.0),
    Suggestion(recording="run", moment=3, frame=3, reason="looks odd", score=0.4),
]


def decode(address: str) -> np.ndarray:
    code = address.removeprefix("data:image/jpeg;base64,")
    return cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR)


def marks(detected, confidence, projected=None) -> Marks:
    detected = np.asarray(detected, dtype=float)[None]
    return Marks(
        detected=detected,
        confidence=np.asarray(confidence, dtype=float)[None],
        projected=np.full_like(detected, np.nan) if projected is None else projected,
        keypoints=BUG.keypoints,
        skeleton=BUG,
    )


def test_the_page_shows_every_moment_in_every_view(read_page):
    picture = picture_of(IMAGE, None)
    pictures = {(one.recording, one.moment): {"left": picture, "right": picture} for one in FOUND}
    page = suggestion_page("bugs", FOUND, pictures, {"walk": [1, 2], "run": []}, BUG)
    assert set(read_page(page)["figures"]) == {"when"}
    assert page.count("<figcaption>") == 4
    assert "1. walk, frame 17: &lt;b&gt;head&lt;/b&gt; jumps" in page
    assert page.index("walk, frame 17") < page.index("run, frame 3")


def test_an_empty_page_is_a_page(read_page):
    read_page(suggestion_page("bugs", [], {}, {"walk": []}, BUG))


def test_the_figure_tells_labelled_and_suggested_moments():
    figure = figure_when(FOUND, {"walk": [1, 2], "run": []})
    assert [list(trace.x) for trace in figure.data] == [[1, 2], [12, 3]]
    assert "&lt;b&gt;" in figure.data[1].text[0]


def test_pictures_are_whole_without_detections_and_around_the_animal_with():
    assert decode(picture_of(IMAGE, None)).shape == (180, 480, 3)
    unsure = marks([[30, 40], [50, 60]], [0.1, 0.0])
    assert decode(picture_of(IMAGE, unsure)).shape == (180, 480, 3)
    sure = decode(picture_of(IMAGE, marks([[330, 140], [350, 160]], [0.9, 0.9])))
    assert sure.shape == (360, 360, 3)
    colored = np.argwhere(np.ptp(sure.astype(int), axis=-1) > 60)
    middle = (colored.min(axis=0) + colored.max(axis=0)) / 2
    assert np.abs(middle - 180).max() < 12  # px


def test_a_tiny_image_is_shown_as_it_is():
    assert decode(picture_of(np.zeros((1, 3, 3), dtype=np.uint8), None)).shape == (1, 3, 3)
