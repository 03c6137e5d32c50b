"""What a pipeline reports arrives as JSON lines, not too many, and the last always."""

import json
from io import StringIO

from calibration.checks.findings import Finding
from labcut3d.app.jobs.reporter import LineReporter, is_line


def heard(tell):
    """The lines that a reporter writes while `tell` uses it."""
    stream = StringIO()
    tell(LineReporter(stream))
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_everything_arrives_as_a_line_that_is_one():
    def tell(reporter):
        with reporter.task("Training") as progress:
            progress(1, 2, "loss")
        reporter.note("two\nlines and ümlauts")
        reporter.findings("Verdict", [Finding(level="WARN", reason="few", remedy="film more")])
        reporter.error("no board")

    lines = heard(tell)
    assert all(is_line(line) for line in lines)
    assert [line["kind"] for line in lines] == ["task", "progress", "note", "finding", "error"]
    assert lines[2]["text"] == "two\nlines and ümlauts"
    assert lines[3]["text"] == "Verdict: few film more"


def test_a_fast_task_tells_its_first_and_last_step_and_few_between():
    def tell(reporter):
        with reporter.task("Fast") as progress:
            for k in range(1, 10_001):
                progress(k, 10_000)

    told = [line["done"] for line in heard(tell) if line["kind"] == "progress"]
    assert (told[0], told[-1]) == (1, 10_000)
    assert len(told) < 1000


def test_what_is_no_line_is_known():
    for value in (None, [], "x", {}, {"kind": "note"}, {"kind": "rm", "time": 1.0}):
        assert not is_line(value)
    assert not is_line({"kind": "progress", "time": 1.0, "done": 1})
