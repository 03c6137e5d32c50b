"""What was made of one recording: each result is there or missing, up to date or stale, and why.

Read from stamps alone, and from small files: no video is opened and no large result is read.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from calibration.files import sha256_of
from labcut3d.errors import Labcut3dError
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, read_stamp
from labcut3d.stages.common import IMPORTED, path_hashes, settings_hash
from labcut3d.stages.detecting import model_folders, region_hash
from labcut3d.version import __version__

__all__ = ["RecordingStatus", "Standing", "compare", "is_imported", "recording_status"]

Standing = Literal["done", "stale", "missing"]

MADE_FROM = {
    "trajectories.nc": ("detections.nc",),
    "kinematics.nc": ("trajectories.nc",),
    "events.csv": ("trajectories.nc",),
    "viewer.html": ("detections.nc", "trajectories.nc", "events.csv"),
    "summary.csv": ("trajectories.nc", "events.csv"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStatus:
    """What was made of one recording: each result by its file's name, in the order of making.

    `because` names the inputs that have changed since a result was made from them. summary.csv is
    one table of all recordings, and is told as far as it concerns this one.
    """

    name: str
    results: Mapping[str, Standing]
    because: tuple[str, ...] = ()
    trouble: str = ""
    """What keeps it from being reconstructed, such as a missing video; "" where nothing does."""

    @property
    def standing(self) -> Standing:
        """Done where all is; stale where something is, or where only a part is there."""
        found = set(self.results.values())
        if found == {"done"}:
            return "done"
        return "missing" if found == {"missing"} else "stale"


def recording_status(project: Project, name: str) -> RecordingStatus:
    """Return what was made of a recording, and whether it is up to date."""
    folder = project.results(name)
    try:
        videos, trouble = path_hashes(project.recording_paths(name)), ""
    except Labcut3dError as error:
        videos, trouble = {}, str(error)
    found_by = {} if is_imported(project, name) else {**videos, **_model_hashes(project)}
    if found_by:
        found_by |= region_hash(project)
    found = {"detections.nc": compare(folder, "detections.nc", found_by)}
    if len(project.views) > 1:
        for result, inputs in _inputs_in_space(project, folder, videos).items():
            found[result] = compare(folder, result, inputs)
    shown = _hashes(folder, {part: part for part in MADE_FROM["viewer.html"]})
    shown |= {"settings": fingerprint([asdict(project.skeleton), project.name, __version__])}
    found["viewer.html"] = compare(folder, "viewer.html", {**videos, **shown})
    if len(project.views) > 1:
        found["summary.csv"] = _summary(project, name)
    return RecordingStatus(
        name=name,
        results=_cascade({part: state for part, (state, _) in found.items()}),
        because=tuple(dict.fromkeys(one for _, because in found.values() for one in because)),
        trouble=trouble,
    )


def compare(
    folder: Path, name: str, inputs: Mapping[str, str], *, exact: bool = False
) -> tuple[Standing, tuple[str, ...]]:
    """Return how a result stands to its inputs, and which of them have changed.

    Only `inputs` are compared, and others that it was made from are not, unless `exact`.
    """
    result = folder / name
    if not result.is_file():
        return "missing", ()
    stamp = read_stamp(result)
    if stamp is None:
        return "stale", ("the file itself",)
    names = {*inputs, *(stamp.inputs if exact else ())}
    changed = tuple(sorted(k for k in names if stamp.inputs.get(k) != inputs.get(k)))
    return ("stale" if changed else "done"), changed


def is_imported(project: Project, name: str) -> bool:
    """Tell whether a recording's detections are those of another program."""
    stamp = read_stamp(project.results(name) / "detections.nc")
    return stamp is not None and any(one.startswith(IMPORTED) for one in stamp.inputs)


def _inputs_in_space(
    project: Project, folder: Path, videos: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Return the inputs of each result that takes two views or more."""
    rig = _rig_hash(project, folder)
    tracks = _hashes(folder, {"trajectories": "trajectories.nc"})
    return {
        "trajectories.nc": {
            **rig,
            **_hashes(folder, {"detections": "detections.nc"}),
            "reconstruction settings": settings_hash(project, project.reconstruction),
        },
        "kinematics.nc": {
            **rig,
            **tracks,
            "skeleton": fingerprint([asdict(project.skeleton), __version__]),
            "substrate settings": fingerprint(project.substrate),
        },
        "events.csv": {
            **rig,
            **tracks,
            **videos,
            "events settings": settings_hash(project, project.events),
            "substrate settings": settings_hash(project, project.substrate),
        },
    }


def _summary(project: Project, name: str) -> tuple[Standing, tuple[str, ...]]:
    """Return how the table of all recordings stands to one of them: missing without its events."""
    folder = project.results(name)
    events = folder / "events.nc"
    if not events.is_file():
        return "missing", ()
    inputs = {
        f"events.nc of {name}": sha256_of(events),
        **_hashes(folder, {f"trajectories.nc of {name}": "trajectories.nc"}),
        "settings": settings_hash(project, project.events),
        "project": fingerprint([project.name]),
    }
    return compare(project.root / "results", "summary.csv", inputs)


def _cascade(found: Mapping[str, Standing]) -> dict[str, Standing]:
    """Return the same with what is made from a stale or missing result stale as well."""
    states: dict[str, Standing] = {}
    for name, state in found.items():
        before = {states.get(source, "done") for source in MADE_FROM.get(name, ())}
        states[name] = "stale" if state == "done" and before != {"done"} and before else state
    return states


def _hashes(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return the hashes of earlier results as their stamps tell them, by the input's name."""
    stamps = {name: read_stamp(folder / file) for name, file in files.items()}
    return {name: stamp.sha256 for name, stamp in stamps.items() if stamp is not None}


def _model_hashes(project: Project) -> dict[str, str]:
    """Return the hashes of the detectors that are there."""
    files = [folder / "model.toml" for folder in model_folders(project)]
    return {f"model {file.parent.name}": sha256_of(file) for file in files if file.is_file()}


def _rig_hash(project: Project, folder: Path) -> dict[str, str]:
    """Return the hash of the rig that a recording is seen with, where there is one."""
    for path in (folder / "rig.toml", project.filming_rig_path):
        if path.is_file():
            return {"rig": sha256_of(path)}
    return {}
