"""Labels out to other programs and back; merging; a project made of DeepLabCut's."""

import shutil

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notes import Notes

from labcut3d.errors import Labcut3dError, LabelError
from labcut3d.labels import LabelRow, labelled_images, read_label_rows, read_labels
from labcut3d.project import load_project
from labcut3d.stages.adopting import project_from_deeplabcut
from labcut3d.stages.label_export import export_labels
from labcut3d.stages.label_import import ImportChoices, import_labels

SKELETON = 'name = "mouse"\nkeypoints = ["nose", "earL", "earR"]\nbones = [["nose", "earL"]]\n'
PLAIN = "[views.left]\n[views.right]\n"
SHARED = (
    '[views.left]\nfile = "both"\ncrop = [0, 0, 30, 24]\n'
    '[views.right]\nfile = "both"\ncrop = [30, 4, 30, 20]\nmirror = true\n'
)
ENTRY = {
    "deeplabcut": "labeled-data/{}",
    "sleap": "labels.slp",
    "lightning-pose": "{view}.csv",
    "coco": "annotations.json",
}
ROWS = [
    LabelRow(frame, view, "jerry", keypoint, x, y)
    for frame, view in ((2, "left"), (2, "right"), (7, "left"))
    for keypoint, x, y in (
        ("nose", 1.25 + frame, 2.5),
        ("earL", -0.5, 3.0625),
        ("earR", np.nan, np.nan),
    )
]


def make_project(root, views=PLAIN, *, images=(2, 5, 7), rows=ROWS):
    """A project with one recording of small images, whose pixels tell frame and place."""
    root.mkdir()
    (root / "project.toml").write_text(f'skeleton = "skeleton.toml"\n{views}')
    (root / "skeleton.toml").write_text(SKELETON)
    (root / "recordings").mkdir()
    if images:
        shape = (24, 60) if views == SHARED else (24, 30)
        for name in ("both",) if views == SHARED else ("left", "right"):
            folder = root / "recordings" / "walk" / name
            folder.mkdir(parents=True)
            for number in images:
                image = np.full((*shape, 3), 30 * (number % 8), np.uint8)
                image[:, :, 0] += np.arange(shape[1], dtype=np.uint8)
                cv2.imwrite(str(folder / f"img{number}.png"), image)
    project = load_project(root)
    if rows:
        write(project, rows)
    return project


def write(project, rows, recording="walk"):
    from labcut3d.labels import write_label_rows

    path = project.root / "labels" / f"{recording}.csv"
    write_label_rows(path, rows)
    return path


def rows_of(project, recording="walk"):
    """The labels as a mapping, individuals aside."""
    path = project.root / "labels" / f"{recording}.csv"
    rows = read_label_rows(path, tuple(project.views), project.skeleton.keypoints)
    return {(r.frame, r.view, r.keypoint): (r.x, r.y) for r in rows}


def assert_same(found, expected):
    """Files hold a millionth of a pixel."""
    assert found.keys() == expected.keys()
    points = [np.array([labels[key] for key in expected]) for labels in (found, expected)]
    np.testing.assert_allclose(*points, atol=2e-6)


def files_of(output, format, views=("left", "right"), recording="walk"):
    if format == "sleap":
        pytest.importorskip("sleap_io", reason="optional: pip install labcut3d[sleap]")
    return {v: output / ENTRY[format].format(f"{recording}_{v}", view=v) for v in views}


@pytest.mark.parametrize("views", [PLAIN, SHARED], ids=["plain", "cropped and mirrored"])
@pytest.mark.parametrize("format", ENTRY)
def test_labels_and_images_come_back(tmp_path, format, views):
    """The views, once cropped and mirrored, are videos of their own for other programs."""
    project = make_project(tmp_path / "ours", views)
    files = files_of(tmp_path / "out", format)
    export_labels(project, tmp_path / "out", format)
    other = make_project(tmp_path / "other", images=(), rows=())
    listener = Notes()
    import_labels(other, "walk", files, reporter=listener)
    assert_same(rows_of(other), rows_of(project))
    assert len(listener.notes) == 1, listener.notes
    for one, two in zip(images_of(project), images_of(other), strict=True):
        assert (one.frame, one.view) == (two.frame, two.view)
        np.testing.assert_array_equal(one.image, two.image)


def images_of(project):
    path = project.root / "labels" / "walk.csv"
    labels = read_labels(path, views=tuple(project.views), keypoints=project.skeleton.keypoints)
    return labelled_images(labels, project.labelled_sources(labels))


