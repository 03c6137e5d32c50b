"""What is doubtful about a calibration: each way of being wrong is looked at by itself.

A small reprojection error proves little: it stays small when the cameras are wrong in a way that
the board videos could not show. So what was held out counts, in pixels and in lengths, and
whether the videos could show it at all: links between cameras, coverage of the images, tilts of
the board, and how well the focal lengths are determined.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from calibration.boards.board import Board
from calibration.checks.findings import Finding
from labcut3d.viewers.calibration_figures import grid_shape

if TYPE_CHECKING:  # a page needs no solver
    from calibration import Calibration

__all__ = [
    "judge_clocks",
    "judge_conditioning",
    "judge_coverage",
    "judge_errors",
    "judge_held_out",
    "judge_links",
    "judge_rejections",
    "judge_tilts",
    "spacing_of",
]

GOOD_RMS, BAD_RMS = 0.8, 2.0  # px; sharp corners of a flat board reach 0.1 to 0.3
GOOD_HELD_OUT, BAD_HELD_OUT = 1.0, 3.0  # px, the mean over corners left out of the fit
GOOD_SPACING, BAD_SPACING = 0.015, 0.05  # of a square: median error of neighbouring corners
LEAST_FRAMES, FEW_FRAMES = 4, 12  # frames of a camera's strongest link to the others
LEAST_CORNERS, FEW_CORNERS = 40, 150  # corners of that link, of the camera that saw fewer
LEAST_COVERAGE = 0.35  # of the cells of an image that hold a corner
MOST_REJECTED = 0.15  # of the corners
LEAST_TILT = 8.0  # degrees, standard deviation of the board's normals
UNSURE_FOCAL, UNKNOWN_FOCAL = 0.01, 0.05  # standard deviation as a part of the focal length


def judge_errors(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras whose corners do not fit."""
    for name, errors in zip(calibration.rig.names, calibration.errors, strict=True):
        squares = errors[np.isfinite(errors)] ** 2
        rms = float(np.sqrt(squares.mean())) if len(squares) else np.inf
        if rms > GOOD_RMS:
            yield Finding(
                level="FAIL" if rms > BAD_RMS else "WARN",
                reason=f"{name}: corners reproject with {rms:.2f} px (good: below {GOOD_RMS} px)",
                remedy=f"Check that {name} is in focus and in step with the others, that the board "
                "is flat and does not move while a frame is taken, and that nothing moved between "
                "the board videos and the recordings.",
            )


def judge_held_out(calibration: "Calibration") -> Iterator[Finding]:
    """Yield a rig that does not explain boards it was not fitted to, in px or in lengths."""
    check = calibration.check
    if not len(check.pixels):
        yield Finding(
            level="WARN",
            reason="nothing could be held out, so that the rig is untested",
            remedy="Record more frames: 20 or more in which two cameras both see the board.",
        )
        return
    pixels = float(np.mean(check.pixels))
    if pixels > GOOD_HELD_OUT:
        yield Finding(
            level="FAIL" if pixels > BAD_HELD_OUT else "WARN",
            reason=f"corners left out of the fit lie {pixels:.2f} px off (good: below "
            f"{GOOD_HELD_OUT:g} px)",
            remedy="Check that the cameras are in step and the board is flat; record more tilts "
            "and places of the board, slowly.",
        )
    if len(calibration.rig) < 2:
        return
    if not len(check.spacing_errors):
        yield Finding(
            level="WARN",
            reason="no corner left out of the fit was seen by two cameras: no length was tested",
            remedy="Record frames in which two cameras both see the board.",
        )
        return
    off = float(np.median(np.abs(check.spacing_errors))) / spacing_of(calibration.board)
    if off > GOOD_SPACING:
        yield Finding(
            level="FAIL" if off > BAD_SPACING else "WARN",
            reason=f"neighbouring corners are {100 * off:.1f} % off their true distance (good: "
            f"below {100 * GOOD_SPACING:g} %), small though the reprojection error may be",
            remedy="Check the length of the squares, that the board is flat, and that the cameras "
            "are in step; record the board near and far, where several cameras see it.",
        )


def spacing_of(board: Board) -> float:
    """Return the usual distance between neighbouring corners of a board, in its unit."""
    a, b = np.asarray(board.neighbours).T
    return float(np.median(np.linalg.norm(board.points[a] - board.points[b], axis=-1)))


