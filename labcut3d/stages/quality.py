"""How good all reconstructions of a project are -> results/quality.html."""

from pathlib import Path

import xarray as xr

from calibration.files import sha256_of, write_text
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.stages.common import is_current
from labcut3d.stages.drifting import last_drift
from labcut3d.stages.locking import exclusive
from labcut3d.stages.viewing import open_recording
from labcut3d.version import __version__
from labcut3d.viewers.quality import judge_recording
from labcut3d.viewers.quality_report import quality_page

__all__ = ["quality"]

MOMENTS = 20_000  # of a recording, evenly spread, that it is judged by


@exclusive
def quality(project: Project, reporter: Reporter = SILENT) -> Path | None:
    """Write the quality of all recordings that were triangulated -> results/quality.html.

    None where there is no such recording.
    """
    result = project.root / "results" / "quality.html"
    drifts, inputs = {}, {"version": __version__}
    for recording in project.recordings():
        folder = project.results(recording)
        if not (folder / "trajectories.nc").exists():
            continue
        drifts[recording] = last_drift(project, recording)
        inputs[f"trajectories of {recording}"] = sha256_of(folder / "trajectories.nc")
        inputs[f"drift of {recording}"] = fingerprint(drifts[recording])
        if (folder / "detections.nc").exists():
            inputs[f"detections of {recording}"] = sha256_of(folder / "detections.nc")
    if not drifts:
        return None
    if is_current(result, inputs, reporter):
        return result
    judged = []
    with reporter.task("Judging the recordings") as progress:
        for recording, drift in drifts.items():
            shown = open_recording(project, recording, _stride)
            judged.append(judge_recording(shown, drift))
            progress(len(judged), len(drifts), recording)
    write_text(result, quality_page(judged, project=project.name))
    write_stamp(result, inputs)
    return result


def _stride(main: xr.Dataset) -> int:
    """Return n if every n-th moment of a recording is enough to judge it by."""
    return -(-main.sizes["time"] // MOMENTS)