POINT = st.none() | st.tuples(st.floats(0.1, 29.5), st.floats(-0.5, 23.5))


@pytest.mark.parametrize("format", ENTRY)
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frames=st.sets(st.integers(0, 10**9 - 1), min_size=1, max_size=3), data=st.data())
def test_any_numbers_come_back(tmp_path_factory, format, frames, data):
    folder = tmp_path_factory.mktemp("numbers")
    rows = [
        LabelRow(frame, view, "jerry", keypoint, *(data.draw(POINT) or (np.nan, np.nan)))
        for frame in sorted(frames)
        for view in ("left", "right")
        for keypoint in ("earL", "earR")
    ]
    rows += [LabelRow(frame, view, "jerry", "nose", 3, 4) for frame, view in {r[:2] for r in rows}]
    project = make_project(folder / "ours", images=tuple(frames), rows=rows)
    files = files_of(folder / "out", format)
    export_labels(project, folder / "out", format)
    other = make_project(folder / "other", images=(), rows=())
    import_labels(other, "walk", files)
    assert_same(rows_of(other), rows_of(project))


@pytest.mark.parametrize("format", ["deeplabcut", "sleap", "coco"])
def test_several_animals_and_recordings_come_back(tmp_path, format):
    project = make_project(tmp_path / "ours")
    shutil.copytree(project.root / "recordings" / "walk", project.root / "recordings" / "run")
    rows = [row._replace(individual="tom", x=row.x + 9) for row in ROWS if row.frame == 2]
    write(project, [*ROWS, *rows], "run")
    export_labels(project, tmp_path / "out", format)
    other = make_project(tmp_path / "other", images=(), rows=())
    for recording in ("walk", "run"):
        files = files_of(tmp_path / "out", format, recording=recording)
        path = import_labels(other, recording, files)
        found = read_label_rows(path, ("left", "right"), project.skeleton.keypoints)
        truth = project.root / "labels" / f"{recording}.csv"
        expected = read_label_rows(truth, ("left", "right"), project.skeleton.keypoints)
        assert_same({r[:4]: r[4:] for r in found}, {r[:4]: r[4:] for r in expected})


def test_lightning_pose_has_one_animal(tmp_path):
    rows = [*ROWS, *(row._replace(individual="tom") for row in ROWS)]
    project = make_project(tmp_path / "ours", rows=rows)
    with pytest.raises(LabelError, match="jerry, tom"):
        export_labels(project, tmp_path / "out", "lightning-pose")
    assert not (tmp_path / "out").exists()


def test_coco_is_as_its_evaluation_expects(tmp_path):
    import json

    export_labels(make_project(tmp_path / "ours"), tmp_path / "out", "coco")
    content = json.loads((tmp_path / "out" / "annotations.json").read_text())
    (category,) = content["categories"]
    assert category["skeleton"] == [[1, 2]]  # counted from 1
    assert {i["id"] for i in content["images"]} == {a["image_id"] for a in content["annotations"]}
    for image in content["images"]:
        stored = cv2.imread(str(tmp_path / "out" / image["file_name"]))
        assert stored.shape[1::-1] == (image["width"], image["height"])
    for annotation in content["annotations"]:
        points = np.reshape(annotation["keypoints"], (-1, 3))
        assert points[2].tolist() == [0, 0, 0]
        assert annotation["num_keypoints"] == 2
        x, y, width, height = annotation["bbox"]
        centres = points[:2, :2] + 0.5  # of pixels, measured from the image's corner
        assert ((centres >= (x, y)) & (centres <= (x + width, y + height))).all()
        assert annotation["area"] == width * height


def test_an_export_never_writes_into_something(tmp_path):
    project = make_project(tmp_path / "ours")
    with pytest.raises(LabelError, match="new folder"):
        export_labels(project, project.root, "coco")


@pytest.mark.parametrize("format", ["deeplabcut", "sleap", "lightning-pose", "coco"])
def test_two_views_of_one_name_are_refused_before_one_is_lost(tmp_path, format):
    project = make_project(tmp_path / "ours", "[views.left]\n[views.back_left]\n", rows=())
    for recording, view in (("walk", "back_left"), ("walk_back", "left")):
        write(project, [LabelRow(2, view, "jerry", "nose", 1.0, 2.0)], recording)
    with pytest.raises(LabelError, match="'walk_back_left', as is a view of another"):
        export_labels(project, tmp_path / "out", format)
    assert not (tmp_path / "out").exists()


