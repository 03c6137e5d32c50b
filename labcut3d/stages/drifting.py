"""Which camera was moved since the calibration -> drift.html, and the repaired rig.toml."""

from pathlib import Path

import numpy as np

from calibration.covariance import RigCovariance
from calibration.drift import Drift, Suspect
from calibration.files import sha256_of, write_text
from labcut3d.errors import ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import write_stamp
from labcut3d.reconstruction.drift import drift_of_recording, repaired_rig
from labcut3d.stages.common import load_rig, open_detections
from labcut3d.stages.locking import exclusive
from labcut3d.viewers.drift_page import drift_page

__all__ = ["drift", "repair"]


@exclusive
def drift(project: Project, recording: str, reporter: Reporter = SILENT) -> Drift:
    """Compare a recording with the calibration -> results/RECORDING/drift.html."""
    rig = load_rig(project)
    known = RigCovariance.load(project.filming_rig_path)
    detections = open_detections(project.results(recording) / "detections.nc", rig)
    with reporter.task(f"Looking for drift in {recording}") as progress:
        found = drift_of_recording(detections, rig, known, project.reconstruction, progress)
    seconds = np.asarray(detections["time"].values, dtype=float)
    write_text(
        project.results(recording) / "drift.html",
        drift_page(found, recording=recording, seconds=seconds),
    )
    reporter.findings(f"Cameras in {recording}", [found.finding])
    return found


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
