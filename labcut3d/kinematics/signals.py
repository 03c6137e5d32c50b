"""The signals that events are told by: a name, and after a colon the keypoints it is of.

    abdominal_bending                   degree
    proboscis_extension                 head widths
    speed:A                             of a keypoint, or of the middle of several
    net_speed:A                         the way made good within half a second, by that time
    distance:A,B                        between two keypoints
    joint_angle:A,B,C                   degree, at B; 180 is straight
    distance_to_substrate:A             of the nearest of the keypoints
    distance_to_wall:A                  to the nearest wall of the chamber, of the nearest keypoint
    contact:A                           probability that the nearest touches the substrate
    wall_contact:A                      the same for the walls of the chamber

Every signal is a function of trajectories and what surrounds the animal, (time, individual), with
its unit; NaN where a keypoint that it needs is missing.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from calibration.files import suggest
from calibration.units import METRES
from labcut3d.errors import DatasetError, ProjectError
from labcut3d.kinematics.arrays import require
from labcut3d.kinematics.ethogram import (
    BENDING_KEYPOINTS,
    PROBOSCIS_KEYPOINTS,
    compute_abdominal_bending,
    compute_proboscis_extension,
)
from labcut3d.kinematics.geometry import (
    compute_distance,
    compute_joint_angle,
    compute_middle,
    compute_plane_distance,
)
from labcut3d.kinematics.motion import compute_speed
from labcut3d.kinematics.surfaces import Surface, Surroundings, compute_contact
from labcut3d.windows import divided

__all__ = ["SIGNALS", "Signal", "compute_signal", "compute_signals", "parse_signal", "unit_factor"]

TOLD_BY = ["position", "position_raw", "covariance"]
SIZE = 16_384  # moments of a window
LEAST_MARGIN, MARGIN_S = 64, 1.0  # moments, and seconds, around a window that signals look at
NET_S = 0.5  # s; an animal that sways on the spot comes back within it

Compute = Callable[[xr.Dataset, tuple[str, ...], Surroundings], xr.DataArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """How a signal is computed, of `least` to `most` keypoints that it is given.

    `keypoints` are those that it has by itself; `place` names what it needs of the surroundings.
    """

    compute: Compute
    least: int = 0
    most: int = 0
    keypoints: tuple[str, ...] = ()
    place: str = ""


def parse_signal(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name of a signal and the keypoints that it needs.

    Raises `ProjectError` for an unknown name, with the nearest known one, or for too few or too
    many keypoints.
    """
    name, _, rest = (part.strip() for part in text.partition(":"))
    if name not in SIGNALS:
        raise ProjectError(f"signal '{text}': there is no '{name}'; {suggest(name, SIGNALS)}")
    signal = SIGNALS[name]
    given = tuple(part.strip() for part in rest.split(",") if part.strip())
    if not signal.least <= len(given) <= signal.most:
        wanted = "no keypoint" if signal.most == 0 else f"{signal.least} keypoint(s)"
        wanted += " or more" if signal.most > signal.least else ""
        raise ProjectError(f"signal '{text}': '{name}' takes {wanted}, as in '{_example(name)}'")
    return name, (*signal.keypoints, *given)


def compute_signal(
    text: str, trajectories: xr.Dataset, surroundings: Surroundings | None = None
) -> xr.DataArray:
    """Return the signal that `text` names of trajectories, (time, individual), with its unit.

    Raises `ProjectError` for a signal that there is not, `DatasetError` where the trajectories
    lack a keypoint, or the surroundings the substrate or the walls.
    """
    name, keypoints = parse_signal(text)
    require(trajectories["position"], "time", "space", "keypoint", "individual")
    known = [str(keypoint) for keypoint in trajectories["keypoint"].values]
    missing = [keypoint for keypoint in keypoints if keypoint not in known]
    if missing:
        raise DatasetError(f"the skeleton has no {', '.join(missing)}")
    signal, place = SIGNALS[name], surroundings or Surroundings()
    if signal.place == "substrate" and place.substrate is None:
        raise DatasetError("the substrate is not known")
    if signal.place == "walls" and not place.walls:
        raise DatasetError("the walls are not known: project.toml has no [chamber]")
    return signal.compute(trajectories, keypoints, place).transpose("time", "individual")


