"""Videos with what was found drawn on them -> results/RECORDING/overlay/VIEW.mp4, grid.mp4."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calibration.files import atomic_write
from labcut3d.progress import SILENT, Progress, Reporter
from labcut3d.project import Project
from labcut3d.provenance import write_stamp
from labcut3d.stages.common import is_current
from labcut3d.stages.locking import exclusive
from labcut3d.stages.viewing import open_recording, recording_inputs
from labcut3d.video_writing import write_mp4
from labcut3d.viewers.clips import read_pictures
from labcut3d.viewers.marks import Marks, draw_marks, draw_title, marks_of
from labcut3d.viewers.recording import Recording
from labcut3d.viewers.scene_pictures import scene_pictures

__all__ = ["overlay"]

Image = npt.NDArray[np.uint8]

WIDEST_CELL = 640  # px, of a view in the grid
OPTIONS = {"crf": "20", "preset": "veryfast"}


@exclusive
def overlay(
    project: Project, recording: str, *, grid: bool = False, reporter: Reporter = SILENT
) -> tuple[Path, ...]:
    """Write a video of each view with its marks, or of all views and the 3-D scene in one `grid`.

    A view's video has the frames and the rate of its source. Frames that cannot be decoded are
    grey. Returns the files.
    """
    folder, inputs = project.results(recording) / "overlay", recording_inputs(project, recording)
    names = ("grid",) if grid else tuple(project.recording_sources(recording))
    results = tuple(folder / f"{name}.mp4" for name in names)
    missing = [result for result in results if not is_current(result, inputs, reporter)]
    if not missing:
        return results
    shown = open_recording(project, recording)
    marks, fps = marks_of(shown), project.frame_rate(shown.videos)
    folder.mkdir(parents=True, exist_ok=True)
    for result in missing:
        name = result.stem
        with reporter.task(f"Drawing on {recording}, {name}") as progress:
            images = _grid(shown, marks) if grid else _view(shown, marks, name)
            total = len(marks.detected) if grid else len(shown.videos[name])
            with atomic_write(result) as temporary:
                write_mp4(temporary, _reported(images, total, progress), fps, OPTIONS)
        write_stamp(result, inputs)
    return results


def _view(recording: Recording, marks: Marks, view: str) -> Iterator[Image]:
    """Yield all frames of a view's video, with the marks of the moments that they show."""
    source = recording.videos[view]
    moments: dict[int, int] = {}
    if view in marks.views:  # cameras may have been dropped
        frames = recording.main["frame"].sel(view=view).values
        moments = {int(number): moment for moment, number in enumerate(frames)}
    pictures = read_pictures(source, source.numbers, source.size)
    for number, image in zip(source.numbers, pictures, strict=True):
        moment = moments.get(int(number))
        if moment is None:
            yield image
        else:
            yield draw_marks(image, marks, moment, marks.views.index(view))


def _grid(recording: Recording, marks: Marks) -> Iterator[Image]:
    """Yield all views of each moment side by side, and the scene at their right."""
    main = recording.main
    widest = max(recording.videos[view].size[0] for view in marks.views)
    scale = min(1.0, WIDEST_CELL / widest)
    columns = int(np.ceil(np.sqrt(len(marks.views))))
    panels = [_cell(recording, marks, view, scale) for view in marks.views]
    rows = -(-len(panels) // columns)
    sizes = [_scaled(recording.videos[view].size, scale) for view in marks.views]
    width, height = np.max(sizes, axis=0).tolist()
    scenes: Iterator[Image] | None = None
    if recording.trajectories is not None:
        scenes = scene_pictures(
            recording.trajectories,
            rows * height,
            skeleton=recording.skeleton,
            rig=recording.rig,
            surroundings=recording.surroundings,
        )
    for _ in range(main.sizes["time"]):
        canvas = np.zeros((rows * height, columns * width, 3), dtype=np.uint8)
        for index, panel in enumerate(panels):
            image = next(panel)
            top, left = height * (index // columns), width * (index % columns)
            canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
        yield canvas if scenes is None else np.concatenate([canvas, next(scenes)], axis=1)


def _cell(recording: Recording, marks: Marks, view: str, scale: float) -> Iterator[Image]:
    """Yield a view's pictures of all moments, with its name and marks, at a scale."""
    source, index = recording.videos[view], marks.views.index(view)
    numbers = recording.main["frame"].sel(view=view).values.astype(np.int64)
    for moment, image in enumerate(read_pictures(source, numbers, _scaled(source.size, scale))):
        yield draw_title(draw_marks(image, marks, moment, index, scale), view)


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """Return a (width, height) at a scale, px."""
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def _reported(images: Iterator[Image], total: int, progress: Progress) -> Iterator[Image]:
    """Yield images, and tell the progress."""
    for done, image in enumerate(images, start=1):
        yield image
        progress(done, total)
