"""Which moments to label next -> results/suggestions.csv and suggestions.html."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from calibration import Rig
from calibration.files import atomic_write, write_text
from labcut3d.detection.suggestions import Suggestion, choose_doubts, suggestions_csv
from labcut3d.errors import DatasetError, LabelError
from labcut3d.labels import read_labels
from labcut3d.progress import SILENT, Reporter
from labcut3d.project import Project
from labcut3d.reconstruction.identities import in_order_of
from labcut3d.stages.common import recording_rig
from labcut3d.stages.locking import exclusive
from labcut3d.video import Frames
from labcut3d.viewers.suggestion_page import Marks, picture_of, suggestion_page

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["By", "suggest"]

By = Literal["auto", "appearance", "geometry"]
APART_S = 0.5  # suggestions of one recording, where it is long enough


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Recording:
    """A recording that moments are chosen from or already labelled in.

    `labelled` are indices of its moments; `trajectories` and `rig` come together.
    """

    name: str
    sources: Mapping[str, Frames]
    labelled: Sequence[int]
    detections: "xr.Dataset | None"
    trajectories: "xr.Dataset | None"
    rig: Rig | None

    @property
    def length(self) -> int:
        """Return the number of moments."""
        return len(next(iter(self.sources.values())))

    def suggestion(self, moment: int, reason: str, score: float) -> Suggestion:
        """Return the suggestion of a moment; views are numbered alike, so the first one's count."""
        number = int(next(iter(self.sources.values())).numbers[moment])
        return Suggestion(
            recording=self.name, moment=moment, frame=number, reason=reason, score=score
        )


@exclusive
def suggest(
    project: Project,
    recordings: Sequence[str] = (),
    *,
    count: int = 20,
    by: By = "auto",
    images: Path | None = None,
    seed: int = 0,
    reporter: Reporter = SILENT,
) -> list[Suggestion]:
    """Choose up to `count` moments to label -> results/suggestions.csv and suggestions.html.

    By geometry where there are detections (`doubts`), and by appearance for as many as that leaves
    open (`selection`); `by` forces one of them. Labelled moments count as chosen. With `images`,
    a folder, the images of all views are written there as RECORDING/VIEW/img000123.png, numbered
    as labels number them.
    """
    names = project.choose_recordings(recordings, ["detections.nc"] if by == "geometry" else [])
    opened = {name: _open(project, name) for name in names}
    found: list[Suggestion] = []
    if by != "appearance" and any(one.detections is not None for one in opened.values()):
        found = _by_geometry(opened, count, reporter)
    if by != "geometry" and len(found) < count:
        if found:
            reporter.note(f"{len(found)} moments look wrong; appearance chooses the others")
        labelled = {path.stem for path in project.label_files()} - set(names)
        others = {name: _open(project, name) for name in sorted(labelled)}
        found += _by_appearance(opened, others, found, (count - len(found), seed), reporter)
    if all(len(one.labelled) == one.length for one in opened.values()):
        reporter.note("Nothing to suggest: all frames are labelled; put longer videos there")
    elif len(found) < count:
        reporter.note(f"Only {len(found)} moments to suggest: no others stand out")
    pictures = _look(project, opened, found, images, reporter)
    results = project.root / "results"
    write_text(results / "suggestions.csv", suggestions_csv(found))
    labelled_frames = {one.name: one.labelled for one in opened.values()}
    page = suggestion_page(project.name, found, pictures, labelled_frames, project.skeleton)
    write_text(results / "suggestions.html", page)
    return found


def _open(project: Project, name: str) -> _Recording:
    """Open a recording with its labels and what was found in it so far."""
    from labcut3d.schema import open_dataset  # brings xarray along

    sources = project.recording_sources(name)
    detections, trajectories = (
        open_dataset(path) if path.exists() else None
        for path in (project.results(name) / f for f in ("detections.nc", "trajectories.nc"))
    )
    n = len(next(iter(sources.values())))
    if detections is not None and detections.sizes["time"] > n:
        raise DatasetError(
            f"{project.results(name) / 'detections.nc'}: {detections.sizes['time']} moments, but "
            f"the videos of '{name}' have {n}; run labcut3d detect again"
        )
    if detections is None:
        trajectories = None
    return _Recording(
        name=name,
        sources=sources,
        labelled=_labelled_moments(project, name, sources),
        detections=detections,
        trajectories=trajectories,
        rig=None if trajectories is None else recording_rig(project, name)[0],
    )


def _labelled_moments(project: Project, name: str, sources: Mapping[str, Frames]) -> list[int]:
    """Return the indices of a recording's moments of which a view is labelled."""
    path = project.root / "labels" / f"{name}.csv"
    if not path.exists():
        return []
    labels = read_labels(path, views=tuple(project.views), keypoints=project.skeleton.keypoints)
    numbers = next(iter(sources.values())).numbers
    known = np.isin(labels.frames, numbers)
    if not known.all():
        raise LabelError(
            f"{path}: frame {labels.frames[~known][0]} is not in recording '{name}', which has "
            f"{len(numbers)} frames; correct its number or remove its rows"
        )
    return np.searchsorted(numbers, labels.frames).tolist()


