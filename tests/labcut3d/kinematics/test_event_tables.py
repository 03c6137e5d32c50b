"""Tables of events in and out of files: events.csv, events.nc, and those for BORIS."""

import json

import numpy as np
import pandas as pd
import pytest

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats.boris import BorisObservation, write_boris
from labcut3d.kinematics.event_tables import (
    COLUMNS,
    EVENT_VARIABLES,
    events_dataset,
    events_table,
    open_events,
    read_events,
    save_events,
    write_events,
)
from labcut3d.kinematics.events import find_events

ATTRS = {"fps": 30.0, "unit": "mm", "recording": "r"}


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


@pytest.mark.parametrize("rows", [None, 0])
def test_a_dataset_keeps_all_and_its_file_too(tmp_path, truth, make_flies, rows):
    table = find_events(make_flies(truth(0)[0])).iloc[:rows]
    dataset = events_dataset(table, ATTRS)
    save_events(dataset, tmp_path / "events.nc")
    again = open_events(tmp_path / "events.nc")
    assert set(again.data_vars) == {*EVENT_VARIABLES, "position"}
    assert again["position"].dims == ("event", "space")
    assert again["peak"].attrs["units"] == "s"
    assert again.attrs["fps"] == 30.0
    pd.testing.assert_frame_equal(events_table(again), table, check_dtype=True)


def test_what_is_no_dataset_of_events_is_refused(tmp_path, truth, make_flies):
    table = find_events(make_flies(truth(0)[0]))
    with pytest.raises(DatasetError, match="no column 'peak_frame'"):
        events_dataset(table[list(COLUMNS)], ATTRS)
    with pytest.raises(DatasetError, match="'unit' is missing"):
        events_dataset(table, {"fps": 30.0})
    with pytest.raises(DatasetError, match="no such file"):
        open_events(tmp_path / "events.nc")
    (tmp_path / "events.nc").write_text("no")
    with pytest.raises(DatasetError, match="not a readable"):
        open_events(tmp_path / "events.nc")
    wrong = events_dataset(table, ATTRS)
    wrong["start_frame"] = ("event", ["first"] * len(table))
    wrong.to_netcdf(tmp_path / "wrong.nc")
    with pytest.raises(DatasetError, match=r"wrong\.nc: not as labcut3d writes events"):
        open_events(tmp_path / "wrong.nc")
    make_flies(np.zeros((3, 12, 3))).to_netcdf(tmp_path / "other.nc")
    with pytest.raises(DatasetError, match="need a variable 'event_type'"):
        open_events(tmp_path / "other.nc")


@pytest.fixture
def coded() -> pd.DataFrame:
    rows = [
        ("fly", "egg_laying", 10, 40, 10 / 30, 40 / 30, 0.9, 1.0, 2.0, 3.0),
        ("fly", "egg_laying", 60, 60, 2.0, 2.0, 0.4, np.nan, np.nan, np.nan),
        ("fly", "egg_deposited", 20, 20, 20 / 30, 20 / 30, 0.8, 1.0, 2.0, 3.0),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def paired(events: list[list]) -> dict[str, list[tuple[float, float]]]:
    """The events of a BORIS project as it pairs them: states by their order in time."""
    times: dict[str, list[float]] = {}
    for time, _, code, *_ in events:
        times.setdefault(code, []).append(time)
    return {code: list(zip(t[::2], t[1::2], strict=True)) for code, t in times.items()}


def test_a_boris_project_holds_the_events_and_where_the_videos_are(tmp_path, coded):
    video = tmp_path / "recordings" / "cam0.mp4"
    one = BorisObservation(name="r0", events=coded, fps=30.0, duration_s=3.0, videos=[video])
    write_boris(
        [one, one.__class__(name="r1", events=coded, fps=30.0, duration_s=3.0)],
        tmp_path / "x.boris",
    )
    project = json.loads((tmp_path / "x.boris").read_text("utf-8"))
    assert project["project_format_version"] == "7.0"
    kinds = {b["code"]: b["type"] for b in project["behaviors_conf"].values()}
    assert kinds == {"egg_laying": "State event", "egg_deposited": "Point event"}
    assert [s["name"] for s in project["subjects_conf"].values()] == ["fly"]
    first, second = project["observations"]["r0"], project["observations"]["r1"]
    assert (first["type"], second["type"]) == ("MEDIA", "LIVE")
    assert first["file"]["1"] == ["recordings/cam0.mp4"]
    assert first["media_info"]["fps"] == {"recordings/cam0.mp4": 30.0}
    events = first["events"]
    assert [event[0] for event in events] == sorted(event[0] for event in events)
    laying = [event for event in events if event[2] == "egg_laying"]
    assert paired(laying) == {"egg_laying": [(10 / 30, 40 / 30), (2.0, 2.0)]}
    assert [event[5] for event in laying] == [10, 40, 60, 60]
    (egg,) = [event for event in events if event[2] == "egg_deposited"]
    assert egg[4] == "confidence 0.800, at 1, 2, 3"


def test_a_table_for_boris_has_the_columns_that_it_imports(tmp_path, coded):
    one = BorisObservation(name="r0", events=coded, fps=30.0, duration_s=3.0)
    write_boris([one], tmp_path / "x.xlsx")
    table = pd.read_excel(tmp_path / "x.xlsx")
    assert list(table.columns) == ["time", "subject", "code", "modifier", "comment"]
    assert table["code"].value_counts().to_dict() == {"egg_laying": 4, "egg_deposited": 1}
    np.testing.assert_allclose(table["time"], [10 / 30, 20 / 30, 40 / 30, 2.0, 2.0])


def test_what_boris_cannot_read_is_not_written(tmp_path, coded):
    one = BorisObservation(name="r0", events=coded, fps=30.0, duration_s=3.0)
    with pytest.raises(FileFormatError, match=r"\.boris and \.xlsx"):
        write_boris([one], tmp_path / "x.csv")
    with pytest.raises(FileFormatError, match="holds one recording, not 2"):
        write_boris([one, one], tmp_path / "x.xlsx")
    empty = BorisObservation(name="r0", events=coded.iloc[:0], fps=30.0, duration_s=3.0)
    write_boris([empty], tmp_path / "x.boris")
    project = json.loads((tmp_path / "x.boris").read_text("utf-8"))
    assert project["observations"]["r0"]["events"] == []


def test_names_that_look_like_missing_values_stay_names(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(",".join(COLUMNS) + "\nNA,egg_laying,1,2,0.1,0.2,,,,\nnull,None,1,2,0,1,1,,,\n")
    table = read_events(path)
    assert table["individual"].tolist() == ["NA", "null"]
    assert table["event"].tolist() == ["egg_laying", "None"]
    assert np.isnan(table["confidence"].iloc[0])
    assert table[["x", "y", "z"]].isna().all(axis=None)
