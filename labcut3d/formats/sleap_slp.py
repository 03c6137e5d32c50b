"""SLEAP's .slp: detections of one video in and out, through sleap-io.

Instances are told apart by their tracks. Where somebody corrected a prediction, the correction is
taken. Pixels' centres are whole numbers, as here.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from calibration.files import atomic_write
from labcut3d.errors import FileFormatError
from labcut3d.formats.deeplabcut_tables import ONLY
from labcut3d.formats.exported import Export
from labcut3d.formats.extras import require
from labcut3d.formats.hdf5 import LARGEST, open_hdf5
from labcut3d.formats.views import ViewDetections

__all__ = ["read_slp", "write_slp"]

WHAT = "SLEAP's .slp files"


def read_slp(path: str | os.PathLike[str]) -> ViewDetections:
    """Read the tracks in the one video of a .slp that has any.

    Raises `FileFormatError` naming the file and what is wrong.
    """
    path = Path(path)
    sleap_io = require("sleap_io", "sleap", WHAT)
    with open_hdf5(path):
        try:
            labels = sleap_io.load_slp(str(path), open_videos=False)
            video = _only_video(path, labels)
            tracks = [str(track.name) for track in labels.tracks]
            nodes = [str(node) for node in labels.skeleton.node_names]
            _require_few(path, labels, video, max(len(tracks), 1) * len(nodes))
            points = labels.numpy(video=video, untracked=not tracks, return_confidence=True)
        except (AttributeError, IndexError, AssertionError, OverflowError) as error:
            raise FileFormatError(f"{path}: not a readable SLEAP file ({error})") from error
    count = points.shape[1]
    names = tracks or [ONLY if count == 1 else f"{ONLY}_{n}" for n in range(1, count + 1)]
    if len(set(names)) != len(names) or len(names) != count or len(set(nodes)) != len(nodes):
        raise FileFormatError(f"{path}: tracks or nodes share a name; rename them in SLEAP")
    points = np.swapaxes(np.asarray(points, dtype=float), 1, 2)
    return ViewDetections(
        path=path,
        keypoints=tuple(nodes),
        individuals=tuple(names),
        position=points[..., :2],
        confidence=points[..., 2],
        may_end_early=True,
    )


def write_slp(export: Export, path: str | os.PathLike[str]) -> None:
    """Write one view of detections as predicted instances, a track for each individual."""
    sleap_io = require("sleap_io", "sleap", WHAT)
    nodes = sleap_io.Skeleton(
        nodes=list(export.keypoints),
        edges=[[export.keypoints[a], export.keypoints[b]] for a, b in export.bones],
        name=export.skeleton.name,
    )
    view = export.dataset.isel(view=0)
    order = ("time", "individual", "keypoint")
    positions = view["position"].transpose(*order, "space").values.astype(float)
    confidences = view["confidence"].transpose(*order).values.astype(float)
    tracks = [sleap_io.Track(name) for name in export.individuals]
    video = sleap_io.Video.from_filename(f"{export.title}_{view['view'].item()}.mp4")
    frames = []
    for number, points, scores in zip(
        view["frame"].values.tolist(), positions, confidences, strict=True
    ):
        seen = np.isfinite(points).all(axis=-1)
        instances = [
            sleap_io.PredictedInstance.from_numpy(
                points[i],
                skeleton=nodes,
                point_scores=scores[i],
                score=float(scores[i][seen[i]].mean()),
                track=track,
            )
            for i, track in enumerate(tracks)
            if seen[i].any()
        ]
        frames.append(sleap_io.LabeledFrame(video=video, frame_idx=number, instances=instances))
    content = sleap_io.Labels(labeled_frames=frames, skeletons=[nodes], tracks=tracks)
    with atomic_write(path) as temporary:
        sleap_io.save_slp(content, str(temporary), embed=False, verbose=False)


def _only_video(path: Path, labels: Any) -> Any:
    """Return the one video that has instances."""
    shown = [
        video
        for video in labels.videos
        if any(frame.video is video and frame.instances for frame in labels.labeled_frames)
    ]
    if len(shown) != 1:
        raise FileFormatError(
            f"{path}: {len(shown) or 'none'} of its {len(labels.videos)} videos have instances; "
            "save those of each video into a .slp of its own"
        )
    return shown[0]


def _require_few(path: Path, labels: Any, video: Any, points: int) -> None:
    """Refuse frame numbers that would ask for more than memory holds."""
    numbers = [frame.frame_idx for frame in labels.labeled_frames if frame.video is video]
    if min(numbers) < 0 or max(numbers) * points * 3 > LARGEST:
        raise FileFormatError(
            f"{path}: has a frame {max(numbers, key=abs)} with {points} points; divide the file"
        )
