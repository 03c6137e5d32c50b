"""What `labcut3d app` prints before it serves; serving itself is tested in a real browser."""

import pytest

from labcut3d.app.launch import Launch


@pytest.fixture
def served(monkeypatch):
    """The launches that would be served, each with whether a browser would be opened."""
    launches = []

    def serve(self, *, browser):
        launches.append((self, browser))

    monkeypatch.setattr(Launch, "serve", serve)
    yield launches
    for launch, _ in launches:
        launch.listener.close()
        launch.workspace.close()


def test_the_address_and_the_tunnel_are_shown(labcut3d, served, tmp_path):
    status, printed = labcut3d("app", "--data", tmp_path, "--no-browser")
    ((launch, browser),) = served
    assert status == 0
    assert not browser
    assert f"127.0.0.1:{launch.port}/login?token={launch.access.token}" in printed
    assert f"ssh -N -L {launch.port}:127.0.0.1:{launch.port}" in printed
    assert "Warning" not in printed


def test_listening_to_others_is_warned_of(labcut3d, served, tmp_path):
    _, printed = labcut3d("app", "--data", tmp_path, "--host", "0.0.0.0")
    assert "Warning" in printed
    assert served[0][1]


def test_a_folder_without_a_project_is_told(labcut3d, served, tmp_path):
    status, printed = labcut3d("app", tmp_path)
    assert status == 1
    assert "no project here" in printed
    assert not served
