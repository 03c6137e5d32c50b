"""The queue of a project's jobs: one runs at a time, the others wait in order.

A thread starts each job's process, reads what it tells, and keeps it on disk. All tabs see the same
jobs; `version` grows with every change, so that whoever looks knows when to look again.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Protocol

from labcut3d.app.jobs.job import Job, JobState, Task
from labcut3d.app.jobs.journal import Journal
from labcut3d.app.jobs.process import WorkerProcess
from labcut3d.errors import ProjectError

__all__ = ["JobQueue", "Start", "Worker"]

INTERRUPTED = "The app was stopped while this ran. What was finished is kept; run it again."


class Worker(Protocol):
    """What does a job: `WorkerProcess`, or something that tests put in its place."""

    def lines(self) -> Any:
        """Yield what it tells."""
        ...

    def wait(self) -> tuple[int, str]:
        """Return exit status and the end of what it printed."""
        ...

    def end(self) -> None:
        """End it."""
        ...


Start = Callable[[Path, Job, Path], Worker]
"""Starts the worker of a job of the project in a folder; what it prints goes to the last path."""


class JobQueue:
    """The jobs of the project in `root`, those of earlier servers included.

    Jobs that were running or waiting when an earlier server ended count as interrupted.
    """

    def __init__(self, root: Path, start: Start = WorkerProcess) -> None:
        self.root = root
        self.version = 0
        self._start = start
        self._journal = Journal(root)
        self._lines: dict[str, list[dict[str, Any]]] = {}
        self._change = Condition()
        self._worker: Worker | None = None
        self._closed = False
        self._thread: Thread | None = None
        self._jobs = {job.name: job for job in self._journal.load()}
        with self._change:
            self._interrupt()

    def jobs(self) -> list[Job]:
        """Return all jobs, the oldest first."""
        with self._change:
            return list(self._jobs.values())

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return what a job has told so far; raises `ProjectError` where there is none."""
        with self._change:
            self._get(name)
            if name not in self._lines:
                self._lines[name] = self._journal.lines(name)
            return list(self._lines[name])

    def submit(self, task: Task, recording: str | None = None) -> Job:
        """Add a job, or return the same one where it waits or runs already."""
        with self._change:
            if self._closed:
                raise ProjectError("the app is being stopped; start it again")
            for job in self._jobs.values():
                if job.alive and (job.task, job.recording) == (task, recording):
                    return job
            now = time.time()
            job = Job(
                name=self._new_name(now, task),
                task=task,
                state="queued",
                created=now,
                recording=recording,
            )
            self._lines[job.name] = []
            job = self._put(job, "queued")
            if self._thread is None:
                self._thread = Thread(target=self._run_all, name="jobs", daemon=True)
                self._thread.start()
            return job

    def cancel(self, name: str) -> Job:
        """End a job that runs, with its process, or take it out of the queue."""
        with self._change:
            job = self._get(name)
            worker = self._worker if job.state == "running" else None
            if job.alive:
                job = self._put(job, "cancelled", ended=time.time())
        if worker is not None:
            worker.end()
        return job

    def close(self) -> None:
        """End the job that runs; it and those that wait count as interrupted."""
        with self._change:
            self._closed = True
            self._tell()
            worker = self._worker
            self._interrupt()
        if worker is not None:
            worker.end()
        if self._thread is not None:
            self._thread.join()
        self._journal.close()

    def _run_all(self) -> None:
        """Run one job after the other until the queue is closed."""
        while True:
            with self._change:
                while not self._closed and not self._next():
                    self._change.wait()
                job = self._next()
                if self._closed or job is None:
                    return
                job = self._put(job, "running", started=time.time())
                printed = self._journal.printed(job.name)
                try:
                    self._worker = worker = self._start(self.root, job, printed)
                except OSError as error:  # such as a full disk; the next job may fare better
                    self._put(job, "failed", message=str(error), ended=time.time())
                    continue
            self._run(job, worker)

    def _run(self, job: Job, worker: Worker) -> None:
        """Listen to a job's process until it ends, and keep how it ended."""
        error = ""
        for line in worker.lines():
            self._hear(job, line)
            if line["kind"] == "error":
                error = line["text"]
        status, printed = worker.wait()
        if status and printed and not error and self._jobs[job.name].state == "running":
            self._hear(job, {"time": time.time(), "kind": "note", "text": printed})
        with self._change:
            self._worker = None
            if self._jobs[job.name].state == "running":
                state = "done" if status == 0 else "failed"
                message = "" if status == 0 else error or _broken(status, printed)
                self._put(self._jobs[job.name], state, message=message, ended=time.time())

    def _hear(self, job: Job, line: dict[str, Any]) -> None:
        """Keep a line that a job told."""
        self._journal.add_line(job.name, line)
        with self._change:
            self._lines[job.name].append(line)
            self._tell()

    def _next(self) -> Job | None:
        """Return the job that waits the longest."""
        return next((job for job in self._jobs.values() if job.state == "queued"), None)

    def _interrupt(self) -> None:
        """Let what runs or waits count as interrupted."""
        for job in [job for job in self._jobs.values() if job.alive]:
            self._put(job, "interrupted", message=INTERRUPTED, ended=time.time())

    def _get(self, name: str) -> Job:
        """Return the job of a name."""
        if name not in self._jobs:
            raise ProjectError(f"there is no job {name[:40]!r}; reload the page")
        return self._jobs[name]

    def _put(self, job: Job, state: JobState, **fields: Any) -> Job:
        """Give a job a new state, on disk and for all who look."""
        job = replace(job, state=state, **fields)
        self._journal.save(job)
        self._jobs[job.name] = job
        self._tell()
        return job

    def _tell(self) -> None:
        """Tell all who wait that something changed."""
        self.version += 1
        self._change.notify_all()

    def _new_name(self, now: float, task: Task) -> str:
        """Return a name that no job has, which sorts after all others."""
        while True:
            local = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
            name = f"{local}-{int(now * 1000) % 1000:03d}-{task}"
            if name not in self._jobs:
                return name
            now += 0.001


def _broken(status: int, printed: str) -> str:
    """Return what to say of a process that ended without saying why."""
    why = printed.splitlines()[-1] if printed else f"exit status {status}"
    return f"The work broke off ({why}). The log of this job tells more."
