"""Stage 2: labels -> detectors, and detectors over recordings -> detections.nc."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.files import sha256_of, write_text
from labcut3d.errors import DetectorError, LabelError
from labcut3d.labels import LabelledImage, Labels, labelled_images, read_labels
from labcut3d.progress import SILENT, Progress, Reporter, part_of
from labcut3d.project import Project
from labcut3d.provenance import (
    changed_inputs,
    fingerprint,
    fingerprint_frames,
    made_from,
    write_stamp,
)
from labcut3d.stages.chunking import (
    Chunk,
    detect_chunk,
    join_chunks,
    missing_in,
    remove_chunks,
    spans,
)
from labcut3d.stages.common import (
    IMPORTED,
    is_current,
    path_hashes,
    settings_hash,
    source_hashes,
)
from labcut3d.stages.locking import exclusive
from labcut3d.video import Frames
from labcut3d.viewers import training_page

if TYPE_CHECKING:  # torch is only loaded where it is used
    from labcut3d.detection.detector import Detector

__all__ = [
    "chunks_to_detect",
    "detect",
    "images_by_detector",
    "label_inputs",
    "load_detectors",
    "model_folders",
    "page_path",
    "read_labelled_images",
    "region_hash",
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
    Detections that were imported are kept. Chunks of frames that are done already, by a run that
    was killed or by other processes, are not done again.
    """
    result = project.results(recording) / "detections.nc"
    if _is_imported(result):
        reporter.note(f"{result} was imported and is kept; remove it to detect anew")
        return result
    sources = project.recording_sources(recording)
    inputs = _detection_inputs(project, sources)
    if is_current(result, inputs, reporter):
        return result
    load_detectors(project)  # refuses what does not fit before the work begins
    chunks = _chunks(project, recording, sources)
    with reporter.task(f"Detecting in {recording}") as progress:
        _detect_all(chunks, progress)
    numbers = {view: frames.numbers for view, frames in sources.items()}
    attrs = {"provenance": json.dumps(inputs)}
    if missing := missing_in(chunks, numbers):
        attrs["missing_frames"] = missing
        reporter.note(f"Warning: {recording} is cut off or damaged. {missing}")
    pieces = join_chunks(
        chunks,
        keypoints=project.skeleton.keypoints,
        individual=_individual(project),
        fps=project.frame_rate(sources),
        numbers=numbers,
        attrs=attrs,
    )
    from labcut3d.dataset_pieces import save_pieces  # brings xarray along

    save_pieces(pieces, result)
    write_stamp(result, inputs)
    remove_chunks(result.parent)
    return result


def _detect_all(chunks: Sequence[Chunk], progress: Progress) -> None:
    """Detect in chunks one after the other."""
    total, before = sum(chunk.stop - chunk.start for chunk in chunks), 0
    for chunk in chunks:
        detect_chunk(chunk, part_of(progress, before, total))
        before += chunk.stop - chunk.start
        progress(before, total, chunk.view)


def chunks_to_detect(project: Project, recording: str) -> tuple[Chunk, ...]:
    """Return the chunks of a recording in which is still to be detected, none where all is done.

    Each may be given to `chunking.detect_chunk` in any process, in any order; `detect` joins them.
    """
    result = project.results(recording) / "detections.nc"
    if _is_imported(result):
        return ()
    sources = project.recording_sources(recording)
    if not changed_inputs(result, _detection_inputs(project, sources)):
        return ()
    load_detectors(project)
    return tuple(chunk for chunk in _chunks(project, recording, sources) if not chunk.done)


def _is_imported(result: Path) -> bool:
    """Tell whether detections come from another program."""
    return any(name.startswith(IMPORTED) for name in made_from(result) or ())


def _detection_inputs(project: Project, sources: Mapping[str, Frames]) -> dict[str, str]:
    """Return the hashes of all that a recording's detections are made from."""
    models = {
        f"model {folder.name}": sha256_of(folder / "model.toml") for folder in _trained(project)
    }
    told = fingerprint([project.frame_rate(sources), _individual(project)])
    return {**source_hashes(sources), **models, "fps and individual": told, **region_hash(project)}


def region_hash(project: Project) -> dict[str, str]:
    """Return the hash of which part of its file's image each view is."""
    regions = {view: asdict(project.region(view)) for view in project.views}
    return {"crop and mirror": fingerprint(regions)}


def _chunks(project: Project, recording: str, sources: Mapping[str, Frames]) -> tuple[Chunk, ...]:
    """Return all chunks of a recording, view after view."""
    chunks: list[Chunk] = []
    models = {view: folder for folder, views in _trained(project).items() for view in views}
    for view, frames in sources.items():
        region = project.region(view)
        inputs = {
            "video": fingerprint_frames(frames),
            "frames": str(len(frames)),
            "region": fingerprint(region),
            "model": sha256_of(models[view] / "model.toml"),
        }
        chunks += (
            Chunk(
                folder=project.results(recording),
                view=view,
                source=frames.path,
                region=region,
                frames=len(frames),
                start=span.start,
                stop=span.stop,
                model=models[view],
                inputs=inputs,
            )
            for span in spans(len(frames), project.compute.chunk_frames)
        )
    return tuple(chunks)


def training_inputs(project: Project) -> dict[str, str]:
    """Return the hashes of all that detectors are trained from."""
    settings = settings_hash(project, project.detector)
    return {**label_inputs(project), **region_hash(project), "settings": settings}


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
