"""Events of the filmed flies against their truth, and tables in and out of files."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from calibration.geometry import rotation_from_vector
from labcut3d.errors import DatasetError, ProjectError
from labcut3d.kinematics.event_tables import COLUMNS
from labcut3d.kinematics.events import find_events
from labcut3d.kinematics.geometry import Plane
from labcut3d.kinematics.rules import EventRule
from labcut3d.kinematics.settings import EventSettings
from labcut3d.kinematics.surfaces import Surface, Surroundings
from labcut3d.video import open_frames

RECORDINGS = (0, 1, 2)
PLACE_MM, TIME_FRAMES = 0.15, 10
TURN, SHIFT = rotation_from_vector([0.4, -2.0, 1.1]), np.array([30.0, -10.0, 40.0])


def blemished(position: np.ndarray, seed: int, *, median: float | None = None) -> np.ndarray:
    """Positions with 2 % missing and noise of 0.03 mm, or heavy-tailed of this median length."""
    rng = np.random.default_rng(seed)
    if median is None:
        noise = rng.normal(0, 0.03, position.shape)
    else:
        noise = rng.standard_t(2.2, position.shape)
        noise *= median / np.median(np.linalg.norm(noise, axis=-1))
    noisy = position + noise
    noisy[rng.random(position.shape[:2]) < 0.02] = np.nan
    return noisy


def cut(events: pd.DataFrame, n_frames: int) -> pd.DataFrame:
    """The events that begin within the first frames, cut where these end."""
    begun = events[events["start_frame"] < n_frames].copy()
    begun["stop_frame"] = begun["stop_frame"].clip(upper=n_frames - 1)
    return begun


def of(events: pd.DataFrame, name: str) -> list[tuple[int, int]]:
    rows = events[events["event"] == name]
    return list(zip(rows["start_frame"], rows["stop_frame"], strict=True))


def assert_bouts(found: pd.DataFrame, true: pd.DataFrame) -> None:
    ours, theirs = of(found, "egg_laying"), of(true, "egg_laying")
    assert len(ours) == len(theirs)
    assert np.abs(np.array(ours) - np.array(theirs)).max() <= 5  # frames


def assert_eggs(found: pd.DataFrame, true: pd.DataFrame) -> None:
    ours, theirs = (table[table["event"] == "egg_deposited"] for table in (found, true))
    assert len(ours) == len(theirs)
    for egg, truth in zip(ours.itertuples(), theirs.itertuples(), strict=True):
        assert abs(egg.start_frame - truth.start_frame) <= TIME_FRAMES
        place = np.array([egg.x - truth.x_mm, egg.y - truth.y_mm, egg.z - truth.z_mm])
        assert np.linalg.norm(place) <= PLACE_MM


@pytest.mark.parametrize("median", [None, 0.06])
def test_bouts_and_extensions_are_those_of_the_truth(truth, make_flies, median):
    hits = wrong = 0
    for number in RECORDINGS:
        position, true = truth(number)
        for seed in range(2):
            found = find_events(make_flies(blemished(position, seed, median=median)))
            assert_bouts(found, true)
            ours, theirs = of(found, "proboscis_extension"), of(true, "proboscis_extension")
            match = sum(any(a <= d and b >= c for a, b in ours) for c, d in theirs)
            hits, wrong = hits + 2 * match, wrong + len(ours) + len(theirs) - 2 * match
    assert hits / (hits + wrong) >= 0.9  # F1


def test_the_world_frame_moves_places_and_nothing_else(truth, make_flies):
    position, _ = truth(1)
    turned = position @ TURN.T + SHIFT
    first, second = find_events(make_flies(position)), find_events(make_flies(turned))
    here, there = (table[["x", "y", "z"]].to_numpy() for table in (first, second))
    np.testing.assert_allclose(there, here @ TURN.T + SHIFT, atol=1e-6)
    apart = ["x", "y", "z"]
    pd.testing.assert_frame_equal(first.drop(columns=apart), second.drop(columns=apart), rtol=1e-6)


def sources_of(folder, number):
    names = ("cam0", "cam1", "cam2", "cam3")
    place = folder / "recordings" / f"recording{number}"
    return {name: open_frames(place / f"{name}.mp4") for name in names}


def test_the_egg_of_a_short_recording(truth, make_flies, true_rig, dataset):
    position, true = truth(2)
    position, true = blemished(position, 0)[:270], cut(true, 270)
    steps = []
    found = find_events(
        make_flies(position),
        rig=true_rig,
        sources=sources_of(dataset("fly_chamber"), 2),
        progress=lambda done, total, note="": steps.append((done, total)),
    )
    assert_bouts(found, true)
    assert_eggs(found, true)
    assert steps == [(1, 2), (2, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("number", RECORDINGS)
def test_all_eggs_are_found_and_none_invented(truth, make_flies, true_rig, dataset, number):
    position, true = truth(number)
    sources = sources_of(dataset("fly_chamber"), number)
    flies = make_flies(blemished(position, number))
    assert_eggs(find_events(flies, rig=true_rig, sources=sources), true)


def test_a_tip_that_jumps_about_has_no_egg(truth, make_flies, true_rig):
    position = truth(2)[0][:200].copy()
    # The bend stays a bend when the whole fly jumps 5 mm to and fro, but no place is touched.
    position[::2] += 5.0
    table = find_events(make_flies(position), rig=true_rig, sources={})
    assert "egg_laying" in set(table["event"])
    assert "egg_deposited" not in set(table["event"])


def test_what_cannot_be_looked_for_is_noted(make_flies):
    mouse = make_flies(np.zeros((40, 2, 3)), keypoints=["nose", "tail"])
    table = find_events(mouse)
    assert table.empty
    assert tuple(table.columns[: len(COLUMNS)]) == COLUMNS
    assert any("scutellum" in note for note in table.attrs["notes"])


def test_without_images_eggs_are_not_reported_but_noted(truth, make_flies):
    table = find_events(make_flies(truth(0)[0]))
    assert "egg_deposited" not in set(table["event"])
    assert any("videos" in note for note in table.attrs["notes"])
    assert (table["start_frame"].diff().dropna() >= 0).all()
    np.testing.assert_allclose(table["start_s"], table["start_frame"] / 30)


def test_nothing_is_found_in_nothing(make_flies):
    for n in (1, 30):
        table = find_events(make_flies(np.full((n, 12, 3), np.nan)))
        assert table.empty
        assert table["start_frame"].dtype == np.int64


def test_one_of_two_flies_is_missing(truth, make_flies):
    """Frames and events are those of the fly that is there; the other has none."""
    fly = make_flies(truth(0)[0])
    both = xr.concat([fly, fly], "individual", data_vars="minimal").assign_coords(
        individual=["one", "two"]
    )
    both = both.transpose(*fly["covariance"].dims, ...)
    alone = find_events(fly)
    for lost in ("one", "two"):
        there = both.copy(deep=True)
        for name in ("position", "position_raw"):
            there[name].loc[{"individual": lost}] = np.nan
        found = find_events(_as_contract(there, fly))
        assert set(found["individual"]) == {"one", "two"} - {lost}
        same = ["event", "start_frame", "stop_frame", "confidence"]
        pd.testing.assert_frame_equal(found[same], alone[same])


def _as_contract(dataset: xr.Dataset, like: xr.Dataset) -> xr.Dataset:
    """The dataset with the dimensions of every variable in the order of another's."""
    return dataset.assign({name: dataset[name].transpose(*like[name].dims) for name in like})


