"""The address that is shown: this machine only, a free port, a token."""

import re
import socket

import pytest

from labcut3d.app import AppSettings
from labcut3d.app.launch import prepare
from labcut3d.errors import ProjectError


@pytest.fixture
def launched(tmp_path):
    """A function that prepares a launch; all sockets are closed in the end."""
    launches = []

    def launch(port=0, host="127.0.0.1", project=None):
        settings = AppSettings(folders=(tmp_path,), host=host)
        launches.append(prepare(settings, project, port))
        return launches[-1]

    yield launch
    for one in launches:
        one.listener.close()
        one.workspace.close()


def test_the_address_is_this_machines_and_lets_in_once(launched):
    launch = launched()
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/login\?token=(\S{40,})", launch.address)
    assert int(found[1]) == launch.port
    assert launch.access.exchange(found[2])
    assert not launch.workspace.settings.public


def test_a_port_that_is_taken_is_told(launched):
    taken = launched().port
    with pytest.raises(ProjectError, match="--port"):
        launched(port=taken)


def test_an_address_of_another_machine_is_told(launched):
    with pytest.raises(ProjectError, match="cannot listen"):
        launched(host="192.0.2.1")  # TEST-NET-1: nobody's (RFC 5737)


def test_listening_to_all_is_public(launched):
    launch = launched(host="0.0.0.0")
    assert launch.workspace.settings.public
    assert "0.0.0.0" not in launch.address


def test_no_project_no_server(launched, tmp_path):
    with pytest.raises(ProjectError, match="no project here"):
        launched(project=tmp_path)


def port_of(project):
    """Return where the app would listen, which it does not go on with."""
    launch = prepare(AppSettings(), project.root, 0)
    port = launch.port
    launch.listener.close()
    launch.workspace.close()
    return port


def test_a_project_has_a_port_of_its_own_and_another_while_that_is_taken(project):
    """Browsers keep what pages stored, such as clicks that wait to be saved, by the port."""
    usual = port_of(project)
    assert port_of(project) == usual
    with socket.create_server(("127.0.0.1", usual)):
        assert port_of(project) != usual
