"""The calibration report: verdict, what it rests on, how well it fits, and the rig itself."""

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from labcut3d.viewers.calibration_figures import (
    SKIPPING,
    figure_corner_coverage,
    figure_corners_over_time,
    figure_pair_coverage,
    figure_residual_histogram,
    figure_residuals,
    figure_spacing,
)
from labcut3d.viewers.calibration_tables import (
    clock_table,
    lens_table,
    parameter_table,
    refusal_table,
    seen_table,
)
from labcut3d.viewers.page import (
    TONES,
    Number,
    Page,
    escape,
    figure_block,
    figure_grid,
    half_block,
    length_text,
    number_text,
    render,
)
from labcut3d.viewers.rig_figure import figure_rig
from labcut3d.viewers.uncertainty_figure import Precision, figure_uncertainty, predict_precision
from labcut3d.viewers.verdict import Verdict, judge_calibration

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration

__all__ = ["calibration_page"]

SKIPPED_NOTE = (
    "Sand: skipped though the board was seen, since the image is blurred or nothing had moved "
    "since an earlier frame."
)


def calibration_page(calibration: "Calibration", verdict: Verdict | None = None) -> str:
    """Return the calibration report, with its verdict, as one self-contained HTML page."""
    verdict = verdict or judge_calibration(calibration)
    precision = predict_precision(calibration)
    figures: dict[str, go.Figure] = {
        "rig": figure_rig(calibration.rig, calibration.board, calibration.board_poses),
        "pairs": figure_pair_coverage(calibration.observations),
        "frames": figure_corners_over_time(calibration.observations),
        "histogram": figure_residual_histogram(calibration),
        "spacing": figure_spacing(calibration.check.spacing_errors, calibration.rig.unit),
        "uncertainty": figure_uncertainty(calibration, precision),
    }
    for index, name in enumerate(calibration.rig.names):
        figures[f"residuals-{index}"] = figure_residuals(calibration, name)
        figures[f"coverage-{index}"] = figure_corner_coverage(calibration, name)
    page = Page(
        kind="Calibration report",
        title=f"Rig of {len(calibration.rig)} camera{'s' if len(calibration.rig) != 1 else ''}",
        subtitle=calibration.board.describe(),
        numbers=_header(calibration, verdict, precision),
        body=_verdict_block(verdict)
        + _figure_blocks(calibration, precision)
        + _tables(calibration),
        figures=figures,
    )
    return render(page)


def _header(calibration: "Calibration", verdict: Verdict, precision: Precision) -> list[Number]:
    """Return the numbers of the header: what was held out stands before what was fitted."""
    check, unit = calibration.check, calibration.rig.unit
    known = calibration.errors[np.isfinite(calibration.errors)]
    posed = int(np.isfinite(calibration.board_poses).all(axis=(1, 2)).sum())
    return [
        Number(label="verdict", value=verdict.level, tone=TONES[verdict.level]),
        Number(label="held-out error, mean", value=_mean_pixels(check.pixels)),
        Number(
            label="held-out corner in space, median",
            value=_median_length(check.corner_errors, unit),
        ),
        Number(
            label="held-out spacing error, median",
            value=_median_length(np.abs(check.spacing_errors), unit),
        ),
        Number(
            label="predicted 3-D deviation, median",
            value=_median_length(precision.deviations, unit),
        ),
        Number(label="reprojection, mean", value=_mean_pixels(known)),
        Number(label="board poses", value=f"{posed:,}"),
        Number(label="corners used", value=f"{len(known):,}"),
    ]


def _mean_pixels(values: np.ndarray) -> str:
    """Return the mean of values in px as text, a dash where there are none."""
    return number_text(float(np.mean(values)) if len(values) else np.nan, 3, "px")


def _median_length(values: np.ndarray, unit: str) -> str:
    """Return the median of lengths as text, a dash where there are none."""
    return length_text(float(np.median(values)) if len(values) else np.nan, unit)


def _verdict_block(verdict: Verdict) -> str:
    """Return the verdict with its reasons and the next step as HTML."""
    reasons = "".join(
        f"<li>{escape(finding.reason)} – {escape(finding.remedy)}</li>"
        for finding in verdict.findings
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in verdict.notes)
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    return (
        f'<section class="card verdict {verdict.level.lower()}"><strong>{verdict.level}</strong> '
        f"{escape(verdict.summary)}.<ul>{reasons}</ul>"
        f"<p><b>Next:</b> {escape(verdict.next_step)}</p>{notes}</section>"
    )


def _figure_blocks(calibration: "Calibration", precision: Precision) -> str:
    """Return the cards of the figures."""
    over_time = 80 + 34 * len(calibration.observations.views)
    return "".join(
        [
            half_block("rig", "Rig and boards", "Drag to turn, wheel to zoom.", height=460),
            half_block(
                "uncertainty",
                "How well points will be located",
                _precision_text(calibration, precision),
                height=460,
            ),
            half_block(
                "pairs",
                "Frames that two cameras share",
                "On the diagonal the frames of one camera. Every camera needs a strong neighbour.",
                height=340,
            ),
            half_block(
                "spacing",
                "Distance between neighbouring corners",
                "Corners left out of the fit, triangulated without knowing the board, against the "
                "true length of a square.",
                height=340,
            ),
            figure_block(
                "frames",
                "Corners seen",
                SKIPPED_NOTE
                if any(r.reason in SKIPPING for r in calibration.observations.refusals)
                else "",
                height=over_time,
            ),
            figure_block(
                "histogram",
                "Reprojection error of each camera",
                "Dotted: corners left out of the fit, of all cameras.",
                height=300,
            ),
            _panels(
                calibration,
                "residuals",
                "Reprojection residuals",
                "Arrows should point everywhere alike; a pattern means that the lens model or the "
                "board does not fit.",
            ),
            _panels(
                calibration,
                "coverage",
                "Where corners were seen",
                "Where a camera's image is empty, its lens is guessed.",
            ),
        ]
    )


def _panels(calibration: "Calibration", name: str, heading: str, note: str) -> str:
    """Return the card of a figure that every camera has one of, shaped like the widest image."""
    names = [f"{name}-{index}" for index in range(len(calibration.rig))]
    width, height = max((camera.size for camera in calibration.rig), key=lambda s: s[0] / s[1])
    return figure_grid(names, heading, note, size=(width, height + width // 8))


def _precision_text(calibration: "Calibration", precision: Precision) -> str:
    """Return what the predicted precision means, in words."""
    unit = calibration.rig.unit
    if not len(precision.deviations):
        return "Nothing can be predicted: no point of the board's volume is seen by two cameras."
    return (
        "Predicted standard deviation where the board was, for detections as exact as the board's "
        f"corners ({number_text(precision.pixel_sigma, 2)} px), the calibration's own "
        f"{_median_length(precision.of_rig, unit)} included. For detections good to 1 px it "
        f"is {_median_length(precision.at_noise(1.0), unit)} (median)."
    )


def _tables(calibration: "Calibration") -> str:
    """Return the tables of what each camera saw, and of the parameters."""
    tables = (seen_table, refusal_table, clock_table, lens_table, parameter_table)
    return "".join(table(calibration) for table in tables)
