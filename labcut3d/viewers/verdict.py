"""Is a calibration good enough to trust: PASS, WARN or FAIL, why, and what to do next."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration.checks.checking import check_rig
from calibration.checks.findings import Finding, Level, worst_first, worst_level
from labcut3d.viewers.judging import (
    judge_clocks,
    judge_conditioning,
    judge_coverage,
    judge_errors,
    judge_held_out,
    judge_links,
    judge_rejections,
    judge_tilts,
    spacing_of,
)
from labcut3d.viewers.page import length_text, number_text

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration

__all__ = ["Finding", "Verdict", "judge_calibration"]

# What both the calibration itself and a judge tell.
TOLD_TWICE = ("same pose", "folds over", "moment", "focal length is known")
JUDGES = (
    judge_errors,
    judge_held_out,
    judge_links,
    judge_coverage,
    judge_tilts,
    judge_conditioning,
    judge_rejections,
    judge_clocks,
)


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

    @property
    def told(self) -> tuple[Finding, ...]:
        """The findings, and before them what was measured."""
        remedy = "" if self.findings else self.next_step
        return (Finding(level=self.level, reason=self.summary, remedy=remedy), *self.findings)


def judge_calibration(calibration: "Calibration") -> Verdict:
    """Return the verdict on a calibration, with a reason and a remedy for every doubt.

    It passes only when the rig is possible, its evidence could have shown what is wrong, and
    corners that were left out of the fit come out right in pixels and in lengths.
    """
    impossible = [found for found in check_rig(calibration.rig) if found.level != "PASS"]
    doubts = [finding for judge in JUDGES for finding in judge(calibration)]
    findings = worst_first([*impossible, *doubts])
    told = "\n".join(finding.reason for finding in findings)
    return Verdict(
        level=worst_level(findings),
        findings=findings,
        summary=_summary(calibration),
        notes=tuple(
            text
            for text in calibration.warnings
            if not any(topic in text and topic in told for topic in TOLD_TWICE)
        ),
    )


def _summary(calibration: "Calibration") -> str:
    """Return what was measured, in one sentence: px of the fit, px and length of what was left out.

    The reprojection error never stands alone.
    """
    known = calibration.errors[np.isfinite(calibration.errors)]
    rms = float(np.sqrt(np.mean(known**2))) if len(known) else np.nan
    text = f"{len(known):,} corners reproject within {number_text(rms, 2)} px (root mean square)"
    check = calibration.check
    if len(check.pixels):
        text += (
            f"; those left out of the fit within {number_text(float(np.mean(check.pixels)), 2)} px"
        )
    if len(check.spacing_errors):
        off, unit = float(np.median(np.abs(check.spacing_errors))), calibration.rig.unit
        text += (
            f", and their distances to their neighbours within {length_text(off, unit, 2)} of "
            f"{spacing_of(calibration.board):g} {unit} (median)"
        )
    return text
