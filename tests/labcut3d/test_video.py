"""Frame k is frame k: from any start, in any container, cropped and mirrored."""

import av
import cv2
import numpy as np
import pytest
from numbered_videos import SIZE, number_of, picture, write_video

from labcut3d.errors import VideoError
from labcut3d.region import Region
from labcut3d.video import find_source, open_frames


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "cam0.mp4", 100)


def test_all_frames_come_in_order(video):
    frames = open_frames(video)
    assert len(frames) == 100
    assert frames.size == SIZE
    assert frames.fps == 25.0
    assert [number_of(image) for _, image in frames.read()] == list(range(100))


@pytest.mark.parametrize("wanted", [[0], [99], [7, 8, 50], [3, 95], [11, 12, 13, 24], [5, 5, 6]])
def test_chosen_frames_are_those_asked_for(video, wanted):
    got = [(index, number_of(image)) for index, image in open_frames(video).read(wanted)]
    assert got == [(k, k) for k in wanted]


def test_negative_and_outside_indices_behave_like_a_list(video):
    frames = open_frames(video)
    assert number_of(frames[-1]) == 99
    with pytest.raises(IndexError):
        frames[100]
    with pytest.raises(IndexError, match="rise"):
        list(frames.read([5, 4]))


def test_crop_and_mirror_give_the_views_own_image(video):
    left = open_frames(video, Region(crop=(0, 0, 16, 48)))
    assert left.size == (16, 48)
    assert left[10][:20, :6].min() > 240
    mirrored = open_frames(video, Region(crop=(0, 0, 16, 48), mirror=True))
    assert mirrored[10][:20, -6:].min() > 240
    assert mirrored[10][:20, :6].max() < 60


@pytest.mark.parametrize("crop", [(0, 0, 65, 10), (-1, 0, 5, 5), (60, 0, 5, 5), (0, 0, 0, 5)])
def test_a_crop_outside_the_image_is_refused(video, crop):
    with pytest.raises(VideoError, match="crop"):
        open_frames(video, Region(crop=crop))


def test_a_missing_video_is_named(tmp_path):
    with pytest.raises(VideoError, match=r"cam9\.mp4: no such"):
        open_frames(tmp_path / "cam9.mp4")


@pytest.mark.parametrize("content", [b"", b"not a video", b"\0" * 4096])
def test_an_unreadable_video_is_named(tmp_path, content):
    path = tmp_path / "cam0.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r"cam0\.mp4"):
        open_frames(path)


def test_an_audio_file_holds_no_video(tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(VideoError, match="no video stream"):
        open_frames(path)


def test_images_are_ordered_and_numbered_by_the_last_number(tmp_path):
    for k in (2, 10, 1):
        cv2.imwrite(str(tmp_path / f"take3-{k}.png"), picture(k))
    frames = open_frames(tmp_path)
    assert frames.numbers.tolist() == [1, 2, 10]
    assert [number_of(image) for _, image in frames.read()] == [1, 2, 10]


def test_colours_are_red_green_blue(tmp_path):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 255  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "1.png"), red)
    assert open_frames(tmp_path)[0][0, 0].tolist() == [255, 0, 0]


def test_troubles_of_image_folders_are_named(tmp_path):
    with pytest.raises(VideoError, match="no images"):
        open_frames(tmp_path)
    cv2.imwrite(str(tmp_path / "a1.png"), picture(1))
    cv2.imwrite(str(tmp_path / "b1.png"), picture(1))
    with pytest.raises(VideoError, match=r"a1\.png and b1\.png.*number 1"):
        open_frames(tmp_path)
    (tmp_path / "b1.png").rename(tmp_path / "b2.png")
    cv2.imwrite(str(tmp_path / "b2.png"), picture(1)[:20])
    with pytest.raises(VideoError, match=r"b2\.png: 64x20.*64x48"):
        list(open_frames(tmp_path).read())
    (tmp_path / "b2.png").write_bytes(b"nothing")
    with pytest.raises(VideoError, match=r"b2\.png: not a readable image"):
        list(open_frames(tmp_path).read())


def test_a_source_is_found_by_its_name(tmp_path, video):
    (tmp_path / "cam0.mp4").write_bytes(b"")
    (tmp_path / "cam1").mkdir()
    assert find_source(tmp_path, "cam0").name == "cam0.mp4"
    assert find_source(tmp_path, "cam1").name == "cam1"
    with pytest.raises(VideoError, match=r"'cam2'.*cam0\.mp4, cam1"):
        find_source(tmp_path, "cam2")
    (tmp_path / "cam0.avi").write_bytes(b"")
    with pytest.raises(VideoError, match="several sources"):
        find_source(tmp_path, "cam0")
    with pytest.raises(VideoError, match="no such folder"):
        find_source(tmp_path / "nowhere", "cam0")


def test_frames_have_the_times_of_their_file(video):
    """In seconds, at the rate that the video was written with."""
    np.testing.assert_allclose(open_frames(video).times, np.arange(100) / 25, atol=1e-6)
