"""How far a job is and how long still, as its lines tell."""

import pytest

from labcut3d.app.jobs.progress import CurvePoint, curve_of, log_of, progress_of


def lines(*progress, title="Training"):
    """The lines of a task with (time, done, total, note)."""
    begun = {"time": 0.0, "kind": "task", "title": title}
    steps = [
        {"time": time, "kind": "progress", "done": done, "total": total, "note": note}
        for time, done, total, note in progress
    ]
    return [begun, *steps]


def test_nothing_is_told_before_a_task_begins():
    assert progress_of([]) is None
    assert progress_of([{"time": 1.0, "kind": "note", "text": "up to date"}]) is None


def test_the_last_task_counts():
    told = [*lines((1, 5, 5, "")), *lines((2, 1, 4, "x"), title="Reading")]
    assert progress_of(told)[:4] == ("Reading", 1, 4, "x")


def test_the_time_left_follows_the_rate_so_far():
    told = progress_of(lines((0, 0, 100, ""), (10, 20, 100, "")))
    assert told.left == pytest.approx(40)  # s: 80 steps at 2 a second


def test_no_time_is_guessed_from_a_moment():
    assert progress_of(lines((0, 1, 100, ""))).left is None
    assert progress_of(lines((0, 1, 100, ""), (0.5, 2, 100, ""))).left is None


def test_the_curve_is_the_loss_of_each_part():
    told = lines((0, 1, 9, "locator, loss 3.20"), (1, 2, 9, "keypoints, loss 0.51"), (2, 3, 9, ""))
    assert curve_of(told) == [CurvePoint(1, 3.2, "locator"), CurvePoint(2, 0.51, "keypoints")]


def test_the_log_leaves_the_progress_out_and_marks_what_matters():
    told = [
        *lines((1, 1, 2, "")),
        {"time": 2.0, "kind": "finding", "level": "WARN", "text": "Verdict: few boards"},
        {"time": 3.0, "kind": "note", "text": "Warning: cut off"},
        {"time": 4.0, "kind": "error", "text": "no board"},
    ]
    assert [(line["level"], line["text"]) for line in log_of(told)] == [
        ("", "Training"),
        ("warn", "Verdict: few boards"),
        ("warn", "Warning: cut off"),
        ("bad", "no board"),
    ]
