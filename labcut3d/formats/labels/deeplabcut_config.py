"""DeepLabCut's config.yaml: its body parts and skeleton.

All values are read as text and nothing is constructed; aliases, by which a small file can stand
for a huge one, are refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from calibration.files import read_text, write_text
from labcut3d.errors import FileFormatError
from labcut3d.formats.labels.video_labels import VideoLabels
from labcut3d.skeleton import Skeleton

__all__ = ["CONFIG", "DeepLabCutConfig", "read_config", "write_config"]

CONFIG = "config.yaml"
LARGEST = 2**20  # bytes; a config.yaml has a few thousand


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepLabCutConfig:
    """What a DeepLabCut project says about itself; `bones` join two of the `keypoints`."""

    name: str
    scorer: str
    keypoints: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]


class _TextLoader(yaml.BaseLoader):
    """A loader that makes text, lists and mappings only, and follows no alias."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse an alias."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(
                problem="aliases (*name) are not read; write the value out",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)


def read_config(path: Path) -> DeepLabCutConfig:
    """Read config.yaml; raises `FileFormatError` naming the file, and the line or the key.

    Bones that name no body part are left out: new projects come with such examples.
    """
    try:
        table = yaml.load(read_text(path, LARGEST), Loader=_TextLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise FileFormatError(f"{path}: not readable as YAML: {said}") from error
    if not isinstance(table, dict):
        raise FileFormatError(f"{path}: no settings of a DeepLabCut project")
    keypoints = table.get("bodyparts")
    if isinstance(keypoints, str):  # "MULTI!": a project of several animals has its own keys
        keypoints = [
            *_names(table, "multianimalbodyparts", path),
            *_names(table, "uniquebodyparts", path),
        ]
    else:
        keypoints = _names(table, "bodyparts", path)
    if not keypoints:
        raise FileFormatError(f"{path}: no 'bodyparts'; this is no config.yaml of DeepLabCut")
    lines = table.get("skeleton") or []
    bones = [
        (line[0], line[1])
        for line in (lines if isinstance(lines, list) else [])
        if isinstance(line, list)
        and len(line) == 2
        and all(isinstance(name, str) and name in keypoints for name in line)
        and line[0] != line[1]
    ]
    return DeepLabCutConfig(
        name=_text(table, "Task"),
        scorer=_text(table, "scorer"),
        keypoints=tuple(keypoints),
        bones=tuple(dict.fromkeys(bones)),
    )


def write_config(
    folder: Path, videos: Sequence[VideoLabels], skeleton: Skeleton, scorer: str
) -> Path:
    """Write the config.yaml of a project whose labels lie in `folder`; return its path."""
    individuals = videos[0].individuals
    several = len(individuals) > 1
    keypoints = list(skeleton.keypoints)
    settings: dict[str, Any] = {
        "Task": skeleton.name,
        "scorer": scorer,
        "date": "labcut3d",
        "multianimalproject": several,
        "identity": False,
        "project_path": str(folder.resolve()),
        "engine": "pytorch",
        "video_sets": {
            str(folder.resolve() / "videos" / f"{video.video}.mp4"): {
                "crop": "0, {}, 0, {}".format(*(video.size or (0, 0)))
            }
            for video in videos
        },
        "bodyparts": "MULTI!" if several else keypoints,
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [list(bone) for bone in skeleton.bones],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 8,
        "alphavalue": 0.7,
        "colormap": "rainbow",
        "TrainingFraction": [0.95],
        "iteration": 0,
        "default_net_type": "resnet_50",
        "default_augmenter": "default",
        "snapshotindex": -1,
        "batch_size": 8,
        "cropping": False,
        "x1": 0,
        "x2": 640,
        "y1": 0,
        "y2": 480,
        "corner2move2": [50, 50],
        "move2corner": True,
    }
    if several:
        settings["individuals"] = list(individuals)
        settings["multianimalbodyparts"] = keypoints
        settings["uniquebodyparts"] = []
    write_text(folder / CONFIG, yaml.safe_dump(settings, sort_keys=False, allow_unicode=True))
    return folder / CONFIG


def _names(table: dict[str, Any], key: str, path: Path) -> list[str]:
    """Return a list of names, empty where there is none."""
    names = table.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise FileFormatError(f"{path}: '{key}' must be a list of names")
    return names


def _text(table: dict[str, Any], key: str) -> str:
    """Return a text, empty where there is none."""
    value = table.get(key)
    return value if isinstance(value, str) else ""
