"""SLEAP's .slp, through sleap-io (`pip install "labcut3d[sleap]"`).

The instances that somebody labelled are taken, named by their track. What is not visible is
missing. Frames are counted as in the video; where a "video" is a list of images, by the last
number in their names.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from calibration.files import atomic_write, is_file
from labcut3d.errors import FileFormatError, VideoError
from labcut3d.formats.deeplabcut_tables import ONLY
from labcut3d.formats.extras import require
from labcut3d.formats.hdf5 import open_hdf5
from labcut3d.formats.labels.video_labels import VideoLabels, no_points
from labcut3d.image_folder import last_number
from labcut3d.skeleton import Skeleton

__all__ = ["read_sleap", "write_sleap"]

WHAT = "SLEAP's .slp files"


def read_sleap(path: Path, *, predicted: bool = False) -> tuple[VideoLabels, ...]:
    """Read a .slp, one entry for each video with labels.

    `predicted` takes a frame's predicted instances where nobody labelled it: for files that were
    proofread. Raises `FileFormatError` naming the file and the fix.
    """
    sleap_io = require("sleap_io", "sleap", WHAT)
    with open_hdf5(path):
        try:
            labels = sleap_io.load_slp(str(path), open_videos=False)
            chosen = [(frame, _instances(frame, predicted)) for frame in labels.labeled_frames]
        except (AttributeError, IndexError, AssertionError) as error:
            raise FileFormatError(f"{path}: not a readable SLEAP file ({error})") from error
    videos = []
    for video in labels.videos:
        shown = [(frame, found) for frame, found in chosen if frame.video is video and found]
        if shown:
            videos.append(_video_labels(path, video, shown))
    if not videos:
        count = sum(len(frame.predicted_instances) for frame in labels.labeled_frames)
        raise FileFormatError(
            f"{path}: nobody labelled anything in it; it has {count} predicted instances"
            + (", which --predicted takes if they were proofread" if count else "")
        )
    return tuple(video.without_empty() for video in videos)


def write_sleap(
    videos: Sequence[VideoLabels], sources: Mapping[str, Path], skeleton: Skeleton, folder: Path
) -> Path:
    """Write labels.slp, which refers to the labelled images, or where there are none to the video.

    `sources` maps the name of a video to its file.
    """
    sleap_io = require("sleap_io", "sleap", WHAT)
    nodes = sleap_io.Skeleton(
        nodes=list(skeleton.keypoints),
        edges=[list(bone) for bone in skeleton.bones],
        symmetries=[list(pair) for pair in skeleton.left_right],
        name=skeleton.name,
    )
    tracks = {name: sleap_io.Track(name) for one in videos for name in one.individuals}
    frames = []
    for labels in videos:
        listed = [str(image.absolute()) for image in labels.images if image is not None]
        names = listed or str(sources[labels.video].absolute())
        video = sleap_io.Video.from_filename(names)
        for index, position in enumerate(labels.position):
            instances = [
                sleap_io.Instance.from_numpy(points, skeleton=nodes, track=tracks[name])
                for name, points in zip(labels.individuals, position, strict=True)
                if np.isfinite(points).any()
            ]
            place = index if listed else int(labels.frames[index])
            frames.append(sleap_io.LabeledFrame(video=video, frame_idx=place, instances=instances))
    path = folder / "labels.slp"
    content = sleap_io.Labels(labeled_frames=frames, skeletons=[nodes])
    with atomic_write(path) as temporary:
        sleap_io.save_slp(content, str(temporary), embed=False, verbose=False)
    for video in content.videos:
        video.close()
    return path


def _instances(frame: Any, predicted: bool) -> list[Any]:
    """Return the instances of a frame that are labels."""
    found = list(frame.user_instances)
    return found or (list(frame.predicted_instances) if predicted else [])


def _video_labels(path: Path, video: Any, shown: list[tuple[Any, list[Any]]]) -> VideoLabels:
    """Return the labels of one video."""
    several = max(len(found) for _, found in shown) > 1
    individuals: dict[str, None] = {}
    keypoints: dict[str, None] = {}
    points: dict[tuple[int, str], dict[str, Any]] = {}
    unnamed = False
    for frame, found in shown:
        number, _ = _place(path, video, frame.frame_idx)
        for order, instance in enumerate(found, start=1):
            tracked = instance.track is not None and instance.track.name
            unnamed |= several and not tracked
            name = str(tracked or (f"{ONLY}_{order}" if several else ONLY))
            if (number, name) in points:
                raise FileFormatError(
                    f"{path}: frame {number} of {_name(video)} has two instances of '{name}'"
                )
            individuals[name] = None
            nodes = [str(node) for node in instance.skeleton.node_names]
            keypoints.update(dict.fromkeys(nodes))
            points[number, name] = dict(zip(nodes, instance.numpy()[:, :2], strict=True))
    frames = sorted({number for number, _ in points})
    position = no_points(path, len(frames), len(individuals), len(keypoints))
    rows = {number: index for index, number in enumerate(frames)}
    places = {name: index for index, name in enumerate(individuals)}
    columns = {name: index for index, name in enumerate(keypoints)}
    for (number, name), nodes in points.items():
        for node, point in nodes.items():
            position[rows[number], places[name], columns[node]] = point
    images = dict(_place(path, video, frame.frame_idx) for frame, _ in shown)
    note = f"{path}: instances without a track are numbered in the order of each frame"
    return VideoLabels(
        file=path,
        video=_name(video),
        keypoints=tuple(keypoints),
        individuals=tuple(individuals),
        frames=np.array(frames, dtype=np.int64),
        position=position,
        images=tuple(images[number] for number in frames),
        notes=(note,) if unnamed else (),
    )


def _source(video: Any) -> str | list[str]:
    """Return the file or the images of a video, also where its frames are kept in the .slp."""
    return getattr(video.source_video, "filename", None) or video.filename


def _name(video: Any) -> str:
    """Return a video's path without its ending, or that of its folder of images."""
    source = _source(video)
    path = PurePosixPath((source[0] if isinstance(source, list) else source).replace("\\", "/"))
    return str(path.parent if isinstance(source, list) else path.with_suffix(""))


def _place(path: Path, video: Any, index: int) -> tuple[int, Path | None]:
    """Return the number of a frame, and its image where it is one of a list that exists."""
    source = _source(video)
    if not isinstance(source, list):
        return int(index), None
    try:
        image = Path(source[index].replace("\\", "/"))
        return last_number(image), image if is_file(image) else None
    except (IndexError, VideoError) as error:
        raise FileFormatError(f"{path}: frame {index} of {_name(video)}: {error}") from error
