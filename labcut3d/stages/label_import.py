"""Labels of other programs into a project."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from calibration.files import atomic_write
from labcut3d.errors import LabelError, VideoError
from labcut3d.formats.labels import VideoLabels, choose_video, read_label_file
from labcut3d.image_folder import IMAGE_ENDINGS, ImageFolder
from labcut3d.keypoint_names import match_keypoints, require_view
from labcut3d.label_merging import merge_label_rows
from labcut3d.labels import LabelRow, read_label_rows, write_label_rows
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.project_view import require_name
from labcut3d.region import Region
from labcut3d.stages.locking import exclusive
from labcut3d.video import Frames, find_source, open_frames

__all__ = ["ImportChoices", "import_labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportChoices:
    """What to do where files and project differ.

    `videos` names the video of a view whose file has several; `rename` maps a keypoint's name in
    the files to the project's, or to "" to leave it out; `replace` lets new labels take the place
    of others in the same image; `predicted` takes SLEAP's proofread predictions.
    """

    videos: Mapping[str, str]
    rename: Mapping[str, str]
    replace: bool = False
    predicted: bool = False


AS_THEY_ARE = ImportChoices(videos={}, rename={})


@exclusive
def import_labels(
    project: Project,
    recording: str,
    files: Mapping[str, Path],
    choices: ImportChoices = AS_THEY_ARE,
    reporter: Reporter = SILENT,
) -> Path:
    """Merge other programs' labels, a file for each view, into labels/RECORDING.csv.

    Where a view has no video in the recording, its labelled images become a folder of images
    there. Everything is checked before anything is written. Raises `LabelError` or
    `FileFormatError` naming the file, what does not fit, and the fix.
    """
    require_name(recording, "recording")
    path = project.root / "labels" / f"{recording}.csv"
    views, keypoints = tuple(project.views), project.skeleton.keypoints
    rows = read_label_rows(path, views, keypoints) if path.exists() else []
    copies: dict[Path, Path] = {}
    added: list[LabelRow] = []
    for view, file in files.items():
        require_view(project, view)
        joined = (f"{recording}/{view}", f"{recording}_{view}", f"{view}_{recording}")
        videos = read_label_file(file, predicted=choices.predicted)
        labels = choose_video(videos, (*joined, recording, view), view, choices.videos.get(view))
        labels = _in_project(project, view, labels, choices.rename)
        labels, images = _in_view(project, recording, view, labels)
        copies |= images
        added += _rows(view, labels)
        for note in labels.notes:
            reporter.note(note)
    merged = merge_label_rows(path, rows, added, choices.replace)
    for target, image in copies.items():
        with atomic_write(target) as temporary:
            shutil.copyfile(image, temporary)
    order = {view: place for place, view in enumerate(views)}
    write_label_rows(path, sorted(merged, key=lambda row: (row.frame, order[row.view])))
    count = len({(row.frame, row.view) for row in added})
    reporter.note(f"{count} labelled images of {', '.join(files)} are in {path}")
    return path


def _in_project(
    project: Project, view: str, labels: VideoLabels, rename: Mapping[str, str]
) -> VideoLabels:
    """Return the labels of a view with the skeleton's keypoints, in its order."""
    columns = match_keypoints(project, view, labels.keypoints, rename, labels.file)
    known = project.skeleton.keypoints
    position = np.full((*labels.position.shape[:2], len(known), 2), np.nan)
    for name, column in columns.items():
        position[:, :, known.index(name)] = labels.position[:, :, column]
    return replace(labels, keypoints=known, position=position).without_empty()


def _in_view(
    project: Project, recording: str, view: str, labels: VideoLabels
) -> tuple[VideoLabels, dict[Path, Path]]:
    """Return the labels in px of the view, and the images to copy into the recording.

    Raises `LabelError` where frames are neither in the recording nor images beside the labels, or
    images and video differ in size.
    """
    folder = project.root / "recordings" / recording
    stem = project.views[view].file or view
    region = project.region(view)
    present = folder.is_dir() and any(
        path.stem == stem for path in folder.iterdir() if not path.name.startswith(".")
    )
    source = open_frames(find_source(folder, stem), region) if present else None
    held = set() if source is None else set(source.numbers.tolist())
    missing = [n for n, frame in enumerate(labels.frames.tolist()) if frame not in held]
    copies = {}
    if missing and (source is None or isinstance(source, ImageFolder)):
        for n in missing:
            image = labels.images[n]
            if image is None or image.suffix.lower() not in IMAGE_ENDINGS:
                raise LabelError(_no_image(labels, n, folder, stem))
            copies[folder / stem / image.name] = image
    elif missing:
        raise LabelError(
            f"{labels.file}: frame {labels.frames[missing[0]]} of {labels.video} is not in "
            f"{source.path if source else folder}; these are the labels of another video"
        )
    images = [image for image in labels.images if image is not None]
    size = _view_size(region, images, source)
    position = region.to_view(labels.position, size[0])
    outside = ((position < -0.5) | (position > np.array(size) - 0.5)).any(axis=-1)
    position[outside] = np.nan
    notes = labels.notes
    if outside.any():
        n, _, k = np.argwhere(outside)[0]
        notes += (
            f"{labels.file}: {outside.sum()} points lie outside the image of view '{view}' and "
            f"are left out, the first '{labels.keypoints[k]}' in frame {labels.frames[n]}",
        )
    return replace(labels, position=position, size=size, notes=notes).without_empty(), copies


def _no_image(labels: VideoLabels, n: int, folder: Path, stem: str) -> str:
    """Return the message for a labelled frame that is to be seen nowhere."""
    return (
        f"{labels.file}: no image of frame {labels.frames[n]} of {labels.video} beside it, and no "
        f"video in the recording; put the labelled video there as {folder / stem}.mp4"
    )


def _view_size(region: Region, images: Sequence[Path], source: Frames | None) -> tuple[int, int]:
    """Return the (width, height) of a view; images and video must agree on it."""
    first_of = {} if source is None else {source.size: source.path}
    for image in images:
        try:
            with Image.open(image) as opened:
                first_of.setdefault(region.size(opened.size, image), image)
        except (OSError, UnidentifiedImageError) as error:
            raise VideoError(f"{image}: not a readable image; export it again") from error
    if len(first_of) > 1:
        listed = ", ".join(f"{path} has {w}x{h} px" for (w, h), path in first_of.items())
        raise LabelError(
            f"labelled images and recording differ in size ({listed}), so some were cropped or "
            "scaled; import those of each size into a recording of its own, which is then made of "
            "the images"
        )
    return next(iter(first_of))


def _rows(view: str, labels: VideoLabels) -> list[LabelRow]:
    """Return the labels of a view as rows: all keypoints of the individuals that are seen."""
    return [
        LabelRow(int(frame), view, individual, keypoint, float(x), float(y))
        for frame, animals in zip(labels.frames, labels.position, strict=True)
        for individual, points in zip(labels.individuals, animals, strict=True)
        if np.isfinite(points).any()
        for keypoint, (x, y) in zip(labels.keypoints, points, strict=True)
    ]
