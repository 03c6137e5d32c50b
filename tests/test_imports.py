"""Importing: from inside a project, beside a file that shadows us, and without side effects."""

import pkgutil
import subprocess
import sys

import pytest

import calibration
import labcut3d

SLOW_TO_IMPORT = {"torch", "openvino", "plotly", "numba", "scipy", "cv2", "pandas", "xarray"}


def run_python(code, folder):
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_projects_folder_calibration_does_not_shadow_the_package(tmp_path):
    (tmp_path / "calibration").mkdir()
    (tmp_path / "calibration" / "cam0.mp4").touch()
    code = "import calibration, labcut3d; print(calibration.Rig.__name__, labcut3d.__version__)"
    done = run_python(code, tmp_path)
    assert done.stdout.split() == ["Rig", labcut3d.__version__], done.stderr


def test_a_file_that_shadows_the_package_is_named(tmp_path):
    (tmp_path / "calibration.py").write_text("focal_length = 35\n")
    done = run_python("import labcut3d", tmp_path)
    assert done.returncode != 0
    assert str(tmp_path / "calibration.py") in done.stderr
    assert "rename" in done.stderr


def test_every_public_name_is_there():
    for name in labcut3d.__all__:
        assert getattr(labcut3d, name) is not None
    assert set(labcut3d.__all__) <= set(dir(labcut3d))


@pytest.mark.parametrize("package", [calibration, labcut3d])
def test_no_module_takes_the_place_of_a_public_name(package):
    """Names are looked up when first used; a module that was imported before would be found."""
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert not modules & set(package.__all__)


@pytest.mark.parametrize("package", ["calibration", "labcut3d"])
def test_importing_loads_nothing_slow(package, tmp_path):
    code = f"import sys, {package}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert package in done.stdout.split()
    assert not SLOW_TO_IMPORT & set(done.stdout.split())
