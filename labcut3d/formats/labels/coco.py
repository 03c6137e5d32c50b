"""COCO's keypoints: one JSON file of images, categories and annotations.

An annotation has x, y, v for each keypoint: v = 0 not labelled, 1 labelled but hidden, 2 visible.
Hidden ones keep their place. Where v = 0, or x = y = 0 as programs write what they do not know,
the point is missing. A keypoint is the index of a pixel, whose centre is the integer; boxes are
measured from the image's corner. The last number in an image's name is its frame.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic

from calibration.files import is_file, read_text, write_text
from labcut3d.errors import FileFormatError
from labcut3d.formats.labels.video_labels import VideoLabels, labels_by_video, no_points
from labcut3d.skeleton import Skeleton

__all__ = ["read_coco", "write_coco"]

LARGEST = 2**28  # bytes; COCO's own training set, of 150,000 people, has 240 MB
VISIBLE, MISSING = 2, 0

Number = Annotated[float, pydantic.Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """One image; `file_name` is relative to the JSON file or to a folder beside it."""

    id: int
    file_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Category:
    """A kind of object and its keypoints."""

    id: int
    name: str
    keypoints: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    """One object in an image: x, y, v of each keypoint of its category."""

    image_id: int
    category_id: int
    keypoints: list[Number] = field(default_factory=list)
    track_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What is read of a COCO file; its other keys are ignored."""

    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


def read_coco(path: Path) -> tuple[VideoLabels, ...]:
    """Read a COCO keypoints file, one entry for each folder of images.

    Individuals are named by category; where an image shows several of one, also by their
    `track_id`, or else by their order in the file, which is noted.
    """
    content = _parse(path)
    categories = {one.id: one for one in content.categories if one.keypoints}
    if not categories:
        raise FileFormatError(f"{path}: no category has keypoints; export keypoints, not boxes")
    shown = [one for one in content.annotations if one.keypoints]
    rows = {image.id: row for row, image in enumerate(content.images)}
    if len(rows) != len(content.images):
        raise FileFormatError(f"{path}: two images have the same id")
    for one in shown:
        if one.image_id not in rows or one.category_id not in categories:
            raise FileFormatError(
                f"{path}: an annotation names image {one.image_id} and category "
                f"{one.category_id}, which the file does not have with keypoints"
            )
    named, notes = _individuals(path, shown, categories)
    keypoints = list(dict.fromkeys(name for one in categories.values() for name in one.keypoints))
    individuals = list(dict.fromkeys(named))
    position = no_points(path, len(rows), len(individuals), len(keypoints))
    zeros = 0
    for name, one in zip(named, shown, strict=True):
        names = categories[one.category_id].keypoints
        points, zero = _points(path, one, names)
        zeros += zero
        columns = [keypoints.index(keypoint) for keypoint in names]
        position[rows[one.image_id], individuals.index(name), columns] = points
    if zeros:
        notes.append(f"{path}: {zeros} points marked as labelled at (0, 0) are taken as missing")
    every = VideoLabels(
        file=path,
        video="",
        keypoints=tuple(keypoints),
        individuals=tuple(individuals),
        frames=np.arange(len(rows)),
        position=position,
        images=(None,) * len(rows),
        notes=tuple(notes),
    )
    names = [image.file_name for image in content.images]
    videos = labels_by_video(every, names, lambda parts: _find_image(path, parts))
    if not videos:
        raise FileFormatError(f"{path}: no annotation has a labelled keypoint")
    return videos


def write_coco(videos: Sequence[VideoLabels], skeleton: Skeleton, folder: Path) -> Path:
    """Write annotations.json beside the folder of images; each individual is a category."""
    individuals = videos[0].individuals
    bones = [[a + 1, b + 1] for a, b in skeleton.bone_indices]  # COCO counts keypoints from 1
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for video in videos:
        width, height = video.size or (0, 0)
        for image, position in zip(video.images, video.position, strict=True):
            if image is None:
                raise FileFormatError(f"{folder}: the images of {video.video} were not written")
            name = image.relative_to(folder).as_posix()
            images.append(
                {"id": len(images) + 1, "file_name": name, "width": width, "height": height}
            )
            for category, points in enumerate(position, start=1):
                if np.isfinite(points).any():
                    ids = {"id": len(annotations) + 1, "image_id": len(images)}
                    annotations.append({**ids, "category_id": category, **_annotation(points)})
    content = {
        "info": {"description": f"{skeleton.name}, labels of labcut3d"},
        "images": images,
        "categories": [
            {"id": number, "name": name, "keypoints": list(skeleton.keypoints), "skeleton": bones}
            for number, name in enumerate(individuals, start=1)
        ],
        "annotations": annotations,
    }
    path = folder / "annotations.json"
    write_text(path, json.dumps(content, indent=1))
    return path


