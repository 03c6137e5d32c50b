"""Kinematics: is the velocity right, and as sure as it says? And what does an hour of video cost?

    python docs/benchmarks/kinematics.py [velocity, hour] [fly PROJECT]

velocity: points that move along sums of sines of 0.2 to 1 Hz within some 20 mm, at 30 frames a
second, with 0.02 mm of noise; central finite differences, local cubics (`compute_velocity`), and
the smoother's own velocity, for which four cameras see the points with a noise in px that makes
0.02 mm of a single moment's triangulation. The ellipsoids of 68 and 95 % that are stated hold so
many of the true velocities.

fly PROJECT: the same for recording1 and recording2 of fly_chamber, with a project's detections,
of keypoints that two views or more see at the moment and at its neighbours.

hour: 360,000 moments of 12 keypoints at 100 frames a second, the true fly repeated, with noise and
covariances, written to a file of trajectories; then, each in a process of its own that has compiled
before, all kinematics and all events without images, with the floor known. Seconds of the
processor, and of the clock, of reading, computing and writing; the most memory at any moment.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import xarray as xr
from common import data_dir, show
from smoothing import FPS, KEYPOINTS, MOMENTS, VIEWS

from calibration import Rig, triangulate_points
from calibration.alignment import rigid_alignment
from calibration.geometry import Array
from labcut3d.dataset_pieces import save_pieces
from labcut3d.kinematics import (
    Plane,
    Surface,
    Surroundings,
    compute_velocity,
    compute_velocity_covariance,
    find_events,
    kinematics_pieces,
)
from labcut3d.project import Project, load_project
from labcut3d.reconstruction import reconstruct
from labcut3d.schema import (
    make_detections,
    make_trajectories,
    open_dataset,
    open_lazily,
    save_dataset,
)
from labcut3d.skeleton import load_skeleton
from labcut3d.synthetic_rig import make_rig

NOISE = 0.02  # mm
PIXEL_NOISE = 0.146  # px; makes about NOISE of the triangulated points
HOUR, HOUR_FPS = 360_000, 100.0
WITHOUT = "kinematics, no derivatives given"
LEVELS = (3.506, 7.815)  # of chi-square with three degrees of freedom: 68 and 95 %


def known_motion(rng: np.random.Generator) -> tuple[Array, Array]:
    """Return points (time, keypoint, 3) mm about the origin and their true velocities, mm/s."""
    seconds = np.arange(MOMENTS)[:, None, None, None] / FPS
    turn = 2 * np.pi * rng.uniform(0.2, 1.0, (3, KEYPOINTS, 3))
    phase = rng.uniform(0, 2 * np.pi, turn.shape)
    start = rng.uniform(-10, 10, (KEYPOINTS, 3))
    points = start + 5 / 3 * np.sin(turn * seconds + phase).sum(axis=1)
    return points, 5 / 3 * (turn * np.cos(turn * seconds + phase)).sum(axis=1)


def positions(points: Array) -> xr.DataArray:
    """Return points (time, keypoint, 3) mm as positions of one individual."""
    return xr.DataArray(
        np.swapaxes(points, 1, 2)[..., None],
        dims=("time", "space", "keypoint", "individual"),
        coords={"time": np.arange(len(points)) / FPS, "space": list("xyz")},
        attrs={"units": "mm"},
    )


def vectors(array: xr.DataArray) -> Array:
    """Return vectors as (time, keypoint, 3)."""
    return array.isel(individual=0).transpose("time", "keypoint", "space").values.astype(float)


def judge(name: str, error: Array, covariance: Array | None = None) -> tuple[object, ...]:
    """Return the root mean square error, and the shares inside the ellipsoids."""
    known = np.isfinite(error).all(axis=-1)
    error = error[known]
    size = float(np.sqrt((error**2).sum(axis=-1).mean()))
    if covariance is None:
        return name, size, "", ""
    solved = np.linalg.solve(covariance[known].astype(float), error[..., None])[..., 0]
    squared = (solved * error).sum(axis=-1)
    return name, size, *(f"{100 * (squared < level).mean():.1f} %" for level in LEVELS)


def smoothed(points: Array, rng: np.random.Generator) -> xr.Dataset:
    """Return the trajectories of points that four cameras see, in the points' frame."""
    rig = make_rig(VIEWS, rng)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    pixels = rig.project(points + middle)
    pixels += rng.normal(0, PIXEL_NOISE, pixels.shape)
    shape = (MOMENTS, VIEWS, KEYPOINTS, 1)
    detections = make_detections(
        position=np.moveaxis(pixels, (0, 3), (1, 2))[..., None],
        confidence=np.full(shape, 0.95),
        covariance=np.broadcast_to(PIXEL_NOISE**2 * np.eye(2), (*shape, 2, 2)),
        views=rig.names,
        keypoints=[f"keypoint{index}" for index in range(KEYPOINTS)],
        individuals=["animal"],
        fps=FPS,
    )
    found = reconstruct(detections, rig)
    raw = vectors(found["position_raw"]) - points - middle
    print(f"noise of the triangulated points: {raw.std():.4f} mm")
    return found


