"""The viewer: everything on one page, in step, with names that cannot become markup."""

import base64
import io
from dataclasses import replace

import av
import numpy as np
import pandas as pd
import pytest

from labcut3d.errors import DatasetError
from labcut3d.schema import make_detections
from labcut3d.viewers import Recording, dataset_page, trajectory_page
from labcut3d.viewers.clips import CLIP_FPS, GREY, make_clips
from labcut3d.viewers.recording import thin

EVIL = "</script><img src=x onerror=alert(1)>"


def greys(clip: bytes) -> np.ndarray:
    """The mean grey value of each frame of an MP4."""
    with av.open(io.BytesIO(clip)) as container:
        return np.array([f.to_ndarray(format="gray").mean() for f in container.decode(video=0)])


def unpack(packed):
    values = np.frombuffer(base64.b64decode(packed["data"]), dtype="<" + packed["dtype"])
    return values.reshape(packed["shape"])


def test_page_holds_the_arrays_exactly(recording, scene, read_page):
    data = read_page(trajectory_page(recording))
    assert unpack(data["position"]).shape == (50, 1, 7, 3)
    np.testing.assert_allclose(unpack(data["position"])[1:, 0], scene.position[1:], rtol=1e-6)
    expected = scene.rig.project(scene.position[7])
    np.testing.assert_allclose(unpack(data["reprojection"])[7, :, 0], expected, rtol=1e-5)
    found = scene.detections["position"].values[7, 2, :, 3, 0]
    np.testing.assert_array_equal(unpack(data["detections"])[7, 2, 0, 3], found)
    np.testing.assert_array_equal(unpack(data["frames"])[:, 0], np.arange(50))
    assert [view["size"] for view in data["views"]] == [[640, 480]] * 4
    assert [k["name"] for k in data["keypoints"]] == list(scene.skeleton.keypoints)
    assert data["bones"] == [list(bone) for bone in scene.skeleton.bone_indices]
    assert [signal["name"] for signal in data["sources"][0]["signals"]] == [
        "height",
        "x",
        "y",
        "z",
        "speed",
        "reprojection_error",
        "confidence",
        "uncertainty",
        "views",
    ]
    assert [event["name"] for event in data["events"]] == ["egg laying", "egg deposited"]


def test_header_tells_what_matters(recording):
    page = trajectory_page(recording)
    for text in ("walk 1", "chamber · recording", "1.67 s", "99.7 %", "0.400 px", "egg laying"):
        assert text in page


def test_page_with_videos_holds_one_frame_a_moment(recording, read_page, ramp):
    videos = {"cam0": ramp(30), "cam2": ramp(60)}
    frame = recording.detections["frame"] + 100
    shifted = replace(
        recording,
        detections=recording.detections.assign(frame=frame),
        trajectories=recording.trajectories.assign(frame=frame),
        videos=videos,
    )
    data = read_page(trajectory_page(shifted))
    clips = [view["video"] for view in data["views"]]
    assert [clip is None for clip in clips] == [False, True, False, True]
    shades = greys(base64.b64decode(clips[0]))
    assert len(shades) == 50
    np.testing.assert_allclose(shades[:30], 2 * np.arange(30), atol=4)  # grey; H.264 is lossy
    np.testing.assert_allclose(shades[30:], GREY, atol=4)  # the video ends before the dataset
    assert data["views"][0]["size"] == [64, 48]


def test_videos_of_which_little_would_be_seen_are_played_where_they_lie(recording, ramp):
    videos, links = {"cam0": ramp(50)}, {"cam0": "../walk/cam0.mp4"}
    page = trajectory_page(replace(recording, videos=videos, links=links, stride=9))
    assert "../walk/cam0.mp4" in page
    assert "every 9th moment shown" in page


def test_clips_follow_frame_numbers_in_any_order(ramp):
    numbers = np.array([105, 103, 110, 104])
    shades = greys(make_clips({"a": ramp(20)}, {"a": numbers}, 10**6).files["a"])
    np.testing.assert_allclose(shades, 2 * (numbers - 100), atol=4)
    repeated = make_clips({"a": ramp(20)}, {"a": np.array([103, 103, 104])}, 10**6)
    np.testing.assert_allclose(greys(repeated.files["a"]), [6, 6, 8], atol=4)