def test_events_cut_by_the_recording_reach_its_ends_and_say_so(truth, make_flies):
    position = truth(0)[0][120:360]  # it begins in one bout and ends in the next
    table = find_events(make_flies(position))
    bouts = table[table["event"] == "egg_laying"]
    assert of(table, "egg_laying")[0][0] == 0
    assert of(table, "egg_laying")[-1][1] == 239
    assert bouts["cut"].all()
    assert not table.loc[table["event"] == "proboscis_extension", "cut"].any()


def test_the_unit_of_the_trajectories_does_not_matter(truth, make_flies):
    flies = make_flies(truth(0)[0])
    metres = flies.assign(
        position=(flies["position"] / 1000).assign_attrs(units="m"),
        position_raw=(flies["position_raw"] / 1000).assign_attrs(units="m"),
    ).assign_attrs(unit="m")
    floor = Plane(normal=np.array([0.0, 0.0, 1.0]), distance=0.0)
    first, second = (
        find_events(one, surroundings=Surroundings(substrate=Surface(plane=floor), contact=within))
        for one, within in ((flies, 0.1), (metres, 1e-4))
    )
    same = ["event", "start_frame", "stop_frame", "peak_frame"]
    pd.testing.assert_frame_equal(first[same], second[same])
    walks = second["event"] == "walking"
    np.testing.assert_allclose(second.loc[walks, "value"], first.loc[walks, "value"] / 1000)
    assert set(second.loc[walks, "units"]) == {"m/s"}


