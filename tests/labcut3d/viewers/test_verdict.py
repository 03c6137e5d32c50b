"""The verdict sees what is wrong although pixels fit, and names the camera and the next step."""

from dataclasses import replace

import numpy as np
import pytest

from calibration import calibrate, load_board, observe
from calibration.fitting.heldout import HeldOut
from calibration.lens import Lens
from calibration.timing.clocks import Clock
from labcut3d.video import open_frames
from labcut3d.viewers import calibration_page, judge_calibration
from labcut3d.viewers.judging import judge_tilts, spacing_of


def changed(calibration, *, check: HeldOut | None = None, **fields):
    """The calibration with something wrong, held-out errors as they were or as given."""
    wrong = replace(calibration, **fields)
    wrong.__dict__["check"] = check or calibration.check
    return wrong


def found_in(calibration) -> dict[str, str]:
    """The reasons of the verdict and their levels."""
    return {finding.reason: finding.level for finding in judge_calibration(calibration).findings}


def level_of(calibration, words: str) -> str:
    """The level of the finding that holds these words; "" where there is none."""
    return next((level for reason, level in found_in(calibration).items() if words in reason), "")


def test_a_good_rig_is_told_by_what_was_left_out(calibration):
    verdict = judge_calibration(calibration)
    assert {finding.level for finding in verdict.findings} <= {"WARN"}
    check = calibration.check
    assert f"{np.mean(check.pixels):.2f} px" in verdict.summary
    assert f"{np.median(np.abs(check.spacing_errors)):.3f} mm of 8 mm (median)" in verdict.summary


def test_a_camera_that_does_not_fit(calibration):
    residuals = calibration.residuals.copy()
    residuals[1] *= 20
    verdict = judge_calibration(changed(calibration, residuals=residuals))
    assert verdict.level == "FAIL"
    assert verdict.findings[0].reason.startswith("cam1: corners reproject with")
    assert "cam1" in verdict.next_step


def held_out(pixels=0.2, spacing=0.01, count=50) -> HeldOut:
    """Held-out errors of one size: px, and mm on squares of 8 mm."""
    return HeldOut(
        pixels=np.full(count, pixels),
        corner_errors=np.full(count, spacing),
        spacing_errors=np.full(count, spacing) * np.where(np.arange(count) % 2, 1, -1),
    )


@pytest.mark.parametrize(
    ("check", "words", "level"),
    [
        (held_out(), "left out", ""),
        (held_out(), "neighbouring corners", ""),
        (held_out(pixels=1.5), "corners left out of the fit lie 1.50 px off", "WARN"),
        (held_out(pixels=4.0), "corners left out of the fit lie 4.00 px off", "FAIL"),
        (held_out(spacing=0.2), "neighbouring corners are 2.5 % off", "WARN"),
        (held_out(spacing=0.8), "neighbouring corners are 10.0 % off", "FAIL"),
        (held_out(count=0), "nothing could be held out", "WARN"),
        (
            replace(held_out(), spacing_errors=np.empty(0), corner_errors=np.empty(0)),
            "no length was tested",
            "WARN",
        ),
    ],
)
def test_low_pixels_alone_never_pass(calibration, check, words, level):
    assert level_of(changed(calibration, check=check), words) == level


def test_a_camera_that_shares_too_few_frames(calibration):
    residuals = calibration.residuals.copy()
    used = np.isfinite(residuals).all(axis=-1).any(axis=-1)
    partner = int(np.argmax((used[3] & used[:3]).sum(axis=-1)))
    kept = np.flatnonzero(used[3] & used[partner])[:2]
    residuals[3, np.setdiff1d(np.arange(used.shape[1]), kept)] = np.nan
    found = found_in(changed(calibration, residuals=residuals))
    assert found["cam3: tied to the other cameras by only 2 shared frames"] == "FAIL"


def test_a_camera_that_shares_few_corners(calibration):
    residuals = calibration.residuals.copy()
    residuals[3, :, 6:] = np.nan  # only the board's edge is ever in view
    wrong = changed(calibration, residuals=residuals)
    assert level_of(wrong, "cam3: tied to the other cameras by only") == "WARN"


def test_a_half_seen_image(calibration):
    corners = calibration.observations.corners
    left = calibration.residuals.copy()
    left[0, corners[0, ..., 0] > 0.4 * 640] = np.nan
    found = found_in(changed(calibration, residuals=left))
    reason = next(reason for reason in found if "corners cover only" in reason)
    assert "cam0" in reason.split(":")[0]
    assert found[reason] == "WARN"


