"""When does a wall matter? The exact slab, beside a pinhole rig calibrated through the wall.

    python docs/benchmarks/refraction.py            # simulation, by angle of incidence
    python docs/benchmarks/refraction.py acrylic    # acrylic_box, whose images are path-traced
    python docs/benchmarks/refraction.py speed      # triangulation through walls, points a second

Simulated: four cameras about a box of 120 mm with walls of 3 mm acrylic, each seeing its wall at
one angle; boards and test points inside. Errors are those of triangulated test points after the
rigid motion that lays them onto the truth, as no frame of the pinhole rig's is any better.
"""

import json
import sys
import time
from dataclasses import dataclass, replace

import cv2
import numpy as np
from common import data_dir, show

from calibration import (
    Camera,
    CharucoBoard,
    Lens,
    Observations,
    Rig,
    Wall,
    calibrate,
    observe,
    triangulate_points,
)
from calibration.alignment import WorldChange, rigid_alignment
from calibration.fitting.walls import WallPriors, refine_walls
from calibration.geometry import Array, make_pose, rotation_from_vector, transform

SIZE, FOCAL, AWAY = (1280, 1024), 3000.0, 300.0  # px, px, mm
INNER, THICKNESS, INDICES = 120.0, 3.0, (1.0, 1.49, 1.0)
ANGLES = (0, 15, 30, 45)  # degrees of incidence of the optical axes
NOISES = (0.0, 0.3)  # px
SEEDS = range(5)
WRONG = 3.1  # mm, what a wall of 3 mm may be taken for
PRIORS = WallPriors(distance=0.5, thickness=0.1, tilt=0.01, index=0.005, box=True)
BOARDS, POINTS, REACH = 24, 2000, 25.0  # mm about the box's middle
BOARD = CharucoBoard(
    squares_x=7,
    squares_y=5,
    square_length=6.0,
    marker_length=4.5,
    dictionary="DICT_5X5_100",
    unit="mm",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is simulated: the angle of incidence, degrees, the noise, px, and the seed."""

    angle: float
    noise: float
    seed: int = 0


def walled(rig: Rig, outward: dict[str, Array], thickness: float = THICKNESS) -> Rig:
    """Return a rig in the box's frame with the walls that its cameras look through."""
    cameras = []
    for camera in rig:
        wall = Wall(
            normal=-outward[camera.name],
            distance=-INNER / 2 - thickness,
            thickness=thickness,
            indices=INDICES,
        )
        cameras.append(replace(camera, wall=wall))
    return replace(rig, cameras=tuple(cameras))


def make_rig(angle: float) -> tuple[Rig, dict[str, Array]]:
    """Return true cameras without walls, and the outward normals of the walls they look through.

    The cameras stand above and below the walls' normals in turn, and so share points of a board
    as real ones do.
    """
    tilt, cameras, outward = np.radians(angle), [], {}
    for view in range(4):
        turn = np.pi / 4 + np.pi / 2 * (view // 2)
        face = np.round([np.cos(turn - np.pi / 4), np.sin(turn - np.pi / 4), 0], 12)
        side = np.cross([0, 0, 1.0], face)
        sign = 1 if view % 2 else -1
        aside = (side + np.array([0, 0, 1.0])) / np.sqrt(2)
        center = AWAY * (np.cos(tilt) * face + sign * np.sin(tilt) * aside)
        forward = -center / AWAY
        right = np.cross([0, 0, -1.0], forward)
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        middle = (np.array(SIZE) - 1) / 2
        camera = Camera(
            name=f"cam{view}",
            size=SIZE,
            matrix=np.array([[FOCAL, 0, middle[0]], [0, FOCAL, middle[1]], [0, 0, 1]]),
            lens=Lens(distortions=np.array([-0.18, 0.4, 1e-4, -3e-4, 0.0])),
            rotation=rotation,
            translation=-rotation @ center,
        )
        cameras.append(camera)
        outward[camera.name] = face
    return Rig(cameras=tuple(cameras), unit="mm"), outward


def board_poses(rng: np.random.Generator) -> Array:
    """Return poses (frame, 4, 4) of boards in the box that face all cameras, tilted every way."""
    facing = rotation_from_vector([0.0, np.pi / 2, 0.0])
    spin = rotation_from_vector([0.0, 0.0, np.pi / 4])
    turns = rotation_from_vector(rng.normal(0, 0.35, (BOARDS, 3))) @ spin @ facing
    middles = rng.uniform(-0.6 * REACH, 0.6 * REACH, (BOARDS, 3))
    return make_pose(turns, middles - turns @ BOARD.points.mean(axis=0))


def see(rig: Rig, points: Array, noise: float, rng: np.random.Generator) -> Array:
    """Return noisy pixels of points, NaN outside the images."""
    pixels = rig.project(points) + rng.normal(0, noise, (len(rig), *points.shape[:-1], 2))
    inside = ((pixels > 0) & (pixels < np.array(SIZE) - 1)).all(axis=-1)
    return np.where(inside[..., None], pixels, np.nan)


def boards_seen(rig: Rig, poses: Array, setting: Setting) -> Observations:
    """Return noisy corners of boards; the noise is the same for every rig, corner by corner."""
    rng = np.random.default_rng(setting.seed)
    corners = see(rig, transform(poses, BOARD.points), setting.noise, rng)
    sizes = (SIZE,) * len(rig)
    return Observations(views=rig.names, sizes=sizes, frames=np.arange(BOARDS), corners=corners)


def calibrated(seen: Observations, poses: Array) -> Rig:
    """Return the rig that boards calibrate, laid onto the boards' true places."""
    return onto(calibrate(BOARD, seen).rig, seen.corners, transform(poses, BOARD.points))


def onto(rig: Rig, pixels: Array, points: Array) -> Rig:
    """Return a rig in the frame in which it puts what it sees at `points`."""
    motion = rigid_alignment(triangulate_points(rig, pixels).points, points)
    return WorldChange(motion=make_pose(*motion), how="onto the truth").move_rig(rig)


def errors(rig: Rig, pixels: Array, points: Array) -> Array:
    """Return the distances (n,) of triangulated points, rigidly laid onto the truth."""
    found = triangulate_points(rig, pixels).points
    rotation, shift = rigid_alignment(found, points)
    away = np.linalg.norm(found @ rotation.T + shift - points, axis=-1)
    return away[np.isfinite(away)]


def simulate(setting: Setting) -> dict[str, Array]:
    """Return the errors, mm, of each way to reckon with the wall."""
    rng = np.random.default_rng(setting.seed)
    air, outward = make_rig(setting.angle)
    truth, poses = walled(air, outward), board_poses(rng)
    points = rng.uniform(-REACH, REACH, (POINTS, 3))
    pixels = see(truth, points, setting.noise, rng)
    inside = boards_seen(truth, poses, setting)
    in_air = calibrated(boards_seen(air, poses, setting), poses)
    thick = walled(in_air, outward, WRONG)
    return {
        "exact": errors(walled(in_air, outward), pixels, points),
        "through": errors(calibrated(inside, poses), pixels, points),
        "ignored": errors(in_air, pixels, points),
        "thick": errors(thick, pixels, points),
        "refined": errors(refine_walls(thick, BOARD, inside, PRIORS).rig, pixels, points),
    }


def tabulate_simulation() -> None:
    """Print the root mean square errors by angle of incidence, with and without noise."""
    rows = []
    for noise in NOISES:
        for angle in ANGLES:
            found = [simulate(Setting(angle=angle, noise=noise, seed=seed)) for seed in SEEDS]
            rms = [
                1e3 * np.sqrt(np.mean([np.mean(each[name] ** 2) for each in found]))
                for name in ("exact", "through", "ignored", "thick", "refined")
            ]
            ratios = [np.mean(e["through"] ** 2) / np.mean(e["exact"] ** 2) for e in found]
            numbers = (f"{value:.3g}" for value in (*rms, min(ratios) ** 0.5, max(ratios) ** 0.5))
            rows.append([f"{noise:g} px", f"{angle}", *numbers])
    heads = ("noise", "degrees", "exact", "pinhole through it", "ignored", "3.1 mm", "and refined")
    show("3 mm of acrylic, simulated, um", (*heads, "pinhole : exact", "at most"), rows)


def acrylic_box() -> None:
    """Print the errors of a rig calibrated on the air images, on boards in air and in the box."""
    folder = data_dir("acrylic_box")
    truth = json.loads((folder / "truth" / "rig.json").read_text())
    corners = np.load(folder / "truth" / "corners.npz")
    views = list(truth["box"]["wall_normals_deg"])
    turns = {view: np.radians(truth["box"]["wall_normals_deg"][view]) for view in views}
    outward = {v: np.round([np.cos(a), np.sin(a), 0.0], 12) for v, a in turns.items()}
    seen = {}
    for part in ("air", "box"):
        paths = {view: sorted((folder / part / view).glob("*.jpg")) for view in views}
        images = {v: [cv2.imread(str(p), cv2.IMREAD_GRAYSCALE) for p in paths[v]] for v in views}
        board, seen[part] = observe(BOARD, images)
    fitted = part_of(seen["air"], 0)
    rig = onto(calibrate(board, fitted).rig, fitted.corners, corners["air"][::2])
    exact = walled(rig, outward)
    refined = refine_walls(exact, board, part_of(seen["box"], 0), PRIORS).rig
    rows = []
    for name, part, one in (
        ("in air", "air", rig),
        ("in the box, exact", "box", exact),
        ("in the box, wall refined", "box", refined),
        ("in the box, wall ignored", "box", rig),
    ):
        pixels, points = part_of(seen[part], 1).corners, corners[part][1::2]
        off = np.linalg.norm(one.project(points) - pixels, axis=-1)
        found = triangulate_points(one, pixels).points
        again = np.linalg.norm(one.project(found) - pixels, axis=-1)
        away = 1e3 * np.linalg.norm(found - points, axis=-1)
        laid = 1e3 * errors(one, pixels, points)
        numbers = np.nanmedian(off), np.nanmedian(again), np.nanmedian(away), np.median(laid)
        rows.append([name, *(f"{value:.3g}" for value in (*numbers, np.quantile(laid, 0.95)))])
    heads = ("boards", "true corners, px", "reprojection, px", "corners, um", "laid on, um", "95 %")
    show("acrylic_box, rig and walls from even frames, medians of odd ones", heads, rows)

    rows = []
    for name, part in (("in air", "air"), ("in the box", "box")):
        rows.append([name, *(f"{value:.4f}" for value in local_noise(seen[part].corners))])
    show("noise of the corners themselves, px", ("boards", *views), rows)


def local_noise(corners: Array) -> Array:
    """Return the median noise (view,) px of corners (view, frame, corner, 2), without any geometry.

    What is left of each image's corners beside the cubic map of the board's plane that fits best.
    """
    plane = BOARD.points[:, :2] - BOARD.points[:, :2].mean(axis=0)
    x, y = (plane / np.abs(plane).max()).T
    terms = np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], axis=1)
    noise = np.full(corners.shape[:2], np.nan)
    for place in np.ndindex(noise.shape):
        if np.isfinite(corners[place]).all():
            rest = corners[place] - terms @ np.linalg.lstsq(terms, corners[place], rcond=None)[0]
            noise[place] = np.sqrt((rest**2).sum() / 2 / (len(terms) - terms.shape[1]))
    return np.nanmedian(noise, axis=1)


