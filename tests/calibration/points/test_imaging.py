"""Images and their slopes in one pass, against the camera's own functions."""

from dataclasses import replace

import numpy as np

from calibration import Lens, Rig, Wall
from calibration.points.imaging import have_rays, project_with_slopes
from labcut3d.synthetic_rig import make_rig

ROUNDING = 1e-9  # px, of coordinates in the hundreds


def check(rig: Rig) -> None:
    rng = np.random.default_rng(1)
    middle = np.mean([camera.center + 300 * camera.rotation[2] for camera in rig], axis=0)
    points = middle + rng.uniform(-20, 20, (3, 5, 3))
    points[0, 0] = rig.cameras[0].center - 10 * rig.cameras[0].rotation[2]  # behind it
    points[0, 1] = np.nan
    pixels, slopes = project_with_slopes(rig, points)
    assert np.isnan(pixels[0, 0, 0]).all()
    assert np.isnan(slopes[0, 0, 0]).all()
    np.testing.assert_allclose(pixels, rig.project(points), atol=ROUNDING)
    expected = np.stack([camera.project_jacobian(points) for camera in rig])
    np.testing.assert_allclose(slopes, expected, atol=ROUNDING)


def test_every_lens_is_imaged_as_its_camera_does():
    rig = make_rig(4, np.random.default_rng(0))
    first, second, third, fourth = rig
    fisheye = Lens(model="fisheye", distortions=np.array([0.05, -0.01, 0.002, 0.0]))
    rational = Lens(distortions=np.array([-0.3, 0.1, 1e-3, -1e-3, 0.02, 0.01, 0.0, 0.01]))
    sheared = second.matrix + np.array([[0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    cameras = (
        replace(first, lens=fisheye),
        replace(second, matrix=sheared),
        replace(third, lens=rational),
        fourth,
    )
    check(replace(rig, cameras=cameras))


def test_walls_bend_rays_here_too():
    rig = make_rig(3, np.random.default_rng(0))
    cameras = []
    for camera in rig:
        normal = camera.rotation[2]
        face = float(normal @ (camera.center + 200 * normal))
        wall = Wall(normal=normal, distance=face, thickness=3.0, indices=(1.0, 1.49, 1.0))
        cameras.append(replace(camera, wall=wall))
    check(replace(rig, cameras=tuple(cameras)))


def test_pixels_have_rays_where_their_cameras_say_so():
    """In the images and about them; farther out Newton's method ends on roots by chance."""
    rig = make_rig(3, np.random.default_rng(0))
    folding = Lens(distortions=np.array([-1.2, 0.0, 0.0, 0.0, 0.0]))
    rig = replace(rig, cameras=(replace(rig.cameras[0], lens=folding), *rig.cameras[1:]))
    pixels = np.random.default_rng(1).uniform(-200, 840, (3, 40, 50, 2))
    pixels[1, 0, 0, 0] = pixels[2, 0, 0, 1] = np.nan
    pairs = zip(rig, pixels, strict=True)
    expected = np.array([np.isfinite(c.undistort(p)).all(axis=-1) for c, p in pairs])
    assert 0.1 < expected[0].mean() < 0.9
    np.testing.assert_array_equal(have_rays(rig, pixels), expected)
