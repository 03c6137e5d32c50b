"""Detectors refined with what geometry says about unlabelled frames -> models/default/.

Pseudo-labels (`detection.pseudolabels`) are trained on beside the labels, and the new detector
takes the old one's place only if its mean error on the same held-out labels is smaller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from calibration.files import sha256_of, write_text
from labcut3d.errors import DatasetError, DetectorError, LabelError
from labcut3d.labels import LabelledImage
from labcut3d.progress import SILENT, Progress, Reporter
from labcut3d.project import Project
from labcut3d.provenance import changed_inputs, fingerprint, restamp, write_stamp
from labcut3d.stages.common import is_current, load_rig, recording_rig, source_hashes
from labcut3d.stages.detectors import load_detectors, model_folders, page_path, suffix_of
from labcut3d.stages.locking import exclusive
from labcut3d.stages.training import images_by_detector, training_inputs
from labcut3d.viewers.refinement_page import Refined, refinement_page

if TYPE_CHECKING:  # torch and xarray are only loaded where they are used
    from labcut3d.detection.comparison import Comparison
    from labcut3d.detection.detector import Detector
    from labcut3d.detection.pseudolabels import PseudoLabels

__all__ = ["refine"]

RESULTS = ("detections.nc", "trajectories.nc")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Split:
    """The labelled images of one detector: those it is trained on, and those held out."""

    views: tuple[str, ...]
    shown: list[LabelledImage]
    held_out: list[LabelledImage]


@exclusive
def refine(
    project: Project,
    recordings: Sequence[str] = (),
    *,
    count: int | None = None,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> "dict[str, Comparison]":
    """Train the detectors again with pseudo-labels, keep what is better -> results/refinement.html.

    Up to `count` moments of `recordings`, by default of all that have trajectories, are
    pseudo-labelled, by default as many as have labels. Returns by name, "" for a shared detector,
    the errors before and after; nothing where nothing has changed since the last time. Raises
    `DetectorError` without a trained detector, `RigError` without a rig, `ProjectError` without
    results, `LabelError` without held-out labels, `DatasetError` where the views agree on nothing.
    """
    rig_hash = _rig_hash(project)
    detectors = load_detectors(project)
    _require_current(project)
    names = _with_results(project, recordings)
    page = page_path(project, "refinement")
    inputs = {
        **training_inputs(project),
        **_recording_hashes(project, names),
        "rig": rig_hash,
        "choice": fingerprint([count, seed]),
    }
    if is_current(page, {**inputs, **_model_hashes(project)}, reporter):
        return {}
    splits = _split(project, reporter)
    pseudo = _pseudo_labels(project, names, splits, (count, seed), reporter)
    refined = {}
    for folder, split in splits.items():
        name = suffix_of(project, folder)
        more = [image for image in pseudo if image.view in split.views]
        with reporter.task(f"Refining the detector{name}") as progress:
            detector, comparison = _train(
                project, (folder, detectors[split.views[0]]), split, more, progress
            )
        if comparison.better:
            _keep(detector, folder)
        verdict = "is kept" if comparison.better else "is no better, so the old one stays"
        reporter.note(f"The refined detector{name} {verdict}: {comparison.sentence()}")
        refined[name.strip()] = Refined(
            comparison=comparison, labelled=len(split.shown), pseudo=tuple(more)
        )
    write_text(page, refinement_page(project.name, refined, project.skeleton))
    write_stamp(page, {**inputs, **_model_hashes(project)})
    return {name: one.comparison for name, one in refined.items()}


def _train(
    project: Project,
    old: "tuple[Path, Detector]",
    split: _Split,
    more: Sequence[LabelledImage],
    progress: Progress,
) -> "tuple[Detector, Comparison]":
    """Train a new detector, and judge it and the `old` one (its folder too) on the held-out."""
    from labcut3d.detection.comparison import Comparison
    from labcut3d.detection.evaluation import evaluate
    from labcut3d.detection.training import train_detector

    folder, detector = old
    new, report = train_detector(
        [*split.shown, *split.held_out],
        project.skeleton,
        project.detector,
        more=more,
        start=detector,
        checkpoint=folder / "refinement.safetensors",
        progress=progress,
    )
    assert report.evaluation is not None
    return new, Comparison(before=evaluate(detector, split.held_out), after=report.evaluation)


def _keep(detector: "Detector", folder: Path) -> None:
    """Put a detector in the place of the old one, which counts as trained from the same labels."""
    from labcut3d.detection.storage import save_detector

    with restamp(folder / "model.toml"):
        save_detector(detector, folder)


def _split(project: Project, reporter: Reporter) -> dict[Path, _Split]:
    """Return the labelled images of each detector, split as in its training."""
    from labcut3d.detection.sampling import hold_out

    images = images_by_detector(project, reporter)
    splits = {}
    for folder, views in model_folders(project).items():
        shown, held_out = hold_out(images[folder], project.detector.held_out)
        if not any(np.isfinite(image.points).any() for image in held_out):
            raise LabelError(
                f"{project.root / 'labels'}: no labels are held out from training"
                f"{suffix_of(project, folder)}, so nothing could tell whether a refined detector "
                "is better; label at least 10 moments, with held_out > 0 in [detector], and train"
            )
        splits[folder] = _Split(views=views, shown=shown, held_out=held_out)
    return splits


def _pseudo_labels(
    project: Project,
    names: Sequence[str],
    splits: Mapping[Path, _Split],
    choice: tuple[int | None, int],
    reporter: Reporter,
) -> list[LabelledImage]:
    """Return pseudo-labelled images of the recordings; `choice` is how many moments, and a seed."""
    from labcut3d.detection.pseudolabels import free_moments, spread_moments

    shown, held_out = (
        {(image.recording, image.frame) for split in splits.values() for image in part(split)}
        for part in (lambda split: split.shown, lambda split: split.held_out)
    )
    agreed = [_agreed(project, name) for name in names]
    free, labelled = [], []
    for one in agreed:
        mine, kept = (
            [frame for recording, frame in part if recording == one.recording]
            for part in (shown, held_out)
        )
        fps = project.frame_rate(project.recording_sources(one.recording))
        free.append(free_moments(one, mine, kept, fps))
        labelled.append([*mine, *kept])
    count, seed = choice
    wanted = len(shown | held_out) if count is None else count
    moments = spread_moments(agreed, free, labelled, wanted, seed)
    if not moments:
        raise DatasetError(
            f"{project.root / 'results'}: in {', '.join(names)} no views agree on any point away "
            "from the labels; check the rig (labcut3d check), film more, or label more moments"
        )
    reporter.note(f"{len(moments)} moments of {len(names)} recordings are pseudo-labelled")
    images = []
    with reporter.task("Reading the pseudo-labelled frames") as progress:
        for index, one in enumerate(agreed):
            chosen = [moment for recording, moment in moments if recording == index]
            images += _images(project, one, chosen)
            progress(index + 1, len(agreed), one.recording)
    return images


def _agreed(project: Project, name: str) -> "PseudoLabels":
    """Return what geometry says about a recording."""
    from labcut3d.detection.pseudolabels import agreed_labels
    from labcut3d.schema import open_dataset

    detections, trajectories = (open_dataset(project.results(name) / file) for file in RESULTS)
    return agreed_labels(name, detections, trajectories, recording_rig(project, name)[0])


def _images(
    project: Project, labels: "PseudoLabels", moments: Sequence[int]
) -> list[LabelledImage]:
    """Read the images of some moments in the views where a point is labelled."""
    sources = project.recording_sources(labels.recording)
    images = []
    for v, view in enumerate(labels.views):
        seen = [m for m in moments if np.isfinite(labels.position[m, v]).any()]
        for moment, image in sources[view].read(seen):
            images.append(
                LabelledImage(
                    recording=labels.recording,
                    frame=int(labels.frames[moment, v]),
                    view=view,
                    image=image,
                    points=labels.position[moment, v],
                    known=labels.known[moment, v],
                )
            )
    return images


def _with_results(project: Project, recordings: Sequence[str]) -> tuple[str, ...]:
    """Return the recordings asked for, which must have been reconstructed; or all that have."""
    names = project.choose_recordings(recordings, ["trajectories.nc"])
    for name in names:
        for file in RESULTS:
            if not (project.results(name) / file).exists():
                raise DatasetError(
                    f"{project.results(name) / file}: no such file; "
                    f"run: labcut3d reconstruct {project.root} {name}"
                )
    return names


def _require_current(project: Project) -> None:
    """Refuse detectors of other labels or settings: they may know what is held out now."""
    inputs = training_inputs(project)
    for folder in model_folders(project):
        changed = changed_inputs(folder / "model.toml", inputs)
        if changed:
            raise DetectorError(
                f"{folder / 'model.toml'}: not trained from the present labels and settings "
                f"(changed: {', '.join(changed)}), so held-out labels cannot judge it; "
                f"run: labcut3d train {project.root}"
            )


def _rig_hash(project: Project) -> str:
    """Return the hash of the rig, or say how to calibrate it."""
    load_rig(project)
    return sha256_of(project.filming_rig_path)


def _model_hashes(project: Project) -> dict[str, str]:
    """Return the hash of each detector as it is now."""
    return {
        f"model {folder.name}": sha256_of(folder / "model.toml")
        for folder in model_folders(project)
    }


def _recording_hashes(project: Project, names: Sequence[str]) -> dict[str, str]:
    """Return the hashes of the recordings and of what was found in them."""
    hashes = {}
    for name in names:
        for file in RESULTS:
            hashes[f"{name}, {file}"] = sha256_of(project.results(name) / file)
        for what, value in source_hashes(project.recording_sources(name)).items():
            hashes[f"{name}, {what}"] = value
    return hashes
