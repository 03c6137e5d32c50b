"""One synthetic scene, its trajectories and its calibration, for all tests of the viewers."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from calibration.calibrating import Calibration
from calibration.covariance import RigCovariance
from calibration.geometry import transform
from calibration.solver.parameters import parameter_names
from labcut3d.schema import make_trajectories
from labcut3d.synthetic import Blemishes, Scene, make_scene
from labcut3d.viewers import Recording


@pytest.fixture(scope="session")
def scene() -> Scene:
    return make_scene(5, n_times=50, blemishes=Blemishes(noise=0.3, missing=0.1, outliers=0.01))


class Ramp:
    """A source of frames whose grey value is twice their number; frame numbers start at `first`."""

    def __init__(self, count: int, size: tuple[int, int] = (64, 48), first: int = 100) -> None:
        self.path, self.size, self.fps, self.trouble = Path("ramp"), size, 25.0, ""
        self.numbers = np.arange(first, first + count)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index):
        return np.full((self.size[1], self.size[0], 3), 2 * index, dtype=np.uint8)

    def read(self, indices=None):
        for index in range(len(self)) if indices is None else indices:
            yield index, self[index]


@pytest.fixture(scope="session")
def ramp() -> type[Ramp]:
    """The class of frames that are known exactly."""
    return Ramp


@pytest.fixture(scope="session")
def trajectories(scene: Scene) -> xr.Dataset:
    """The true positions, with the first moment of the tail missing."""
    position = np.swapaxes(scene.position, 1, 2)[..., None].copy()
    position[0, :, -1] = np.nan
    shape = (*scene.position.shape[:2], 1)
    return make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.broadcast_to(0.01 * np.eye(3), (*shape, 3, 3)),
        reprojection_error=np.full(shape, 0.4),
        view_used=np.isfinite(scene.detections["position"].values).all(axis=2),
        confidence=np.full(shape, 0.9),
        like=scene.detections,
        unit="mm",
    )


@pytest.fixture(scope="session")
def events() -> pd.DataFrame:
    columns = [
        "individual",
        "event",
        "start_frame",
        "stop_frame",
        "start_s",
        "stop_s",
        "confidence",
    ]
    rows = [
        ["animal", "egg_laying", 10, 25, 10 / 30, 25 / 30, 0.9],
        ["animal", "egg_deposited", 20, 20, 20 / 30, 20 / 30, 0.8],
    ]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="session")
def recording(scene: Scene, trajectories: xr.Dataset, events: pd.DataFrame) -> Recording:
    """All that can be shown but videos."""
    return Recording(
        name="walk 1",
        project="chamber",
        trajectories=trajectories,
        detections=scene.detections,
        rig=scene.rig,
        skeleton=scene.skeleton,
        events=events,
    )


@pytest.fixture(scope="session")
def calibration(scene: Scene) -> Calibration:
    """A calibration that found the true rig; outliers beyond 3 px are rejected."""
    seen = scene.observations.corners
    residuals = scene.rig.project(transform(scene.board_poses, scene.board.points)) - seen
    rejected = np.linalg.norm(residuals, axis=-1) > 3
    return Calibration(
        rig=scene.rig,
        board=scene.board,
        observations=scene.observations,
        board_poses=scene.board_poses,
        residuals=np.where(rejected[..., None], np.nan, residuals),
        rejected=rejected,
        covariance=known_to(scene, {"fx": 2.0, "fy": 2.0, "translation_x": 0.05}),
        warnings=("a note for the user",),
        lens_models=dict.fromkeys(scene.rig.names, "k1 k2 p1 p2"),
        held_out={name: {"k1 k2 p1 p2": 0.31, "rational": 0.3} for name in scene.rig.names},
    )


def known_to(scene: Scene, deviations: dict[str, float]) -> RigCovariance:
    """A covariance of all cameras with these standard deviations, zero for the others."""
    names = [(camera.name, name) for camera in scene.rig for name in parameter_names(camera)]
    variances = [deviations.get(name, 0.0) ** 2 for _, name in names]
    return RigCovariance(
        names=tuple(f"{camera}.{name}" for camera, name in names),
        matrix=np.diag(variances),
        gauge="the first camera",
    )


class Links(HTMLParser):
    """Collects what a page would load: sources, links and the text of its scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.text: dict[str, list[str]] = {"script": [], "style": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "data")]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in self.text:
            self.text[self.tags[-1]].append(data)


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], dict[str, Any]]:
    """A function that checks that a page is well-formed and self-contained, and reads its data."""

    def read(page: str) -> dict[str, Any]:
        links = Links()
        links.feed(page)
        assert all(load.startswith("data:image/") for load in links.loads), links.loads[:3]
        assert not re.search(r"@import|url\((?!['\"]?data:)", "".join(links.text["style"]))
        assert "default-src 'none'" in page
        assert links.tags.count("script") == 3  # plotly, data, the page's own
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
        assert found is not None
        return json.loads(found.group(1))

    return read
