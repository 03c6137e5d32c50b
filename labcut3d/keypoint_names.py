"""Which of a project's views and keypoints the names in another program's file mean."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from labcut3d.errors import LabelError
from labcut3d.project import Project

__all__ = ["match_keypoints", "require_view"]


def require_view(project: Project, view: str) -> None:
    """Refuse a view that the project does not have; raises `LabelError`."""
    if view not in project.views:
        raise LabelError(
            f"{project.root}: no view '{view}'; project.toml has {', '.join(project.views)}"
        )


def match_keypoints(
    project: Project, view: str, names: Sequence[str], rename: Mapping[str, str], file: Path
) -> dict[str, int]:
    """Return the place in `names` of each of the skeleton's keypoints that the file has.

    `rename` maps names in the file to the project's, or to "" to leave them out. A name may end in
    "_VIEW", as where one file of Lightning Pose holds several views. Raises `LabelError` naming
    the file, the keypoints that are not in the skeleton, and the nearest that are.
    """
    known = project.skeleton.keypoints
    columns: dict[str, int] = {}
    unknown = []
    for column, given in enumerate(names):
        name = rename.get(given, given)
        base, _, end = name.rpartition("_")
        if name not in known and base in known and end in project.views:
            name = base if end == view else ""
        if not name:
            continue
        if name not in known:
            unknown.append(given)
        elif name in columns:
            raise LabelError(f"{file}: two keypoints of view '{view}' become '{name}'")
        else:
            columns[name] = column
    if unknown:
        left = [name for name in known if name not in columns] or known
        raise LabelError(_unknown(file, unknown, left))
    return columns


def _unknown(file: Path, unknown: Sequence[str], known: Sequence[str]) -> str:
    """Return the message for keypoints that the skeleton does not have."""
    plain = {name.casefold().replace("_", ""): name for name in known}
    near = {}
    for name in unknown:
        found = difflib.get_close_matches(name.casefold().replace("_", ""), plain, n=1)
        near[name] = plain[found[0]] if found else ""
    hints = " ".join(f"--rename '{name}={nearest}'" for name, nearest in near.items())
    return (
        f"{file}: keypoints {', '.join(unknown)} are not in the project's skeleton "
        f"({', '.join(known)}); rename them, or leave them out by an empty name: {hints}"
    )
