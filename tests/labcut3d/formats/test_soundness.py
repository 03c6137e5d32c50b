"""HDF5 files are looked through in another process before they are opened in this one."""

import os
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats import soundness
from labcut3d.formats.hdf5 import open_hdf5
from labcut3d.formats.soundness import require_sound
from labcut3d.schema import load_netcdf


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A file with numbers in pieces, and texts, last changed long ago."""
    path = tmp_path / "sound.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("numbers", data=np.arange(1000.0), chunks=(100,), compression="gzip")
        file["names"] = ["a", "b"]
        file["alias"] = h5py.SoftLink("/numbers")
    os.utime(path, (0, 0))
    return path


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """The names of the files that are looked through."""
    names: list[str] = []
    ask = soundness._ask
    monkeypatch.setattr(
        soundness,
        "_ask",
        lambda request: (names.append(Path(request["path"]).name), ask(request))[1],
    )
    return names


def names_of(path: Path) -> list[str]:
    """What a file holds, once it is open."""
    with open_hdf5(path) as file:
        return list(file)


def with_a_type_that_does_not_exist(path: Path) -> None:
    """Write texts that claim to be neither text nor sequence, which HDF5 does not notice."""
    with h5py.File(path, "w") as file:
        file["names"] = ["a", "b"]
    text, neither = b"\x19\x01\x01\x00\x10", b"\x19\xba\x01\x00\x10"
    content = path.read_bytes()
    assert content.count(text) == 1
    path.write_bytes(content.replace(text, neither))


def test_a_file_that_ends_the_process_that_reads_it_is_refused(tmp_path, sound):
    bad = tmp_path / "bad.h5"
    with_a_type_that_does_not_exist(bad)
    for _ in range(2):
        with pytest.raises(FileFormatError, match=r"bad\.h5: .*damaged.*write or copy it anew"):
            names_of(bad)
        assert names_of(sound) == ["alias", "names", "numbers"]
    with pytest.raises(DatasetError, match=r"bad\.h5: .*damaged"):
        load_netcdf(bad)


def test_what_is_known_to_be_sound_is_not_looked_through_again(sound, asked):
    for _ in range(3):
        require_sound(sound)
    assert len(asked) == 1
    with h5py.File(sound, "a") as file:
        file["more"] = 1
    for _ in range(3):  # it was changed this moment, and could be so again unseen
        require_sound(sound)
    assert len(asked) == 4


def test_what_only_hdf5_can_read_is_unsound_as_netcdf_alone(tmp_path):
    path = tmp_path / "wrong.nc"
    with netCDF4.Dataset(path, "w") as stored:
        stored.createDimension("time", 3)
        stored.createVariable("x", "f8", ("time",))[:] = 1
    with h5py.File(path, "a") as file:
        file["x"].attrs["_Netcdf4Dimid"] = "none"
        file["x"].attrs["_Netcdf4Coordinates"] = np.arange(40, dtype=np.int32)
    require_sound(path)
    with pytest.raises(FileFormatError, match=r"wrong\.nc"):
        require_sound(path, netcdf=True)


def test_parts_in_other_files_are_refused(tmp_path, sound):
    def write(name: str) -> h5py.File:
        return h5py.File(tmp_path / f"{name}.h5", "w")

    with write("link") as file:
        file.create_group("group")["secret"] = h5py.ExternalLink(str(sound), "numbers")
    with write("stored") as file:
        file.create_dataset("secret", (8,), "u1", external=[(str(sound), 0, 8)])
    with write("virtual") as file:
        layout = h5py.VirtualLayout((1000,), "f8")
        layout[:] = h5py.VirtualSource(str(sound), "numbers", (1000,))
        file.create_virtual_dataset("secret", layout)
    for name in ("link", "stored", "virtual"):
        with pytest.raises(FileFormatError, match=rf"{name}\.h5: parts of it lie in other files"):
            require_sound(tmp_path / f"{name}.h5")


def test_claims_beyond_the_file_are_refused(tmp_path, sound):
    with h5py.File(tmp_path / "numbers.h5", "w") as file:
        file.create_dataset("x", (2**35,), "f8", chunks=True)
    with pytest.raises(FileFormatError, match="claims 256 GiB"):
        require_sound(tmp_path / "numbers.h5")
    with h5py.File(tmp_path / "texts.h5", "w") as file:
        file.create_dataset("x", (2**28,), h5py.string_dtype(), chunks=True)
    with pytest.raises(FileFormatError, match="'/x' claims more text than the file holds"):
        require_sound(tmp_path / "texts.h5")
    sound.write_bytes(sound.read_bytes()[:-40])
    with pytest.raises(FileFormatError, match=r"sound\.h5.*(cut|truncated)"):
        require_sound(sound)


def test_unusual_filters_and_layouts_are_read(tmp_path):
    path = tmp_path / "unusual.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=np.arange(100), chunks=(10,), compression="lzf")
        file["single"] = "text"
        file["number"] = 1.5
        file.create_dataset("empty", (0, 3), h5py.string_dtype())
        file.create_dataset("none", dtype="f8", shape=None)
    require_sound(path)


def test_the_inspector_may_be_ended_by_others_meanwhile(sound, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    require_sound(tmp_path / "other.h5")
    soundness._inspectors[-1].process.kill()
    require_sound(sound)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise SystemExit(3)", "cannot be looked through, as .* does not run"),
        ("print('ready', flush=True); input(); raise SystemExit(3)", "with status 3; write or"),
        ("print('ready', flush=True); input(); raise SystemExit(1)", "takes for ever; write or"),
    ],
)
def test_an_inspector_that_does_not_answer(tmp_path, sound, monkeypatch, script, message):
    (tmp_path / "broken.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(soundness, "INSPECTOR", tmp_path / "broken.py")
    monkeypatch.setattr(soundness, "_inspectors", [])
    with pytest.raises(FileFormatError, match=rf"sound\.h5: .*{message}"):
        require_sound(sound)
