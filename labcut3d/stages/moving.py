"""Stage 4: trajectories.nc -> kinematics.nc."""

from dataclasses import asdict
from pathlib import Path

from calibration.files import sha256_of
from labcut3d.errors import DatasetError
from labcut3d.kinematics.dataset import COVARIANCES, SOURCES, compute_kinematics
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint
from labcut3d.schema import open_variables
from labcut3d.stages.common import is_current, save_result
from labcut3d.version import __version__

__all__ = ["kinematics"]


def kinematics(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Compute a recording's velocities, angles, axes and spectra -> kinematics.nc."""
    folder = project.results(recording)
    result, source = folder / "kinematics.nc", folder / "trajectories.nc"
    if not source.exists():
        raise DatasetError(
            f"{source}: no such file; run: labcut3d triangulate {project.root} {recording}"
        )
    inputs = {
        "trajectories": sha256_of(source),
        "skeleton": fingerprint([asdict(project.skeleton), __version__]),
    }
    if is_current(result, inputs, reporter):
        return result
    trajectories = open_variables(source, SOURCES, COVARIANCES)
    with reporter.task(f"Computing the kinematics of {recording}") as progress:
        found = compute_kinematics(trajectories, project.skeleton)
        progress(1, 1)
    if "spectra" in found.attrs:
        reporter.note(f"{recording}: spectra: {found.attrs['spectra']}")
    before = trajectories.attrs.get("provenance", "{}")
    return save_result(found.assign_attrs(provenance=before), result, inputs)
