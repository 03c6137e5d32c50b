"""NWB with the extension ndx-pose: points, skeleton, cameras and provenance, through pynwb.

Of trajectories, the module `behavior` holds a `MultiCameraPoseEstimation` for each individual, with
a series for each keypoint in the dataset's unit (`conversion` takes it to metres) and, where
detections are known, a `PoseEstimation` of each view; and a TimeSeries of the covariances. Of
detections alone, a `PoseEstimation` for each view and individual. Cameras are `CalibratedCamera`
devices where there is a rig. The dataset's attributes are the file's notes, as JSON.

Source: ndx-pose 0.4, and the best practices that nwbinspector checks.
"""

import datetime
import hashlib
import json
import os
from types import ModuleType
from typing import Any

import numpy as np
import xarray as xr

from calibration.files import atomic_write
from calibration.units import METRES
from labcut3d.errors import DatasetError
from labcut3d.formats.exported import Export
from labcut3d.formats.extras import require
from labcut3d.formats.nwb_cameras import camera_devices
from labcut3d.version import __version__

__all__ = ["write_nwb"]

WHAT = "NWB files"
UNKNOWN_START = "1970-01-01T00:00:00+00:00"
SUBJECT = ("subject_id", "species", "sex", "age", "strain", "genotype", "description")
UNKNOWN = {"sex": "U", "age": "P0D/"}  # NWB's words for unknown, and for any age from birth on
STEADY = 1e-6  # s; times that differ less from an even rate are told as that rate
WORLD = "world frame of the calibrated rig, in which (0, 0, 0) is its origin"
IMAGE = "(0, 0) is the centre of the upper left pixel of the view"
CERTAINTY = "how likely the point is right, 0 to 1"


def write_nwb(export: Export, path: str | os.PathLike[str]) -> None:
    """Write trajectories or detections with all that is known beside them."""
    pynwb, pose = require("pynwb", "nwb", WHAT), require("ndx_pose", "nwb", WHAT)
    file = _new_file(export, pynwb)
    devices = camera_devices(export, pynwb, pose)
    for device in devices.values():
        file.add_device(device)
    skeleton = pose.Skeleton(
        name=_plain_name(export.skeleton.name),
        nodes=list(export.keypoints),
        edges=np.array(export.bones, dtype="uint8").reshape(-1, 2),
    )
    module = file.create_processing_module(
        name="behavior", description="positions of keypoints, from videos of several views"
    )
    module.add(pose.Skeletons(skeletons=[skeleton]))
    about = {
        "scorer": "labcut3d",
        "source_software": str(export.dataset.attrs.get("source_software", "labcut3d")),
        "source_software_version": str(export.dataset.attrs["labcut3d_version"]),
        "skeleton": skeleton,
    }
    for name, one in export.each_individual():
        if export.is_3d:
            found = one.detections
            views = [] if found is None else _views(found, name, devices, about, pose)
            module.add(_points(one, name, views, about, pose))
            module.add(_covariance(one, name, pynwb))
        else:
            for view in _views(one.dataset, name, devices, about, pose):
                module.add(view)
    with atomic_write(path) as temporary, pynwb.NWBHDF5IO(str(temporary), mode="w") as stream:
        stream.write(file)


def _new_file(export: Export, pynwb: ModuleType) -> Any:
    """Return an NWB file that says what it holds and where it comes from."""
    try:
        started = datetime.datetime.fromisoformat(export.started or UNKNOWN_START)
    except ValueError as error:
        raise DatasetError(
            f"start '{export.started}': give the moment of the first frame as "
            "2026-05-31T14:03:00+02:00"
        ) from error
    attributes = {str(name): str(value) for name, value in export.dataset.attrs.items()}
    notes = json.dumps(attributes, sort_keys=True)
    content = export.dataset["position"].values.tobytes()
    known = export.started_from if export.started else "when it was filmed is not known"
    return pynwb.NWBFile(
        session_description=f"recording {export.title}" + (f"; {known}" if known else ""),
        identifier=hashlib.sha256(notes.encode() + content).hexdigest(),
        session_start_time=started if started.tzinfo else started.astimezone(),
        session_id=export.title,
        notes=notes,
        keywords=["pose estimation", "kinematics", "video"],
        was_generated_by=[["labcut3d", __version__]],
        subject=_subject(export, pynwb),
    )


