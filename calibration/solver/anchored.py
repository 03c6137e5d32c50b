"""Cameras that are known beforehand, refined together with free points that they saw.

What a calibration says of the cameras is a Gaussian about them, with any covariance: parameters
are x = root @ z with z of unit variance. So what it knows exactly stays, and frame and scale cannot
drift away. Noise is Student's, whose likelihood forgives wrong detections without a threshold
(Lange, Little & Taylor, "Robust statistical modeling using the t distribution", 1989). The points
are eliminated from every linear system (Schur complement; Triggs et al., "Bundle adjustment, a
modern synthesis", 2000).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.geometry import Array, rotation_from_vector, skew
from calibration.lens import Lens
from calibration.refraction import WALL_PARAMETERS, Wall
from calibration.rig import Rig
from calibration.solver.parameters import parameter_names
from calibration.solver.uncertainty import rig_parameters
from calibration.solver.wall_freedom import WallFreedom

__all__ = ["FREEDOM", "Anchor", "Sightings", "State", "System"]

FREEDOM = 4.0  # degrees of freedom of the detections' Student noise
MOVED_TURN = 0.1  # rad, standard deviation of how far a camera that was bumped has turned
MOVED_SHIFT = 0.1  # of its distance from the points
LEAST = 1e-10  # of the largest variance; directions known better are held


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sightings:
    """What was seen: `pixels` (view, n, 2) and `information` (view, n, 2, 2) px^-2, zero if not.

    `velocity` (n, 3) of the points, unit/s, zero where it is not known.
    """

    pixels: Array
    information: Array
    velocity: Array

    @property
    def seen(self) -> np.ndarray:
        """What was seen (view, n)."""
        return np.asarray(self.information[..., 0, 0] > 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """Where the cameras and points are: `z` (q,), `points` (n, 3), and the `cost`."""

    z: Array
    points: Array
    cost: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Anchor:
    """A rig and what is known of it: its parameters differ by `root` (p, q) @ z, z about N(0, 1).

    The parameters are those of each camera in turn, followed by its delay in s. The walls follow
    what z has beyond that, as far as `walls` lets them move.
    """

    rig: Rig
    root: Array
    walls: WallFreedom | None = None

    @property
    def size(self) -> int:
        """The length of z."""
        return self.root.shape[1] + (0 if self.walls is None else self.walls.size)

    @classmethod
    def of(
        cls,
        rig: Rig,
        covariance: RigCovariance,
        *,
        moved: Collection[str] = (),
        distance: float,
        delay_sigma: float = 0.0,
        walls: WallFreedom | None = None,
    ) -> "Anchor":
        """Return what a calibration's covariance knows; almost nothing of poses of `moved` cameras.

        `distance` is that of the points from the cameras; `delay_sigma` s is that of the delay of
        all cameras but the first; `walls` is how walls may move, by default not at all.
        """
        names = [parameter_names(camera) for camera in rig]
        sizes = [len(own) + 1 for own in names]
        known = np.concatenate(
            [
                begin + np.arange(size - 1)
                for begin, size in zip(np.cumsum([0, *sizes[:-1]]), sizes, strict=True)
            ]
        )
        matrix = np.zeros((sum(sizes), sum(sizes)))
        matrix[np.ix_(known, known)] = covariance.of(rig_parameters(rig))
        end = 0
        for view, (camera, size) in enumerate(zip(rig, sizes, strict=True)):
            end += size
            matrix[end - 1, end - 1] = 0.0 if view == 0 else delay_sigma**2
            if camera.name in moved:
                pose = slice(end - 7, end - 1)
                matrix[pose, pose] += _anywhere(camera, distance)
        return cls(rig=rig, root=_root(matrix), walls=walls)

    def values(self, z: Array) -> list[Array]:
        """Return the changes of each camera's parameters, its delay last."""
        sizes = [len(parameter_names(camera)) + 1 for camera in self.rig]
        return np.split(self.root @ z[: self.root.shape[1]], np.cumsum(sizes)[:-1])

    def moved(self, z: Array) -> Rig:
        """Return the rig at z."""
        cameras = [
            _changed(camera, values[:-1])
            for camera, values in zip(self.rig, self.values(z), strict=True)
        ]
        if self.walls is not None:
            walls = self.walls.moved(z[self.root.shape[1] :])
            cameras = [
                replace(camera, wall=camera.wall and Wall.from_parameters(wall))
                for camera, wall in zip(cameras, walls, strict=True)
            ]
        return replace(self.rig, cameras=tuple(cameras))

    def slopes(self, z: Array) -> list[Array]:
        """Return d parameters / d z at z, (p, q): of each camera, its delay, and its wall's eight.

        The camera's turn is one from where the camera stood, not from where it stands.
        """
        sizes = [len(parameter_names(camera)) + 1 for camera in self.rig]
        own = np.split(self.root, np.cumsum(sizes)[:-1])
        if self.walls is None:
            return own
        walls = self.walls.slopes(z[self.root.shape[1] :])
        return [
            np.block(
                [
                    [one, np.zeros((len(one), self.walls.size))],
                    [np.zeros((WALL_PARAMETERS, one.shape[1])), wall],
                ]
            )
            for one, wall in zip(own, walls, strict=True)
        ]

    def delays(self, z: Array) -> Array:
        """Return by how many seconds each view's images were taken late (view,)."""
        return np.array([values[-1] for values in self.values(z)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class System:
    """The normal equations in the cameras' z, the points eliminated, of the data alone.

    `information` (q, q) and `pulls` (n, q), the part that each point has in its side; `steps` (n,
    3) and `follow` (n, 3, q) how the points move by themselves, and with z.
    """

    information: Array
    pulls: Array
    steps: Array
    follow: Array

    @classmethod
    def at(
        cls, anchor: Anchor, sightings: Sightings, state: State, scale: float, damping: float = 0.0
    ) -> "System":
        """Return the system at a state; `scale` multiplies the variances of the detections."""
        rig, values = anchor.moved(state.z), anchor.values(state.z)
        roots = anchor.slopes(state.z)
        n, q = len(state.points), anchor.size
        own, side = np.zeros((n, 3, 3)), np.zeros((n, 3))
        mixed, pulls, total = np.zeros((n, 3, q)), np.zeros((n, q)), np.zeros((q, q))
        for view, (camera, change, root) in enumerate(zip(rig, values, roots, strict=True)):
            where = state.points + change[-1] * sightings.velocity
            residual = sightings.pixels[view] - camera.project(where)
            information = sightings.information[view] / scale
            squared = np.einsum("ni,nij,nj->n", residual, information, residual)
            used = sightings.seen[view] & np.isfinite(squared)
            weight = np.where(used, (FREEDOM + 2) / (FREEDOM + squared), 0.0)
            by_point = _zero(camera.project_jacobian(where), used)
            by_camera = _zero(camera.parameter_jacobian(where), used)
            by_camera[..., -6:-3] = by_camera[..., -6:-3] @ _left_jacobian(change[-7:-4])
            late = by_point @ sightings.velocity[..., None]
            slopes = [by_camera, late]
            if anchor.walls is not None:
                slopes.append(_zero(camera.wall_jacobian(where), used))
            by_all = np.concatenate(slopes, axis=-1)
            weighed = weight[:, None, None] * information
            heavy, turned = weighed @ by_all, np.swapaxes(by_point, 1, 2)
            pull = (weighed @ _zero(residual, used)[..., None])[..., 0]
            own += turned @ weighed @ by_point
            side += (turned @ pull[..., None])[..., 0]
            mixed += turned @ heavy @ root
            pulls += np.einsum("nip,ni->np", by_all, pull) @ root
            size = by_all.shape[-1]
            total += root.T @ (by_all.reshape(-1, size).T @ heavy.reshape(-1, size)) @ root
        diagonal = np.einsum("nii->ni", own)  # a view of it
        diagonal *= 1 + damping
        diagonal += 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-30
        both = np.concatenate([mixed, side[..., None]], axis=-1)
        solved: Array = np.linalg.solve(own, both).astype(float)
        follow, steps = solved[..., :-1], solved[..., -1]
        reduced = np.tensordot(mixed, follow, axes=([0, 1], [0, 1]))
        information = total - reduced
        return cls(
            information=(information + information.T) / 2,
            pulls=pulls - np.einsum("niq,ni->nq", follow, side),
            steps=steps,
            follow=follow,
        )


def _left_jacobian(turn: Array) -> Array:
    """Return d (turn of the camera as it stands) / d (turn from where it stood), (3, 3).

    The left Jacobian of rotations to third order, since turns stay well below a radian.
    """
    cross = skew(turn)
    return np.eye(3) + cross / 2 + cross @ cross / 6


def _changed(camera: Camera, change: Array) -> Camera:
    """Return a camera with changed parameters, in the order of `parameter_names`."""
    matrix = camera.matrix.copy()
    matrix[[0, 1, 0, 1], [0, 1, 2, 2]] += change[:4]
    return replace(
        camera,
        matrix=matrix,
        lens=Lens(distortions=camera.distortions + change[4:-6], model=camera.lens.model),
        rotation=rotation_from_vector(change[-6:-3]) @ camera.rotation,
        translation=camera.translation + change[-3:],
    )


def _anywhere(camera: Camera, distance: float) -> Array:
    """Return the covariance (6, 6) of the pose of a camera that was turned and shifted."""
    about_center = np.eye(6)  # a turn about the camera itself takes its translation along
    about_center[3:, :3] = -skew(camera.translation)
    spread = np.repeat([MOVED_TURN, MOVED_SHIFT * distance], 3) ** 2
    return about_center * spread @ about_center.T


def _root(matrix: Array) -> Array:
    """Return a root (p, q) of a covariance, of as many columns as it has directions."""
    deviation = np.sqrt(np.maximum(np.diag(matrix), 0.0))
    unit = np.where(deviation > 0, deviation, 1.0)
    variance, directions = np.linalg.eigh(matrix / np.outer(unit, unit))
    known = variance > LEAST * max(variance.max(), 1e-300)
    return deviation[:, None] * directions[:, known] * np.sqrt(variance[known])


def _zero(values: Array, used: np.ndarray) -> Array:
    """Return values (n, ...) with zeros where they are not used."""
    return np.where(used.reshape(-1, *[1] * (values.ndim - 1)), values, 0.0)
