"""Is a rig possible at all? Looked at without a single image, so that any file can be checked.

A small reprojection error beside absurd cameras is the commonest silent failure of calibrations.
What is looked at: copies of one camera, focal lengths and principal points, lenses that fold over
inside the image, cameras far from all others, cameras that share no view, and the unit. Scores
against boards or clicked points are in `evidence`.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from calibration.camera import Camera
from calibration.checks.findings import Finding, worst_first
from calibration.geometry import Array
from calibration.grouping import connected_groups
from calibration.rig import Rig
from calibration.units import METRES

__all__ = ["check_rig", "field_of_view", "shared_views"]

SAME_CENTRE, SAME_TURN = 1e-3, 2e-3  # of the rig's size, and rad: no two real cameras are so close
NARROWEST, NARROW, WIDE, WIDEST = 0.5, 3.0, 120.0, 170.0  # degrees, the image's longer side
UNEQUAL, VERY_UNEQUAL = 0.05, 0.3  # by which fx and fy differ
OFF_CENTRE = 0.2  # of the image's side, from its middle
LARGEST_DECENTRING = 0.02  # p1, p2: good lenses stay below 0.005
FAR, VERY_FAR = 10.0, 50.0  # times the usual distance from the rig's middle
SMALLEST_RIG, LARGEST_RIG = 1e-4, 100.0  # m between cameras
GRID = 21  # points along each side of an image at which its lens is tried
SPARSE = 7  # the same, for rays that are followed into the scene
DEPTHS = np.geomspace(0.05, 1000.0, 40)  # times the distance of two cameras


def check_rig(rig: Rig, *, unit_known: bool = True) -> tuple[Finding, ...]:
    """Return what is impossible or doubtful in a rig, the worst first, and what was found right.

    `unit_known` is False for a file that names no unit of length, whose rig then carries any.
    """
    found = [
        *_same_pose(rig),
        *(finding for camera in rig for finding in (*_focal(camera), *_centre(camera))),
        *(finding for camera in rig for finding in (*_decentring(camera), *_lens(camera))),
        *_scale(rig),
        *_overlap(rig),
        *_unit(rig, unit_known),
    ]
    return worst_first(found)


def field_of_view(camera: Camera) -> float:
    """Return the angle, degrees, across the longer side of the image, NaN where none is defined.

    It is the angle between the rays of the middles of both sides, lens included.
    """
    width, height = camera.size
    x, y = (width - 1) / 2, (height - 1) / 2
    ends = [[0, y], [width - 1, y]] if width >= height else [[x, 0], [x, height - 1]]
    _, (a, b) = camera.rays(np.array(ends))
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def shared_views(rig: Rig) -> np.ndarray:
    """Return which cameras share a view, (camera, camera) bool.

    Points along the rays of each camera, from near to very far, are looked for in the others.
    """
    shared = np.eye(len(rig), dtype=bool)
    for a, b in combinations(range(len(rig)), 2):
        one, other = rig.cameras[a], rig.cameras[b]
        shared[a, b] = shared[b, a] = _meets(one, other) or _meets(other, one)
    return shared


def _same_pose(rig: Rig) -> Iterator[Finding]:
    """Yield pairs of cameras in one place that look the same way."""
    size = float(np.ptp(np.stack([camera.center for camera in rig]), axis=0).max())
    copies = [
        (a.name, b.name)
        for a, b in combinations(rig, 2)
        if np.linalg.norm(a.center - b.center) <= SAME_CENTRE * size
        and np.abs(a.rotation - b.rotation).max() <= SAME_TURN
    ]
    for a, b in copies:
        yield Finding(
            level="FAIL",
            reason=f"cameras '{a}' and '{b}' have the same pose; one of them is a copy",
            remedy=f"Calibrate again with the board videos of '{a}' and '{b}', or leave one out.",
        )
    if not copies and len(rig) > 1:
        yield Finding(level="PASS", reason="every camera has a pose of its own")


def _focal(camera: Camera) -> Iterator[Finding]:
    """Yield whether the focal lengths make a field of view that lenses have."""
    fx, fy = camera.matrix[0, 0], camera.matrix[1, 1]
    long_side = max(camera.size)
    focal = fx if camera.size[0] >= camera.size[1] else fy
    pinhole = float(np.degrees(2 * np.arctan(long_side / (2 * focal))))
    angle = field_of_view(camera) if camera.lens.model == "fisheye" else pinhole
    text = f"'{camera.name}': focal length {focal:.5g} px, a field of view of {angle:.3g} degrees"
    remedy = (
        "Compare with the lens and the sensor; show the board near, far and tilted, "
        "in all of the image, and calibrate again."
    )
    if not NARROWEST < angle < WIDEST:
        yield Finding(level="FAIL", reason=f"{text}, which no lens has", remedy=remedy)
    elif not NARROW < angle < WIDE and camera.lens.model != "fisheye":
        yield Finding(level="WARN", reason=f"{text}, which is unusual", remedy=remedy)
    else:
        yield Finding(level="PASS", reason=text)
    unequal = abs(fx / fy - 1)
    if unequal > UNEQUAL:
        yield Finding(
            level="FAIL" if unequal > VERY_UNEQUAL else "WARN",
            reason=f"'{camera.name}': fx = {fx:.5g} and fy = {fy:.5g} px differ by "
            f"{100 * unequal:.0f} %, but pixels are square",
            remedy="Check that the images are not stretched; then show the board tilted about "
            "both its axes, and calibrate again.",
        )


def _centre(camera: Camera) -> Iterator[Finding]:
    """Yield principal points outside the image or far from its middle."""
    centre, size = camera.matrix[:2, 2], np.array(camera.size)
    off = float(np.abs((centre - (size - 1) / 2) / size).max())
    text = (
        f"'{camera.name}': principal point ({centre[0]:.0f}, {centre[1]:.0f}) px in an image of "
        f"{size[0]} x {size[1]}"
    )
    if off > 0.5:
        yield Finding(
            level="FAIL",
            reason=f"{text} lies outside of it",
            remedy="Check that width and height are not swapped and that the image was not cropped "
            "or resized after calibration; show the board tilted and in all of the image.",
        )
    elif off > OFF_CENTRE:
        yield Finding(
            level="WARN",
            reason=f"{text} is far from the middle",
            remedy="Right for a cropped image or a mirror's half; otherwise show the board tilted "
            "and in all of the image, and calibrate again.",
        )


def _decentring(camera: Camera) -> Iterator[Finding]:
    """Yield tangential terms beyond what the glass of a lens can be out of line."""
    terms = dict(zip(camera.lens.names, camera.distortions.tolist(), strict=True))
    worst = max((abs(terms.get(name, 0.0)) for name in ("p1", "p2")), default=0.0)
    if worst > LARGEST_DECENTRING:
        yield Finding(
            level="WARN",
            reason=f"'{camera.name}': tangential distortion of {worst:.2g}; real lenses have less "
            f"than {LARGEST_DECENTRING:g}",
            remedy="It makes up for another error: show the board tilted and in all of the image, "
            "check that cameras are in step, and calibrate again.",
        )


def _lens(camera: Camera) -> Iterator[Finding]:
    """Yield lens models that fold over inside the image, so that pixels have no ray."""
    width, height = camera.size
    x, y = np.meshgrid(np.linspace(0, width - 1, GRID), np.linspace(0, height - 1, GRID))
    ideal = camera.undistort(np.stack([x, y], axis=-1))
    broken = ~np.isfinite(ideal).all(axis=-1)
    broken |= _folds_before(camera, ideal)
    if not broken.any():
        return
    across, down = (2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1)
    share = f"{100 * broken.mean():.0f}" if broken.mean() > 0.01 else "up to 1"
    inside = bool(broken[across**2 + down**2 <= 1].any())
    yield Finding(
        level="FAIL" if inside else "WARN",
        reason=f"'{camera.name}': the lens model folds over inside the image"
        f"{'' if inside else ', in its corners'}; {share} % of the pixels have no ray or two",
        remedy="Calibrate again with the board shown up to the corners of the image; until then "
        "trust nothing seen there.",
    )


def _folds_before(camera: Camera, ideal: Array) -> np.ndarray:
    """Return whether the lens folds on the way from the axis to ideal points (..., 2)."""
    way = np.linspace(0.05, 1.0, 20)[:, None]
    slopes = camera.lens.jacobian(ideal[..., None, :] * way)
    determinant = slopes[..., 0, 0] * slopes[..., 1, 1] - slopes[..., 0, 1] * slopes[..., 1, 0]
    return np.asarray((determinant <= 0).any(axis=-1))


def _scale(rig: Rig) -> Iterator[Finding]:
    """Yield cameras that stand far outside of the rig."""
    if len(rig) < 3:
        return
    centers = np.stack([camera.center for camera in rig])
    distances = np.linalg.norm(centers - np.median(centers, axis=0), axis=-1)
    usual = float(np.median(distances))
    for camera, distance in zip(rig, distances, strict=True):
        if distance > FAR * usual:
            yield Finding(
                level="FAIL" if distance > VERY_FAR * usual else "WARN",
                reason=f"'{camera.name}' stands {distance:.4g} {rig.unit} from the rig's middle, "
                f"{distance / max(usual, 1e-300):.0f} times as far as is usual in it",
                remedy=f"Check the focal length of '{camera.name}' and calibrate it again with "
                "frames in which it and a neighbour both see the board.",
            )


def _overlap(rig: Rig) -> Iterator[Finding]:
    """Yield cameras that share no view with the others."""
    if len(rig) < 2:
        return
    groups = connected_groups(shared_views(rig))
    if len(groups) == 1:
        yield Finding(level="PASS", reason="all cameras look at a common volume")
        return
    texts = [" with ".join(rig.names[i] for i in group) for group in groups]
    yield Finding(
        level="FAIL",
        reason="cameras look at no common volume: " + " | ".join(texts),
        remedy=_other_convention(rig, len(groups))
        or "Check that rotation and translation are camera_from_world; then calibrate again "
        "with frames in which neighbours see the board together.",
    )


def _meets(one: Camera, other: Camera) -> bool:
    """Tell whether rays of one camera come into the image of the other."""
    apart = float(np.linalg.norm(one.center - other.center))
    width, height = one.size
    x, y = np.meshgrid(np.linspace(0, width - 1, SPARSE), np.linspace(0, height - 1, SPARSE))
    origins, rays = one.rays(np.stack([x, y], axis=-1).reshape(-1, 2))
    points = origins[:, None] + (apart or 1.0) * DEPTHS[:, None] * rays[:, None]
    with np.errstate(all="ignore"):  # beyond a lens model's reach pixels are NaN or infinite
        pixels = np.asarray(other.project(points))
        inside = (pixels >= -0.5) & (pixels <= np.array(other.size) - 0.5)
        seen = np.asarray(inside.all(axis=-1))
        starts, back = other.rays(np.where(seen[..., None], pixels, np.nan))
    straight = points - starts
    straight /= np.linalg.norm(straight, axis=-1, keepdims=True)
    # A lens model that folds over images far points inside the image: their rays differ.
    return bool(np.any(seen & ((back * straight).sum(axis=-1) > 1 - 1e-6)))


def _other_convention(rig: Rig, groups: int) -> str:
    """Return a hint where the poses would look right if they were written another way."""
    ways = {
        "inverted (world_from_camera): the file holds the cameras' places, not their motions": [
            (camera.rotation.T, -camera.rotation.T @ camera.translation) for camera in rig
        ],
        "with transposed rotations (row vectors, as MATLAB writes them)": [
            (camera.rotation.T, camera.translation) for camera in rig
        ],
    }
    for way, poses in ways.items():
        cameras = tuple(
            replace(camera, rotation=rotation, translation=translation)
            for camera, (rotation, translation) in zip(rig, poses, strict=True)
        )
        if len(connected_groups(shared_views(replace(rig, cameras=cameras)))) < groups:
            return f"The poses fit together when they are read {way}; convert the file."
    return ""


def _unit(rig: Rig, known: bool) -> Iterator[Finding]:
    """Yield a missing unit, and rigs of a size that no lab has."""
    if not known:
        yield Finding(
            level="WARN",
            reason="the file names no unit of length, so nothing measured with it has a unit",
            remedy="Say the unit of the board that it was calibrated with: --unit mm",
        )
        return
    centers = np.stack([camera.center for camera in rig])
    apart = float(np.linalg.norm(centers - centers.mean(axis=0), axis=-1).max())
    if len(rig) > 1 and not SMALLEST_RIG < apart * METRES[rig.unit] < LARGEST_RIG:
        yield Finding(
            level="WARN",
            reason=f"the cameras stand {2 * apart:.3g} {rig.unit} apart",
            remedy="Check the unit and the length of the board's squares; labcut3d align "
            "--distance sets the scale from a measured length.",
        )
