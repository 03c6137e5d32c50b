"""Every label is judged once, by a detector that has not seen its moment."""

import dataclasses

import numpy as np
import pytest

from labcut3d.detection.crossvalidation import cross_validate, split
from labcut3d.errors import DetectorError


@pytest.mark.parametrize("kind", ["random", "blocks"])
def test_views_of_a_moment_are_in_one_fold(kind, draw_dots):
    images = draw_dots(11, 0, views=("cam0", "cam1"))
    folds = split(images, 3, kind)
    assert sorted(index for fold in folds for index in fold) == list(range(len(images)))
    moments = [{images[index].frame for index in fold} for fold in folds]
    assert sum(len(frames) for frames in moments) == 11
    runs = [max(frames) - min(frames) + 1 == len(frames) for frames in moments]
    assert all(runs) == (kind == "blocks")


@pytest.mark.parametrize("folds", [1, 12])
def test_folds_that_cannot_be_are_refused(folds, draw_dots):
    with pytest.raises(DetectorError, match="11 labelled moments"):
        split(draw_dots(11, 0), folds, "random")


def test_errors_are_those_of_unseen_images(draw_dots, dots, quick):
    """In the order of the images that come back; the dots are found to within a few px."""
    told: list[float] = []
    images = draw_dots(24, 5)
    validation = cross_validate(
        images,
        dots,
        quick,
        folds=2,
        progress=lambda done, total, note="": told.append(done / total),
    )
    found, order = validation.unseen, validation.images
    assert [image.frame for image in order] == list(range(24))
    assert found.frames == tuple(range(24))
    labels = np.stack([image.points[0] for image in order])
    np.testing.assert_allclose(found.prediction.position - found.error, labels)
    assert np.median(found.distance) < 4  # px, after 30 steps
    assert told == sorted(told)
    assert told[-1] == 1
    assert len(set(validation.trained.frames)) == len(validation.trained.frames)
    assert validation.trained.summary()["median"] < 4


@pytest.mark.slow
def test_each_moment_can_be_a_fold_of_its_own(draw_dots, dots, quick):
    """Some detectors then have fewer images to be judged on as trained than there are folds."""
    brief = dataclasses.replace(quick, min_steps=1, max_steps=1, locator_steps=1, batch=2)
    validation = cross_validate(draw_dots(12, 0), dots, brief, folds=12)
    assert validation.unseen.frames == tuple(range(12))
    assert validation.trained.frames
