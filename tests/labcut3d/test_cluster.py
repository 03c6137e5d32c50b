"""Several processes make what one makes, to the byte, also where they are killed at their work."""

import os
import random
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

import pytest
from dots_project import make_dots_project
from killing import command, end, kill_thrice, results
from notes import Notes

from labcut3d import load_project, pipeline
from labcut3d.cluster import connect
from labcut3d.errors import ProjectError

RECORDINGS = ("run", "walk")


class Reference(NamedTuple):
    """A reconstructed project, the bytes of its results, and how long it took, s."""

    root: object
    results: dict
    seconds: float


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Reconstructed by the plain loop, undisturbed."""
    root = tmp_path_factory.mktemp("dots") / "project"
    project = make_dots_project(root, recordings=RECORDINGS, frames=48, chunk_frames=16)
    start = time.monotonic()
    pipeline.reconstruct(project)
    seconds = time.monotonic() - start
    found = results(root)
    assert len(found) == 4 * len(RECORDINGS)
    return Reference(root, found, seconds)


@pytest.fixture
def untouched(reference, tmp_path):
    """The same project, with rig and detector, but nothing reconstructed."""
    return forget(shutil.copytree(reference.root, tmp_path / "project"))


def forget(root):
    """Remove all results of recordings, and the pages of all of them."""
    for path in (root / "results").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "rig.toml":
            path.unlink()
    return root


def test_two_workers_make_the_same_bytes_and_tell_what_failed(reference, untouched):
    """A third recording lacks a video: the others are done all the same, and the status is 1."""
    (untouched / "recordings" / "broken").mkdir()
    process = command(untouched, "--workers", "2")
    told, _ = process.communicate(timeout=600)
    assert process.returncode == 1, told
    assert "1 of 3 recordings failed" in told
    assert "broken: " in told
    assert "no video or image folder named 'cam0'" in told
    assert "Dashboard: http" in told
    assert results(untouched) == reference.results
    assert (untouched / "results" / "summary.csv").exists()
    assert not list(untouched.rglob(".chunks"))


def test_the_plain_loop_goes_on_after_a_failure_too(reference, tmp_path):
    root = shutil.copytree(reference.root, tmp_path / "project")
    (root / "recordings" / "a_broken_one").mkdir()
    said = Notes()
    with pytest.raises(ProjectError, match=r"1 of 3 recordings failed.*\na_broken_one: .*cam0"):
        pipeline.reconstruct(load_project(root), reporter=said)
    done = [note for note in said.notes if "walk/viewer.html is up to date" in note]
    assert done
    with pytest.raises(ProjectError, match="no scheduler|no Dask scheduler"):
        pipeline.reconstruct(load_project(root), scheduler="nonsense://nowhere")


def test_three_kills_change_nothing(reference, untouched):
    """Two whole runs and a worker, each in the middle of its work."""
    hit = kill_thrice(untouched, reference.seconds / 3, random.Random(1))
    assert hit >= 2  # a run may end before its moment
    assert results(untouched) == reference.results


@pytest.mark.slow
def test_fifty_kills_change_nothing(reference, untouched):
    hit, rng = 0, random.Random(2)
    while hit < 50:
        hit += kill_thrice(forget(untouched), reference.seconds / 3, rng)
        assert results(untouched) == reference.results


@pytest.mark.slow
def test_three_workers_make_the_same_bytes(reference, untouched):
    end(command(untouched, "--workers", "3"))
    assert results(untouched) == reference.results


@pytest.mark.slow
def test_a_dask_of_its_own_with_workers_in_other_folders_makes_the_same_bytes(
    reference, untouched, tmp_path
):
    """Four workers with separate working folders and one shared project."""
    address = tmp_path / "scheduler.json"
    here = ["--scheduler-file", str(address)]
    python = [sys.executable, "-m", "distributed.cli"]
    environment = {**os.environ, "LABCUT3D_CORES": "1"}
    processes = [
        subprocess.Popen(
            [python[0], "-m", "dask", "scheduler", "--port", "0", "--no-dashboard", *here]
        )
    ]
    try:
        for index in range(4):
            folder = tmp_path / f"worker{index}"
            folder.mkdir()
            start = [python[0], "-m", "dask", "worker", "--nthreads", "1", *here]
            processes.append(subprocess.Popen(start, cwd=folder, env=environment))
        while not address.exists():
            time.sleep(0.1)
        import json

        scheduler = json.loads(address.read_text())["address"]
        told = end(command(untouched, "--scheduler", scheduler))
        assert "walk is done" in told
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
    assert results(untouched) == reference.results


def test_an_address_without_a_scheduler_is_refused(monkeypatch):
    import dask.config

    short = {"distributed.comm.timeouts.connect": "0.3s"}
    refused = pytest.raises(ProjectError, match="no Dask scheduler answers there")
    with dask.config.set(short), refused, connect(1, "tcp://127.0.0.1:9", Notes()):
        pass
