"""Several animals on scenes of known truth: who is who in all views and moments."""

import numpy as np
import pytest
import xarray as xr

from labcut3d.errors import DatasetError
from labcut3d.reconstruction import ReconstructionSettings, reconstruct
from labcut3d.reconstruction.gains import assign, body_gains, exchange_margins
from labcut3d.reconstruction.identities import in_order_of, switches_of
from labcut3d.reconstruction.matching import match_individuals
from labcut3d.synthetic_group import (
    BODY_LENGTH,
    Group,
    GroupBlemishes,
    make_group,
    nearest_distance,
    right_identities,
)
from labcut3d.synthetic_rig import make_rig

CLEAN = GroupBlemishes(missing=0.0, unseen=0.0, mixed=0.0)


def scene(animals: int, times: int, *, views: int = 4, seed: int = 0, blemishes=None):
    """A rig and flies that it films."""
    rng = np.random.default_rng(seed)
    rig = make_rig(views, rng)
    return rig, make_group(rig, animals, times, rng, blemishes)


def without(group: Group, **where: object) -> xr.Dataset:
    """The detections, some of them missing."""
    gone = xr.zeros_like(group.detections["confidence"], dtype=bool)
    gone.loc[where] = True
    position = group.detections["position"].where(~gone)
    return group.detections.assign(
        position=position.transpose(*group.detections["position"].dims),
        confidence=group.detections["confidence"].where(~gone, 0.0),
    )


@pytest.mark.parametrize(("animals", "views"), [(2, 2), (2, 4), (3, 3), (5, 4)])
def test_flies_that_touch_stay_themselves(animals: int, views: int) -> None:
    rig, group = scene(animals, 400, views=views, seed=3)
    assert nearest_distance(group.position).min() < 0.5  # body lengths: they do touch
    found, identities = match_individuals(group.detections, rig)
    right = right_identities(group, identities.detected_as)
    assert right.all(axis=(0, 2)).mean() >= 0.99
    named = _who_is_who(group.detections, identities.detected_as)
    assert in_order_of(group.detections, named).equals(found)


def _who_is_who(detections: xr.Dataset, detected_as: np.ndarray) -> xr.Dataset:
    """What trajectories of these detections say of who is who."""
    order = ("time", "view", "individual")
    variables = {"detected_as": (order, detected_as)}
    return xr.Dataset(variables, coords={name: detections[name] for name in order})


def test_detections_that_are_not_those_of_the_trajectories_are_refused() -> None:
    rig, group = scene(2, 12, views=3, seed=3)
    detections = group.detections
    _, identities = match_individuals(detections, rig)
    named = _who_is_who(detections, identities.detected_as)
    later = detections.assign_coords(time=detections["time"] + 1.0)
    views = [f"other{view}" for view in detections["view"].values]
    for other, words in (
        (detections.isel(time=slice(None, None, 2)), "'time'.*12 of them"),
        (later, "'time'.*triangulate these detections again"),
        (detections.assign_coords(view=views), f"'view': {rig.names[0]}, .* against other"),
        (detections.isel(view=[1, 0, 2]), "'view'"),
        (detections.isel(individual=[1, 0]), "'individual'"),
    ):
        with pytest.raises(DatasetError, match=words):
            in_order_of(other, named)
    turned = named.transpose("individual", "view", "time")  # the same, in another order of axes
    assert in_order_of(detections, turned).equals(in_order_of(detections, named))


def test_every_animal_becomes_one_trajectory() -> None:
    rig, group = scene(3, 150, seed=2)
    found = reconstruct(group.detections, rig, skeleton=group.skeleton)
    position = found["position"].transpose("individual", "time", "keypoint", "space").values
    error = np.linalg.norm(position[:, None] - group.position.swapaxes(0, 1), axis=-1)
    median = np.nanmedian(error, axis=(2, 3))
    nearest = median.min(axis=1)
    assert sorted(median.argmin(axis=1)) == [0, 1, 2]
    assert (nearest < 0.03 * BODY_LENGTH).all()
    assert found.attrs["refinement_doubtful_identities"] == 0
    switches = switches_of(found["detected_as"].values)
    assert found.attrs["refinement_identity_switches"] == switches.sum() > 500


