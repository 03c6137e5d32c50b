"""Several cameras in one world, and their file, which Anipose reads as a calibration.toml.

The file holds one table a camera, `[cam_0]`, `[cam_1]`, ... (zero-padded from ten cameras on, so
that programs that sort by name keep the order), and `[metadata]` with the unit of length. Fields
that other programs wrote are kept when a rig is read and written again.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.errors import FileFormatError, RigError
from calibration.files import atomic_write, read_toml, suggest
from calibration.geometry import Array, rotation_from_vector, vector_from_rotation
from calibration.lens import Lens
from calibration.notebook import html_table
from calibration.refraction import Wall
from calibration.units import check_unit

__all__ = ["Rig"]

CAMERA_FIELDS = ("name", "size", "matrix", "distortions", "rotation", "translation")
OWN_FIELDS = (*CAMERA_FIELDS, "fisheye", "wall")
WALL_FIELDS = ("normal", "distance", "thickness", "indices")
SAME_POSE = 1e-6  # of the rig's size, and rad: no two real cameras are this close


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """Cameras with distinct names in one world frame, whose lengths are in `unit`.

    `metadata` is the file's `[metadata]` but for the unit; `extra` holds other programs' tables.
    """

    cameras: tuple[Camera, ...]
    unit: str
    metadata: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cameras", tuple(self.cameras))
        check_unit(self.unit, "rig", RigError)
        if not self.cameras:
            raise RigError("a rig needs at least one camera")
        for name in self.names:
            if self.names.count(name) > 1:
                raise RigError(f"two cameras are called '{name}'; give every camera its own name")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cameras, in order."""
        return tuple(camera.name for camera in self.cameras)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what is doubtful in this rig, such as two cameras in one place."""
        centers = np.stack([camera.center for camera in self.cameras])
        scale = np.ptp(centers, axis=0).max()
        return tuple(
            f"cameras '{a.name}' and '{b.name}' have the same pose; one of them is a copy: "
            "calibrate again, or drop one"
            for a, b in combinations(self.cameras, 2)
            if np.linalg.norm(a.center - b.center) <= SAME_POSE * scale
            and np.abs(a.rotation - b.rotation).max() <= SAME_POSE
        )

    def _repr_html_(self) -> str:
        columns = ("camera", "image, px", "focal length, px", f"stands at, {self.unit}", "wall")
        rows = [
            (
                camera.name,
                f"{camera.size[0]} x {camera.size[1]}",
                f"{camera.matrix[0, 0]:.1f}, {camera.matrix[1, 1]:.1f}",
                ", ".join(f"{value:.4g}" for value in camera.center),
                "-" if camera.wall is None else f"{camera.wall.thickness:.4g} {self.unit}",
            )
            for camera in self
        ]
        return html_table(f"Rig of {len(self)} cameras", columns, rows, "; ".join(self.warnings))

    def __len__(self) -> int:
        return len(self.cameras)

    def __iter__(self) -> Iterator[Camera]:
        return iter(self.cameras)

    def __getitem__(self, name: str) -> Camera:
        for camera in self.cameras:
            if camera.name == name:
                return camera
        raise RigError(f"no camera '{name}' in the rig; it has {', '.join(self.names)}")

    def select(self, names: Sequence[str]) -> "Rig":
        """Return the rig of the cameras called `names`, in that order."""
        return Rig(
            cameras=tuple(self[name] for name in names),
            unit=self.unit,
            metadata=self.metadata,
            extra=self.extra,
        )

    def project(self, points_world: ArrayLike) -> Array:
        """Return the pixels (view, ..., 2) of points (..., 3); NaN behind a camera."""
        return np.stack([camera.project(points_world) for camera in self.cameras])

    def save(self, path: str | os.PathLike[str], covariance: RigCovariance | None = None) -> None:
        """Write the rig, atomically, and its covariance beside it where one is given.

        Neither takes its place before both are written, so that a full disk leaves the old pair.
        """
        import tomlkit  # here, because reading and computing do not need it

        width = len(str(len(self.cameras) - 1))
        tables: dict[str, Any] = {
            f"cam_{index:0{width}d}": _table_of(camera) for index, camera in enumerate(self.cameras)
        }
        metadata = {"unit": self.unit} | self.metadata | {"unit": self.unit}  # first, and ours
        with atomic_write(path) as temporary:
            text = tomlkit.dumps({**tables, **self.extra, "metadata": metadata})
            temporary.write_text(text, encoding="utf-8")
            if covariance is not None:
                covariance.save(path, content=temporary)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, unit: str | None = None) -> "Rig":
        """Read a rig from a calibration.toml of labcut3d or Anipose.

        Anipose's files name no unit of length: give it as `unit`, which for files that do name
        theirs must agree. Raises `FileFormatError` or `RigError` naming the file and the table.
        """
        tables = read_toml(path)
        metadata = tables.pop("metadata", {})
        if not isinstance(metadata, dict):
            raise FileFormatError(f"{path}: 'metadata' must be a table, [metadata]")
        extra = {key: value for key, value in tables.items() if not _is_camera(key, value)}
        keys = sorted((key for key in tables if key not in extra), key=_natural)
        if not keys:
            raise FileFormatError(f"{path}: holds no camera; expected tables [cam_0], [cam_1], ...")
        try:
            return cls(
                cameras=tuple(_camera_of(tables[key], f"[{key}]") for key in keys),
                unit=_agree_on_unit(metadata.pop("unit", None), unit),
                metadata=metadata,
                extra=extra,
            )
        except RigError as error:
            raise RigError(f"{Path(path)}: {error}") from error


def _agree_on_unit(in_file: object, given: str | None) -> str:
    """Return the unit of a file, or the one given by the caller where the file has none."""
    if in_file is None and given is None:
        raise RigError(
            'the file does not say its unit of length; add unit = "mm" (or um, cm, m) under '
            '[metadata], or read it with Rig.load(path, unit="mm")'
        )
    if in_file is not None and given is not None and in_file != given:
        raise RigError(f"the file says unit = {in_file!r}, but unit = {given!r} was asked for")
    return check_unit(given if in_file is None else in_file, "[metadata]", RigError)


def _is_camera(key: str, value: object) -> bool:
    """Tell whether a table of the file is a camera: Anipose takes any that looks like one."""
    return re.fullmatch(r"cam_\d+", key) is not None or (
        isinstance(value, dict) and {"matrix", "rotation"} <= value.keys()
    )


def _natural(key: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sorting key that puts cam_2 before cam_10."""
    parts = re.findall(r"\d+|\D+", key)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)


