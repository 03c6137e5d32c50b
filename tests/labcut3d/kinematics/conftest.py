"""The flies of the data set with their truth, and trajectories from bare positions."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from calibration.camera import Camera
from calibration.geometry import rotation_from_vector
from calibration.lens import Lens
from calibration.rig import Rig
from labcut3d.schema import make_detections, make_trajectories
from labcut3d.skeleton import load_skeleton

VIEWS = ["cam0", "cam1", "cam2", "cam3"]


def trajectories_of(position: np.ndarray, keypoints=None, fps: float = 30.0) -> xr.Dataset:
    """A trajectories dataset of one fly from positions (time, keypoint, 3) in mm."""
    keypoints = list(keypoints or load_skeleton("fly-egg-laying").keypoints)
    n, k, _ = position.shape
    detections = make_detections(
        position=np.zeros((n, 4, 2, k, 1)),
        confidence=np.ones((n, 4, k, 1)),
        views=VIEWS,
        keypoints=keypoints,
        individuals=["fly"],
        fps=fps,
    )
    moved = np.swapaxes(position, 1, 2)[..., None]
    return make_trajectories(
        position=moved,
        position_raw=moved,
        covariance=np.zeros((n, k, 1, 3, 3)),
        reprojection_error=np.zeros((n, k, 1)),
        view_used=np.ones((n, 4, k, 1), dtype=bool),
        confidence=np.ones((n, k, 1)),
        like=detections,
        unit="mm",
    )


@pytest.fixture(scope="session")
def make_flies() -> Callable[..., xr.Dataset]:
    return trajectories_of


@pytest.fixture(scope="session")
def truth(dataset) -> Callable[[int], tuple[np.ndarray, pd.DataFrame]]:
    """A function from a recording's number to its positions (time, keypoint, 3) and events."""
    folder = dataset("fly_chamber") / "truth"

    def load(number: int) -> tuple[np.ndarray, pd.DataFrame]:
        with np.load(folder / f"recording{number}.npz", allow_pickle=False) as arrays:
            position = arrays["position_mm"].astype(float)
        return position, pd.read_csv(folder / f"recording{number}_events.csv")

    return load


@pytest.fixture(scope="session")
def true_rig(dataset) -> Rig:
    """The cameras that filmed the flies, in the world frame of the truth."""
    table = json.loads((dataset("fly_chamber") / "truth" / "cameras.json").read_text("utf-8"))
    cameras = tuple(
        Camera(
            name=camera["name"],
            size=tuple(camera["size"]),
            matrix=np.array(camera["matrix"]),
            lens=Lens(distortions=np.array(camera["distortions"])),
            rotation=rotation_from_vector(camera["rotation"]),
            translation=np.array(camera["translation"]),
        )
        for camera in table["cameras"]
    )
    return Rig(cameras=cameras, unit=table["unit"])
