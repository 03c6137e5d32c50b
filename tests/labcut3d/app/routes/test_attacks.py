"""Requests of somebody who is logged in and asks for more than the app may give."""

import pytest

OUTSIDE = ["/etc", "/etc/passwd", "/", "..", "../..", "C:\\", "C:/Windows", "\\\\host\\share", "~"]


@pytest.fixture
def secret(tmp_path):
    """A file beside the folder that may be seen, and a link to it in there."""
    path = tmp_path / "secret.txt"
    path.write_text("top secret")
    (tmp_path / "home" / "link.mp4").symlink_to(path)
    (tmp_path / "home" / "linked").symlink_to(tmp_path)
    return path


@pytest.mark.parametrize("path", [*OUTSIDE, "a\0b", "x" * 5000])
def test_folders_outside_are_not_listed(client, path):
    answer = client.get("/browse", params={"path": path})
    assert answer.status_code == 403
    assert "root:" not in answer.text


def test_links_that_lead_out_are_neither_shown_nor_followed(client, workspace, secret):
    home = str(workspace.folders[0])
    shown = client.get("/browse", params={"path": home}).json()
    assert [entry["name"] for entry in shown["videos"] + shown["folders"]] == ["project"]
    for path in (f"{home}/linked", f"{home}/linked/home/../..", f"{home}/project/../.."):
        assert client.get("/browse", params={"path": path}).status_code == 403


def test_only_videos_folders_and_projects_are_listed(client, workspace):
    (workspace.folders[0] / "private.txt").write_text("x")
    (workspace.folders[0] / ".hidden").mkdir()
    shown = client.get("/browse").json()
    assert [entry["name"] for entry in shown["folders"]] == ["project"]
    assert shown["folders"][0]["project"]
    assert "private" not in str(shown)


@pytest.mark.parametrize("path", OUTSIDE)
def test_projects_outside_are_not_opened(client, path):
    assert client.post("/open", json={"path": path}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/reports/passwd",
        "/reports/..%2f..%2fproject",
        "/reports/%2e%2e/%2e%2e/etc/passwd",
        "/reports/recording/..%2f..%2f..%2fetc/viewer",
        "/reports/recording/../viewer",
        "/reports/recording/%00/viewer",
        "/explore/..%2f..%2fetc",
        "/explore/%2e%2e/export/nc",
        "/explore/walk/export/..%2f..%2fnc",
        "/explore/walk/events.csv",
        "/jobs/..%2f..%2fproject/log",
        "/jobs/20260102-030405-678-train/log",
        "/project.toml",
        "/results/rig.toml",
        "/home",
    ],
)
def test_no_file_is_given_by_a_made_up_address(client, path):
    assert client.get(path).status_code in (403, 404, 405, 422)


def test_a_report_that_links_out_of_the_project_is_refused(client, project, secret):
    results = project.root / "results"
    results.mkdir(exist_ok=True)
    (results / "calibration.html").symlink_to(secret)
    answer = client.get("/reports/calibration")
    assert answer.status_code == 403
    assert "top secret" not in answer.text


def test_reports_can_do_nothing_but_draw_themselves(client, project):
    results = project.root / "results"
    results.mkdir(exist_ok=True)
    (results / "calibration.html").write_text("<script>1</script>")
    policy = client.get("/reports/calibration").headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy  # so default-src, 'none', holds


@pytest.mark.parametrize("name", ["../out", "a/b", "..", ".hidden", "", "a\0", "C:x", "a\\b"])
def test_a_new_project_stays_in_its_folder(client, workspace, name):
    form = {"folder": str(workspace.folders[0]), "name": name, "views": ["a"], "skeleton": "mouse"}
    before = set(workspace.folders[0].parent.rglob("project.toml"))
    assert client.post("/new", json=form).status_code in (403, 422)
    assert set(workspace.folders[0].parent.rglob("project.toml")) == before


def test_a_new_project_takes_no_videos_or_skeletons_from_outside(client, workspace, secret):
    home = str(workspace.folders[0])
    form = {"folder": home, "name": "new", "views": ["a"], "skeleton": "mouse"}
    for more in (
        {"recording": {"a": str(secret)}},
        {"calibration": {"a": f"{home}/link.mp4"}},
        {"skeleton": "/etc/x.toml"},
        {"folder": "/tmp"},
    ):
        assert client.post("/new", json={**form, **more}).status_code == 403
    assert not (workspace.folders[0] / "new").exists()


@pytest.mark.parametrize("name", ["../x", "a/b", "a b", "", ".x", "x\0"])
def test_a_recording_stays_in_its_project(client, project, name):
    answer = client.post("/project/recording", json={"name": name, "videos": {}})
    assert answer.status_code == 422
    assert not list((project.root / "recordings").iterdir())


def test_a_body_beyond_all_reason_is_refused(client):
    answer = client.post("/open", json={"path": "x" * 2**21})
    assert answer.status_code == 413


def test_a_form_of_another_site_is_no_json(client):
    """A form can be sent across sites without asking, as text/plain that happens to be JSON."""
    headers = {"content-type": "text/plain"}
    answer = client.post("/open", content='{"path": "/etc"}', headers=headers)
    assert answer.status_code == 422
    del client.headers["origin"]
    assert client.post("/close").status_code == 403
