"""From 2-D detections and a rig to 3-D trajectories."""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from calibration.triangulation import Triangulation, triangulate_points
    from labcut3d.reconstruction.settings import ReconstructionSettings
    from labcut3d.reconstruction.trajectories import reconstruct, reconstruct_pieces

__all__ = [
    "ReconstructionSettings",
    "Triangulation",
    "reconstruct",
    "reconstruct_pieces",
    "triangulate_points",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "ReconstructionSettings": "labcut3d.reconstruction.settings",
        "Triangulation": "calibration.triangulation",
        "reconstruct": "labcut3d.reconstruction.trajectories",
        "reconstruct_pieces": "labcut3d.reconstruction.trajectories",
        "triangulate_points": "calibration.triangulation",
    },
)