def judge_links(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras that hardly share a view of the board with the others."""
    names = calibration.rig.names
    if len(names) < 2:
        return
    seen = np.isfinite(calibration.residuals).all(axis=-1).sum(axis=-1)  # (view, frame)
    frames = ((seen[:, None] > 0) & (seen[None] > 0)).sum(axis=-1)
    corners = np.minimum(seen[:, None], seen[None]).sum(axis=-1)
    for name, n_frames, n_corners in zip(
        names, _strongest_links(frames), _strongest_links(corners), strict=True
    ):
        remedy = f"Record the board again where {name} and a neighbour both see it."
        if n_frames < FEW_FRAMES:
            yield Finding(
                level="FAIL" if n_frames < LEAST_FRAMES else "WARN",
                reason=f"{name}: tied to the other cameras by only {n_frames} shared frames",
                remedy=remedy,
            )
        elif n_corners < FEW_CORNERS:
            yield Finding(
                level="FAIL" if n_corners < LEAST_CORNERS else "WARN",
                reason=f"{name}: tied to the other cameras by only {n_corners} corners in "
                f"{n_frames} shared frames",
                remedy=f"{remedy} Hold it nearer, so that more of its corners are in view.",
            )


def _strongest_links(counts: np.ndarray) -> list[int]:
    """Return, for each camera, its strongest link in the tree that ties all cameras together.

    A maximum spanning tree (Prim): a camera is as well tied as the strongest link that touches it.
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


def judge_coverage(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras in whose image the board visited too little."""
    observations, low = calibration.observations, {}
    for camera, residuals in zip(calibration.rig, calibration.residuals, strict=True):
        used = np.isfinite(residuals).all(axis=-1)
        points = observations.corners[observations.views.index(camera.name)][used]
        shape = grid_shape(camera.size)
        cells = np.floor((points + 0.5) / np.array(camera.size) * shape).astype(int)
        cells = np.clip(cells, 0, np.array(shape) - 1)
        covered = len(np.unique(cells, axis=0)) / (shape[0] * shape[1])
        if covered < LEAST_COVERAGE:
            low[camera.name] = f"{100 * covered:.0f}"
    if low:
        yield Finding(
            level="WARN",
            reason=f"{_listed(low)}: corners cover only {_listed(low.values())} % of the image",
            remedy=f"Move the board through the whole image of {_listed(low)}, corners too; "
            "outside the covered part the lens is guessed.",
        )


def judge_tilts(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras to which the board was shown at one tilt, which fixes no focal length."""
    normals, low = calibration.board_poses[:, :3, 2], {}
    for camera, residuals in zip(calibration.rig, calibration.residuals, strict=True):
        used = np.isfinite(residuals).any(axis=(1, 2)) & np.isfinite(normals).all(axis=1)
        if used.sum() < 2:
            continue
        facing = normals[used] @ camera.rotation.T
        spread = np.linalg.eigvalsh(np.cov(facing[:, :2], rowvar=False))[-1]
        degrees = float(np.degrees(np.sqrt(max(spread, 0.0))))
        if degrees < LEAST_TILT:
            low[camera.name] = f"{degrees:.0f}"
    if low:
        yield Finding(
            level="WARN",
            reason=f"{_listed(low)}: the board was shown at nearly one tilt (its normal varies by "
            f"{_listed(low.values())} degrees)",
            remedy=f"Show the board to {_listed(low)} tilted by 30 to 45 degrees, this way and "
            "that: only tilts tell the focal length from the distance.",
        )


def judge_conditioning(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras whose focal length the images hardly determine."""
    covariance, unsure = calibration.covariance, {}
    for camera in calibration.rig:
        focals = {"fx": camera.matrix[0, 0], "fy": camera.matrix[1, 1]}
        part = max(
            covariance.deviation(f"{camera.name}.{name}") / value
            if f"{camera.name}.{name}" in covariance.names
            else 0.0
            for name, value in focals.items()
        )
        if part > UNSURE_FOCAL:
            unsure[camera.name] = part
    if unsure:
        parts = _listed(f"{100 * part:.1f}" for part in unsure.values())
        yield Finding(
            level="FAIL" if max(unsure.values()) > UNKNOWN_FOCAL else "WARN",
            reason=f"{_listed(unsure)}: the focal length is known to ± {parts} % only, whatever "
            "the reprojection error says",
            remedy=f"Show the board to {_listed(unsure)} tilted by 30 to 45 degrees, near and far, "
            "and in the corners of the image.",
        )


def judge_rejections(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras of which many corners were thrown out."""
    many = {}
    for name, rejected, residuals in zip(
        calibration.rig.names, calibration.rejected, calibration.residuals, strict=True
    ):
        used = np.isfinite(residuals).all(axis=-1).sum()
        share = rejected.sum() / max(rejected.sum() + used, 1)
        if share > MOST_REJECTED:
            many[name] = f"{100 * share:.0f}"
    if many:
        yield Finding(
            level="WARN",
            reason=f"{_listed(many)}: {_listed(many.values())} % of the corners were rejected",
            remedy=f"Look at the board videos of {_listed(many)}: blur, glare or a bent board "
            "spoil corners.",
        )


def judge_clocks(calibration: "Calibration") -> Iterator[Finding]:
    """Yield cameras whose images were not taken together; the calibration has allowed for it."""
    stray = {c.view: f"{1e3 * c.jitter:.0f}" for c in calibration.observations.clocks if c.jitter}
    late = {
        clock.view: f"{1e3 * clock.offset:.1f}"
        for clock in calibration.observations.clocks
        if clock.corrected and not clock.jitter
    }
    if stray:
        yield Finding(
            level="WARN",
            reason=f"{_listed(stray)}: each image was taken at a moment of its own, ± "
            f"{_listed(stray.values())} ms; that was allowed for here, but recordings suffer the "
            "same",
            remedy="Trigger the cameras together before you record what moves.",
        )
    if late:
        yield Finding(
            level="WARN",
            reason=f"{_listed(late)}: images come {_listed(late.values())} ms off the first "
            "camera's; that was corrected here, but recordings may suffer the same",
            remedy="Start the cameras by one trigger, or match recordings by their time stamps.",
        )


def _listed(words: Iterable[str]) -> str:
    """Return words as text."""
    return ", ".join(words)
