"""Which moments to label first: one of each kind of appearance, by k-means over all views at once.

The moments' features (`features.describe_moments`) are compared by their main components, and of
each cluster the moment nearest its centre is taken, as that says most about the others. Clusters
that hold a labelled moment are known already.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist

__all__ = ["Choice", "candidates", "choose_moments", "main_components", "thinned"]

Array = npt.NDArray[np.floating]

MOST_CANDIDATES = 500  # of one recording
COMPONENTS = 32
STARTS = 10  # k-means from several starts; the tightest counts
ITERATIONS = 50
SAME = 1e-4  # of the spread of a component; moments nearer than that are one and the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A moment to label, by its row, and the share of all moments, 0 to 1, that it stands for.

    `gain` is how unlike the labelled moments are those that it stands for: the sum of squared
    distances, and without labels the number of these moments.
    """

    row: int
    share: float
    gain: float


def candidates(n_moments: int, labelled: Sequence[int] = ()) -> npt.NDArray[np.int64]:
    """Return the moments of a recording to look at: evenly spread ones, and the labelled."""
    count = min(n_moments, MOST_CANDIDATES)
    # The middles of equal parts, so that a recording's very ends weigh no more than the rest.
    spread = ((np.arange(count) + 0.5) * n_moments / max(count, 1)).astype(np.int64)
    return np.union1d(spread, np.asarray(labelled, dtype=np.int64))


def thinned(moments: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return `moments`, rising; of very many, as many evenly spread ones as of candidates."""
    rising = np.unique(np.asarray(moments, dtype=np.int64))
    return rising[:: -(-len(rising) // MOST_CANDIDATES) or 1]


def choose_moments(
    features: Array, count: int, *, labelled: npt.NDArray[np.bool_] | None = None, seed: int = 0
) -> list[Choice]:
    """Choose up to `count` rows of `features` (moment, view, feature), the most telling first.

    `labelled` (moment,) are the rows that count as chosen already. Fewer come back where fewer
    look different. The same arguments give the same rows.
    """
    n = len(features)
    if n == 0 or count < 1:
        return []
    labelled = np.zeros(n, dtype=bool) if labelled is None else labelled
    points = main_components(features)
    distinct = len(np.unique(np.round(points / SAME), axis=0))
    cluster, distance = _cluster(points, min(count + int(labelled.sum()), distinct), seed)
    unknown = np.ones(n)
    if labelled.any():
        unknown = cdist(points, points[labelled], "sqeuclidean").min(axis=1)
    choices = []
    for one in sorted(set(cluster.tolist()) - set(cluster[labelled].tolist())):
        rows = np.flatnonzero(cluster == one)
        row = int(rows[np.argmin(distance[rows])])
        choices.append(Choice(row=row, share=len(rows) / n, gain=float(unknown[rows].sum())))
    return sorted(choices, key=lambda choice: (-choice.gain, choice.row))[:count]


def main_components(features: Array) -> npt.NDArray[np.float64]:
    """Return features (moment, view, feature) as their main components (moment, component).

    Each feature counts by how far it leaves its mean, in units of its own spread; one that is
    missing, NaN, counts as its mean. The first component has unit variance.
    """
    flat = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
    present = np.isfinite(flat)
    n_present = np.maximum(present.sum(axis=0), 1)
    middle = np.where(present, flat, 0).sum(axis=0) / n_present
    centred = np.where(present, flat - middle, 0)
    spread = np.sqrt((centred**2).sum(axis=0) / n_present)
    floor = 1e-6 * (np.abs(middle) + spread.max()) + 1e-12  # of rounding alone
    scaled = np.where(spread > floor, centred / np.maximum(spread, floor), 0.0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    strongest = max(float(singular[0]), 1e-12)
    return left[:, :COMPONENTS] * (singular[:COMPONENTS] / strongest * np.sqrt(len(flat)))


def _cluster(
    points: npt.NDArray[np.float64], clusters: int, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return each point's cluster, and its squared distance to that cluster's centre.

    k-means++ (Arthur and Vassilvitskii, SODA 2007).
    """
    best: tuple[float, npt.NDArray[np.int64], npt.NDArray[np.float64]] | None = None
    for start in range(STARTS):
        with warnings.catch_warnings():
            # A cluster may run empty; it then yields no moment, which is all there is to it.
            warnings.simplefilter("ignore", UserWarning)
            centres, cluster = kmeans2(
                points,
                clusters,
                iter=ITERATIONS,
                minit="++",
                rng=np.random.default_rng((seed, start)),
            )
        distance = ((points - centres[cluster]) ** 2).sum(axis=1)
        if best is None or distance.sum() < best[0]:
            best = float(distance.sum()), cluster.astype(np.int64), distance
    assert best is not None
    return best[1], best[2]