def _subject(export: Export, pynwb: ModuleType) -> Any:
    """Return what is known of who was filmed."""
    wrong = [name for name in export.subject if name not in SUBJECT]
    if wrong:
        raise DatasetError(f"subject has '{wrong[0]}'; NWB knows {', '.join(SUBJECT)}")
    named = ", ".join(_plain_name(name) for name in export.individuals)
    return pynwb.file.Subject(**{"subject_id": named, **UNKNOWN, **export.subject})


def _points(one: Export, name: str, views: list[Any], about: dict[str, Any], pose: Any) -> Any:
    """Return the 3-D points of an individual."""
    dataset = one.dataset.sel(individual=name)
    unit = str(dataset.attrs["unit"])
    series = [
        pose.PoseEstimationSeries(
            name=_plain_name(keypoint),
            description=f"position of {keypoint}, stored in {unit}",
            data=_packed(dataset["position"].sel(keypoint=keypoint).transpose("time", "space")),
            unit="meters",
            conversion=METRES[unit],
            reference_frame=WORLD,
            confidence=dataset["confidence"].sel(keypoint=keypoint).values,
            confidence_definition=CERTAINTY,
            **_clock(dataset["time"].values, one.fps),
        )
        for keypoint in one.keypoints
    ]
    return pose.MultiCameraPoseEstimation(
        name=_plain_name(f"{name}_3d"),
        description=f"3-D positions of {name}",
        pose_estimation_series=series,
        pose_estimations=views,
        **about,
    )


def _views(
    detections: xr.Dataset, name: str, devices: dict[str, Any], about: dict[str, Any], pose: Any
) -> list[Any]:
    """Return what each view saw of an individual, in pixels."""
    found = []
    for view in detections["view"].values:
        dataset = detections.sel(view=view, individual=name)
        clock = _clock(dataset["view_time"].values, float(detections.attrs["fps"]))
        series = [
            pose.PoseEstimationSeries(
                name=_plain_name(keypoint),
                description=f"position of {keypoint} in the image of {view}",
                data=_packed(dataset["position"].sel(keypoint=keypoint).transpose("time", "space")),
                unit="pixels",
                reference_frame=IMAGE,
                confidence=dataset["confidence"].sel(keypoint=keypoint).values,
                confidence_definition=CERTAINTY,
                **clock,
            )
            for keypoint in detections["keypoint"].values
        ]
        found.append(
            pose.PoseEstimation(
                name=_plain_name(f"{name}_{view}"),
                description=f"positions of {name} in the images of {view}",
                pose_estimation_series=series,
                device=devices[str(view)],
                **about,
            )
        )
    return found


def _covariance(one: Export, name: str, pynwb: ModuleType) -> Any:
    """Return the covariances of an individual's points, as a series of (keypoint, 3, 3)."""
    dataset = one.dataset.sel(individual=name)
    unit = str(dataset.attrs["unit"])
    return pynwb.TimeSeries(
        name=_plain_name(f"{name}_3d_covariance"),
        description=f"covariance of the positions of {name}, stored in {unit}^2: time, keypoint "
        f"({', '.join(one.keypoints)}), space, space",
        data=_packed(dataset["covariance"].transpose("time", "keypoint", "space", "space_")),
        unit="meters^2",
        conversion=METRES[unit] ** 2,
        **_clock(dataset["time"].values, one.fps),
    )


def _packed(values: xr.DataArray) -> Any:
    """Return values to be compressed."""
    h5 = require("hdmf.backends.hdf5.h5_utils", "nwb", WHAT)
    return h5.H5DataIO(values.values, compression="gzip")


def _clock(seconds: np.ndarray, fps: float) -> dict[str, Any]:
    """Return times (time,) s as a rate, or as time stamps where they are not even."""
    even = seconds[0] + np.arange(len(seconds)) / fps
    if np.abs(seconds - even).max() < STEADY:
        return {"rate": fps, "starting_time": float(seconds[0])}
    return {"timestamps": seconds}


def _plain_name(name: object) -> str:
    """Return a name without what HDF5's paths and NWB's names do not allow."""
    return str(name).replace("/", "_").replace(":", "_")
