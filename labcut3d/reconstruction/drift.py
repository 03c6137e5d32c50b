"""From a recording's detections to which camera was moved since the calibration."""

from dataclasses import replace

import numpy as np
import xarray as xr

from calibration.covariance import RigCovariance
from calibration.drift import Drift, Suspect, find_drift
from calibration.rig import Rig
from calibration.solver.uncertainty import rig_parameters
from labcut3d.progress import Progress
from labcut3d.reconstruction.association import detections_of, match_views
from labcut3d.reconstruction.evidence import USED
from labcut3d.reconstruction.matching import known_individuals
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.schema import validate_detections

__all__ = ["drift_of_recording", "repaired_rig"]


def drift_of_recording(
    detections: xr.Dataset,
    rig: Rig,
    rig_covariance: RigCovariance,
    settings: ReconstructionSettings | None = None,
    progress: Progress | None = None,
) -> Drift:
    """Return which camera was moved, as far as a recording's confident detections tell.

    `settings` say whether individuals are to be matched across views first.

    Raises `DatasetError` for views without a camera, `CalibrationError` where the detections tell
    nothing.
    """
    validate_detections(detections)
    rig = match_views(detections, rig)
    detections, _ = known_individuals(
        detections, rig, settings or ReconstructionSettings(), contradicted=True
    )
    pixels, covariance = [], []
    for individual in detections["individual"].values:
        evidence = detections_of(detections, rig, individual, USED)
        pixels.append(np.where(evidence.seen[..., None], evidence.pixels, np.nan))
        covariance.append(evidence.covariance)
    return find_drift(
        rig,
        rig_covariance,
        np.concatenate(pixels, axis=1),
        covariance=np.concatenate(covariance, axis=1),
        fps=float(detections.attrs["fps"]),
        progress=progress,
    )


def repaired_rig(
    rig: Rig, rig_covariance: RigCovariance, suspect: Suspect
) -> tuple[Rig, RigCovariance]:
    """Return a calibrated rig, and its covariance, with a camera where the recording puts it.

    The other cameras moved only within the calibration's doubt; one that the recording lacks stays.
    """
    now, known = suspect.refined.rig, suspect.refined.covariance
    cameras = tuple(now[c.name] if c.name in now.names else c for c in rig)
    names = rig_parameters(rig)
    matrix = rig_covariance.of(names)
    places = np.array([names.index(name) for name in known.names])
    rest = np.setdiff1d(np.arange(len(names)), places)
    matrix[np.ix_(places, rest)] = matrix[np.ix_(rest, places)] = 0.0
    matrix[np.ix_(places, places)] = known.matrix
    repaired = {
        "camera": suspect.camera,
        "turn_deg": float(np.degrees(suspect.turn)),
        "shift": suspect.shift,
    }
    return (
        replace(rig, cameras=cameras, metadata={**rig.metadata, "repaired": repaired}),
        RigCovariance(names=names, matrix=matrix, gauge=known.gauge),
    )
