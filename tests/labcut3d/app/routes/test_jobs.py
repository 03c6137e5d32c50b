"""Work as tabs see it: all the same, at once and after every change."""

import anyio
import pytest
from scripted_worker import ScriptedWorker, Workers, wait_until

from labcut3d.app import AppSettings, Workspace
from labcut3d.app.routes.jobs import events


@pytest.fixture
def worker():
    """The worker of the first job, which waits until it is let go."""
    lines = [
        {"kind": "task", "title": "Training the detector"},
        {"kind": "progress", "done": 5, "total": 20, "note": "keypoints, loss 0.52"},
    ]
    return ScriptedWorker(lines, waits=True)


@pytest.fixture
def workspace(project, worker):
    start = Workers(worker, ScriptedWorker(), ScriptedWorker())
    return Workspace(AppSettings(folders=(project.root.parent,)), project.root, start)


def jobs(client):
    return client.get("/jobs").json()["jobs"]


def test_a_job_is_seen_from_its_beginning_to_its_end(client, worker):
    name = client.post("/jobs", json={"task": "train"}).json()["name"]
    wait_until(lambda: (jobs(client)[0]["progress"] or {}).get("done") == 5)
    assert jobs(client)[0]["state"] == "running"
    assert client.get(f"/jobs/{name}/curve").json() == [[5, 0.52, "keypoints"]]
    assert client.get(f"/jobs/{name}/curve", params={"start": 1}).json() == []
    (line,) = client.get(f"/jobs/{name}/log").json()
    assert line["text"] == "Training the detector"
    worker.go.set()
    wait_until(lambda: jobs(client)[0]["state"] == "done")


def test_stopping_from_any_tab(client, worker):
    name = client.post("/jobs", json={"task": "train"}).json()["name"]
    worker.begun.wait(5)
    assert client.post(f"/jobs/{name}/cancel").json()["state"] == "cancelled"
    assert worker.ended


@pytest.mark.parametrize(
    "wish",
    [
        {"task": "rm -rf"},
        {},
        {"task": "reconstruct", "recording": "../.."},
        {"task": "reconstruct", "recording": "--help"},
        {"task": "reconstruct", "recording": "nowhere"},
    ],
)
def test_only_known_work_on_known_recordings_is_taken(client, wish):
    assert client.post("/jobs", json=wish).status_code == 422
    assert jobs(client) == []


def test_events_tell_the_whole_state_at_once_and_after_a_change(workspace, worker):
    async def listen():
        heard = []
        async for event in events(workspace):
            if event.event == "left":
                return heard
            heard.append(event.data)
            if len(heard) == 1:
                workspace.queue().submit("train")
            elif heard[-1]["jobs"][0]["state"] == "running":
                workspace.leave()

    with anyio.from_thread.start_blocking_portal() as portal:
        heard = portal.call(listen)
    assert heard[0] == {"project": "project", "jobs": []}
    assert heard[-1]["jobs"][0]["task"] == "train"
    workspace.close()
