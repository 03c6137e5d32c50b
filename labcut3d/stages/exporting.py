"""Results and files of other programs, written in any format that labcut3d knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labcut3d.errors import DatasetError, FileFormatError
from labcut3d.formats import FORMATS, Export, read_dataset, write_dataset
from labcut3d.formats.registry import choose_format, find_format
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.reconstruction.identities import in_order_of
from labcut3d.schema import open_dataset
from labcut3d.stages.common import open_detections, recording_rig

__all__ = ["Metadata", "export_files", "export_recording"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What no dataset tells: when the first frame was filmed (ISO 8601), and of whom.

    `subject` has NWB's words: species, sex, age (such as P5D), strain, genotype.
    """

    started: str | None = None
    subject: Mapping[str, str] = field(default_factory=dict)


NOTHING = Metadata()


def export_files(
    files: str | Path | Sequence[str] | Mapping[str, Path],
    output: Path,
    *,
    to: str | None = None,
    fps: float | None = None,
    unit: str | None = None,
    metadata: Metadata = NOTHING,
) -> tuple[Path, ...]:
    """Write files of any known format in another, without a project.

    `files`, `fps` and `unit` are those of `read_dataset`; `to` and `output` of `write_dataset`;
    `metadata` goes into files that have a place for it. Returns the paths written.
    """
    dataset = read_dataset(files, fps=fps, unit=unit)
    export = Export.of(dataset, output.name.split(".")[0])
    export = replace(export, started=metadata.started, subject=metadata.subject)
    return write_dataset(export, output, to)


def export_recording(
    project: Project,
    recording: str,
    *,
    to: str | None = None,
    output: Path | None = None,
    metadata: Metadata = NOTHING,
    reporter: Reporter = SILENT,
) -> tuple[Path, ...]:
    """Write a recording's trajectories, or detections where the format holds none but those.

    By default to results/RECORDING/RECORDING with the ending of the format `to`. Skeleton, cameras
    and detections go along where the format has a place for them. Returns the paths written.
    """
    if to is None and output is None:
        raise FileFormatError(f"say which format: one of {', '.join(FORMATS)}")
    folder = project.results(recording)
    stored = {True: folder / "trajectories.nc", False: folder / "detections.nc"}
    present = [is_3d for is_3d, path in stored.items() if path.exists()]
    if not present:
        raise DatasetError(
            f"{folder}: nothing to export yet; run: labcut3d reconstruct {project.root} {recording}"
        )
    fitting = [is_3d for is_3d in present if find_format(output, to, is_3d=is_3d)]
    is_3d = next(iter(fitting or present))
    kind = choose_format(output, to, is_3d=is_3d)
    has_rig = len(project.views) > 1 and project.filming_rig_path.exists()
    rig = recording_rig(project, recording, reporter)[0] if has_rig else None
    dataset = open_dataset(stored[is_3d]) if is_3d else open_detections(stored[False], rig)
    detections = None
    if is_3d and False in present:
        detections = in_order_of(open_detections(stored[False], rig), dataset)
    export = Export(
        dataset=dataset,
        title=recording,
        skeleton=project.skeleton,
        rig=rig,
        detections=detections,
        started=metadata.started,
        subject=metadata.subject,
    )
    target = output or folder / f"{recording}{kind.endings[0]}"
    if target.resolve() in {path.resolve() for path in stored.values()}:
        raise FileFormatError(f"{target}: is a result itself; give another name")
    return write_dataset(export, target, kind.name)
