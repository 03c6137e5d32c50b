"""Stage 4: trajectories.nc -> kinematics.nc."""

from dataclasses import asdict
from pathlib import Path

import xarray as xr

from calibration.files import sha256_of
from labcut3d.errors import DatasetError
from labcut3d.kinematics.dataset import COVARIANCES, SOURCES, compute_kinematics
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint
from labcut3d.schema import open_variables
from labcut3d.skeleton import Skeleton
from labcut3d.stages.common import is_current, save_result
from labcut3d.stages.locking import exclusive
from labcut3d.version import __version__

__all__ = ["kinematics"]


@exclusive
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
    with reporter.task(f"Computing the kinematics of {recording}") as progress:
        found = _compute(source, project.skeleton)
        progress(1, 1)
    if "spectra" in found.attrs:
        reporter.note(f"{recording}: spectra: {found.attrs['spectra']}")
    return save_result(found, result, inputs)


def _compute(source: Path, skeleton: Skeleton) -> xr.Dataset:
    """Return the kinematics of a file of trajectories, which are let go before they are written."""
    trajectories = open_variables(source, SOURCES, COVARIANCES)
    found = compute_kinematics(trajectories, skeleton)
    return found.assign_attrs(provenance=trajectories.attrs.get("provenance", "{}"))
