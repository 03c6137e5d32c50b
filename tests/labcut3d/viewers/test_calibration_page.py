"""The calibration report: figures of the evidence, and a verdict that sees what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.observations import Refusal
from labcut3d.viewers import (
    calibration_page,
    figure_pair_coverage,
    figure_residuals,
    judge_calibration,
)
from labcut3d.viewers.calibration_figures import (
    board_spacing_errors,
    figure_corner_coverage,
    figure_corners_over_time,
    figure_residual_histogram,
    figure_spacing,
    panel_shape,
)


def test_pair_coverage_counts_shared_frames(scene):
    figure = figure_pair_coverage(scene.observations)
    np.testing.assert_array_equal(figure.data[0].z, scene.observations.coverage)
    texts = [int(note.text) for note in figure.layout.annotations]
    assert texts == scene.observations.coverage.ravel().tolist()


def test_corners_over_time_counts_corners(scene):
    figure = figure_corners_over_time(scene.observations)
    np.testing.assert_array_equal(figure.data[0].z, scene.observations.seen.sum(axis=-1))


def test_residual_arrows_point_from_corner_to_prediction(calibration):
    figure = figure_residuals(calibration)
    lines = [t for t in figure.data if t.mode == "lines"]
    assert [t.meta["camera"] for t in lines] == list(calibration.rig.names)
    x = np.array(lines[2].x).reshape(-1, 3)
    used = np.isfinite(calibration.residuals[2]).all(axis=-1)
    assert len(x) == used.sum()
    np.testing.assert_allclose(x[:, 0], calibration.observations.corners[2][used][:, 0])
    gain = lines[2].meta["gain"]
    np.testing.assert_allclose(x[:, 1] - x[:, 0], gain * calibration.residuals[2][used][:, 0])
    assert f"{gain:g}×" in figure.layout.annotations[0].text
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # y points down


def test_histogram_and_coverage_count_every_used_corner(calibration):
    histogram = figure_residual_histogram(calibration)
    for trace in histogram.data:
        assert 98 < sum(trace.y) <= 100 + 1e-9  # %; the axis ends at the 99.5th percentile
    coverage = figure_corner_coverage(calibration)
    for index, trace in enumerate(coverage.data):
        used = np.isfinite(calibration.residuals[index]).all(axis=-1).sum()
        assert np.nansum(trace.z) == used


def test_spacing_of_the_true_rig_is_right_on_average(calibration):
    errors = board_spacing_errors(calibration)
    assert len(errors) > 100
    assert abs(np.median(errors)) < 0.02  # mm, of 8 mm squares
    assert np.median(np.abs(errors)) < 0.15  # mm; 0.3 px of noise at 300 mm
    assert sum(figure_spacing(errors, "mm").data[0].y) == pytest.approx(len(errors), rel=0.02)


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (4, (1, 4)), (6, (2, 3))])
def test_panels_leave_few_gaps(count, shape):
    assert panel_shape(count) == shape


def strict(calibration):
    """The levels and reasons of the verdict."""
    return {finding.reason: finding.level for finding in judge_calibration(calibration).findings}


def test_verdict_names_a_camera_that_does_not_fit(calibration):
    residuals = calibration.residuals.copy()
    residuals[1] *= 20
    verdict = judge_calibration(replace(calibration, residuals=residuals))
    assert verdict.level == "FAIL"
    assert verdict.findings[0].reason.startswith("cam1: corners reproject with")
    assert "cam1" in verdict.next_step


def test_verdict_names_a_camera_that_shares_too_little(calibration):
    observations = calibration.observations
    corners, usable = observations.corners.copy(), observations.usable
    partner = int(np.argmax(observations.coverage[3, :3]))
    kept = np.flatnonzero(usable[3] & usable[partner])[:2]
    corners[3, np.setdiff1d(np.arange(len(usable[3])), kept)] = np.nan
    poor = replace(observations, corners=corners, misfits=np.zeros(0, dtype=bool))
    found = strict(replace(calibration, observations=poor))
    assert found["cam3: tied to the other cameras by only 2 shared frames"] == "FAIL"


def test_verdict_names_a_half_seen_image(calibration):
    corners = calibration.observations.corners
    left = calibration.residuals.copy()
    left[0, corners[0, ..., 0] > 0.4 * 640] = np.nan
    assert any(
        reason.startswith("cam0: corners cover only") and level == "WARN"
        for reason, level in strict(replace(calibration, residuals=left)).items()
    )


def test_verdict_names_many_rejections(calibration):
    rejected = calibration.rejected.copy()
    rejected[2] |= np.arange(rejected.shape[-1]) % 2 == 0
    residuals = np.where(rejected[..., None], np.nan, calibration.residuals)
    found = strict(replace(calibration, rejected=rejected, residuals=residuals))
    assert any(reason.startswith("cam2:") and "rejected" in reason for reason in found)


def test_verdict_fails_two_cameras_in_one_place(calibration):
    first = calibration.rig.cameras[0]
    second = replace(
        calibration.rig.cameras[1], rotation=first.rotation, translation=first.translation
    )
    rig = replace(calibration.rig, cameras=(first, second, *calibration.rig.cameras[2:]))
    verdict = judge_calibration(replace(calibration, rig=rig))
    assert verdict.level == "FAIL"
    assert "same pose" in verdict.findings[0].reason


def test_page_holds_evidence_and_verdict(calibration, read_page):
    refusals = tuple(
        Refusal(view="cam1", frame=n, reason=f"only {n} corners; 6 are needed") for n in (2, 3)
    )
    observations = replace(calibration.observations, refusals=refusals)
    page = calibration_page(replace(calibration, observations=observations))
    data = read_page(page)
    assert set(data["figures"]) == {
        "rig",
        "pairs",
        "frames",
        "histogram",
        "spacing",
        "residuals",
        "coverage",
    }
    for name in data["figures"]:
        assert f'id="{name}"' in page
    assert judge_calibration(calibration).level in page
    assert "cam1: only n corners; 6 are needed</td><td>2</td><td>2, 3</td>" in page
    assert "a note for the user" in page
    fx = calibration.rig.cameras[0].matrix[0, 0]
    assert f"{fx:.1f} ± 2.0" in page


def test_hostile_camera_names_stay_text(calibration, read_page):
    evil = "</script><script>alert(1)</script>"
    cameras = (replace(calibration.rig.cameras[0], name=evil), *calibration.rig.cameras[1:])
    observations = calibration.observations
    page = calibration_page(
        replace(
            calibration,
            rig=replace(calibration.rig, cameras=cameras),
            observations=replace(observations, views=(evil, *observations.views[1:])),
        )
    )
    read_page(page)  # which counts the scripts
    assert "<script>alert" not in page


def test_nothing_used_is_shown_not_raised(calibration, read_page):
    nothing = replace(calibration, residuals=np.full_like(calibration.residuals, np.nan))
    read_page(calibration_page(nothing))
    assert judge_calibration(nothing).level == "FAIL"
