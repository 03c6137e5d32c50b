"""Stage 4: trajectories.nc -> kinematics.nc."""

from dataclasses import asdict
from pathlib import Path

from calibration import Rig
from calibration.files import sha256_of
from labcut3d.errors import DatasetError
from labcut3d.kinematics.pieces import kinematics_pieces
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint
from labcut3d.schema import open_lazily
from labcut3d.stages.common import is_current, recording_rig, save_result, surroundings_of
from labcut3d.stages.locking import exclusive
from labcut3d.version import __version__

__all__ = ["kinematics"]


@exclusive
def kinematics(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Compute a recording's velocities, angles, contacts and spectra -> kinematics.nc."""
    folder = project.results(recording)
    result, source = folder / "kinematics.nc", folder / "trajectories.nc"
    if not source.exists():
        raise DatasetError(
            f"{source}: no such file; run: labcut3d triangulate {project.root} {recording}"
        )
    rig, rig_path = _rig(project, recording)
    inputs = {
        "trajectories": sha256_of(source),
        "skeleton": fingerprint([asdict(project.skeleton), __version__]),
        "rig": "none" if rig is None else sha256_of(rig_path),
        "substrate settings": fingerprint(project.substrate),
    }
    if is_current(result, inputs, reporter):
        return result
    with (
        open_lazily(source) as trajectories,
        reporter.task(f"Computing the kinematics of {recording}") as progress,
    ):
        surroundings, told = None, ("no distances from planes: there is no rig",)
        if rig is not None:
            surroundings, told = surroundings_of(project, trajectories, rig)
        pieces = kinematics_pieces(
            trajectories, project.skeleton, surroundings=surroundings, progress=progress
        )
        before = {"provenance": trajectories.attrs.get("provenance", "{}")}
        save_result((piece.assign_attrs(before) for piece in pieces), result, inputs)
    for note in told:
        reporter.note(f"{recording}: {note}")
    with open_lazily(result) as found:
        if "spectra" in found.attrs:
            reporter.note(f"{recording}: spectra: {found.attrs['spectra']}")
    return result


def _rig(project: Project, recording: str) -> tuple[Rig | None, Path]:
    """Return the rig of a recording, None where there is none yet, and its file."""
    if not project.rig_path.exists():
        return None, project.rig_path
    return recording_rig(project, recording)