def test_a_board_shown_at_one_tilt(calibration):
    assert not list(judge_tilts(calibration))
    poses = calibration.board_poses.copy()
    poses[:, :3, :3] = poses[0, :3, :3]
    (finding,) = judge_tilts(changed(calibration, board_poses=poses))
    assert "cam0, cam1, cam2, cam3: the board was shown at nearly one tilt" in finding.reason
    assert "30 to 45 degrees" in finding.remedy


@pytest.mark.parametrize(("part", "level"), [(0.005, ""), (0.02, "WARN"), (0.08, "FAIL")])
def test_a_focal_length_that_nothing_determines(calibration, part, level):
    covariance, matrix = calibration.covariance, calibration.covariance.matrix.copy()
    index = covariance.names.index("cam2.fy")
    matrix[index, index] = (part * calibration.rig["cam2"].matrix[1, 1]) ** 2
    wrong = changed(calibration, covariance=replace(covariance, matrix=matrix))
    assert level_of(wrong, f"cam2: the focal length is known to ± {100 * part:.1f} %") == level


def test_what_a_judge_tells_is_not_told_again_as_a_note(calibration):
    covariance, matrix = calibration.covariance, calibration.covariance.matrix.copy()
    index = covariance.names.index("cam2.fx")
    matrix[index, index] = (0.08 * calibration.rig["cam2"].matrix[0, 0]) ** 2
    unsure = "view 'cam2': its focal length is known to ± 8 % only; show the board tilted"
    fields = {"covariance": replace(covariance, matrix=matrix), "warnings": ("other", unsure)}
    assert judge_calibration(changed(calibration, **fields)).notes == ("other",)
    assert judge_calibration(changed(calibration, warnings=(unsure,))).notes == (unsure,)


def test_many_rejections(calibration):
    rejected = calibration.rejected.copy()
    rejected[2] |= np.arange(rejected.shape[-1]) % 2 == 0
    residuals = np.where(rejected[..., None], np.nan, calibration.residuals)
    found = found_in(changed(calibration, rejected=rejected, residuals=residuals))
    assert any(reason.startswith("cam2:") and "rejected" in reason for reason in found)


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        (Clock(view="cam1", jitter=0.02), "moment of its own, ± 20 ms"),
        (Clock(view="cam1", offset=0.012, corrected=True), "images come 12.0 ms off"),
        (Clock(view="cam1", offset=0.0, offset_sigma=1e-4), ""),
    ],
)
def test_cameras_out_of_step(calibration, clock, words):
    seen = replace(calibration.observations, clocks=(Clock(view="cam0"), clock))
    reasons = [r for r in found_in(changed(calibration, observations=seen)) if "cam1: " in r]
    assert [words in reason for reason in reasons] == [True] * bool(words)


def test_two_cameras_in_one_place(calibration):
    first, second = calibration.rig.cameras[:2]
    second = replace(second, rotation=first.rotation, translation=first.translation)
    rig = replace(calibration.rig, cameras=(first, second, *calibration.rig.cameras[2:]))
    verdict = judge_calibration(changed(calibration, rig=rig))
    assert verdict.level == "FAIL"
    assert "same pose" in verdict.findings[0].reason


def test_an_absurd_lens_fails_although_every_pixel_fits(calibration):
    cameras = list(calibration.rig.cameras)
    cameras[1] = replace(cameras[1], lens=Lens(distortions=np.array([-9.0, 0, 0, 0, 0])))
    rig = replace(calibration.rig, cameras=tuple(cameras))
    assert level_of(changed(calibration, rig=rig), "'cam1': the lens model folds over") == "FAIL"


def test_spacing_is_that_of_the_squares(calibration):
    assert spacing_of(calibration.board) == pytest.approx(8.0)


def test_a_real_rig_is_judged_and_its_report_stays_small(dataset):
    folder = dataset("mouse_4cam")
    sources = {
        view: open_frames(folder / view / "calibration_images") for view in ("mid", "side", "top")
    }
    board, observations = observe(load_board(folder / "board.toml", unit="mm"), sources)
    found = calibrate(board, observations)
    verdict = judge_calibration(found)
    assert verdict.level == "WARN"
    assert any("corners cover only" in finding.reason for finding in verdict.findings)
    assert len(calibration_page(found)) < 6e6  # of which plotly itself is 4.8 million
