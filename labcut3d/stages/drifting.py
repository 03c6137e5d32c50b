"""Which camera was moved since the calibration -> drift.html, drift.json; repairs -> rig.toml."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from calibration.checks.findings import Finding
from calibration.covariance import RigCovariance, covariance_path
from calibration.drift import Drift, Suspect
from calibration.files import sha256_of, write_text
from labcut3d.errors import ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import changed_inputs, write_stamp
from labcut3d.reconstruction.drift import drift_of_recording, repaired_rig
from labcut3d.stages.common import load_rig, open_detections, settings_hash
from labcut3d.stages.locking import exclusive
from labcut3d.viewers.drift_page import drift_page, drift_rows

__all__ = ["drift", "known_drift", "last_drift", "repair"]

PAGE, RECORD = "drift.html", "drift.json"


def known_drift(
    project: Project, recording: str, reporter: Reporter = SILENT
) -> list[tuple[str, ...]] | None:
    """Tell what was found of a recording before, and return its table; None where it is stale.

    The rows are those of `drift_rows`. A repair needs more: `drift` finds it anew.
    """
    stored = _stored(project, recording)
    if stored is None:
        return None
    reporter.note(f"{project.results(recording) / PAGE} is up to date")
    reporter.findings(f"Cameras in {recording}", [Finding(**stored["finding"])])
    return [tuple(row) for row in stored["rows"]]


def last_drift(project: Project, recording: str) -> Finding | None:
    """Return what `drift` last found in a recording; None where it is stale, or never looked."""
    needed = (project.results(recording) / RECORD, covariance_path(project.filming_rig_path))
    if not all(path.exists() for path in needed):
        return None
    stored = _stored(project, recording)
    return None if stored is None else Finding(**stored["finding"])


def _stored(project: Project, recording: str) -> dict[str, Any] | None:
    """Return what drift.json tells, or None where it or its page is stale."""
    inputs, folder = _inputs(project, recording), project.results(recording)
    if any(changed_inputs(folder / name, inputs) for name in (PAGE, RECORD)):
        return None
    return json.loads((folder / RECORD).read_text(encoding="utf-8"))


@exclusive
def drift(project: Project, recording: str, reporter: Reporter = SILENT) -> Drift:
    """Compare a recording with the calibration -> results/RECORDING/drift.html, drift.json."""
    rig = load_rig(project)
    known = RigCovariance.load(project.filming_rig_path)
    detections = open_detections(project.results(recording) / "detections.nc", rig)
    inputs = _inputs(project, recording)
    with reporter.task(f"Looking for drift in {recording}") as progress:
        found = drift_of_recording(detections, rig, known, project.reconstruction, progress)
    seconds = np.asarray(detections["time"].values, dtype=float)
    written = {
        PAGE: drift_page(found, recording=recording, seconds=seconds),
        RECORD: json.dumps({"finding": asdict(found.finding), "rows": drift_rows(found)}, indent=1),
    }
    for name, text in written.items():
        write_text(project.results(recording) / name, text)
        write_stamp(project.results(recording) / name, inputs)
    reporter.findings(f"Cameras in {recording}", [found.finding])
    return found


def _inputs(project: Project, recording: str) -> dict[str, str]:
    """Return the hashes of what a recording is compared with, or say what to run first."""
    load_rig(project)
    RigCovariance.load(project.filming_rig_path)  # which says what is wrong with it
    return {
        "detections": sha256_of(project.results(recording) / "detections.nc"),
        "rig": sha256_of(project.filming_rig_path),
        "rig covariance": sha256_of(covariance_path(project.filming_rig_path)),
        "reconstruction settings": settings_hash(project, project.reconstruction),
    }


@exclusive
def repair(
    project: Project,
    recording: str,
    found: Drift,
    camera: str | None = None,
    reporter: Reporter = SILENT,
) -> Path | None:
    """Write the rig with the moved camera placed anew -> results/RECORDING/rig.toml.

    The stored calibration stays as it is. `camera` says which was moved where the recording cannot
    tell. None where none was moved. Raises `ProjectError` where it is not clear which.
    """
    if camera is None and not found.moved:
        reporter.note(f"{recording}: nothing to repair")
        return None
    suspect = _choose(found, recording, camera)
    result = project.results(recording) / "rig.toml"
    known = RigCovariance.load(project.filming_rig_path)
    rig, covariance = repaired_rig(load_rig(project), known, suspect)
    rig.save(result, covariance)
    write_stamp(result, {"rig": sha256_of(project.filming_rig_path)})
    reporter.note(
        f"{recording}: '{suspect.camera}' placed anew; bring it up to date with: "
        f"labcut3d reconstruct {project.root} {recording}"
    )
    return result


def _choose(found: Drift, recording: str, camera: str | None) -> Suspect:
    """Return the camera to repair: the one named, or the only one that it can be."""
    suspects = {suspect.camera: suspect for suspect in found.suspects}
    if camera is not None:
        if camera not in suspects:
            raise ProjectError(
                f"{recording}: no camera '{camera}'; cameras are {', '.join(suspects)}"
            )
        return suspects[camera]
    if found.is_more_than_one or len(found.moved) > 1:
        raise ProjectError(
            f"{recording}: {found.finding.reason}; say which to repair with --camera NAME, or "
            "calibrate again"
        )
    return found.likeliest
