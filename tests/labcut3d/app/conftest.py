"""A browser that has logged in to the app, with a small project open."""

import pytest
from fastapi.testclient import TestClient

from labcut3d.app import AppSettings, Workspace, create_app
from labcut3d.app.access import Access
from labcut3d.template import new_project

ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def project(tmp_path):
    """A new project of two views, without videos."""
    return new_project(
        tmp_path / "home" / "project", views=["left", "right"], skeleton="fly-egg-laying"
    )


@pytest.fixture
def workspace(project):
    """A workspace that may see the folder around the project, which is open."""
    return Workspace(AppSettings(folders=(project.root.parent,)), project.root)


@pytest.fixture
def access():
    """The token of the app's address, not used yet."""
    return Access()


@pytest.fixture
def stranger(workspace, access):
    """A client that has not logged in."""
    app = create_app(workspace, access)
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(stranger, access):
    """A browser that has logged in, and sends the Origin that one sends."""
    assert stranger.get("/login", params={"token": access.token}).status_code == 200
    stranger.headers["origin"] = ADDRESS
    return stranger
