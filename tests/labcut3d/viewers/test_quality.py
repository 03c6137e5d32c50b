"""The quality of recordings: numbers that are known beforehand, and figures that show them."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.checks.findings import Finding
from labcut3d.errors import DatasetError
from labcut3d.viewers import (
    Recording,
    figure_point_uncertainty,
    figure_reconstructed,
    figure_view_errors,
    judge_recording,
    quality_page,
)
from labcut3d.viewers.quality import view_errors
from labcut3d.viewers.quality_report import quality_rows


@pytest.fixture(scope="module")
def shifted(recording, scene):
    """Detections 3 px right of the reprojections in cam1, exact elsewhere; one is not used."""
    projected = np.moveaxis(scene.rig.project(scene.position), 0, 1)  # time, view, keypoint, xy
    position = np.moveaxis(projected, 2, 3)[..., None].copy()
    position[:, 1, 0] += 3.0
    position[4, 2, :, 0] += 100.0
    found = recording.detections.copy(deep=True)
    found["position"].values[:] = position
    trajectories = recording.trajectories.copy(deep=True)
    trajectories["view_used"].values[:] = True
    trajectories["view_used"].values[4, 2, 0] = False
    trajectories = trajectories.assign_attrs(
        refinement_filled=7.0, refinement_withheld=0.0, refinement_repaired_swaps=2.0
    )
    return replace(recording, detections=found, trajectories=trajectories)


def test_errors_are_those_of_the_detections_used(shifted):
    away = view_errors(shifted)
    medians = np.nanmedian(away, axis=1)
    np.testing.assert_allclose(medians, [0, 3, 0, 0], atol=1e-4)  # detections have 32 bits
    assert np.nanmax(away[2]) < 1e-3


def test_quality_counts_what_is_known(shifted):
    quality = judge_recording(shifted)
    expected = np.ones(7)
    expected[-1] = 49 / 50  # the tail's first moment is missing
    np.testing.assert_allclose(quality.reconstructed, expected)
    np.testing.assert_allclose(quality.uncertainty, np.sqrt(0.03))
    assert (quality.filled, quality.withheld, quality.repaired) == (7, 0, 2)
    assert quality.overruled is None
    assert quality.used[2] < quality.used[1] == 1


def test_figures_show_the_numbers(shifted):
    qualities = [judge_recording(shifted), replace(judge_recording(shifted), name="second")]
    (bars, _) = figure_view_errors(qualities).data
    np.testing.assert_allclose(bars.y, [0, 3, 0, 0], atol=1e-4)
    share = figure_reconstructed(qualities).data[0]
    assert list(share.y) == ["walk 1", "second"]
    assert share.z[1][-1] == pytest.approx(98)
    uncertainty = figure_point_uncertainty(qualities).data[1]
    np.testing.assert_allclose(uncertainty.y, np.sqrt(0.03))  # mm; as micrometres only below 0.01


def test_recordings_may_have_other_keypoints(shifted):
    one = judge_recording(shifted)
    other = replace(
        one,
        name="other",
        keypoints=("wing", *one.keypoints[1:]),
        uncertainty=np.full((7, 2), np.nan),
    )
    share = figure_reconstructed([one, other]).data[0]
    assert share.z.shape == (2, 8)
    assert np.isnan(share.z[0][-1])


def test_the_page_tells_the_verdict_on_the_cameras(shifted, read_page):
    moved = Finding(level="FAIL", reason="camera 'cam1' <was> moved", remedy="calibrate again")
    quality = judge_recording(shifted, moved)
    assert quality_rows([quality])[0][-1] == "FAIL"
    page = quality_page([quality], project="<b>")
    read_page(page)
    assert "in 1 of 1" in page
    assert "&lt;was&gt; moved" in page
    assert "<b></h1>" not in page


def test_detections_alone_have_no_quality(recording):
    alone = Recording(name="flat", detections=recording.detections)
    with pytest.raises(DatasetError, match="'flat' has no trajectories"):
        judge_recording(alone)
