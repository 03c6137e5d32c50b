"""What the doubt about the cameras makes of refined tracks."""

import numpy as np

from calibration.covariance import RigCovariance
from calibration.geometry import Array
from calibration.solver.uncertainty import rig_parameters, view_pulls
from labcut3d.reconstruction.refinement import Refined, information_of
from labcut3d.reconstruction.smoothing import smooth

__all__ = ["calibration_covariance_of_tracks"]


def calibration_covariance_of_tracks(refined: Refined, rig_covariance: RigCovariance) -> Array:
    """Return the part (keypoint, time, 3, 3), unit^2, that the calibration has in the covariance.

    To first order: an error of the cameras moves what every moment's views say, and the smoother
    carries that to the track, also over moments that fewer than two views tell. It is in the frame
    that `rig_covariance` holds fixed. One keypoint at a time, to spare memory.
    """
    evidence, rig = refined.evidence, refined.evidence.rig
    parameters = rig_covariance.of(rig_parameters(rig))
    weight = evidence.information * refined.judgement.weight[..., None, None]
    information = information_of(evidence, refined.judgement.weight, refined.points, refined.hold)
    result = np.empty((*refined.points.shape, 3))
    for k, points in enumerate(refined.points):
        pulls = [view_pulls(rig.cameras[v], points, weight[v, k])[1] for v in range(len(rig))]
        shifts = smooth(
            information[k : k + 1],
            np.concatenate(pulls, axis=-1)[None],
            refined.precision[k : k + 1],
        )[0]
        moved = (shifts.reshape(-1, len(parameters)) @ parameters).reshape(shifts.shape)
        result[k] = moved @ np.swapaxes(shifts, -1, -2)
    return result
