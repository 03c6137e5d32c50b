"""The tables of the calibration report: what was seen and refused, lenses, parameters, clocks."""

import re
from typing import TYPE_CHECKING

import numpy as np

from calibration.camera import Camera
from calibration.covariance import RigCovariance
from labcut3d.viewers.page import number_text, table_block

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration
    from calibration.timing.clocks import Clock

__all__ = ["clock_table", "lens_table", "parameter_table", "refusal_table", "seen_table"]

MANY_CAMERAS = 8  # more are given a row each, and not a column


def seen_table(calibration: "Calibration") -> str:
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


def refusal_table(calibration: "Calibration") -> str:
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
                number_text(tried[model], 3) + (" ✓" if chosen.get(camera) == model else "")
                if model in tried
                else "–"
                for model in models
            ),
        ]
        for camera, tried in scores.items()
    ]
    note = (
        "Held-out error, px: each model was fitted to some of the images and scored on the others. "
        "✓ is the one chosen: the simplest that is about as good as the best."
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
            _measured(1e3 * clock.offset, 1e3 * clock.offset_sigma),
            _measured(1e6 * clock.drift, 1e6 * clock.drift_sigma),
            f"{len(clock.dropped)}" + (f": {_some(list(clock.dropped))}" if clock.dropped else ""),
            _clock_text(clock),
        ]
        for clock in clocks
    ]
    columns = ["camera", "offset ms", "drift ms per 1000 s", "frames dropped", ""]
    note = "Against the first camera's time, from the moving board. ± is one standard deviation."
    return table_block("Time", columns, rows, note)


def parameter_table(calibration: "Calibration") -> str:
    """Return the table of camera parameters with their standard deviations."""
    rig, covariance = calibration.rig, calibration.covariance
    columns = {camera.name: _parameters(camera, covariance) for camera in rig}
    names = list(dict.fromkeys(name for cells in columns.values() for name in cells))
    if len(rig) > MANY_CAMERAS:
        head = ["camera", *names]
        rows = [[c, *(cells.get(name, "–") for name in names)] for c, cells in columns.items()]
    else:
        head = ["parameter", *columns]
        rows = [[name, *(cells.get(name, "–") for cells in columns.values())] for name in names]
    note = (
        f"± is one standard deviation. Focal lengths and centres in px, positions in {rig.unit}. "
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
        cells[name] = _measured(float(value), _deviation(covariance, f"{camera.name}.{name}"))
        if name in ("fx", "fy"):
            part = _deviation(covariance, f"{camera.name}.{name}") / float(value)
            cells[name] += f" ({100 * part:.2g} %)" if part > 0 else ""
    turns = [_deviation(covariance, f"{camera.name}.rotation_{axis}") for axis in "xyz"]
    worst = np.degrees(max(turns))
    cells["direction, degrees"] = f"± {number_text(float(worst), 2)}" if worst > 0 else "–"
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


def _clock_text(clock: "Clock") -> str:
    """Return whether a clock differs from the first camera's."""
    if clock.jitter:
        return f"each image at a moment of its own, ± {1e3 * clock.jitter:.0f} ms; corrected"
    if not np.isfinite(clock.offset_sigma):
        return "not estimated"
    return "corrected" if clock.corrected else "in step"


def _some(numbers: list[int], most: int = 6) -> str:
    """Return a few of many frame numbers as text."""
    text = ", ".join(str(number) for number in numbers[:most])
    return f"{text}, …" if len(numbers) > most else text
