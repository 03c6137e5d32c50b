"""A long recording in pieces: where it is divided makes no difference, nor what a piece lacks."""

import numpy as np
import pytest
import xarray as xr

from calibration.covariance import RigCovariance
from calibration.rig import Rig
from calibration.solver.uncertainty import rig_parameters
from labcut3d.reconstruction import ReconstructionSettings, reconstruct
from labcut3d.reconstruction.trajectories import reconstruct_pieces
from labcut3d.synthetic_group import Group, make_group, right_identities
from labcut3d.synthetic_rig import make_rig

MOMENTS = 1300
LEARNT = 400  # moments that teach
# Relative to the size of what is compared; coordinates are of the order of the scene.
TOLERANCE = 1e-6


def scene(animals: int, moments: int = MOMENTS) -> tuple[Rig, Group]:
    """A rig of three cameras and flies that it films."""
    rng = np.random.default_rng(5)
    rig = make_rig(3, rng)
    return rig, make_group(rig, animals, moments, rng)


def together(pieces: list[xr.Dataset]) -> xr.Dataset:
    """The pieces as one recording."""
    return xr.concat(pieces, "time", data_vars="minimal").assign_attrs(pieces[-1].attrs)


def in_pieces(
    rig: Rig, group: Group, size: int, detections: xr.Dataset | None = None, **more: object
) -> xr.Dataset:
    """The group, reconstructed `size` moments at a time."""
    given = group.detections if detections is None else detections
    options = {"skeleton": group.skeleton, "learnt": LEARNT, **more}
    return together(list(reconstruct_pieces(given, rig, size=size, **options)))  # type: ignore[arg-type]


def assert_alike(one: xr.Dataset, other: xr.Dataset) -> None:
    """Compare all variables."""
    assert set(one.data_vars) == set(other.data_vars)
    for name, variable in one.data_vars.items():
        a, b = variable.values, other[name].values
        scale = np.nanmax(np.abs(a.astype(float)), initial=1e-12)
        np.testing.assert_allclose(
            a.astype(float), b, rtol=0, atol=TOLERANCE * scale, err_msg=str(name)
        )
    for name, value in one.attrs.items():
        if name.startswith("refinement_") and not isinstance(value, str):
            np.testing.assert_allclose(value, other.attrs[name], rtol=TOLERANCE)


def test_where_a_recording_is_divided_makes_no_difference() -> None:
    rig, group = scene(1)
    names = rig_parameters(rig)
    doubt = RigCovariance(names=names, matrix=1e-8 * np.eye(len(names)), gauge="world")
    whole = in_pieces(rig, group, MOMENTS, rig_covariance=doubt)
    assert "covariance_calibration" in whole
    assert_alike(whole, in_pieces(rig, group, 570, rig_covariance=doubt))


def test_nor_does_it_for_several_animals() -> None:
    rig, group = scene(2)
    whole, parts = (in_pieces(rig, group, size) for size in (MOMENTS, 650))
    assert_alike(whole, parts)
    right = right_identities(group, parts["detected_as"].values)
    assert right.all(axis=(0, 2)).mean() >= 0.99


def test_what_stretches_teach_is_what_the_whole_teaches() -> None:
    rig, group = scene(1)
    whole = reconstruct(group.detections, rig, skeleton=group.skeleton)
    parts = in_pieces(rig, group, 400)
    truth = group.position[0] if group.position.ndim == 4 else group.position
    errors = []
    for found in (whole, parts):
        track = found["position"].isel(individual=0).transpose("time", "keypoint", "space").values
        errors.append(float(np.nanmedian(np.linalg.norm(track - truth, axis=-1))))
    assert errors[1] == pytest.approx(errors[0], rel=0.02)


def test_pieces_that_see_nothing_and_keypoints_seen_only_later() -> None:
    rig, group = scene(1)
    there = xr.ones_like(group.detections["confidence"], dtype=bool)
    there[300:700] = False
    there[:, :, 0] = False
    there[1050:1090, :, 0] = True  # within no stretch that teaches, of 25 moments each
    detections = group.detections.assign(
        position=group.detections["position"].where(there),
        confidence=group.detections["confidence"].where(there, 0.0),
    )
    order = group.detections["position"].dims
    detections["position"] = detections["position"].transpose(*order)
    found = in_pieces(rig, group, 300, detections)
    known = found["position"].notnull().all("space").isel(individual=0).values
    assert not known[320:680].any()
    assert known[1050:1090, 0].mean() > 0.5
    assert not known[:1000, 0].any()
    assert known[:280, 1].mean() > 0.9


def test_moments_that_stand_alone_are_those_of_the_whole() -> None:
    rig, group = scene(1, 500)
    alone = ReconstructionSettings(smooth=False)
    whole, parts = (in_pieces(rig, group, size, settings=alone, learnt=200) for size in (500, 150))
    assert_alike(whole, parts)


def test_progress_runs_to_its_end() -> None:
    rig, group = scene(1, 300)
    told: list[tuple[int, int]] = []
    pieces = reconstruct_pieces(
        group.detections, rig, learnt=160, size=100, progress=lambda a, b, _="": told.append((a, b))
    )
    assert len(list(pieces)) == 3
    assert told[-1][0] == told[-1][1]
    assert [a / b for a, b in told] == sorted(a / b for a, b in told)
