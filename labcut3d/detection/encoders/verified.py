"""Published weights, read only where they are what their file's name promises."""

import re
from pathlib import Path

import torch
from torch import Tensor

from calibration.files import sha256_of
from labcut3d.errors import DetectorError

__all__ = ["published_hash", "read_weights"]


def published_hash(name: str) -> str:
    """Return the beginning of the SHA-256 that the name of a file of weights ends with."""
    found = re.search(r"-([0-9a-f]{8,})\.pth$", name)
    if not found:
        raise DetectorError(f"{name}: no file of published weights; these end with -HASH.pth")
    return found[1]


def read_weights(path: Path, remedy: str) -> dict[str, Tensor]:
    """Return the tensors in a file of weights; `remedy` says what to do where it is damaged.

    Raises `DetectorError` naming the file where it cannot be read or is not what was published.
    """
    try:
        if not sha256_of(path).startswith(published_hash(path.name)):
            raise DetectorError(f"{path}: damaged, its SHA-256 is not that in its name; {remedy}")
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise DetectorError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