def _annotation(points: np.ndarray) -> dict[str, Any]:
    """Return the keypoints (n, 2) px, of which some are seen, and the box of pixels around them."""
    seen = np.asarray(np.isfinite(points).all(axis=-1))
    flags = np.where(seen, VISIBLE, MISSING)
    flat = [
        value
        for (x, y), v in zip(np.where(seen[:, None], points, 0.0), flags, strict=True)
        for value in (float(x), float(y), int(v))
    ]
    low, high = points[seen].min(axis=0), points[seen].max(axis=0)
    width, height = (high - low + 1).tolist()  # a pixel's index is its edge's place in the box
    return {
        "keypoints": flat,
        "num_keypoints": int(seen.sum()),
        "bbox": [*low.tolist(), width, height],
        "area": width * height,
        "iscrowd": 0,
    }


def _parse(path: Path) -> _File:
    """Return what the file holds, or say where it is wrong."""
    try:
        content = json.loads(read_text(path, LARGEST))
        return pydantic.TypeAdapter(_File).validate_python(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FileFormatError(f"{path}: no COCO keypoints: '{place}': {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: not readable as JSON: {error}") from error


def _individuals(
    path: Path, annotations: Sequence[_Annotation], categories: dict[int, _Category]
) -> tuple[list[str], list[str]]:
    """Return the individual's name of each annotation, and notes."""
    kinds = Counter((one.image_id, one.category_id) for one in annotations)
    several = {category for (_, category), count in kinds.items() if count > 1}
    ordered = False
    places: Counter[tuple[int, int]] = Counter()
    names = []
    for one in annotations:
        name = categories[one.category_id].name
        if one.category_id in several:
            key = one.image_id, one.category_id
            places[key] += 1
            ordered |= one.track_id is None
            name += f"_{places[key] if one.track_id is None else one.track_id}"
        names.append(name)
    twice = Counter((one.image_id, name) for one, name in zip(annotations, names, strict=True))
    for (image, name), count in twice.items():
        if count > 1:
            raise FileFormatError(f"{path}: image {image} shows '{name}' twice")
    note = f"{path}: individuals have no track_id; they are numbered in the order of the file"
    return names, [note] if ordered else []


def _points(path: Path, one: _Annotation, names: Sequence[str]) -> tuple[np.ndarray, int]:
    """Return the points (n, 2) px of an annotation, and how many were marked labelled at (0, 0)."""
    if len(one.keypoints) != 3 * len(names):
        raise FileFormatError(
            f"{path}: an annotation of image {one.image_id} has {len(one.keypoints)} numbers; "
            f"{len(names)} keypoints need x, y, v each"
        )
    triples = np.array(one.keypoints).reshape(-1, 3)
    if not np.isin(triples[:, 2], (0, 1, 2)).all():
        raise FileFormatError(
            f"{path}: an annotation of image {one.image_id} has a visibility other than 0, 1 and 2"
        )
    labelled = triples[:, 2] > 0
    zero = labelled & (triples[:, :2] == 0).all(axis=1)
    return np.where((labelled & ~zero)[:, None], triples[:, :2], np.nan), int(zero.sum())


def _find_image(path: Path, parts: tuple[str, ...]) -> Path | None:
    """Return the image that the file `path` names, where it exists."""
    beside = (path.parent, path.parent.parent)  # as in annotations/train.json and images/
    folders = [*beside, *(folder / "images" for folder in beside)]
    # never by the name alone where there is a folder: another may have an image of the same name
    ends = [parts[start:] for start in range(max(1, len(parts) - 1))]
    candidates = (folder.joinpath(*end) for end in ends for folder in folders)
    return next((image for image in candidates if is_file(image)), None)
