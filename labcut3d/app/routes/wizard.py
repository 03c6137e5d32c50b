"""A new project from a form: checked while it is filled in, made as a whole."""

import shutil
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from labcut3d import pipeline
from labcut3d.app.confine import inside_any, plain_name
from labcut3d.app.forms import BOARD_FIELDS, CHAMBER_FIELDS, board_table, chamber_table
from labcut3d.app.pages import show_page
from labcut3d.app.routes.uploads import forget
from labcut3d.app.videos import chosen_videos
from labcut3d.app.workspace import Desk, Workspace
from labcut3d.errors import Labcut3dError, ProjectError
from labcut3d.project import Project, load_project, parse_project
from labcut3d.skeleton import load_skeleton, preset_names
from labcut3d.template import edit_project, new_project
from labcut3d.video import Frames

__all__ = ["router"]

router = APIRouter()


class NewProject(BaseModel):
    """What the form says; `recording` and `calibration` are paths of videos by view."""

    folder: str
    name: str
    views: list[str]
    skeleton: str
    recording_name: str = "recording1"
    recording: dict[str, str] = Field(default_factory=dict)
    calibration: dict[str, str] = Field(default_factory=dict)
    board: dict[str, Any] | None = None
    chamber: dict[str, Any] | None = None
    fps: float | None = None


@router.get("/new")
def wizard(request: Request, desk: Desk) -> Response:
    """Show the form."""
    skeletons = {name: load_skeleton(name).keypoints for name in preset_names()}
    return show_page(
        request,
        "new.html",
        project=None,
        here="",
        folder=str(Path(desk.folders[0]).resolve()),
        skeletons=skeletons,
        board_fields=BOARD_FIELDS,
        chamber_fields=CHAMBER_FIELDS,
    )


@router.post("/new/check")
def check(desk: Desk, form: NewProject) -> dict[str, dict[str, str]]:
    """Return what is wrong, and what was found, by the part of the form; nothing is made."""
    wrong: dict[str, str] = {}
    found: dict[str, str] = {}
    for part, look in {
        "name": lambda: _root(desk, form),
        "views": lambda: _imagined(desk, form, {}),
        "board": lambda: _imagined(desk, form, _tables(form, "board")),
        "chamber": lambda: _imagined(desk, form, _tables(form, "chamber")),
        "recording": lambda: _look_at_recording(desk, form),
        "calibration": lambda: _look_at_calibration(desk, form),
    }.items():
        try:
            told = look()
        except (Labcut3dError, OSError) as error:
            wrong[part] = str(error)
        else:
            if isinstance(told, str):
                found[part] = told
    return {"wrong": wrong, "found": found}


@router.post("/new")
def create(desk: Desk, form: NewProject) -> dict[str, str]:
    """Make the project, with all that was chosen, and open it."""
    root = _root(desk, form)
    recording = chosen_videos(desk, form.recording)
    calibration = chosen_videos(desk, form.calibration)
    temporary = root.with_name(f".{root.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        new_project(temporary, views=form.views, skeleton=_skeleton(desk, form))
        project = edit_project(temporary, _tables(form, "board", "chamber", "fps"))
        if calibration:
            pipeline.add_calibration(project, calibration)
        if recording:
            pipeline.add_recording(project, form.recording_name, recording)
        temporary.rename(root)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    forget(desk, (*recording.values(), *calibration.values()))
    return {"name": desk.open(load_project(root).root).name}


def _root(desk: Workspace, form: NewProject) -> Path:
    """Return the new project's folder, which must not exist."""
    if not form.name.strip():
        raise ProjectError("give the project a name")
    root = inside_any(desk.folders, form.folder) / plain_name(form.name.strip())
    if root.exists():
        raise ProjectError(f"{root}: exists already; choose another name, or open that project")
    return root


def _skeleton(desk: Workspace, form: NewProject) -> str:
    """Return a preset's name, or the path of a skeleton's file, which may be seen."""
    if form.skeleton.endswith(".toml"):
        return str(inside_any(desk.folders, form.skeleton))
    return form.skeleton


def _tables(form: NewProject, *keys: str) -> dict[str, Any]:
    """Return those keys of project.toml that the form fills."""
    tables = {
        "board": None if form.board is None else board_table(form.board),
        "chamber": None if form.chamber is None else chamber_table(form.chamber),
        "fps": form.fps,
    }
    return {key: tables[key] for key in keys if tables[key] is not None}


def _imagined(desk: Workspace, form: NewProject, tables: dict[str, Any]) -> Project:
    """Return the project as it would be, without making it."""
    if len(set(form.views)) != len(form.views):
        raise ProjectError(f"views {', '.join(form.views)}: give each view a name of its own")
    load_skeleton(_skeleton(desk, form))
    preset = form.skeleton if form.skeleton in preset_names() else preset_names()[0]
    views = {view: {} for view in form.views}
    return parse_project(
        Path(form.name or "project"), {"skeleton": preset, "views": views, **tables}
    )


def _look_at_recording(desk: Workspace, form: NewProject) -> str | None:
    """Return what the videos of the recording hold."""
    if not form.recording:
        return None
    project = _imagined(desk, form, {})
    sources = pipeline.check_recording(project, chosen_videos(desk, form.recording))
    return _describe(sources)


def _look_at_calibration(desk: Workspace, form: NewProject) -> str | None:
    """Return what the board videos hold."""
    if not form.calibration:
        return None
    project = _imagined(desk, form, {})
    return _describe(pipeline.check_videos(project, chosen_videos(desk, form.calibration)))


def _describe(sources: dict[str, Frames]) -> str:
    """Return the size, the number of frames and the rate of videos in words."""
    sizes = sorted({f"{width} × {height}" for width, height in (s.size for s in sources.values())})
    counts = sorted({len(frames) for frames in sources.values()})
    rates = sorted({f"{frames.fps:g}" for frames in sources.values() if frames.fps})
    frames = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
    rate = f", {' and '.join(rates)} frames a second" if rates else ""
    return f"{len(sources)} videos of {frames} frames{rate}, {' and '.join(sizes)} pixels"