def test_an_export_that_fails_leaves_nothing_in_the_way_of_the_next(tmp_path):
    project = make_project(tmp_path / "ours")
    write(project, [*ROWS, LabelRow(8, "left", "jerry", "nose", 1.0, 2.0)])  # there is no image 8
    with pytest.raises(Labcut3dError, match="frame 8"):
        export_labels(project, tmp_path / "out", "deeplabcut")
    write(project, ROWS)
    export_labels(project, tmp_path / "out", "deeplabcut")


# Importing


def collected(folder, rows, header="nose,earL,earR", video="clip", images=()):
    """A CollectedData file whose rows are (frame, numbers...)."""
    names = header.split(",")
    lines = ["scorer" + 2 * len(names) * ",me"]
    lines.append("bodyparts," + ",".join(f"{n},{n}" for n in names))
    lines.append("coords" + len(names) * ",x,y")
    for frame, *numbers in rows:
        lines.append(f"labeled-data/{video}/img{frame:04d}.png," + ",".join(map(str, numbers)))
    path = folder / "labeled-data" / video / "CollectedData_me.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    for frame, size in images:
        image = np.full((size[1], size[0], 3), 90, np.uint8)
        cv2.imwrite(str(path.parent / f"img{frame:04d}.png"), image)
    return path


def test_what_is_there_stays_and_a_contradiction_is_named(tmp_path):
    project = make_project(tmp_path / "ours")
    agreeing = (2, 3.25, 2.5, -0.5, 3.0625, "", "")
    path = collected(tmp_path, [agreeing, (5, 1, 2, 3, 4, 5, 6)])
    import_labels(project, "walk", {"left": path})
    assert rows_of(project)[5, "left", "earR"] == (5, 6)
    assert len(rows_of(project)) == len(ROWS) + 3
    import_labels(project, "walk", {"left": path})  # again changes nothing
    assert len(rows_of(project)) == len(ROWS) + 3
    text = (project.root / "labels" / "walk.csv").read_text()
    assert "animal" not in text  # the one animal keeps its name

    other = collected(tmp_path, [(2, 9, 9, "", "", "", ""), (7, 8, 8, "", "", "", "")])
    with pytest.raises(LabelError, match=r"frame 2 of view 'left'.*1 more.*--replace"):
        import_labels(project, "walk", {"left": other})
    assert (project.root / "labels" / "walk.csv").read_text() == text
    choices = ImportChoices(videos={}, rename={}, replace=True)
    import_labels(project, "walk", {"left": other}, choices)
    found = rows_of(project)
    assert found[2, "left", "nose"] == (9, 9)
    assert np.isnan(found[2, "left", "earL"]).all()
    assert found[2, "right", "nose"] == (3.25, 2.5)


def test_unknown_keypoints_are_named_with_the_nearest(tmp_path):
    project = make_project(tmp_path / "ours", rows=())
    path = collected(tmp_path, [(2, 1, 2, 3, 4, 5, 6)], "Nose,ear_L,lever")
    with pytest.raises(LabelError) as raised:
        import_labels(project, "walk", {"left": path})
    for hint in ("Nose=nose", "ear_L=earL", "lever="):
        assert f"--rename '{hint}'" in str(raised.value)
    rename = {"Nose": "nose", "ear_L": "earL", "lever": ""}
    import_labels(project, "walk", {"left": path}, ImportChoices(videos={}, rename=rename))
    assert rows_of(project)[2, "left", "earL"] == (3, 4)
    with pytest.raises(LabelError, match="two keypoints"):
        import_labels(
            project,
            "walk",
            {"left": path},
            ImportChoices(videos={}, rename={**rename, "lever": "nose"}),
        )


def test_views_of_one_file_are_told_by_the_ends_of_names(tmp_path):
    """Also: points go from the file's image to the crop, and through the mirror."""
    project = make_project(tmp_path / "ours", SHARED, rows=())
    numbers = (2, 5, 6, 40, 10, 7, 8, 59, 4, "", "")
    path = collected(tmp_path, [numbers], "nose_left,nose_right,earL_left,earL_right,earR_left")
    import_labels(project, "walk", {"left": path, "right": path})
    found = rows_of(project)
    assert found[2, "left", "nose"] == (5, 6)
    assert found[2, "right", "nose"] == (29 - 10, 6)
    assert found[2, "right", "earL"] == (0, 0)


