"""Which corners of the board each view saw in each frame, and why it saw no more."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from calibration.errors import CalibrationError
from calibration.geometry import Array, is_seen
from calibration.timing.clocks import Clock

__all__ = [
    "FEWEST_CORNERS",
    "Observations",
    "Refusal",
    "ViewCorners",
    "combine",
    "fewest_corners",
    "require_droppable",
]

FEWEST_CORNERS = 6  # in one image; four fix a plane's pose, but nothing then tells a wrong one


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An image, or some of its corners, that was not used, and the reason in words."""

    view: str
    frame: int
    reason: str

    @property
    def kind(self) -> str:
        """The reason without its details, by which refusals are counted: "blurred"."""
        if "fit no flat board" in self.reason:
            return "with corners that fit no flat board"
        reason = self.reason.split(":")[0]
        return "with too few corners" if reason.startswith("only ") else reason


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewCorners:
    """What one view saw.

    `corners` (frame, corner, 2) px, NaN where not seen; `misfits` (frame, corner) those that were
    found but fit no flat board; `noise` px is a corner's standard deviation, as the noise of the
    grey values makes it; `remark` says in words what was seen, for messages.
    """

    view: str
    size: tuple[int, int]
    frames: np.ndarray
    corners: Array
    misfits: np.ndarray
    refusals: tuple[Refusal, ...]
    noise: float
    remark: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observations:
    """What all views saw: `corners` (view, frame, corner, 2) px, NaN where not seen.

    `frames` (frame,) are the numbers by which images of different views belong together.
    `misfits` (view, frame, corner) were found but fit no flat board (their pixels are NaN);
    `refusals` say why images were not used; `remarks` (one a view) what was seen at all.
    `times` (view, frame), s, are the images' time stamps, NaN where not known; `clocks` (one a
    view, or none) how the views' time stamps relate, where that was found out.
    """

    views: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    frames: np.ndarray
    corners: Array
    misfits: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    refusals: tuple[Refusal, ...] = ()
    remarks: tuple[str, ...] = ()
    times: Array = field(default_factory=lambda: np.zeros(0))
    clocks: tuple[Clock, ...] = ()

    def __post_init__(self) -> None:
        corners, frames = _numbers(self.corners, "corners"), np.array(self.frames)
        if (
            frames.ndim != 1
            or frames.dtype.kind not in "iu"
            or len(set(frames.tolist())) < frames.size
        ):
            raise CalibrationError("frames must be whole numbers (frame,), each only once")
        if corners.ndim != 4 or corners.shape[-1] != 2:
            raise CalibrationError(
                f"corners have shape {corners.shape}; they must be (view, frame, corner, 2)"
            )
        counts = (len(self.views), len(frames))
        if corners.shape[:2] != counts or len(self.sizes) != len(self.views):
            raise CalibrationError(
                f"corners have shape {corners.shape}, but there are {counts[0]} views, "
                f"{len(self.sizes)} image sizes and {counts[1]} frames"
            )
        if len(set(self.views)) != len(self.views):
            raise CalibrationError(f"views {self.views}: every view needs its own name")
        times, misfits = _numbers(self.times, "times"), np.array(self.misfits)
        times = times if times.size else np.full(counts, np.nan)
        misfits = misfits if misfits.size else np.zeros(corners.shape[:3], dtype=bool)
        remarks = self.remarks or ("",) * len(self.views)
        if times.shape != counts:
            raise CalibrationError(f"times have shape {times.shape}; they must be (view, frame)")
        if misfits.shape != corners.shape[:3] or misfits.dtype != bool:
            raise CalibrationError(
                f"misfits have shape {misfits.shape} of {misfits.dtype}; they must be bool "
                "(view, frame, corner)"
            )
        if len(remarks) != len(self.views):
            raise CalibrationError(
                f"{len(remarks)} remarks for {len(self.views)} views; give as many"
            )
        sizes = tuple(
            _check_size(size, view) for size, view in zip(self.sizes, self.views, strict=True)
        )
        for name, value in (
            ("sizes", sizes),
            ("frames", frames),
            ("corners", corners),
            ("misfits", misfits),
            ("times", times),
            ("remarks", remarks),
        ):
            object.__setattr__(self, name, value)

    @property
    def seen(self) -> np.ndarray:
        """Whether each corner was seen, (view, frame, corner) bool."""
        return is_seen(self.corners)

    @property
    def usable(self) -> np.ndarray:
        """Whether enough corners were seen in an image to use it, (view, frame) bool."""
        return self.seen.sum(axis=-1) >= fewest_corners(self.corners.shape[2])

    @property
    def coverage(self) -> np.ndarray:
        """In how many frames each pair of views saw the board together, (view, view) int.

        The diagonal counts the frames in which each view saw it.
        """
        usable = self.usable.astype(int)
        return usable @ usable.T

    def at(self, frames: Sequence[int] | np.ndarray) -> "Observations":
        """Return the observations of the frames numbered `frames` only."""
        wanted = np.isin(self.frames, frames)
        chosen = set(self.frames[wanted].tolist())
        return replace(
            self,
            frames=self.frames[wanted],
            corners=self.corners[:, wanted],
            misfits=self.misfits[:, wanted],
            refusals=tuple(r for r in self.refusals if r.frame in chosen),
            times=self.times[:, wanted],
        )

    def without(self, views: Sequence[str]) -> "Observations":
        """Return the observations without some views."""
        require_droppable(views, self.views)
        keep = [i for i, view in enumerate(self.views) if view not in views]
        return replace(
            self,
            views=tuple(self.views[i] for i in keep),
            sizes=tuple(self.sizes[i] for i in keep),
            corners=self.corners[keep],
            misfits=self.misfits[keep],
            refusals=tuple(r for r in self.refusals if r.view not in views),
            remarks=tuple(self.remarks[i] for i in keep),
            times=self.times[keep],
            clocks=tuple(clock for clock in self.clocks if clock.view not in views),
        )

    def describe_refusals(self, view: str) -> str:
        """Return how many of a view's images were not used, by reason: "12 blurred"."""
        counts = Counter(refusal.kind for refusal in self.refusals if refusal.view == view)
        return ", ".join(f"{count} {kind}" for kind, count in counts.most_common())

    def describe_coverage(self) -> str:
        """Return the frames shared by each pair of views as a small table."""
        width = max(6, *(len(view) for view in self.views))
        rows = [" " * width + "".join(f"  {view:>{width}}" for view in self.views)]
        for view, counts in zip(self.views, self.coverage, strict=True):
            rows.append(f"{view:>{width}}" + "".join(f"  {n:>{width}}" for n in counts))
        return "frames in which two views saw the board together:\n" + "\n".join(rows)