def _camera_of(table: object, where: str) -> Camera:
    """Return the camera that a table of the file describes."""
    if not isinstance(table, dict):
        raise RigError(f"{where} must be a table")
    missing = [name for name in CAMERA_FIELDS if name not in table]
    if missing:
        raise RigError(f"{where}: '{missing[0]}' is missing")
    fisheye = table.get("fisheye", False)
    if not isinstance(fisheye, bool):
        raise RigError(f"{where}: fisheye = {fisheye!r}; give true or false")
    try:
        rotation = np.array(table["rotation"], dtype=float)
        distortions = np.array(table["distortions"], dtype=float)
    except (TypeError, ValueError) as error:
        raise RigError(f"{where}: rotation and distortions must be lists of numbers") from error
    if rotation.shape != (3,) or not np.isfinite(rotation).all():
        raise RigError(f"{where}: rotation = {table['rotation']}; give a rotation vector of three")
    try:
        return Camera(
            name=table["name"],
            size=table["size"],
            matrix=table["matrix"],
            lens=Lens(distortions=distortions, model="fisheye" if fisheye else "opencv"),
            rotation=rotation_from_vector(rotation),
            translation=table["translation"],
            wall=_wall_of(table["wall"]) if "wall" in table else None,
            extra={key: value for key, value in table.items() if key not in OWN_FIELDS},
        )
    except RigError as error:
        raise RigError(f"{where}: {error}") from error


def _wall_of(table: object) -> Wall:
    """Return the wall that the table `wall` of a camera describes."""
    if not isinstance(table, dict):
        raise RigError(f"wall must be a table with {', '.join(WALL_FIELDS)}")
    for name in table:
        if name not in WALL_FIELDS:
            raise RigError(f"wall: unknown key '{name}'; {suggest(name, WALL_FIELDS)}")
    missing = [name for name in WALL_FIELDS if name not in table]
    if missing:
        raise RigError(f"wall: '{missing[0]}' is missing")
    return Wall(**table)


def _table_of(camera: Camera) -> dict[str, Any]:
    """Return the table of the file that describes a camera."""
    fields: Mapping[str, Any] = {
        "name": camera.name,
        "size": list(camera.size),
        "matrix": camera.matrix.tolist(),
        "distortions": camera.distortions.tolist(),
        "rotation": vector_from_rotation(camera.rotation).tolist(),
        "translation": camera.translation.tolist(),
    }
    fisheye = {"fisheye": True} if camera.lens.model == "fisheye" else {}
    return {**fields, **fisheye, **_wall_table(camera.wall), **camera.extra}


def _wall_table(wall: Wall | None) -> dict[str, Any]:
    """Return the table `wall` of a camera, if it has one."""
    if wall is None:
        return {}
    numbers = wall.normal.tolist(), wall.distance, wall.thickness, list(wall.indices)
    return {"wall": dict(zip(WALL_FIELDS, numbers, strict=True))}
