"""What is doubtful about a rig that was fitted, in sentences."""

import numpy as np

from calibration.corners.observations import Observations
from calibration.covariance import RigCovariance
from calibration.fitting.extrapolation import folds_over
from calibration.rig import Rig

__all__ = ["cautions"]

FEW_PAIRS = 5  # frames shared by a camera and its best partner below which a warning is due
UNSURE = 0.02  # standard deviation as a part of the focal length
MUCH_REJECTED = 0.1  # of a view's corners


def cautions(
    rig: Rig, covariance: RigCovariance, observations: Observations, rejected: np.ndarray
) -> tuple[str, ...]:
    """Return what is doubtful about a rig, given the corners (view, frame, corner) not believed."""
    folded = tuple(
        f"view '{camera.name}': its lens model folds over inside the image, so that pixels near "
        "the border have no ray; show the board there too, up to the corners of the image"
        for camera in rig
        if folds_over(camera)
    )
    return _left_out(observations, rejected) + _unsure(rig, covariance) + folded + rig.warnings


def _unsure(rig: Rig, covariance: RigCovariance) -> tuple[str, ...]:
    """Return a sentence for each camera whose focal length the images hardly determine."""
    parts = {c.name: covariance.deviation(f"{c.name}.fx") / c.matrix[0, 0] for c in rig}
    return tuple(
        f"view '{name}': its focal length is known to ± {100 * part:.0f} % only; show the board "
        "tilted by 30 to 45 degrees, near and far"
        for name, part in parts.items()
        if part > UNSURE
    )


def _left_out(observations: Observations, rejected: np.ndarray) -> tuple[str, ...]:
    """Return sentences about what is doubtful: little overlap, many corners not believed."""
    warnings = []
    shared = observations.coverage - np.diag(observations.coverage.diagonal())
    counts = rejected.sum(axis=(1, 2))
    found = observations.seen.sum(axis=(1, 2)) + observations.misfits.sum(axis=(1, 2))
    for view, name in enumerate(observations.views):
        if len(observations.views) > 1 and shared[view].max() < FEW_PAIRS:
            warnings.append(
                f"view '{name}' shared the board with another view in only {shared[view].max()} "
                f"frames; film at least {FEW_PAIRS}, better 20, where both see it"
            )
        if counts[view]:
            share = counts[view] / found[view]
            warnings.append(
                f"view '{name}': {counts[view]} of {found[view]} corners ({100 * share:.1f} %) "
                "fit neither board nor rig and were left out"
                + ("; look for reflections, blur or a bent board" if share > MUCH_REJECTED else "")
            )
    return tuple(warnings)
