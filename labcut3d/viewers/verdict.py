"""Is a calibration good enough to trust: PASS, WARN or FAIL, why, and what to do next.

A low mean reprojection error alone proves little: cameras that share too few views, lenses tested
in the middle of the image only, and two cameras in one place can all have one. So the verdict looks
at each of these, camera by camera.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from labcut3d.viewers.calibration_figures import grid_shape

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration

__all__ = ["Finding", "Verdict", "judge_calibration"]

Level = Literal["PASS", "WARN", "FAIL"]

GOOD_RMS, BAD_RMS = 0.8, 2.0  # px; sharp corners of a flat board reach 0.1 to 0.3
LEAST_FRAMES, FEW_FRAMES = 4, 12  # frames of a camera's strongest link to the others
LEAST_COVERAGE = 0.35  # of the cells of an image that hold a corner
MOST_REJECTED = 0.15  # of the corners


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong or doubtful: its level, what was found, and what mends it."""

    level: Level
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of a calibration, worst finding first, and notes that do not change it."""

    level: Level
    findings: tuple[Finding, ...]
    summary: str
    notes: tuple[str, ...] = ()

    @property
    def next_step(self) -> str:
        """What to do now: the remedy of the worst finding."""
        return self.findings[0].remedy if self.findings else "Go on to the recordings."


def judge_calibration(calibration: "Calibration") -> Verdict:
    """Return the verdict on a calibration, with a reason and a remedy for every doubt."""
    order = {"FAIL": 0, "WARN": 1, "PASS": 2}
    found = [
        *_errors(calibration),
        *_links(calibration),
        *_coverage(calibration),
        *_rejections(calibration),
        *(
            Finding(level="FAIL", reason=text, remedy="Calibrate again with this camera's videos.")
            for text in calibration.rig.warnings
        ),
    ]
    findings = tuple(sorted(found, key=lambda finding: order[finding.level]))
    known = calibration.errors[np.isfinite(calibration.errors)]
    rms = float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")
    summary = f"{len(known):,} corners reproject within {rms:.2f} px (root mean square)"
    return Verdict(
        level=findings[0].level if findings else "PASS",
        findings=findings,
        summary=summary,
        notes=tuple(text for text in calibration.warnings if text not in calibration.rig.warnings),
    )


def _errors(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras whose corners do not fit."""
    for name, residuals in zip(calibration.rig.names, calibration.residuals, strict=True):
        squares = np.sum(residuals**2, axis=-1)
        squares = squares[np.isfinite(squares)]
        rms = float(np.sqrt(squares.mean())) if len(squares) else np.inf
        if rms > GOOD_RMS:
            yield Finding(
                level="FAIL" if rms > BAD_RMS else "WARN",
                reason=f"{name}: corners reproject with {rms:.2f} px (good: below {GOOD_RMS} px)",
                remedy=f"Check that {name} is in focus and in step with the others, that the board "
                "is flat and does not move while a frame is taken, and that nothing moved between "
                "the board videos and the recordings.",
            )


def _links(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras that hardly share a view of the board with the others."""
    observations = calibration.observations
    index = [observations.views.index(name) for name in calibration.rig.names]
    counts = observations.coverage[np.ix_(index, index)]
    if len(index) < 2:
        return
    for name, strength in zip(calibration.rig.names, _strongest_path(counts), strict=True):
        if strength < FEW_FRAMES:
            yield Finding(
                level="FAIL" if strength < LEAST_FRAMES else "WARN",
                reason=f"{name}: tied to the other cameras by only {strength} shared frames",
                remedy=f"Record the board again where {name} and a neighbour both see it.",
            )


def _strongest_path(counts: np.ndarray) -> list[int]:
    """Return, for each camera, the frames of the weakest link on its best chain to the others.

    A maximum spanning tree (Prim) ties all cameras together by their strongest links; a camera is
    as well tied as the strongest link of the tree that touches it.
    """
    n = len(counts)
    tree, best = {0}, [0] * n
    while len(tree) < n:
        a, b = max(
            ((a, b) for a in tree for b in range(n) if b not in tree), key=lambda ab: counts[ab]
        )
        tree.add(b)
        best[a], best[b] = max(best[a], int(counts[a, b])), max(best[b], int(counts[a, b]))
    return best


def _coverage(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras in whose image the board visited too little."""
    observations = calibration.observations
    for index, camera in enumerate(calibration.rig):
        used = np.isfinite(calibration.residuals[index]).all(axis=-1)
        points = observations.corners[observations.views.index(camera.name)][used]
        points = points[np.isfinite(points).all(axis=-1)]
        shape = grid_shape(camera.size)
        cells = np.floor(points / np.array(camera.size) * shape).astype(int)
        cells = np.clip(cells, 0, np.array(shape) - 1)
        covered = len(np.unique(cells, axis=0)) / (shape[0] * shape[1])
        if covered < LEAST_COVERAGE:
            yield Finding(
                level="WARN",
                reason=f"{camera.name}: corners cover only {100 * covered:.0f} % of the image",
                remedy=f"Move the board through the whole image of {camera.name}, corners too; "
                "outside the covered part the lens is guessed.",
            )


def _rejections(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras of which many corners were thrown out."""
    for name, rejected, residuals in zip(
        calibration.rig.names, calibration.rejected, calibration.residuals, strict=True
    ):
        used = np.isfinite(residuals).all(axis=-1).sum()
        share = rejected.sum() / max(rejected.sum() + used, 1)
        if share > MOST_REJECTED:
            yield Finding(
                level="WARN",
                reason=f"{name}: {100 * share:.0f} % of its corners were rejected as outliers",
                remedy=f"Look at the board videos of {name}: blur, glare or a bent board spoil "
                "corners.",
            )
