"""Rigs that are known to err: a covariance of all their parameters, and draws from it."""

import numpy as np

from calibration import Rig, RigCovariance
from calibration.solver.parameters import from_arrays, moved, parameter_names, to_arrays
from calibration.solver.uncertainty import rig_parameters

STEPS = {"f": 1.0, "c": 0.5, "r": 3e-4, "t": 0.1}  # px, px, rad, mm; lens terms 1e-3


def uncertain(rig: Rig, rng: np.random.Generator) -> RigCovariance:
    """A covariance in which all parameters are correlated, and the first camera's pose is held."""
    names = rig_parameters(rig)
    size = np.array([STEPS.get(name.split(".")[1][0], 1e-3) for name in names])
    first = [f"{rig.names[0]}.{name}" for name in parameter_names(rig.cameras[0])[-6:]]
    size[[name in first for name in names]] = 0.0
    root = size[:, None] * rng.normal(size=(len(names), len(names))) / np.sqrt(len(names))
    return RigCovariance(names=names, matrix=root @ root.T, gauge="the first camera's pose")


def erring(rig: Rig, step: np.ndarray) -> Rig:
    """The rig with its parameters moved by a step in the order of `rig_parameters`."""
    poses, intrinsics = np.zeros((len(rig), 6)), np.zeros((len(rig), 17))
    for view, camera in enumerate(rig):
        count = len(parameter_names(camera))
        own, step = step[:count], step[count:]
        intrinsics[view, : count - 6], poses[view] = own[:-6], own[-6:]
    arrays = moved(to_arrays(rig.cameras), poses, intrinsics)
    return Rig(cameras=from_arrays(arrays, rig.cameras), unit=rig.unit)
