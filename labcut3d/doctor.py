"""Is this machine fit for labcut3d? Versions, device, codecs, weights, disk, and what to mend."""

import errno
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import av
import av.codec
from packaging.requirements import Requirement

from calibration.checks.findings import Finding
from labcut3d.progress import SILENT, Reporter
from labcut3d.version import __version__

__all__ = ["check_codecs", "check_disk", "check_packages", "check_system", "examine"]

DECODERS = ("h264", "hevc", "mpeg4", "mjpeg", "vp9", "ffv1", "rawvideo")
ENCODER = "libx264"  # of overlay videos
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python-headless")
TRIAL_BYTES = 64 * 2**20
SLOW_MB_S = 20.0  # a detector's results need far less; a viewer with its clips takes seconds
LITTLE_GB = 5.0  # of disk: the results of about a hundred hours, or a hundred viewers
LITTLE_MEMORY_GIB = 4.0  # training takes two


def examine(folder: Path, reporter: Reporter = SILENT) -> tuple[Finding, ...]:
    """Return what was found of this machine, and of the disk under `folder`, where results go."""
    checks = (_packages_and_system, check_codecs, _equipment, lambda: [check_disk(folder)])
    found: list[Finding] = []
    with reporter.task("Looking at this machine") as progress:
        for done, check in enumerate(checks):
            found += check()
            progress(done + 1, len(checks))
    return tuple(found)


def check_packages(distribution: str = "labcut3d") -> list[Finding]:
    """Compare the installed packages with what `distribution` requires, extras apart."""
    faults: list[Finding] = []
    required = [Requirement(text) for text in metadata.requires(distribution) or ()]
    core = [one for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    for one in core:
        version = _version(one.name)
        if version is None:
            reason = f"package {one.name} is not installed"
        elif not one.specifier.contains(version, prereleases=True):
            reason = f"package {one.name} is {version}; {one.specifier} is needed"
        else:
            continue
        faults.append(Finding(level="FAIL", reason=reason, remedy=f'pip install "{one}"'))
    rivals = [name for name in OPENCV if _version(name) is not None]
    if rivals:
        remedy = (
            f"pip uninstall {' '.join(rivals)}; "
            "pip install --force-reinstall --no-deps opencv-contrib-python"
        )
        reason = f"{', '.join(rivals)} writes over files of opencv-contrib-python"
        faults.append(Finding(level="WARN", reason=reason, remedy=remedy))
    reason = f"labcut3d {__version__}: {len(core)} packages it needs are installed"
    return faults or [Finding(level="PASS", reason=reason)]


def check_system() -> list[Finding]:
    """Tell the versions of Python and of the system, and how much memory there is."""
    python = f"Python {platform.python_version()} in {sys.prefix}, {platform.platform()}"
    found = [Finding(level="PASS", reason=python)]
    memory = _memory_gib()
    if memory is not None and memory < LITTLE_MEMORY_GIB:
        reason = f"{memory:.1f} GiB of memory; training takes two, beside what else runs"
        remedy = "Close other programs while training, and keep detector.batch small."
        found.append(Finding(level="WARN", reason=reason, remedy=remedy))
    elif memory is not None:
        found.append(Finding(level="PASS", reason=f"{memory:.1f} GiB of memory"))
    return found


def check_codecs() -> list[Finding]:
    """Tell whether the usual videos can be decoded, and overlay videos written."""
    remedy = "pip install --force-reinstall --only-binary :all: av"
    absent = [name for name in DECODERS if not _codec(name, "r")]
    if absent:
        reason = f"videos in {', '.join(absent)} cannot be read"
        found = [
            Finding(level="FAIL" if "h264" in absent else "WARN", reason=reason, remedy=remedy)
        ]
    else:
        reason = f"PyAV {av.__version__} reads {', '.join(DECODERS)}"
        found = [Finding(level="PASS", reason=reason)]
    if not _codec(ENCODER, "w"):
        reason = f"PyAV {av.__version__} lacks {ENCODER}, so overlay videos cannot be written"
        found.append(Finding(level="WARN", reason=reason, remedy=remedy))
    return found


def check_disk(folder: Path) -> Finding:
    """Write, sync and delete 64 MiB in `folder`: tell the speed, and the room that is left.

    Nothing stays behind. A folder that is not there, cannot be written to or is full FAILs.
    """
    if not folder.is_dir():
        return Finding(level="FAIL", reason=f"{folder}: no such folder", remedy="Check the path.")
    try:
        free = shutil.disk_usage(folder).free / 1e9
        speed = _write_speed(folder)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        remedy = "Make room there." if full else "Give the folder write permission, or use another."
        return Finding(
            level="FAIL", reason=f"{folder}: cannot be written to ({error.strerror})", remedy=remedy
        )
    reason = f"{folder}: writes {speed:.0f} MB/s, {free:.0f} GB free"
    if free < LITTLE_GB:
        return Finding(level="WARN", reason=reason, remedy="Make room before long recordings.")
    if speed < SLOW_MB_S:
        return Finding(
            level="WARN", reason=reason, remedy="Keep the project on a disk of this computer."
        )
    return Finding(level="PASS", reason=reason)


def _packages_and_system() -> list[Finding]:
    """Return what was found of packages and of the system."""
    return [*check_system(), *check_packages()]


def _equipment() -> Iterator[Finding]:
    """Yield what detectors find; a torch that cannot be loaded FAILs."""
    try:
        from labcut3d.detection.equipment import check_device, check_weights
    except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: torch and torchvision
        yield Finding(
            level="FAIL",
            reason=f"torch or openvino cannot be loaded ({error})",
            remedy="pip install --force-reinstall torch torchvision openvino",
        )
        return
    yield check_device()
    yield from check_weights()


def _version(name: str) -> str | None:
    """Return the installed version of a package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _codec(name: str, mode: str) -> bool:
    """Tell whether a codec can read ("r") or write ("w")."""
    try:
        av.codec.Codec(name, mode)  # pyright: ignore[reportArgumentType, reportCallIssue]
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _memory_gib() -> float | None:
    """Return the machine's memory, or None where the system does not tell (Windows)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
        return None


def _write_speed(folder: Path) -> float:
    """Return how fast `TRIAL_BYTES` reach the disk, MB/s."""
    block = os.urandom(2**20)  # which no file system compresses
    with tempfile.TemporaryFile(dir=folder) as stream:
        start = time.perf_counter()
        for _ in range(TRIAL_BYTES // len(block)):
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())
        return TRIAL_BYTES / 1e6 / (time.perf_counter() - start)
