"""Several processes make what one makes, to the byte, also where they are killed at their work."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

import dask.config
import pytest
import xarray as xr
from dots_project import make_dots_project
from killing import command, end, kill_thrice, results
from notes import Notes

from labcut3d import load_project, pipeline
from labcut3d.cluster import connect, reconstruct_recordings
from labcut3d.demo import make_demo
from labcut3d.errors import ProjectError
from labcut3d.schema import open_dataset
from labcut3d.stages.chunking import detect_chunk
from labcut3d.stages.detecting import chunks_to_detect

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


def test_what_is_done_is_not_done_again(reference, untouched):
    """Chunks of a run that was cut off are kept; those that were spoilt are done anew."""
    project = load_project(untouched)
    chunks = chunks_to_detect(project, "walk")
    assert len(chunks) == 2 * 3  # views, runs of 16 frames
    for chunk in chunks[:4]:
        detect_chunk(chunk)
    kept = chunks[0].path.stat().st_mtime_ns
    spoilt = chunks[1].path
    spoilt.write_bytes(spoilt.read_bytes()[:-100])
    assert chunks_to_detect(project, "walk") == (chunks[1], *chunks[4:])
    detect_chunk(chunks[0])
    assert chunks[0].path.stat().st_mtime_ns == kept
    path = pipeline.detect(project, "walk")
    assert path.read_bytes() == reference.results["walk/detections.nc"]
    assert not list(path.parent.glob(".chunks"))
    assert chunks_to_detect(project, "walk") == ()


def test_another_detector_or_video_makes_chunks_anew(untouched):
    project = load_project(untouched)
    first = chunks_to_detect(project, "walk")[0]
    detect_chunk(first)
    model = project.model_path / "model.toml"
    for path in (model, untouched / "recordings" / "walk" / "cam0.mp4"):
        assert first.path not in {one.path for one in chunks_to_detect(project, "walk")}
        before = path.stat()
        if path == model:
            text = path.read_text()
            path.write_text(text + "# touched\n")
        else:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert first.path in {one.path for one in chunks_to_detect(project, "walk")}
        if path == model:
            path.write_text(text)


@pytest.mark.parametrize("frames", [32, 64])
def test_the_length_of_chunks_does_not_change_detections(reference, untouched, frames):
    """32: a whole number of batches, with a shorter chunk at the end. 64: all in one."""
    path = untouched / "project.toml"
    path.write_text(path.read_text().replace("chunk_frames = 16", f"chunk_frames = {frames}"))
    found = pipeline.detect(load_project(untouched), "walk")
    expected = reference.root / "results" / "walk" / "detections.nc"
    xr.testing.assert_identical(open_dataset(found), open_dataset(expected))


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


def test_recordings_wait_for_what_the_whole_project_needs(untouched):
    """No board to calibrate with: what comes before is done, and each recording says why not."""
    said = Notes()
    with connect(2, None, said) as client:
        failed = reconstruct_recordings(
            client,
            load_project(untouched),
            ["walk"],
            pipeline.reconstruct_one,
            said,
            before_finishing=[pipeline.calibrate],
        )
    assert "no [board]" in failed["walk"]
    assert not (untouched / "results" / "walk" / "trajectories.nc").exists()


def test_what_was_not_made_here_stays(untouched):
    """Rig and detector of the project have no stamps: nobody made them of boards and labels."""
    project = load_project(untouched)
    before = [path.read_bytes() for path in (project.rig_path, project.model_path / "model.toml")]
    pipeline.run(project)
    after = [path.read_bytes() for path in (project.rig_path, project.model_path / "model.toml")]
    assert before == after
    found = [pipeline.recording_status(project, name) for name in RECORDINGS]
    assert [one.results["trajectories.nc"] for one in found] == ["done", "done"]


@pytest.mark.slow
def test_all_is_made_of_boards_and_labels_by_one_command(tmp_path):
    """The sample, its board videos and labels, by two workers, with a short training."""
    root = make_demo(tmp_path / "demo").root
    with (root / "project.toml").open("a") as stream:
        stream.write("\n[detector]\nmin_steps = 70\nmax_steps = 70\nlocator_steps = 40\n")
    end(command(root, "--workers", "2", stage="run"))
    steps = {step.key: step.state for step in pipeline.status(load_project(root))}
    assert {steps[key] for key in ("calibrate", "train", "reconstruct", "explore")} == {"done"}


@pytest.mark.slow
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
    dask_command = [sys.executable, "-m", "dask"]
    environment = {**os.environ, "LABCUT3D_CORES": "1"}
    processes = [
        subprocess.Popen([*dask_command, "scheduler", "--port", "0", "--no-dashboard", *here])
    ]
    try:
        for index in range(4):
            folder = tmp_path / f"worker{index}"
            folder.mkdir()
            start = [*dask_command, "worker", "--nthreads", "1", *here]
            processes.append(subprocess.Popen(start, cwd=folder, env=environment))
        while not address.exists():
            time.sleep(0.1)
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
    short = {"distributed.comm.timeouts.connect": "0.3s"}
    refused = pytest.raises(ProjectError, match="no Dask scheduler answers there")
    with dask.config.set(short), refused, connect(1, "tcp://127.0.0.1:9", Notes()):
        pass
