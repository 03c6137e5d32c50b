"""Which reader a labels file needs, told by its content, and which of its videos is meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from labcut3d.errors import FileFormatError
from labcut3d.formats.hdf5 import MAGIC, open_hdf5
from labcut3d.formats.labels.coco import read_coco
from labcut3d.formats.labels.deeplabcut import read_deeplabcut
from labcut3d.formats.labels.sleap import read_sleap
from labcut3d.formats.labels.video_labels import VideoLabels

__all__ = ["WRITERS", "LabelFormat", "choose_video", "read_label_file"]

LabelFormat = Literal["deeplabcut", "sleap", "lightning-pose", "coco"]
WRITERS: tuple[LabelFormat, ...] = get_args(LabelFormat)
READABLE = (
    "a DeepLabCut project or CollectedData .csv or .h5, SLEAP's .slp, Lightning Pose's .csv, and "
    "COCO keypoints .json"
)


def read_label_file(path: Path, *, predicted: bool = False) -> tuple[VideoLabels, ...]:
    """Read the labels of any known program, one entry for each of its videos.

    `predicted` goes with SLEAP. Raises `FileFormatError` naming the file and what can be read.
    """
    if path.is_dir():
        return read_deeplabcut(path)
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file or folder; check the path")
    with path.open("rb") as stream:
        start = stream.read(64)
    if start.startswith(MAGIC):
        with open_hdf5(path) as file:
            is_sleap = "videos_json" in file
        return read_sleap(path, predicted=predicted) if is_sleap else read_deeplabcut(path)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return read_coco(path)
    if path.suffix.lower() == ".csv":
        return read_deeplabcut(path)
    raise FileFormatError(f"{path}: no labels of a known program; labcut3d reads {READABLE}")


def choose_video(
    videos: Sequence[VideoLabels], names: Sequence[str], view: str, asked: str | None = None
) -> VideoLabels:
    """Return the video called `asked`; else the only one, or the one called by one of `names`.

    A name is the end of a video's path; the first that one video alone has is taken. Raises
    `FileFormatError` listing the videos where none or several fit.
    """
    if len(videos) == 1 and asked is None:
        return videos[0]
    for name in names if asked is None else [asked]:
        found = [video for video in videos if f"/{video.video}".endswith(f"/{name}")]
        if len(found) == 1:
            return found[0]
    present = ", ".join(video.video for video in videos)
    what = "which of its videos is" if asked is None else f"no or several videos '{asked}' for"
    raise FileFormatError(
        f"{videos[0].file}: {what} view '{view}'? It has labels of {present}; "
        f"say --video {view}=NAME"
    )
