"""Walls: Snell's law forwards and backwards, at any angle, and every derivative of it."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.errors import RigError
from calibration.geometry import make_pose, rotation_from_vector
from calibration.refraction import Wall

MEDIA = {
    "acrylic in air": (3.0, (1.0, 1.49, 1.0)),
    "tank of water": (3.0, (1.0, 1.52, 1.33)),
    "surface of agarose": (0.0, (1.0, 1.0, 1.34)),
    "camera under water": (3.0, (1.33, 1.5, 1.0)),
}
CENTER = np.array([3.0, -2.0, 5.0])
UPRIGHT = Wall(normal=[0, 0, 1.0], distance=45.0, thickness=3.0, indices=(1, 1.49, 1))


@pytest.fixture(params=MEDIA)
def wall(request) -> Wall:
    """A tilted wall, 40 mm in front of `CENTER`."""
    thickness, indices = MEDIA[request.param]
    normal = np.array([0.48, -0.6, 0.64])
    distance = float(normal @ CENTER) + 40.0
    return Wall(normal=normal, distance=distance, thickness=thickness, indices=indices)


def fan(wall: Wall, steepest_deg: float, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n, 3) from 0 to `steepest_deg` off the normal, and points (n, 3) on their rays.

    A camera under water sees nothing beyond the angle of total reflection; its fan ends before.
    """
    critical = np.degrees(np.arcsin(min(1.0, min(wall.indices[1:]) / wall.indices[0])))
    rng = np.random.default_rng(0)
    angle = np.radians(np.linspace(0, min(steepest_deg, critical - 0.01), n))[:, None]
    round_ = rng.uniform(0, 2 * np.pi, (n, 1))
    one = np.cross(wall.normal, [1.0, 0, 0])
    one /= np.linalg.norm(one)
    sideways = np.cos(round_) * one + np.sin(round_) * np.cross(wall.normal, one)
    directions = np.cos(angle) * wall.normal + np.sin(angle) * sideways
    origins, onward = wall.refract(np.broadcast_to(CENTER, directions.shape), directions)
    return directions, origins + rng.uniform(1e-3, 80, (n, 1)) * onward


@pytest.mark.parametrize("steepest_deg", [60.0, 89.9])
def test_points_are_seen_where_their_rays_came_from(wall, steepest_deg):
    directions, points = fan(wall, steepest_deg)
    seen = wall.enter(CENTER, points) - CENTER
    seen /= np.linalg.norm(seen, axis=-1, keepdims=True)
    assert np.abs(seen - directions).max() < 1e-13  # 1e-9 px at a focal length of 10 000 px


def test_sines_of_the_angles_are_as_the_indices(wall):
    directions, _ = fan(wall, 80.0)
    _, onward = wall.refract(np.broadcast_to(CENTER, directions.shape), directions)
    sines = [np.linalg.norm(np.cross(ways, wall.normal), axis=-1) for ways in (directions, onward)]
    before, _, behind = wall.indices
    np.testing.assert_allclose(before * sines[0], behind * sines[1], atol=1e-14)
    plane = np.cross(directions, wall.normal)  # of incidence, which the light stays in
    assert np.abs((plane * onward).sum(axis=-1)).max() < 1e-14


def test_points_before_the_wall_are_seen_plainly_and_nothing_jumps(wall):
    along = CENTER + np.array([30.0, 5.0, 1.0])
    foot = along + (wall.distance - along @ wall.normal) * wall.normal
    depths = np.array([-20.0, -1e-9, 0.0, 1e-9, 1.0, wall.thickness - 1e-9, wall.thickness + 1e-9])
    points = foot + depths[:, None] * wall.normal
    seen = wall.enter(CENTER, points)
    assert np.array_equal(seen[:3], points[:3])
    np.testing.assert_allclose(seen[3], seen[2], atol=1e-8)
    np.testing.assert_allclose(seen[5], seen[6], atol=1e-8)
    assert np.isnan(wall.enter(CENTER, [np.nan, 0.0, 0.0])).all()


def test_a_wall_of_the_index_around_it_does_nothing():
    clear = replace(UPRIGHT, indices=(1.33, 1.33, 1.33))
    points = np.random.default_rng(1).uniform([-50, -50, 46], [50, 50, 90], (200, 3))
    seen, straight = clear.enter(CENTER, points) - CENTER, points - CENTER
    off = np.cross(seen, straight) / np.linalg.norm(straight, axis=-1, keepdims=True)
    assert np.abs(off).max() < 1e-12  # mm; rounding


def test_a_slab_shifts_a_ray_by_the_textbooks_amount():
    """Lateral shift t sin(a) (1 - cos(a) / sqrt(n^2 - sin^2(a))), Hecht, Optics, 4.5."""
    angle = np.radians(35)
    direction = np.array([np.sin(angle), 0, np.cos(angle)])
    origin, onward = UPRIGHT.refract(CENTER[None], direction[None])
    np.testing.assert_allclose(onward[0], direction, atol=1e-15)
    shift = np.linalg.norm(np.cross(origin[0] - CENTER, direction))
    expected = 3 * np.sin(angle) * (1 - np.cos(angle) / np.sqrt(1.49**2 - np.sin(angle) ** 2))
    assert shift == pytest.approx(expected, abs=1e-12)


