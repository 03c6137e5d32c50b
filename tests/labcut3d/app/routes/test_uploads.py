"""Files that are sent: whole or not at all, bounded, and under a plain name only."""

from pathlib import Path

import anyio
import pytest
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect

from labcut3d.app import AppSettings, Workspace, create_app
from labcut3d.app.access import Access
from labcut3d.app.routes.uploads import forget

ADDRESS = "http://127.0.0.1:8000"
LIMIT = 1000  # bytes


@pytest.fixture
def workspace(project):
    settings = AppSettings(folders=(project.root.parent,), largest_upload=LIMIT)
    return Workspace(settings, project.root)


def left(workspace):
    """All files that uploads left."""
    folder = workspace.folders[0] / ".labcut3d-uploads"
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_arrives_as_it_was(client):
    content = bytes(range(256)) * 3
    answer = client.put("/uploads/my cam.mp4", content=content).json()
    assert answer["name"] == "my cam.mp4"
    assert Path(answer["path"]).read_bytes() == content


def test_two_files_of_one_name_do_not_meet(client):
    paths = {client.put("/uploads/a.mp4", content=b"x").json()["path"] for _ in range(2)}
    assert len(paths) == 2


@pytest.mark.parametrize("declared", [True, False])
def test_a_file_beyond_the_limit_is_refused_and_leaves_nothing(client, workspace, declared):
    def chunks():
        for _ in range(LIMIT // 100 + 1):
            yield b"x" * 100

    content = b"".join(chunks()) if declared else chunks()
    answer = client.put("/uploads/a.mp4", content=content)
    assert answer.status_code == 413
    assert "too large" in answer.text.lower()
    assert left(workspace) == []


def test_a_file_that_the_disk_has_no_room_for_is_refused(client, monkeypatch):
    from shutil import _ntuple_diskusage

    full = _ntuple_diskusage(100, 90, 10)
    monkeypatch.setattr("labcut3d.app.routes.uploads.shutil.disk_usage", lambda _: full)
    answer = client.put("/uploads/a.mp4", content=b"x")
    assert answer.status_code == 422
    assert "--data" in answer.json()["error"]


@pytest.mark.parametrize(
    "name", ["..%2fx.mp4", ".bashrc", "a%2fb", "%00", "a%0a", "C:x.mp4", "a%5cb", "..", "x" * 300]
)
def test_names_that_are_more_than_a_name_are_refused(client, workspace, name):
    assert client.put(f"/uploads/{name}", content=b"x").status_code in (403, 404, 405)
    assert left(workspace) == []


def test_a_sender_that_breaks_off_leaves_nothing(client, workspace):
    """As the server tells it: a part of the body, then that the other side is gone."""
    told = iter([{"type": "http.request", "body": b"x" * 10, "more_body": True}])
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {"host": "127.0.0.1:8000", "origin": ADDRESS, "cookie": cookies}
    scope = {
        "type": "http",
        "method": "PUT",
        "path": "/uploads/a.mp4",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive():
        return next(told, {"type": "http.disconnect"})

    async def send(message):
        pass

    with pytest.raises(ClientDisconnect):
        anyio.run(client.app, scope, receive, send)
    assert left(workspace) == []


def test_old_uploads_that_nobody_took_are_deleted(project, workspace):
    import os
    import time

    for name, age in (("old", 8), ("new", 1)):
        folder = workspace.folders[0] / ".labcut3d-uploads" / name
        folder.mkdir(parents=True)
        (folder / f"{name}.mp4").write_bytes(b"x")
        day = time.time() - age * 24 * 3600
        os.utime(folder, (day, day))
    with TestClient(create_app(workspace, Access())):
        assert left(workspace) == ["new.mp4"]


@pytest.mark.parametrize("below", ["", "one"])
def test_only_what_was_uploaded_is_forgotten_never_folders_around_it(client, workspace, below):
    kept = Path(client.put("/uploads/a.mp4", content=b"x").json()["path"])
    folder = kept.parents[1]
    (folder / "one").mkdir()
    forget(workspace, [folder / below])
    assert kept.exists()
    assert workspace.root.is_dir()
    forget(workspace, [kept, kept])
    assert not kept.parent.exists()
