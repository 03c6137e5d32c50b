"""What the lines of a job tell: how far it is, how long still, and the loss of a training."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["CurvePoint", "Progress", "curve_of", "log_of", "progress_of"]

LOSS = re.compile(r"(?P<part>locator|keypoints), loss (?P<loss>\d+\.\d+)")
SURE_AFTER = 2.0  # s; before, a rate says little

Line = Mapping[str, Any]


class Progress(NamedTuple):
    """How far a job's present task is; `left` is seconds, None while it cannot be told."""

    title: str
    done: int
    total: int
    note: str
    left: float | None


class CurvePoint(NamedTuple):
    """The loss of a part of the network, "locator" or "keypoints", at a step of the training."""

    step: int
    loss: float
    part: str


def progress_of(lines: Sequence[Line]) -> Progress | None:
    """Return how far the task is that began last; None before any began."""
    begun = next((i for i in reversed(range(len(lines))) if lines[i]["kind"] == "task"), None)
    if begun is None:
        return None
    steps = [line for line in lines[begun:] if line["kind"] == "progress"]
    title = str(lines[begun]["title"])
    if not steps:
        return Progress(title, 0, 0, "", None)
    last = steps[-1]
    left = _left(steps[0], last) if last["done"] < last["total"] else 0.0
    return Progress(title, last["done"], last["total"], last["note"], left)


def curve_of(lines: Iterable[Line]) -> list[CurvePoint]:
    """Return the loss that a training told in its notes, in order."""
    points = []
    for line in lines:
        found = LOSS.match(line["note"]) if line["kind"] == "progress" else None
        if found:
            points.append(CurvePoint(line["done"], float(found["loss"]), found["part"]))
    return points


def log_of(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return what a person reads in a log: `time`, `level` and `text` of all but the progress."""
    levels = {"error": "bad", "FAIL": "bad", "WARN": "warn", "PASS": "good"}
    told = []
    for line in lines:
        if line["kind"] == "progress":
            continue
        text = str(line.get("text") or line.get("title"))
        level = levels.get(str(line.get("level") or line["kind"]), "")
        if text.startswith("Warning:"):
            level = "warn"
        told.append({"time": line["time"], "level": level, "text": text})
    return told


def _left(first: Line, last: Line) -> float | None:
    """Return the seconds that a task still takes, as it has gone so far."""
    steps, seconds = last["done"] - first["done"], last["time"] - first["time"]
    if steps <= 0 or seconds < SURE_AFTER:
        return None
    return (last["total"] - last["done"]) * seconds / steps
