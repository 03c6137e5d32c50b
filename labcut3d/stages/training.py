"""Stage 2, first half: labels -> detectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.files import sha256_of, write_text
from labcut3d.errors import LabelError
from labcut3d.labels import LabelledImage, Labels, labelled_images, read_labels
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.provenance import (
    write_stamp,
)
from labcut3d.stages.common import (
    is_current,
    path_hashes,
    settings_hash,
)
from labcut3d.stages.locking import exclusive
from labcut3d.viewers import training_page

if TYPE_CHECKING:  # torch is only loaded where it is used
    pass

from labcut3d.stages.detectors import model_folders, page_path, parts_hashes, suffix_of

__all__ = [
    "images_by_detector",
    "label_inputs",
    "read_all_labels",
    "read_labelled_images",
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


def training_inputs(project: Project) -> dict[str, str]:
    """Return the hashes of all that detectors are trained from."""
    settings = settings_hash(project, project.detector)
    return {**label_inputs(project), **parts_hashes(project), "settings": settings}


def label_inputs(project: Project) -> dict[str, str]:
    """Return the hashes of the labels and of the videos that they label."""
    inputs = {}
    for path, labels in zip(project.label_files(), read_all_labels(project), strict=True):
        inputs[f"labels/{path.name}"] = sha256_of(path)
        for name, value in path_hashes(project.labelled_paths(labels)).items():
            inputs[f"{path.stem}, {name}"] = value
    if not inputs:
        raise LabelError(
            f"{project.root / 'labels'}: no labels; put the labels of recording NAME into "
            "labels/NAME.csv (frame,view,individual,keypoint,x,y)"
        )
    return inputs


def read_all_labels(project: Project) -> Iterator[Labels]:
    """Yield the labels of each labelled recording."""
    for path in project.label_files():
        yield read_labels(path, views=tuple(project.views), keypoints=project.skeleton.keypoints)


def read_labelled_images(project: Project, reporter: Reporter) -> list[LabelledImage]:
    """Read all labelled frames of a project."""
    images = []
    count = len(project.label_files())
    with reporter.task("Reading the labelled frames") as progress:
        for done, labels in enumerate(read_all_labels(project), start=1):
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
