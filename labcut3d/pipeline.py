"""The whole flow on one screen.

    videos -> where a project keeps them             add_recording, add_calibration
    board videos -> rig                              calibrate_project
    rig, chamber -> rig that looks through walls     place_chamber
    other programs' labels <-> labels                import_labels, export_labels
    other programs' detections -> detections         import_detections
    results -> other programs' files                 export_recording, export_files
    detections, rig -> which camera was moved        drift, repair
    labels -> detectors                              train, evaluate, cross_validate,
                                                     learning_curve
    videos -> detections -> trajectories             detect, triangulate
           -> velocities, angles; events             kinematics, events
           -> viewer, quality                        view, quality
    events -> one table of all recordings, BORIS     summary, export_boris
    videos, what was found -> moments to label       suggest
    videos, rig, detections -> what labelling shows  moments_to_label, labelling_rig,
                                                     starting_points
    labels, what was found -> better detectors       refine
    all of it -> what is done, next, in the way      status
    videos, what was found -> videos with marks      overlay

Each stage reads what the last one wrote, does nothing when its inputs have not changed, and
returns the path of what it answers for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from calibration import Rig
from labcut3d.errors import Labcut3dError, ProjectError
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import read_stamp
from labcut3d.stages.adding import add_calibration, add_recording, check_recording, check_videos
from labcut3d.stages.behaving import events, export_boris
from labcut3d.stages.calibrating import calibrate_project, calibrate_sources
from labcut3d.stages.detecting import detect
from labcut3d.stages.detection_import import import_detections
from labcut3d.stages.detectors import load_detectors, model_folders
from labcut3d.stages.drifting import drift, known_drift, repair
from labcut3d.stages.evaluating import cross_validate, evaluate, learning_curve
from labcut3d.stages.exporting import export_files, export_recording
from labcut3d.stages.label_export import export_labels
from labcut3d.stages.label_import import import_labels
from labcut3d.stages.labelling import labelling_rig, moments_to_label, starting_points
from labcut3d.stages.moving import kinematics
from labcut3d.stages.overlaying import overlay
from labcut3d.stages.placing import place_chamber
from labcut3d.stages.quality import quality
from labcut3d.stages.reconstructing import triangulate, triangulate_files
from labcut3d.stages.recording_status import recording_status
from labcut3d.stages.refining import refine
from labcut3d.stages.status import status
from labcut3d.stages.suggesting import suggest
from labcut3d.stages.summarising import summary
from labcut3d.stages.training import train
from labcut3d.stages.viewing import view, view_file

if TYPE_CHECKING:  # of an extra
    from labcut3d.cluster import Stage

__all__ = [
    "add_calibration",
    "add_recording",
    "calibrate_project",
    "calibrate_sources",
    "check_recording",
    "check_videos",
    "cross_validate",
    "detect",
    "drift",
    "evaluate",
    "events",
    "export_boris",
    "export_files",
    "export_labels",
    "export_recording",
    "import_detections",
    "import_labels",
    "kinematics",
    "known_drift",
    "labelling_rig",
    "learning_curve",
    "load_detectors",
    "moments_to_label",
    "overlay",
    "place_chamber",
    "quality",
    "reconstruct",
    "reconstruct_one",
    "recording_status",
    "refine",
    "repair",
    "run",
    "starting_points",
    "status",
    "suggest",
    "summary",
    "train",
    "triangulate",
    "triangulate_files",
    "view",
    "view_file",
]


def reconstruct(
    project: Project,
    recordings: Sequence[str] = (),
    reporter: Reporter = SILENT,
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> None:
    """Bring the results of `recordings`, by default all, up to date: detections to viewer.

    A project of a single view has no third dimension: its detections are viewed as they are. With
    several `workers`, or those of the Dask at the address `scheduler`, recordings and chunks of
    them are worked on at once, to the same bits. What fails does not keep the other recordings from
    being done; it is told by a `ProjectError` at the end, or as it is where it is all.
    """
    if project.chamber is not None:
        place_chamber(project, reporter)
    _reconstruct(project, recordings, reporter, (workers, scheduler))


def run(
    project: Project,
    reporter: Reporter = SILENT,
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> None:
    """Bring a whole project up to date: calibrate, train, and all that `reconstruct` does.

    Cameras and detectors that are up to date stay as they are, and so do those that were not made
    here, of labels and board videos. With several `workers`, or those of
    the Dask at `scheduler`, the cameras are calibrated while the detectors are trained, and what
    can be done of a recording does not wait for what it does not need.
    """
    due = [step.key for step in status(project) if step.state in ("ready", "stale")]
    models = [folder / "model.toml" for folder in model_folders(project)]
    calibrating = [calibrate] if "calibrate" in due and _made_here(project.rig_path) else []
    training = [train] if "train" in due and all(map(_made_here, models)) else []
    if workers == 1 and scheduler is None:
        for stage in (*calibrating, *training):
            stage(project, reporter)
    elif not calibrating and project.chamber is not None:
        place_chamber(project, reporter)
    _reconstruct(project, (), reporter, (workers, scheduler), training, calibrating)


def calibrate(project: Project, reporter: Reporter = SILENT) -> None:
    """Calibrate a project's cameras, without those left out before, and place its chamber."""
    dropped = ()
    if project.rig_path.exists():
        dropped = Rig.load(project.rig_path).metadata.get("dropped_cameras", ())
    calibrate_project(project, dropped, reporter)
    if project.chamber is not None:
        place_chamber(project, reporter)


def _made_here(result: Path) -> bool:
    """Tell whether a result was made from the project's own files, or is not there yet."""
    return not result.exists() or read_stamp(result) is not None


def _reconstruct(
    project: Project,
    recordings: Sequence[str],
    reporter: Reporter,
    where: tuple[int, str | None],
    before_detecting: "Sequence[Stage]" = (),
    before_finishing: "Sequence[Stage]" = (),
) -> None:
    """Do what `reconstruct` does, `where` there are so many workers, or a scheduler."""
    names = project.choose_recordings(recordings)
    if where == (1, None):
        failed = _one_by_one(project, names, reporter)
    else:
        from labcut3d.cluster import connect, reconstruct_recordings

        with connect(*where, reporter) as client:
            failed = reconstruct_recordings(
                client,
                project,
                names,
                reconstruct_one,
                reporter,
                before_detecting=before_detecting,
                before_finishing=before_finishing,
            )
    if len(failed) < len(names):
        quality(project, reporter)
        if len(project.views) > 1:
            summary(project, reporter)
    if failed:
        told = "".join(f"\n{name}: {reason}" for name, reason in failed.items())
        raise ProjectError(
            f"{project.root}: {len(failed)} of {len(names)} recordings failed, the others are "
            f"done; mend these and run it again:{told}"
        )


def reconstruct_one(project: Project, recording: str, reporter: Reporter = SILENT) -> None:
    """Bring the results of one recording up to date, without the pages of all recordings."""
    detect(project, recording, reporter)
    if len(project.views) > 1:
        triangulate(project, recording, reporter)
        kinematics(project, recording, reporter)
        events(project, recording, reporter)
    view(project, recording, reporter)


def _one_by_one(project: Project, recordings: Sequence[str], reporter: Reporter) -> dict[str, str]:
    """Reconstruct recordings in this process; return why some failed, by name."""
    failed: dict[str, str] = {}
    for recording in recordings:
        try:
            reconstruct_one(project, recording, reporter)
        except (Labcut3dError, OSError) as error:
            if len(recordings) == 1:
                raise
            failed[recording] = str(error)
            reporter.note(f"Warning: {recording} failed. {error}")
    return failed
