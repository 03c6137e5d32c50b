"""Which project is open, for all tabs; nothing outside of the allowed folders can be opened."""

import pytest

from labcut3d.app import AppSettings, Workspace
from labcut3d.app.confine import ForbiddenPath
from labcut3d.app.workspace import NoProject
from labcut3d.errors import ProjectError
from labcut3d.template import new_project


def test_without_a_project_there_is_nothing_to_ask(tmp_path):
    workspace = Workspace(AppSettings(folders=(tmp_path,)))
    for ask in (workspace.project, workspace.queue):
        with pytest.raises(NoProject):
            ask()


def test_a_project_is_read_anew_each_time(workspace, project):
    path = project.root / "project.toml"
    path.write_text(path.read_text().replace("# fps = 30.0 ", "fps = 60.0 #"))
    assert workspace.project().fps == 60.0


def test_projects_elsewhere_cannot_be_opened(workspace, tmp_path):
    other = new_project(tmp_path / "elsewhere", views=["a"], skeleton="mouse")
    with pytest.raises(ForbiddenPath):
        workspace.open_chosen(str(other.root))
    (workspace.folders[0] / "link").symlink_to(other.root)
    with pytest.raises(ForbiddenPath):
        workspace.open_chosen(str(workspace.folders[0] / "link"))
    with pytest.raises(ProjectError):
        workspace.open_chosen(str(workspace.folders[0]))


def test_going_back_and_forth_keeps_the_jobs(workspace, project):
    queue = workspace.queue()
    workspace.leave()
    workspace.open_chosen(str(project.root))
    assert workspace.queue() is queue
