"""The version of labcut3d, as it is written into every file."""

__version__ = "0.1.0"
