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
from scipy.stats import chi2

from calibration.camera import Camera
from calibration.checks.findings import Finding
from calibration.covariance import RigCovariance
from calibration.geometry import Array, skew, vector_from_rotation
from calibration.recordings import RefinedRig, refine_rig
from calibration.rig import Rig
from calibration.solver.parameters import POSE

__all__ = ["Drift", "Suspect", "find_drift"]

CHANCE = 1e-3  # of calling a camera moved, in a rig where none was
DELAY_FRAMES = 0.5  # standard deviation of what is known of the views' delays beforehand


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suspect:
    """A camera taken for moved: the rig then, and by how much it turned (rad) and shifted (unit).

    The sigmas are standard deviations of these two, the calibration's doubt included. `evidence`
    is twice the logarithm of the likelihood ratio against none having moved.
    """

    camera: str
    refined: RefinedRig
    turn: float
    turn_sigma: float
    shift: float
    shift_sigma: float
    evidence: float


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
        """The evidence from which a camera was moved."""
        return float(chi2.isf(CHANCE / len(self.suspects), len(POSE)))

    @property
    def moved(self) -> tuple[str, ...]:
        """The cameras one of which was moved: none, one, or those that cannot be told apart."""
        best = self.likeliest
        if best.evidence < self.limit:
            return ()
        margin = 2 * np.log(1 / CHANCE)
        return tuple(s.camera for s in self.suspects if s.evidence > best.evidence - margin)

    @property
    def is_more_than_one(self) -> bool:
        """Whether one camera's motion leaves the others in disagreement."""
        n = len(self.suspects)
        freedom = len(POSE) * (n - 2) - 1  # of the rest, which have no common size
        return bool(self.moved and n > 2 and self.others > float(chi2.isf(CHANCE, freedom)))

    @property
    def finding(self) -> Finding:
        """The verdict in words, with what to do."""
        best, unit = self.likeliest, self.still.rig.unit
        if not self.moved:
            return Finding(level="PASS", reason="no camera was moved, as far as can be told")
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
        evidence=2 * (still - refined.cost),
    )


def _along(vector: Array, covariance: Array) -> float:
    """Return the standard deviation of the length of a vector (3,), or the largest of none."""
    length = np.linalg.norm(vector)
    if not length > 0:
        return float(np.sqrt(np.linalg.eigvalsh(covariance)[-1].clip(min=0.0)))
    unit = vector / length
    return float(np.sqrt(max(unit @ covariance @ unit, 0.0)))
