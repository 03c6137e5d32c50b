"""A detector on disk: weights as safetensors, everything else as readable TOML.

`model.toml` names the weights by their SHA-256, so the two always belong together: new weights
get a new name, and the old ones go once model.toml points to the new.
"""

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from calibration.files import atomic_write, read_toml, reject_unknown_keys, sha256_of, write_text
from labcut3d.detection.detector import Detector
from labcut3d.detection.encoders.weights import new_encoder
from labcut3d.detection.network import KeypointNetwork
from labcut3d.detection.settings import DetectorSettings
from labcut3d.detection.uncertainty import Calibration
from labcut3d.errors import DetectorError, FileFormatError
from labcut3d.tables import parse_table

__all__ = ["load_detector", "save_detector"]

FORMAT = 1
KEYS = (
    "format",
    "keypoints",
    "mirrored",
    "weights",
    "sha256",
    "settings",
    "sizes",
    "calibration",
)
WEIGHTS_NAME = re.compile(r"weights-[0-9a-f]{12}\.safetensors")
LARGEST_WEIGHTS = 2**30  # bytes


def save_detector(detector: Detector, folder: str | os.PathLike[str]) -> None:
    """Write a detector into a folder, so that at any moment the old or the new one is whole."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{part}.{name}": tensor.detach().cpu().contiguous()
        for part, network in (("locator", detector.locator), ("pose", detector.pose))
        for name, tensor in network.state_dict().items()
    }
    with atomic_write(folder / "weights.safetensors") as temporary:
        save_file(tensors, temporary)
    digest = sha256_of(folder / "weights.safetensors")
    weights = folder / f"weights-{digest[:12]}.safetensors"
    (folder / "weights.safetensors").replace(weights)
    table = {
        "format": FORMAT,
        "keypoints": list(detector.keypoints),
        "mirrored": list(detector.mirrored),
        "weights": weights.name,
        "sha256": digest,
        "settings": dataclasses.asdict(detector.settings),
        "sizes": dict(detector.sizes),
        "calibration": dataclasses.asdict(detector.calibration),
    }
    write_text(folder / "model.toml", tomlkit.dumps(table))
    for old in folder.glob("weights-*.safetensors"):
        if old != weights:
            old.unlink()


def load_detector(folder: str | os.PathLike[str]) -> Detector:
    """Read a detector from its folder.

    Raises `DetectorError` naming the file where it is missing, damaged or not of this program.
    """
    path = Path(folder) / "model.toml"
    if not path.is_file():
        raise DetectorError(f"{path}: no such file; train a detector first (labcut3d train)")
    try:
        table = read_toml(path)
        reject_unknown_keys(table, KEYS, str(path))
    except FileFormatError as error:
        raise DetectorError(str(error)) from error
    if table.get("format") != FORMAT:
        raise DetectorError(
            f"{path}: format is {table.get('format')!r}, this version reads {FORMAT}; train again"
        )
    keypoints = _keypoints(table, path)
    settings = _parse(DetectorSettings, table, "settings", path)
    tensors = _tensors(table, path)
    return Detector(
        keypoints=keypoints,
        mirrored=_mirrored(table, len(keypoints), path),
        settings=settings,
        sizes=_sizes(table, path),
        locator=_network(tensors, "locator", _untrained(settings, 1), path),
        pose=_network(tensors, "pose", _untrained(settings, len(keypoints)), path),
        calibration=_parse(Calibration, table, "calibration", path),
    )


def _keypoints(table: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Return the names of the keypoints."""
    names = table.get("keypoints")
    if (
        not isinstance(names, list)
        or not names
        or not all(isinstance(name, str) and name for name in names)
        or len(set(names)) != len(names)
    ):
        raise DetectorError(f"{path}: 'keypoints' must be a list of different names; train again")
    return tuple(names)


def _mirrored(table: Mapping[str, Any], count: int, path: Path) -> tuple[int, ...]:
    """Return the indices of the keypoints in a mirror image: a permutation that undoes itself."""
    mirrored = table.get("mirrored")
    if (
        not isinstance(mirrored, list)
        or not all(isinstance(i, int) for i in mirrored)
        or sorted(mirrored) != list(range(count))
        or any(mirrored[mirrored[i]] != i for i in range(count))
    ):
        raise DetectorError(
            f"{path}: 'mirrored' is {mirrored!r}, not the keypoints of a mirror image; train again"
        )
    return tuple(mirrored)


def _sizes(table: Mapping[str, Any], path: Path) -> dict[str, float]:
    """Return the animal's sizes, px, by view."""
    sizes = table.get("sizes")
    if not isinstance(sizes, dict) or "" not in sizes:
        raise DetectorError(f'{path}: [sizes] must have the animal\'s size under ""; train again')
    for view, size in sizes.items():
        if not isinstance(size, int | float) or not math.isfinite(size) or size <= 0:
            raise DetectorError(f"{path}: [sizes] '{view}' is {size!r}, must be px > 0")
    return {view: float(size) for view, size in sizes.items()}


def _parse(kind: type, table: Mapping[str, Any], key: str, path: Path) -> Any:
    """Return a table of model.toml as the dataclass `kind`."""
    values = table.get(key)
    if not isinstance(values, dict):
        raise DetectorError(f"{path}: table [{key}] is missing; train again")
    try:
        parsed = parse_table(kind, values, f"{path} [{key}]")
    except FileFormatError as error:
        raise DetectorError(f"{error}; train again") from error
    for name in values:
        value = getattr(parsed, name)
        if isinstance(value, float) and not math.isfinite(value):
            raise DetectorError(f"{path} [{key}]: '{name}' is {value}; train again")
    return parsed


def _tensors(table: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
    """Return the weights that model.toml names, once they are known to be whole."""
    name = table.get("weights")
    if not isinstance(name, str) or not WEIGHTS_NAME.fullmatch(name):
        raise DetectorError(f"{path}: 'weights' is {name!r}, not a name this program gives")
    weights = path.parent / name
    try:
        if weights.stat().st_size > LARGEST_WEIGHTS:
            raise DetectorError(f"{weights}: larger than 1 GiB, not weights of this program")
        if sha256_of(weights) != table.get("sha256"):
            raise DetectorError(f"{weights}: not what {path.name} describes; copy or train again")
        return load_file(weights)
    except FileNotFoundError as error:
        raise DetectorError(f"{weights}: missing; copy it beside {path.name}") from error
    except (OSError, SafetensorError) as error:
        raise DetectorError(f"{weights}: cannot be read ({error}); train again") from error


def _untrained(settings: DetectorSettings, n_keypoints: int) -> KeypointNetwork:
    """Return a network with random weights, for which nothing is downloaded."""
    return KeypointNetwork(new_encoder(settings.encoder, pretrained=False), n_keypoints)


def _network(
    tensors: Mapping[str, Tensor], part: str, network: KeypointNetwork, path: Path
) -> KeypointNetwork:
    """Return one of the networks with its weights."""
    state = {
        name.removeprefix(f"{part}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{part}.")
    }
    for name, tensor in state.items():
        if tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
            raise DetectorError(f"{path}: weights '{part}.{name}' are not finite; train again")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise DetectorError(
            f"{path}: the weights of its {part} do not fit {network.head.out_channels} keypoints "
            "and its encoder; train again"
        ) from error
    return network.to(memory_format=torch.channels_last).eval()
