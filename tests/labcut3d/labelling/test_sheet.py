"""Changing one mark leaves all other lines as they are, byte for byte."""

import pytest

from labcut3d.labelling.sheet import Change, LabelSheet, Spot, read_sheet, write_sheet

VIEWS, KEYPOINTS = ("left", "right"), ("head", "tail")
TEXT = """frame,view,individual,keypoint,x,y
3,left,fly,head,338.380,193.80
3,left,fly,tail,,
12,right,"fly, old",tail,1e1,7
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text(TEXT)
    return path


def spot(frame=3, view="left", individual="fly", keypoint="head"):
    return Spot(frame, view, individual, keypoint)


def saved(path, *changes):
    sheet, conflicts = read_sheet(path, VIEWS, KEYPOINTS).changed(changes)
    write_sheet(path, sheet, VIEWS, KEYPOINTS)
    return path.read_text().splitlines() if path.exists() else None, conflicts


def test_marks_are_points_hidden_or_nothing(path):
    sheet = read_sheet(path, VIEWS, KEYPOINTS)
    assert sheet.marks[spot()] == (338.38, 193.8)
    assert sheet.marks[spot(keypoint="tail")] == "hidden"
    assert spot(view="right") not in sheet.marks
    assert sheet.individuals == ("fly", "fly, old")
    assert set(sheet.of_frame(12)) == {spot(12, "right", "fly, old", "tail")}


def test_other_lines_stay_as_they_are_and_new_ones_stand_in_order(path):
    lines, conflicts = saved(
        path,
        Change(spot(3, "right"), None, (5.25, 6.0)),
        Change(spot(2), None, "hidden"),
        Change(spot(3, keypoint="tail"), "hidden", (1.0, 2.123)),
    )
    before = TEXT.splitlines()
    assert not conflicts
    assert lines == [
        before[0],
        "2,left,fly,head,,",
        before[1],
        "3,left,fly,tail,1,2.123",
        "3,right,fly,head,5.25,6",
        before[3],
    ]


def test_windows_line_ends_are_read(path):
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    lines, _ = saved(path, Change(spot(4), None, "hidden"))
    assert lines[1:4] == [*TEXT.splitlines()[1:3], "4,left,fly,head,,"]


def test_a_change_of_what_somebody_else_changed_is_not_made(path):
    change = Change(spot(), (1.0, 1.0), (2.0, 2.0))
    lines, conflicts = saved(path, change)
    assert lines == TEXT.splitlines()
    assert conflicts == [change._replace(after=(338.38, 193.8))]


def test_a_change_that_was_made_already_counts_as_made(path):
    """It was sent, and the answer got lost when the server was killed."""
    lines, conflicts = saved(path, Change(spot(), (1.0, 1.0), (338.38, 193.8)))
    assert (lines, conflicts) == (TEXT.splitlines(), [])


def test_changes_follow_upon_each_other(path):
    a, b = (1.0, 1.0), (2.0, 2.0)
    _, conflicts = saved(path, Change(spot(9), None, a), Change(spot(9), a, b))
    assert not conflicts
    assert read_sheet(path, VIEWS, KEYPOINTS).marks[spot(9)] == b


def test_a_file_without_marks_is_none(path):
    marks = read_sheet(path, VIEWS, KEYPOINTS).marks
    lines, _ = saved(path, *(Change(place, mark, None) for place, mark in marks.items()))
    assert lines is None
    assert read_sheet(path, VIEWS, KEYPOINTS) == LabelSheet()
