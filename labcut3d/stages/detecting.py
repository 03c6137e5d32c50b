"""Stage 2: labels -> detectors, and detectors over recordings -> detections.nc."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.files import sha256_of, write_text
from labcut3d.errors import DetectorError, LabelError
from labcut3d.labels import LabelledImage, Labels, labelled_images, read_labels
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, made_from, write_stamp
from labcut3d.stages.common import (
    IMPORTED,
    is_current,
    path_hashes,
    save_result,
    settings_hash,
    source_hashes,
)
from labcut3d.stages.locking import exclusive
from labcut3d.viewers import training_page

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.detector import Detector

__all__ = [
    "detect",
    "images_by_detector",
    "label_inputs",
    "load_detectors",
    "model_folders",
    "page_path",
    "read_labelled_images",
    "suffix_of",
    "train",
    "training_inputs",
]


@exclusive
def train(project: Project, reporter: Reporter = SILENT) -> tuple[Path, ...]:
    """Train the detectors from all labels -> models/default/ and results/training.html."""
    inputs = training_inputs(project)
    folders = model_folders(project)
    results = tuple(folder / "model.toml" for folder in folders)
    stale = [
        folder for folder in folders if not is_current(folder / "model.toml", inputs, reporter)
    ]
    if not stale:
        return results
    from labcut3d.detection.storage import save_detector
    from labcut3d.detection.training import train_detector

    images = images_by_detector(project, reporter)
    for folder in stale:
        name = suffix_of(project, folder)
        with reporter.task(f"Training the detector{name}") as progress:
            detector, report = train_detector(
                images[folder],
                project.skeleton,
                project.detector,
                checkpoint=folder / "training.safetensors",
                progress=progress,
            )
        save_detector(detector, folder)
        write_text(page_path(project, f"training{name}"), training_page(report))
        write_stamp(folder / "model.toml", inputs)
        for warning in report.warnings:
            reporter.note(f"Warning: {warning}")
    return results


@exclusive
def detect(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Find the keypoints in all views of a recording -> detections.nc.

    A video that ends early or is damaged is analysed as far as it can be read, with a warning.
    Detections that were imported are kept.
    """
    result = project.results(recording) / "detections.nc"
    if any(name.startswith(IMPORTED) for name in made_from(result) or ()):
        reporter.note(f"{result} was imported and is kept; remove it to detect anew")
        return result
    sources = project.recording_sources(recording)
    fps, individual = project.frame_rate(sources), _individual(project)
    inputs = {
        **source_hashes(sources),
        **{
            f"model {folder.name}": sha256_of(folder / "model.toml") for folder in _trained(project)
        },
        "fps and individual": fingerprint([fps, individual]),
    }
    if is_current(result, inputs, reporter):
        return result
    from labcut3d.detection.inference import detect_recording

    detectors = load_detectors(project)
    with reporter.task(f"Detecting in {recording}") as progress:
        detections = detect_recording(
            detectors, sources, fps=fps, individual=individual, progress=progress
        )
    if missing := detections.attrs.get("missing_frames"):
        reporter.note(f"Warning: {recording} is cut off or damaged. {missing}")
    return save_result(detections, result, inputs)


def training_inputs(project: Project) -> dict[str, str]:
    """Return the hashes of all that detectors are trained from."""
    return {**label_inputs(project), "settings": settings_hash(project, project.detector)}


def label_inputs(project: Project) -> dict[str, str]:
    """Return the hashes of the labels and of the videos that they label."""
    inputs = {}
    for path, labels in zip(project.label_files(), _read_all_labels(project), strict=True):
        inputs[f"labels/{path.name}"] = sha256_of(path)
        for name, value in path_hashes(project.labelled_paths(labels)).items():
            inputs[f"{path.stem}, {name}"] = value
    if not inputs:
        raise LabelError(
            f"{project.root / 'labels'}: no labels; put the labels of recording NAME into "
            "labels/NAME.csv (frame,view,individual,keypoint,x,y)"
        )
    return inputs


def _read_all_labels(project: Project) -> Iterator[Labels]:
    """Yield the labels of each labelled recording."""
    for path in project.label_files():
        yield read_labels(path, views=tuple(project.views), keypoints=project.skeleton.keypoints)


def read_labelled_images(project: Project, reporter: Reporter) -> list[LabelledImage]:
    """Read all labelled frames of a project."""
    images = []
    count = len(project.label_files())
    with reporter.task("Reading the labelled frames") as progress:
        for done, labels in enumerate(_read_all_labels(project), start=1):
            images += labelled_images(labels, project.labelled_sources(labels))
            progress(done, count, f"{len(images)} images")
    return images


def images_by_detector(project: Project, reporter: Reporter) -> dict[Path, list[LabelledImage]]:
    """Read the labelled images of each detector, by its folder.

    Raises `LabelError` where a view with a detector of its own has none.
    """
    images = read_labelled_images(project, reporter)
    divided = {}
    for folder, views in model_folders(project).items():
        divided[folder] = [image for image in images if image.view in views]
        if not divided[folder]:
            raise LabelError(
                f"{project.root / 'labels'}: no labels of view{suffix_of(project, folder)}, which "
                "has a detector of its own; label some of its frames, or set "
                'share = "views" in [detector]'
            )
    return divided


def _individual(project: Project) -> str:
    """Return the name of the animal in the labels."""
    first = next(_read_all_labels(project), None)
    return "animal" if first is None else first.individuals[0]


def model_folders(project: Project) -> dict[Path, tuple[str, ...]]:
    """Return the folder of each detector, and the views that it serves."""
    if project.detector.share == "views":
        return {project.model_path: tuple(project.views)}
    return {project.model_path / view: (view,) for view in project.views}


def suffix_of(project: Project, folder: Path) -> str:
    """Return what tells a detector of one view from the others: " VIEW", or "" for a shared one."""
    return "" if folder == project.model_path else f" {folder.name}"


def page_path(project: Project, name: str) -> Path:
    """Return where the page `name` of a project's detectors lies."""
    return project.root / "results" / f"{name.replace(' ', '-')}.html"


def _trained(project: Project) -> dict[Path, tuple[str, ...]]:
    """Return `model_folders`, or say how to train the detectors where one is missing."""
    folders = model_folders(project)
    for folder in folders:
        if not (folder / "model.toml").exists():
            raise DetectorError(
                f"{folder}: no trained detector; run: labcut3d train {project.root}"
            )
    return folders


def load_detectors(project: Project) -> "dict[str, Detector]":
    """Load the trained detector of each view; refuse one of another skeleton."""
    from labcut3d.detection.storage import load_detector

    detectors = {}
    for folder, views in _trained(project).items():
        detector = load_detector(folder)
        if detector.keypoints != project.skeleton.keypoints:
            raise DetectorError(
                f"{folder / 'model.toml'}: finds {', '.join(detector.keypoints)}, but the "
                f"project's skeleton has {', '.join(project.skeleton.keypoints)}; "
                f"run: labcut3d train {project.root}"
            )
        detectors |= dict.fromkeys(views, detector)
    return detectors