def tabulate_speed(n: int = 20_000) -> None:
    """Print the points a second that one core triangulates, by its own clock."""
    air, outward = make_rig(30)
    walls, rows = walled(air, outward), []
    points = np.random.default_rng(0).uniform(-REACH, REACH, (n, 3))
    for name, one in (("walls", walls), ("no walls", air)):
        rng = np.random.default_rng(1)
        clean = see(one, points, 0.3, rng)
        hard = np.where(rng.random(clean.shape[:2])[..., None] < 0.2, np.nan, clean)
        hard[rng.random(clean.shape[:2]) < 0.05] += 60.0
        for case, pixels in (("0.3 px", clean), ("20 % missing, 5 % wrong", hard)):
            triangulate_points(one, pixels)
            began = time.process_time()
            triangulate_points(one, pixels)
            rows.append([name, case, f"{n / (time.process_time() - began):.3g}"])
    show("triangulation of 4 views", ("rig", "pixels", "points a second"), rows)


def part_of(seen: Observations, first: int) -> Observations:
    """Return every other frame."""
    return Observations(
        views=seen.views,
        sizes=seen.sizes,
        frames=seen.frames[first::2],
        corners=seen.corners[:, first::2],
    )


if __name__ == "__main__":
    if "acrylic" in sys.argv[1:]:
        acrylic_box()
    elif "speed" in sys.argv[1:]:
        tabulate_speed()
    else:
        tabulate_simulation()
