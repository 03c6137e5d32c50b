"""The calibration report: verdict, what it rests on, how well it fits, and the rig itself."""

import re
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from calibration.board import CharucoBoard
from calibration.camera import Camera
from calibration.lens import DISTORTION_NAMES
from labcut3d.viewers.calibration_figures import (
    board_spacing_errors,
    figure_corner_coverage,
    figure_corners_over_time,
    figure_pair_coverage,
    figure_residual_histogram,
    figure_residuals,
    figure_spacing,
    panel_shape,
)
from labcut3d.viewers.page import (
    Number,
    Page,
    escape,
    figure_block,
    number_text,
    render,
    table_block,
)
from labcut3d.viewers.rig_figure import figure_rig
from labcut3d.viewers.verdict import Verdict, judge_calibration

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration

__all__ = ["calibration_page"]


def calibration_page(calibration: "Calibration") -> str:
    """Return the calibration report as one self-contained HTML page."""
    verdict = judge_calibration(calibration)
    spacing = board_spacing_errors(calibration)
    figures: dict[str, go.Figure] = {
        "rig": figure_rig(calibration.rig, calibration.board, calibration.board_poses),
        "pairs": figure_pair_coverage(calibration.observations),
        "frames": figure_corners_over_time(calibration.observations),
        "histogram": figure_residual_histogram(calibration),
        "spacing": figure_spacing(spacing, calibration.rig.unit),
        "residuals": figure_residuals(calibration),
        "coverage": figure_corner_coverage(calibration),
    }
    page = Page(
        kind="Calibration report",
        title=f"Rig of {len(calibration.rig)} camera{'s' if len(calibration.rig) != 1 else ''}",
        subtitle=_board_text(calibration),
        numbers=_header(calibration, verdict, spacing),
        body=_verdict_block(verdict) + _figure_blocks(calibration) + _tables(calibration),
        figures=figures,
    )
    return render(page)


def _header(calibration: "Calibration", verdict: Verdict, spacing: np.ndarray) -> list[Number]:
    """Return the numbers of the header."""
    known = calibration.errors[np.isfinite(calibration.errors)]
    tones = {"PASS": "good", "WARN": "warn", "FAIL": "bad"}
    median = float(np.median(known)) if len(known) else np.nan
    mean = float(np.mean(known)) if len(known) else np.nan
    numbers = [
        Number(label="verdict", value=verdict.level, tone=tones[verdict.level]),
        Number(label="mean reprojection", value=number_text(mean, 3, "px")),
        Number(label="median reprojection", value=number_text(median, 3, "px")),
    ]
    if calibration.lens_model in calibration.held_out:
        value = number_text(calibration.held_out[calibration.lens_model], 3, "px")
        numbers.append(Number(label="held-out reprojection", value=value))
    if len(spacing):
        value = number_text(float(np.median(np.abs(spacing))), 3, calibration.rig.unit)
        numbers.append(Number(label="median corner spacing error", value=value))
    posed = int(np.isfinite(calibration.board_poses).all(axis=(1, 2)).sum())
    numbers.append(Number(label="board poses", value=f"{posed:,}"))
    numbers.append(Number(label="corners used", value=f"{len(known):,}"))
    return numbers


def _board_text(calibration: "Calibration") -> str:
    """Return the board in words."""
    board = calibration.board
    text = f"{board.type} {board.squares_x} x {board.squares_y}, square {board.square_length:g} "
    text += board.unit
    if isinstance(board, CharucoBoard):
        text += f", marker {board.marker_length:g} {board.unit}, {board.dictionary}"
        text += ", legacy pattern" if board.legacy else ""
        text += ", inverted" if board.inverted else ""
    return text


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


def _figure_blocks(calibration: "Calibration") -> str:
    """Return the cards of the figures."""
    rows, columns = panel_shape(len(calibration.rig))
    tall = 50 + rows * (250 if columns > 2 else 400)
    half = '<div class="half">'
    return "".join(
        [
            half,
            figure_block("rig", "Rig and boards", "Drag to turn, wheel to zoom.", height=420),
            "</div>",
            half,
            figure_block(
                "pairs",
                "Frames that two cameras share",
                "On the diagonal the frames of one camera. Every camera needs a strong neighbour.",
                height=420,
            ),
            "</div>",
            figure_block(
                "frames", "Corners seen", height=80 + 34 * len(calibration.observations.views)
            ),
            half,
            figure_block("histogram", "Reprojection error of each camera", height=300),
            "</div>",
            half,
            figure_block(
                "spacing",
                "Distance between neighbouring corners",
                "Triangulated without knowing the board, against the true length of a square.",
                height=300,
            ),
            "</div>",
            figure_block(
                "residuals",
                "Reprojection residuals",
                "Arrows should point everywhere alike; a pattern means that the lens model or the "
                "board does not fit.",
                height=tall,
            ),
            figure_block(
                "coverage",
                "Where corners were seen",
                "Where a camera's image is empty, its lens is guessed.",
                height=tall,
            ),
        ]
    )


