"""SLEAP's analysis files (.analysis.h5): the tracked instances of one video.

Datasets: `tracks` (track, 2, node, frame) px, NaN where unseen; `node_names`, `track_names`;
`point_scores` (track, node, frame). An instance that was never tracked has no name.
"""

import os
from pathlib import Path

import numpy as np

from labcut3d.errors import FileFormatError
from labcut3d.formats.hdf5 import names_in, open_hdf5, read_in
from labcut3d.formats.views import ViewDetections

__all__ = ["read_sleap_analysis"]

KIND = "SLEAP analysis file"


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
    )
