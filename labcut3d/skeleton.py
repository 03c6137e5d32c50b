"""What is tracked on an animal: keypoints, bones, left/right pairs, angles and its own axes."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from calibration.files import read_toml, reject_unknown_keys
from labcut3d.errors import FileFormatError

__all__ = ["Angle", "Body", "Skeleton", "guess_left_right", "load_skeleton", "preset_names"]

# What tells a left name from its partner's; a lone l or L is no part of a word.
SIDES = {
    "left": "right",
    "Left": "Right",
    "LEFT": "RIGHT",
    r"(?<![A-Za-z])l(?![A-Za-z])": "r",
    r"(?<![A-Z])L(?![a-z])": "R",
    r"(?<![A-Za-z])L(?=[A-Z])": "R",
}
KEYS = ("name", "keypoints", "bones", "left_right", "angles", "body")
PARTS_OF_BODY = ("front", "rear", "left", "right")
PRESETS = resources.files("labcut3d") / "skeletons"


@dataclass(frozen=True, slots=True, kw_only=True)
class Angle:
    """An angle with a name: at `joint`, between `first` and `last`."""

    name: str
    first: str
    joint: str
    last: str

    @property
    def keypoints(self) -> tuple[str, str, str]:
        """The three keypoints in order."""
        return self.first, self.joint, self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The animal's own axes, from the middles of keypoints, where its origin is `rear`.

    x points from `rear` to `front`; y from `right` to `left`, made upright on x; z up, from its
    belly to its back.
    """

    front: tuple[str, ...]
    rear: tuple[str, ...]
    left: tuple[str, ...]
    right: tuple[str, ...]

    @property
    def keypoints(self) -> tuple[str, ...]:
        """All keypoints that it needs, each once."""
        return tuple(dict.fromkeys(self.front + self.rear + self.left + self.right))


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """The keypoints of an animal and how they belong together.

    `bones` are pairs of keypoints joined by a line in pictures; `left_right` are pairs that
    change roles in a mirror image. `angles` and the axes of the `body`, if it has any, are what
    kinematics are told in.
    """

    name: str
    keypoints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...] = ()
    left_right: tuple[tuple[str, str], ...] = ()
    angles: tuple[Angle, ...] = ()
    body: Body | None = None

    def __post_init__(self) -> None:
        """Refuse repeated or unknown keypoints."""
        if not self.keypoints:
            raise FileFormatError(f"skeleton '{self.name}': needs at least one keypoint")
        repeated = {name for name in self.keypoints if self.keypoints.count(name) > 1}
        if repeated:
            raise FileFormatError(
                f"skeleton '{self.name}': keypoint {min(repeated)!r} stands twice"
            )
        for field in ("bones", "left_right"):
            for pair in getattr(self, field):
                self._require_known(pair, field)
                if len(pair) != 2 or pair[0] == pair[1]:
                    raise FileFormatError(
                        f"skeleton '{self.name}': {field} has {list(pair)}; "
                        "each entry is a pair of two different keypoints"
                    )
        self._check_angles_and_body()
        paired = [name for pair in self.left_right for name in pair]
        if len(set(paired)) != len(paired):
            raise FileFormatError(
                f"skeleton '{self.name}': a keypoint stands in two left_right pairs"
            )

    def _check_angles_and_body(self) -> None:
        """Refuse angles without three keypoints, and axes that cannot be told."""
        names = [angle.name for angle in self.angles]
        for angle in self.angles:
            self._require_known(angle.keypoints, f"the angle {angle.name!r}")
            if len(set(angle.keypoints)) != 3:
                raise FileFormatError(
                    f"skeleton '{self.name}': the angle {angle.name!r} has "
                    f"{list(angle.keypoints)}; it takes three different keypoints"
                )
            if names.count(angle.name) > 1:
                raise FileFormatError(
                    f"skeleton '{self.name}': the angle {angle.name!r} stands twice"
                )
        if self.body is None:
            return
        self._require_known(self.body.keypoints, "body")
        for one, other in (("front", "rear"), ("left", "right")):
            ends = set(getattr(self.body, one)), set(getattr(self.body, other))
            if not all(ends) or ends[0] == ends[1]:
                raise FileFormatError(
                    f"skeleton '{self.name}': body needs keypoints for {one!r} and {other!r}, "
                    "and not the same"
                )

    def _require_known(self, names: Sequence[str], where: str) -> None:
        """Refuse names that are no keypoints."""
        for name in names:
            if name not in self.keypoints:
                raise FileFormatError(
                    f"skeleton '{self.name}': {where} names {name!r}, which is none of "
                    f"the keypoints {', '.join(self.keypoints)}"
                )

    @property
    def mirrored(self) -> tuple[int, ...]:
        """The index that each keypoint takes in a mirror image."""
        partner = {a: b for pair in self.left_right for a, b in (pair, pair[::-1])}
        return tuple(self.keypoints.index(partner.get(name, name)) for name in self.keypoints)

    @property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """The bones as pairs of indices into `keypoints`."""
        return tuple((self.keypoints.index(a), self.keypoints.index(b)) for a, b in self.bones)