def _tables(calibration: "Calibration") -> str:
    """Return the tables of what each camera saw, and of the parameters."""
    blocks = [_seen_table(calibration), _refusal_table(calibration), _model_table(calibration)]
    return "".join([*blocks, _parameter_table(calibration)])


def _seen_table(calibration: "Calibration") -> str:
    """Return the table of frames and corners, used and rejected."""
    observations = calibration.observations
    rows = []
    for index, name in enumerate(calibration.rig.names):
        frames = observations.usable[observations.views.index(name)]
        known = calibration.errors[index][np.isfinite(calibration.errors[index])]
        rows.append(
            [
                name,
                f"{int(frames.sum())} of {len(frames)}",
                f"{len(known):,}",
                f"{int(calibration.rejected[index].sum()):,}",
                number_text(float(np.mean(known)) if len(known) else np.nan, 3),
                number_text(float(np.sqrt(np.mean(known**2))) if len(known) else np.nan, 3),
            ]
        )
    columns = ["camera", "frames with board", "corners used", "rejected", "mean px", "rms px"]
    return table_block("What each camera saw", columns, rows)


def _refusal_table(calibration: "Calibration") -> str:
    """Return the table of the images that were not used, counted by reason.

    Reasons that differ only in a number, such as that of corners, count as one.
    """
    frames: dict[tuple[str, str], list[int]] = {}
    for refusal in calibration.observations.refusals:
        reason = re.sub(r"\d+", "n", refusal.reason, count=1)
        frames.setdefault((refusal.view, reason), []).append(refusal.frame)
    if not frames:
        return ""
    rows = [
        [f"{view}: {reason}", str(len(numbers)), _some(numbers)]
        for (view, reason), numbers in sorted(frames.items(), key=lambda item: item[0][0])
    ]
    columns = ["camera and reason", "images", "frames"]
    return table_block("Images and corners that were not used", columns, rows)


def _model_table(calibration: "Calibration") -> str:
    """Return the table of the lens models that were tried."""
    if not calibration.held_out:
        return ""
    rows = [
        [name, number_text(error, 4), "chosen" if name == calibration.lens_model else ""]
        for name, error in calibration.held_out.items()
    ]
    note = "Each was fitted to some of the images and scored on the others."
    columns = ["coefficients", "held-out px", ""]
    return table_block("Lens models that were tried", columns, rows, note)


def _some(numbers: list[int], most: int = 6) -> str:
    """Return a few of many frame numbers as text."""
    text = ", ".join(str(number) for number in numbers[:most])
    return f"{text}, …" if len(numbers) > most else text


def _parameter_table(calibration: "Calibration") -> str:
    """Return the table of camera parameters with their standard deviations."""
    columns: dict[str, dict[str, float]] = {
        camera.name: _parameters(camera) for camera in calibration.rig
    }
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    rows = [
        [camera, *(_with_deviation(calibration, camera, name, values) for name in names)]
        for camera, values in columns.items()
    ]
    unit = calibration.rig.unit
    note = (
        f"± is one standard deviation. Focal lengths and centres in px, positions in {unit}. "
        f"Held fixed: {calibration.covariance.gauge}."
    )
    return table_block("Parameters", ["camera", *names], rows, note)


def _parameters(camera: Camera) -> dict[str, float]:
    """Return the parameters of a camera by the names that the covariance uses."""
    matrix = camera.matrix
    names = ("fx", "fy", "cx", "cy")
    values = (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])
    translation = dict(
        zip((f"translation_{axis}" for axis in "xyz"), camera.translation, strict=True)
    )
    distortions = dict(zip(DISTORTION_NAMES, camera.distortions, strict=False))
    return {
        name: float(value)
        for name, value in {
            **dict(zip(names, values, strict=True)),
            **distortions,
            **translation,
        }.items()
    }


def _with_deviation(
    calibration: "Calibration", camera: str, name: str, values: dict[str, float]
) -> str:
    """Return a parameter as text, with its standard deviation where it was estimated."""
    if name not in values:
        return "–"
    covariance, full = calibration.covariance, f"{camera}.{name}"
    deviation = covariance.deviation(full) if full in covariance.names else 0.0
    if not deviation > 0:
        return number_text(values[name], 5)
    # Two digits of the deviation, and as many decimals of the value.
    decimals = max(0, 1 - int(np.floor(np.log10(deviation))))
    return f"{values[name]:.{decimals}f} ± {deviation:.{decimals}f}"
