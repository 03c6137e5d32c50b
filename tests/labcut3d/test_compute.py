"""Shares of the cores, and chunks that are whole numbers of what detectors look at together."""

import pytest

from labcut3d import load_project, new_project
from labcut3d.compute import ComputeSettings, cores, share_of_cores
from labcut3d.detection.detector import BATCH
from labcut3d.errors import FileFormatError, ProjectError


def test_workers_never_have_more_threads_than_cores(monkeypatch):
    monkeypatch.setenv("LABCUT3D_CORES", "8")
    assert cores() == 8
    for workers in (1, 2, 3, 8):
        environment = share_of_cores(workers)
        assert workers * int(environment["OMP_NUM_THREADS"]) <= 8
        assert environment["LABCUT3D_CORES"] == environment["OPENBLAS_NUM_THREADS"]
    assert share_of_cores(20)["LABCUT3D_CORES"] == "1"  # each needs one
    monkeypatch.setenv("LABCUT3D_CORES", "many")
    assert cores() >= 1


@pytest.mark.parametrize("frames", [0, -16, 1000])
def test_chunks_that_cut_batches_are_refused(frames):
    with pytest.raises(ProjectError, match=r"multiple of 16, such as (16|992|1008)"):
        ComputeSettings(chunk_frames=frames)
    assert ComputeSettings().chunk_frames % BATCH == 0


def test_the_settings_are_in_the_project(tmp_path):
    project = new_project(tmp_path / "p", views=["a", "b"], skeleton="mouse")
    path = project.root / "project.toml"
    path.write_text(path.read_text() + "\n[compute]\nchunk_frames = 32\n")
    assert load_project(project.root).compute.chunk_frames == 32
    path.write_text(path.read_text().replace("32", "33"))
    with pytest.raises(FileFormatError, match=r"\[compute\]: .*chunk_frames = 33"):
        load_project(project.root)
