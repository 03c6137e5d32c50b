"""Showing what was found: viewers, videos with marks, and the quality of all recordings."""

from fractions import Fraction

import av
import numpy as np
import pytest
import tomlkit
import xarray as xr
from notes import Notes

from labcut3d import pipeline
from labcut3d.errors import DatasetError, VideoError
from labcut3d.project import Project, load_project
from labcut3d.schema import make_trajectories, save_dataset
from labcut3d.stages.viewing import open_recording
from labcut3d.synthetic import Scene, make_scene
from labcut3d.video_writing import write_mp4
from labcut3d.viewers.marks import rgb_of
from labcut3d.viewers.palette import keypoint_colors

FRAMES, FPS = 12, 25.0


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene(5, n_times=FRAMES)


def grey(moment: int) -> int:
    """The grey value of a frame of the test's videos."""
    return 40 + 8 * moment


@pytest.fixture
def project(scene: Scene, tmp_path) -> Project:
    """A project with one recording of grey frames, triangulated without error."""
    skeleton = scene.skeleton
    described = {
        "name": skeleton.name,
        "keypoints": list(skeleton.keypoints),
        "bones": [list(bone) for bone in skeleton.bones],
        "left_right": [list(pair) for pair in skeleton.left_right],
    }
    settings = {"skeleton": "animal.toml", "views": {name: {} for name in scene.rig.names}}
    (tmp_path / "animal.toml").write_text(tomlkit.dumps(described), encoding="utf-8")
    (tmp_path / "project.toml").write_text(tomlkit.dumps(settings), encoding="utf-8")
    videos, results = tmp_path / "recordings" / "walk", tmp_path / "results" / "walk"
    for folder in (videos, results):
        folder.mkdir(parents=True)
    images = [np.full((480, 640, 3), grey(moment), dtype=np.uint8) for moment in range(FRAMES)]
    for name in scene.rig.names:
        write_mp4(videos / f"{name}.mp4", iter(images), FPS, {"crf": "10"})
    scene.rig.save(tmp_path / "results" / "rig.toml")
    shape = (*scene.position.shape[:2], 1)
    position = np.swapaxes(scene.position, 1, 2)[..., None]
    trajectories = make_trajectories(
        position=position,
        position_raw=position,
        covariance=np.broadcast_to(0.01 * np.eye(3), (*shape, 3, 3)),
        reprojection_error=np.full(shape, 0.4),
        view_used=np.ones((shape[0], len(scene.rig), shape[1], 1), dtype=bool),
        confidence=np.ones(shape),
        like=scene.detections,
        unit="mm",
        attrs={"refinement_filled": 3.0, "refinement_repaired_swaps": 1.0},
    )
    save_dataset(scene.detections, results / "detections.nc")
    save_dataset(trajectories, results / "trajectories.nc")
    return load_project(tmp_path)


def decode(path) -> tuple[Fraction, list[np.ndarray]]:
    """The rate and the RGB images of a video."""
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return rate, [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_overlays_have_the_frames_of_their_source_and_marks_where_points_are(project, scene):
    paths = pipeline.overlay(project, "walk")
    assert [path.name for path in paths] == [f"{name}.mp4" for name in scene.rig.names]
    rate, images = decode(paths[1])
    assert rate == FPS
    assert len(images) == FRAMES
    assert images[0].shape == (480, 640, 3)
    expected = [
        rgb_of(c) for c in keypoint_colors(scene.skeleton.keypoints, scene.skeleton).values()
    ]
    away = []
    for moment, image in enumerate(images):
        assert abs(int(image[2, 2, 0]) - grey(moment)) <= 4  # H.264 loses a little
        places = scene.rig["cam1"].project(scene.position[moment])
        for (x, y), color in zip(np.round(places).astype(int), expected, strict=True):
            away.append(np.abs(image[y, x].astype(int) - color).max())
    # Discs overlap here and there, and colour has half the resolution; grey would be 90 and more.
    assert np.median(away) < 40


def test_overlays_are_made_once(project):
    pipeline.overlay(project, "walk")
    listener = Notes()
    pipeline.overlay(project, "walk", reporter=listener)
    assert sum("up to date" in note for note in listener.notes) == 4
    (project.results("walk") / "overlay" / "cam2.mp4").unlink()
    listener = Notes()
    pipeline.overlay(project, "walk", reporter=listener)
    assert sum("up to date" in note for note in listener.notes) == 3
    assert (project.results("walk") / "overlay" / "cam2.mp4").exists()


def test_the_grid_shows_all_views_and_the_scene(project, scene):
    (path,) = pipeline.overlay(project, "walk", grid=True)
    rate, images = decode(path)
    assert rate == FPS
    assert len(images) == FRAMES
    assert images[0].shape == (960, 1280 + 960, 3)
    last = images[-1]
    for top in (0, 480):
        for left in (0, 640):
            corner = int(last[top + 470, left + 630, 0])
            assert abs(corner - grey(FRAMES - 1)) <= 4
    assert last[:40, 1300:1340].min() > 245  # the scene's paper
    colour = np.ptp(last[:, 1280:].astype(int), axis=-1)
    assert (colour > 60).sum() > 100  # and its coloured keypoints


def test_recordings_without_videos_that_can_be_drawn_on_are_refused(project):
    (project.root / "recordings" / "walk" / "cam3.mp4").unlink()
    with pytest.raises(VideoError, match="cam3"):
        pipeline.overlay(project, "walk")


def test_nothing_found_is_nothing_shown(project):
    for name in ("detections.nc", "trajectories.nc"):
        (project.results("walk") / name).unlink()
    with pytest.raises(DatasetError, match="nothing to view yet"):
        pipeline.overlay(project, "walk")
    assert pipeline.quality(project) is None


def test_whole_videos_are_linked(project):
    links = open_recording(project, "walk").links
    assert links["cam0"] == "../../recordings/walk/cam0.mp4"
    folder = project.results("walk")
    assert all((folder / link).exists() for link in links.values())


def test_the_substrate_that_events_were_judged_by_is_drawn(project):
    attrs = {"substrate_normal": [0.0, 0.6, 0.8], "substrate_offset": 4.0}
    xr.Dataset(attrs=attrs).to_netcdf(project.results("walk") / "events.nc", engine="netcdf4")
    around = open_recording(project, "walk").surroundings
    assert around.substrate.distance == 4.0
    np.testing.assert_array_equal(around.substrate.normal, attrs["substrate_normal"])
    assert not around.boxes
    (project.results("walk") / "events.nc").write_text("spoilt")
    with pytest.raises(DatasetError, match=r"events\.nc"):
        open_recording(project, "walk")


def test_the_quality_page_shows_every_recording(project):
    path = pipeline.quality(project)
    text = path.read_text(encoding="utf-8")
    for words in ("walk", "reconstructed", "swaps repaired", "not looked at"):
        assert words in text
    listener = Notes()
    pipeline.quality(project, listener)
    assert any("up to date" in note for note in listener.notes)


def test_view_writes_the_viewer_and_says_when_it_is_current(project):
    path = pipeline.view(project, "walk")
    assert path == project.results("walk") / "viewer.html"
    assert path.stat().st_size < 6_000_000  # plotly is 4.8 MB of it
    listener = Notes()
    pipeline.view(project, "walk", listener)
    assert any("up to date" in note for note in listener.notes)
