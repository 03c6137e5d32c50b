"""A new project: its folders, and a project.toml to fill in, by hand or by `edit_project`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from calibration.files import read_text, read_toml, write_text
from labcut3d.errors import ProjectError
from labcut3d.project import Project, load_project, parse_project
from labcut3d.project_view import require_name
from labcut3d.skeleton import load_skeleton

__all__ = ["edit_project", "new_project"]

TEMPLATE = """\
# A labcut3d project. Lengths are in the unit of the board.

skeleton = "{skeleton}"
# fps = 30.0            # only needed when the videos do not tell

# One table a view; its videos are calibration/VIEW.mp4 and recordings/NAME/VIEW.mp4.
# Optional keys: file = "other-name", crop = [x, y, width, height], mirror = true
{views}

# The calibration board: take the comment signs away and measure the printed squares.
# [board]
# type = "charuco"      # or "chessboard", whose squares_x and squares_y count inner corners
# squares_x = 7
# squares_y = 5
# square_length = 8.0
# marker_length = 6.0
# dictionary = "DICT_4X4_50"
# unit = "mm"

# Filming into a box, or into water? See docs/refraction.md.
# [chamber]
# inner = [120.0, 120.0, 80.0]  # its lengths inside, along its own x, y and z
# wall = 3.0                    # thickness of its walls
# unit = "mm"
# material = "acrylic"          # or "glass", "polycarbonate", "polystyrene", or an index: 1.49
# inside = "air"                # or "water", "agarose", or an index

# What an event is, such as egg-laying or a walk: see docs/events.md.
# [events.grooming]
# signal = "distance:left_hind_knee,abdomen_a5"
# side = "below"
# enter = 0.2
# leave = 0.3
# unit = "mm"

# Who was filmed and when, for exports such as NWB.
# [subject]
# species = "Drosophila melanogaster"
# sex = "F"
# age = "P5D"           # five days
# [started]
# NAME = 2026-05-31T14:03:00+02:00

# labels/NAME.csv holds lines such as: 0,cam0,animal,{keypoint},123.4,56.7
"""


def new_project(root: str | os.PathLike[str], *, views: Sequence[str], skeleton: str) -> Project:
    """Make the folders and the project.toml of a new project.

    `skeleton` is a preset's name or the path of a TOML file, which is copied into the project.
    Raises `ProjectError` where a project exists already; nothing is ever overwritten.
    """
    root = Path(root)
    path = root / "project.toml"
    if path.exists():
        raise ProjectError(f"{path}: a project exists here already; choose another folder")
    for view in views:
        require_name(view, "view")
    if not views or len(set(views)) != len(views):
        raise ProjectError(
            f"views {', '.join(views) or '(none)'}: give each view one name of its own"
        )
    loaded = load_skeleton(skeleton)
    for folder in ("calibration", "recordings", "labels"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    if skeleton.endswith(".toml"):
        write_text(root / "skeleton.toml", Path(skeleton).read_text(encoding="utf-8"))
        skeleton = "skeleton.toml"
    lines = "\n".join(f"[views.{view}]" for view in views)
    write_text(path, TEMPLATE.format(skeleton=skeleton, views=lines, keypoint=loaded.keypoints[0]))
    return load_project(root)


def edit_project(root: str | os.PathLike[str], changes: Mapping[str, Any]) -> Project:
    """Set keys and tables of project.toml, such as `{"board": {...}}`; all else stays as it is.

    None takes a key away. Nothing is written where the settings would be wrong then: the error is
    that of `load_project`.
    """
    root = Path(root)
    path = root / "project.toml"
    read_toml(path)  # says where it is no TOML
    document = tomlkit.parse(read_text(path))
    for key, value in changes.items():
        document.pop(key, None)
        if value is not None:
            document[key] = value
    project = parse_project(root, document.unwrap())
    write_text(path, tomlkit.dumps(document))
    return project
