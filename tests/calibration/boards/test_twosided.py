"""Two-sided boards: where the back's corners lie, and cameras that face each other through them."""

import numpy as np
import pytest

from calibration import calibrate, observe
from calibration.boards.board import TwoSidedBoard, load_board, parse_board
from calibration.camera import Camera
from calibration.errors import Labcut3dError
from calibration.geometry import Array, invert_pose, make_pose, rotation_from_vector
from calibration.lens import Lens
from labcut3d.synthetic_images import render_board

TABLE = {
    "type": "two-sided",
    "squares_x": 6,
    "squares_y": 5,
    "square_length": 10.0,
    "marker_length": 7.5,
    "dictionary": "DICT_4X4_50",
    "unit": "mm",
    "thickness": 4.0,
}


def make_board(**changes) -> TwoSidedBoard:
    board = parse_board({**TABLE, **changes}, "board.toml")
    assert isinstance(board, TwoSidedBoard)
    return board


@pytest.mark.parametrize(("turn", "first"), [("y", [50.0, 10.0, 4.0]), ("x", [10.0, 40.0, 4.0])])
def test_the_back_lies_behind_the_front_and_is_turned(turn, first):
    board = make_board(turn=turn)
    points = board.points
    assert points.shape == (40, 3)
    np.testing.assert_array_equal(points[:20], board.front.points)
    np.testing.assert_allclose(points[20], first)  # the back's first corner
    # Both sides cover the same places of the plate.
    front, back = ({tuple(p) for p in half[:, :2].round(9)} for half in (points[:20], points[20:]))
    assert front == back


def test_the_back_has_markers_of_its_own():
    board = make_board()
    assert (board.back_first_marker, board.back.first_marker) == (15, 15)
    assert [face.tolist()[::19] for face in board.faces] == [[0, 19], [20, 39]]


def test_two_sided_boards_survive_the_round_trip(tmp_path):
    path = tmp_path / "board.toml"
    path.write_text(
        "\n".join(f"{key} = {value!r}".replace("'", '"') for key, value in TABLE.items())
    )
    board = load_board(path)
    assert board == make_board()
    assert parse_board(board.to_dict(), "b") == board


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"thickness": -4.0}, "thickness = -4.0"),
        ({"thickness": float("inf")}, "thickness = inf"),
        ({"turn": "z"}, "turn = 'z'"),
        ({"back_first_marker": 5}, "on both sides"),
        ({"back_first_marker": 40}, "the back.*15 markers from number 40"),
        ({"back_first_marker": "a"}, "whole number"),
        ({"squares_x": 10**9}, "squares_x = 1000000000"),
        ({"thicknes": 3}, "did you mean 'thickness'"),
    ],
)
def test_odd_values_are_refused(change, words):
    with pytest.raises(Labcut3dError, match=words) as caught:
        make_board(**change)
    assert str(caught.value).startswith("board.toml")


def facing_cameras() -> list[Camera]:
    """Return two cameras 300 mm apart that look at each other."""
    matrix = np.array([[700.0, 0, 330], [0, 700, 235], [0, 0, 1]])
    lens = Lens(distortions=np.array([-0.15, 0.05, 0.0, 0.0, 0.0]))
    across = np.diag([-1.0, 1.0, -1.0])
    poses = [(np.eye(3), [0.0, 0, 150]), (across, [0.0, 0, 150])]
    return [
        Camera(
            name=f"cam{i}",
            size=(640, 480),
            matrix=matrix,
            lens=lens,
            rotation=rotation,
            translation=np.array(translation),
        )
        for i, (rotation, translation) in enumerate(poses)
    ]


def render_side(camera: Camera, board: TwoSidedBoard, pose: Array, seed: int) -> np.ndarray:
    """Return what a camera sees of the side that is turned to it."""
    rng = np.random.default_rng(seed)
    if np.dot(pose[:3, 3] - camera.center, pose[:3, 2]) > 0:
        return render_board(camera, board.front, pose, rng, noise=1.0)
    return render_board(camera, board.back, pose @ board.front_from_back, rng, noise=1.0)


def test_cameras_that_face_each_other_are_calibrated():
    rng = np.random.default_rng(7)
    board, cameras = make_board(), facing_cameras()
    sources: dict[str, list[np.ndarray]] = {camera.name: [] for camera in cameras}
    for index in range(10):
        tilt = rotation_from_vector(rng.uniform(-0.5, 0.5, 3))
        shift = rng.uniform([-20, -15, -25], [20, 15, 25]) - tilt @ board.points.mean(axis=0)
        pose = make_pose(tilt, shift)
        for camera in cameras:
            sources[camera.name].append(render_side(camera, board, pose, index))
    printed, seen = observe(board, sources)
    assert printed == board
    assert not seen.seen[0, :, 20:].any()  # one side each
    assert not seen.seen[1, :, :20].any()
    result = calibrate(printed, seen)
    assert result.rms < 0.1  # px
    relative = cameras[1].camera_from_world @ invert_pose(cameras[0].camera_from_world)
    found = result.rig.cameras[1].camera_from_world
    np.testing.assert_allclose(found[:3, :3], relative[:3, :3], atol=2e-3)  # rad
    np.testing.assert_allclose(found[:3, 3], relative[:3, 3], atol=0.6)  # mm of 300
