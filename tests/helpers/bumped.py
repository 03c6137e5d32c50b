"""Rigs whose calibration errs as its covariance says, and animals that they see."""

from dataclasses import dataclass, replace

import numpy as np

from calibration import Camera, Lens, Rig
from calibration.covariance import RigCovariance
from calibration.geometry import rotation_from_vector, vector_from_rotation
from calibration.solver.parameters import parameter_names
from calibration.solver.uncertainty import rig_parameters
from labcut3d.synthetic_rig import look_at

FPS = 30.0
DEVIATIONS = {  # of a good calibration of cameras 320 mm away: about 2 px and 0.3 mm
    **{"fx": 1.0, "fy": 1.0, "cx": 1.0, "cy": 1.0, "k1": 1e-3, "k2": 2e-3},
    **{"rotation_x": 6e-4, "rotation_y": 6e-4, "rotation_z": 3e-4},
    **{"translation_x": 0.1, "translation_y": 0.1, "translation_z": 0.3},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bumped:
    """A calibrated rig, its covariance, and the true cameras, which differ as it says."""

    rig: Rig
    covariance: RigCovariance
    true: Rig


def make_rig(count: int) -> Rig:
    """Cameras on an arc of 300 mm that look at the origin; 1 px is 0.18 mm there."""
    cameras = []
    for index in range(count):
        angle = 1.6 * np.pi * index / count
        center = np.array([300 * np.cos(angle), 300 * np.sin(angle), 120.0 + 20 * index])
        rotation, translation = look_at(center, np.zeros(3), np.array([0.0, 0.0, 1.0]))
        cameras.append(
            Camera(
                name=f"cam{index}",
                size=(1280, 1024),
                matrix=np.array([[1800.0, 0, 640], [0, 1800, 512], [0, 0, 1]]),
                lens=Lens(distortions=np.array([-0.1, 0.05, 0, 0, 0])),
                rotation=rotation,
                translation=translation,
            )
        )
    return Rig(cameras=tuple(cameras), unit="mm")


def make_bumped(count: int, rng: np.random.Generator) -> Bumped:
    """A rig of which the first camera's pose is held, with a random full covariance."""
    rig = make_rig(count)
    names = rig_parameters(rig)
    sigmas = np.array([DEVIATIONS.get(name.split(".")[1], 0.0) for name in names])
    held = [name.startswith(("cam0.rotation", "cam0.translation")) for name in names]
    sigmas[held] = 0.0
    mixed = 0.3 * rng.normal(size=(len(names), len(names))) + 2 * np.eye(len(names))
    matrix = mixed @ mixed.T
    unit = sigmas / np.sqrt(np.diag(matrix))
    matrix *= np.outer(unit, unit)
    error = unit * (mixed @ rng.normal(size=len(names)))
    sizes = [len(parameter_names(camera)) for camera in rig]
    cameras = tuple(
        changed(camera, change)
        for camera, change in zip(rig, np.split(error, np.cumsum(sizes)[:-1]), strict=True)
    )
    return Bumped(
        rig=rig,
        covariance=RigCovariance(names=names, matrix=matrix, gauge="cam0's pose is fixed"),
        true=replace(rig, cameras=cameras),
    )


def changed(camera: Camera, change: np.ndarray) -> Camera:
    """The camera with changed parameters, in the order of their names."""
    matrix = camera.matrix + np.array(
        [[change[0], 0, change[2]], [0, change[1], change[3]], [0, 0, 0]]
    )
    return replace(
        camera,
        matrix=matrix,
        lens=Lens(distortions=camera.distortions + change[4:-6]),
        rotation=rotation_from_vector(change[-6:-3]) @ camera.rotation,
        translation=camera.translation + change[-3:],
    )


def difference(rig: Rig, other: Rig) -> np.ndarray:
    """The differences of all parameters of two rigs, in the order of their names."""
    parts = []
    for a, b in zip(rig, other, strict=True):
        parts += [
            (a.matrix - b.matrix)[[0, 1, 0, 1], [0, 1, 2, 2]],
            a.distortions - b.distortions,
            vector_from_rotation(a.rotation @ b.rotation.T),
            a.translation - b.translation,
        ]
    return np.concatenate(parts)


def bump(rig: Rig, name: str, *, degrees: float, shift: float) -> Rig:
    """The rig with one camera turned about itself, and shifted."""
    camera = rig[name]
    rotation = rotation_from_vector(np.radians(degrees) * np.array([0.6, 0.8, 0])) @ camera.rotation
    center = camera.center + shift * np.array([0, 0.6, 0.8])
    turned = replace(camera, rotation=rotation, translation=-rotation @ center)
    return replace(rig, cameras=tuple(turned if c is camera else c for c in rig))


def make_walk(count: int, times: np.ndarray) -> np.ndarray:
    """Points (keypoint, time, 3), mm, of an animal that walks about, at `times` s."""
    rng, times = np.random.default_rng(11), times[:, None]
    path = np.array([40.0, 40, 10]) * np.sin(times * np.array([0.9, 1.26, 2.1]) + [0, 1.5, 0])
    body, phase = rng.normal(size=(count, 1, 3)) * [15, 15, 8], rng.uniform(0, 6, (count, 1, 3))
    return path + body + 4 * np.sin(7.85 * times + phase)


def detections(
    rig: Rig, points: np.ndarray, rng: np.random.Generator, *, noise: float = 1.0
) -> np.ndarray:
    """Pixels with noise, 10 % missing and 3 % up to 100 px off."""
    pixels = rig.project(points) + noise * rng.normal(size=(len(rig), *points.shape[:-1], 2))
    wild = rng.random(pixels.shape[:-1]) < 0.03
    pixels[wild] += rng.uniform(-100, 100, (wild.sum(), 2))
    pixels[rng.random(pixels.shape[:-1]) < 0.1] = np.nan
    return pixels
