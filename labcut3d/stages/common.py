"""What all stages share: whether a result is up to date, and opening what earlier stages wrote."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration import Rig
from calibration.files import sha256_of
from labcut3d.errors import RigError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import changed_inputs, fingerprint, fingerprint_source, write_stamp
from labcut3d.version import __version__
from labcut3d.video import Frames

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "IMPORTED",
    "chamber_record",
    "is_current",
    "load_calibrated_rig",
    "load_rig",
    "open_detections",
    "path_hashes",
    "recording_rig",
    "save_result",
    "settings_hash",
    "source_hashes",
]

IMPORTED = "imported "  # begins the names of inputs of detections that another program made


def is_current(result: Path, inputs: Mapping[str, str], reporter: Reporter) -> bool:
    """Tell whether a result is up to date, and say why it is made again where it is not."""
    changed = changed_inputs(result, inputs)
    if not changed:
        reporter.note(f"{result} is up to date")
    elif changed != ("result",):
        reporter.note(f"{result} is made again, because of: {', '.join(changed)}")
    return not changed


def settings_hash(project: Project, settings: Any) -> str:
    """Return a hash of a stage's settings, the skeleton and the version of labcut3d.

    Without the skeleton's angles and axes: only kinematics are told in them.
    """
    skeleton = asdict(project.skeleton)
    anatomy = {name: skeleton[name] for name in ("name", "keypoints", "bones", "left_right")}
    return fingerprint([asdict(settings), anatomy, __version__])


def source_hashes(sources: Mapping[str, Frames]) -> dict[str, str]:
    """Return the hash of each view's video or image folder."""
    return path_hashes({view: frames.path for view, frames in sources.items()})


def path_hashes(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return `source_hashes` of the views' videos or image folders, which need not be opened."""
    return {f"video of {view}": fingerprint_source(path) for view, path in paths.items()}


def load_calibrated_rig(project: Project) -> Rig:
    """Load the calibrated rig, or say how to calibrate it, or that there can be none."""
    if len(project.views) == 1:
        raise RigError(
            f"{project.root}: points in space take two views or more, and this project has one"
        )
    if not project.rig_path.exists():
        raise RigError(
            f"{project.rig_path}: detections without a rig cannot be triangulated; "
            f"run: labcut3d calibrate {project.root}"
        )
    return Rig.load(project.rig_path)


def load_rig(project: Project) -> Rig:
    """Load the rig that recordings are seen with, or say what to run first.

    It is the calibrated rig, with the walls of the project's chamber where it has one.
    """
    path, rig = project.filming_rig_path, load_calibrated_rig(project)
    if project.chamber is None:
        return rig
    if not path.exists():
        raise RigError(
            f"{path}: where the [chamber] of project.toml stands is not known yet; "
            f"run: labcut3d chamber {project.root}"
        )
    rig = Rig.load(path)
    if rig.metadata.get("chamber") != chamber_record(project):
        raise RigError(
            f"{path}: the rig or the [chamber] in project.toml has changed since the chamber was "
            f"placed; run: labcut3d chamber {project.root}"
        )
    return rig


def chamber_record(project: Project) -> dict[str, str]:
    """Return what a rig in a chamber keeps of what it was made from."""
    return {
        "rig_sha256": sha256_of(project.rig_path),
        "settings_sha256": fingerprint(project.chamber),
    }


def recording_rig(
    project: Project, recording: str, reporter: Reporter = SILENT
) -> tuple[Rig, Path]:
    """Return the rig of a recording and its file: the repaired one, where it fits the calibration.

    It says so; a repair of another calibration is not used, which is said too.
    """
    stored, path = load_rig(project), project.results(recording) / "rig.toml"
    if not path.exists():
        return stored, project.filming_rig_path
    if changed_inputs(path, {"rig": sha256_of(project.filming_rig_path)}):
        reporter.note(
            f"Warning: {path} was not made from the present calibration and is not used; run: "
            f"labcut3d drift {project.root} {recording} --repair"
        )
        return stored, project.filming_rig_path
    repaired = Rig.load(path)
    camera = repaired.metadata.get("repaired", {}).get("camera", "?")
    reporter.note(f"{recording}: camera '{camera}' stands as repaired in {path}")
    return repaired, path


def open_detections(path: Path, rig: Rig | None) -> "xr.Dataset":
    """Open detections, without the views whose cameras were dropped when calibrating."""
    from labcut3d.schema import open_dataset  # brings xarray along

    detections = open_dataset(path)
    dropped = [] if rig is None else rig.metadata.get("dropped_cameras", [])
    return detections.sel(view=[view for view in detections["view"].values if view not in dropped])


def save_result(dataset: "xr.Dataset", result: Path, inputs: Mapping[str, str]) -> Path:
    """Write a dataset with its provenance, and its stamp."""
    from labcut3d.schema import save_dataset  # brings xarray along

    before = json.loads(dataset.attrs.get("provenance", "{}"))
    save_dataset(dataset.assign_attrs(provenance=json.dumps({**before, **inputs})), result)
    write_stamp(result, inputs)
    return result
