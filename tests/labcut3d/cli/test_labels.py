"""Labels of another program into a project and out again, as a user would type it."""

import cv2
import numpy as np

HEADER = "scorer,me,me,me,me\nbodyparts,ear_l,ear_l,ear_r,ear_r\ncoords,x,y,x,y\n"


def deeplabcut_project(root):
    folder = root / "labeled-data" / "day1"
    folder.mkdir(parents=True)
    (root / "config.yaml").write_text("Task: mice\nscorer: me\nbodyparts: [ear_l, ear_r]\n")
    rows = "labeled-data/day1/img003.png,1,2,3,4\nlabeled-data/day1/img010.png,5,6,,\n"
    (folder / "CollectedData_me.csv").write_text(HEADER + rows)
    for number in (3, 10):
        cv2.imwrite(str(folder / f"img{number:03d}.png"), np.full((20, 30, 3), number, np.uint8))


def test_from_deeplabcut_and_back_in_one_command_each(tmp_path, labcut3d):
    deeplabcut_project(tmp_path / "dlc")
    arguments = ("--views", "top", "--from-deeplabcut", "dlc")
    status, text = labcut3d("new", "mice", *arguments, cwd=tmp_path)
    assert status == 0, text
    assert "labcut3d train mice" in text
    assert "ear_l and ear_r" in text
    written = (tmp_path / "mice" / "labels" / "day1.csv").read_text()
    assert "3,top,animal,ear_l,1,2\n" in written
    assert "10,top,animal,ear_r,,\n" in written
    status, text = labcut3d("new", "mice", *arguments, cwd=tmp_path)
    assert (status, "exists here already" in text) == (1, True)

    status, text = labcut3d("export-labels", "mice", "-o", "back", "--format", "deeplabcut")
    assert status == 0, text
    assert "convertcsv2h5" in text
    assert labcut3d("new", "again", "--views", "top", "--from-deeplabcut", "back")[0] == 0
    assert (tmp_path / "again" / "labels" / "day1.csv").read_text() == written


def test_an_import_into_a_project_renames_and_replaces(tmp_path, labcut3d):
    deeplabcut_project(tmp_path / "dlc")
    labcut3d("new", "fly", "--views", "top,side", cwd=tmp_path)
    status, text = labcut3d("import-labels", "fly", "day1", "top=dlc")
    assert status == 1
    assert "--rename" in text
    rename = ("--rename", "ear_l=left_eye", "--rename", "ear_r=")
    for options in ((), ("--replace",), ("--video", "top=day1")):
        status, text = labcut3d("import-labels", "fly", "day1", "top=dlc", *rename, *options)
        assert status == 0, text
    assert "3,top,animal,left_eye,1,2" in (tmp_path / "fly" / "labels" / "day1.csv").read_text()
