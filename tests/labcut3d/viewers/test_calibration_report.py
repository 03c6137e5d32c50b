"""The calibration report: figures and tables of the evidence, on one page."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from calibration.corners.frameselection import NEAR_IDENTICAL
from calibration.corners.observations import Refusal
from calibration.covariance import RigCovariance
from calibration.fitting.heldout import HeldOut
from calibration.lens import Lens
from calibration.rig import Rig
from calibration.timing.clocks import Clock
from labcut3d.synthetic import make_scene
from labcut3d.viewers import (
    calibration_page,
    figure_pair_coverage,
    figure_residuals,
    judge_calibration,
)
from labcut3d.viewers.calibration_figures import (
    figure_corner_coverage,
    figure_corners_over_time,
    figure_residual_histogram,
    figure_spacing,
)
from labcut3d.viewers.calibration_tables import (
    clock_table,
    lens_table,
    parameter_table,
    refusal_table,
    seen_table,
)
from labcut3d.viewers.uncertainty_figure import (
    Precision,
    figure_uncertainty,
    predict_precision,
)


def test_pair_coverage_counts_shared_frames(scene):
    figure = figure_pair_coverage(scene.observations)
    np.testing.assert_array_equal(figure.data[0].z, scene.observations.coverage)
    texts = [int(note.text) for note in figure.layout.annotations]
    assert texts == scene.observations.coverage.ravel().tolist()


def test_corners_over_time_counts_corners(scene):
    figure = figure_corners_over_time(scene.observations)
    np.testing.assert_array_equal(figure.data[0].z, scene.observations.seen.sum(axis=-1))


def test_skipped_frames_are_not_shown_as_empty(scene):
    corners = scene.observations.corners.copy()
    corners[:, 3] = np.nan
    refusals = (
        Refusal(view="cam0", frame=3, reason=NEAR_IDENTICAL),
        Refusal(view="cam1", frame=3, reason="no marker of the board was found"),
    )
    seen = replace(scene.observations, corners=corners, refusals=refusals)
    counts, skipped = figure_corners_over_time(seen).data
    assert np.isnan(counts.z[0, 3])
    assert counts.z[1, 3] == 0
    assert np.isfinite(skipped.z).sum() == 1
    assert skipped.text[0, 3] == "near-identical"
    np.testing.assert_array_equal(counts.z[:, :3], seen.seen[:, :3].sum(axis=-1))


def test_residual_arrows_point_from_corner_to_prediction(calibration):
    figure = figure_residuals(calibration, "cam2")
    (lines,) = [t for t in figure.data if t.mode == "lines"]
    assert lines.meta["camera"] == "cam2"
    x = np.array(lines.x).reshape(-1, 3)
    used = np.isfinite(calibration.residuals[2]).all(axis=-1)
    assert len(x) == used.sum()
    np.testing.assert_allclose(
        x[:, 0], calibration.observations.corners[2][used][:, 0], atol=1e-3
    )  # px: float32
    gain = lines.meta["gain"]
    np.testing.assert_allclose(
        x[:, 1] - x[:, 0], gain * calibration.residuals[2][used][:, 0], atol=1e-3
    )
    assert f"{gain:g}×" in figure.layout.title.text
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # y points down
    others = {figure_residuals(calibration, name).data[0].meta["gain"] for name in ("cam0", "cam3")}
    assert others == {gain}


def test_histogram_and_coverage_count_every_used_corner(calibration):
    histogram = figure_residual_histogram(calibration)
    for trace in histogram.data[:4]:
        assert 98 < sum(trace.y) <= 100 + 1e-9  # %; the axis ends at the 99.5th percentile
    assert histogram.data[4].name == "held out"
    for index, name in enumerate(calibration.rig.names):
        used = np.isfinite(calibration.residuals[index]).all(axis=-1).sum()
        (trace,) = figure_corner_coverage(calibration, name).data
        assert np.nansum(trace.z) == used


def test_spacing_errors_are_counted(calibration):
    errors = calibration.check.spacing_errors
    assert len(errors) > 100
    assert sum(figure_spacing(errors, "mm").data[0].y) == pytest.approx(len(errors), rel=0.02)


def test_small_lengths_are_in_micrometres(calibration):
    small = np.array([0.0002, 0.0003, 0.0005])
    precision = Precision(points=np.eye(3), deviations=small, of_rig=np.zeros(3), pixel_sigma=0.1)
    figure = figure_uncertainty(calibration, precision)
    (cloud,) = [trace for trace in figure.data if trace.meta["role"] == "uncertainty"]
    np.testing.assert_allclose(cloud.marker.color, [0.2, 0.3, 0.5], rtol=1e-6)
    assert cloud.marker.colorbar.title.text == "µm"
    assert cloud.marker.colorbar.exponentformat == "none"  # no "326μ" of anything
    spacing = figure_spacing(np.linspace(-0.001, 0.001, 99), "mm")
    assert np.max(spacing.data[0].x) == pytest.approx(1.0, rel=0.05)
    assert "(µm)" in spacing.layout.xaxis.title.text
    assert "(mm)" in figure_spacing(np.linspace(-0.1, 0.1, 99), "mm").layout.xaxis.title.text


def test_precision_is_that_of_the_noise_and_of_the_rig(calibration):
    precision = predict_precision(calibration)
    assert precision.pixel_sigma == pytest.approx(0.3, rel=0.1)  # px, the scene's own
    assert (precision.of_rig < precision.deviations).all()
    np.testing.assert_allclose(precision.at_noise(precision.pixel_sigma), precision.deviations)
    # 0.3 px at 300 mm and a focal length of 1400 px is 0.06 mm across, more in depth
    assert 0.03 < np.median(precision.deviations) < 0.5
    figure = figure_uncertainty(calibration, precision)
    (cloud,) = [trace for trace in figure.data if trace.meta["role"] == "uncertainty"]
    np.testing.assert_allclose(cloud.marker.color, precision.deviations, rtol=1e-6)
    assert len(cloud.x) > 100


def test_page_holds_evidence_and_verdict(calibration, read_page):
    refusals = tuple(
        Refusal(view="cam1", frame=n, reason=f"only {n} corners were seen; 6 are needed")
        for n in (2, 3)
    )
    observations = replace(calibration.observations, refusals=refusals)
    page = calibration_page(replace(calibration, observations=observations))
    data = read_page(page)
    single = {"rig", "uncertainty", "pairs", "frames", "histogram", "spacing"}
    assert set(data["figures"]) == {
        *single,
        *(f"{kind}-{index}" for kind in ("residuals", "coverage") for index in range(4)),
    }
    for name in data["figures"]:
        assert f'id="{name}"' in page
    assert judge_calibration(calibration).level in page
    assert "cam1: too few corners were seen</td><td>2</td><td>2-3</td>" in page
    assert "a note for the user" in page
    fx = calibration.rig.cameras[0].matrix[0, 0]
    assert f"{fx:.1f} ± 2.0 ({200 / fx:.2g} %)" in page
    assert "<td>0.310 ✓</td><td>0.300</td>" in page
    assert "<h2>Time</h2>" not in page


def test_clocks_are_shown_where_they_were_estimated(calibration, read_page):
    clocks = (
        Clock(view="cam0"),
        Clock(view="cam1", offset=0.0125, offset_sigma=0.0003, drift=1e-6, drift_sigma=4e-6),
        Clock(view="cam2", offset=1e-4, offset_sigma=3e-4, drift_sigma=1e-6, dropped=(4, 9)),
        Clock(view="cam3"),
    )
    observations = replace(calibration.observations, clocks=clocks)
    page = calibration_page(replace(calibration, observations=observations))
    read_page(page)
    assert "<td>cam1</td><td>12.50 ± 0.30</td><td>1.0 ± 4.0</td><td>0</td>" in page
    assert "<td>2: 4, 9</td><td>in step</td>" in page
    assert "<td>cam3</td><td>–</td><td>–</td><td>0</td><td>not estimated</td>" in page
    assert page.count("not estimated") == 2


def test_drifts_that_were_not_estimated_are_dashes(calibration):
    clocks = (Clock(view="cam0"), Clock(view="cam1", offset=0.0125, offset_sigma=0.0003))
    seen = replace(calibration.observations, clocks=clocks)
    table = clock_table(replace(calibration, observations=seen))
    assert "<td>cam1</td><td>12.50 ± 0.30</td><td>–</td>" in table


def test_frames_used_are_those_that_have_corners(calibration):
    residuals = calibration.residuals.copy()
    residuals[0, 2:] = np.nan
    table = seen_table(replace(calibration, residuals=residuals))
    assert "<th>frames used</th>" in table
    assert f"<td>cam0</td><td>2 of {residuals.shape[1]}</td>" in table


def test_frames_not_used_are_ranges_and_all_can_be_seen(calibration):
    misfit = "{} corners fit no flat board and were left out"
    refusals = [
        Refusal(view="cam0", frame=n, reason=misfit.format(n + 1)) for n in (0, 1, 2, 3, 7, 9, 10)
    ] + [Refusal(view="cam1", frame=n, reason=NEAR_IDENTICAL) for n in range(0, 40, 2)]
    seen = replace(calibration.observations, refusals=tuple(refusals))
    table = refusal_table(replace(calibration, observations=seen))
    reason = "cam0: some corners fit no flat board and were left out"
    assert f"<td>{reason}</td><td>7</td><td>0-3, 7, 9-10</td>" in table
    assert (
        f"<td>cam1: {NEAR_IDENTICAL}</td><td>20</td><td>0, 2, 4, 6, 8, 10, 12, 14, …</td>" in table
    )
    all_of_them = ", ".join(str(n) for n in range(0, 40, 2))
    assert f"<b>cam1: {NEAR_IDENTICAL}:</b> {all_of_them}</p></details>" in table
    assert table.count("<details>") == 1


def test_lens_models_say_why_they_have_no_error(calibration):
    scores = {"cam0": {"rational": np.inf, "fisheye": 0.25}, "cam1": {"rational": 0.3}}
    chosen = {"cam0": "fisheye", "cam1": "rational"}
    table = lens_table(replace(calibration, held_out=scores, lens_models=chosen))
    assert "<td>cam0</td><td>folds over</td><td>0.250 ✓</td>" in table
    assert "<td>cam1</td><td>0.300 ✓</td><td>not tried</td>" in table


def test_what_was_held_is_called_fixed_and_rotations_are_there(calibration):
    table = parameter_table(calibration)
    camera = calibration.rig.cameras[1]
    angle, _ = cv2.Rodrigues(np.array(camera.rotation))
    assert f"<td>{np.degrees(angle[0, 0]):.3f}</td>" in table
    still = replace(camera, rotation=np.eye(3), lens=Lens(distortions=np.zeros(5)))
    table = parameter_table(replace(calibration, rig=Rig(cameras=(still,), unit="mm")))
    for name in ("k1", "k3", "rotation_x, degrees", "direction, degrees"):
        assert f"<td>{name}</td><td>fixed</td>" in table
    assert "0.0000" not in table


def test_parameters_of_many_cameras_are_rows():
    scene = make_scene(1, n_cameras=9, n_boards=2, n_times=2)
    named = SimpleNamespace(
        rig=scene.rig, covariance=RigCovariance(names=(), matrix=np.zeros((0, 0)), gauge="none")
    )
    table = parameter_table(named)
    assert table.count("<tr>") == 10
    assert "<th>camera</th><th>fx</th>" in table


def rename(calibration, old: str, new: str):
    """The calibration with one camera called otherwise, everywhere."""
    observations, covariance = calibration.observations, calibration.covariance
    cameras = [replace(c, name=new) if c.name == old else c for c in calibration.rig]
    names = tuple(name.replace(f"{old}.", f"{new}.") for name in covariance.names)
    views = tuple(new if view == old else view for view in observations.views)
    return replace(
        calibration,
        rig=replace(calibration.rig, cameras=tuple(cameras)),
        observations=replace(observations, views=views),
        covariance=replace(covariance, names=names),
        lens_models=dict.fromkeys(views, "k1 k2 p1 p2"),
        held_out={view: {"k1 k2 p1 p2": 0.3} for view in views},
    )


def test_hostile_camera_names_stay_text(calibration, read_page):
    page = calibration_page(rename(calibration, "cam0", "</script><script>alert(1)</script>"))
    read_page(page)  # which counts the scripts
    assert "<script>alert" not in page


def test_nothing_used_is_shown_not_raised(calibration, read_page):
    nothing = replace(calibration, residuals=np.full_like(calibration.residuals, np.nan))
    none = np.empty(0)
    nothing.__dict__["check"] = HeldOut(pixels=none, corner_errors=none, spacing_errors=none)
    read_page(calibration_page(nothing))
    assert judge_calibration(nothing).level == "FAIL"