def velocities() -> None:
    """Print errors and coverage of velocities of a known motion."""
    rng = np.random.default_rng(0)
    points, truth = known_motion(rng)
    noisy = positions(points + rng.normal(0, NOISE, points.shape))
    covariance = xr.DataArray(
        np.broadcast_to(NOISE**2 * np.eye(3), (MOMENTS, KEYPOINTS, 1, 3, 3)),
        dims=("time", "keypoint", "individual", "space", "space_"),
        coords={"time": noisy["time"]},
    )
    differences = noisy.differentiate("time")
    local = compute_velocity(noisy)
    stated = compute_velocity_covariance(noisy, covariance).values[:, :, 0]
    found = smoothed(points, rng)
    own = found["velocity_covariance"].values[:, :, 0]
    raw = found["position_raw"].differentiate("time")
    rows = [
        judge("finite differences", vectors(differences) - truth),
        judge("local cubics, 0.3 s", vectors(local) - truth, stated),
        judge("finite differences of triangulated points", vectors(raw) - truth),
        judge("the smoother's own", vectors(found["velocity"]) - truth, own),
    ]
    show(f"velocity, {NOISE} mm of noise", ("", "rms mm/s", "68 % hold", "95 % hold"), rows)


def fly(project: Project) -> None:
    """Print errors and coverage of velocities of the true fly."""
    rig = Rig.load(project.rig_path)
    for recording in ("recording1", "recording2"):
        detections = open_dataset(project.results(recording) / "detections.nc")
        found = reconstruct(detections, rig, project.reconstruction, skeleton=project.skeleton)
        with np.load(data_dir("fly_chamber") / "truth" / f"{recording}.npz") as stored:
            world, pixels = stored["position_mm"].astype(float), stored["pixels"].astype(float)
            seen = stored["visible"].sum(axis=0) >= 2
        points = triangulate_points(rig, pixels).points
        rotation, shift = rigid_alignment(points[seen], world[seen])
        truth = np.gradient((world - shift) @ rotation, 1 / FPS, axis=0)
        seen[1:-1] &= seen[:-2] & seen[2:]
        truth[~seen] = truth[[0, -1]] = np.nan
        raw = found["position_raw"]
        own = found["velocity_covariance"].values[:, :, 0]
        rows = [
            judge("finite differences of raw points", vectors(raw.differentiate("time")) - truth),
            judge("local cubics, 0.3 s, of raw points", vectors(compute_velocity(raw)) - truth),
            judge("the smoother's own", vectors(found["velocity"]) - truth, own),
        ]
        show(f"velocity, {recording}", ("", "rms mm/s", "68 % hold", "95 % hold"), rows)


def write_hour(path: Path) -> None:
    """Write the trajectories of an hour: the true fly of recording1, again and again."""
    rng = np.random.default_rng(0)
    with np.load(data_dir("fly_chamber") / "truth" / "recording1.npz") as stored:
        truth = stored["position_mm"].astype(float)
    points = np.swapaxes(truth[np.arange(HOUR) % len(truth)], 1, 2)[..., None]
    points += rng.normal(0, NOISE, points.shape)
    views, shape = [f"cam{view}" for view in range(4)], (HOUR, 12, 1)
    detections = make_detections(
        position=np.zeros((HOUR, 4, 2, 12, 1), dtype=np.float32),
        confidence=np.ones((HOUR, 4, 12, 1), dtype=np.float32),
        views=views,
        keypoints=load_skeleton("fly-egg-laying").keypoints,
        individuals=["fly"],
        fps=HOUR_FPS,
    )
    covariance = NOISE**2 * np.eye(3) * rng.uniform(0.5, 2, (*shape, 1, 1))
    moving = rng.normal(0, 1, points.shape)
    save_dataset(
        make_trajectories(
            position=points,
            position_raw=points,
            covariance=covariance,
            reprojection_error=np.ones(shape),
            view_used=np.ones((HOUR, 4, 12, 1), dtype=bool),
            confidence=np.ones(shape),
            like=detections,
            unit="mm",
            optional={
                "covariance_calibration": covariance / 10,
                "velocity": moving,
                "velocity_covariance": covariance,
                "acceleration": moving,
                "acceleration_covariance": covariance,
            },
        ),
        path,
    )


def compute_hour(what: str, path: Path) -> dict[str, str]:
    """Return what an hour's kinematics or events cost in this process: seconds, and GiB."""
    before = process_time(), perf_counter()
    skeleton = load_skeleton("fly-egg-laying")
    floor = Surface(plane=Plane(normal=np.array([0.0, 0, 1]), distance=0.0), deviation=NOISE)
    place = Surroundings(substrate=floor)
    with open_lazily(path) as trajectories:
        if what == "events":
            find_events(trajectories, surroundings=place)
        else:
            given = trajectories[["position", "covariance"]] if what == WITHOUT else trajectories
            pieces = kinematics_pieces(given, skeleton, surroundings=place)
            save_pieces(pieces, path.with_name("kinematics.nc"))
    cpu, clock = np.subtract((process_time(), perf_counter()), before)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": f"{cpu:.1f} ({clock:.1f})", "GiB": f"{peak:.2f}"}


def hour() -> None:
    """Print what an hour costs, each part in a process of its own that has compiled already."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trajectories.nc"
        write_hour(path)
        for what in ("kinematics", WITHOUT, "events"):
            command = [sys.executable, __file__, what, str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append((what, *json.loads(done.stdout).values()))
    columns = ("", "CPU s (clock)", "GiB at most")
    show(f"{HOUR} moments x 12 keypoints", columns, rows)


def main() -> None:
    """Print what was asked for, by default all."""
    if len(sys.argv) == 3 and sys.argv[1] == "fly":
        fly(load_project(Path(sys.argv[2])))
        return
    if len(sys.argv) == 3 and Path(sys.argv[2]).exists():
        print(json.dumps(compute_hour(sys.argv[1], Path(sys.argv[2]))))
        return
    for part in sys.argv[1:] or ("velocity", "hour"):
        {"velocity": velocities, "hour": hour}[part]()


if __name__ == "__main__":
    main()
