"""Images of several views paired by time: from a file, from containers, with dropped frames."""

import numpy as np
import pytest

from calibration.corners.observations import Observations
from calibration.errors import CalibrationError, FileFormatError
from calibration.timing.timestamps import pair_by_time, read_timestamps, with_times

FPS = 25.0


def _write(path, rows, header="sync_index,cam_id,frame_time"):
    """Write a timestamps.csv of (sync_index, cam_id, frame_time)."""
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def _grid(n=4, cameras=(0, 1)):
    """Return the rows of cameras that recorded n frames each."""
    return [(i, cam, 10 + i / FPS + 0.001 * cam) for i in range(n) for cam in cameras]


def test_numbers_and_times_come_from_the_file(tmp_path):
    """A view is found by its number or its name; the frame it dropped keeps its place."""
    rows = [row for row in _grid() if row[:2] != (2, 1)]
    found = read_timestamps(_write(tmp_path / "t.csv", rows), {"cam_0": 4, "1": 3})
    assert found["1"].numbers.tolist() == [0, 1, 3]
    assert found["1"].dropped == (2,)
    assert found["cam_0"].dropped == ()
    np.testing.assert_allclose(found["cam_0"].times, 10 + np.arange(4) / FPS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], r"3 rows for view 'cam1', but its video has 4 frames"),
        (lambda rows: [r for r in rows if r[1] == 0], r"no rows for view 'cam1'.*cam_id '0'"),
        (lambda rows: [*rows[:-1], (3, 1, 10.0)], r"line 9: view 'cam1': frame_time 10.0 does not"),
        (lambda rows: [*rows[:-1], (2, 1, 11.0)], r"line 9: view 'cam1': sync_index 2 does not"),
        (lambda rows: [*rows[:-1], (3, 1, "nan")], r"line 9: .*frame_time 'nan' must be"),
        (lambda rows: [*rows[:-1], (3, 1, "")], r"line 9: .*leave out the row of a frame"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path, change, message):
    """Each error names the view or the line, and the value."""
    path = _write(tmp_path / "timestamps.csv", change(_grid()))
    with pytest.raises(FileFormatError, match=message):
        read_timestamps(path, {"cam0": 4, "cam1": 4})


@pytest.mark.parametrize("far", [10**9, 10**12])
def test_a_mistyped_number_is_refused_before_all_between_are_listed(tmp_path, far):
    rows = [*_grid(), *((far, camera, 99.0) for camera in (0, 1))]
    path = _write(tmp_path / "t.csv", rows)
    counts = {f"cam{i}": sum(row[1] == i for row in rows) for i in (0, 1)}
    with pytest.raises(CalibrationError, match="mistyped"):
        read_timestamps(path, counts)


def test_a_missing_column_is_named(tmp_path):
    """The message says which column."""
    path = _write(tmp_path / "t.csv", _grid(), header="sync_index,camera,frame_time")
    with pytest.raises(FileFormatError, match="column 'cam_id' is missing"):
        read_timestamps(path, {"cam0": 4})


def test_the_charuco_set_has_a_row_for_every_frame(dataset):
    """Four cameras, 57 frames numbered 35 to 91, none dropped."""
    folder = dataset("charuco_4cam") / "calibration" / "extrinsic"
    found = read_timestamps(folder / "timestamps.csv", {f"cam_{i}": 57 for i in range(4)})
    for line in found.values():
        assert line.numbers.tolist() == list(range(35, 92))
        assert line.dropped == ()


def test_equal_videos_are_counted():
    """Without gaps frame k belongs to frame k, wherever the stamps begin."""
    found = pair_by_time({"a": np.arange(50) / FPS, "b": 0.08 + np.arange(50) / FPS})
    assert found["b"].numbers.tolist() == list(range(50))
    assert found["b"].times[0] == 0


def test_a_gap_is_a_dropped_frame_and_explains_unequal_counts():
    """What follows a gap keeps its place; jitter of a tenth of a frame does not matter."""
    jitter = np.random.default_rng(0).uniform(-0.05, 0.05, 50) / FPS
    stamps = np.arange(50) / FPS + jitter
    kept = np.delete(np.arange(50), [17, 30, 31])
    found = pair_by_time({"a": stamps, "b": stamps[kept]})
    assert found["b"].numbers.tolist() == kept.tolist()
    assert found["b"].dropped == (17, 30, 31)
    assert found["a"].dropped == ()


def test_unequal_counts_without_a_reason_are_refused():
    """The message names views, counts and dropped frames; nothing is cut silently."""
    full = np.arange(50) / FPS
    with pytest.raises(CalibrationError, match=r"a 50, b 46 \(1 dropped\)"):
        pair_by_time({"a": full, "b": np.delete(full[:47], 5)})


def test_a_variable_frame_rate_is_paired_by_count_only_if_counts_agree():
    """Stamps off any even grid cannot tell dropped frames."""
    uneven = np.cumsum(np.random.default_rng(1).uniform(0.5, 1.5, 40)) / FPS
    assert pair_by_time({"a": uneven, "b": uneven})["b"].numbers.tolist() == list(range(40))
    with pytest.raises(CalibrationError, match=r"a 40, b 39\) and their frame rate varies"):
        pair_by_time({"a": uneven, "b": uneven[:-1]})


def test_observations_get_their_times():
    """Times stand at their frames; a view that dropped one has none there."""
    lines = pair_by_time({"a": np.arange(6) / FPS, "b": np.delete(np.arange(6), 3) / FPS})
    observations = Observations(
        views=("a", "b"),
        sizes=((64, 48),) * 2,
        frames=np.arange(6),
        corners=np.full((2, 6, 4, 2), np.nan),
    )
    timed = with_times(observations, lines)
    np.testing.assert_array_equal(np.isnan(timed.times).nonzero(), ([1], [3]))
    assert timed.clocks[1].dropped == (3,)
    assert timed.at([2, 3]).times.shape == (2, 2)


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"a": np.zeros(0)},
        {"a": np.array([0.0, np.nan, 2.0])},
        {"a": np.array([0.0, 1.0, 1e300])},
        {"a": np.zeros((3, 2))},
    ],
)
def test_stamps_that_are_no_times_are_refused(times):
    with pytest.raises(CalibrationError, match="time stamps"):
        pair_by_time(times)


def test_stamps_that_do_not_rise_are_only_counted():
    """As with a container that says nothing of time."""
    found = pair_by_time({"a": np.zeros(5), "b": np.arange(5)[::-1] / FPS})
    assert found["a"].numbers.tolist() == list(range(5))
