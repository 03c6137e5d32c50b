"""Frame k shows picture k in every container, whole, cut off or damaged."""

import struct
from contextlib import suppress

import av
import numpy as np
import pytest
from numbered_videos import OPEN_GOP, number_of, write_video

from labcut3d.errors import VideoError
from labcut3d.video import open_frames

UNEVEN = np.cumsum(np.random.default_rng(0).integers(10, 90, 100)) + 500  # ms
FRAGMENTS = {"container": {"movflags": "frag_keyframe+empty_moov"}}
INDEX_FIRST = {"container": {"movflags": "faststart"}}
WAYS = {
    "b-frames.mp4": {},
    "open-gop.mp4": OPEN_GOP,
    "one-key-frame.mp4": {"g": "250"},
    "fragments.mp4": FRAGMENTS,
    "uneven.mp4": {"stamps": UNEVEN},
    "open-gop.mkv": OPEN_GOP,
    "uneven.mkv": {"stamps": UNEVEN},
    "b-frames.avi": {},
    "plain.avi": {"bf": "0"},
    "mpeg4.avi": {"codec": "mpeg4", "g": "12", "b": "1000000"},
    "mjpeg.avi": {"codec": "mjpeg"},
    "open-gop.ts": OPEN_GOP,
    "uneven.ts": {"stamps": UNEVEN},
    "vp9.webm": {"codec": "libvpx-vp9", "g": "12", "deadline": "realtime", "cpu-used": "8"},
    "program.mpg": {"codec": "mpeg2video", "bf": "2", "g": "12"},
}
# Their header or structure tells when something is missing.
TELLING = [
    name for name in WAYS if not name.endswith("mpg") and name.partition(".")[0] != "one-key-frame"
]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """A function from a way of writing to its video of 100 pictures, written when first needed."""
    folder, written = tmp_path_factory.mktemp("videos"), {}

    def get(name):
        if name not in written:
            ways = {"spoilt.mp4": INDEX_FIRST, **WAYS}
            written[name] = write_video(folder / name, noise=20, **ways[name])
        return written[name]

    return get


def pictures(path, **options):
    """Return (index, number shown) of all frames that can be read."""
    return [(index, number_of(image)) for index, image in open_frames(path, **options).read()]


@pytest.mark.parametrize("name", WAYS)
def test_every_frame_by_itself_is_that_of_a_run(videos, name):
    frames = open_frames(videos(name))
    in_order = list(frames)
    assert [number_of(image) for image in in_order] == list(range(100))
    for index in range(99, -1, -7):
        np.testing.assert_array_equal(frames[index], in_order[index])


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv", "uneven.ts"])
def test_times_are_those_of_the_file_also_where_they_are_uneven(videos, name):
    times = open_frames(videos(name)).times
    np.testing.assert_allclose(times, UNEVEN / 1000, atol=1e-4)  # s; to the tick of a container


def test_frames_that_a_camera_dropped_are_no_damage(tmp_path):
    """Their time stamps are left out of an even grid, and the frames are counted as they come."""
    stamps = np.setdiff1d(np.arange(60) * 40, [200, 240, 1600])
    for ending in ("mkv", "mp4", "ts"):
        path = write_video(tmp_path / f"dropped.{ending}", len(stamps), stamps=stamps)
        for damaged in (False, True):
            assert pictures(path, damaged=damaged) == [(k, k) for k in range(57)]
        times = open_frames(path).times
        np.testing.assert_allclose((times - times[0]) * 1000, stamps, atol=0.1)  # ms


