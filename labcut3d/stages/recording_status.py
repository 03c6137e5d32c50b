"""What was made of each recording, and whether it is up to date: read from stamps alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from calibration.files import sha256_of
from labcut3d.errors import Labcut3dError
from labcut3d.project import Project
from labcut3d.provenance import fingerprint, read_stamp
from labcut3d.stages.common import IMPORTED, path_hashes, settings_hash
from labcut3d.stages.detectors import model_folders, parts_hashes
from labcut3d.stages.standing import Standing, compare, made
from labcut3d.version import __version__

__all__ = ["RecordingStatus", "is_imported", "recording_status"]

MADE_OF: Mapping[str, tuple[str, ...]] = {
    "detections.nc": (),
    "trajectories.nc": ("detections.nc",),
    "kinematics.nc": ("trajectories.nc",),
    "events.csv": ("trajectories.nc",),
    "viewer.html": ("detections.nc", "trajectories.nc", "events.csv"),
}
"""The results of a recording in the order of making, and which of them each is made of."""

FLAT = ("detections.nc", "viewer.html")  # those of a project of a single view


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStatus:
    """What was made of one recording: each result by its file's name, in the order of making.

    `because` names the inputs that have changed since a result was made of them, of all results.
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
    inputs = _inputs(project, name, videos)
    results: dict[str, Standing] = {}
    because: tuple[str, ...] = ()
    for part in MADE_OF if len(project.views) > 1 else FLAT:
        earlier = [one for one in MADE_OF[part] if one in results]
        hashes = made(folder, {_input_name(part, one): one for one in earlier})
        state, changed = compare(folder, part, {**inputs[part], **hashes})
        if state == "done" and any(results[one] != "done" for one in earlier):
            state = "stale"
        results[part], because = state, (*because, *changed)
    return RecordingStatus(
        name=name, results=results, because=tuple(dict.fromkeys(because)), trouble=trouble
    )


def _inputs(project: Project, name: str, videos: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the hashes of what each result is made of beside earlier results."""
    found_by = {**videos, **_model_hashes(project), **parts_hashes(project)}
    rig = _rig_hash(project, project.results(name))
    substrate = settings_hash(project, project.substrate)
    return {
        "detections.nc": {} if is_imported(project, name) else found_by,
        "trajectories.nc": {
            "reconstruction settings": settings_hash(project, project.reconstruction),
            **rig,
        },
        "kinematics.nc": {
            "skeleton": fingerprint([asdict(project.skeleton), __version__]),
            "substrate settings": fingerprint(project.substrate),
            **rig,
        },
        "events.csv": {
            "events settings": settings_hash(project, project.events),
            "substrate settings": substrate,
            **rig,
            **videos,
        },
        "viewer.html": {
            "settings": fingerprint([asdict(project.skeleton), project.name, __version__]),
            **videos,
        },
    }


def _input_name(result: str, earlier: str) -> str:
    """Return what a result's stamp calls one of the earlier results that it is made of."""
    return earlier if result == "viewer.html" else earlier.partition(".")[0]


def is_imported(project: Project, name: str) -> bool:
    """Tell whether a recording's detections are those of another program."""
    stamp = read_stamp(project.results(name) / "detections.nc")
    return stamp is not None and any(one.startswith(IMPORTED) for one in stamp.inputs)


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
