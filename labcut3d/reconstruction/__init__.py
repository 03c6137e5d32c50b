"""From 2-D detections and a rig to 3-D trajectories."""

from calibration.triangulation import Triangulation, triangulate_points
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.reconstruction.trajectories import reconstruct

__all__ = ["ReconstructionSettings", "Triangulation", "reconstruct", "triangulate_points"]