def test_right_names_are_kept_and_the_input_is_untouched() -> None:
    rig, group = scene(3, 60, blemishes=CLEAN)
    detections, _ = match_individuals(group.detections, rig)
    before = detections.copy(deep=True)
    again, identities = match_individuals(detections, rig)
    assert again.equals(before)
    assert detections.identical(before)
    assert (identities.detected_as == [0, 1, 2]).all()
    assert switches_of(identities.detected_as).sum() == 0


def test_names_can_be_trusted_by_setting() -> None:
    rig, group = scene(2, 20, blemishes=CLEAN)
    settings = ReconstructionSettings(match_individuals=False)
    found = reconstruct(group.detections, rig, settings)
    there = group.detections["position"].notnull().all("space").any("keypoint").values
    assert (found["detected_as"].values[there] == np.broadcast_to([0, 1], there.shape)[there]).all()
    assert found.attrs["refinement_identity_switches"] == 0


def test_a_detector_that_keeps_its_tracks_tells_who_came_back() -> None:
    """Both are lost for long; where they come back says little, their places in the lists do."""
    rig, group = scene(2, 400, seed=4, blemishes=GroupBlemishes(shuffled=False))
    detections = without(group, time=group.detections["time"][150:300])
    _, identities = match_individuals(detections, rig)
    here = Group(
        skeleton=group.skeleton,
        position=group.position,
        detections=detections,
        place=group.place,
    )
    assert right_identities(here, identities.detected_as).all()


def test_animals_that_all_views_lose_come_back_in_doubt() -> None:
    rig, group = scene(2, 400, seed=4)
    _, identities = match_individuals(without(group, time=group.detections["time"][150:300]), rig)
    assert identities.doubtful[300].all()
    assert identities.doubtful.any(axis=1).sum() == 1


def test_an_individual_never_seen_stays_empty() -> None:
    rig, group = scene(3, 40, blemishes=GroupBlemishes(shuffled=False, unseen=0.0))
    place = group.place[:, 0]
    detections = group.detections.copy(deep=True)
    for view, places in enumerate(place):
        detections["position"][:, view, :, :, places[2]] = np.nan
        detections["confidence"][:, view, :, places[2]] = 0.0
    found = reconstruct(detections, rig, ReconstructionSettings(smooth=False))
    known = found["position"].notnull().all("space").any(("time", "keypoint")).values
    assert known.sum() == 2


def test_an_animal_in_one_view_only_gets_no_points_and_harms_nobody() -> None:
    rig, group = scene(2, 60, blemishes=GroupBlemishes(shuffled=False, unseen=0.0, mixed=0.0))
    detections = group.detections.copy(deep=True)
    for view in (1, 2, 3):
        place = group.place[view, 0, 1]
        detections["position"][:, view, :, :, place] = np.nan
        detections["confidence"][:, view, :, place] = 0.0
    found = reconstruct(detections, rig, ReconstructionSettings(smooth=False))
    position = found["position"].transpose("individual", "time", "keypoint", "space").values
    known = np.isfinite(position).all(axis=-1)
    counts = known.sum(axis=(1, 2))
    assert counts.min() == 0
    error = np.linalg.norm(position[counts.argmax()] - group.position[:, 0], axis=-1)
    assert np.nanmedian(error) < 0.05 * BODY_LENGTH


def test_an_animal_found_twice_in_one_view_is_left_out_there_once() -> None:
    rig, group = scene(2, 60, blemishes=GroupBlemishes(shuffled=False, unseen=0.0, mixed=0.0))
    detections = group.detections.copy(deep=True)
    one, other = group.place[0, 0]
    twice = detections["position"].values[:, 0, :, :, one] + 1.0
    detections["position"][:, 0, :, :, other] = twice
    detections["confidence"][:, 0, :, other] = detections["confidence"][:, 0, :, one]
    _, identities = match_individuals(detections, rig)
    apart = nearest_distance(group.position)[:, 0] > 1
    assert apart.sum() > 10
    assert ((identities.detected_as[:, 0] >= 0).sum(axis=-1)[apart] == 1).mean() > 0.95
    assert identities.unmatched.sum() >= 0.95 * apart.sum()


