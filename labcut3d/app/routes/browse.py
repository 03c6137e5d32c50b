"""Folders on the machine that the app runs on: what a person may choose videos and projects from.

Only the folders that the app was started with are shown, and in them only what can be chosen:
folders, videos and projects.
"""

from pathlib import Path
from typing import Any

from fastapi import APIRouter

from labcut3d.app.confine import ForbiddenPath, inside_any
from labcut3d.app.workspace import Desk
from labcut3d.image_folder import IMAGE_ENDINGS
from labcut3d.video import VIDEO_ENDINGS

__all__ = ["router"]

router = APIRouter()

MOST = 2000  # folders, and videos, that a page shows of a folder


@router.get("/browse")
def browse(desk: Desk, path: str = "") -> dict[str, Any]:
    """Return what can be chosen in a folder; without a path, in the first that may be seen."""
    roots = [Path(root).resolve() for root in desk.folders]
    folder = inside_any(desk.folders, path or str(roots[0]))
    if not folder.is_dir():
        raise ForbiddenPath(f"{folder}: is no folder; choose another")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name.casefold())
    folders = [entry for entry in entries if entry.is_dir() and _is_shown(desk, entry)]
    videos = [entry for entry in entries if _is_video(entry) and _is_shown(desk, entry)]
    return {
        "path": str(folder),
        "name": folder.name or str(folder),
        "parent": str(folder.parent) if folder not in roots else None,
        "roots": [str(root) for root in roots],
        "project": (folder / "project.toml").is_file(),
        "folders": [_folder(entry) for entry in folders[:MOST]],
        "videos": [_video(entry) for entry in videos[:MOST]],
    }


def _is_video(entry: Path) -> bool:
    """Tell whether an entry is a video, and no link to one that is gone."""
    return entry.suffix.lower() in VIDEO_ENDINGS and entry.is_file()


def _is_shown(desk: Desk, entry: Path) -> bool:
    """Tell whether an entry of a folder may be seen: not hidden, and no link that leads away."""
    if entry.name.startswith("."):
        return False
    try:
        inside_any(desk.folders, str(entry))
    except ForbiddenPath:
        return False
    return True


def _folder(entry: Path) -> dict[str, Any]:
    """Return what is told of a folder."""
    try:
        names = [found.name for found in entry.iterdir()]
    except OSError:
        names = []
    endings = [Path(name).suffix.lower() for name in names]
    return {
        "name": entry.name,
        "path": str(entry),
        "project": "project.toml" in names,
        "videos": sum(ending in VIDEO_ENDINGS for ending in endings),
        "images": sum(ending in IMAGE_ENDINGS for ending in endings),
    }


def _video(entry: Path) -> dict[str, Any]:
    """Return what is told of a video."""
    return {
        "name": entry.name,
        "stem": entry.stem,
        "path": str(entry),
        "size": f"{entry.stat().st_size / 2**20:.1f} MB",
    }
