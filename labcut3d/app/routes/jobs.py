"""Long work: asking for it, watching it from any number of tabs, and stopping it."""

import asyncio
from collections.abc import AsyncIterable
from typing import Any

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from labcut3d.app.jobs.job import Job, Task
from labcut3d.app.jobs.progress import CurvePoint, curve_of, log_of, progress_of
from labcut3d.app.jobs.queue import JobQueue
from labcut3d.app.workspace import Desk, OpenProject

__all__ = ["router", "snapshot"]

router = APIRouter(prefix="/jobs")

EVERY = 0.25  # s between two looks at whether something changed
SHOWN = 50  # jobs, the newest


class Wish(BaseModel):
    """A job that is asked for."""

    task: Task
    recording: str | None = None


@router.get("/events", response_class=EventSourceResponse)
async def events(desk: Desk) -> AsyncIterable[ServerSentEvent]:
    """Tell all jobs at once, and again whenever one changes or another project is opened.

    Every event holds the whole state, so that a tab that was away needs nothing that it missed. It
    ends where the project is left.
    """
    seen: tuple[object, int] | None = None
    while desk.root is not None:
        queue = desk.queue()
        now = (queue.root, queue.version)
        if now != seen:
            seen = now
            yield ServerSentEvent(data=snapshot(queue), event="jobs")
        await asyncio.sleep(EVERY)
    yield ServerSentEvent(data={}, event="left")


@router.get("")
def state(desk: Desk) -> dict[str, Any]:
    """Return what `events` tells, once."""
    return snapshot(desk.queue())


@router.post("")
def submit(desk: Desk, project: OpenProject, wish: Wish) -> dict[str, Any]:
    """Add a job to the queue; the same one twice is one."""
    if wish.recording is not None:
        project.choose_recordings([wish.recording])
    queue = desk.queue()
    return _describe(queue, queue.submit(wish.task, wish.recording))


@router.post("/{name}/cancel")
def cancel(desk: Desk, name: str) -> dict[str, Any]:
    """Stop a job, or take it out of the queue."""
    queue = desk.queue()
    return _describe(queue, queue.cancel(name))


@router.get("/{name}/log")
def log(desk: Desk, name: str, start: int = 0) -> list[dict[str, Any]]:
    """Return what a job told from the `start`-th entry on."""
    return log_of(desk.queue().lines(name))[max(start, 0) :]


@router.get("/{name}/curve")
def curve(desk: Desk, name: str, start: int = 0) -> list[CurvePoint]:
    """Return the (step, loss, part) of a training from the `start`-th on."""
    return curve_of(desk.queue().lines(name))[max(start, 0) :]


def snapshot(queue: JobQueue) -> dict[str, Any]:
    """Return all that a page shows of the jobs, the newest first."""
    jobs = queue.jobs()[: -SHOWN - 1 : -1]
    return {"project": queue.root.name, "jobs": [_describe(queue, job) for job in jobs]}


def _describe(queue: JobQueue, job: Job) -> dict[str, Any]:
    """Return a job for a page, with its progress while it runs."""
    progress = progress_of(queue.lines(job.name)) if job.state == "running" else None
    return {
        "name": job.name,
        "task": job.task,
        "recording": job.recording,
        "title": job.title,
        "state": job.state,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "message": job.message,
        "progress": None if progress is None else progress._asdict(),
    }