@pytest.mark.parametrize(("times", "views"), [(1, 4), (2, 2), (3, 3)])
def test_few_frames_and_few_views(times: int, views: int) -> None:
    rig, group = scene(3, times, views=views, blemishes=CLEAN)
    _, identities = match_individuals(group.detections, rig)
    assert right_identities(group, identities.detected_as).all()


def test_nothing_seen_at_all() -> None:
    rig, group = scene(2, 5)
    nothing = without(group, view=list(rig.names))
    found = reconstruct(nothing, rig)
    assert found["position"].isnull().all()
    assert (found["detected_as"] == -1).all()


def test_more_tracks_than_animals() -> None:
    """A tracker that gives an animal a new name each time it finds it again."""
    rig, group = scene(2, 100, blemishes=GroupBlemishes(shuffled=False, unseen=0.0))
    parts = [group.detections.copy(deep=True) for _ in range(4)]
    for index, part in enumerate(parts):
        part["position"][: 25 * index] = np.nan
        part["position"][25 * (index + 1) :] = np.nan
        part["confidence"].values[part["position"].isnull().any("space").values] = 0.0
    names = [[f"track{2 * i}", f"track{2 * i + 1}"] for i in range(4)]
    tracks = [p.assign_coords(individual=n) for p, n in zip(parts, names, strict=True)]
    detections = xr.concat(
        tracks, "individual", data_vars="minimal", coords="minimal", join="outer"
    )
    order = {name: group.detections[name].dims for name in ("position", "confidence")}
    detections = detections.assign({n: detections[n].transpose(*d) for n, d in order.items()})
    found, identities = match_individuals(detections, rig)
    used = found["position"].notnull().any(("time", "view", "space", "keypoint")).values
    assert used.sum() == 2
    assert np.isin(identities.detected_as // 2, [0, 1, 2, 3, -1]).all()
    half = identities.detected_as[..., used] % 2  # the slot within each part
    right = [half[:, v] == half[0, v] for v in range(4)]
    assert np.mean(right) > 0.99


def test_covariances_move_with_their_detections() -> None:
    rig, group = scene(2, 10, blemishes=CLEAN)
    stated = np.zeros((10, 4, 12, 2, 2, 2)) + np.eye(2)
    stated *= (1 + np.arange(2))[:, None, None]  # the place in the list
    dims = ("time", "view", "keypoint", "individual", "space", "space_")
    detections = group.detections.assign(covariance=(dims, stated.astype("float32")))
    found, identities = match_individuals(detections, rig)
    variance = found["covariance"].values[..., 0, 0][:, :, 0]
    assert (variance == 1 + identities.detected_as).all()


def test_assignments_are_the_best_and_margins_what_exchanges_cost() -> None:
    gains = np.array([[[5.0, 4.0], [4.0, 0.0]], [[3.0, 0.0], [0.0, 1.0]]])
    rows = assign(gains)
    assert rows.tolist() == [[1, 0], [0, 1]]
    assert exchange_margins(gains, rows) == pytest.approx(np.array([[3.0, 3.0], [4.0, 4.0]]))


def test_gains_fall_with_distance_and_know_nothing_of_the_unknown() -> None:
    apart = np.array([[0.0, 0.1], [1.0, 1.0], [50.0, 50.0], [np.nan, np.nan], [0.1, np.nan]])
    gains = body_gains(apart, 1.0, 100.0)
    assert gains[0] > gains[1] > 0 > gains[2]
    assert gains[3] == 0
    assert gains[4] == pytest.approx(body_gains(apart[4:, :1], 1.0, 100.0)[0])
