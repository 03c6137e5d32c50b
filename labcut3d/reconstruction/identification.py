"""Who is who in a whole recording: window by window, joined where windows overlap."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from scipy.optimize import linear_sum_assignment

from calibration.rig import Rig
from labcut3d.reconstruction.identities import Identities
from labcut3d.reconstruction.matching import known_individuals
from labcut3d.reconstruction.settings import ReconstructionSettings
from labcut3d.windows import Window

__all__ = ["identify"]


def identify(
    detections: xr.Dataset, rig: Rig, settings: ReconstructionSettings, windows: Sequence[Window]
) -> Identities:
    """Return which detections are each individual's, over all windows of a recording.

    Animals of two windows are the same where they are the same detections in the moments that both
    know. Where two or more share none, it is doubtful which goes on as which.
    """
    joined: list[Identities] = []
    before: tuple[Window, Identities] | None = None
    for window in windows:
        part = detections.isel(time=window.around).load()
        _, found = known_individuals(part, rig, settings)
        if before is not None and found.matched:
            found = _continued(before, (window, found))
        before = window, found
        joined.append(found.within(window.inside))
    if len(joined) == 1:
        return joined[0]
    whole = Identities(
        detected_as=np.concatenate([one.detected_as for one in joined]),
        doubtful=np.concatenate([one.doubtful for one in joined]),
        unmatched=np.concatenate([one.unmatched for one in joined]),
        matched=any(one.matched for one in joined),
    )
    return _named(whole) if whole.matched else whole


def _continued(before: tuple[Window, Identities], after: tuple[Window, Identities]) -> Identities:
    """Return the identities of a window in the order of the animals of the window before."""
    (earlier, known), (later, found) = before, after
    start, stop = later.around.start, earlier.around.stop
    ours = known.detected_as[start - earlier.around.start :]
    theirs = found.detected_as[: stop - start]
    same = (ours[..., :, None] == theirs[..., None, :]) & (ours >= 0)[..., None]
    votes = same.sum(axis=(0, 1))
    _, order = linear_sum_assignment(votes, maximize=True)
    found = _in_order(found, order)
    strangers = votes[np.arange(len(order)), order] == 0
    if strangers.sum() > 1:
        found.doubtful[later.inside.start, strangers] = True
    return found


def _named(identities: Identities) -> Identities:
    """Return the identities under the names that most of their detections had."""
    count = identities.detected_as.shape[2]
    votes = [(identities.detected_as == name).sum(axis=(0, 1)) for name in range(count)]
    _, order = linear_sum_assignment(np.array(votes), maximize=True)
    return _in_order(identities, order)


def _in_order(identities: Identities, order: np.ndarray) -> Identities:
    """Return the identities with individual k that which was at `order[k]`."""
    return replace(
        identities,
        detected_as=identities.detected_as[..., order],
        doubtful=identities.doubtful[:, order],
    )
