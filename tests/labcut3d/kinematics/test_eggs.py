"""Eggs on a painted floor, seen by cameras that are known, and floors without any."""

import dataclasses

import numpy as np
import pytest

from calibration.rig import Rig
from labcut3d.errors import DatasetError
from labcut3d.kinematics.eggs import Contact, find_egg
from labcut3d.kinematics.settings import EventSettings
from labcut3d.synthetic_rig import make_rig

SCALE = 0.47  # mm, a fly's head
N_FRAMES, START, LAID, STOP = 60, 20, 32, 42
LAID_AT = np.array([0.03, -0.04, 0.09])  # mm, on the floor's axes
HALF_AXES = np.array([0.25, 0.1, 0.09])  # mm, of an egg


class Film:
    """A stack of images with the interface of a video."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def read(self, indices=None):
        for index in range(len(self.images)) if indices is None else indices:
            yield index, self.images[index]


@dataclasses.dataclass(frozen=True)
class Stage:
    """A floor: its rig, a point on it and its axes in the rig's world frame."""

    rig: Rig
    origin: np.ndarray
    axes: np.ndarray  # (3, 3) rows: two along the floor, one up


@pytest.fixture(scope="module")
def stage() -> Stage:
    rig = make_rig(3, np.random.default_rng(4), size=(120, 90), distance=8.0)
    centers = np.stack([camera.center for camera in rig])
    rays = [camera.rays(np.array([59.5, 44.5]))[1] for camera in rig]
    origin = np.mean([c + 8.0 * ray for c, ray in zip(centers, rays, strict=True)], axis=0)
    up = np.cross(centers[1] - centers[0], centers[2] - centers[0])
    up *= np.sign(up @ (centers[0] - origin)) / np.linalg.norm(up)
    along = np.cross(up, [0.3, 1.0, 0.2])
    along /= np.linalg.norm(along)
    return Stage(rig=rig, origin=origin, axes=np.stack([along, np.cross(up, along), up]))


@pytest.fixture(scope="module")
def with_egg(stage) -> dict[str, Film]:
    return render(stage, egg=LAID_AT)


@pytest.fixture(scope="module")
def without_egg(stage) -> dict[str, Film]:
    return render(stage, egg=None)


def render(stage: Stage, *, egg: np.ndarray | None, grey: bool = False) -> dict[str, Film]:
    """Films of the floor: a shadow and a dark leg wander over it, an egg appears at `LAID`.

    `egg` (3,) is its middle on the floor's axes.
    """
    rng, films = np.random.default_rng(2), {}
    for camera in stage.rig:
        width, height = camera.size
        grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)
        origins, rays = camera.rays(grid.astype(float))
        start, ray = (origins - stage.origin) @ stage.axes.T, rays @ stage.axes.T
        floor = start - ray * (start[..., 2:] / ray[..., 2:])
        texture = 1 + 0.04 * np.sin(9 * floor[..., 0]) * np.cos(7 * floor[..., 1])
        ground = (np.array([190, 206, 214]) if not grey else 150) * texture[..., None] * np.ones(3)
        images = []
        for frame in range(N_FRAMES):
            image = ground.copy()
            shade = np.hypot(floor[..., 0] - 0.04 * (frame - 30), floor[..., 1]) < 0.5
            image[shade] *= 0.72
            if egg is not None and frame >= LAID:
                image[hits(start - egg, ray)] = [232, 231, 218]
            leg = np.abs(floor[..., 0] - 0.1 * ((frame * 7) % 30 - 15)) < 0.06
            image[leg] = [110, 85, 60]
            if START + 4 < frame < STOP:  # the abdomen hides one side of the egg
                image[floor[..., 1] > 0.05] = [70, 50, 30]
            images.append(np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8))
        films[camera.name] = Film(np.stack(images))
    return films


def hits(start: np.ndarray, ray: np.ndarray) -> np.ndarray:
    """Which rays (h, w, 3) meet the egg."""
    s, r = start / HALF_AXES, ray / HALF_AXES
    return (s * r).sum(-1) ** 2 >= (r * r).sum(-1) * ((s * s).sum(-1) - 1)


def contact_of(stage: Stage, end: int = N_FRAMES) -> Contact:
    samples = np.arange(end)
    return Contact(
        points=stage.origin + np.array([[0.02, 0, 0.02], [0, 0.03, 0.05]]) @ stage.axes,
        scale=SCALE,
        samples=samples,
        start=START,
        stop=min(STOP, end - 1),
        settled=min(STOP, end - 8),
        frames=dict.fromkeys(stage.rig.names, samples),
    )


@pytest.mark.parametrize("grey", [False, True])
def test_an_egg_is_found_where_and_when_it_was_laid(stage, with_egg, grey):
    films = render(stage, egg=LAID_AT, grey=True) if grey else with_egg
    egg = find_egg(contact_of(stage), stage.rig, films, EventSettings())
    assert egg is not None
    assert abs(egg.sample - LAID) <= 2  # frames; legs pass over it
    # A pixel is 0.03 mm; three views from above leave the height uncertain by two or three.
    assert np.linalg.norm(egg.place - (stage.origin + LAID_AT @ stage.axes)) < 0.1  # mm
    assert 0.5 < egg.confidence <= 1


def test_no_egg_is_invented(stage, without_egg):
    assert find_egg(contact_of(stage), stage.rig, without_egg, EventSettings()) is None


def test_an_egg_elsewhere_is_not_of_this_bout(stage):
    films = render(stage, egg=np.array([0.9, 0.2, 0.09]))
    assert find_egg(contact_of(stage), stage.rig, films, EventSettings()) is None


def test_one_view_is_no_evidence(stage, with_egg):
    one = {"cam0": with_egg["cam0"]}
    assert find_egg(contact_of(stage), stage.rig, one, EventSettings()) is None


def test_an_egg_that_lay_there_before_is_not_of_this_bout(stage, with_egg):
    late = {view: Film(film.images[LAID + 1 :]) for view, film in with_egg.items()}
    samples = np.arange(N_FRAMES - LAID - 1)
    contact = dataclasses.replace(
        contact_of(stage),
        samples=samples,
        start=12,
        stop=18,
        settled=19,
        frames=dict.fromkeys(stage.rig.names, samples),
    )
    assert find_egg(contact, stage.rig, late, EventSettings()) is None


def test_a_recording_that_ends_before_the_egg_has_none(stage, with_egg):
    contact = contact_of(stage, end=LAID)
    assert find_egg(contact, stage.rig, with_egg, EventSettings()) is None


def test_frames_that_the_images_lack_are_an_error(stage, without_egg):
    film = Film(without_egg["cam0"].images)
    film.numbers = np.arange(100, 100 + N_FRAMES)
    with pytest.raises(DatasetError, match="frame 0"):
        find_egg(contact_of(stage), stage.rig, without_egg | {"cam0": film}, EventSettings())