def compute_signals(
    texts: Iterable[str], trajectories: xr.Dataset, surroundings: Surroundings | None = None
) -> tuple[dict[str, xr.DataArray], dict[str, str]]:
    """Return signals by their text, as `compute_signal` does, and why others cannot be told.

    Window by window: the trajectories may be open on disk.
    """
    margin = max(LEAST_MARGIN, math.ceil(MARGIN_S * float(trajectories.attrs["fps"])))
    wanted = tuple(dict.fromkeys(texts))
    signals: dict[str, xr.DataArray] = {}
    reasons: dict[str, str] = {}
    for window in divided(trajectories.sizes["time"], SIZE, margin):
        part = trajectories[TOLD_BY].isel(time=window.around).load()
        for text in [text for text in wanted if text not in reasons]:
            try:
                signal = compute_signal(text, part, surroundings)
            except DatasetError as error:
                reasons[text] = str(error)
                continue
            if text not in signals:
                signals[text] = _empty(signal, trajectories)
            signals[text].values[window.own] = signal.values[window.inside]
    return signals, reasons


def _empty(signal: xr.DataArray, trajectories: xr.Dataset) -> xr.DataArray:
    """Return a signal like that of a window, to be filled, for all moments of trajectories."""
    own = trajectories.coords
    return xr.DataArray(
        np.empty((own["time"].size, signal.sizes["individual"]), dtype=signal.dtype),
        dims=("time", "individual"),
        coords={name: own[name] for name in ("time", "individual")},
        attrs=signal.attrs,
    )


def unit_factor(unit: str | None, own: str, what: str) -> float:
    """Return the factor that takes a value in `unit` to a signal's `own` unit.

    Raises `ProjectError` naming `what` where one is a length, say, and the other a speed.
    """
    if unit is None or unit == own:
        return 1.0
    given, theirs = unit.removesuffix("/s"), own.removesuffix("/s")
    same_kind = unit.endswith("/s") == own.endswith("/s")
    if not (same_kind and given in METRES and theirs in METRES):
        raise ProjectError(f"{what}: unit = '{unit}', but the signal is in '{own}'")
    return METRES[given] / METRES[theirs]


def _example(name: str) -> str:
    """Return how a signal is written."""
    letters = ",".join("ABC"[: SIGNALS[name].least])
    return f"{name}:{letters}" if letters else name


def _points(trajectories: xr.Dataset, keypoint: str) -> xr.DataArray:
    """Return the positions of one keypoint (time, space, individual)."""
    return trajectories["position"].sel(keypoint=keypoint, drop=True)


def _bending(fly: xr.Dataset, _names: Sequence[str], _place: Surroundings) -> xr.DataArray:
    """Return the bending of the abdomen."""
    return compute_abdominal_bending(fly["position"])


def _extension(fly: xr.Dataset, _names: Sequence[str], _place: Surroundings) -> xr.DataArray:
    """Return the extension of the proboscis, of the points as they were triangulated.

    The smoother holds bones at their usual lengths, and the skeleton draws the proboscis as one:
    half of an extension that cameras disagree about would be smoothed away.
    """
    return compute_proboscis_extension(fly["position_raw"])


def _speed(animal: xr.Dataset, names: Sequence[str], _place: Surroundings) -> xr.DataArray:
    """Return the speed of the middle of keypoints."""
    return compute_speed(compute_middle(animal["position"], tuple(names)))


