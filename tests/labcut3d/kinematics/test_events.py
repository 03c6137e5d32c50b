"""Events of the filmed flies against their truth, and tables in and out of files."""

import numpy as np
import pandas as pd
import pytest

from calibration.geometry import rotation_from_vector
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.kinematics.event_tables import COLUMNS, read_events, write_events
from labcut3d.kinematics.events import find_events
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


def test_a_rig_in_another_unit_is_refused(make_flies, true_rig):
    flies = make_flies(np.zeros((3, 12, 3))).assign_attrs(unit="um")
    with pytest.raises(DatasetError, match="um, the rig in mm"):
        find_events(flies, rig=true_rig, sources={})


def test_a_table_survives_its_file(tmp_path, truth, make_flies):
    table = find_events(make_flies(truth(0)[0]))
    write_events(table, tmp_path / "events.csv")
    stored = read_events(tmp_path / "events.csv")
    pd.testing.assert_frame_equal(stored, table[list(COLUMNS)], rtol=1e-12)
    empty = table.iloc[:0]
    write_events(empty, tmp_path / "empty.csv")
    assert read_events(tmp_path / "empty.csv").empty


def test_files_that_are_no_tables_are_refused(tmp_path):
    path = tmp_path / "events.csv"
    with pytest.raises(FileFormatError, match="no such file"):
        read_events(path)
    for text, named in (("", "not a table"), ("a,b\n1,2\n", "no column individual")):
        path.write_text(text)
        with pytest.raises(FileFormatError, match=named):
            read_events(path)
    path.write_text(",".join(COLUMNS) + "\nfly,egg_laying,a,2,3,4,5,6,7,8\n")
    with pytest.raises(FileFormatError, match="whole numbers"):
        read_events(path)
