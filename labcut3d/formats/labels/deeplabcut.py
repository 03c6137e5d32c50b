"""DeepLabCut's and Lightning Pose's labels: CollectedData.csv or .h5, alone or in a project folder.

A row is an image, labeled-data/VIDEO/img0012.png, whose number is the frame's. An empty cell says
that the body part is not visible; an image with none at all was not labelled. Integer coordinates
are the centres of pixels.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np

from calibration.files import is_file, write_text
from labcut3d.errors import FileFormatError
from labcut3d.formats.deeplabcut_tables import IMAGE_LEVELS, read_table
from labcut3d.formats.labels.deeplabcut_config import CONFIG, read_config, write_config
from labcut3d.formats.labels.video_labels import VideoLabels, labels_by_video
from labcut3d.skeleton import Skeleton

__all__ = ["SCORER", "collected_data", "read_deeplabcut", "write_deeplabcut"]

SCORER = "labcut3d"
FOLDER = "labeled-data"


def read_deeplabcut(path: Path) -> tuple[VideoLabels, ...]:
    """Read a CollectedData file, a folder with one, or a whole project; one entry for each video.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    videos: list[VideoLabels] = []
    for file in _label_files(path):
        videos += _read_file(file)
    if path.is_dir() and not (path / CONFIG).is_file() and path.parent.name == FOLDER:
        videos = [video for video in videos if video.video == path.name] or videos
    if not videos:
        raise FileFormatError(f"{path}: no image has any label; label some first")
    return tuple(videos)


def write_deeplabcut(videos: Sequence[VideoLabels], skeleton: Skeleton, folder: Path) -> Path:
    """Write config.yaml and a CollectedData file beside the images of each video.

    The images lie in `folder`/labeled-data/VIDEO already. Returns the path of config.yaml.
    """
    for video in videos:
        path = folder / FOLDER / video.video / f"CollectedData_{SCORER}.csv"
        write_text(path, collected_data([video], folder, separate=True))
    return write_config(folder, videos, skeleton, SCORER)


def collected_data(videos: Sequence[VideoLabels], folder: Path, *, separate: bool) -> str:
    """Return the labels of videos as CSV; `separate` puts the parts of a path into columns."""
    first = videos[0]
    named_by = IMAGE_LEVELS if separate else 1
    several = len(first.individuals) > 1
    columns = [
        (SCORER, *([individual] if several else []), keypoint, coord)
        for individual in first.individuals
        for keypoint in first.keypoints
        for coord in "xy"
    ]
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    levels = ("scorer", *(["individuals"] if several else []), "bodyparts", "coords")
    for level, names in zip(levels, zip(*columns, strict=True), strict=True):
        writer.writerow([level, *[""] * (named_by - 1), *names])
    for video in videos:
        for image, points in zip(video.images, video.position, strict=True):
            if image is None:
                raise FileFormatError(f"{folder}: the images of {video.video} were not written")
            name = image.relative_to(folder).as_posix()
            numbers = ["" if np.isnan(value) else repr(float(value)) for value in points.ravel()]
            writer.writerow([*(name.split("/") if separate else [name]), *numbers])
    return stream.getvalue()


def _label_files(path: Path) -> list[Path]:
    """Return the CollectedData files that `path` stands for."""
    if path.is_file():
        return [path]
    if (path / CONFIG).is_file():
        scorer = read_config(path / CONFIG).scorer
        folders = sorted(p for p in (path / FOLDER).glob("*") if p.is_dir())
        found = [file for folder in folders for file in _prefer_csv(folder, scorer)]
    else:
        found = _prefer_csv(path)
        if not found and path.parent.name == FOLDER:  # all videos' labels in one file
            found = _prefer_csv(path.parent.parent)
    if not found:
        raise FileFormatError(
            f"{path}: no CollectedData .csv or .h5 here; give the project's folder with its "
            f"{CONFIG}, a folder {FOLDER}/VIDEO, or the file itself"
        )
    return found


def _prefer_csv(folder: Path, scorer: str = "") -> list[Path]:
    """Return the one CollectedData file of a folder: that of the scorer, and .csv before .h5."""
    found = [p for p in sorted(folder.glob("CollectedData*")) if p.suffix in (".csv", ".h5")]
    found = [p for p in found if p.stem == f"CollectedData_{scorer}"] or found
    if len({p.stem for p in found}) > 1:
        names = ", ".join(p.name for p in found)
        raise FileFormatError(f"{folder}: several CollectedData files ({names}); give one of them")
    return found[:1]  # sorted, so .csv comes first


def _read_file(path: Path) -> tuple[VideoLabels, ...]:
    """Read one CollectedData file."""
    table = read_table(path)
    if not table.of_images:
        raise FileFormatError(
            f"{path}: the rows are numbers, so these are detections of a video and no labels; "
            "give the CollectedData file"
        )
    every = VideoLabels(
        file=path,
        video="",
        keypoints=table.keypoints,
        individuals=table.individuals,
        frames=np.arange(len(table.rows)),
        position=np.swapaxes(table.values[..., :2], 1, 2),
        images=(None,) * len(table.rows),
    )
    return labels_by_video(every, table.rows, lambda parts: _find_image(path, parts))


def _find_image(path: Path, parts: tuple[str, ...]) -> Path | None:
    """Return the image that a row of the file `path` names, where it exists."""
    project = path.absolute().parents[min(2, len(path.absolute().parents) - 1)]
    candidates = (
        path.parent / Path(*parts),
        project / Path(*parts),
        path.parent / parts[-1],
    )
    return next((image for image in candidates if is_file(image)), None)
