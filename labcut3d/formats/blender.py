"""Points as JSON for Blender, or any program that reads JSON: names, bones, unit, points.

Blender counts in metres: multiply by `metres_per_unit`. Axes are left as they are; where the rig
was aligned with z up, they are Blender's.

    import bpy, json
    walk = json.load(open("walk.json"))
    for individual, keypoints in walk["points"].items():
        for name, track in keypoints.items():
            empty = bpy.data.objects.new(f"{individual}.{name}", None)
            bpy.context.collection.objects.link(empty)
            for frame, point in zip(walk["frames"], track):
                if point is not None:
                    empty.location = [walk["metres_per_unit"] * x for x in point]
                    empty.keyframe_insert("location", frame=frame)
"""

import json
import os

import numpy as np

from calibration.files import write_text
from calibration.units import METRES
from labcut3d.formats.exported import Export

__all__ = ["write_blender"]


def write_blender(export: Export, path: str | os.PathLike[str]) -> None:
    """Write positions as JSON; a missing point is null. Covariances are left out."""
    dataset = export.dataset
    order = ("individual", "keypoint", "time", "space")
    points = dataset["position"].transpose(*order).values
    missing = np.asarray(np.isnan(points).any(axis=-1))
    tracks = {
        individual: {
            keypoint: [
                None if gone else point
                for point, gone in zip(points[i, k].tolist(), missing[i, k].tolist(), strict=True)
            ]
            for k, keypoint in enumerate(export.keypoints)
        }
        for i, individual in enumerate(export.individuals)
    }
    content = {
        "format": "labcut3d points",
        "version": 1,
        "title": export.title,
        "fps": export.fps,
        "unit": dataset.attrs["unit"],
        "metres_per_unit": METRES[dataset.attrs["unit"]],
        "frames": dataset["frame"].isel(view=0).values.tolist(),
        "seconds": dataset["time"].values.tolist(),
        "bones": [[export.keypoints[a], export.keypoints[b]] for a, b in export.bones],
        "points": tracks,
    }
    write_text(path, json.dumps(content, allow_nan=False) + "\n")
