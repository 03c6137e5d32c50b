"""Left and right exchanged in known places: found there, and nowhere else."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.reconstruction import ReconstructionSettings, reconstruct
from labcut3d.reconstruction.evidence import Evidence
from labcut3d.reconstruction.exchanges import _patterns
from labcut3d.reconstruction.refinement import refine
from labcut3d.synthetic_group import BODY_LENGTH, Group, GroupBlemishes, make_group
from labcut3d.synthetic_rig import make_rig

KNEES = [5, 6]


def scene(times: int = 150, views: int = 4, **blemishes: float):
    """A rig and a fly that it films."""
    rng = np.random.default_rng(0)
    rig = make_rig(views, rng)
    return rig, make_group(rig, 1, times, rng, GroupBlemishes(unseen=0.0, **blemishes))


def exchange(group: Group, where: np.ndarray) -> xr.Dataset:
    """The detections with the knees exchanged `where` (time, view)."""
    detections = group.detections.copy(deep=True)
    for name, axis in (("position", 2), ("confidence", 1)):
        knees = np.moveaxis(detections[name].values, axis + 1, 2)[:, :, KNEES]
        np.moveaxis(detections[name].values, axis + 1, 2)[:, :, KNEES] = np.where(
            where.reshape(*where.shape, *[1] * (knees.ndim - 2)), knees[:, :, ::-1], knees
        )
    return detections


def repaired(rig, group: Group, where: np.ndarray, *, smooth: bool) -> tuple[np.ndarray, float]:
    """How often what was exchanged is found (time, view), and the knees' 95 % error."""
    settings = ReconstructionSettings(smooth=smooth)
    found = reconstruct(exchange(group, where), rig, settings, skeleton=group.skeleton)
    position = found["position"].values[..., 0].swapaxes(1, 2)[:, KNEES]
    error = np.linalg.norm(position - group.position[:, 0, KNEES], axis=-1)
    return found["exchanged"].values[..., 0], float(np.nanquantile(error, 0.95))


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("views", [[], [1], [0, 2]])
def test_runs_of_exchanges_in_a_view_or_two(views: list[int], smooth: bool) -> None:
    rig, group = scene()
    where = np.zeros((150, 4), dtype=bool)
    where[np.ix_([*range(20, 21), *range(50, 80)], views)] = True
    count, error = repaired(rig, group, where, smooth=smooth)
    seen = group.detections["position"].isel(keypoint=KNEES).notnull().all("space").any("keypoint")
    assert (count == (where & seen.values[..., 0])).mean() > 0.995
    assert error < 0.06 * BODY_LENGTH  # the knees are 0.6 apart


def test_two_views_alone() -> None:
    rig, group = scene(views=2, missing=0.0)
    where = np.zeros((150, 2), dtype=bool)
    where[50:70, 1] = True
    count, _ = repaired(rig, group, where, smooth=True)
    assert (count == where).mean() > 0.99


def test_what_all_views_exchange_for_long_is_believed() -> None:
    """No view contradicts it, and an animal may turn: it is not repaired, and nothing else is."""
    rig, group = scene()
    where = np.zeros((150, 4), dtype=bool)
    where[50:] = True
    count, _ = repaired(rig, group, where, smooth=True)
    assert count.sum() == 0


def test_missing_and_lone_detections() -> None:
    rig, group = scene(missing=0.6)
    where = np.zeros((150, 4), dtype=bool)
    count, _ = repaired(rig, group, where, smooth=False)
    assert count.mean() < 0.005
    nothing = group.detections.copy(deep=True)
    nothing["position"][:] = np.nan
    found = reconstruct(nothing, rig, skeleton=group.skeleton)
    assert found["exchanged"].values.sum() == 0


@pytest.mark.parametrize(("views", "count"), [(2, 4), (3, 8), (4, 16), (6, 44), (8, 18)])
def test_patterns_mirror_their_opposites(views: int, count: int) -> None:
    patterns = _patterns(views)
    assert len(patterns) == count
    assert not patterns[0].any()
    assert (patterns == ~patterns[::-1]).all()


def test_two_pairs_of_one_view_count_as_two() -> None:
    rng = np.random.default_rng(0)
    rig = make_rig(4, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    along = np.linspace(-20, 20, 60)[:, None] * [1.0, 0.5, 0]
    points = middle + rng.uniform(-10, 10, (4, 1, 3)) + along
    seen = np.ones((4, 4, 60))
    evidence = Evidence(
        rig=rig,
        pixels=rig.project(points) + rng.normal(0, 0.5, (4, 4, 60, 2)),
        information=seen[..., None, None] * np.eye(2),
        confidence=0.95 * seen,
        share=np.zeros((4, 4, 60, 2)),
        stated=True,
    )
    where = np.zeros((4, 60), dtype=bool)
    where[1, 20] = True
    swapped = evidence.exchanged(0, 1, where).exchanged(2, 3, where)
    found = refine(swapped, points, alone=points, pairs=[(0, 1), (2, 3)])
    assert (found.exchanged == where).all()
    assert (found.evidence.pixels == evidence.pixels).all()
