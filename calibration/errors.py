"""The one tree of exceptions: catching `Labcut3dError` catches all that labcut3d raises itself.

Every message names the file or the value that is wrong and the next step that mends it.
"""


class Labcut3dError(Exception):
    """Something labcut3d was given cannot be used; the message says what, where and what to do."""


class FileFormatError(Labcut3dError):
    """A file cannot be read, or does not hold what its kind of file must hold."""


class BoardError(Labcut3dError):
    """A calibration board is described wrongly, or is not the one in the images."""


class CalibrationError(Labcut3dError):
    """The observations do not determine a rig."""


class RigError(Labcut3dError):
    """A camera or a rig is inconsistent, or is asked for a view that it does not have."""
