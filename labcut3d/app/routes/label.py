"""Labelling by hand: the page, its pictures, its marks, and what a rig says about them."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from labcut3d import pipeline
from labcut3d.app.labelling import (
    Changes,
    LabellingDesk,
    Points,
    json_marks,
    pixels_of,
)
from labcut3d.app.pages import show_page
from labcut3d.app.workspace import OpenProject
from labcut3d.errors import LabelError, RigError
from labcut3d.labelling.agreement import CONTRADICTS, compare_views
from labcut3d.labelling.curves import curve_in_view
from labcut3d.labelling.sheet import LabelSheet, read_sheet
from labcut3d.project import Project
from labcut3d.viewers.palette import keypoint_colors

__all__ = ["router"]

router = APIRouter()

FrameNumber = Annotated[int, Query(ge=0, lt=10**9)]
KEPT = {"cache-control": "private, max-age=86400, immutable"}  # addresses hold the file's version


@router.get("/label")
def label(request: Request, project: OpenProject) -> Response:
    """Show the labelling page."""
    return show_page(
        request, "label.html", project=project, here="label", recordings=project.recordings()
    )


@router.get("/label/setup")
def setup(project: OpenProject, desk: LabellingDesk, recording: str) -> dict[str, Any]:
    """Return all that the page needs to know of a recording."""
    opened, file = desk.open(project, recording)
    sheet = desk.files.read(file).sheet
    colors = keypoint_colors(project.skeleton.keypoints, project.skeleton)
    first, last = int(opened.numbers[0]), int(opened.numbers[-1])
    return {
        "recording": opened.name,
        "version": opened.version,
        "views": [{"name": view, "size": size} for view, size in file.sizes.items()],
        "frames": {"first": first, "last": last, "count": len(opened.numbers)},
        "keypoints": [{"name": name, "color": color} for name, color in colors.items()],
        "bones": project.skeleton.bone_indices,
        "individuals": _individuals(project, sheet),
        "moments": [
            {"frame": moment.frame, "kind": moment.kind, "reason": moment.reason}
            for moment in pipeline.moments_to_label(project, opened.name, opened.numbers)
        ],
        "labelled": _counts(sheet),
        "detector": any(project.model_path.rglob("model.toml")),
    }


@router.get("/label/image")
def image(
    project: OpenProject, desk: LabellingDesk, recording: str, view: str, frame: FrameNumber
) -> Response:
    """Return a frame of a view, as a JPEG of its full size."""
    opened = desk.pictures.recording(project, recording)
    picture = desk.pictures.picture(opened, view, frame)
    return Response(picture, media_type="image/jpeg", headers=KEPT)


@router.get("/label/marks")
def marks(
    project: OpenProject, desk: LabellingDesk, recording: str, frame: FrameNumber, since: str = ""
) -> dict[str, Any]:
    """Return the marks of a frame, and their revision alone where that is still `since`."""
    _, file = desk.open(project, recording)
    now = desk.files.read(file)
    if since and since == now.revision:
        return {"revision": now.revision}
    return {
        "revision": now.revision,
        "marks": json_marks(now.sheet.of_frame(frame)),
        "labelled": _counts(now.sheet),
        "individuals": _individuals(project, now.sheet),
    }


@router.post("/label/changes")
def changes(project: OpenProject, desk: LabellingDesk, body: Changes) -> dict[str, Any]:
    """Change marks; what is answered is on disk. Conflicts tell what was found instead."""
    _, file = desk.open(project, body.recording)
    outcome = desk.files.change(file, [change.to_change() for change in body.changes])
    conflicts = [{**c.spot._asdict(), "found": c.after} for c in outcome.conflicts]
    return {
        "revision": outcome.revision,
        "conflicts": conflicts,
        "labelled": _counts(outcome.sheet),
    }


@router.get("/label/rig")
def rig(project: OpenProject, desk: LabellingDesk, recording: str) -> dict[str, Any]:
    """Return which views the rig knows, and what is in the way where there is none."""
    opened = desk.pictures.recording(project, recording)
    try:
        known = desk.rig(project, opened.name)
    except RigError as error:
        return {"views": [], "why": str(error)}
    compare_views(known.rig, np.full((len(known.rig), 1, 2), np.nan))  # compiled before a click
    return {"views": known.rig.names, "noise": known.noise, "why": ""}


@router.post("/label/geometry")
def geometry(project: OpenProject, desk: LabellingDesk, body: Points) -> dict[str, Any]:
    """Return what the rig says of the points of a moment.

    By view and point: where the other views put it (`place`), how surely (`spread`, px^2, as xx,
    xy, yy), and how far the label is off, in px (`distance`) and in standard deviations
    (`deviation`). By view, the `curves` that the active point makes where it is labelled once.
    """
    opened = desk.pictures.recording(project, body.recording)
    known = desk.rig(project, opened.name)
    for view in body.points:
        if view not in opened.sources:
            raise LabelError(f"no view '{view}'; there are {', '.join(opened.sources)}")
    pixels = pixels_of(body, known.rig.names)
    found = compare_views(known.rig, pixels, noise=known.noise, rig_covariance=known.covariance)
    spread = found.spread[..., [0, 0, 1], [0, 1, 1]]
    views = {
        name: {
            "place": _listed(found.place[v]),
            "spread": _listed(spread[v]),
            "distance": _listed(found.distance[v]),
            "deviation": _listed(found.deviation[v]),
        }
        for v, name in enumerate(known.rig.names)
    }
    curves = _curves(known.rig, pixels, body.active)
    return {"views": views, "curves": curves, "limit": CONTRADICTS}


@router.post("/label/detected")
def detected(
    project: OpenProject, desk: LabellingDesk, recording: str, frame: FrameNumber
) -> dict[str, Any]:
    """Return what the current detector finds in a moment, to begin with."""
    opened = desk.pictures.recording(project, recording)
    indices = {view: opened.index(view, frame) for view in opened.sources}
    first = next(iter(indices.values()))
    found = pipeline.starting_points(
        project,
        opened.name,
        first,
        lambda: {view: opened.sources[view][index] for view, index in indices.items()},
        lambda: desk.detectors(project),
    )
    views = {
        view: {"position": _listed(position), "confidence": _listed(found.confidence[view])}
        for view, position in found.position.items()
    }
    return {"views": views, "source": found.source}


def _individuals(project: Project, sheet: LabelSheet) -> list[str]:
    """Return the animals' names: those of this file, else of the first other one, else "animal"."""
    if sheet.individuals:
        return list(sheet.individuals)
    for path in project.label_files():
        other = read_sheet(path, tuple(project.views), project.skeleton.keypoints)
        if other.individuals:
            return list(other.individuals)
    return ["animal"]


