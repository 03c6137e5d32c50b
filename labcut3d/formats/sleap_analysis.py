"""SLEAP's analysis files (.analysis.h5): the tracked instances of one video.

Datasets: `tracks` (track, 2, node, frame) px, NaN where unseen; `node_names`, `track_names`;
`point_scores` (track, node, frame). An instance that was never tracked has no name.
Frames count from 0, as in the video.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from calibration.files import atomic_write
from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats.exported import Export
from labcut3d.formats.hdf5 import names_in, open_hdf5, read_in
from labcut3d.formats.views import ViewDetections

__all__ = ["read_sleap_analysis", "write_sleap_analysis"]

KIND = "SLEAP analysis file"
LARGEST_FRAME = 10**7  # 28 hours at 100 frames a second


def read_sleap_analysis(path: str | os.PathLike[str]) -> ViewDetections:
    """Read a SLEAP analysis file; raises `FileFormatError` naming the file and what is wrong."""
    path = Path(path)
    with open_hdf5(path) as file:
        tracks = read_in(file, "tracks", KIND)
        keypoints = names_in(file, "node_names", KIND)
        named = names_in(file, "track_names", KIND) if "track_names" in file else ()
        scores = read_in(file, "point_scores", KIND) if "point_scores" in file else None
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, len(keypoints)):
        raise FileFormatError(
            f"{path}: 'tracks' has shape {tracks.shape}; with {len(keypoints)} nodes it must be "
            f"(track, 2, {len(keypoints)}, frame)"
        )
    count, _, _, frames = tracks.shape
    if count == 0:
        raise FileFormatError(f"{path}: holds no track; track the instances in SLEAP first")
    if scores is None:
        scores = np.full((count, len(keypoints), frames), np.nan)
    if scores.shape != (count, len(keypoints), frames):
        raise FileFormatError(
            f"{path}: 'point_scores' has shape {scores.shape}, not "
            f"{(count, len(keypoints), frames)} as 'tracks'"
        )
    if named and len(named) != count:
        raise FileFormatError(f"{path}: {len(named)} track names for {count} tracks")
    individuals = named or tuple(f"track_{index}" for index in range(count))
    for what, names in (("node", keypoints), ("track", individuals)):
        if len(set(names)) != len(names):
            raise FileFormatError(f"{path}: a {what} name stands twice among {', '.join(names)}")
    return ViewDetections(
        path=path,
        keypoints=keypoints,
        individuals=individuals,
        position=np.transpose(tracks, (3, 2, 0, 1)),
        confidence=np.transpose(scores, (2, 1, 0)),
        may_end_early=True,
    )


def write_sleap_analysis(export: Export, path: str | os.PathLike[str]) -> None:
    """Write one view of detections; covariances and the frame rate are left out."""
    view = export.dataset.isel(view=0)
    frames = view["frame"].values
    if frames.min() < 0 or frames.max() > LARGEST_FRAME:
        raise DatasetError(
            f"{export.title}: frames {frames.min()} to {frames.max()} are too many for one file"
        )
    order, count = ("individual", "space", "keypoint", "time"), int(frames.max()) + 1
    positions = _at(frames, count, view["position"].transpose(*order).values)
    scores = _at(frames, count, view["confidence"].transpose(order[0], *order[2:]).values)
    seen = np.isfinite(positions).all(axis=1)
    present = seen.sum(axis=1) > 0
    scores = np.where(seen, scores, np.nan)
    total = np.where(present, seen.sum(axis=1), 1)
    means = np.where(present, np.nansum(scores, axis=1) / total, np.nan)
    bones = [(export.keypoints[a], export.keypoints[b]) for a, b in export.bones]
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file.create_dataset("tracks", data=positions, compression="gzip")
        file.create_dataset("point_scores", data=scores, compression="gzip")
        file["instance_scores"] = means
        file["tracking_scores"] = np.where(present, 1.0, np.nan)
        file["track_occupancy"] = present.T.astype(np.uint8)
        file["track_names"] = _texts(export.individuals)
        file["node_names"] = _texts(export.keypoints)
        file["edge_inds"] = np.array(export.bones, dtype=np.int32).reshape(-1, 2)
        file["edge_names"] = np.array([_texts(pair) for pair in bones], dtype="S").reshape(-1, 2)
        file["labels_path"] = ""
        file["video_path"] = f"{export.title}_{view['view'].item()}.mp4"
        file["video_ind"] = np.int32(0)
        file["provenance"] = "{}"


def _at(frames: np.ndarray, count: int, values: np.ndarray) -> np.ndarray:
    """Return values (..., time) as (..., `count`), each at its frame; NaN elsewhere."""
    placed = np.full((*values.shape[:-1], count), np.nan)
    placed[..., frames] = values
    return placed


def _texts(names: Sequence[str]) -> np.ndarray:
    """Return names as the bytes that SLEAP stores."""
    return np.array([name.encode() for name in names], dtype="S")