def test_clips_keep_below_their_limit_or_say_why_not(ramp):
    rng = np.random.default_rng(0)

    class Noise(ramp):
        """Pictures that compress badly."""

        def __getitem__(self, index):
            return rng.integers(0, 256, (self.size[1], self.size[0], 3), dtype=np.uint8)

    numbers = {"a": np.arange(100, 190), "b": np.arange(100, 190)}
    source = {"a": Noise(90, (320, 240)), "b": Noise(90, (320, 240))}
    free = make_clips(source, numbers, 10**8)
    held = make_clips(source, numbers, 200_000)
    assert sum(map(len, free.files.values())) > 600_000
    assert sum(map(len, held.files.values())) < 300_000  # the rate control needs a moment
    none = make_clips(source, numbers, 100)
    assert not none.files
    assert "do not fit" in none.note
    assert make_clips({}, numbers, 10**6).note.startswith("Without videos")


def test_clips_have_a_constant_rate_and_many_key_frames(ramp):
    clip = make_clips({"a": ramp(40)}, {"a": np.arange(100, 140)}, 10**6).files["a"]
    with av.open(io.BytesIO(clip)) as container:
        times = [frame.time for frame in container.decode(video=0)]
        container.seek(0)
        keys = [p.is_keyframe for p in container.demux(video=0) if p.pts is not None]
    np.testing.assert_allclose(np.diff(times), 1 / CLIP_FPS, atol=1e-6)
    assert sum(keys) >= 3


def test_hostile_names_stay_text(scene, read_page):
    detections = scene.detections.assign_coords(
        view=[EVIL, "b", "c", "d"], keypoint=[EVIL, *"bcdefg"], individual=[EVIL]
    )
    events = pd.DataFrame(
        {
            "individual": [EVIL],
            "event": [EVIL],
            "start_frame": [1],
            "stop_frame": [4],
            "start_s": [0.1],
            "stop_s": [0.2],
            "confidence": [np.nan],
        }
    )
    page = trajectory_page(Recording(name=EVIL, project=EVIL, detections=detections, events=events))
    data = read_page(page)
    assert "<img" not in page.split("</style>")[1].split("<script>")[0]
    assert data["keypoints"][0]["name"] == EVIL
    labels = data["figures"]["series"]["layout"]["yaxis"]["ticktext"]
    assert "<" not in labels[0]  # plotly reads a little HTML in its labels


def test_one_view_without_rig_shows_pixels(scene, read_page):
    one = scene.detections.isel(view=[1])
    page = dataset_page(one, title="top", skeleton=scene.skeleton)
    data = read_page(page)
    assert "scene" not in data["figures"]
    assert 'id="space"' not in page
    assert [source["name"] for source in data["sources"]] == ["cam1"]
    assert "position" not in data
    width, height = data["views"][0]["size"]
    assert 300 < width <= 641
    assert 200 < height <= 481


def test_trajectories_alone_are_enough(trajectories, read_page):
    data = read_page(dataset_page(trajectories, title="mine"))
    assert "reprojection" not in data
    assert "detections" not in data
    assert data["sources"][0]["signals"][0]["name"] == "x"


def test_all_missing_is_shown_not_raised(recording, read_page):
    empty = recording.trajectories.copy(deep=True)
    blank = recording.detections.copy(deep=True)
    for dataset in (empty, blank):
        dataset["position"][:] = np.nan
    empty["reprojection_error"][:] = np.nan
    page = trajectory_page(replace(recording, trajectories=empty, detections=blank))
    data = read_page(page)
    assert np.isnan(unpack(data["position"])).all()
    assert "0.0 %" in page
    assert "–" in page


def test_several_individuals_each_have_traces(trajectories, read_page):
    twins = trajectories.isel(individual=[0, 0]).assign_coords(individual=["ann", "bob"])
    data = read_page(dataset_page(twins, title="pair"))
    roles = [trace["meta"]["role"] for trace in data["figures"]["scene"]["data"]]
    assert roles == ["bones", "trail", "points", "uncertainty"] * 2
    assert data["individuals"] == ["ann", "bob"]


def test_long_recordings_are_thinned_and_say_so():
    n = 40_000
    detections = make_detections(
        position=np.zeros((n, 2, 2, 10, 1)),
        confidence=np.ones((n, 2, 10, 1)),
        views=["a", "b"],
        keypoints=[f"k{i}" for i in range(10)],
        individuals=["x"],
        fps=100.0,
    )
    recording = Recording(name="long", detections=detections)
    short, stride = thin(recording)
    assert stride == 2
    assert short.main.sizes["time"] == n // 2
    np.testing.assert_array_equal(short.main["frame"].values[:3, 0], [0, 2, 4])


def test_datasets_must_belong_together(recording, scene):
    with pytest.raises(DatasetError, match="differ in 'time'"):
        replace(recording, detections=scene.detections.isel(time=slice(1, None)))
    with pytest.raises(DatasetError, match="neither trajectories nor detections"):
        Recording(name="nothing")
    with pytest.raises(DatasetError, match="'time' is empty"):
        Recording(name="nothing", detections=scene.detections.isel(time=slice(0)))
