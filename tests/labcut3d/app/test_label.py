"""The routes of labelling: what is answered is on disk, and what is wrong is told."""

import threading

import cv2
import numpy as np
import pytest
from labelling_project import FRAMES, make_labelling_project

from labcut3d.app import AppSettings, Workspace
from labcut3d.labels import read_labels
from labcut3d.schema import make_detections, save_dataset

RIG_PX = 0.01  # px; answers are rounded to a thousandth


@pytest.fixture
def scene(tmp_path):
    return make_labelling_project(tmp_path / "home" / "project")


@pytest.fixture
def project(scene):
    return scene[0]


@pytest.fixture
def workspace(project):
    return Workspace(AppSettings(folders=(project.root.parent,)), project.root)


def change(**values):
    blank = {"frame": 0, "view": "cam0", "individual": "fly", "keypoint": "left_eye"}
    return {**blank, "before": None, "after": [10.5, 20.25], **values}


def post(client, *changes, recording="walk"):
    return client.post("/label/changes", json={"recording": recording, "changes": list(changes)})


def labels_text(project):
    return (project.root / "labels" / "walk.csv").read_text()


def test_the_page_needs_a_recording(client):
    page = client.get("/label", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "/static/label/main.js" in page.text
    assert "<script>" not in page.text
    assert "style=" not in page.text


def test_the_setup_tells_what_there_is_to_label(client, project):
    told = client.get("/label/setup?recording=walk").json()
    assert [view["name"] for view in told["views"]] == ["cam0", "cam1", "cam2", "cam3"]
    assert told["views"][0]["size"] == [640, 480]
    assert len(told["keypoints"]) == 12
    assert told["frames"] == {"first": 0, "last": FRAMES - 1, "count": FRAMES}
    assert [moment["frame"] for moment in told["moments"]] == list(range(FRAMES))
    assert told["individuals"] == ["animal"]
    assert told["detector"] is False


def test_suggested_moments_come_first_and_foreign_ones_are_left_out(client, project):
    text = "recording,frame,reason,score\nwalk,4,looks odd,1\nrun,1,x,1\nwalk,99,gone,1\n"
    (project.root / "results").mkdir(exist_ok=True)
    (project.root / "results" / "suggestions.csv").write_text(text)
    moments = client.get("/label/setup?recording=walk").json()["moments"]
    assert moments[0] == {"frame": 4, "kind": "suggested", "reason": "looks odd"}
    assert {moment["kind"] for moment in moments[1:]} == {"spread"}


def test_pictures_are_those_of_the_frame_at_full_size(client):
    answer = client.get("/label/image?recording=walk&view=cam2&frame=3")
    assert answer.headers["content-type"] == "image/jpeg"
    image = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image.shape == (480, 640)
    assert np.median(image) == pytest.approx(90, abs=1)  # 60 + 10 * frame
    again = client.get("/label/image?recording=walk&view=cam2&frame=3")
    assert again.content == answer.content


def test_marks_go_to_the_file_and_come_back(client, project):
    hidden = change(view="cam1", after="hidden")
    answer = post(client, change(), hidden)
    assert answer.status_code == 200
    assert labels_text(project) == (
        "frame,view,individual,keypoint,x,y\n0,cam0,fly,left_eye,10.5,20.25\n"
        "0,cam1,fly,left_eye,,\n"
    )
    told = client.get("/label/marks?recording=walk&frame=0").json()
    assert told["marks"] == [
        ["cam0", "fly", "left_eye", [10.5, 20.25]],
        ["cam1", "fly", "left_eye", "hidden"],
    ]
    assert told["labelled"] == {"0": 2}
    since = f"/label/marks?recording=walk&frame=0&since={told['revision']}"
    assert client.get(since).json() == {"revision": told["revision"]}
    labels = read_labels(
        project.root / "labels" / "walk.csv",
        views=tuple(project.views),
        keypoints=project.skeleton.keypoints,
    )
    assert labels.known.sum() == 2


def test_an_editor_that_writes_the_file_meanwhile_is_seen(client, project):
    post(client, change())
    path = project.root / "labels" / "walk.csv"
    path.write_text(path.read_text() + "1,cam3,fly,ocellus,7,8\n")
    told = client.get("/label/marks?recording=walk&frame=1").json()
    assert told["marks"] == [["cam3", "fly", "ocellus", [7.0, 8.0]]]
    post(client, change(view="cam2"))
    assert "1,cam3,fly,ocellus,7,8\n" in labels_text(project)


def test_two_windows_that_change_one_mark_are_told(client, project):
    post(client, change())
    answer = post(client, change(after=[1.0, 1.0]), change(view="cam1", after=[2.0, 2.0])).json()
    (conflict,) = answer["conflicts"]
    assert conflict["view"] == "cam0"
    assert conflict["found"] == [10.5, 20.25]
    assert "0,cam1,fly,left_eye,2,2" in labels_text(project)  # what is in no conflict is made
    assert "0,cam0,fly,left_eye,10.5,20.25" in labels_text(project)


def test_many_at_once_lose_nothing(client, project):
    keypoints = project.skeleton.keypoints

    def label(view):
        for keypoint in keypoints:
            assert post(client, change(view=view, keypoint=keypoint)).status_code == 200

    threads = [threading.Thread(target=label, args=(view,)) for view in project.views]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert labels_text(project).count("\n") == 1 + 4 * len(keypoints)


def test_a_disk_that_fails_leaves_the_file_as_it_was(client, project, monkeypatch):
    post(client, change())
    before = labels_text(project)

    def fail(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("labcut3d.labelling.sheet.write_text", fail)
    answer = post(client, change(view="cam1"))
    assert answer.status_code == 422
    assert "No space left" in answer.json()["error"]
    monkeypatch.undo()
    assert labels_text(project) == before
    assert post(client, change(view="cam1")).json()["conflicts"] == []
    assert labels_text(project) != before


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"keypoint": "nose"}, "keypoint 'nose'"),
        ({"view": "cam9"}, "view 'cam9'"),
        ({"frame": 6}, "no such frame"),
        ({"frame": -1}, "frame"),
        ({"frame": 1.5}, "frame"),
        ({"frame": "0"}, "frame"),
        ({"after": [640, 10]}, "outside the image of 640x480"),
        ({"after": [-0.51, 10]}, "outside"),
        ({"after": [10]}, "after"),
        ({"after": ["1", "2"]}, "after"),
        ({"after": "gone"}, "after"),
        ({"individual": ""}, "individual"),
        ({"individual": " fly"}, "no name"),
        ({"individual": "a\nb"}, "no name"),
        ({"extra": 1}, "extra"),
    ],
)
def test_what_cannot_be_a_mark_is_refused_and_nothing_is_written(client, project, wrong, expected):
    answer = post(client, change(view="cam1"), change(**wrong))
    assert answer.status_code == 422
    assert expected in answer.json()["error"]
    assert not (project.root / "labels" / "walk.csv").exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused(client, project, number):
    body = (
        '{"recording": "walk", "changes": [{"frame": 0, "view": "cam0", "individual": "fly", '
        f'"keypoint": "left_eye", "before": null, "after": [{number}, 1]}}]}}'
    )
    answer = client.post(
        "/label/changes", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert not (project.root / "labels" / "walk.csv").exists()


@pytest.mark.parametrize("name", ["../walk", "..", "walk/../walk", "/etc", "run", "", "walk\0"])
def test_a_recording_that_is_none_is_refused(client, name):
    assert post(client, change(), recording=name).status_code == 422
    assert client.get("/label/setup", params={"recording": name}).status_code == 422
    asked = {"recording": name, "view": "cam0", "frame": 0}
    assert client.get("/label/image", params=asked).status_code == 422


@pytest.mark.parametrize(
    ("view", "frame", "expected"),
    [("cam9", 0, "no view"), ("../cam0", 0, "no view"), ("cam0", 6, "6")],
)
def test_a_picture_that_is_none_is_refused(client, view, frame, expected):
    asked = {"recording": "walk", "view": view, "frame": frame}
    answer = client.get("/label/image", params=asked)
    assert answer.status_code == 422
    assert expected in answer.json()["error"]


def test_labels_that_lead_out_of_the_project_are_not_written(client, project, tmp_path):
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("secret")
    (project.root / "labels").mkdir(exist_ok=True)
    (project.root / "labels" / "walk.csv").symlink_to(elsewhere)
    assert post(client, change()).status_code == 403
    assert elsewhere.read_text() == "secret"


def test_a_broken_labels_file_is_told_and_left_alone(client, project):
    (project.root / "labels").mkdir(exist_ok=True)
    path = project.root / "labels" / "walk.csv"
    path.write_text("frame,view\n")
    answer = post(client, change())
    assert answer.status_code == 422
    assert "walk.csv" in answer.json()["error"]
    assert path.read_text() == "frame,view\n"


def ask(client, points, active=0):
    body = {"recording": "walk", "points": points, "active": active}
    return client.post("/label/geometry", json=body)


def test_one_click_makes_curves_and_two_a_place(client, scene):
    _, rig, pixels = scene
    one = ask(client, {"cam0": [pixels[0, 0, 3].tolist()]}).json()
    assert set(one["curves"]) == {"cam1", "cam2", "cam3"}
    gap = np.linalg.norm(np.array(one["curves"]["cam2"]) - pixels[0, 2, 3], axis=-1)
    assert gap.min() < 5  # its corners are that far apart; the line itself is tested elsewhere
    assert one["views"]["cam2"]["place"] == [None]
    two = ask(client, {view: [pixels[0, v, 3].tolist()] for v, view in enumerate(rig.names[:2])})
    told = two.json()
    assert told["curves"] == {}
    assert np.allclose(told["views"]["cam3"]["place"][0], pixels[0, 3, 3], atol=RIG_PX)
    assert len(told["views"]["cam3"]["spread"][0]) == 3
    assert told["views"]["cam0"]["distance"][0] < RIG_PX


def test_odd_questions_about_geometry_are_refused_or_empty(client):
    assert ask(client, {"cam9": [[1.0, 1.0]]}).status_code == 422
    assert ask(client, {"cam0": [["a", 1.0]]}).status_code == 422
    assert ask(client, {"cam0": [[1.0, 1.0]]}, active=-1).status_code == 422
    assert ask(client, {}).json()["curves"] == {}
    assert ask(client, {"cam0": [[1.0, 1.0]]}, active=7).json()["curves"] == {}


def test_without_a_rig_the_page_is_told_why(client, project):
    project.rig_path.unlink()
    told = client.get("/label/rig?recording=walk").json()
    assert told["views"] == []
    assert "labcut3d calibrate" in told["why"]
    assert ask(client, {"cam0": [[1.0, 1.0]]}).status_code == 422


def test_detections_are_offered_from_their_file(client, project, scene):
    pixels = scene[2]
    position = np.moveaxis(pixels, -1, 2)[..., None]
    confidence = np.full((FRAMES, 4, 12, 1), 0.9)
    position[2, 0, :, 5], confidence[2, 0, 5] = np.nan, np.nan
    detections = make_detections(
        position=position,
        confidence=confidence,
        views=tuple(project.views),
        keypoints=project.skeleton.keypoints,
        individuals=["fly"],
        fps=30.0,
    )
    path = project.results("walk") / "detections.nc"
    path.parent.mkdir(parents=True)
    save_dataset(detections, path)
    told = client.post("/label/detected?recording=walk&frame=2").json()
    found = told["views"]["cam0"]
    assert np.allclose(found["position"][0], pixels[2, 0, 0], atol=RIG_PX)
    assert found["position"][5] is None
    assert found["confidence"][0] == pytest.approx(0.9, abs=0.001)
    assert "detections.nc" in told["source"]


def test_without_a_detector_there_is_nothing_to_begin_with(client):
    answer = client.post("/label/detected?recording=walk&frame=2")
    assert answer.status_code == 422
    assert "no trained detector" in answer.json()["error"]
