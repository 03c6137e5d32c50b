"""Files that come through the browser: streamed to disk, bounded, and whole or not at all.

They wait in a hidden folder of the first folder that may be seen, until a project takes them in;
what nobody took is deleted a week later.
"""

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Request
from starlette.requests import ClientDisconnect

from calibration.files import atomic_write
from labcut3d.app.confine import plain_name
from labcut3d.app.workspace import Desk, Workspace
from labcut3d.errors import FileFormatError

__all__ = ["clean", "forget", "upload_router"]

FOLDER = ".labcut3d-uploads"
KEPT = 7 * 24 * 3600  # s
SPARE = 2**30  # bytes that stay free on the disk


def upload_router(largest: int) -> APIRouter:
    """Return the router that takes files of at most `largest` bytes each."""
    router = APIRouter()

    @router.put("/uploads/{name}", max_body_size=largest)
    async def upload(request: Request, desk: Desk, name: str) -> dict[str, Any]:
        """Take the body as the file `name`, and return the path by which it can be chosen."""
        folder = _folder(desk) / f"{time.time_ns():x}"
        path = folder / plain_name(name)
        _require_room(folder, int(request.headers.get("content-length") or 0))
        try:
            with atomic_write(path) as temporary, temporary.open("wb") as stream:
                async for chunk in request.stream():
                    await run_sync(stream.write, chunk)
        except (ClientDisconnect, HTTPException):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return {"path": str(path), "name": path.name, "stem": path.stem}

    return router


def forget(desk: Workspace, paths: Iterable[Path]) -> None:
    """Delete uploads that a project has taken in; all other files are left alone."""
    for path in set(paths):
        if path.parent.parent == _folder(desk):
            shutil.rmtree(path.parent)


def clean(desk: Workspace) -> None:
    """Delete uploads that nobody took in for a week."""
    for folder in _folder(desk).glob("*"):
        if time.time() - folder.stat().st_mtime > KEPT:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(desk: Workspace) -> Path:
    """Return where uploads wait."""
    return Path(desk.folders[0]).resolve() / FOLDER


def _require_room(folder: Path, size: int) -> None:
    """Refuse a file that the disk has no room for."""
    existing = next(parent for parent in folder.parents if parent.exists())
    free = shutil.disk_usage(existing).free
    if size + SPARE > free:
        raise FileFormatError(
            f"{existing}: the file has {size / 2**30:.1f} GB, and the disk has only "
            f"{free / 2**30:.1f} GB free; make room there, or start labcut3d app with --data FOLDER"
        )
