"""What the caller of an adjustment may choose, checked, and what it makes of the cameras."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from calibration.camera import Camera
from calibration.errors import CalibrationError
from calibration.rig import Rig
from calibration.solver.lens_kernels import SKEW, Prior
from calibration.solver.parameters import INTRINSICS, to_arrays
from calibration.solver.wall_freedom import WallPriors

__all__ = ["IntrinsicsChoice", "Options", "prior_about", "with_common_intrinsics"]

IntrinsicsChoice = Literal["free", "shared", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What may move, what is known, and the loss.

    `intrinsics` "free", "fixed" or one set "shared" by all; `fixed` names intrinsics that stay;
    `priors` are their standard deviations; `walls` those of walls, None where they stay; `huber`
    px, None for least squares; `tolerance` the relative change of the cost at which to finish.
    """

    intrinsics: IntrinsicsChoice
    fixed: Collection[str]
    priors: Mapping[str, float]
    walls: WallPriors | None
    huber: float | None
    tolerance: float

    def __post_init__(self) -> None:
        if self.intrinsics not in get_args(IntrinsicsChoice):
            raise CalibrationError(
                f"intrinsics = {self.intrinsics!r}: give {', '.join(get_args(IntrinsicsChoice))}"
            )
        if self.huber is not None and not _is_sensible(self.huber):
            raise CalibrationError(f"huber = {self.huber!r} px: give a positive number or None")
        if not _is_sensible(self.tolerance):
            raise CalibrationError(f"tolerance = {self.tolerance!r}: give a positive number")
        if not isinstance(self.priors, Mapping) or isinstance(self.fixed, str):
            raise CalibrationError(
                f"priors = {self.priors!r} and fixed = {self.fixed!r}: give a mapping such as "
                '{"fx": 5.0} and a list of names such as ["k3"]'
            )
        for name, deviation in self.priors.items():
            if not _is_sensible(deviation):
                raise CalibrationError(f"prior of {name} = {deviation!r}: it must be positive")

    def free(self, camera: Camera) -> tuple[str, ...]:
        """Return the intrinsic parameters of a camera that may move."""
        names = () if self.intrinsics == "fixed" else (*INTRINSICS, *camera.lens.names)
        return tuple(name for name in names if name not in self.fixed)

    def check_names(self, cameras: Sequence[Camera]) -> None:
        """Raise `CalibrationError` for names of parameters that no camera has."""
        known = {name for camera in cameras for name in (*INTRINSICS, *camera.lens.names)}
        for name in (*self.fixed, *self.priors):
            if name not in known:
                raise CalibrationError(
                    f"no intrinsic parameter '{name}'; there are {sorted(known)}"
                )


def with_common_intrinsics(rig: Rig) -> tuple[Camera, ...]:
    """Return the cameras with the mean of their intrinsics.

    Raises `CalibrationError` where they are not of one kind and size.
    """
    first = rig.cameras[0]
    for camera in rig.cameras:
        if camera.size != first.size or camera.lens.names != first.lens.names:
            raise CalibrationError(
                f"cameras '{first.name}' and '{camera.name}' differ in image size or lens model; "
                'they cannot share intrinsics: use intrinsics="free"'
            )
    matrix = np.mean([camera.matrix for camera in rig.cameras], axis=0)
    lens = replace(
        first.lens, distortions=np.mean([camera.distortions for camera in rig.cameras], axis=0)
    )
    return tuple(replace(camera, matrix=matrix, lens=lens) for camera in rig.cameras)


def prior_about(options: Options, cameras: Sequence[Camera]) -> Prior:
    """Return the prior about where the cameras start; shared parameters have it once."""
    arrays = to_arrays(cameras)
    information = np.zeros((len(cameras), SKEW + 1))
    for row, camera in zip(information, cameras, strict=True):
        names = (*INTRINSICS, *camera.lens.names)
        for name in set(names) & set(options.priors):
            row[names.index(name)] = 1 / options.priors[name] ** 2
    if options.intrinsics == "shared":
        information /= len(cameras)
    empty = np.zeros((len(cameras), 0))
    return Prior(
        mean=arrays.intrinsics,
        information=information,
        rays=np.zeros((len(cameras), 0, 2)),
        targets=np.zeros((len(cameras), 0, 2)),
        weights=empty,
    )


def _is_sensible(value: object) -> bool:
    """Tell whether a value is a positive number whose square is one too."""
    return isinstance(value, (int, float, np.number)) and 1e-100 < float(value) < 1e100
