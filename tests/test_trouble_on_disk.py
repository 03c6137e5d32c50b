"""Full disks, disks that cannot be written, videos cut anywhere: a clear error, nothing lost."""

import os
import shutil
import signal
import subprocess
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from pathlib import Path

import av
import numpy as np
import pytest
from random_datasets import random_detections, random_trajectories

from calibration import Rig
from calibration.files import write_text
from labcut3d.errors import Labcut3dError, VideoError
from labcut3d.formats import FORMATS, Export, write_dataset
from labcut3d.schema import open_dataset, save_dataset
from labcut3d.synthetic_rig import make_rig
from labcut3d.video import open_frames

SAMPLE = resources.files("labcut3d") / "sample" / "recordings" / "recording0" / "cam1.mp4"
CUT = 64 * 1024  # bytes
ROOM = 8 * 1024  # bytes left on the full disk
QUICK = ("csv", "netcdf", "sleap")  # one of each way to write; the others are slow tests
WRITABLE = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name, kind in FORMATS.items()
    if kind.writer
]


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own, with a function that fills it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here: that takes an administrator's rights")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leave `ROOM` bytes."""
    free = shutil.disk_usage(disk).free
    (disk / "ballast").write_bytes(bytes(free - ROOM))


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def in_a_fork(write) -> str:
    """Return how writing is refused in a process of its own; "" where it is not.

    HDF5 cannot close what did not fit, and ends the process that ends with it open.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # s
        try:
            write()
        except Labcut3dError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        words = told.read().decode()
    os.waitpid(child, 0)
    return words


def long_dataset(*, is_3d: bool):
    """A dataset that no format stores in `ROOM` bytes."""
    short = random_trajectories() if is_3d else random_detections()
    count = 4000
    rng = np.random.default_rng(0)
    long = short.isel(time=np.arange(count) % short.sizes["time"])
    for name in ("position", "position_raw"):
        if name in long:
            long[name] = long[name] + rng.normal(size=long[name].shape).astype("float32")
    step = 1 / long.attrs["fps"]
    return long.assign_coords(time=step * np.arange(count))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forking beside threads
@pytest.mark.parametrize("trouble", [fill, make_read_only])
@pytest.mark.parametrize("name", WRITABLE)
def test_an_export_that_does_not_fit_leaves_the_old_one(disk, name, trouble):
    kind = FORMATS[name]
    long = long_dataset(is_3d=kind.takes(is_3d=True))
    path = disk / f"walk{kind.endings[0]}"
    (path, *_) = write_dataset(Export.of(long.isel(time=slice(4)), "walk"), path, name)
    before = {one.name: one.read_bytes() for one in disk.iterdir()}
    trouble(disk)
    asked = disk / f"walk{kind.endings[0]}"
    assert path.name in in_a_fork(lambda: write_dataset(Export.of(long, "walk"), asked, name))
    after = {one.name: one.read_bytes() for one in disk.iterdir() if one.name != "ballast"}
    assert after == before


@pytest.mark.parametrize("trouble", [fill, make_read_only])
def test_a_dataset_that_does_not_fit_leaves_the_old_one(disk, trouble):
    long = long_dataset(is_3d=True)
    save_dataset(long.isel(time=slice(4)), disk / "trajectories.nc")
    trouble(disk)
    with pytest.raises(Labcut3dError, match=r"trajectories\.nc"):
        save_dataset(long, disk / "trajectories.nc")
    assert open_dataset(disk / "trajectories.nc").sizes["time"] == 4
    assert {one.name for one in disk.iterdir()} <= {"trajectories.nc", "ballast"}


@pytest.mark.parametrize("trouble", [fill, make_read_only])
def test_a_rig_and_a_text_that_do_not_fit_leave_the_old_ones(disk, trouble):
    rig = make_rig(2, np.random.default_rng(0))
    rig.save(disk / "rig.toml")
    write_text(disk / "page.html", "old")
    trouble(disk)
    with pytest.raises(Labcut3dError, match=r"rig\.toml"):
        replace(rig, extra={"long": {"text": "x" * 4 * ROOM}}).save(disk / "rig.toml")
    with pytest.raises(Labcut3dError, match=r"page\.html"):
        write_text(disk / "page.html", "x" * 4 * ROOM)
    assert Rig.load(disk / "rig.toml").names == rig.names
    assert (disk / "page.html").read_text() == "old"
    assert {one.name for one in disk.iterdir()} <= {"rig.toml", "page.html", "ballast"}


@pytest.mark.parametrize("name", ["whole.mp4", "fragments.mp4", "stream.ts", "plain.mkv"])
def test_a_video_cut_anywhere_is_refused_or_read_as_far_as_it_goes(tmp_path, name):
    whole = copied(tmp_path / name)
    pictures = list(open_frames(whole))
    data = whole.read_bytes()
    path = tmp_path / f"cut_{name}"
    read = []
    for end in range(CUT, len(data), CUT):
        path.write_bytes(data[:end])
        if name != "stream.ts":  # which has neither a header nor an end that would tell
            with pytest.raises(VideoError, match=path.name):
                list(open_frames(path))
        if name == "whole.mp4":  # its index was at the end
            continue
        found = dict(open_frames(path, damaged=True).read())
        wrong = sum(not np.array_equal(found[k], pictures[k]) for k in found)
        assert wrong <= 1  # the picture that the cut goes through
        read.append(len(found))
    assert read == sorted(read)
    assert name == "whole.mp4" or read[-1] > len(pictures) / 2


def copied(path: Path) -> Path:
    """Write the sample's video into another container, its packets as they are."""
    options = {"movflags": "frag_keyframe+empty_moov"} if path.stem == "fragments" else {}
    with (
        resources.as_file(SAMPLE) as sample,
        av.open(str(sample)) as source,
        av.open(str(path), "w", options=options) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.time_base = Fraction(1, 90_000)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path
