"""What all stages share: whether a result is up to date, and opening what earlier stages wrote."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration import Rig
from calibration.files import sha256_of, suggest
from labcut3d.errors import ProjectError, RigError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import changed_inputs, fingerprint, fingerprint_source, write_stamp
from labcut3d.version import __version__
from labcut3d.video import Frames

if TYPE_CHECKING:
    import xarray as xr

    from labcut3d.kinematics.surfaces import Surroundings

__all__ = [
    "IMPORTED",
    "chamber_record",
    "filmed_at",
    "is_current",
    "load_calibrated_rig",
    "load_rig",
    "of_calibrated",
    "open_detections",
    "path_hashes",
    "recording_rig",
    "save_result",
    "settings_hash",
    "source_hashes",
    "surroundings_of",
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


def filmed_at(project: Project, recording: str, sources: Mapping[str, Frames]) -> datetime:
    """Return when a recording began: what [started] tells, else the earliest time of its files.

    Raises `ProjectError` where [started] names no recording.
    """
    for name in project.started:
        if name not in project.recordings():
            raise ProjectError(
                f"{project.root / 'project.toml'} [started]: there is no recording '{name}'; "
                f"{suggest(name, project.recordings())}"
            )
    earliest = min(frames.path.stat().st_mtime for frames in sources.values())
    return project.started.get(recording, datetime.fromtimestamp(earliest).astimezone())


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
    """Read detections, without the views whose cameras were dropped when calibrating."""
    from labcut3d.schema import open_dataset  # brings xarray along

    return of_calibrated(open_dataset(path), rig)


def of_calibrated(detections: "xr.Dataset", rig: Rig | None) -> "xr.Dataset":
    """Return detections without the views whose cameras were dropped when calibrating."""
    dropped = [] if rig is None else rig.metadata.get("dropped_cameras", [])
    return detections.sel(view=[view for view in detections["view"].values if view not in dropped])


def save_result(pieces: "Iterable[xr.Dataset]", result: Path, inputs: Mapping[str, str]) -> Path:
    """Write a dataset, piece by piece in time, with its provenance, and its stamp."""
    from labcut3d.dataset_pieces import save_pieces  # brings xarray along

    def signed(piece: "xr.Dataset") -> "xr.Dataset":
        """Return a piece that tells what it was made from."""
        before = json.loads(piece.attrs.get("provenance", "{}"))
        return piece.assign_attrs(provenance=json.dumps({**before, **inputs}))

    save_pieces(map(signed, pieces), result)
    write_stamp(result, inputs)
    return result


def surroundings_of(
    project: Project, trajectories: "xr.Dataset", rig: Rig
) -> tuple["Surroundings", tuple[str, ...]]:
    """Return the planes about a recording's animals, and in words how they were found."""
    from labcut3d.kinematics.surroundings import find_surroundings  # brings xarray along

    chamber = None if project.chamber is None else project.chamber.to_chamber()
    return find_surroundings(trajectories, rig, project.substrate, chamber)
