"""Several flies with known truth that walk on a floor, meet and touch, and what a detector says.

The detector finds animals, not identities: their places in its list are drawn anew in every view
and frame, keypoints and whole animals are missing, and where two bodies touch, a part of one is
taken for that of the other.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import linear_sum_assignment

from calibration.geometry import rotation_from_vector
from calibration.rig import Rig
from labcut3d.schema import make_detections
from labcut3d.skeleton import Skeleton, load_skeleton

__all__ = [
    "BODY_LENGTH",
    "Group",
    "GroupBlemishes",
    "make_group",
    "nearest_distance",
    "right_identities",
]

Array = npt.NDArray[np.float64]
Generator = np.random.Generator

BODY_LENGTH = 10.0  # units of the rig; of `make_rig`'s 640 px it takes about 35
TOUCH = 0.35  # body lengths between the middles of bodies that stand side by side
FASTEST = 0.2  # body lengths in a frame
SUBSTEPS = 5  # of a frame, in which bodies walk and make way
FLY = np.array(  # body lengths: along the body, to its left, up; as in the skeleton's order
    [
        [0.42, 0.12, 0.1],
        [0.42, -0.12, 0.1],
        [0.38, 0.0, 0.16],
        [0.5, 0.0, -0.02],
        [0.05, 0.0, 0.18],
        [-0.05, 0.3, 0.05],
        [-0.05, -0.3, 0.05],
        [-0.12, 0.0, 0.12],
        [-0.24, 0.0, 0.1],
        [-0.34, 0.0, 0.07],
        [-0.43, 0.0, 0.04],
        [-0.5, 0.0, 0.0],
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupBlemishes:
    """How detections differ from the truth.

    `noise`, standard deviation in px; `missing`, the part of keypoints not found; `unseen`, the
    part of the time in which a view does not find an animal at all, for spells of `spell` frames;
    `mixed`, the part of keypoints taken from an animal that is touched; `shuffled`: places in the
    list are drawn anew in every view and frame, else once in every view.
    """

    noise: float = 1.0
    missing: float = 0.2
    unseen: float = 0.05
    spell: float = 5.0
    mixed: float = 0.05
    shuffled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A recording of several flies: `position` (time, animal, keypoint, 3) in the world.

    `place` (view, time, animal) is where in the list of `detections` an animal truly stands.
    """

    skeleton: Skeleton
    position: Array
    detections: xr.Dataset
    place: npt.NDArray[np.int64]


def make_group(
    rig: Rig,
    n_animals: int,
    n_times: int,
    rng: Generator,
    blemishes: GroupBlemishes | None = None,
) -> Group:
    """Return flies that meet again and again within the volume that `make_rig` sees.

    They run up to a fifth of their length from frame to frame.
    """
    blemishes = blemishes or GroupBlemishes()
    skeleton = load_skeleton("fly-egg-laying")
    position = _in_world(rig, _walk(n_animals, n_times, rng))
    pixels = rig.project(position)
    pixels += blemishes.noise * rng.standard_normal(pixels.shape)
    pixels = _mix(pixels, nearest_distance(position), position, rng, blemishes.mixed)
    pixels[rng.random(pixels.shape[:-1]) < blemishes.missing] = np.nan
    pixels[_spells(pixels.shape[:3], rng, blemishes)] = np.nan
    shape = (len(rig), n_times if blemishes.shuffled else 1, n_animals)
    place = np.broadcast_to(np.argsort(rng.random(shape), axis=-1), pixels.shape[:3])
    listed = np.empty_like(pixels)
    np.put_along_axis(listed, place[..., None, None], pixels, axis=2)
    seen = np.isfinite(listed).all(axis=-1)
    confidence = np.where(seen, rng.uniform(0.8, 1.0, seen.shape), 0.0)
    detections = make_detections(
        position=listed.transpose(1, 0, 4, 3, 2),
        confidence=confidence.transpose(1, 0, 3, 2),
        views=rig.names,
        keypoints=skeleton.keypoints,
        individuals=[f"fly{index}" for index in range(n_animals)],
        fps=30.0,
    )
    return Group(skeleton=skeleton, position=position, detections=detections, place=place)


def nearest_distance(position: Array) -> Array:
    """Return how far (time, animal) the middle of the nearest other animal is, in body lengths."""
    middle = position.mean(axis=2)
    apart = np.linalg.norm(middle[:, :, None] - middle[:, None], axis=-1) / BODY_LENGTH
    return (apart + np.where(np.eye(apart.shape[1]), np.inf, 0.0)).min(axis=-1)