def test_total_reflection_is_nan_and_rays_away_from_the_wall_stay():
    wall = replace(UPRIGHT, indices=(1.33, 1.5, 1.0))
    angle = np.radians([48.0, 49.5, 120.0])  # total from 48.75 degrees on
    directions = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=-1)
    origins, onward = wall.refract(np.broadcast_to(CENTER, (3, 3)), directions)
    assert np.isfinite([origins[0], onward[0]]).all()
    assert np.isnan([origins[1], onward[1]]).all()
    assert np.array_equal([origins[2], onward[2]], [CENTER, directions[2]])


def test_derivatives_match_finite_differences(wall):
    _, points = fan(wall, 65.0, n=60)
    points = np.concatenate([points, [CENTER + 20 * wall.normal]])  # and one before the wall
    _, by_point, by_center = wall.enter_jacobians(CENTER, points)
    by_wall = wall.parameter_jacobian(CENTER, points)
    step = 1e-5

    def slope(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        return (forward - backward) / (2 * step)

    for axis, shift in enumerate(step * np.eye(3)):
        numeric = slope(wall.enter(CENTER, points + shift), wall.enter(CENTER, points - shift))
        np.testing.assert_allclose(by_point[..., axis], numeric, atol=1e-7)
        numeric = slope(wall.enter(CENTER + shift, points), wall.enter(CENTER - shift, points))
        np.testing.assert_allclose(by_center[..., axis], numeric, atol=1e-7)
        turned = [rotation_from_vector(sign * shift) @ wall.normal for sign in (1, -1)]
        sides = [replace(wall, normal=n).enter(CENTER, points) for n in turned]
        np.testing.assert_allclose(by_wall[..., axis], slope(*sides), atol=1e-6)
    raised = replace(wall, indices=tuple(n + 1e-3 for n in wall.indices))  # off the bound of one
    by_wall = raised.parameter_jacobian(CENTER, points)
    for column, name in ((3, "distance"), (4, "thickness")):
        if name == "thickness" and wall.thickness == 0:
            continue
        value = getattr(wall, name)
        sides = [
            replace(raised, **{name: value + sign * step}).enter(CENTER, points) for sign in (1, -1)
        ]
        np.testing.assert_allclose(by_wall[..., column], slope(*sides), atol=1e-6)
    for layer in range(3):
        sides = []
        for sign in (1, -1):
            indices = list(raised.indices)
            indices[layer] += sign * step
            sides.append(replace(raised, indices=tuple(indices)).enter(CENTER, points))
        np.testing.assert_allclose(by_wall[..., 5 + layer], slope(*sides), atol=2e-5)


def test_moving_the_world_moves_what_is_seen(wall):
    motion = make_pose(rotation_from_vector([0.3, -0.8, 0.5]), [10.0, -20.0, 5.0])
    _, points = fan(wall, 60.0, n=50)

    def move(x: np.ndarray) -> np.ndarray:
        return 2.5 * x @ motion[:3, :3].T + motion[:3, 3]

    seen = wall.moved(motion, 2.5).enter(move(CENTER), move(points))
    np.testing.assert_allclose(seen, move(wall.enter(CENTER, points)), atol=1e-10)


def test_grazing_light_and_points_that_touch_the_wall_are_found():
    """The hardest case: far along the wall, close to it, with air as the last layer."""
    wall = replace(UPRIGHT, indices=(1.33, 1.5, 1.0))
    height = wall.distance - CENTER[2]
    for depth in (1e-9, 1e-3, 10.0):
        for radius in (1e-9, 10.0, 1e3, 1e6):
            point = CENTER + np.array([radius, 0, height + wall.thickness + depth])
            entry = wall.enter(CENTER, point)
            assert 0 <= entry[0] - CENTER[0] < height * np.tan(np.radians(48.76))
    dry = replace(UPRIGHT, indices=(1.0, 1.52, 1.33))
    far = CENTER + np.array([1e6, 0, height + 50.0])
    direction = dry.enter(CENTER, far) - CENTER
    origin, onward = dry.refract(CENTER[None], (direction / np.linalg.norm(direction))[None])
    off = np.linalg.norm(np.cross(far - origin[0], onward[0]))
    assert off < 1e-5  # of 1e6 mm


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("normal", [0, 0, 2.0], "length 2"),
        ("normal", [0, 1.0], "three finite numbers"),
        ("normal", "z", "not made of numbers"),
        ("distance", np.nan, "finite number"),
        ("thickness", -1.0, "negative"),
        ("indices", (1, 0.5, 1), "index of refraction"),
        ("indices", (1, 1.5), "three finite numbers"),
    ],
)
def test_walls_that_cannot_be_are_refused(field, value, words):
    with pytest.raises(RigError, match=words):
        replace(UPRIGHT, **{field: value})
