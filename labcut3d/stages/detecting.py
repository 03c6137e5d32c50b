"""Stage 2: labels -> detectors, and detectors over recordings -> detections.nc."""

from pathlib import Path
from typing import TYPE_CHECKING

from calibration.files import sha256_of, write_text
from labcut3d.errors import DetectorError, LabelError
from labcut3d.labels import LabelledImage, labelled_images, read_labels
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, write_stamp
from labcut3d.stages.common import is_current, save_result, settings_hash, source_hashes
from labcut3d.viewers import evaluation_page, training_page

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.detector import Detector
    from labcut3d.detection.evaluation import Evaluation

__all__ = ["detect", "evaluate", "train"]


def train(project: Project, reporter: Reporter = SILENT) -> tuple[Path, ...]:
    """Train the detectors from all labels -> models/default/ and results/training.html."""
    from labcut3d.detection.storage import save_detector
    from labcut3d.detection.training import train_detector

    inputs = {**_label_inputs(project), "settings": settings_hash(project, project.detector)}
    folders = _model_folders(project)
    stale = [f for f in folders if not is_current(f / "model.toml", inputs, reporter)]
    images = _read_labelled_images(project, reporter) if stale else []
    for folder in stale:
        name = "" if folder == project.model_path else f" {folder.name}"
        shown = [image for image in images if image.view in folders[folder]]
        if not shown:
            raise LabelError(
                f"{project.root / 'labels'}: no labels of view{name}, which has a detector of its "
                'own; label some of its frames, or set share = "views" in [detector]'
            )
        with reporter.task(f"Training the detector{name}") as progress:
            detector, report = train_detector(
                shown,
                project.skeleton,
                project.detector,
                checkpoint=folder / "training.safetensors",
                progress=progress,
            )
        save_detector(detector, folder)
        page = project.root / "results" / f"training{name.replace(' ', '-')}.html"
        write_text(page, training_page(report))
        write_stamp(folder / "model.toml", inputs)
        for warning in report.warnings:
            reporter.note(f"Warning: {warning}")
    return tuple(folder / "model.toml" for folder in folders)


def evaluate(project: Project, reporter: Reporter = SILENT) -> "dict[str, Evaluation]":
    """Measure the trained detectors on the labels -> results/evaluation.html.

    Returns the evaluations by name: of the moments that training held out, which is the honest
    one, and of those it was trained on.
    """
    from labcut3d.detection.evaluation import evaluate as evaluate_detector
    from labcut3d.detection.sampling import hold_out

    evaluations = {}
    _label_inputs(project)  # says so where there are no labels
    detectors = _load_detectors(project)
    images = _read_labelled_images(project, reporter)
    for folder, views in _model_folders(project).items():
        name = "" if folder == project.model_path else f" {folder.name}"
        trained_on, held_out = hold_out(
            [image for image in images if image.view in views], project.detector.held_out
        )
        parts = {f"held out{name}": held_out, f"trained on{name}": trained_on}
        parts = {title: part for title, part in parts.items() if part}
        for title, part in parts.items():
            with reporter.task(f"Evaluating, {title}"):
                evaluations[title] = evaluate_detector(detectors[views[0]], part)
        shown, part = next(iter(parts.items()))
        page = project.root / "results" / f"evaluation{name.replace(' ', '-')}.html"
        write_text(page, evaluation_page(evaluations[shown], part))
    return evaluations


def detect(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Find the keypoints in all views of a recording -> detections.nc."""
    from labcut3d.detection.inference import detect_recording

    result = project.results(recording) / "detections.nc"
    sources = project.recording_sources(recording)
    fps, individual = project.frame_rate(sources), _individual(project)
    detectors = _load_detectors(project)
    inputs = {
        **source_hashes(sources),
        **{
            f"model {folder.name}": sha256_of(folder / "model.toml")
            for folder in _model_folders(project)
        },
        "fps and individual": fingerprint([fps, individual]),
    }
    if is_current(result, inputs, reporter):
        return result
    with reporter.task(f"Detecting in {recording}") as progress:
        detections = detect_recording(
            detectors, sources, fps=fps, individual=individual, progress=progress
        )
    return save_result(detections, result, inputs)


def _label_inputs(project: Project) -> dict[str, str]:
    """Return the hashes of the labels and of the videos that they label."""
    inputs = {}
    for path in project.label_files():
        inputs[f"labels/{path.name}"] = sha256_of(path)
        for name, value in source_hashes(project.recording_sources(path.stem)).items():
            inputs[f"{path.stem}, {name}"] = value
    if not inputs:
        raise LabelError(
            f"{project.root / 'labels'}: no labels; put the labels of recording NAME into "
            "labels/NAME.csv (frame,view,individual,keypoint,x,y)"
        )
    return inputs


def _read_labelled_images(project: Project, reporter: Reporter) -> list[LabelledImage]:
    """Read all labelled frames of a project."""
    images = []
    files = project.label_files()
    with reporter.task("Reading the labelled frames") as progress:
        for done, path in enumerate(files, start=1):
            labels = read_labels(
                path, views=tuple(project.views), keypoints=project.skeleton.keypoints
            )
            images += labelled_images(labels, project.recording_sources(path.stem))
            progress(done, len(files), f"{len(images)} images")
    return images


def _individual(project: Project) -> str:
    """Return the name of the animal in the labels."""
    for path in project.label_files():
        labels = read_labels(path, views=tuple(project.views), keypoints=project.skeleton.keypoints)
        return labels.individuals[0]
    return "animal"


def _model_folders(project: Project) -> dict[Path, tuple[str, ...]]:
    """Return the folder of each detector, and the views that it serves."""
    if project.detector.share == "views":
        return {project.model_path: tuple(project.views)}
    return {project.model_path / view: (view,) for view in project.views}


def _load_detectors(project: Project) -> "dict[str, Detector]":
    """Load the trained detector of each view, or say how to train them."""
    from labcut3d.detection.storage import load_detector

    detectors = {}
    for folder, views in _model_folders(project).items():
        if not (folder / "model.toml").exists():
            raise DetectorError(
                f"{folder}: no trained detector; run: labcut3d train {project.root}"
            )
        detectors |= dict.fromkeys(views, load_detector(folder))
    return detectors
