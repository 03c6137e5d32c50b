"""A project's folder and its project.toml: the only place where settings are parsed.

my-project/
  project.toml            views, board, skeleton, fps, settings
  calibration/            one video or folder of images for each view
  recordings/NAME/        one video for each view, named after it
  labels/NAME.csv         labelled frames of the recording NAME
  models/NAME/            trained detectors
  chamber/                corners.csv, or pictures of a board on a wall of the box filmed into
  results/                all that labcut3d writes about cameras and recordings
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from calibration.boards.board import Board, parse_board
from calibration.files import read_toml
from calibration.notebook import html_table
from labcut3d.chamber import ChamberSettings, parse_chamber
from labcut3d.compute import ComputeSettings
from labcut3d.detection.settings import DetectorSettings
from labcut3d.errors import FileFormatError, ProjectError
from labcut3d.event_rules import parse_events
from labcut3d.kinematics.settings import EventSettings, SubstrateSettings
from labcut3d.labels import Labels
from labcut3d.project_view import View, parse_view
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.region import Region
from labcut3d.skeleton import Skeleton, load_skeleton
from labcut3d.subject import SubjectSettings, parse_started
from labcut3d.tables import parse_table
from labcut3d.video import Frames, find_source, open_frames, require_equal_lengths

__all__ = ["Project", "load_project", "parse_project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProjectFile:
    """The tables and values of project.toml."""

    views: dict[str, dict[str, Any]]
    skeleton: str
    name: str | None = None
    fps: float | None = None
    board: dict[str, Any] | None = None
    chamber: dict[str, Any] | None = None
    detector: dict[str, Any] = dataclasses.field(default_factory=dict)
    reconstruction: dict[str, Any] = dataclasses.field(default_factory=dict)
    substrate: dict[str, Any] = dataclasses.field(default_factory=dict)
    events: dict[str, Any] = dataclasses.field(default_factory=dict)
    subject: dict[str, Any] = dataclasses.field(default_factory=dict)
    started: dict[str, Any] = dataclasses.field(default_factory=dict)
    compute: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project: where it lies, what it films, and how each stage is set."""

    root: Path
    name: str
    views: Mapping[str, View]
    skeleton: Skeleton
    fps: float | None
    board: Board | None
    chamber: ChamberSettings | None
    detector: DetectorSettings
    reconstruction: ReconstructionSettings
    substrate: SubstrateSettings
    events: EventSettings
    compute: ComputeSettings
    subject: SubjectSettings = dataclasses.field(default_factory=SubjectSettings)
    started: Mapping[str, datetime] = dataclasses.field(default_factory=dict)

    @property
    def rig_path(self) -> Path:
        """Where the calibrated rig is stored."""
        return self.root / "results" / "rig.toml"

    @property
    def filming_rig_path(self) -> Path:
        """Where the rig is stored that recordings are seen with: with the chamber's walls."""
        if self.chamber is None:
            return self.rig_path
        return self.root / "results" / "rig_in_chamber.toml"

    @property
    def model_path(self) -> Path:
        """Where the trained detectors are stored."""
        return self.root / "models" / "default"

    def _repr_html_(self) -> str:
        files = ("detections.nc", "trajectories.nc", "events.csv", "viewer.html")
        rows = [
            (name, *("yes" if (self.results(name) / file).exists() else "-" for file in files))
            for name in self.recordings()
        ]
        rig = "calibrated" if self.rig_path.exists() else "not calibrated yet"
        note = f"{self.root}: {len(self.views)} views ({', '.join(self.views)}), {rig}"
        return html_table(f"Project {self.name}", ("recording", *files), rows, note)

    def results(self, recording: str) -> Path:
        """Return the folder of a recording's results."""
        return self.root / "results" / recording

    def recordings(self) -> tuple[str, ...]:
        """Return the names of all recordings, sorted."""
        folder = self.root / "recordings"
        if not folder.is_dir():
            return ()
        return tuple(sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != "."))

    def choose_recordings(
        self, names: Sequence[str], having: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Return `names`, or when it is empty all recordings with one of the results `having`.

        Raises `ProjectError` for a name that is no recording or that no text can hold, or when
        there is none at all.
        """
        known = self.recordings()
        if not known:
            raise ProjectError(
                f"{self.root / 'recordings'}: no recordings; make a folder for each recording, "
                f"with one video for each view ({', '.join(self.views)})"
            )
        for name in names:
            if name not in known:
                raise ProjectError(
                    f"{self.root}: no recording '{name}'; recordings are {', '.join(known)}"
                )
        for name in names or known:
            # Bytes of other encodings than UTF-8 are not printable, and netCDF takes "\\" for "/".
            if not name.isprintable() or "\\" in name:
                raise ProjectError(
                    f"{self.root / 'recordings'}: rename the folder {name!a}: names are of "
                    "printable letters in UTF-8 and have no backslash"
                )
        if names or not having:
            return tuple(names) or known
        ready = tuple(
            name for name in known if any((self.results(name) / file).exists() for file in having)
        )
        if not ready:
            raise ProjectError(
                f"{self.root}: no recording has {' or '.join(having)} yet; "
                f"run: labcut3d reconstruct {self.root}"
            )
        return ready

    def calibration_sources(self) -> dict[str, Frames]:
        """Open the board videos or image folders of all views."""
        return self._open(self.root / "calibration", self.views)

    def calibration_paths(self) -> dict[str, Path]:
        """Return where the board videos or image folders of all views lie, without opening them."""
        return self._find(self.root / "calibration", self.views)

    def recording_paths(
        self, recording: str, views: Iterable[str] | None = None
    ) -> dict[str, Path]:
        """Return where the videos of a recording lie, by default of all views, unopened."""
        return self._find(self.root / "recordings" / recording, views or self.views)

    def chamber_sources(self, views: Iterable[str]) -> dict[str, Frames]:
        """Open the videos or image folders of the board in the chamber; some views may lack one.

        Raises `VideoError` where there is none at all.
        """
        folder = self.root / "chamber"
        known = {path.stem for path in folder.iterdir()} if folder.is_dir() else set()
        shown = [view for view in views if (self.views[view].file or view) in known]
        return self._open(folder, shown or list(self.views)[:1])

    def recording_sources(self, recording: str) -> dict[str, Frames]:
        """Open the videos of a recording, which must have equally many frames.

        One that is cut off or damaged counts as long as the longest; what it lacks is left out when
        it is read. Raises `VideoError` listing the frame counts where they differ all the same.
        """
        (recording,) = self.choose_recordings([recording])
        folder = self.root / "recordings" / recording
        sources = self._open(folder, self.views, damaged=True)
        longest = max(len(frames) for frames in sources.values())
        short = [v for v, frames in sources.items() if frames.trouble and len(frames) < longest]
        sources |= self._open(folder, short, damaged=True, least=longest)
        require_equal_lengths(sources, f"{folder}: the videos")
        return sources

    def region(self, view: str) -> Region:
        """Return which part of its file's image a view is."""
        return self.views[view].region

    def labelled_sources(self, labels: Labels) -> dict[str, Frames]:
        """Open the videos of a recording that have labels; they need not be equally long."""
        shown = self.labelled_paths(labels)
        return self._open(self.root / "recordings" / labels.recording, shown, damaged=True)

    def labelled_paths(self, labels: Labels) -> dict[str, Path]:
        """Return where the videos of a recording lie that have labels, without opening them."""
        (recording,) = self.choose_recordings([labels.recording])
        shown = [view for v, view in enumerate(labels.views) if labels.labelled[:, v].any()]
        return self._find(self.root / "recordings" / recording, shown)

    def frame_rate(self, sources: Mapping[str, Frames]) -> float:
        """Return the frames a second: project.toml's `fps`, else what the videos say."""
        rates = {view: frames.fps for view, frames in sources.items() if frames.fps}
        if self.fps is not None:
            return self.fps
        if not rates or max(rates.values()) - min(rates.values()) > 0.01:
            raise ProjectError(
                f"{self.root / 'project.toml'}: the files do not tell one frame rate "
                f"({rates or 'image folders'}); set fps = ... in project.toml"
            )
        return next(iter(rates.values()))

    def label_files(self) -> tuple[Path, ...]:
        """Return the labels files, sorted by name."""
        return tuple(sorted((self.root / "labels").glob("*.csv")))

    def _open(
        self, folder: Path, views: Iterable[str], *, damaged: bool = False, least: int = 0
    ) -> dict[str, Frames]:
        """Open the source of each view in `folder`; the options are those of `open_frames`."""
        return {
            name: open_frames(path, self.region(name), damaged=damaged, least=least)
            for name, path in self._find(folder, views).items()
        }

    def _find(self, folder: Path, views: Iterable[str]) -> dict[str, Path]:
        """Return where the source of each view in `folder` lies."""
        return {name: find_source(folder, self.views[name].file or name) for name in views}


def load_project(root: str | os.PathLike[str]) -> Project:
    """Read a project's settings.

    Raises `ProjectError` where there is no project, `FileFormatError` naming file, key and fix
    where project.toml is wrong.
    """
    root = Path(root)
    path = root / "project.toml"
    if not path.is_file():
        raise ProjectError(
            f"{root}: no project here (project.toml is missing); "
            f"make one with: labcut3d new {root} --views cam0,cam1"
        )
    return parse_project(root, read_toml(path))


def parse_project(root: Path, settings: Mapping[str, Any]) -> Project:
    """Return the project in `root` with the settings of its project.toml, already read.

    Raises `FileFormatError` naming the file, the key and the fix.
    """
    path = root / "project.toml"
    table = parse_table(_ProjectFile, settings, str(path))
    if not table.views:
        raise FileFormatError(f"{path}: [views] is empty; name at least one view")
    views = {name: parse_view(name, view, path) for name, view in table.views.items()}
    if table.fps is not None and not 0 < table.fps < float("inf"):
        raise FileFormatError(f"{path}: fps is {table.fps}; it must be a positive number")
    skeleton = _load_skeleton(table.skeleton, root)
    return Project(
        root=root,
        name=table.name or root.resolve().name,
        views=views,
        skeleton=skeleton,
        fps=table.fps,
        board=None if table.board is None else parse_board(table.board, f"{path} [board]"),
        chamber=parse_chamber(table.chamber, f"{path} [chamber]"),
        detector=parse_table(DetectorSettings, table.detector, f"{path} [detector]"),
        reconstruction=parse_table(
            ReconstructionSettings, table.reconstruction, f"{path} [reconstruction]"
        ),
        substrate=parse_table(SubstrateSettings, table.substrate, f"{path} [substrate]"),
        events=parse_events(table.events, skeleton, f"{path} [events]"),
        subject=parse_table(SubjectSettings, table.subject, f"{path} [subject]"),
        started=parse_started(table.started, f"{path} [started]"),
        compute=parse_table(ComputeSettings, table.compute, f"{path} [compute]"),
    )


def _load_skeleton(name: str, root: Path) -> Skeleton:
    """Load a preset, or a TOML file inside the project."""
    if not name.endswith(".toml"):
        return load_skeleton(name)
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise FileFormatError(
            f"{root / 'project.toml'}: skeleton '{name}' lies outside the project; copy it inside"
        )
    return load_skeleton(path)
