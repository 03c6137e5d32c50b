"""The pages of the steps that run: calibrate, train, reconstruct."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from labcut3d import pipeline
from labcut3d.app.pages import show_page
from labcut3d.app.workspace import OpenProject

__all__ = ["router"]

router = APIRouter()


@router.get("/calibrate")
def calibrate(request: Request, project: OpenProject) -> Response:
    """Show how the cameras are calibrated."""
    results = project.root / "results"
    shown = [
        (title, name)
        for title, name in (("Calibration", "calibration"), ("Chamber", "chamber"))
        if (results / f"{name}.html").is_file()
    ]
    return show_page(
        request,
        "calibrate.html",
        project=project,
        here="calibrate",
        shown=shown,
        calibrated=project.rig_path.is_file(),
        placed=(results / "chamber.html").is_file(),
    )


@router.get("/train")
def train(request: Request, project: OpenProject) -> Response:
    """Show how the detectors are trained."""
    shared = project.detector.share == "views"
    ends = {"": ""} if shared else {view: f"?view={view}" for view in project.views}
    results = project.root / "results"
    titles = (("Training", "training"), ("Measured", "evaluation"), ("Refined", "refinement"))
    shown = [
        (f"{title} {view}".rstrip(), f"{name}{query}")
        for title, name in titles
        for view, query in ends.items()
        if (results / (f"{name}-{view}.html" if view else f"{name}.html")).is_file()
    ]
    several = len(project.views) > 1
    agree = several and any(
        (project.results(name) / "trajectories.nc").is_file() for name in project.recordings()
    )
    return show_page(request, "train.html", project=project, here="train", shown=shown, agree=agree)


@router.get("/reconstruct")
def reconstruct(request: Request, project: OpenProject) -> Response:
    """Show the recordings and what was made of them."""
    recordings = [pipeline.recording_status(project, name) for name in project.recordings()]
    results = project.root / "results"
    looked = [one.name for one in recordings if (results / one.name / "drift.html").is_file()]
    summed = (results / "summary.html").is_file()
    shown = [("Summary", "summary")] if summed else []
    shown += [(f"Cameras in {name}", f"recording/{quote(name)}/drift") for name in looked]
    return show_page(
        request,
        "reconstruct.html",
        project=project,
        here="reconstruct",
        recordings=recordings,
        shown=shown,
        summed=summed,
        told=any((results / one.name / "events.nc").is_file() for one in recordings),
    )
