"""One job at a time, in order; what was said of each is kept, whatever becomes of the server."""

import json

import pytest
from scripted_worker import ScriptedWorker, Workers, wait_until

from labcut3d.app.jobs.queue import JobQueue
from labcut3d.errors import ProjectError


@pytest.fixture
def open_queue(tmp_path):
    """A function that opens the queue of one project with the workers it is given."""
    queues = []

    def open_one(*workers):
        queues.append(JobQueue(tmp_path, Workers(*workers)))
        return queues[-1]

    yield open_one
    for queue in queues:
        queue.close()


def states(queue):
    return [job.state for job in queue.jobs()]


def test_jobs_run_one_after_the_other(open_queue):
    first, second = ScriptedWorker(waits=True), ScriptedWorker()
    queue = open_queue(first, second)
    queue.submit("calibrate")
    queue.submit("train")
    first.begun.wait(5)
    assert states(queue) == ["running", "queued"]
    first.go.set()
    wait_until(lambda: states(queue) == ["done", "done"])
    assert second.begun.is_set()


def test_asking_twice_is_one_job_and_again_afterwards_is_another(open_queue):
    worker = ScriptedWorker(waits=True)
    queue = open_queue(worker, ScriptedWorker(), ScriptedWorker())
    first = queue.submit("reconstruct", "walk")
    assert queue.submit("reconstruct", "walk").name == first.name
    other = queue.submit("reconstruct", "rest")
    assert other.name != first.name
    worker.go.set()
    wait_until(lambda: states(queue) == ["done", "done"])
    assert queue.submit("reconstruct", "walk").name not in (first.name, other.name)


def test_a_fault_of_the_input_is_told_in_its_own_words(open_queue):
    lines = [{"kind": "task", "title": "Looking"}, {"kind": "error", "text": "no [board]"}]
    queue = open_queue(ScriptedWorker(lines, status=1, printed="noise"))
    job = queue.submit("calibrate")
    wait_until(lambda: states(queue) == ["failed"])
    assert queue.jobs()[0].message == "no [board]"
    assert [line["kind"] for line in queue.lines(job.name)] == ["task", "error"]


def test_a_process_that_breaks_leaves_what_it_printed(open_queue):
    queue = open_queue(ScriptedWorker(status=-9, printed="Traceback\nMemoryError: no room"))
    job = queue.submit("train")
    wait_until(lambda: states(queue) == ["failed"])
    assert "MemoryError" in queue.jobs()[0].message
    assert "Traceback" in queue.lines(job.name)[-1]["text"]


def test_stopping_ends_what_runs_and_takes_out_what_waits(open_queue):
    worker = ScriptedWorker(waits=True)
    queue = open_queue(worker, ScriptedWorker())
    running, waiting = queue.submit("train"), queue.submit("reconstruct", "walk")
    worker.begun.wait(5)
    assert queue.cancel(waiting.name).state == "cancelled"
    assert queue.cancel(running.name).state == "cancelled"
    assert worker.ended
    wait_until(lambda: states(queue) == ["cancelled", "cancelled"])
    assert queue.cancel(running.name).state == "cancelled"  # again does no harm
    with pytest.raises(ProjectError):
        queue.cancel("20260101-000000-000-train")


def test_the_version_grows_with_every_change(open_queue):
    worker = ScriptedWorker([{"kind": "task", "title": "A"}], waits=True)
    queue = open_queue(worker)
    before = queue.version
    queue.submit("train")
    worker.begun.wait(5)
    wait_until(lambda: queue.version >= before + 3)  # queued, running, a line


def test_a_second_server_of_one_project_is_refused(open_queue):
    open_queue()
    with pytest.raises(ProjectError, match="another labcut3d app"):
        open_queue()


def test_closing_ends_the_work_and_the_next_server_shows_it_as_interrupted(open_queue):
    worker = ScriptedWorker([{"kind": "task", "title": "Training"}], waits=True)
    queue = open_queue(worker)
    job = queue.submit("train")
    queue.submit("reconstruct", "walk")
    worker.begun.wait(5)
    wait_until(lambda: queue.lines(job.name))
    queue.close()
    assert worker.ended
    again = open_queue(ScriptedWorker())
    assert states(again) == ["interrupted", "interrupted"]
    assert again.lines(job.name)[0]["title"] == "Training"
    again.submit("train")
    wait_until(lambda: states(again) == ["interrupted", "interrupted", "done"])


def test_what_a_killed_server_left_running_counts_as_interrupted(tmp_path, open_queue):
    folder = tmp_path / "results" / ".jobs"
    folder.mkdir(parents=True)
    name = "20260102-030405-678-train"
    record = {"name": name, "task": "train", "state": "running", "created": 1.0, "started": 2.0}
    (folder / f"{name}.json").write_text(json.dumps(record))
    line = {"time": 3.0, "kind": "note", "text": "whole"}
    (folder / f"{name}.log").write_text(json.dumps(line) + '\n{"time": 4.0, "ki')
    queue = open_queue()
    assert states(queue) == ["interrupted"]
    assert queue.lines(name) == [line]
    assert json.loads((folder / f"{name}.json").read_text())["state"] == "interrupted"


@pytest.mark.parametrize(
    "record",
    [
        "",
        "nonsense",
        "[]",
        '{"name": "../../etc/passwd", "task": "train", "state": "running", "created": 1}',
        '{"name": "20260102-030405-678-train", "task": "rm", "state": "done", "created": 1}',
    ],
)
def test_records_that_are_none_are_forgotten(tmp_path, open_queue, record):
    folder = tmp_path / "results" / ".jobs"
    folder.mkdir(parents=True)
    (folder / "20260102-030405-678-train.json").write_text(record)
    assert open_queue().jobs() == []
    assert not list(folder.glob("*.json"))


def test_a_process_that_cannot_be_started_fails_its_job_alone(tmp_path):
    def start(root, job, printed):
        if job.task == "train":
            raise OSError(28, "No space left on device")
        return ScriptedWorker()

    queue = JobQueue(tmp_path, start)
    queue.submit("train")
    queue.submit("evaluate")
    wait_until(lambda: states(queue) == ["failed", "done"])
    assert "No space left" in queue.jobs()[0].message
    queue.close()


def test_a_job_whose_record_cannot_be_written_is_not_taken_for_waiting(open_queue, monkeypatch):
    queue = open_queue(ScriptedWorker())

    def full(job):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(queue._journal, "save", full)
    with pytest.raises(OSError, match="No space"):
        queue.submit("train")
    monkeypatch.undo()
    queue.submit("train")
    wait_until(lambda: states(queue) == ["done"])
