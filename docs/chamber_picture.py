"""The picture of the first page, images/chamber.jpg: chamber, cameras, fly and what it did.

    labcut3d demo --out labcut3d-demo
    python docs/chamber_picture.py labcut3d-demo

Needs Debian's chromium (apt-get install chromium). The cameras are drawn nearer than they stand.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from chromium import open_chromium
from PIL import Image

from calibration import Rig
from calibration.alignment import WorldChange, rigid_alignment
from labcut3d import load_project, open_dataset
from labcut3d.demo import RECORDING
from labcut3d.kinematics import read_events
from labcut3d.kinematics.geometry import Plane
from labcut3d.project import Project
from labcut3d.stages.viewing import open_recording
from labcut3d.viewers import SceneOptions, Surroundings, figure_trajectory_3d
from labcut3d.viewers.clips import read_pictures
from labcut3d.viewers.marks import draw_marks, draw_title, marks_of
from labcut3d.viewers.palette import EVENTS, SAND

OUT = Path(__file__).parent / "images" / "chamber.jpg"
SIZE = {"width": 780, "height": 620}  # px, of the scene
VIEW_WIDTH = 413
QUALITY = 90  # of the saved picture
HALF = 4.0  # mm: half the side of the chamber's floor
HEIGHT = 4.5  # mm: as much of its height as is drawn
NEAR = 7.4  # mm from the middle of the floor: where cameras are drawn
MOMENT = 458  # the fly has laid its second egg
TRAIL = 540  # moments
EYE = {"x": 0.82, "y": -0.49, "z": 0.36}


def upright(project: Project) -> WorldChange:
    """Return the change to the world of the sample's truth, where the floor is at z = 0."""
    found = open_dataset(project.results(RECORDING) / "trajectories.nc")["position"]
    found = found.isel(individual=0).transpose("time", "keypoint", "space").values
    true = np.load(project.root / "truth" / f"{RECORDING}.npz")["position_mm"]
    both = np.isfinite(found).all(axis=-1)
    motion = np.eye(4)
    motion[:3, :3], motion[:3, 3] = rigid_alignment(found[both], true[both])
    return WorldChange(motion=motion, how="the sample's truth")


def nearer(rig: Rig) -> Rig:
    """Return the rig with each camera drawn towards the middle of the floor."""
    centers = [NEAR * camera.center / np.linalg.norm(camera.center) for camera in rig]
    return replace(
        rig,
        cameras=tuple(
            replace(camera, translation=-camera.rotation @ center)
            for camera, center in zip(rig, centers, strict=True)
        ),
    )


def scene(project: Project) -> go.Figure:
    """Return the chamber with all that is in it."""
    change, results = upright(project), project.results(RECORDING)
    corners = np.array([(-HALF, HALF), (-HALF, HALF), (0, HEIGHT)])
    options = SceneOptions(
        skeleton=project.skeleton,
        rig=nearer(change.move_rig(Rig.load(project.rig_path))),
        surroundings=Surroundings(
            boxes={"chamber": np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1)},
            substrate=Plane(normal=np.array([0.0, 0.0, 1.0]), distance=0.0),
        ),
        trail="ovipositor",
        trail_length=TRAIL,
    )
    trajectories = open_dataset(results / "trajectories.nc")
    position = trajectories["position"].transpose(..., "space")
    position = position.copy(data=change.move_points(position.values))
    trajectories = trajectories.assign(position=position.transpose(*trajectories["position"].dims))
    figure = figure_trajectory_3d(trajectories, MOMENT, options=options)
    figure.update_traces(
        line_width=5, selector=lambda trace: trace.meta and trace.meta.get("role") == "trail"
    )
    events = read_events(results / "events.csv")
    eggs = events.loc[events["event"] == "egg_deposited", ["x", "y", "z"]].values
    x, y, z = change.move_points(eggs).T
    marker = {"size": 7, "color": EVENTS["egg_deposited"]}
    figure.add_scatter3d(x=x, y=y, z=z, mode="markers+text", marker=marker, text=["egg"] * len(x))
    x, y = np.array([[-HALF, HALF, HALF, -HALF], [-HALF, -HALF, HALF, HALF]])
    floor = {"i": [0, 0], "j": [1, 2], "k": [2, 3], "color": SAND, "opacity": 0.35}
    figure.add_mesh3d(x=x, y=y, z=np.full(4, -0.01), **floor)
    return figure


def views(project: Project) -> np.ndarray:
    """Return two views of the moment, one above the other, with what was found in them."""
    recording = open_recording(project, RECORDING)
    marks, pictures = marks_of(recording), []
    for view in ("cam1", "cam3"):
        size = (VIEW_WIDTH, SIZE["height"] // 2)
        number = recording.main["frame"].sel(view=view).values[[MOMENT]].astype(int)
        source = recording.videos[view]
        (image,) = read_pictures(source, number, source.size)
        image = draw_marks(image, marks, MOMENT, marks.views.index(view))
        pictures.append(np.asarray(Image.fromarray(draw_title(image, view)).resize(size)))
    return np.concatenate(pictures)


def save(figure: go.Figure, beside: np.ndarray) -> None:
    """Draw the figure in a browser, and save what it shows, and `beside`, as a JPEG."""
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        figure.write_html(Path(folder) / "scene.html", config={"displayModeBar": False})
        page = browser.new_page(viewport=SIZE)
        page.goto((Path(folder) / "scene.html").as_uri())
        page.wait_for_timeout(3000)
        page.screenshot(path=Path(folder) / "scene.png")
        drawn = np.asarray(Image.open(Path(folder) / "scene.png").convert("RGB"))
    both = np.concatenate([beside, drawn], axis=1)
    Image.fromarray(both).save(OUT, quality=QUALITY, subsampling=0)


def main() -> None:
    """Write the picture."""
    project = load_project(Path(sys.argv[1]))
    figure = scene(project)
    sideways, upwards = {"range": [-NEAR, NEAR]}, {"range": [HEIGHT / 2 - NEAR, HEIGHT / 2 + NEAR]}
    figure.update_scenes(
        camera={"eye": EYE, "center": {"x": 0, "y": 0, "z": -0.07}, "up": {"x": 0, "y": 0, "z": 1}},
        xaxis={**sideways, "visible": False},
        yaxis={**sideways, "visible": False},
        zaxis={**upwards, "visible": False},
    )
    figure.update_layout(**SIZE)
    save(figure, views(project))


if __name__ == "__main__":
    main()
