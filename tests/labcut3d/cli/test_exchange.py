"""The commands on other programs' files."""

import numpy as np
import pandas as pd
import pytest
from random_datasets import random_detections, random_trajectories

from labcut3d.formats import FORMATS, Export, write_dataset
from labcut3d.schema import open_dataset, save_dataset


def test_formats_lists_them_all(labcut3d) -> None:
    status, text = labcut3d("formats")
    assert status == 0
    for one in FORMATS.values():
        assert one.name in text
    assert "docs/formats.md" in text


def test_export_of_a_file_to_a_chosen_format(tmp_path, labcut3d) -> None:
    save_dataset(random_trajectories(times=40), tmp_path / "walk.nc")
    for arguments, name in (
        (("-o", "walk.nwb", "--subject", "sex=F"), "walk.nwb"),
        (("-o", "walk.csv", "--to", "anipose"), "walk.csv"),
        (("-o", "walk.trc"), "walk.trc"),
    ):
        status, text = labcut3d("export", "walk.nc", *arguments, cwd=tmp_path)
        assert status == 0, text
        assert name in text
        assert (tmp_path / name).stat().st_size > 1000
    status, text = labcut3d("export", "walk.nc", "-o", "walk.slp", cwd=tmp_path)
    assert status == 1
    assert "of trajectories" in text
    status, text = labcut3d("export", "walk.nc", cwd=tmp_path)
    assert status == 2
    assert "-o FILE" in text


def test_files_of_other_programs_are_converted_and_viewed(tmp_path, labcut3d) -> None:
    walk = random_trajectories(times=30)
    write_dataset(Export.of(walk, "walk"), tmp_path / "walk.csv", "anipose")
    status, text = labcut3d("export", "walk.csv", "-o", "walk.nc", cwd=tmp_path)
    assert (status, "--fps" in text) == (1, True)
    options = ("--fps", 30, "--unit", "mm")
    status, text = labcut3d("export", "walk.csv", "-o", "walk.nc", *options, cwd=tmp_path)
    assert status == 0, text
    np.testing.assert_allclose(open_dataset(tmp_path / "walk.nc")["position"], walk["position"])
    (tmp_path / "viewer.html").write_text("of a project")
    status, text = labcut3d("view", "walk.csv", *options, cwd=tmp_path)
    assert status == 0, text
    assert (tmp_path / "walk.html").stat().st_size > 100_000
    assert (tmp_path / "viewer.html").read_text() == "of a project"


def test_what_a_file_begins_with_is_quoted_to_the_letter(tmp_path, labcut3d) -> None:
    (tmp_path / "users.csv").write_text("root:x:0:0\n")  # ":x:" is a picture in some terminals
    status, text = labcut3d("view", "users.csv", cwd=tmp_path)
    assert (status, "root:x:0:0" in text) == (1, True)


def test_no_name_of_a_format_is_cut_short(labcut3d) -> None:
    status, text = labcut3d("formats")
    assert status == 0
    assert all(f" {name} " in text for name in FORMATS)


def test_views_are_converted_together(tmp_path, labcut3d) -> None:
    write_dataset(Export.of(random_detections(), "walk"), tmp_path / "walk.slp")
    views = ("cam0=walk_cam0.slp", "side=walk_side.slp")
    status, text = labcut3d("export", *views, "-o", "t.csv", "--fps", 30, cwd=tmp_path)
    assert status == 0, text
    assert pd.read_csv(tmp_path / "t.csv")["view"].unique().tolist() == ["cam0", "side"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["export", "."], "--to FORMAT"),
        (["export", ".", "--to", "csv", "--fps", "30"], "go with files"),
        (["import", ".", "walk", "detections.slp"], "NAME=PATH"),
        (["import", ".", "walk", "cam0=a.slp", "--rename", "nose"], "OLD=NEW"),
    ],
)
def test_wrong_usage_is_explained(tmp_path, labcut3d, arguments, expected) -> None:
    (tmp_path / "project.toml").write_text('skeleton = "mouse"\n[views.cam0]\n')
    (tmp_path / "recordings" / "walk").mkdir(parents=True)
    (tmp_path / "results" / "walk").mkdir(parents=True)
    (tmp_path / "results" / "walk" / "detections.nc").touch()
    status, text = labcut3d(*arguments, cwd=tmp_path)
    assert status == 2, text
    assert expected in text


def test_import_says_what_is_next(tmp_path, labcut3d) -> None:
    import cv2

    detections = random_detections(times=4).isel(view=[0])
    detections = detections.assign_coords(keypoint=["nose", "left_ear", "right_ear"])
    (path,) = write_dataset(Export.of(detections, "walk"), tmp_path / "walk.slp")
    project = tmp_path / "project"
    folder = project / "recordings" / "walk" / "cam0"
    folder.mkdir(parents=True)
    for number in range(4):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((40, 40, 3), np.uint8))
    skeleton = 'name = "m"\nkeypoints = ["nose", "left_ear", "right_ear"]\n'
    (project / "m.toml").write_text(skeleton)
    (project / "project.toml").write_text('skeleton = "m.toml"\nfps = 30.0\n[views.cam0]\n')
    status, text = labcut3d("import", project, "walk", f"cam0={path}")
    assert status == 0, text
    assert "labcut3d triangulate" in text
    status, text = labcut3d("export", project, "--to", "sleap-analysis")
    assert status == 0, text
    assert (project / "results" / "walk" / "walk.analysis.h5").exists()
