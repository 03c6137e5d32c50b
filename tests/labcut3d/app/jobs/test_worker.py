"""The real process: it tells what is wrong as the command line does, and outlives no master."""

import os
import signal
import time

import pytest
from scripted_worker import wait_until

from labcut3d.app.jobs.job import Job
from labcut3d.app.jobs.process import WorkerProcess
from labcut3d.demo import make_demo
from labcut3d.template import new_project


def job_of(task):
    return Job(name=f"20260102-030405-678-{task}", task=task, state="running", created=time.time())


@pytest.fixture
def calibrating(tmp_path):
    """The process that calibrates the sample, once it has begun to look for the board."""
    project = make_demo(tmp_path / "demo")
    worker = WorkerProcess(project.root, job_of("calibrate"), tmp_path / "printed")
    told = worker.lines()
    while next(told)["kind"] != "progress":
        pass
    yield worker, told, project
    worker.end()
    worker.wait()


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_fault_of_the_input_is_a_line(tmp_path):
    project = new_project(tmp_path / "p", views=["a", "b"], skeleton="mouse")
    worker = WorkerProcess(project.root, job_of("calibrate"), tmp_path / "printed")
    (line,) = list(worker.lines())
    assert line["kind"] == "error"
    assert "[board]" in line["text"]
    assert worker.wait()[0] == 1


def test_ending_it_leaves_no_half_result(calibrating):
    worker, told, project = calibrating
    worker.end()
    list(told)
    assert worker.wait()[0] == -signal.SIGTERM
    assert not project.rig_path.exists()


def test_it_ends_when_its_master_is_gone(calibrating):
    """A killed server closes the pipe to its worker, and nothing else."""
    worker, _, _ = calibrating
    process = worker._process
    process.stdin.close()
    wait_until(lambda: process.poll() is not None)
    assert is_gone(process.pid)