def right_identities(group: Group, detected_as: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return where (view, time, animal) a detection is the right individual's, or there is none.

    An individual may be any one animal, but the same in all views and at all times.
    """
    seen = group.detections["position"].notnull().all("space").any("keypoint")
    seen = seen.transpose("view", "time", "individual").values
    seen = np.take_along_axis(seen, group.place, axis=2)
    found = detected_as.swapaxes(0, 1)
    same = group.place[..., None] == found[:, :, None]  # (view, time, animal, individual)
    animal, individual = linear_sum_assignment((same & seen[..., None]).sum(axis=(0, 1)), True)
    return same[:, :, animal, individual] | ~seen


def _walk(n_animals: int, n_times: int, rng: Generator) -> Array:
    """Return positions (time, animal, keypoint, 3) on a floor at z = 0, middle at the origin."""
    reach = 0.75 * np.sqrt(n_animals)  # body lengths
    wander = gaussian_filter1d(rng.standard_normal((n_times + 400, n_animals, 2)), 25, axis=0)
    place = _walked(reach * (wander / wander.std(axis=0))[200 : 200 + n_times])
    turn = gaussian_filter1d(rng.standard_normal((n_times + 400, n_animals)), 20, axis=0)
    heading = 6.0 * np.cumsum(turn, axis=0)[200 : 200 + n_times] / np.sqrt(20)
    heading += rng.uniform(0, 2 * np.pi, n_animals)
    turns = rotation_from_vector(np.stack([0 * heading, 0 * heading, heading], axis=-1))
    body = FLY * rng.uniform(0.95, 1.05, (n_animals, 1, 1))
    moved = np.repeat(body[None], n_times, axis=0)
    bend = np.sin(np.arange(n_times) / 9.0)[:, None, None]
    moved[..., 7:, 2] -= 0.15 * (bend + 1) * (moved[..., 7:, 0] ** 2)
    points = moved @ np.swapaxes(turns, -1, -2)
    points[..., :2] += place[:, :, None]
    return BODY_LENGTH * points


def _walked(wish: Array) -> Array:
    """Return places (time, animal, 2) of bodies that walk where they wish, but not through others.

    Lengths are in body lengths. Who is in another's way is pushed around it.
    """
    place = wish.copy()
    for before, now, here in zip(place[:-1], place[1:], wish[1:], strict=True):
        now[:] = before
        for _ in range(SUBSTEPS):
            step = here - now
            length = np.linalg.norm(step, axis=-1, keepdims=True)
            now += step * np.minimum(1, FASTEST / SUBSTEPS / np.maximum(length, 1e-9))
            gap = now[:, None] - now
            distance = np.linalg.norm(gap, axis=-1)[..., None]
            push = np.maximum(TOUCH - distance, 0.0) / 2 * gap / np.maximum(distance, 1e-9)
            now += (push + 0.3 * push[..., ::-1] * [1, -1]).sum(axis=1)
    return place


def _in_world(rig: Rig, points: Array) -> Array:
    """Return points on a level floor in the middle of what the cameras see, in the world."""
    axes = np.stack([camera.rotation[2] for camera in rig])
    centers = np.stack([camera.center for camera in rig])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    middle = np.linalg.lstsq(across.sum(0), np.einsum("nij,nj->i", across, centers), rcond=None)[0]
    up = -np.mean([camera.rotation[1] for camera in rig], axis=0)
    up /= np.linalg.norm(up)
    side = np.cross(axes[0], up)
    side /= np.linalg.norm(side)
    return points @ np.stack([side, np.cross(up, side), up]) + middle


def _mix(pixels: Array, nearest: Array, position: Array, rng: Generator, part: float) -> Array:
    """Return pixels (view, time, animal, keypoint, 2), some of them a touched animal's."""
    middle = position.mean(axis=2)
    apart = np.linalg.norm(middle[:, :, None] - middle[:, None], axis=-1)
    apart += np.where(np.eye(apart.shape[1]), np.inf, 0.0)
    other = np.take_along_axis(pixels, apart.argmin(axis=-1)[None, :, :, None, None], axis=2)
    taken = (rng.random(pixels.shape[:-1]) < part) & (nearest < 1.0)[..., None]
    return np.where(taken[..., None], other, pixels)


def _spells(
    shape: tuple[int, ...], rng: Generator, blemishes: GroupBlemishes
) -> npt.NDArray[np.bool_]:
    """Return when a view loses an animal (view, time, animal): for some frames at a time."""
    start = rng.random(shape) < blemishes.unseen / blemishes.spell
    lost = np.zeros(shape, dtype=bool)
    for view, time, animal in np.argwhere(start):
        lost[view, time : time + 1 + rng.poisson(blemishes.spell - 1), animal] = True
    return lost
