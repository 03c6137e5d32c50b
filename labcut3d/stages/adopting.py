"""From a DeepLabCut project to a new project of ours that can train."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import tomlkit

from calibration.files import write_text
from labcut3d.errors import ProjectError
from labcut3d.formats.labels.deeplabcut import read_deeplabcut
from labcut3d.formats.labels.deeplabcut_config import CONFIG, read_config
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.skeleton import Skeleton, guess_left_right
from labcut3d.stages.label_import import ImportChoices, import_labels
from labcut3d.template import new_project

__all__ = ["project_from_deeplabcut"]


def project_from_deeplabcut(
    root: Path, source: Path, views: Sequence[str], reporter: Reporter = SILENT
) -> Project:
    """Make the project `root` from the DeepLabCut project in `source`: skeleton, labels, images.

    With one view, each labelled video becomes a recording. With several, a video belongs to the
    view whose name stands in its own, and to the recording that the rest of the name spells.
    Raises `ProjectError` or `FileFormatError` naming what does not fit.
    """
    config = read_config(source / CONFIG)
    videos = {labels.video: labels for labels in read_deeplabcut(source)}
    places = _places(source, list(videos), views)
    for video, labels in videos.items():
        if None in labels.images:
            frame = labels.frames[labels.images.index(None)]
            raise ProjectError(
                f"{source}: the labelled image of frame {frame} of video '{video}' is missing from "
                f"labeled-data/{video}; put it back, or take its row out of {labels.file.name}"
            )
    pairs = guess_left_right(config.keypoints)
    skeleton = Skeleton(
        name=config.name or "animal",
        keypoints=config.keypoints,
        bones=config.bones,
        left_right=pairs,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "skeleton.toml"
        write_text(path, _toml(skeleton))
        project = new_project(root, views=views, skeleton=str(path))
    for recording, of_view in places.items():
        files = {view: videos[video].file for view, video in of_view.items()}
        choices = ImportChoices(videos=of_view, rename={})
        import_labels(project, recording, files, choices, reporter)
    told = ", ".join(f"{left} and {right}" for left, right in pairs) or "none"
    reporter.note(f"Left/right pairs, guessed from the names: {told}; see {root / 'skeleton.toml'}")
    return project


def _places(source: Path, videos: Sequence[str], views: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the videos by recording and view."""
    places: dict[str, dict[str, str]] = {}
    for video in videos:
        view, rest = views[0], video
        if len(views) > 1:
            found = {
                name: re.sub(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", " ", video)
                for name in views
            }
            found = {name: left for name, left in found.items() if left != video}
            if len(found) != 1:
                raise ProjectError(
                    f"{source}: the name of video '{video}' tells {len(found) or 'none'} of the "
                    f"views {', '.join(views)}; name the views as the videos do, or make a project "
                    "with labcut3d new and take each video's labels with labcut3d import-labels"
                )
            ((view, rest),) = found.items()
        recording = re.sub(r"[^A-Za-z0-9_-]+", "-", rest.strip(" _-.")) or "recording"
        recording = re.sub(r"[_-]*-[_-]*", "-", recording) if len(views) > 1 else recording
        other = places.setdefault(recording, {}).setdefault(view, video)
        if other != video:
            raise ProjectError(
                f"{source}: videos '{other}' and '{video}' would both be view '{view}' of "
                f"recording '{recording}'; rename one"
            )
    return places


def _toml(skeleton: Skeleton) -> str:
    """Return a skeleton as its TOML file."""
    return tomlkit.dumps(
        {
            "name": skeleton.name,
            "keypoints": list(skeleton.keypoints),
            "bones": [list(bone) for bone in skeleton.bones],
            "left_right": [list(pair) for pair in skeleton.left_right],
        }
    )
