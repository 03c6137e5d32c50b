"""Where the app listens: at the same port each time, so that browsers find what they kept."""

import pytest

from labcut3d.app import AppSettings
from labcut3d.app.launch import prepare
from labcut3d.errors import ProjectError


def test_a_project_has_a_port_of_its_own_and_another_while_that_is_taken(project):
    first = prepare(AppSettings(), project.root, 0)
    second = prepare(AppSettings(), project.root, 0)
    assert second.port != first.port
    first.listener.close()
    again = prepare(AppSettings(), project.root, 0)
    assert again.port == first.port
    again.listener.close()
    second.listener.close()


def test_a_port_that_was_asked_for_and_is_taken_is_told(project):
    first = prepare(AppSettings(), project.root, 0)
    with pytest.raises(ProjectError, match="--port"):
        prepare(AppSettings(), project.root, first.port)
    first.listener.close()