def test_a_trimmed_video_is_whole(videos, tmp_path):
    """An edit list hides frames that are stored and counted in the header."""
    data = bytearray(videos("b-frames.mp4").read_bytes())
    place = data.index(b"elst") + 16
    duration, start = struct.unpack(">Ii", data[place - 4 : place + 4])
    with av.open(str(videos("b-frames.mp4"))) as container:
        tick = round(1 / container.streams.video[0].time_base) // 25
    struct.pack_into(">Ii", data, place - 4, duration // 2, start + 10 * tick)
    path = tmp_path / "trimmed.mp4"
    path.write_bytes(data)
    shown = [number for _, number in pictures(path)]
    assert shown == list(range(10, 10 + len(shown)))
    assert 48 <= len(shown) <= 54


@pytest.mark.parametrize("name", [*TELLING, "spoilt.mp4"])
def test_what_is_left_of_a_video_cut_off_is_right(videos, tmp_path, name):
    """Without `damaged` it is refused. What comes before the cut is there, but for what leans on
    frames after it; an MP4 with its index at the end is lost.
    """
    data = videos(name).read_bytes()
    path = tmp_path / name
    lost = name.endswith("mp4") and name not in ("fragments.mp4", "spoilt.mp4")
    for share in (0.31, 0.5, 0.83):
        path.write_bytes(data[: int(share * len(data)) | 1])  # odd: no whole transport packets
        with pytest.raises(VideoError, match=f"{path}: "):
            pictures(path)
        if lost:
            continue
        frames = open_frames(path, damaged=True)
        assert "behind frame" in frames.trouble
        found = pictures(path, damaged=True)
        assert all(index == shown for index, shown in found if shown >= 0)
        assert len(found) >= 100 * share - 25
        assert len(frames) >= len(found)


def test_an_avi_without_its_index_has_all_its_frames(videos, tmp_path):
    data = videos("plain.avi").read_bytes()
    path = tmp_path / "short.avi"
    path.write_bytes(data[: data.rindex(b"idx1")])
    assert pictures(path) == [(k, k) for k in range(100)]


@pytest.mark.parametrize("name", [*TELLING, "spoilt.mp4"])
@pytest.mark.parametrize("length", [1, 60, 2000])
def test_damage_in_the_middle_never_shifts_a_number(videos, tmp_path, name, length):
    """A picture may be spoilt where the decoder does not notice, into its neighbour even, which is
    what it is made of; a shift would make all that follow wrong.
    """
    data = videos(name).read_bytes()
    path, rng = tmp_path / name, np.random.default_rng(length)
    for place in rng.integers(len(data) // 10, len(data) - len(data) // 10, 4):
        spoilt = bytearray(data)
        spoilt[place : place + length] = rng.bytes(length)
        path.write_bytes(spoilt)
        for damaged in (False, True):
            with suppress(VideoError):
                found = pictures(path, damaged=damaged)
                assert sum(index != shown for index, shown in found if shown >= 0) <= 1, place
                assert damaged or len(found) == 100


@pytest.mark.parametrize("name", ["open-gop.mkv", "spoilt.mp4", "open-gop.ts"])
def test_frames_behind_damage_keep_their_numbers(videos, tmp_path, name):
    """Where time stamps are even, or the index is whole, only what leans on the damage is lost."""
    data = bytearray(videos(name).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(VideoError, match=name):
        pictures(path)
    numbers = [index for index, _ in pictures(path, damaged=True)]
    assert numbers[:30] == list(range(30))
    assert numbers[-30:] == list(range(70, 100))
    assert len(numbers) < 100


def test_a_missing_frame_is_named_and_others_are_there(videos, tmp_path):
    path = tmp_path / "spoilt.mp4"
    data = videos("spoilt.mp4").read_bytes()
    path.write_bytes(data[: len(data) // 2])
    frames = open_frames(path, damaged=True)
    assert len(frames) == 100
    assert number_of(frames[20]) == 20
    with pytest.raises(VideoError, match=r"spoilt\.mp4: frame 90 of 100 cannot be decoded"):
        frames[90]


@pytest.mark.parametrize("name", ["plain.avi", "spoilt.mp4"])
def test_a_header_that_promises_too_much_costs_no_memory(videos, tmp_path, name):
    data = bytearray(videos(name).read_bytes())
    if name == "plain.avi":
        place = data.index(b"vids") + 32  # dwLength of the stream's header
        data[place : place + 4] = struct.pack("<I", 2**31 - 1)
        data = data[: len(data) // 2]
    else:
        place = data.index(b"stsz") + 12
        data[place : place + 4] = struct.pack(">I", 2**31 - 1)
    path = tmp_path / name
    path.write_bytes(data)
    with suppress(VideoError):
        assert len(open_frames(path, damaged=True)) <= 100


def test_time_stamps_far_apart_cost_no_memory(videos, tmp_path):
    """A damaged transport stream whose clock jumps by a day."""
    stamps = np.arange(60) * 40
    stamps[30:] += 86_400_000
    data = bytearray(write_video(tmp_path / "jump.mkv", 60, stamps=stamps).read_bytes())
    path = tmp_path / "cut.mkv"
    path.write_bytes(data[: int(0.9 * len(data))])
    frames = open_frames(path, damaged=True)
    assert len(frames) <= 60
