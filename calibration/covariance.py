"""How well the parameters of a rig are known, kept in a file beside the rig's."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.errors import FileFormatError, RigError
from calibration.files import atomic_write, require_regular_file, sha256_of
from calibration.geometry import Array
from calibration.npz import read_npz

__all__ = ["RigCovariance", "covariance_path", "find_covariance"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RigCovariance:
    """The covariance of the camera parameters of a rig.

    `names` (p,) are such as "cam0.fx", "cam0.k1", "cam1.rotation_x", "cam1.translation_x";
    `matrix` is (p, p). Focal lengths and centres are in px, translations in the rig's unit. A
    rotation is a small turn in the camera's own frame, rad: rotation = exp(turn) @ rotation.
    `gauge` says in words what was held fixed; parameters held fixed have zero rows.
    """

    names: tuple[str, ...]
    matrix: Array
    gauge: str

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=float)
        count = len(self.names)
        if matrix.shape != (count, count):
            raise RigError(f"covariance: {count} names for a matrix of shape {matrix.shape}")
        if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T):
            raise RigError("covariance: the matrix must be finite and symmetric")
        if len(set(self.names)) != count:
            raise RigError("covariance: a parameter name occurs twice")
        matrix.flags.writeable = False
        object.__setattr__(self, "matrix", matrix)

    def deviation(self, name: str) -> float:
        """Return the standard deviation of the parameter called `name`."""
        if name not in self.names:
            raise RigError(f"covariance: no parameter '{name}'; there are {', '.join(self.names)}")
        index = self.names.index(name)
        return float(np.sqrt(self.matrix[index, index]))

    def of(self, names: Sequence[str]) -> Array:
        """Return the covariance (n, n) of the parameters called `names`, in that order."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise RigError(f"the covariance does not know '{missing[0]}'; it is of another rig")
        places = [self.names.index(name) for name in names]
        return self.matrix[np.ix_(places, places)]

    def save(
        self, rig_path: str | os.PathLike[str], content: str | os.PathLike[str] | None = None
    ) -> Path:
        """Write the covariance beside the rig file `rig_path` and return its path.

        The hash of the rig file is written too, so that a covariance is never read with a rig
        that it does not belong to. `content` is a file that will take the rig's place.
        """
        path = covariance_path(rig_path)
        with atomic_write(path) as temporary:
            np.savez(
                temporary,
                names=np.array(self.names, dtype=np.str_),
                matrix=self.matrix,
                gauge=np.array(self.gauge, dtype=np.str_),
                rig_sha256=np.array(sha256_of(content or rig_path), dtype=np.str_),
            )
        return path

    @classmethod
    def load(cls, rig_path: str | os.PathLike[str]) -> "RigCovariance":
        """Read the covariance that lies beside the rig file `rig_path`.

        Raises `FileFormatError` when it is absent, broken, or belongs to another rig.
        """
        path = covariance_path(rig_path)
        if not path.is_file():
            raise FileFormatError(f"{path}: no such file; calibrate again to make it")
        stored = read_npz(path, ("names", "gauge", "matrix", "rig_sha256"), "a covariance file")
        if str(stored["rig_sha256"]) != sha256_of(require_regular_file(rig_path)):
            raise FileFormatError(
                f"{path}: belongs to another version of {Path(rig_path).name}; calibrate again, "
                "or delete it"
            )
        try:
            names = tuple(str(name) for name in stored["names"])
            return cls(names=names, matrix=stored["matrix"], gauge=str(stored["gauge"]))
        except (RigError, TypeError, ValueError) as error:
            raise FileFormatError(f"{path}: {error}; calibrate again, or delete it") from error


def find_covariance(rig_path: str | os.PathLike[str]) -> RigCovariance | None:
    """Read the covariance beside a rig file; None where there is none, as of other programs' rigs.

    Raises `FileFormatError` where it is broken, or belongs to another rig.
    """
    return RigCovariance.load(rig_path) if covariance_path(rig_path).is_file() else None


def covariance_path(rig_path: str | os.PathLike[str]) -> Path:
    """Return where the covariance of a rig file lies: rig.toml -> rig_covariance.npz."""
    rig_path = Path(rig_path)
    return rig_path.with_name(f"{rig_path.stem}_covariance.npz")