def test_a_view_without_video_is_made_of_the_labelled_images(tmp_path):
    project = make_project(tmp_path / "ours", images=(), rows=())
    size = (30, 24)
    path = collected(tmp_path, [(4, 1, 2, 3, 4, 5, 6)], images=[(4, size)])
    import_labels(project, "trot", {"left": path})
    more = collected(tmp_path, [(4, 1, 2, 3, 4, 5, 6), (9, 1, 2, 3, 4, 5, 6)], images=[(9, size)])
    import_labels(project, "trot", {"left": more})
    copied = project.root / "recordings" / "trot" / "left"
    assert sorted(p.name for p in copied.iterdir()) == ["img0004.png", "img0009.png"]
    labels = read_labels(
        project.root / "labels" / "trot.csv",
        views=("left", "right"),
        keypoints=("nose", "earL", "earR"),
    )
    shown = labelled_images(labels, project.labelled_sources(labels))
    assert [image.frame for image in shown] == [4, 9]


@pytest.mark.parametrize(
    ("recording", "files", "numbers", "message"),
    [
        ("walk", {"top": "clip"}, (2, 1, 2, 3, 4, 5, 6), "no view 'top'; project.toml has left"),
        ("../walk", {"left": "clip"}, (2, 1, 2, 3, 4, 5, 6), "recording '../walk'"),
        ("walk", {"left": "clip"}, (3, 1, 2, 3, 4, 5, 6), "no image of frame 3"),
        ("jump", {"left": "clip"}, (2, 1, 2, 3, 4, 5, 6), r"recordings/jump/left\.mp4"),
        ("walk", {"left": "clip"}, (2, 99, 99, "", "", "", ""), "nothing to import"),
        ("walk", {"left": "none"}, (2, 1, 2, 3, 4, 5, 6), "no CollectedData"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, recording, files, numbers, message):
    project = make_project(tmp_path / "ours", rows=())
    collected(tmp_path, [numbers])
    (tmp_path / "labeled-data" / "none").mkdir()
    paths = {view: tmp_path / "labeled-data" / name for view, name in files.items()}
    with pytest.raises(Labcut3dError, match=message):
        import_labels(project, recording, paths)
    assert not list(project.root.glob("labels/*"))


def test_points_outside_the_image_are_left_out_and_told(tmp_path):
    project = make_project(tmp_path / "ours", rows=())
    path = collected(tmp_path, [(2, 1, 2, 30, 4, 5, 6)])
    listener = Notes()
    import_labels(project, "walk", {"left": path}, reporter=listener)
    assert np.isnan(rows_of(project)[2, "left", "earL"]).all()
    assert "the first 'earL' in frame 2" in listener.notes[0]


def test_images_that_were_cropped_from_the_video_are_noticed(tmp_path):
    project = make_project(tmp_path / "ours", rows=())
    path = collected(tmp_path, [(2, 1, 2, 3, 4, 5, 6)], images=[(2, (20, 24))])
    with pytest.raises(LabelError, match=r"differ in size.*30x24.*20x24"):
        import_labels(project, "walk", {"left": path})


def test_images_of_several_sizes_are_noticed(tmp_path):
    project = make_project(tmp_path / "ours", images=(), rows=())
    rows = [(3, 1, 2, 3, 4, 5, 6), (4, 50, 30, 3, 4, 5, 6)]
    path = collected(tmp_path, rows, images=[(3, (30, 24)), (4, (60, 48))])
    with pytest.raises(LabelError, match=r"img0003\.png has 30x24.*img0004\.png has 60x48"):
        import_labels(project, "trot", {"left": path})
    assert not list((project.root / "recordings").iterdir())


def test_one_of_several_videos_is_chosen(tmp_path):
    project = make_project(tmp_path / "ours", rows=())
    (tmp_path / "config.yaml").write_text("scorer: me\nbodyparts: [nose, earL, earR]\n")
    for video in ("a", "b"):
        collected(tmp_path, [(2, 1, 2, 3, 4, 5, 6)], video=video)
    with pytest.raises(Labcut3dError, match="labels of a, b; say --video left=NAME"):
        import_labels(project, "walk", {"left": tmp_path})
    choices = ImportChoices(videos={"left": "b"}, rename={})
    import_labels(project, "walk", {"left": tmp_path}, choices)
    collected(tmp_path, [(5, 7, 7, 7, 7, 7, 7)], video="walk_left")
    import_labels(project, "walk", {"left": tmp_path})  # by its name
    assert rows_of(project)[5, "left", "nose"] == (7, 7)


# From a DeepLabCut project to one of ours


def test_a_deeplabcut_project_becomes_ours(tmp_path):
    source = tmp_path / "dlc"
    for video in ("cam1_day-2", "cam2_day-2"):
        collected(source, [(4, 1, 2, 3, 4, 5, 6)], "snout,leftear,rightear", video, [(4, (30, 24))])
    (source / "config.yaml").write_text(
        "Task: reach\nscorer: me\nbodyparts: [snout, leftear, rightear]\n"
        "skeleton:\n- [snout, leftear]\n- [bodypart1, bodypart2]\n"
    )
    project = project_from_deeplabcut(tmp_path / "ours", source, ["cam1", "cam2"])
    assert project.skeleton.keypoints == ("snout", "leftear", "rightear")
    assert project.skeleton.bones == (("snout", "leftear"),)
    assert project.skeleton.left_right == (("leftear", "rightear"),)
    assert project.recordings() == ("day-2",)
    assert rows_of(project, "day-2")[4, "cam2", "rightear"] == (5, 6)
    with pytest.raises(Labcut3dError, match=r"cam1_day-2.*none of the views top, side"):
        project_from_deeplabcut(tmp_path / "other", source, ["top", "side"])
    assert not (tmp_path / "other").exists()
    (source / "labeled-data" / "cam1_day-2" / "img0004.png").rename(tmp_path / "img0004.png")
    with pytest.raises(Labcut3dError, match=r"image of frame 4 of video 'cam1_day-2' is missing"):
        project_from_deeplabcut(tmp_path / "other", source, ["cam1", "cam2"])
    assert not (tmp_path / "other").exists()
    (tmp_path / "img0004.png").rename(source / "labeled-data" / "cam1_day-2" / "img0004.png")
    single = project_from_deeplabcut(tmp_path / "single", source, ["top"])
    assert single.recordings() == ("cam1_day-2", "cam2_day-2")


def test_the_real_deeplabcut_project_is_ready_to_train(tmp_path, dataset):
    project = project_from_deeplabcut(tmp_path / "ours", dataset("openfield"), ["top"])
    path = project.root / "labels" / "m4s1.csv"
    labels = read_labels(path, views=("top",), keypoints=project.skeleton.keypoints)
    shown = labelled_images(labels, project.labelled_sources(labels))
    assert len(shown) == 116
    assert all(np.isfinite(image.points).all() for image in shown)
    assert project.skeleton.left_right == (("leftear", "rightear"),)


def test_both_views_of_the_real_mirror_mouse(tmp_path, dataset):
    """As two views of one video: the mirror below, its names without their ends."""
    root = tmp_path / "ours"
    root.mkdir()
    parts = ("paw1LH", "paw2LF", "paw3RF", "paw4RH", "tailBase", "tailMid", "nose", "obs")
    names = ", ".join(f'"{name}"' for name in (*parts, "obsHigh", "obsLow"))
    (root / "skeleton.toml").write_text(f'name = "mouse"\nkeypoints = [{names}]\n')
    (root / "project.toml").write_text(
        'skeleton = "skeleton.toml"\n[views.top]\nfile = "mouse"\n[views.bot]\nfile = "mouse"\n'
    )
    project = load_project(root)
    file = dataset("mirror_mouse") / "CollectedData.csv"
    import_labels(project, "run", {"top": file, "bot": file})
    found = rows_of(project, "run")
    assert found[1, "top", "paw1LH"] == (77.25, 36.25)
    assert found[1, "bot", "paw1LH"] == (59.75 + 24, 270.25)
    assert np.isnan(found[1, "top", "tailBase"]).all()
    assert len(list((root / "recordings" / "run" / "mouse").iterdir())) == 90


def test_what_is_not_labelled_yet_is_told_apart_before_it_leaves(tmp_path):
    """Other programs know one kind of missing; ours come in as hidden, which teaches something."""
    whole, half = Notes(), Notes()
    export_labels(make_project(tmp_path / "whole"), tmp_path / "a", "sleap", whole)
    export_labels(make_project(tmp_path / "half", rows=ROWS[:-1]), tmp_path / "b", "sleap", half)
    assert not any("not labelled yet" in note for note in whole.notes)
    assert [note[:11] for note in half.notes if "not labelled yet" in note] == ["1 keypoints"]
