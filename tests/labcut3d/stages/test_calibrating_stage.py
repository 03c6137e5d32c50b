"""Board videos are paired before anything is looked for in them; what cannot be is refused."""

import av
import numpy as np
import pytest

from calibration import CharucoBoard
from labcut3d.errors import Labcut3dError
from labcut3d.stages.calibrating import calibrate_sources
from labcut3d.video import open_frames

BOARD = CharucoBoard(
    squares_x=4,
    squares_y=5,
    square_length=54.0,
    marker_length=40.5,
    dictionary="DICT_4X4_1000",
    unit="mm",
)


def _films(folder, **frames):
    """Write grey videos of the given numbers of frames and open them."""
    sources = {}
    for view, count in frames.items():
        path = folder / f"{view}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            image = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format="rgb24")
            for _ in range(count):
                container.mux(stream.encode(image))
            container.mux(stream.encode())
        sources[view] = open_frames(path)
    return sources


def test_videos_of_unequal_length_are_refused_with_their_counts(tmp_path):
    """Nothing is cut silently; the message names a way out."""
    sources = _films(tmp_path, cam0=9, cam1=7)
    with pytest.raises(Labcut3dError, match=r"cam0 9, cam1 7.*timestamps\.csv"):
        calibrate_sources(BOARD, sources, tmp_path / "out")


def test_a_timestamps_file_beside_the_videos_is_held_to_them(tmp_path):
    """Its rows must be as many as the video's frames."""
    sources = _films(tmp_path, cam0=3, cam1=3)
    rows = [
        "sync_index,cam_id,frame_time",
        *(f"{i},{c},{i / 25}" for i in range(3) for c in (0, 1)),
    ]
    (tmp_path / "timestamps.csv").write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(Labcut3dError, match=r"timestamps\.csv: 2 rows for view 'cam1'.*3 frames"):
        calibrate_sources(BOARD, sources, tmp_path / "out")


def test_a_timestamps_file_pairs_videos_of_unequal_length(tmp_path):
    """With a row for every frame the next complaint is that no view saw the board."""
    sources = _films(tmp_path, cam0=3, cam1=2)
    rows = ["sync_index,cam_id,frame_time", "0,0,0", "0,1,0", "1,0,0.04", "2,0,0.08", "2,1,0.08"]
    (tmp_path / "timestamps.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(Labcut3dError, match="never saw the board"):
        calibrate_sources(BOARD, sources, tmp_path / "out")


def test_a_camera_to_drop_that_is_not_there_is_named_before_any_work(tmp_path):
    with pytest.raises(Labcut3dError, match="cannot drop 'cam7'"):
        calibrate_sources(BOARD, _films(tmp_path, cam0=3), tmp_path / "out", ["cam7"])


def test_a_timestamps_file_beside_some_of_the_videos_is_not_passed_over(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    sources = {**_films(tmp_path / "a", cam0=3), **_films(tmp_path / "b", cam1=3)}
    (tmp_path / "a" / "timestamps.csv").write_text("sync_index,cam_id,frame_time\n")
    with pytest.raises(Labcut3dError, match="beside some of the videos only"):
        calibrate_sources(BOARD, sources, tmp_path / "out")
