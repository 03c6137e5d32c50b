"""The exceptions of labcut3d, in one tree together with those of `calibration`."""

from calibration.errors import (
    BoardError,
    CalibrationError,
    FileFormatError,
    Labcut3dError,
    RigError,
)

__all__ = [
    "BoardError",
    "CalibrationError",
    "DatasetError",
    "DetectorError",
    "FileFormatError",
    "Labcut3dError",
    "LabelError",
    "ProjectError",
    "RigError",
    "VideoError",
]


class ProjectError(Labcut3dError):
    """A project's folder or its project.toml is incomplete or contradicts itself."""


class VideoError(Labcut3dError):
    """A video or image folder is missing, unreadable, or does not match the other views."""


class LabelError(Labcut3dError):
    """A labels file names an unknown view or keypoint, or a point outside its image."""


class DatasetError(Labcut3dError):
    """A dataset lacks a dimension, variable or attribute that its kind must have."""


class DetectorError(Labcut3dError):
    """A detector cannot be trained, saved, loaded or applied as asked."""