def _net_speed(animal: xr.Dataset, names: Sequence[str], _place: Surroundings) -> xr.DataArray:
    """Return the way made good by the middle of keypoints, by the time it took."""
    middle = compute_middle(animal["position"], tuple(names))
    time = middle["time"].values
    steps = np.diff(time)
    reach = max(1, round(NET_S / 2 / float(np.median(steps)))) if len(steps) else 0
    index = np.arange(len(time))
    before, after = np.maximum(index - reach, 0), np.minimum(index + reach, len(time) - 1)
    took = xr.DataArray(time[after] - time[before], dims="time")
    way = compute_distance(
        middle.isel(time=before).drop_vars("time"), middle.isel(time=after).drop_vars("time")
    )
    units = f"{middle.attrs.get('units', '1')}/s"
    speed = (way / took.where(took > 0)).assign_coords(time=time)
    return speed.assign_attrs(units=units, long_name="net speed")


def _distance(animal: xr.Dataset, names: Sequence[str], _place: Surroundings) -> xr.DataArray:
    """Return the distance between two keypoints."""
    return compute_distance(_points(animal, names[0]), _points(animal, names[1]))


def _joint(animal: xr.Dataset, names: Sequence[str], _place: Surroundings) -> xr.DataArray:
    """Return the angle at the second keypoint, degrees."""
    angle = compute_joint_angle(*(_points(animal, name) for name in names))
    return (angle * (180 / math.pi)).assign_attrs(units="degree", long_name="joint angle")


def _nearest(animal: xr.Dataset, names: Sequence[str], surfaces: Sequence[Surface]) -> xr.DataArray:
    """Return the distance of the nearest of keypoints to the nearest of surfaces."""
    position = animal["position"].sel(keypoint=list(names))
    apart = [compute_plane_distance(position, surface.plane) for surface in surfaces]
    return xr.concat(apart, "surface").min(["surface", "keypoint"], keep_attrs=True)


def _touch(
    animal: xr.Dataset, names: Sequence[str], surfaces: Sequence[Surface], within: float
) -> xr.DataArray:
    """Return the probability that the surest of keypoints touches one of surfaces."""
    chosen = animal[["position", "covariance"]].sel(keypoint=list(names))
    touching = [
        compute_contact(chosen["position"], chosen["covariance"], surface, within)
        for surface in surfaces
    ]
    return xr.concat(touching, "surface").max(["surface", "keypoint"], keep_attrs=True)


def _to_substrate(animal: xr.Dataset, names: Sequence[str], place: Surroundings) -> xr.DataArray:
    """Return the distance to the substrate."""
    assert place.substrate is not None  # `compute_signal` saw to it
    return _nearest(animal, names, [place.substrate])


def _on_substrate(animal: xr.Dataset, names: Sequence[str], place: Surroundings) -> xr.DataArray:
    """Return the probability of contact with the substrate."""
    assert place.substrate is not None  # `compute_signal` saw to it
    return _touch(animal, names, [place.substrate], place.contact)


def _to_wall(animal: xr.Dataset, names: Sequence[str], place: Surroundings) -> xr.DataArray:
    """Return the distance to the nearest wall."""
    return _nearest(animal, names, tuple(place.walls.values()))


def _at_wall(animal: xr.Dataset, names: Sequence[str], place: Surroundings) -> xr.DataArray:
    """Return the probability of contact with a wall."""
    return _touch(animal, names, tuple(place.walls.values()), place.contact)


MANY = np.iinfo(np.int64).max  # keypoints: as many as one likes
SIGNALS: Mapping[str, Signal] = {
    "abdominal_bending": Signal(compute=_bending, keypoints=BENDING_KEYPOINTS),
    "proboscis_extension": Signal(compute=_extension, keypoints=PROBOSCIS_KEYPOINTS),
    "speed": Signal(compute=_speed, least=1, most=MANY),
    "net_speed": Signal(compute=_net_speed, least=1, most=MANY),
    "distance": Signal(compute=_distance, least=2, most=2),
    "joint_angle": Signal(compute=_joint, least=3, most=3),
    "distance_to_substrate": Signal(compute=_to_substrate, least=1, most=MANY, place="substrate"),
    "distance_to_wall": Signal(compute=_to_wall, least=1, most=MANY, place="walls"),
    "contact": Signal(compute=_on_substrate, least=1, most=MANY, place="substrate"),
    "wall_contact": Signal(compute=_at_wall, least=1, most=MANY, place="walls"),
}
"""All signals by name."""
