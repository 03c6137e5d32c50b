"""Reports: pages that a stage wrote, shown in a frame that can do nothing else."""

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from labcut3d.app.pages import sandboxed
from labcut3d.app.workspace import OpenProject

__all__ = ["router"]

router = APIRouter(prefix="/reports")

Report = Literal[
    "calibration", "chamber", "suggestions", "training", "evaluation", "refinement", "summary"
]


@router.get("/{name}")
def report(project: OpenProject, name: Report, view: str | None = None) -> Response:
    """Show a report of the project; `view` where every view has a detector of its own."""
    end = f"-{view}" if view in project.views else ""
    return sandboxed(project, f"results/{name}{end}.html")


@router.get("/recording/{recording}/{name}")
def recording_report(project: OpenProject, recording: str, name: Literal["drift"]) -> Response:
    """Show a report of a recording."""
    (recording,) = project.choose_recordings([recording])
    return sandboxed(project, f"results/{recording}/{name}.html")
