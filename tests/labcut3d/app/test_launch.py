"""Where the app listens: at the same port each time, so that browsers find what they kept."""

import socket

import pytest

from labcut3d.app import AppSettings
from labcut3d.app.launch import prepare
from labcut3d.errors import ProjectError


def port_of(project, asked=0):
    """Return where the app would listen, which it does not go on with."""
    launch = prepare(AppSettings(), project.root, asked)
    port = launch.port
    launch.listener.close()
    launch.workspace.close()
    return port


def test_a_project_has_a_port_of_its_own_and_another_while_that_is_taken(project):
    usual = port_of(project)
    assert port_of(project) == usual
    with socket.create_server(("127.0.0.1", usual)):
        assert port_of(project) != usual


def test_a_port_that_was_asked_for_and_is_taken_is_told(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked = taken.getsockname()[1]
        with pytest.raises(ProjectError, match="--port"):
            prepare(AppSettings(), project.root, asked)
