"""The page of a refinement: errors before and after, the verdict, and no markup of a user's."""

import numpy as np
import pytest

from labcut3d.detection.comparison import Comparison
from labcut3d.detection.detector import Prediction
from labcut3d.detection.evaluation import Evaluation
from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton
from labcut3d.viewers.refinement_page import Refined, figure_before_after, refinement_page

KEYPOINTS = ("nose", "<b>tail")


def judged(*distances: float) -> Evaluation:
    """Four images with the same error of each keypoint."""
    error = np.zeros((4, 2, 2))
    error[..., 0] = distances
    return Evaluation(
        keypoints=KEYPOINTS,
        recordings=("walk",) * 4,
        views=("top",) * 4,
        frames=(1, 2, 3, 4),
        error=error,
        prediction=Prediction(
            position=error,
            confidence=np.ones((4, 2)),
            covariance=np.tile(np.eye(2), (4, 2, 1, 1)),
        ),
        tolerance=5.0,
    )


def test_each_keypoint_has_its_error_before_and_after():
    figure = figure_before_after(Comparison(before=judged(2, 4), after=judged(1, 5)))
    values = {trace.name: list(trace.y) for trace in figure.data if trace.mode == "markers"}
    assert values == {"before": [2, 4], "after": [1, 5]}


@pytest.mark.parametrize(("after", "words"), [((1, 4), "is kept"), ((3, 4), "the old one stays")])
def test_the_page_says_what_became_of_the_detector(after, words):
    picture = LabelledImage(
        recording="<i>walk",
        frame=7,
        view="top",
        image=np.zeros((40, 50, 3), np.uint8),
        points=np.array([[[20.0, 10.0], [np.nan, np.nan]]]),
        known=np.array([[True, False]]),
    )
    one = Refined(
        comparison=Comparison(before=judged(2, 4), after=judged(*after)),
        labelled=30,
        pseudo=(picture,),
    )
    html = refinement_page("<u>bugs", {"": one}, Skeleton(name="bug", keypoints=KEYPOINTS))
    assert words in html
    assert "frame 7: 1 points" in html
    assert not any(tag in html for tag in ("<u>bugs", "<i>walk", "<b>tail"))
    assert "mean 3 to" in html