def test_trajectories_that_tell_no_frame_rate_are_refused(make_flies):
    flies = make_flies(np.zeros((3, 12, 3)))
    del flies.attrs["fps"]
    with pytest.raises(DatasetError, match="fps"):
        find_events(flies)


def test_the_ethogram_of_a_fly(truth, make_flies):
    """Contacts and walks of true positions: what the fly's own movement says."""
    position, true = truth(0)
    floor = Plane(normal=np.array([0.0, 0.0, 1.0]), distance=0.0)
    table = find_events(
        make_flies(position), surroundings=Surroundings(substrate=Surface(plane=floor))
    )
    touching = position[:, 11, 2] < 0.1
    for start, stop in of(table, "ovipositor_contact"):
        assert touching[start + 4 : stop - 3].all()  # smoothing over 8 frames moves its edges
    assert len(of(table, "ovipositor_contact")) == len(of(true, "egg_laying"))
    assert of(table, "on_substrate") == [(0, 539)]
    laying = np.zeros(540, dtype=bool)
    for start, stop in of(table, "egg_laying"):
        laying[start : stop + 1] = True
    for event in ("walking", "resting"):
        assert of(table, event)
        assert not any(laying[start : stop + 1].any() for start, stop in of(table, event))
    assert "proboscis_contact" not in set(table["event"])  # it is never lower than 0.8 mm


def test_each_event_has_its_peak(truth, make_flies):
    position, _ = truth(0)
    table = find_events(make_flies(position))
    assert (table["peak_frame"] >= table["start_frame"]).all()
    assert (table["peak_frame"] <= table["stop_frame"]).all()
    np.testing.assert_allclose(table["peak_s"], table["peak_frame"] / 30)
    bouts = table[table["event"] == "egg_laying"]
    assert set(bouts["units"]) == {"degree"}
    assert ((bouts["value"] > 100) & (bouts["value"] < 120)).all()  # full bend is about 107
    place = bouts[["x", "y", "z"]].to_numpy()
    np.testing.assert_allclose(place, position[bouts["peak_frame"], 11], atol=1e-5)


def test_an_own_event_is_found_beside_or_instead_of_the_fly_s(truth, make_flies):
    rule = EventRule(signal="net_speed:scutellum", enter=1.0, leave=0.5, unit="mm/s", min_s=0.5)
    settings = EventSettings(rules={"running": rule, "off": replace(rule, enabled=False)})
    table = find_events(make_flies(truth(1)[0]), settings=settings)
    assert set(table["event"]) == {"running"}
    assert (table["value"] > 1.0).all()
    wrong = EventSettings(rules={"running": replace(rule, unit="mm")})
    with pytest.raises(ProjectError, match="event 'running': unit = 'mm'"):
        find_events(make_flies(truth(1)[0]), settings=wrong)


def test_a_rig_in_another_unit_is_refused(make_flies, true_rig):
    flies = make_flies(np.zeros((3, 12, 3))).assign_attrs(unit="um")
    with pytest.raises(DatasetError, match="um, the rig in mm"):
        find_events(flies, rig=true_rig, sources={})


def test_windows_find_what_the_whole_finds(truth, make_flies, monkeypatch):
    flies = make_flies(truth(0)[0])
    whole = find_events(flies)
    monkeypatch.setattr("labcut3d.kinematics.signals.SIZE", 170)
    parts = find_events(flies)
    frames = ["individual", "event", "start_frame", "stop_frame"]
    pd.testing.assert_frame_equal(parts[frames], whole[frames])
    # A head's width, which proboscides are measured by, is told by each window: half a percent.
    np.testing.assert_allclose(parts["value"], whole["value"], rtol=0.01)