def _by_geometry(
    opened: Mapping[str, _Recording], count: int, reporter: Reporter
) -> list[Suggestion]:
    """Choose moments at which detections and 3-D points look wrong."""
    from labcut3d.detection.doubts import find_doubts

    doubts, gaps = [], {}
    with reporter.task("Looking for doubtful moments") as progress:
        for done, one in enumerate(opened.values(), start=1):
            if one.detections is None:
                continue
            detections = _calibrated_views(one)
            apart = round(APART_S * float(detections.attrs["fps"]))
            # In a short recording they lie closer, or there would be no room for all.
            gaps[one.name] = max(1, min(apart, one.length // (4 * (count + len(one.labelled)))))
            doubts += find_doubts(
                one.name, detections, one.trajectories, one.rig, gap=gaps[one.name]
            )
            progress(done, len(opened), one.name)
    taken = {one.name: one.labelled for one in opened.values()}
    chosen = choose_doubts(doubts, count, gaps=gaps, taken=taken)
    return [opened[d.recording].suggestion(d.moment, d.text, score) for d, score in chosen]


def _calibrated_views(one: _Recording) -> "xr.Dataset":
    """Return the detections in the views that the trajectories, where there are any, come from."""
    assert one.detections is not None
    if one.trajectories is None:
        return one.detections
    used = one.trajectories["view"].values
    calibrated = one.detections.sel(view=[v for v in one.detections["view"].values if v in used])
    return in_order_of(calibrated, one.trajectories)


def _by_appearance(
    opened: Mapping[str, _Recording],
    others: Mapping[str, _Recording],
    found: Sequence[Suggestion],
    wanted: tuple[int, int],
    reporter: Reporter,
) -> list[Suggestion]:
    """Choose moments of `opened` that look like none labelled there, in `others`, or `found`.

    `wanted` is how many, and the seed.
    """
    from labcut3d.detection.features import describe_moments
    from labcut3d.detection.selection import candidates, choose_moments, thinned

    rows: list[tuple[str, int, bool]] = []
    features = []
    views = list(next(iter(opened.values())).sources)
    for one in (*opened.values(), *others.values()):
        known = [*one.labelled, *(s.moment for s in found if s.recording == one.name)]
        looked_at = candidates(one.length, known) if one.name in opened else thinned(known)
        with reporter.task(f"Looking at {one.name}") as progress:
            features.append(
                describe_moments(one.sources, looked_at.tolist(), views=views, progress=progress)
            )
        rows += [(one.name, int(moment), int(moment) in set(known)) for moment in looked_at]
    count, seed = wanted
    is_known = np.array([known for _, _, known in rows])
    choices = choose_moments(np.concatenate(features), count, labelled=is_known, seed=seed)
    largest = choices[0].gain if choices else 1.0
    return [
        opened[rows[c.row][0]].suggestion(
            rows[c.row][1], f"looks like {100 * c.share:.2g} % of the moments", c.gain / largest
        )
        for c in choices
    ]


def _look(
    project: Project,
    opened: Mapping[str, _Recording],
    found: Sequence[Suggestion],
    folder: Path | None,
    reporter: Reporter,
) -> dict[tuple[str, int], dict[str, str]]:
    """Return the pictures of each (recording, moment) by view, and write the images to `folder`."""
    pictures: dict[tuple[str, int], dict[str, str]] = {(s.recording, s.moment): {} for s in found}
    with reporter.task("Drawing the suggestions") as progress:
        done = 0
        for name, one in opened.items():
            moments = sorted(moment for recording, moment in pictures if recording == name)
            for view, frames in one.sources.items():
                for moment, image in frames.read(moments):
                    marks = _marks(one, view, moment, project)
                    pictures[name, moment][view] = picture_of(image, marks)
                    if folder is not None:
                        number = int(frames.numbers[moment])
                        _write_image(folder / name / view / f"img{number:06d}.png", image)
                    done += 1
                    progress(done, len(pictures) * len(one.sources), name)
    return pictures


def _marks(one: _Recording, view: str, moment: int, project: Project) -> Marks | None:
    """Return what was found in a view at a moment, None where nothing was looked for."""
    if one.detections is None or moment >= one.detections.sizes["time"]:
        return None
    here = one.detections.isel(time=moment).sel(view=view)
    points = here["position"].transpose("individual", "keypoint", "space").values
    confidence = here["confidence"].transpose("individual", "keypoint").values
    projected = np.full(points.shape, np.nan)
    if one.trajectories is not None and one.rig is not None and view in one.rig.names:
        world = one.trajectories["position"].isel(time=moment)
        world = world.transpose("individual", "keypoint", "space").values
        projected = one.rig[view].project(world)
    return Marks(
        detected=points.astype(float),
        confidence=np.where(np.isnan(confidence), 1.0, confidence),
        projected=projected,
        keypoints=tuple(str(name) for name in one.detections["keypoint"].values),
        skeleton=project.skeleton,
    )


def _write_image(path: Path, image: np.ndarray) -> None:
    """Write an RGB image as PNG, atomically."""
    _, buffer = cv2.imencode(".png", image[..., ::-1])
    with atomic_write(path) as temporary:
        temporary.write_bytes(buffer.tobytes())
