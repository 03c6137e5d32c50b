"""One process at a time makes a result; a process that is killed leaves no lock behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from notes import Notes

from labcut3d import new_project
from labcut3d.errors import ProjectError
from labcut3d.stages import locking
from labcut3d.stages.locking import exclusive, locked

HOLD = """
import sys, time
from pathlib import Path
from labcut3d.stages.locking import locked
with locked(Path(sys.argv[1]), sys.argv[2], "detect"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def project(tmp_path):
    return new_project(tmp_path / "p", views=["a", "b"], skeleton="mouse")


@pytest.fixture
def holder(project):
    """Another process, which holds the lock of the recording `walk`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.root), "walk"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


@exclusive
def stage(project, recording, reporter):
    return recording


@exclusive
def outer(project, recording, reporter):
    return stage(project, recording, reporter)


def test_who_waits_in_vain_is_told_for_whom(project, holder, monkeypatch):
    monkeypatch.setattr(locking, "LONGEST_WAIT_S", 0.2)
    said = Notes()
    with pytest.raises(ProjectError, match=rf"walk of .*detect, process {holder.pid} on .*at work"):
        stage(project, "walk", said)
    assert "Waiting for labcut3d (detect" in said.notes[0]


def test_other_recordings_are_free(project, holder):
    assert stage(project, "run", Notes()) == "run"


def test_a_killed_process_holds_nothing(project, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    said = Notes()
    assert stage(project, "walk", said) == "walk"
    assert said.notes == []


def test_who_waits_goes_on_when_the_other_ends(project, holder):
    threading.Timer(1.0, holder.kill).start()
    assert stage(project, "walk", Notes()) == "walk"


def test_threads_wait_for_each_other(project):
    inside, most = [], []

    @exclusive
    def count(project, recording):
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()

    threads = [threading.Thread(target=count, args=(project, "walk")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


def test_a_stage_may_call_another_of_its_recording(project):
    assert outer(project, "walk", Notes()) == "walk"


@pytest.mark.parametrize("name", ["../../outside", "/etc/x", "n" * 250, "a\\b", "\u65e5 \u00e4"])
def test_names_stay_in_the_project(project, name):
    with locked(project.root, name, "test"):
        (lock,) = (project.root / "results" / ".locks").glob("*.json")
    assert lock.parent == project.root / "results" / ".locks"


def test_a_project_that_cannot_be_written_to_is_read_without_a_lock(project, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(locking.FileLock, "acquire", refuse)
    assert stage(project, "walk", Notes()) == "walk"
