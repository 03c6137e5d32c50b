"""Rig files: nothing is lost on the way, and hostile files are refused with a reason."""

import errno
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibration.camera import Camera
from calibration.covariance import RigCovariance, covariance_path
from calibration.errors import FileFormatError, Labcut3dError, RigError
from calibration.geometry import rotation_from_vector
from calibration.lens import Lens
from calibration.rig import Rig

TABLE = """[cam_0]
name = "a"
size = [640, 480]
matrix = [[800.0, 0.0, 320.0], [0.0, 800.0, 240.0], [0.0, 0.0, 1.0]]
distortions = [0.0, 0.0, 0.0, 0.0, 0.0]
rotation = [0.0, 0.0, 0.0]
translation = [0.0, 0.0, 0.0]
"""


def make_rig(count: int = 2, n_distortions: int = 5) -> Rig:
    rng = np.random.default_rng(count)
    cameras = tuple(
        Camera(
            name=f"cam{i}",
            size=(640, 480),
            matrix=np.array([[800.0 + i, 0, 320.1], [0, 801.0, 239.9], [0, 0, 1]]),
            lens=Lens(distortions=rng.normal(size=n_distortions) * 0.01),
            rotation=rotation_from_vector(rng.normal(size=3)),
            translation=rng.normal(size=3) * 100,
        )
        for i in range(count)
    )
    return Rig(cameras=cameras, unit="mm")


def same(a: Camera, b: Camera) -> bool:
    return (
        (a.name, a.size, a.lens, a.extra) == (b.name, b.size, b.lens, b.extra)
        and np.array_equal(a.matrix, b.matrix)
        and np.array_equal(a.translation, b.translation)
        and np.abs(a.rotation - b.rotation).max() < 1e-12  # rounding of the rotation vector
    )


number = st.floats(-1e6, 1e6)
text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=text.filter(str.strip),
    translation=st.tuples(number, number, number),
    vector=st.tuples(*[st.floats(-1.8, 1.8)] * 3),
    distortions=st.sampled_from([0, 4, 5, 8, 12]).flatmap(
        lambda n: st.lists(number, min_size=n, max_size=n)
    ),
    note=text,
)
def test_round_trip_keeps_everything(tmp_path, name, translation, vector, distortions, note):
    camera = replace(
        make_rig(1).cameras[0],
        name=name,
        translation=np.array(translation),
        rotation=rotation_from_vector(vector),
        lens=Lens(distortions=np.array(distortions, dtype=float)),
        extra={"exposure": note},
    )
    rig = Rig(cameras=(camera,), unit="um", metadata={"note": note}, extra={"other": {"x": 1}})
    rig.save(tmp_path / "rig.toml")
    again = Rig.load(tmp_path / "rig.toml")
    assert same(again.cameras[0], camera)
    assert (again.unit, again.metadata, again.extra) == ("um", {"note": note}, rig.extra)


def test_ten_cameras_sort_by_name_as_by_number(tmp_path):
    make_rig(11).save(tmp_path / "rig.toml")
    keys = list(tomllib.loads((tmp_path / "rig.toml").read_text()))
    assert keys[:2] == ["cam_00", "cam_01"]
    assert sorted(keys) == keys
    assert Rig.load(tmp_path / "rig.toml").names == make_rig(11).names


def test_numbers_without_zeros_are_read_in_order(tmp_path):
    names = [TABLE.replace("cam_0", f"cam_{i}").replace('"a"', f'"v{i}"') for i in (10, 2, 0)]
    (tmp_path / "r.toml").write_text("\n".join(names) + '[metadata]\nunit = "mm"\n')
    assert Rig.load(tmp_path / "r.toml").names == ("v0", "v2", "v10")


def test_a_file_without_a_unit_says_how_to_add_it(tmp_path):
    path = tmp_path / "calibration.toml"
    path.write_text(TABLE)
    with pytest.raises(RigError, match=r'calibration.toml.*unit = "mm".*Rig.load'):
        Rig.load(path)
    assert Rig.load(path, unit="mm").unit == "mm"
    path.write_text(TABLE + '[metadata]\nunit = "m"\n')
    with pytest.raises(RigError, match=r"'m'.*'mm'"):
        Rig.load(path, unit="mm")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[640, 480]", "[640]", "size"),
        ('"a"', "3", "name"),
        ("matrix", "matrices", "'matrix' is missing"),
        ("800.0, 0.0, 320.0", "nan, 0.0, 320.0", "finite"),
        ("rotation = [0.0, 0.0, 0.0]", "rotation = [0.0, 0.0]", "rotation"),
        ("rotation = [0.0, 0.0, 0.0]", 'rotation = ["x"]', "numbers"),
        ("rotation = [0.0, 0.0, 0.0]", "rotation = [inf, 0.0, 0.0]", "rotation"),
        ("[0.0, 0.0, 0.0, 0.0, 0.0]", "[0.0, 0.0]", "distortions"),
        ("rotation", "fisheye = true\nrotation", "fisheye' has 4 numbers"),
        ("rotation", 'fisheye = "yes"\nrotation', "true or false"),
        ("[cam_0]", "[[cam_0]]", "table"),
        ("[cam_0]", "[camera", "TOML"),
        ('unit = "mm"', 'unit = "squares"', "squares"),
    ],
)
def test_hostile_files_are_refused_with_the_reason(tmp_path, old, new, words):
    path = tmp_path / "rig.toml"
    path.write_text((TABLE + '[metadata]\nunit = "mm"\n').replace(old, new))
    with pytest.raises(Labcut3dError, match=words) as caught:
        Rig.load(path)
    assert "rig.toml" in str(caught.value)


