"""Label3D's and DANNCE's .mat: MATLAB's rows, skew and first pixel, in old files and new."""

import h5py
import numpy as np
import pytest
import scipy.io

from calibration import load_rig, save_rig
from calibration.errors import FileFormatError, RigError

SIZE = (1320, 1048)
PARAMS = {
    "K": np.array([[1667.7, 0, 0], [-5.8, 1674.2, 0], [603.9, 493.0, 1]]),
    "RDistort": np.array([[-0.16, 0.94, -2.7]]),
    "TDistort": np.array([[-0.0011, -0.0038]]),
    "r": np.array([[0.8, 0, -0.6], [0, 1, 0], [0.6, 0, 0.8]]),
    "t": np.array([[10.0, -20.0, 950.0]]),
}


def project_as_matlab(params, points):
    """[X Y Z] r + t, distorted, then [x y 1] K: MATLAB's worldToImage, whose first pixel is 1."""
    x, y, z = (points @ params["r"] + params["t"]).T
    x, y = x / z, y / z
    r2 = x**2 + y**2
    k1, k2, k3 = params["RDistort"].ravel()
    p1, p2 = params["TDistort"].ravel()
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2)
    v = y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y
    return (np.stack([u, v, np.ones_like(u)], axis=-1) @ params["K"])[:, :2]


def write_v73(path, params, names):
    """MATLAB 7.3: HDF5 with every array transposed, and cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = file.create_group("#refs#")
        for name, items in (("params", params), ("camnames", names)):
            references = np.empty((1, len(items)), dtype=h5py.ref_dtype)
            for index, item in enumerate(items):
                key = f"{name}{index}"
                if isinstance(item, str):
                    cells[key] = np.array([[ord(c)] for c in item], dtype="u2")
                    cells[key].attrs["MATLAB_class"] = np.bytes_("char")
                else:
                    for field, value in item.items():
                        cells[f"{key}/{field}"] = value.T
                references[0, index] = cells[key].ref
            file.create_dataset(name, data=references, dtype=h5py.ref_dtype)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(512))


def write_v5(path, params, names, **options):
    cells = np.empty((len(params), 1), dtype=object)
    cells[:, 0] = params
    cell_names = np.empty((1, len(names)), dtype=object)
    cell_names[0] = names
    scipy.io.savemat(path, {"params": cells, "camnames": cell_names}, **options)


@pytest.mark.parametrize("version", ["5", "7", "7.3"])
def test_pixels_are_those_of_matlab_less_one(version, tmp_path, points):
    """MATLAB's pixel (1, 1) is our (0, 0)."""
    path = tmp_path / "dannce.mat"
    second = {**PARAMS, "t": np.array([[0.0, 5.0, 800.0]])}
    if version == "7.3":
        write_v73(path, [PARAMS, second], ["Top", "Side"])
    else:
        write_v5(path, [PARAMS, second], ["Top", "Side"], do_compression=version == "7")
    rig = load_rig(path, unit="mm", size=SIZE)
    assert rig.names == ("Top", "Side")
    for camera, params in zip(rig, (PARAMS, second), strict=True):
        expected = project_as_matlab(params, points) - 1
        np.testing.assert_allclose(camera.project(points), expected, atol=1e-9)


def test_a_folder_of_cameras(tmp_path, points):
    for name in ("hires_cam1", "hires_cam2"):
        scipy.io.savemat(tmp_path / f"{name}_params.mat", PARAMS)
    rig = load_rig(tmp_path, unit="mm", size=SIZE)
    assert rig.names == ("hires_cam1", "hires_cam2")
    expected = project_as_matlab(PARAMS, points) - 1
    np.testing.assert_allclose(rig.project(points)[1], expected, atol=1e-9)


@pytest.mark.parametrize("name", ["label3d_demo.mat", "label3d_dannce.mat"])
def test_a_real_file_sees_its_own_points(dataset, name):
    """Six cameras with skew: labelled pixels, made by MATLAB from the labelled points."""
    path = dataset("label3d_mouse") / name
    rig = load_rig(path, unit="mm", size=SIZE)
    assert rig.names == tuple(f"Camera{i}" for i in range(1, 7))
    assert min(abs(camera.matrix[0, 1]) for camera in rig) > 0.1  # px of skew, not dropped
    labels = scipy.io.loadmat(path, variable_names=["labelData"])["labelData"]
    compared = 0
    for camera, label in zip(rig, labels[:, 0], strict=True):
        points = label["data_3d"][0, 0].reshape(-1, 3)
        pixels = label["data_2d"][0, 0].reshape(-1, 2)
        seen = np.isfinite(points).all(axis=1) & np.isfinite(pixels).all(axis=1)
        error = camera.project(points[seen]) + 1 - pixels[seen]
        assert np.abs(error).max() < 1e-9  # px
        compared += seen.sum()
    assert compared > 1000


def test_matlab_reads_what_we_write(make_rig, points, tmp_path):
    """As DANNCE reads it, with scipy: a column of structs and a row of names."""
    rig = make_rig(3, skew=2.5)
    save_rig(rig, tmp_path / "rig.mat", "label3d")
    values = scipy.io.loadmat(tmp_path / "rig.mat")
    assert [str(name[0]) for name in values["camnames"][0]] == list(rig.names)
    for camera, struct in zip(rig, values["params"], strict=True):
        params = {key: struct[0][key][0, 0] for key in PARAMS}
        expected = camera.project(points) + 1
        np.testing.assert_allclose(project_as_matlab(params, points), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"K": PARAMS["K"].T}, "must be"),
        ({"K": np.eye(4)}, "shape"),
        ({"r": np.diag([1.0, 1.0, -1.0])}, "not a rotation"),
        ({"r": "eye"}, "no array of numbers"),
        ({"t": np.array([[np.nan, 0, 0]])}, "NaN"),
        ({"RDistort": np.zeros((1, 4))}, "RDistort has 4"),
        ({"TDistort": np.zeros((1, 1))}, "TDistort 1"),
        ({"ImageSize": np.array([[1.5, 2.0]])}, "two whole numbers"),
        ({"K": np.eye(3) * 1j}, "no array of numbers"),
    ],
)
def test_broken_cameras_are_named(changes, reason, tmp_path):
    write_v5(tmp_path / "a.mat", [{**PARAMS, **changes}], ["Top"])
    with pytest.raises((RigError, FileFormatError), match="camera 'Top'") as caught:
        load_rig(tmp_path / "a.mat", unit="mm", size=SIZE)
    assert "a.mat" in str(caught.value)
    assert reason in str(caught.value)


def test_files_without_cameras(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"labelData": np.eye(3)})
    with pytest.raises(FileFormatError, match="'K' is missing"):
        load_rig(tmp_path / "a.mat")
    scipy.io.savemat(tmp_path / "b.mat", {"params": np.eye(3)})
    with pytest.raises(FileFormatError, match="holds no cameras"):
        load_rig(tmp_path / "b.mat")
    write_v5(tmp_path / "c.mat", [PARAMS], ["Top", "Side"])
    with pytest.raises(FileFormatError, match="holds 1 cameras"):
        load_rig(tmp_path / "c.mat")
    with pytest.raises(FileFormatError, match="no such file"):
        load_rig(tmp_path / "d.mat", "label3d")
