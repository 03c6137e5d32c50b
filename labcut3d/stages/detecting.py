"""Stage 2, second half: detectors over recordings -> detections.nc."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from calibration.files import sha256_of
from labcut3d.progress import SILENT, Progress, Reporter, part_of
from labcut3d.project import Project
from labcut3d.provenance import (
    changed_inputs,
    fingerprint,
    fingerprint_frames,
    made_from,
    write_stamp,
)
from labcut3d.stages.chunking import (
    Chunk,
    detect_chunk,
    join_chunks,
    missing_in,
    remove_chunks,
    spans,
)
from labcut3d.stages.common import (
    IMPORTED,
    is_current,
    source_hashes,
)
from labcut3d.stages.locking import exclusive
from labcut3d.video import Frames

if TYPE_CHECKING:  # torch is only loaded where it is used
    pass

from labcut3d.stages.detectors import load_detectors, parts_hashes, trained_folders
from labcut3d.stages.training import read_all_labels

__all__ = [
    "chunks_to_detect",
    "detect",
]


@exclusive
def detect(project: Project, recording: str, reporter: Reporter = SILENT) -> Path:
    """Find the keypoints in all views of a recording -> detections.nc.

    A video that ends early or is damaged is analysed as far as it can be read, with a warning.
    Detections that were imported are kept. Chunks of frames that are done already, by a run that
    was killed or by other processes, are not done again.
    """
    result = project.results(recording) / "detections.nc"
    if _is_imported(result):
        reporter.note(f"{result} was imported and is kept; remove it to detect anew")
        return result
    sources = project.recording_sources(recording)
    inputs = _detection_inputs(project, sources)
    if is_current(result, inputs, reporter):
        return result
    load_detectors(project)  # refuses what does not fit before the work begins
    chunks = _chunks(project, recording, sources)
    with reporter.task(f"Detecting in {recording}") as progress:
        _detect_all(chunks, progress)
    numbers = {view: frames.numbers for view, frames in sources.items()}
    attrs = {"provenance": json.dumps(inputs)}
    if missing := missing_in(chunks, numbers):
        attrs["missing_frames"] = missing
        reporter.note(f"Warning: {recording} is cut off or damaged. {missing}")
    pieces = join_chunks(
        chunks,
        keypoints=project.skeleton.keypoints,
        individual=_individual(project),
        fps=project.frame_rate(sources),
        numbers=numbers,
        attrs=attrs,
    )
    from labcut3d.dataset_pieces import save_pieces  # brings xarray along

    save_pieces(pieces, result)
    write_stamp(result, inputs)
    remove_chunks(result.parent)
    return result


def _detect_all(chunks: Sequence[Chunk], progress: Progress) -> None:
    """Detect in chunks one after the other."""
    total, before = sum(chunk.stop - chunk.start for chunk in chunks), 0
    for chunk in chunks:
        detect_chunk(chunk, part_of(progress, before, total))
        before += chunk.stop - chunk.start
        progress(before, total, chunk.view)


def chunks_to_detect(project: Project, recording: str) -> tuple[Chunk, ...]:
    """Return the chunks of a recording in which is still to be detected, none where all is done.

    Each may be given to `chunking.detect_chunk` in any process, in any order; `detect` joins them.
    """
    result = project.results(recording) / "detections.nc"
    if _is_imported(result):
        return ()
    sources = project.recording_sources(recording)
    if not changed_inputs(result, _detection_inputs(project, sources)):
        return ()
    load_detectors(project)
    return tuple(chunk for chunk in _chunks(project, recording, sources) if not chunk.done)


def _is_imported(result: Path) -> bool:
    """Tell whether detections come from another program."""
    return any(name.startswith(IMPORTED) for name in made_from(result) or ())


def _detection_inputs(project: Project, sources: Mapping[str, Frames]) -> dict[str, str]:
    """Return the hashes of all that a recording's detections are made from."""
    models = {
        f"model {folder.name}": sha256_of(folder / "model.toml")
        for folder in trained_folders(project)
    }
    told = fingerprint([project.frame_rate(sources), _individual(project)])
    return {**source_hashes(sources), **models, "fps and individual": told, **parts_hashes(project)}


def _chunks(project: Project, recording: str, sources: Mapping[str, Frames]) -> tuple[Chunk, ...]:
    """Return all chunks of a recording, view after view."""
    chunks: list[Chunk] = []
    models = {view: folder for folder, views in trained_folders(project).items() for view in views}
    for view, frames in sources.items():
        region = project.region(view)
        inputs = {
            "video": fingerprint_frames(frames),
            "frames": str(len(frames)),
            "region": fingerprint(region),
            "model": sha256_of(models[view] / "model.toml"),
        }
        chunks += (
            Chunk(
                folder=project.results(recording),
                view=view,
                source=frames.path,
                region=region,
                frames=len(frames),
                start=span.start,
                stop=span.stop,
                model=models[view],
                inputs=inputs,
            )
            for span in spans(len(frames), project.compute.chunk_frames)
        )
    return tuple(chunks)


def _individual(project: Project) -> str:
    """Return the name of the animal in the labels."""
    first = next(read_all_labels(project), None)
    return "animal" if first is None else first.individuals[0]