def test_two_cameras_of_one_name_are_refused(tmp_path):
    (tmp_path / "r.toml").write_text(TABLE + TABLE.replace("cam_0", "cam_1"))
    with pytest.raises(RigError, match="two cameras are called 'a'"):
        Rig.load(tmp_path / "r.toml", unit="mm")


def test_a_copied_camera_is_noticed():
    first, second = make_rig(2).cameras
    copy = replace(second, name="copy")
    assert make_rig(2).warnings == ()
    warnings = Rig(cameras=(first, second, copy), unit="mm").warnings
    assert len(warnings) == 1
    assert "'cam1' and 'copy'" in warnings[0]


def test_the_broken_calibration_of_the_mouse_is_noticed(dataset):
    rig = Rig.load(dataset("mouse_4cam") / "calibration.toml", unit="mm")
    assert "'side' and 'top'" in rig.warnings[0]


def test_asking_for_a_camera_that_is_not_there_lists_those_that_are():
    with pytest.raises(RigError, match="cam0, cam1"):
        make_rig(2)["cam7"]
    assert make_rig(3).select(["cam2", "cam0"]).names == ("cam2", "cam0")


def test_covariance_belongs_to_one_rig_file(tmp_path):
    path, rig = tmp_path / "rig.toml", make_rig(1)
    covariance = RigCovariance(names=("cam0.fx", "cam0.fy"), matrix=np.diag([4.0, 9.0]), gauge="g")
    rig.save(path, covariance)
    again = RigCovariance.load(path)
    assert (again.names, again.gauge) == (covariance.names, "g")
    np.testing.assert_array_equal(again.matrix, covariance.matrix)
    assert again.deviation("cam0.fy") == 3
    make_rig(2).save(path)
    with pytest.raises(FileFormatError, match=r"another version of rig.toml"):
        RigCovariance.load(path)
    covariance_path(path).write_bytes(b"not a file of arrays")
    with pytest.raises(FileFormatError, match="not a covariance file"):
        RigCovariance.load(path)


def test_pickled_objects_are_never_read(tmp_path):
    path = tmp_path / "rig.toml"
    make_rig(1).save(path)
    np.savez(covariance_path(path), names=np.array([{"a": 1}], dtype=object))
    with pytest.raises(FileFormatError, match="not a covariance file"):
        RigCovariance.load(path)


def test_a_full_disk_leaves_the_rig_and_its_covariance_together(tmp_path, monkeypatch):
    """The covariance cannot be written: the old rig stays, which the old covariance belongs to."""
    path, rig = tmp_path / "rig.toml", make_rig(2)
    covariance = RigCovariance(names=("cam0.fx",), matrix=np.eye(1), gauge="")
    rig.save(path, covariance)

    def no_space(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", no_space)
        with pytest.raises(FileFormatError, match="No space left"):
            replace(rig, metadata={"new": True}).save(path, covariance)
    assert Rig.load(path).metadata == {}
    assert RigCovariance.load(path).names == ("cam0.fx",)
    assert {p.name for p in tmp_path.iterdir()} == {"rig.toml", "rig_covariance.npz"}


@pytest.mark.parametrize(
    "damage",
    [
        {"matrix": np.eye(2)},
        {"matrix": np.array([["text"]])},
        {"matrix": np.array([[np.nan]])},
        {"names": np.array("x")},
    ],
    ids=["another shape", "text", "not finite", "no list of names"],
)
def test_a_covariance_file_that_holds_none_is_named(tmp_path, damage):
    path = tmp_path / "rig.toml"
    make_rig(1).save(path, RigCovariance(names=("cam0.fx",), matrix=np.eye(1), gauge=""))
    with np.load(covariance_path(path)) as stored:
        arrays = dict(stored)
    np.savez(covariance_path(path), **(arrays | damage))
    with pytest.raises(FileFormatError, match=r"rig_covariance\.npz: .*calibrate again"):
        RigCovariance.load(path)


def test_a_rig_is_saved_in_its_own_unit_whatever_its_metadata_say(tmp_path):
    path = tmp_path / "rig.toml"
    rig = make_rig()
    replace(rig, metadata={"unit": "um" if rig.unit != "um" else "m"}).save(path)
    assert Rig.load(path).unit == rig.unit
