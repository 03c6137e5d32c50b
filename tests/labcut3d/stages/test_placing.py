"""A project that films into a box: from clicks or a board on its wall to trajectories in mm."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from walled import BOARD, make_rig

from calibration import Camera
from calibration.alignment import WorldChange
from calibration.chamber import BoardSpot, Chamber
from calibration.covariance import RigCovariance
from calibration.geometry import make_pose, rotation_from_vector, transform
from calibration.solver.uncertainty import rig_parameters
from calibration.triangulation import triangulate_points
from labcut3d import pipeline
from labcut3d.errors import FileFormatError, Labcut3dError, ProjectError, RigError
from labcut3d.project import Project, load_project
from labcut3d.provenance import write_stamp
from labcut3d.schema import open_dataset, save_dataset
from labcut3d.stages.aligning import align_rig
from labcut3d.stages.common import load_rig
from labcut3d.synthetic import Blemishes, detect_animal, observed_skeleton
from labcut3d.synthetic_images import render_board

TOML = """
fps = 30
skeleton = "bug.toml"
[views]
cam0 = {}
cam1 = {}
cam2 = {}
cam3 = {}
[board]
squares_x = 7
squares_y = 5
square_length = 12.0
marker_length = 9.0
dictionary = "DICT_5X5_100"
unit = "mm"
[chamber]
inner = [120, 120.0, 120.0]
wall = 3.0
unit = "mm"
"""
MEDIA = {
    "acrylic": 'material = "acrylic"',
    "water": 'material = "glass"\ninside = "water"',
}
INDICES = {"acrylic": (1.0, 1.491, 1.0), "water": (1.0, 1.52, 1.333)}
FACTOR = {"acrylic": 4, "water": 100}  # by which walls that are known must be better
SPOT = BoardSpot(face="-z", columns="+x", height=2.0)
BOARD_ON_FLOOR = '\n[chamber.board]\nface = "-z"\ncolumns = "+x"\nheight = 2.0\n'
# The box stands askew in the world of the rig.
POSE = make_pose(rotation_from_vector([0.05, -0.04, 0.08]), [4.0, -3.0, 2.0])


def smaller(camera: Camera) -> Camera:
    """A camera without its wall and of half the resolution, whose pictures are quickly made."""
    size = (camera.size[0] // 2, camera.size[1] // 2)
    return replace(camera, wall=None, size=size, matrix=np.diag([0.5, 0.5, 1]) @ camera.matrix)


class Filmed:
    """Cameras, a box that stands among them, and an animal inside."""

    def __init__(self, medium: str) -> None:
        rig = make_rig(3.0, INDICES[medium])
        self.chamber = Chamber(inner=[120, 120, 120], thickness=3.0, indices=INDICES[medium])
        self.air = replace(rig, cameras=tuple(smaller(camera) for camera in rig))
        self.rig = self.chamber.around(self.air, POSE)
        rng = np.random.default_rng(0)
        path = np.cumsum(rng.normal(0, 0.3, (60, 1, 3)), axis=0)
        self.position = transform(POSE, rng.uniform(-25, 25, (7, 3)) + path)

    def clicks(self, noise: float = 0.5) -> str:
        """What a person clicks of the inner corners, as a file."""
        rng, rows = np.random.default_rng(1), ["view,point,x,y"]
        for corner in [f"inner {x}x{y}y{z}z" for x in "-+" for y in "-+" for z in "-+"]:
            place = transform(POSE, self.chamber.corner(corner)[None])[0]
            for camera in self.rig:
                x, y = camera.project(place) + rng.normal(0, noise, 2)
                rows.append(f"{camera.name},{corner},{x:.2f},{y:.2f}")
        return "\n".join(rows)


@pytest.fixture(scope="module", params=MEDIA)
def filmed(request) -> tuple[str, Filmed]:
    return request.param, Filmed(request.param)


def make_project(root, medium: str, scene: Filmed, more: str = "") -> Project:
    """A project with a calibrated rig and its covariance, and detections of a recording."""
    skeleton = observed_skeleton()
    names = str(list(skeleton.keypoints)).replace("'", '"')
    (root / "bug.toml").write_text(f'name = "bug"\nkeypoints = {names}\n')
    (root / "project.toml").write_text(TOML + MEDIA[medium] + more)
    project = load_project(root)
    parameters = rig_parameters(scene.air)
    known = RigCovariance(names=parameters, matrix=1e-9 * np.eye(len(parameters)), gauge="none")
    scene.air.save(project.rig_path, known)
    write_stamp(project.rig_path, {"board": "as it was"})
    rng = np.random.default_rng(2)
    detections = detect_animal(scene.rig, skeleton, scene.position, rng, Blemishes(noise=0.3))
    save_dataset(detections, project.results("walk") / "detections.nc")
    for camera in scene.rig:
        images = root / "recordings" / "walk" / camera.name
        images.mkdir(parents=True)
        cv2.imwrite(str(images / "0.png"), np.zeros((camera.size[1], camera.size[0]), np.uint8))
    (root / "chamber").mkdir()
    return project


def film_board(project: Project, scene: Filmed, poses: list[np.ndarray]) -> None:
    """Write what the cameras see of the board at poses in the world, to the folder chamber."""
    rng = np.random.default_rng(3)
    for camera in scene.rig:
        folder = project.root / "chamber" / camera.name
        folder.mkdir()
        for number, pose in enumerate(poses):
            cv2.imwrite(str(folder / f"{number}.png"), render_board(camera, BOARD, pose, rng))


def errors_of(project: Project, scene: Filmed) -> np.ndarray:
    """How far the reconstructed trajectories lie from the truth, mm."""
    trajectories = open_dataset(pipeline.triangulate(project, "walk"))
    found = trajectories["position_raw"].values[..., 0].swapaxes(-1, -2)
    return np.linalg.norm(found - scene.position, axis=-1)


def straight_errors(project: Project, scene: Filmed) -> np.ndarray:
    """The same of a rig that knows nothing of walls, mm."""
    detections = open_dataset(project.results("walk") / "detections.nc")
    pixels = detections["position"].values[..., 0].transpose(1, 0, 3, 2)
    found = triangulate_points(scene.air, pixels).points
    return np.linalg.norm(found - scene.position, axis=-1)


def test_clicked_corners_make_trajectories_right(filmed, tmp_path):
    medium, scene = filmed
    project = make_project(tmp_path, medium, scene)
    (tmp_path / "chamber" / "corners.csv").write_text(scene.clicks())
    before = project.rig_path.read_bytes()
    result = pipeline.place_chamber(project)
    assert project.rig_path.read_bytes() == before
    assert (tmp_path / "results" / "chamber.html").stat().st_size > 1e5
    rig = load_rig(project)
    np.testing.assert_array_equal(
        RigCovariance.load(result).matrix, RigCovariance.load(project.rig_path).matrix
    )
    points = transform(POSE, np.random.default_rng(4).uniform(-40, 40, (200, 3)))
    assert np.abs(rig.project(points) - scene.rig.project(points)).max() < 0.5  # px; of clicks
    right, wrong = errors_of(project, scene), straight_errors(project, scene)
    assert np.nanmedian(right) < 0.1  # mm; of 0.3 px of noise
    assert np.nanmedian(wrong) > FACTOR[medium] * np.nanmedian(right)


def test_a_board_on_the_floor_does_so_too(filmed, tmp_path):
    medium, scene = filmed
    project = make_project(tmp_path, medium, scene, BOARD_ON_FLOOR)
    film_board(project, scene, [POSE @ SPOT.chamber_from_board(scene.chamber, BOARD)])
    pipeline.place_chamber(project)
    right, wrong = errors_of(project, scene), straight_errors(project, scene)
    assert np.nanmedian(right) < 0.1  # mm
    assert np.nanmedian(wrong) > FACTOR[medium] * np.nanmedian(right)


def test_boards_moved_about_inside_refine_the_walls(tmp_path):
    scene = Filmed("water")
    project = make_project(tmp_path, "water", scene, "\nrefine = true\n")
    text = (tmp_path / "project.toml").read_text()
    (tmp_path / "project.toml").write_text(text.replace("wall = 3.0", "wall = 3.08"))
    (tmp_path / "chamber" / "corners.csv").write_text(scene.clicks())
    rng = np.random.default_rng(5)
    turns = rotation_from_vector([np.pi, 0, 0]) @ rotation_from_vector(rng.normal(0, 0.3, (5, 3)))
    middles = POSE[:3, 3] + rng.uniform(-15, 15, (5, 3))
    film_board(project, scene, list(make_pose(turns, middles - turns @ BOARD.points.mean(axis=0))))
    project = load_project(tmp_path)
    pipeline.place_chamber(project)
    points = transform(POSE, rng.uniform(-25, 25, (200, 3)))
    off = np.linalg.norm(load_rig(project).project(points) - scene.rig.project(points), axis=-1)
    assert off.max() < 0.15  # px
    assert "boards through its walls" in (tmp_path / "results" / "chamber.html").read_text()


@pytest.fixture
def placed(tmp_path) -> Project:
    """A project whose chamber of acrylic was placed by clicks."""
    scene = Filmed("acrylic")
    project = make_project(tmp_path, "acrylic", scene)
    (tmp_path / "chamber" / "corners.csv").write_text(scene.clicks())
    pipeline.place_chamber(project)
    return project


def test_a_chamber_is_placed_again_only_when_something_changed(placed):
    result, stamp = placed.filming_rig_path, placed.filming_rig_path.stat().st_mtime_ns
    pipeline.place_chamber(placed)
    assert result.stat().st_mtime_ns == stamp
    path = placed.root / "project.toml"
    path.write_text(path.read_text().replace("wall = 3.0", "wall = 3.1"))
    changed = load_project(placed.root)
    with pytest.raises(RigError, match="has changed since the chamber was placed; run: labcut3d c"):
        load_rig(changed)
    pipeline.place_chamber(changed)
    assert load_rig(changed).cameras[0].wall.thickness == 3.1


def test_a_rig_that_was_aligned_or_calibrated_again_needs_its_walls_again(placed):
    change = WorldChange(motion=make_pose(np.eye(3), [1.0, 2.0, 3.0]), how="a board")
    align_rig(placed.rig_path, placed.rig_path, lambda rig: change)
    with pytest.raises(RigError, match=r"the rig or the .chamber. .* run: labcut3d chamber"):
        load_rig(placed)
    pipeline.place_chamber(placed)
    assert load_rig(placed).metadata["world"] == "a board"
    assert RigCovariance.load(placed.filming_rig_path).gauge.endswith("(a board), taken as exact")


def test_a_chamber_that_was_not_placed_is_asked_for(placed):
    placed.filming_rig_path.unlink()
    with pytest.raises(RigError, match=r"where the .chamber. of project\.toml stands is not known"):
        pipeline.triangulate(placed, "walk")
    (placed.root / "chamber" / "corners.csv").unlink()
    with pytest.raises(ProjectError, match=r"corners\.csv: no such file"):
        pipeline.place_chamber(placed)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wall = 3.0", "wall = -3.0", "thickness = -3.0; it cannot be negative"),
        ("wall = 3.0", "wall = nan", "thickness = nan"),
        ("inner = [120,", "inner = [0,", "three positive lengths"),
        ("inner = [120,", "inner = [inf,", "three positive lengths"),
        ("inner = [120,", "inner = [", "'inner"),
        ('"acrylic"', '"acryl"', "material = 'acryl'; did you mean 'acrylic'"),
        ('"acrylic"', "0.9", "an index of refraction lies between 1"),
        ('"acrylic"', '"acrylic"\nopen = ["top"]', "no face 'top'"),
        ('"acrylic"', '"acrylic"\nthickness = 3', "unknown key 'thickness'"),
        ('"acrylic"', '"acrylic"\nboard = 3', "must be a table"),
        (
            '"acrylic"',
            '"acrylic"\n[chamber.board]\nface = "floor"\ncolumns = "+x"',
            r"\[chamber\.board\]: 'face'",
        ),
        (
            '"acrylic"',
            '"acrylic"\n[chamber.board]\nface = "-z"\ncolumns = "+z"',
            "run along one of the two other axes",
        ),
        ('unit = "mm"\nmaterial', "material", "'unit'"),
    ],
)
def test_a_table_that_describes_no_box_is_refused(old, new, words, tmp_path):
    (tmp_path / "project.toml").write_text(
        (TOML + MEDIA["acrylic"]).replace('"bug.toml"', '"mouse"').replace(old, new)
    )
    with pytest.raises(FileFormatError, match=words) as caught:
        load_project(tmp_path)
    assert "project.toml [chamber" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('120.0]\nwall = 3.0\nunit = "mm"', '120.0]\nwall = 3.0\nunit = "m"', "the rig is in mm"),
        ("[120, 120.0, 120.0]", "[0.12, 0.12, 0.12]", "check their unit"),
        ("[120, 120.0, 120.0]", "[120e3, 120e3, 120e3]", "check their unit"),
    ],
)
def test_a_box_in_another_unit_is_refused(old, new, words, placed):
    path = placed.root / "project.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(Labcut3dError, match=words):
        pipeline.place_chamber(load_project(placed.root))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("cam0,inner -x-y-z,1,2", "0 corners of the chamber were clicked"),
        ("cam0,left door,1,2\ncam1,left door,3,4", "no corner 'left door'"),
        ("cam9,inner -x-y-z,1,2", "view 'cam9' is not in the rig"),
        ("cam0,inner -x-y-z,nan,2", "finite numbers"),
        ("cam0,inner -x-y-z,a,2", "give numbers"),
    ],
)
def test_clicks_that_place_nothing_are_refused(rows, words, placed):
    (placed.root / "chamber" / "corners.csv").write_text("view,point,x,y\n" + rows)
    with pytest.raises(Labcut3dError, match=words):
        pipeline.place_chamber(placed)


def test_without_a_chamber_or_with_no_picture_of_the_board(placed):
    path = placed.root / "project.toml"
    text = path.read_text()
    path.write_text(text + BOARD_ON_FLOOR)
    with pytest.raises(Labcut3dError, match="no video or image folder named 'cam0'"):
        pipeline.place_chamber(load_project(placed.root))
    path.write_text(text[: text.index("[chamber]")])
    with pytest.raises(ProjectError, match=r"no \[chamber\]; describe there the box"):
        pipeline.place_chamber(load_project(placed.root))
    assert load_rig(load_project(placed.root)).cameras[0].wall is None
