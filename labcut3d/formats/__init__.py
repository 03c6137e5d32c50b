"""Other programs' files: detections in, trajectories out; one file a format."""

from labcut3d.formats.registry import read_detections, write_trajectories
from labcut3d.formats.views import ViewDetections, combine_views

__all__ = ["ViewDetections", "combine_views", "read_detections", "write_trajectories"]