def _counts(sheet: LabelSheet) -> dict[int, int]:
    """Return the number of marks of each frame that has any."""
    counts: dict[int, int] = {}
    for spot in sheet.marks:
        counts[spot.frame] = counts.get(spot.frame, 0) + 1
    return dict(sorted(counts.items()))


def _curves(rig: Any, pixels: np.ndarray, active: int | None) -> dict[str, list[Any]]:
    """Return the curves in all other views of a point that is labelled in one view only."""
    if active is None or active >= pixels.shape[1]:
        return {}
    seen = np.flatnonzero(np.isfinite(pixels[:, active]).all(axis=-1))
    if len(seen) != 1:
        return {}
    (source,) = (rig.names[int(v)] for v in seen)
    point = pixels[seen[0], active]
    return {
        name: curve_in_view(rig, source, name, point).round(2).tolist()
        for name in rig.names
        if name != source
    }


def _listed(values: np.ndarray) -> list[Any]:
    """Return n rows of numbers, or n numbers, null where one is missing."""
    array = np.asarray(values, dtype=float)
    flat = array.reshape(len(array), int(np.prod(array.shape[1:])))
    good = np.asarray(np.isfinite(flat).all(axis=1))
    pairs = zip(array.round(3).tolist(), good.tolist(), strict=True)
    return [row if known else None for row, known in pairs]
