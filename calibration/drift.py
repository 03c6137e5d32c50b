"""Which camera of a calibrated rig was moved since, as far as detections of moving points tell.

Each camera in turn is taken for moved: its pose is found anew from what it sees of the points that
the other cameras see. The likelihood ratio against none having moved is chi-square with six
degrees of freedom where none has (Wilks, "The large-sample distribution of the likelihood ratio",
1938). The noise of the detections is learnt with all cameras free to have moved, so that a camera
that did is not taken for noise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import f

from calibration.camera import Camera
from calibration.checks.findings import Finding
from calibration.covariance import RigCovariance
from calibration.gaussian import MEDIAN_OF_DISTANCE
from calibration.geometry import Array, mean_of_known, skew, vector_from_rotation
from calibration.recordings import RefinedRig, refine_rig
from calibration.rig import Rig
from calibration.solver.parameters import POSE

__all__ = ["Drift", "Suspect", "count_placements", "find_drift"]

CHANCE = 1e-3  # of calling a camera moved, in a rig where none was
LARGE = 4.0  # standard deviations
DELAY_FRAMES = 0.5  # standard deviation of what is known of the views' delays beforehand


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspect:
    """A camera taken for moved: the rig then, and by how much it turned (rad) and shifted (unit).

    The sigmas are standard deviations of these two, the calibration's doubt included. `evidence`
    is twice the logarithm of the likelihood ratio against none having moved, `effect` px how far
    the motion takes the points in the camera's image.
    """

    camera: str
    refined: RefinedRig
    turn: float
    turn_sigma: float
    shift: float
    shift_sigma: float
    evidence: float
    effect: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drift:
    """What a recording says of where the cameras are.

    `still` is the rig if none was moved; `suspects`, in the rig's order, if that camera was;
    `others` is the evidence that after the likeliest of them the other cameras disagree as well.
    """

    still: RefinedRig
    suspects: tuple[Suspect, ...]
    others: float

    @property
    def likeliest(self) -> Suspect:
        """The camera that is likeliest to have moved."""
        return max(self.suspects, key=lambda suspect: suspect.evidence)

    @property
    def limit(self) -> float:
        """The evidence from which a camera was moved, if the effect is large enough too."""
        return self._limit(CHANCE / len(self.suspects), len(POSE))

    @property
    def least_effect(self) -> float:
        """The effect, px, from which a camera was moved rather than points labelled askew.

        A view may show all of an animal's keypoints off alike, by as much as each is off alone,
        for as long as the animal stays where it is.
        """
        points, after = self.likeliest.refined.points, self.likeliest.refined.after
        noise = float(np.nanmedian(after)) / MEDIAN_OF_DISTANCE
        return LARGE * noise / np.sqrt(count_placements(points))

    @property
    def moved(self) -> tuple[str, ...]:
        """The cameras one of which was moved: none, one, or those that cannot be told apart."""
        best = self.likeliest
        if best.evidence < self.limit or best.effect < self.least_effect:
            return ()
        margin = 2 * np.log(1 / CHANCE)
        return tuple(s.camera for s in self.suspects if s.evidence > best.evidence - margin)

    @property
    def is_more_than_one(self) -> bool:
        """Whether one camera's motion leaves the others in disagreement."""
        n = len(self.suspects)
        freedom = len(POSE) * (n - 2) - 1  # of the rest, which have no common size
        return bool(self.moved and n > 2 and self.others > self._limit(CHANCE, freedom))

    def _limit(self, chance: float, freedom: int) -> float:
        """Return what a chi-square exceeds by chance, where its unit is itself only estimated."""
        return float(freedom * f.isf(chance, freedom, self.still.noise.freedom))

    @property
    def finding(self) -> Finding:
        """The verdict in words, with what to do."""
        best, unit = self.likeliest, self.still.rig.unit
        if best.evidence < self.limit:
            return Finding(level="PASS", reason="no camera was moved, as far as can be told")
        if not self.moved:
            return Finding(
                level="WARN",
                reason=f"'{best.camera}' sees the animal {best.effect:.2g} px from where the "
                "others do; labels that are off alike at all keypoints would look the same, since "
                f"the animal was in {count_placements(best.refined.points)} place(s) only",
                remedy="Look at its labels; or let the animal, or the board, be in more places.",
            )
        how = (
            f"by {np.degrees(best.turn):.2g} +- {np.degrees(best.turn_sigma):.1g} degrees and "
            f"{best.shift:.3g} +- {best.shift_sigma:.2g} {unit}"
        )
        if self.is_more_than_one:
            return Finding(
                level="FAIL",
                reason=f"'{best.camera}' was moved {how}, and the others do not agree either",
                remedy="Calibrate again: more than one camera was moved, or they are out of step.",
            )
        if len(self.moved) > 1:
            return Finding(
                level="WARN",
                reason=f"one of {', '.join(self.moved)} was moved; which of them, the recording "
                f"cannot tell. If it was '{best.camera}', then {how}",
                remedy="Look which camera is loose; calibrate again, or name the one to repair.",
            )
        return Finding(
            level="WARN",
            reason=f"'{best.camera}' was moved {how}",
            remedy="Repair this recording with --repair, and calibrate again for those to come.",
        )


