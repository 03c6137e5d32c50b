"""Rigs to write and read again."""

import numpy as np
import pytest

from calibration.camera import Camera
from calibration.geometry import rotation_from_vector
from calibration.lens import Lens
from calibration.rig import Rig


@pytest.fixture(scope="session")
def make_rig():
    """A function that makes a rig of `count` cameras with the given lens, by a seed."""

    def make(count=2, n_distortions=5, *, skew=0.0, unit="mm", model="opencv", seed=0):
        rng = np.random.default_rng(seed)
        cameras = tuple(
            Camera(
                name=f"cam_{i}",
                size=(1280, 1024),
                matrix=np.array(
                    [[1100 + 20 * rng.normal(), skew, 640.5], [0, 1111.1, 508.25], [0, 0, 1]]
                ),
                lens=Lens(distortions=rng.normal(size=n_distortions) * 0.02, model=model),
                rotation=rotation_from_vector(rng.normal(size=3)),
                translation=np.array([0, 0, 900]) + 50 * rng.normal(size=3),
            )
            for i in range(count)
        )
        return Rig(cameras=cameras, unit=unit)

    return make


@pytest.fixture(scope="session")
def points():
    """Points (50, 3) around the origin, which every camera of such a rig has in front of it."""
    return np.random.default_rng(1).normal(size=(50, 3)) * 100