def preset_names() -> tuple[str, ...]:
    """Return the names of the skeletons that come with labcut3d."""
    return tuple(
        sorted(entry.name[:-5] for entry in PRESETS.iterdir() if entry.name.endswith(".toml"))
    )


def load_skeleton(name: str | os.PathLike[str]) -> Skeleton:
    """Load a preset by its name, or a skeleton TOML file by its path.

    Raises `FileFormatError` naming the file and the fix.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if str(name) not in preset_names():
            raise FileFormatError(
                f"skeleton '{name}': neither a preset ({', '.join(preset_names())}) "
                "nor a path ending in .toml"
            )
        with resources.as_file(PRESETS / f"{name}.toml") as preset:
            return parse_skeleton(read_toml(preset), str(preset))
    return parse_skeleton(read_toml(path), str(path))


def parse_skeleton(table: dict[str, Any], where: str) -> Skeleton:
    """Return the skeleton that a TOML table describes; `where` names its place in messages."""
    reject_unknown_keys(table, KEYS, where)
    keypoints = table.get("keypoints")
    if not isinstance(keypoints, list) or not all(isinstance(k, str) and k for k in keypoints):
        raise FileFormatError(f"{where}: 'keypoints' must be a list of names")
    return Skeleton(
        name=str(table.get("name", Path(where).stem)),
        keypoints=tuple(keypoints),
        bones=_pairs(table, "bones", where),
        left_right=_pairs(table, "left_right", where),
        angles=_angles(table, where),
        body=_body(table, where),
    )


def _pairs(table: dict[str, Any], key: str, where: str) -> tuple[tuple[str, str], ...]:
    """Return a list of pairs of names from a TOML table."""
    pairs = table.get(key, [])
    good = isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
        for pair in pairs
    )
    if not good:
        raise FileFormatError(f"{where}: '{key}' must be a list of pairs of keypoint names")
    return tuple((pair[0], pair[1]) for pair in pairs)


def _angles(table: dict[str, Any], where: str) -> tuple[Angle, ...]:
    """Return the angles of a TOML table `[angles]`: name = [first, joint, last]."""
    angles = table.get("angles", {})
    if not isinstance(angles, dict):
        raise FileFormatError(f"{where}: [angles] must be a table: name = [first, joint, last]")
    found = []
    for name, triple in angles.items():
        if not _is_list_of_names(triple) or len(triple) != 3:
            raise FileFormatError(
                f"{where}: the angle {name!r} must be three keypoint names: "
                f"[first, joint, last], not {triple!r}"
            )
        first, joint, last = triple
        found.append(Angle(name=name, first=first, joint=joint, last=last))
    return tuple(found)


def _body(table: dict[str, Any], where: str) -> Body | None:
    """Return the axes that a TOML table `[body]` tells, if there is one."""
    body = table.get("body")
    if body is None:
        return None
    if not isinstance(body, dict):
        raise FileFormatError(f"{where}: [body] must be a table of {', '.join(PARTS_OF_BODY)}")
    reject_unknown_keys(body, PARTS_OF_BODY, f"{where}: [body]")
    for part in PARTS_OF_BODY:
        if not _is_list_of_names(body.get(part)):
            raise FileFormatError(f"{where}: [body] needs {part!r}, a list of keypoint names")
    return Body(**{part: tuple(body[part]) for part in PARTS_OF_BODY})


def _is_list_of_names(value: Any) -> bool:
    """Tell whether a value of a TOML table is a list of one name or more."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)


def guess_left_right(keypoints: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return pairs of keypoints whose names differ only by left and right, or by a lone L and R.

    Such as leftear and rightear, Ear_L and Ear_R, pawL1 and pawR1.
    """
    pairs = []
    for name in keypoints:
        for pattern, partner in SIDES.items():
            other = re.sub(pattern, partner, name)
            if other != name and other in keypoints:
                pairs.append((name, other))
                break
    return tuple(pairs)
