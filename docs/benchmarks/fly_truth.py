"""fly_chamber against its true cameras: errors in units of the standard deviations stated.

    python docs/benchmarks/fly_truth.py

All 240 frames are fitted, labcut3d with its own corners. The rig is laid onto the true cameras
rigidly, without scale, by least squares of the camera centres; the covariance, stated in the frame
of the first camera, is carried through that alignment. Other programs state no uncertainty: their
errors are given as they are.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from common import installed, show
from datasets import fly_chamber, fly_chamber_truth, opencv_corners
from peers import calibrate_aniposelib, calibrate_multiview, calibrate_opencv
from scipy.stats import chi2

from calibration import Calibration, Camera, Rig, calibrate, observe
from calibration.geometry import Array, skew

LIMIT = 4.0  # standard deviations; of 60 parameters none should be beyond
INTRINSICS = ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Errors:
    """Aligned `centers` (view, 3) mm, `turns` (view, 3) rad and `intrinsics` (view, 9), less true.

    Centres along the axes of the rig's own frame, turns about those of each camera.
    """

    centers: Array
    turns: Array
    intrinsics: Array


def errors_of(rig: Rig, truth: Rig) -> Errors:
    """Return what is wrong with a rig after it was laid onto the true one."""
    found, true = (np.stack([camera.center for camera in r]) for r in (rig, truth))
    middle, target = found.mean(axis=0), true.mean(axis=0)
    left, _, right = np.linalg.svd((found - middle).T @ (true - target))
    mirror = np.diag([1.0, 1.0, np.sign(np.linalg.det(right.T @ left.T))])
    turn = right.T @ mirror @ left.T
    turns = [
        _vector(camera.rotation @ turn.T @ other.rotation.T)
        for camera, other in zip(rig, truth, strict=True)
    ]
    return Errors(
        centers=(found - middle) - (true - target) @ turn,
        turns=np.stack(turns),
        intrinsics=np.stack([_intrinsics(c) for c in rig])
        - np.stack([_intrinsics(c) for c in truth]),
    )


def deviations_of(calibration: Calibration) -> Errors:
    """Return the standard deviation stated for every one of the errors.

    A small turn w and shift s of camera_from_world move a centre by R'(w x t - s). The alignment
    takes from the centres the best rigid motion u + r x c, and turns the cameras by it.
    """
    rig, covariance = calibration.rig, calibration.covariance
    count = len(rig)
    by_center = np.zeros((3 * count, 6 * count))
    motion = np.zeros((3 * count, 6))
    for view, camera in enumerate(rig):
        rows = slice(3 * view, 3 * view + 3)
        by_center[rows, 6 * view : 6 * view + 3] = -camera.rotation.T @ skew(camera.translation)
        by_center[rows, 6 * view + 3 : 6 * view + 6] = -camera.rotation.T
        motion[rows, :3], motion[rows, 3:] = -skew(camera.center), np.eye(3)
    fitted = np.linalg.pinv(motion) @ by_center  # the motion that the errors themselves feign
    by_center -= motion @ fitted
    by_turn = np.zeros((3 * count, 6 * count))
    for view, camera in enumerate(rig):
        rows = slice(3 * view, 3 * view + 3)
        by_turn[rows, 6 * view : 6 * view + 3] = np.eye(3)
        by_turn[rows] += camera.rotation @ fitted[:3]
    names = [f"{axis}_{c}" for axis in ("rotation", "translation") for c in "xyz"]
    where = [covariance.names.index(f"{c.name}.{name}") for c in rig for name in names]
    poses = covariance.matrix[np.ix_(where, where)]
    return Errors(
        centers=_deviations(by_center, poses),
        turns=_deviations(by_turn, poses),
        intrinsics=np.array(
            [
                [
                    covariance.deviation(name) if name in covariance.names else np.nan
                    for name in (f"{camera.name}.{parameter}" for parameter in INTRINSICS)
                ]
                for camera in rig
            ]
        ),
    )


def mahalanobis(calibration: Calibration, truth: Rig) -> tuple[float, int]:
    """Return the squared Mahalanobis error of all parameters together, and their number.

    The truth is moved so that the first cameras agree, as the covariance has it.
    """
    rig, covariance = calibration.rig, calibration.covariance
    first = np.linalg.inv(rig.cameras[0].camera_from_world)
    move = np.linalg.inv(truth.cameras[0].camera_from_world) @ np.linalg.inv(first)
    values = {}
    for camera, other in zip(rig, truth, strict=True):
        pose = other.camera_from_world @ move
        turn, shift = _vector(camera.rotation @ pose[:3, :3].T), camera.translation - pose[:3, 3]
        away = _intrinsics(camera) - _intrinsics(other)
        parts = {"rotation": turn, "translation": shift}
        for kind, part in parts.items():
            values |= {f"{camera.name}.{kind}_{c}": v for c, v in zip("xyz", part, strict=True)}
        values |= {f"{camera.name}.{n}": v for n, v in zip(INTRINSICS, away, strict=True)}
    free = np.flatnonzero(np.diag(covariance.matrix) > 0)
    error = np.array([values[covariance.names[i]] for i in free])
    return float(error @ np.linalg.solve(covariance.matrix[np.ix_(free, free)], error)), len(free)


def lens_error(camera: Camera, true: Camera) -> float:
    """Return the largest difference, px, between two distortions within the true image."""
    width, height = true.size
    x, y = np.meshgrid(np.linspace(0, width - 1, 33), np.linspace(0, height - 1, 25))
    ideal = true.undistort(np.stack([x, y], axis=-1))
    away = camera.lens.distort(ideal) - true.lens.distort(ideal)
    return float(np.nanmax(np.linalg.norm(away, axis=-1)) * true.matrix[0, 0])


def main() -> None:
    """Print our errors in standard deviations, and everybody's as they are."""
    recording, truth = fly_chamber(), fly_chamber_truth()
    board, seen = observe(recording.board, recording.images)
    calibration = calibrate(board, seen)
    errors, deviations = errors_of(calibration.rig, truth), deviations_of(calibration)
    rows, worst = [], 0.0
    for view, camera in enumerate(calibration.rig):
        ratios = [
            getattr(errors, part)[view] / getattr(deviations, part)[view]
            for part in ("centers", "turns", "intrinsics")
        ]
        worst = max(worst, *(float(np.nanmax(np.abs(ratio))) for ratio in ratios))
        model = calibration.lens_models[camera.name]
        rows.append((camera.name, model, *(f"{value:+.2f}" for value in np.concatenate(ratios))))
    turns = [f"turn {c}" for c in "xyz"]
    columns = ("camera", "lens", *("x", "y", "z"), *turns, *INTRINSICS)
    show("labcut3d: error / standard deviation stated", columns, rows)
    squared, count = mahalanobis(calibration, truth)
    print(
        f"largest: {worst:.2f} (limit {LIMIT}); all {count} parameters together: squared "
        f"Mahalanobis error {squared:.1f}, exceeded by chance in {chi2.sf(squared, count):.1%}"
    )
    corners = opencv_corners(recording)
    given = (board, recording.views, recording.size, corners)
    sides = {
        "labcut3d": lambda: calibration.rig,
        "aniposelib (f, k1)": lambda: calibrate_aniposelib(*given),
        "aniposelib (f, k1, k2)": lambda: calibrate_aniposelib(*given, extra_dist=True),
        "OpenCV": lambda: calibrate_opencv(*given),
        "OpenCV, calibrateMultiview": lambda: calibrate_multiview(*given),
    }
    rows = []
    for name, make in installed(sides).items():
        rig = make()
        away = errors_of(rig, truth)
        focal = away.intrinsics[:, :2] / np.stack([c.matrix[[0, 1], [0, 1]] for c in truth])
        rows.append(
            (
                name,
                1000 * float(np.linalg.norm(away.centers, axis=-1).max()),
                float(np.degrees(np.linalg.norm(away.turns, axis=-1).max())),
                100 * float(np.abs(focal).max()),
                float(np.linalg.norm(away.intrinsics[:, 2:4], axis=-1).max()),
                max(lens_error(c, t) for c, t in zip(rig, truth, strict=True)),
            )
        )
    columns = ("worst camera", "centre um", "turn deg", "focal length %", "centre px", "lens px")
    show("errors as they are", columns, rows)


def _intrinsics(camera: Camera) -> Array:
    """Return fx, fy, cx, cy and the first five distortion coefficients."""
    distortions = np.pad(camera.distortions[:5], (0, max(0, 5 - len(camera.distortions))))
    return np.array([*camera.matrix[[0, 1], [0, 1]], *camera.matrix[:2, 2], *distortions])


def _deviations(jacobian: Array, covariance: Array) -> Array:
    """Return standard deviations (view, 3) of what depends linearly on parameters."""
    variance = np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian)
    return np.sqrt(variance).reshape(-1, 3)


def _vector(rotation: Array) -> Array:
    """Return the small turn that a rotation is."""
    return 0.5 * (rotation - rotation.T)[[2, 0, 1], [1, 2, 0]]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
