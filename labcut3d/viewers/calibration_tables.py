"""The tables of the calibration report: what was seen and refused, lenses, parameters, clocks."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.geometry import vector_from_rotation
from calibration.lens import DISTORTION_NAMES
from labcut3d.frame_ranges import frame_ranges
from labcut3d.viewers.page import escape, number_text, table_block

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration
    from calibration.corners.observations import Refusal
    from calibration.timing.clocks import Clock

__all__ = ["clock_table", "lens_table", "parameter_table", "refusal_table", "seen_table"]

MANY_CAMERAS = 8  # more are given a row each, and not a column
MANY_RANGES = 8  # of frames; more are folded away
REASONS = {  # refusals that differ only in a number, by their kind
    "with corners that fit no flat board": "some corners fit no flat board and were left out",
    "with too few corners": "too few corners were seen",
}
PARAMETERS = (
    *("fx", "fy", "cx", "cy", *DISTORTION_NAMES),
    *(f"translation_{axis}" for axis in "xyz"),
    *(f"rotation_{axis}, degrees" for axis in "xyz"),
    "direction, degrees",
)
"""The rows of the table of parameters, in their order."""


def seen_table(calibration: "Calibration") -> str:
    """Return the table of frames and corners, used and rejected."""
    observations = calibration.observations
    rows = []
    for index, name in enumerate(calibration.rig.names):
        used = np.isfinite(calibration.errors[index])
        known = calibration.errors[index][used]
        rows.append(
            [
                name,
                f"{int(used.any(axis=-1).sum())} of {len(observations.frames)}",
                f"{len(known):,}",
                f"{int(calibration.rejected[index].sum()):,}",
                number_text(float(np.mean(known)) if len(known) else np.nan, 3),
                number_text(float(np.sqrt(np.mean(known**2))) if len(known) else np.nan, 3),
            ]
        )
    columns = ["camera", "frames used", "corners used", "rejected", "mean px", "rms px"]
    return table_block("What each camera saw", columns, rows)


def refusal_table(calibration: "Calibration") -> str:
    """Return the table of the images that were not used, counted by reason.

    Reasons that differ only in a number, such as that of corners, count as one. Long lists of
    frames are folded away.
    """
    frames: dict[tuple[str, str], list[int]] = {}
    for refusal in calibration.observations.refusals:
        frames.setdefault((refusal.view, _reason(refusal)), []).append(refusal.frame)
    if not frames:
        return ""
    rows, folded = [], []
    for (view, reason), numbers in sorted(frames.items(), key=lambda item: item[0][0]):
        name, ranges = f"{view}: {reason}", frame_ranges(numbers)
        short = ", ".join(ranges[:MANY_RANGES])
        if len(ranges) > MANY_RANGES:
            short += ", …"
            folded.append(f"<p><b>{escape(name)}:</b> {', '.join(ranges)}</p>")
        rows.append([name, str(len(numbers)), short])
    columns = ["camera and reason", "images", "frames"]
    table = table_block("Images and corners that were not used", columns, rows)
    return table + _folded("All frames of the long lists above", folded)


def lens_table(calibration: "Calibration") -> str:
    """Return the table of the lens models: the held-out error of each, the chosen one marked."""
    scores, chosen = calibration.held_out, calibration.lens_models
    models = list(dict.fromkeys(model for tried in scores.values() for model in tried))
    if not models:
        return ""
    rows = [
        [
            camera,
            *(
                _score(tried.get(model)) + (" ✓" if chosen.get(camera) == model else "")
                for model in models
            ),
        ]
        for camera, tried in scores.items()
    ]
    note = (
        "Held-out error, px: each model was fitted to some of the images and scored on the others. "
        "✓ is the one chosen: the simplest that is about as good as the best. A model that folds "
        "over has pixels inside the image without a direction, or with two, and is not chosen "
        "where another does not. Longer models are not tried where shorter ones gained nothing, "
        "nor fisheyes where the image is narrow."
    )
    return table_block("Lens models", ["camera", *models], rows, note)


def clock_table(calibration: "Calibration") -> str:
    """Return the table of time offsets and drifts of the cameras, where they were estimated."""
    clocks = calibration.observations.clocks
    if not clocks:
        return ""
    rows = [
        [
            clock.view,
            _estimated(1e3 * clock.offset, 1e3 * clock.offset_sigma),
            _estimated(1e6 * clock.drift, 1e6 * clock.drift_sigma),
            f"{len(clock.dropped)}" + (f": {_some(clock.dropped)}" if clock.dropped else ""),
            _clock_text(clock),
        ]
        for clock in clocks
    ]
    columns = ["camera", "offset ms", "drift ms per 1000 s", "frames dropped", ""]
    note = (
        "Against the first camera's time, from the moving board. ± is one standard deviation; "
        "– is unknown."
    )
    return table_block("Time", columns, rows, note)


def parameter_table(calibration: "Calibration") -> str:
    """Return the table of camera parameters with their standard deviations."""
    rig, covariance = calibration.rig, calibration.covariance
    columns = {camera.name: _parameters(camera, covariance) for camera in rig}
    names = [name for name in PARAMETERS if any(name in cells for cells in columns.values())]
    if len(rig) > MANY_CAMERAS:
        head = ["camera", *names]
        rows = [[c, *(cells.get(name, "–") for name in names)] for c, cells in columns.items()]
    else:
        head = ["parameter", *columns]
        rows = [[name, *(cells.get(name, "–") for cells in columns.values())] for name in names]
    note = (
        "± is one standard deviation. Focal lengths and centres in px, translations in "
        f"{rig.unit}, rotations as a rotation vector; both lead from the world to the camera. "
        "Direction is how well the rotation is known. What is fixed was held at zero. "
        f"Held fixed: {covariance.gauge}."
    )
    return table_block("Parameters", head, rows, note)


def _parameters(camera: Camera, covariance: RigCovariance) -> dict[str, str]:
    """Return the parameters of a camera as text, by name, with their standard deviations."""
    matrix = camera.matrix
    values = {
        "fx": matrix[0, 0],
        "fy": matrix[1, 1],
        "cx": matrix[0, 2],
        "cy": matrix[1, 2],
        **dict(zip(camera.lens.names, camera.distortions, strict=True)),
        **dict(zip((f"translation_{axis}" for axis in "xyz"), camera.translation, strict=True)),
    }
    cells = {}
    for name, value in values.items():
        deviation = _deviation(covariance, f"{camera.name}.{name}")
        cells[name] = _measured(float(value), deviation) if value or deviation else "fixed"
        if name in ("fx", "fy") and deviation > 0:
            cells[name] += f" ({100 * deviation / float(value):.2g} %)"
    turns = [_deviation(covariance, f"{camera.name}.rotation_{axis}") for axis in "xyz"]
    worst = float(np.degrees(max(turns)))
    vector = np.degrees(vector_from_rotation(camera.rotation))
    fixed = not (vector.any() or worst > 0)
    decimals = max(2, 1 - int(np.floor(np.log10(worst)))) if worst > 0 else 3
    for axis, angle in zip("xyz", vector.tolist(), strict=True):
        cells[f"rotation_{axis}, degrees"] = "fixed" if fixed else f"{angle:.{decimals}f}"
    cells["direction, degrees"] = f"± {number_text(worst, 2)}" if worst > 0 else "fixed"
    return cells


def _deviation(covariance: RigCovariance, name: str) -> float:
    """Return the standard deviation of a parameter, 0 where it was not estimated."""
    return covariance.deviation(name) if name in covariance.names else 0.0


def _measured(value: float, deviation: float) -> str:
    """Return a value with its standard deviation: two digits of it, as many decimals of both."""
    if not deviation > 0:
        return number_text(value, 5)
    decimals = max(0, 1 - int(np.floor(np.log10(deviation))))
    return f"{value:.{decimals}f} ± {deviation:.{decimals}f}"


def _estimated(value: float, deviation: float) -> str:
    """Return what was measured, or a dash for a zero that only says that nothing was."""
    return _measured(value, deviation) if value or np.isfinite(deviation) else "–"


def _score(error: float | None) -> str:
    """Return the held-out error of a lens model as text, or why it has none."""
    if error is None:
        return "not tried"
    return "folds over" if np.isposinf(error) else number_text(error, 3)


def _reason(refusal: "Refusal") -> str:
    """Return why an image was not used, in words without numbers."""
    return REASONS.get(refusal.kind, re.sub(r"^\d+ ", "", refusal.reason))


def _clock_text(clock: "Clock") -> str:
    """Return whether a clock differs from the first camera's."""
    if clock.jitter:
        return f"each image at a moment of its own, ± {1e3 * clock.jitter:.0f} ms; corrected"
    if not np.isfinite(clock.offset_sigma):
        return "not estimated"
    return "corrected" if clock.corrected else "in step"


def _folded(summary: str, paragraphs: Sequence[str]) -> str:
    """Return a card that unfolds to paragraphs of HTML; nothing where there are none."""
    if not paragraphs:
        return ""
    return (
        f'<section class="card"><details><summary>{escape(summary)}</summary>'
        f"{''.join(paragraphs)}</details></section>"
    )


def _some(numbers: Sequence[int]) -> str:
    """Return the first of many frame numbers as text."""
    ranges = frame_ranges(numbers)
    return ", ".join(ranges[:MANY_RANGES]) + (", …" if len(ranges) > MANY_RANGES else "")