def find_drift(
    rig: Rig,
    rig_covariance: RigCovariance,
    pixels: ArrayLike,
    *,
    covariance: ArrayLike | None = None,
    fps: float | None = None,
    progress: Callable[..., None] | None = None,
) -> Drift:
    """Return which camera was moved since the calibration, and by how much.

    `pixels` (view, keypoint, time, 2), NaN = not detected, and their `covariance`, as for
    `refine_rig`. With `fps`, views may be out of step by a part of a frame, which is then not
    taken for motion of a camera. With two cameras it can be told that one was moved, but not
    which. Raises what `refine_rig` raises.
    """
    n_fits, done = len(rig) + 3, 0
    pixels = np.asarray(pixels, dtype=float)

    def fit(*moved: str, free: RefinedRig | None = None) -> RefinedRig:
        """Refine with some cameras taken for moved; of one with all free, the noise is taken.

        Its outliers are left out, so that likelihoods are compared on the same detections.
        """
        nonlocal done
        refined = refine_rig(
            rig,
            rig_covariance,
            pixels if free is None else np.where(free.outlying[..., None], np.nan, pixels),
            covariance=covariance,
            moved=moved,
            fps=fps,
            delay_sigma=DELAY_FRAMES / fps if fps else 0.0,
            noise=None if free is None else free.noise,
        )
        done += 1
        if progress is not None:
            progress(done, n_fits)
        return refined

    free = fit(*rig.names)
    least = fit(*rig.names, free=free).cost
    still = fit(free=free)
    suspects = tuple(
        _suspect(rig[name], rig_covariance, fit(name, free=free), still.cost) for name in rig.names
    )
    best = min(suspect.refined.cost for suspect in suspects)
    return Drift(still=still, suspects=suspects, others=2 * (best - least))


def _suspect(camera: Camera, known: RigCovariance, refined: RefinedRig, still: float) -> Suspect:
    """Return how far a camera is from where it was calibrated."""
    now, names = refined.rig[camera.name], [f"{camera.name}.{name}" for name in POSE]
    turn = vector_from_rotation(now.rotation @ camera.rotation.T)
    shift = now.center - camera.center
    doubt = refined.covariance.of(names) + known.of(names)
    to_center = -camera.rotation.T @ np.hstack([skew(camera.translation), np.eye(3)])
    return Suspect(
        camera=camera.name,
        refined=refined,
        turn=float(np.linalg.norm(turn)),
        turn_sigma=_along(turn, doubt[:3, :3]),
        shift=float(np.linalg.norm(shift)),
        shift_sigma=_along(shift, to_center @ doubt @ to_center.T),
        evidence=max(2 * (still - refined.cost), 0.0),
        effect=_median(now.project(refined.points) - camera.project(refined.points)),
    )


def count_placements(points: Array) -> int:
    """Return in how many places points (keypoint, time, 3) were, one body away from each other.

    Counted along the way, from the first: a new one begins where the keypoints are as far from
    where they were as they are from their own middle.
    """
    middle = mean_of_known(points, axis=0)
    size = np.sqrt(mean_of_known(((points - middle) ** 2).sum(axis=-1).ravel(), axis=0))
    last, count = points[:, 0], 1
    for now in np.moveaxis(points[:, 1:], 1, 0):
        away = mean_of_known(((now - last) ** 2).sum(axis=-1), axis=0)
        if not np.isfinite(away):  # nothing to compare: go on from what is there
            last = np.where(np.isfinite(last), last, now)
        elif away > size**2:
            last, count = now, count + 1
    return count


def _median(shifts: Array) -> float:
    """Return the median length of vectors (..., 2), zero where none is known."""
    length = np.linalg.norm(shifts, axis=-1)
    known = length[np.isfinite(length)]
    return float(np.median(known)) if known.size else 0.0


def _along(vector: Array, covariance: Array) -> float:
    """Return the standard deviation of the length of a vector (3,), or the largest of none."""
    length = np.linalg.norm(vector)
    if not length > 0:
        return float(np.sqrt(np.linalg.eigvalsh(covariance)[-1].clip(min=0.0)))
    unit = vector / length
    return float(np.sqrt(max(unit @ covariance @ unit, 0.0)))