def _numbers(values: object, name: str) -> Array:
    """Return an array of numbers."""
    try:
        return np.array(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise CalibrationError(f"{name} are not an array of numbers ({error})") from error


def _check_size(size: object, view: str) -> tuple[int, int]:
    """Return the image size (width, height) px of a view."""
    try:
        width, height = np.array(size).tolist()
    except (TypeError, ValueError):
        width = height = 0
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 0):
        raise CalibrationError(f"view '{view}': size = {size!r}; give (width, height) in px")
    return width, height


def require_droppable(views: Sequence[str], known: Collection[str]) -> None:
    """Raise `CalibrationError` for the first of `views` that is none of those `known`."""
    for view in views:
        if view not in known:
            raise CalibrationError(
                f"cannot drop '{view}': there is no such view, only {', '.join(known)}"
            )


def fewest_corners(n_corners: int) -> int:
    """Return how many corners an image needs, of a board of `n_corners`: a lone marker has four."""
    return min(FEWEST_CORNERS, n_corners)


def combine(views: Sequence[ViewCorners]) -> Observations:
    """Match what several views saw by frame number; a view without a frame saw nothing in it."""
    if not views:
        raise CalibrationError("there is no view to calibrate; give at least one")
    frames = np.unique(np.concatenate([view.frames for view in views]))
    n_corners = views[0].corners.shape[1]
    corners = np.full((len(views), len(frames), n_corners, 2), np.nan)
    misfits = np.zeros(corners.shape[:3], dtype=bool)
    for index, view in enumerate(views):
        rows = np.searchsorted(frames, view.frames)
        corners[index, rows] = view.corners
        misfits[index, rows] = view.misfits
    return Observations(
        views=tuple(view.view for view in views),
        sizes=tuple(view.size for view in views),
        frames=frames,
        corners=corners,
        misfits=misfits,
        refusals=tuple(refusal for view in views for refusal in view.refusals),
        remarks=tuple(view.remark for view in views),
    )
