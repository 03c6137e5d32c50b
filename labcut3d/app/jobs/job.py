"""What a job is: a task of the pipeline, for the project or one of its recordings."""

import re
from dataclasses import dataclass
from typing import Literal

from labcut3d.errors import ProjectError

__all__ = ["ENDED", "TITLES", "Job", "JobState", "Task", "require_job_name"]

Task = Literal[
    "calibrate",
    "chamber",
    "suggest",
    "train",
    "evaluate",
    "refine",
    "reconstruct",
    "drift",
    "summary",
]
JobState = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

TITLES: dict[Task, str] = {
    "calibrate": "Calibrating the cameras",
    "chamber": "Finding where the chamber stands",
    "suggest": "Choosing moments to label",
    "train": "Training the detector",
    "evaluate": "Measuring the detector",
    "refine": "Teaching the detector what the views agree on",
    "reconstruct": "Reconstructing",
    "drift": "Looking whether a camera was moved in",
    "summary": "Summing up the recordings",
}
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled", "interrupted")
NAME = re.compile(r"\d{8}-\d{6}-\d{3}-[a-z]+")  # when it was asked for, so that names sort by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it is on disk.

    `name` is unique in its project and sorts by when the job was asked for; times are seconds since
    1970, None before they come; `message` says why it failed.
    """

    name: str
    task: Task
    state: JobState
    created: float
    recording: str | None = None
    started: float | None = None
    ended: float | None = None
    message: str = ""

    def __post_init__(self) -> None:
        """Refuse a name that is no job's."""
        require_job_name(self.name)

    @property
    def title(self) -> str:
        """What the job does, in words."""
        return f"{TITLES[self.task]} {self.recording or ''}".rstrip()

    @property
    def alive(self) -> bool:
        """Whether it runs or waits to."""
        return self.state not in ENDED


def require_job_name(name: str) -> str:
    """Return the name of a job, which is a file's name too; raise `ProjectError` for others."""
    if not NAME.fullmatch(name):
        raise ProjectError(f"{name[:40]!r}: is no job's name")
    return name
