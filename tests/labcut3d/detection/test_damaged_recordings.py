"""A recording that ends early or is damaged is analysed as far as it can be read, and says so."""

import av
import numpy as np
import pytest
from notes import Notes

from labcut3d import pipeline
from labcut3d.detection.storage import save_detector
from labcut3d.errors import LabelError, VideoError
from labcut3d.progress import Silent
from labcut3d.project import load_project
from labcut3d.schema import open_dataset
from labcut3d.stages.training import read_labelled_images
from labcut3d.template import new_project

COUNT = 40


@pytest.fixture(scope="module")
def truth(draw_dots):
    return draw_dots(COUNT, 7, views=("cam0", "cam1"))


@pytest.fixture
def project(trained, truth, dots, tmp_path):
    """A recording of the dots in two videos, and their detector."""
    skeleton = tmp_path / "dots.toml"
    skeleton.write_text(
        f'name = "dots"\nkeypoints = {list(dots.keypoints)}\nleft_right = [["left", "right"]]\n'
    )
    made = new_project(tmp_path / "dots", views=["cam0", "cam1"], skeleton=str(skeleton))
    save_detector(trained.detector, made.model_path)
    folder = made.root / "recordings" / "walk"
    folder.mkdir()
    for view in made.views:
        with av.open(str(folder / f"{view}.mkv"), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            stream.options = {"crf": "8", "g": "10"}
            for image in (one.image for one in truth if one.view == view):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
    return load_project(made.root)


def video(project, view):
    return project.root / "recordings" / "walk" / f"{view}.mkv"


def cut(path, share):
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def errors(project, truth, view):
    """Return the distance of each frame's detections from the truth (frame, keypoint), px."""
    found = open_dataset(project.results("walk") / "detections.nc").sel(view=view)
    position = found["position"].isel(individual=0).transpose("time", "keypoint", "space").values
    points = np.stack([one.points[0] for one in truth if one.view == view])
    return np.linalg.norm(position - points, axis=-1)


def test_what_can_be_read_is_analysed(project, truth):
    """One view is damaged in the middle, the other ends early."""
    path = video(project, "cam0")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    path.write_bytes(data)
    cut(video(project, "cam1"), 0.6)
    listener = Notes()
    pipeline.detect(project, "walk", listener)
    found = {view: errors(project, truth, view) for view in project.views}
    there = {view: np.isfinite(distance).all(axis=1) for view, distance in found.items()}
    assert there["cam0"][:10].all()
    assert there["cam0"][-10:].all()
    count = there["cam1"].sum()
    assert there["cam1"][: count - 3].all()  # but the last, which lean on frames behind the cut
    assert 15 <= count <= 28
    (warning,) = [note for note in listener.notes if "Warning" in note]
    page = pipeline.view(project, "walk").read_text()
    for view in project.views:
        # px; frames in the wrong places would be 20 px off.
        assert np.median(found[view][there[view]]) < 2
        missing = f"{view}: {COUNT - there[view].sum()} of {COUNT} frames cannot be read"
        assert missing in warning
        assert missing in page


def test_all_views_may_end_early(project):
    cut(video(project, "cam0"), 0.7)
    cut(video(project, "cam1"), 0.4)
    sources = project.recording_sources("walk")
    assert len({len(frames) for frames in sources.values()}) == 1
    assert len(sources["cam0"]) < COUNT
    assert len(list(sources["cam1"].read())) < len(list(sources["cam0"].read()))


def test_a_sound_video_that_is_shorter_is_refused(project, tmp_path):
    """Nothing tells which of its frames belong together with those of the others."""
    short = tmp_path / "short.mkv"
    with av.open(str(video(project, "cam1"))) as source, av.open(str(short), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size and packet.pts < 667:  # ms, of 1333
                packet.stream = stream
                target.mux(packet)
    short.replace(video(project, "cam1"))
    with pytest.raises(VideoError, match=r"recordings/walk: .* unequal .*\(cam0 40, cam1 \d\d\)"):
        pipeline.detect(project, "walk")


def test_a_label_of_a_frame_that_cannot_be_read_is_named(project):
    cut(video(project, "cam1"), 0.6)
    labels = project.root / "labels" / "walk.csv"
    header = "frame,view,individual,keypoint,x,y\n"
    labels.write_text(f"{header}3,cam1,animal,tail,80,60\n3,cam0,animal,tail,80,60\n")
    assert len(read_labelled_images(project, Silent())) == 2
    labels.write_text(f"{header}38,cam1,animal,tail,80,60\n")
    with pytest.raises(
        LabelError, match=r"walk\.csv: frame 38 of view 'cam1' is not in .*cam1\.mkv"
    ):
        read_labelled_images(project, Silent())
