"""Every page of a project in every state says what is next, and shows names as text."""

import html
import re
from typing import get_args
from urllib.parse import quote

import pytest

from labcut3d.app import AppSettings, Workspace
from labcut3d.app.jobs.job import TITLES, Task
from labcut3d.template import edit_project

PAGES = ("/", "/calibrate", "/train", "/reconstruct", "/explore")
EVENTS = (
    "individual,event,start_frame,stop_frame,start_s,stop_s,confidence,x,y,z\n"
    "fly,egg_laying,3,60,0.1,2.0,0.93,1,2,3\nfly,<b>odd</b>,3,60,0.1,2.0,,,,\n"
)


def page(client, path):
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_project_says_what_is_next(client, path):
    text = page(client, path)
    assert 'aria-current="page"' in text
    told = {
        "/": "Add a recording",
        "/calibrate": "no video or image folder",
        "/train": "Label some moments first",
        "/reconstruct": "No recordings yet",
        "/explore": "nothing to look at yet",
    }
    assert told[path] in text


def test_a_names_markup_is_text(client, project):
    edit_project(project.root, {"name": "<script>alert(1)</script>"})
    for path in PAGES:
        assert "<script>alert" not in page(client, path)


def test_no_page_holds_scripts_or_styles_of_its_own(client):
    for path in (*PAGES, "/new"):
        text = page(client, path)
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert all(part.startswith((" src=", ' type="module" src=')) for part in scripts(text))


def scripts(text):
    """What follows each opening of a script element."""
    return text.split("<script")[1:]


def test_events_are_a_table_and_a_file(client, project):
    folder = project.root / "recordings" / "walk"
    folder.mkdir(parents=True)
    results = project.results("walk")
    results.mkdir(parents=True)
    (results / "viewer.html").write_text("viewer")
    (results / "events.csv").write_text(EVENTS)
    text = page(client, "/explore/walk")
    assert "egg laying" in text
    assert "<b>odd</b>" not in text
    assert "sandbox=" in text
    saved = client.get("/explore/walk/events.csv")
    assert saved.text == EVENTS
    assert "attachment" in saved.headers["content-disposition"]


def test_a_step_without_a_project_leads_to_the_start(stranger, access, tmp_path):
    stranger.app.state.workspace = Workspace(AppSettings(folders=(tmp_path,)))
    stranger.get("/login", params={"token": access.token})
    answer = stranger.get("/train", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert stranger.get("/jobs").status_code == 409
    assert "New project" in page(stranger, "/")


def test_what_is_wrong_with_the_settings_is_a_page(client, project):
    (project.root / "project.toml").write_text("nonsense")
    answer = client.get("/", headers={"accept": "text/html"})
    assert answer.status_code == 422
    assert "not valid TOML" in answer.text


def test_a_chamber_is_explained_where_cameras_are_calibrated(client, project):
    assert "Where the chamber stands" not in page(client, "/calibrate")
    chamber = {"inner": [8.0, 8.0, 8.0], "wall": 1.0, "unit": "mm", "material": "acrylic"}
    edit_project(project.root, {"chamber": chamber})
    text = page(client, "/calibrate")
    assert "chamber/corners.csv" in text
    assert "Calibrate the cameras first." in text


def test_what_was_found_beside_the_results_is_shown(client, project):
    folder = project.root / "recordings" / "walk"
    folder.mkdir(parents=True)
    results = project.results("walk")
    results.mkdir(parents=True)
    assert 'data-task="drift"' not in page(client, "/reconstruct")
    for path in (results / "trajectories.nc", results / "drift.html"):
        path.write_text("x")
    (results.parent / "summary.html").write_text("summed up")
    text = page(client, "/reconstruct")
    assert all(f'data-task="{task}"' in text for task in ("drift", "summary"))
    assert "/reports/recording/walk/drift" in text
    assert client.get("/reports/summary").text == "summed up"
    assert client.get("/reports/recording/walk/drift").text == "x"


def test_every_kind_of_work_has_a_name_for_people():
    assert set(TITLES) == set(get_args(Task))


def test_links_lead_to_recordings_whose_names_addresses_use_otherwise(client, project):
    name = "fly #1, 50%"
    (project.root / "recordings" / name).mkdir(parents=True)
    results = project.results(name)
    results.mkdir(parents=True)
    (results / "viewer.html").write_text("<p>viewer</p>")
    (results / "drift.html").write_text("<p>drift</p>")
    text = html.unescape(page(client, f"/explore/{quote(name)}"))
    addresses = [part.split('"')[0] for part in re.split('(?:href|src)="', text)[1:]]
    (tab,) = {one for one in addresses if one.startswith("/explore/fly")}
    (viewer,) = {one for one in addresses if one.endswith("viewer.html")}
    overview = html.unescape(page(client, "/reconstruct"))
    addresses = [part.split('"')[0] for part in re.split('(?:href|src)="', overview)[1:]]
    assert tab in addresses
    (drift,) = {one for one in addresses if "/drift" in one}
    for address, told in ((tab, name), (viewer, "viewer"), (drift, "drift")):
        answer = client.get(address, headers={"accept": "text/html"})
        assert answer.status_code == 200
        assert told in html.unescape(answer.text)


def test_nothing_is_summed_up_before_a_recording_has_events(client, project):
    for name in ("walk", "rest"):
        (project.root / "recordings" / name).mkdir(parents=True)
        project.results(name).mkdir(parents=True)
    (project.results("walk") / "detections.nc").write_bytes(b"x")
    told = page(client, "/reconstruct").split("Summary</h2>")[1].split("</section>")[0]
    assert "disabled" in told
    assert "Reconstruct a recording first." in told
    (project.results("walk") / "events.nc").write_bytes(b"x")
    told = page(client, "/reconstruct").split("Summary</h2>")[1].split("</section>")[0]
    assert "disabled" not in told


def test_an_export_that_breaks_off_leaves_no_files(client, project, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    (project.root / "recordings" / "walk").mkdir(parents=True)
    project.results("walk").mkdir(parents=True)
    (project.results("walk") / "trajectories.nc").write_bytes(b"x")
    monkeypatch.setattr("labcut3d.app.routes.explore.pipeline.export_recording", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = sorted(tmp_path.iterdir())
    answer = client.get("/explore/walk/export/csv")
    assert answer.status_code == 422
    assert "No space left" in answer.json()["error"]
    assert sorted(tmp_path.iterdir()) == before
