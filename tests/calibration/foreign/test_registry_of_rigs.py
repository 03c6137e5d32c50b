"""All formats: what is written is read again, told by its content, and never bent to fit."""

import contextlib
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration import RIG_FORMATS, Rig, load_rig, save_rig
from calibration.errors import FileFormatError, Labcut3dError, RigError
from calibration.foreign.registry import recognise_format
from calibration.geometry import rotation_from_vector
from calibration.lens import Lens

FILES = {
    "labcut3d": "rig.toml",
    "anipose": "calibration.toml",
    "caliscope": "camera_array.toml",
    "jarvis": "folder",
    "label3d": "dannce.mat",
    "opencv": "stereo.yml",
    "pose2sim": "Calib_scene.toml",
}
LENSES = {  # the numbers of coefficients that each format holds
    "caliscope": [0, 4, 5],
    "jarvis": [0, 4, 5],
    "label3d": [0, 4, 5],
}
SKEWED = ("labcut3d", "label3d")
FISHEYES = ("labcut3d", "anipose", "caliscope", "opencv")
METRES = ("caliscope", "pose2sim")

number = st.floats(-1e3, 1e3)


def test_every_format_is_tried_here():
    assert set(FILES) == set(RIG_FORMATS)


@pytest.mark.parametrize("format", RIG_FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_round_trip(format, make_rig, tmp_path, data):
    """Projections agree to 1e-6 px: translations may have passed through metres and back."""
    count = data.draw(st.integers(1, 2 if format == "opencv" else 3))
    allowed = LENSES.get(format, [0, 4, 5, 8, 12])
    cameras = tuple(
        replace(
            camera,
            lens=Lens(
                distortions=np.array(
                    data.draw(
                        st.sampled_from(allowed).flatmap(
                            lambda n: st.lists(st.floats(-0.5, 0.5), min_size=n, max_size=n)
                        )
                    )
                )
            ),
            matrix=camera.matrix
            + np.array([[0, data.draw(number) if format in SKEWED else 0, 0], [0] * 3, [0] * 3]),
            rotation=rotation_from_vector(data.draw(st.tuples(*[st.floats(-1.8, 1.8)] * 3))),
            translation=np.array(data.draw(st.tuples(number, number, number))),
        )
        for camera in make_rig(count)
    )
    rig = Rig(cameras=cameras, unit=data.draw(st.sampled_from(["um", "mm", "m", "in"])))
    path = tmp_path / FILES[format]
    shutil.rmtree(path, ignore_errors=True)
    save_rig(rig, path, format)
    again = load_rig(path)
    scale = 1.0
    if format in METRES:
        assert again.unit == "m"
        scale = {"um": 1e-6, "mm": 1e-3, "m": 1, "in": 0.0254}[rig.unit]
    else:
        assert again.unit == rig.unit
    for ours, theirs in zip(rig, again, strict=True):
        assert (ours.name, ours.size) == (theirs.name, theirs.size)
        np.testing.assert_allclose(theirs.matrix, ours.matrix, rtol=1e-14, atol=1e-12)
        np.testing.assert_allclose(theirs.rotation, ours.rotation, atol=1e-12)
        np.testing.assert_allclose(
            theirs.translation, ours.translation * scale, rtol=1e-12, atol=1e-9 * scale
        )
        padded = np.zeros((2, 12))
        padded[0, : len(ours.distortions)] = ours.distortions
        padded[1, : len(theirs.distortions)] = theirs.distortions
        assert np.array_equal(padded[0], padded[1])


@pytest.mark.parametrize("format", RIG_FORMATS)
def test_the_format_is_told_by_the_content(format, make_rig, tmp_path):
    save_rig(make_rig(2), tmp_path / FILES[format], format)
    if format == "anipose":  # written with the unit, it is a rig.toml
        assert recognise_format(tmp_path / FILES[format]) == "labcut3d"
        text = (tmp_path / FILES[format]).read_text()
        (tmp_path / FILES[format]).write_text(text.replace('unit = "mm"', ""))
    assert recognise_format(tmp_path / FILES[format]) == format


@pytest.mark.parametrize("format", RIG_FORMATS)
def test_skew_is_kept_or_refused(format, make_rig, points, tmp_path):
    rig = make_rig(2, skew=-5.8)
    path = tmp_path / FILES[format]
    if format in SKEWED:
        save_rig(rig, path, format)
        assert np.abs(load_rig(path).project(points) - rig.project(points)).max() < 1e-9  # px
    else:
        with pytest.raises(RigError, match=r"'cam_0': skew = -5.8 px"):
            save_rig(rig, path, format)
        assert not path.exists()


@pytest.mark.parametrize("format", RIG_FORMATS)
def test_fisheyes_are_kept_or_refused(format, make_rig, tmp_path):
    rig = make_rig(2, 4, model="fisheye")
    path = tmp_path / FILES[format]
    if format in FISHEYES:
        save_rig(rig, path, format)
        assert [c.lens for c in load_rig(path)] == [c.lens for c in rig]
    else:
        with pytest.raises(RigError, match=r"fisheye.*calibrate --lens \"k1 k2 p1 p2\""):
            save_rig(rig, path, format)
        assert not path.exists()


@pytest.mark.parametrize("format", sorted(LENSES))
def test_long_lenses_are_refused(format, make_rig, tmp_path):
    with pytest.raises(RigError, match="lens has 8"):
        save_rig(make_rig(2, 8), tmp_path / FILES[format], format)


@pytest.mark.parametrize("format", RIG_FORMATS)
def test_damaged_files_are_refused_or_read(format, make_rig, tmp_path):
    """One changed, lost or doubled piece: a rig or a reason, never another exception."""
    rng = np.random.default_rng(5)
    save_rig(make_rig(2), tmp_path / FILES[format], format)
    path = tmp_path / FILES[format]
    path = path / "cam_0.yaml" if path.is_dir() else path
    good = path.read_bytes()
    refused = 0
    for _ in range(150):
        i, j = sorted(rng.integers(0, len(good), 2))
        kind = rng.integers(3)
        bad = [good[:i], good[:i] + rng.bytes(1) + good[i + 1 :], good[:j] + good[i:]][kind]
        path.write_bytes(bad)
        with contextlib.suppress(Labcut3dError):
            load_rig(path)
            continue
        refused += 1
    assert refused > 30


@pytest.mark.parametrize("format", RIG_FORMATS)
def test_reading_as_the_wrong_format_is_refused(format, make_rig, tmp_path):
    save_rig(make_rig(2), tmp_path / FILES[format], format)
    path = tmp_path / FILES[format]
    alike = {"labcut3d", "anipose", "pose2sim"}
    for other in set(RIG_FORMATS) - {format}:
        if not {format, other} <= alike and not (path.is_dir() and other != "label3d"):
            with pytest.raises(Labcut3dError):
                load_rig(path, other, "mm", size=(1280, 1024))


def test_files_of_nobody(tmp_path):
    with pytest.raises(FileFormatError, match="no such file"):
        load_rig(tmp_path / "rig.toml")
    with pytest.raises(FileFormatError, match=r"without \.yaml or \.mat"):
        load_rig(tmp_path)
    (tmp_path / "a.yaml").touch()
    (tmp_path / "a.mat").touch()
    with pytest.raises(FileFormatError, match="say which"):
        load_rig(tmp_path)
    (tmp_path / "board.toml").write_text("squares_x = 7\n")
    with pytest.raises(FileFormatError, match="no calibration of a known program"):
        load_rig(tmp_path / "board.toml")
    with pytest.raises(FileFormatError, match="format = 'openCV' is not known; use one of"):
        load_rig(tmp_path / "board.toml", "openCV")
    (tmp_path / "empty").touch()
    with pytest.raises(FileFormatError, match="no calibration of a known program"):
        load_rig(tmp_path / "empty")


def test_units_and_sizes_that_contradict(make_rig, tmp_path):
    save_rig(make_rig(2), tmp_path / "c.toml", "caliscope")
    with pytest.raises(RigError, match="lengths are in m, but unit = 'mm'"):
        load_rig(tmp_path / "c.toml", unit="mm")
    assert load_rig(tmp_path / "c.toml", unit="m").unit == "m"
