"""What is added to the open project: its board, its chamber, board videos and recordings."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from labcut3d import pipeline
from labcut3d.app.forms import board_table, chamber_table
from labcut3d.app.routes.uploads import forget
from labcut3d.app.videos import chosen_videos
from labcut3d.app.workspace import Desk, OpenProject
from labcut3d.template import edit_project

__all__ = ["router"]

router = APIRouter(prefix="/project")


class Videos(BaseModel):
    """Videos that are chosen, by view; `name` is that of a recording."""

    videos: dict[str, str]
    name: str = ""


@router.post("/board")
def set_board(project: OpenProject, values: dict[str, Any]) -> dict[str, str]:
    """Describe the calibration board."""
    edit_project(project.root, {"board": board_table(values)})
    return {}


@router.post("/chamber")
def set_chamber(project: OpenProject, values: dict[str, Any]) -> dict[str, str]:
    """Describe the box that is filmed into; no values: there is none."""
    edit_project(project.root, {"chamber": chamber_table(values) if values else None})
    return {}


@router.post("/calibration")
def add_calibration(desk: Desk, project: OpenProject, chosen: Videos) -> dict[str, str]:
    """Take the board videos in."""
    videos = chosen_videos(desk, chosen.videos)
    pipeline.add_calibration(project, videos)
    forget(desk, videos.values())
    return {}


@router.post("/recording")
def add_recording(desk: Desk, project: OpenProject, chosen: Videos) -> dict[str, str]:
    """Take the videos of a recording in."""
    videos = chosen_videos(desk, chosen.videos)
    pipeline.add_recording(project, chosen.name, videos)
    forget(desk, videos.values())
    return {}
