"""A project's labels out to other programs, with the images that they need."""

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from calibration.files import atomic_write
from labcut3d.errors import LabelError
from labcut3d.formats.labels import VideoLabels
from labcut3d.formats.labels.coco import write_coco
from labcut3d.formats.labels.deeplabcut import write_deeplabcut
from labcut3d.formats.labels.lightning_pose import write_lightning_pose
from labcut3d.formats.labels.registry import LabelFormat
from labcut3d.formats.labels.sleap import write_sleap
from labcut3d.image_folder import ImageFolder
from labcut3d.labels import Labels, labelled_images, read_labels
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.region import Region
from labcut3d.video import Frames

__all__ = ["export_labels"]

Exported = dict[str, list[VideoLabels]]  # by view


def export_labels(
    project: Project, output: Path, format: LabelFormat, reporter: Reporter = SILENT
) -> tuple[Path, ...]:
    """Write all labels of a project into the new folder `output`; return the files to open.

    Each view of each recording becomes a video of its own, RECORDING_VIEW, or RECORDING where the
    project has one view. SLEAP's refer to the project's own files, where a view is all of one.
    Raises `LabelError` where there are no labels, or `output` holds files. Where it fails, it
    leaves nothing behind.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise LabelError(f"{output}: is there already; give a new folder")
    every = _read_all(project, format)
    unsaid = sum(int(_unsaid(labels).sum()) for labels in every.values())
    if unsaid:
        reporter.note(
            f"{unsaid} keypoints of animals that are half labelled are not labelled yet; other "
            "programs cannot tell them from keypoints that are not visible"
        )
    with ExitStack() as failed:
        failed.callback(shutil.rmtree, output, ignore_errors=True)  # it held nothing before
        written = _export(project, every, output, format, reporter)
        failed.pop_all()
    return written


def _unsaid(labels: Labels) -> npt.NDArray[np.bool_]:
    """Return which keypoints nothing is known of, of animals that are labelled in that image."""
    return labels.known.any(axis=-1, keepdims=True) & ~labels.known


def _export(
    project: Project,
    every: Mapping[Path, Labels],
    output: Path,
    format: LabelFormat,
    reporter: Reporter,
) -> tuple[Path, ...]:
    """Write the labels of each file, with the images that they need."""
    videos = _video_names(project, every)
    views: Exported = {view: [] for view in project.views}
    sources: dict[str, Path] = {}
    with reporter.task("Exporting the labels") as progress:
        for done, (path, labels) in enumerate(every.items(), start=1):
            for view, frames in project.labelled_sources(labels).items():
                video = videos[labels.recording, view]
                one = _of_view(path, labels, view, video)
                if format == "sleap" and project.region(view) == Region():
                    one = _of_recording(one, frames)
                else:
                    name = "images" if format in ("sleap", "coco") else "labeled-data"
                    one = _with_images(one, labels, view, frames, output / name / video)
                views[view].append(one)
                sources[video] = frames.path
            progress(done, len(every), labels.recording)
    return _write(project, _same_individuals(views), sources, output, format)


def _video_names(project: Project, every: Mapping[Path, Labels]) -> dict[tuple[str, str], str]:
    """Return the video's name of each recording and view; no two may have the same."""
    names: dict[tuple[str, str], str] = {}
    for path, labels in every.items():
        for view in project.views:
            name = labels.recording if len(project.views) == 1 else f"{labels.recording}_{view}"
            if name in names.values():
                raise LabelError(
                    f"{path}: view '{view}' would be written as '{name}', as is a view of another "
                    f"recording; rename recording '{labels.recording}' or the view"
                )
            names[labels.recording, view] = name
    return names


def _read_all(project: Project, format: LabelFormat) -> dict[Path, Labels]:
    """Return the labels of each file; raise `LabelError` where they cannot be written."""
    every = {
        path: read_labels(path, views=tuple(project.views), keypoints=project.skeleton.keypoints)
        for path in project.label_files()
    }
    if not every:
        raise LabelError(f"{project.root / 'labels'}: no labels to export")
    names = dict.fromkeys(name for labels in every.values() for name in labels.individuals)
    if format == "lightning-pose" and len(names) > 1:
        raise LabelError(
            f"{project.root / 'labels'}: Lightning Pose knows one animal, but the labels have "
            f"{', '.join(names)}; export to deeplabcut, sleap or coco"
        )
    return every


def _write(
    project: Project, views: Exported, sources: dict[str, Path], output: Path, format: LabelFormat
) -> tuple[Path, ...]:
    """Write the tables of labels, whose images are there."""
    videos = [video for several in views.values() for video in several]
    if format == "deeplabcut":
        return (write_deeplabcut(videos, project.skeleton, output),)
    if format == "lightning-pose":
        return write_lightning_pose({v: videos for v, videos in views.items() if videos}, output)
    if format == "coco":
        return (write_coco(videos, project.skeleton, output),)
    return (write_sleap(videos, sources, project.skeleton, output),)


def _of_view(path: Path, labels: Labels, view: str, video: str) -> VideoLabels:
    """Return the labels of one view."""
    v = labels.views.index(view)
    shown = labels.labelled[:, v]
    return VideoLabels(
        file=path,
        video=video,
        keypoints=labels.keypoints,
        individuals=labels.individuals,
        frames=labels.frames[shown],
        position=labels.position[shown, v],
        images=(None,) * int(shown.sum()),
    )


def _of_recording(labels: VideoLabels, frames: Frames) -> VideoLabels:
    """Return labels with the images of the recording itself, where it is a folder of images."""
    if not isinstance(frames, ImageFolder):
        return labels
    path_of = dict(zip(frames.numbers.tolist(), frames.paths, strict=True))
    missing = [frame for frame in labels.frames.tolist() if frame not in path_of]
    if missing:
        raise LabelError(f"{labels.file}: frame {missing[0]} is not in {frames.path}")
    return replace(labels, images=tuple(path_of[frame] for frame in labels.frames.tolist()))


def _with_images(
    one: VideoLabels, labels: Labels, view: str, frames: Frames, folder: Path
) -> VideoLabels:
    """Write the labelled images of a view as .png into `folder`; return its labels with them."""
    only = np.array([name == view for name in labels.views])
    known = labels.known & only[..., None, None]
    shown = labelled_images(replace(labels, known=known), {view: frames})
    digits = max(4, len(str(one.frames.max())))
    paths = []
    for image in shown:
        path = folder / f"img{image.frame:0{digits}d}.png"
        with atomic_write(path) as temporary:
            _, encoded = cv2.imencode(".png", cv2.cvtColor(image.image, cv2.COLOR_RGB2BGR))
            temporary.write_bytes(encoded.tobytes())
        paths.append(path)
    return replace(one, images=tuple(paths), size=frames.size)


def _same_individuals(views: Exported) -> Exported:
    """Return the labels with the individuals of all recordings in each."""
    videos = [one for several in views.values() for one in several]
    individuals = tuple(dict.fromkeys(name for one in videos for name in one.individuals))

    def widen(one: VideoLabels) -> VideoLabels:
        """Return the labels of one video with all individuals."""
        position = np.full((len(one.frames), len(individuals), *one.position.shape[2:]), np.nan)
        position[:, [individuals.index(name) for name in one.individuals]] = one.position
        return replace(one, individuals=individuals, position=position)

    return {view: [widen(one) for one in several] for view, several in views.items()}
