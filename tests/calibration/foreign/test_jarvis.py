"""JARVIS: its row-vector matrices, its own projection, and its habit of ignoring coefficients."""

from dataclasses import replace

import numpy as np
import pytest

from calibration import Lens, Rig, load_rig, save_rig
from calibration.errors import FileFormatError, RigError
from calibration.foreign.filestorage import write_storage

# The first two coefficients are k1 and k2, the only ones that JARVIS applies.
VALUES = {
    "intrinsicMatrix": np.array([[1200.0, 0, 0], [0, 1190.0, 0], [640.0, 510.0, 1]]),
    "distortionCoefficients": np.array([[-0.21, 0.08, 0.0, 0.0, 0.0]]),
    "R": np.array([[0.8, 0, -0.6], [0, 1, 0], [0.6, 0, 0.8]]),
    "T": np.array([[10.0], [-20.0], [950.0]]),
}


def project_as_jarvis(values, points):
    """JARVIS-HybridNet's projection: [X 1] [R; T] K, then radial distortion about the centre."""
    camera = np.vstack([values["R"], values["T"].reshape(1, 3)]) @ values["intrinsicMatrix"]
    image = np.hstack([points, np.ones((len(points), 1))]) @ camera
    center, focal = values["intrinsicMatrix"][2, :2], np.diag(values["intrinsicMatrix"])[:2]
    offset = image[:, :2] / image[:, 2:] - center
    r2 = np.square(offset / focal).sum(axis=1, keepdims=True)
    k1, k2 = values["distortionCoefficients"][0, :2]
    return offset * (1 + (k1 + k2 * r2) * r2) + center


def write_folder(folder, **changes):
    write_storage(folder / "Camera_1.yaml", {**VALUES, **changes})
    return folder


def test_pixels_are_those_of_jarvis(tmp_path, points):
    rig = load_rig(write_folder(tmp_path), unit="mm", size=(1280, 1024))
    assert rig.names == ("Camera_1",)
    expected = project_as_jarvis(VALUES, points)
    np.testing.assert_allclose(rig["Camera_1"].project(points), expected, atol=1e-9)
    one = load_rig(tmp_path / "Camera_1.yaml", unit="mm", size=(1280, 1024))
    np.testing.assert_array_equal(one.project(points), rig.project(points))


def test_what_jarvis_ignores_is_told_in_pixels(make_rig, points, tmp_path):
    """The caution bounds what JARVIS really does to the points, and is silent where it is right."""
    camera = make_rig(1).cameras[0]
    small = np.array([-0.05, 0.02, 1e-3, -1e-3, 0.01])
    rig = Rig(cameras=(replace(camera, lens=Lens(distortions=small)),), unit="mm")
    (caution,) = save_rig(rig, tmp_path / "a", "jarvis")
    told = float(caution.split()[-2])
    values = {
        "intrinsicMatrix": camera.matrix.T,
        "distortionCoefficients": small[None],
        "R": camera.rotation.T,
        "T": camera.translation,
    }
    moved = np.linalg.norm(project_as_jarvis(values, points) - rig.project(points)[0], axis=1)
    assert 0.01 < moved.max() <= told < 10  # px
    radial = replace(camera, lens=Lens(distortions=np.array([-0.05, 0.02, 0, 0])))
    assert save_rig(Rig(cameras=(radial,), unit="mm"), tmp_path / "b", "jarvis") == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"R": np.eye(2)}, "rotation has shape"),
        ({"R": np.diag([1.0, 1.0, -1.0])}, "not a rotation matrix"),
        ({"T": np.array([[np.nan, 0, 0]])}, "NaN"),
        ({"T": np.zeros((4, 1))}, "translation"),
        ({"intrinsicMatrix": VALUES["intrinsicMatrix"].T}, "must be"),
        ({"intrinsicMatrix": "eye"}, "no array of numbers"),
        ({"distortionCoefficients": np.zeros((1, 7))}, "7"),
        ({"distortionCoefficients": np.array([[np.inf]])}, "NaN, infinity"),
    ],
)
def test_broken_cameras_are_named(tmp_path, changes, reason):
    write_folder(tmp_path, **changes)
    with pytest.raises((RigError, FileFormatError), match=r"Camera_1\.yaml") as caught:
        load_rig(tmp_path, unit="mm", size=(1280, 1024))
    assert reason in str(caught.value)


def test_names_and_units(make_rig, tmp_path):
    camera = make_rig(1).cameras[0]
    for name in ("../a", "a/b", ".hidden"):
        rig = Rig(cameras=(replace(camera, name=name),), unit="mm")
        with pytest.raises(RigError, match="rename the camera"):
            save_rig(rig, tmp_path, "jarvis")
    write_storage(tmp_path / "a.yaml", {**VALUES, "unit": "mm"})
    write_storage(tmp_path / "b.yaml", {**VALUES, "unit": "m"})
    with pytest.raises(RigError, match="units differ"):
        load_rig(tmp_path, size=(640, 480))


def test_files_of_another_rig_in_the_folder_are_not_mixed_with(tmp_path, make_rig):
    """They would be read as cameras of this rig."""
    rig = make_rig(3)
    plain = replace(rig, cameras=tuple(replace(c, lens=Lens(distortions=np.zeros(5))) for c in rig))
    save_rig(plain, tmp_path / "j", "jarvis")
    with pytest.raises(FileFormatError, match=f"other cameras .{rig.names[2]}"):
        save_rig(plain.select(rig.names[:2]), tmp_path / "j", "jarvis")
    save_rig(plain, tmp_path / "j", "jarvis")
