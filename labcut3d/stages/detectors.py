"""A project's detectors: where they lie, and which views each serves."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from labcut3d.errors import DetectorError
from labcut3d.project import Project
from labcut3d.provenance import fingerprint

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.detector import Detector


__all__ = [
    "load_detectors",
    "model_folders",
    "page_path",
    "parts_hashes",
    "suffix_of",
    "trained_folders",
]


def model_folders(project: Project) -> dict[Path, tuple[str, ...]]:
    """Return the folder of each detector, and the views that it serves."""
    if project.detector.share == "views":
        return {project.model_path: tuple(project.views)}
    return {project.model_path / view: (view,) for view in project.views}


def suffix_of(project: Project, folder: Path) -> str:
    """Return what tells a detector of one view from the others: " VIEW", or "" for a shared one."""
    return "" if folder == project.model_path else f" {folder.name}"


def page_path(project: Project, name: str) -> Path:
    """Return where the page `name` of a project's detectors lies."""
    return project.root / "results" / f"{name.replace(' ', '-')}.html"


def trained_folders(project: Project) -> dict[Path, tuple[str, ...]]:
    """Return `model_folders`, or say how to train the detectors where one is missing."""
    folders = model_folders(project)
    for folder in folders:
        if not (folder / "model.toml").exists():
            raise DetectorError(
                f"{folder}: no trained detector; run: labcut3d train {project.root}"
            )
    return folders


def load_detectors(project: Project) -> "dict[str, Detector]":
    """Load the trained detector of each view; refuse one of another skeleton."""
    from labcut3d.detection.storage import load_detector

    detectors = {}
    for folder, views in trained_folders(project).items():
        detector = load_detector(folder)
        if detector.keypoints != project.skeleton.keypoints:
            raise DetectorError(
                f"{folder / 'model.toml'}: finds {', '.join(detector.keypoints)}, but the "
                f"project's skeleton has {', '.join(project.skeleton.keypoints)}; "
                f"run: labcut3d train {project.root}"
            )
        detectors |= dict.fromkeys(views, detector)
    return detectors


def parts_hashes(project: Project) -> dict[str, str]:
    """Return the hash of which part of its file's image each view is."""
    regions = {view: asdict(project.region(view)) for view in project.views}
    return {"crop and mirror": fingerprint(regions)}
