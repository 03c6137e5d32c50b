"""Two detectors on the same labels: is the second one better, and how sure is that?"""

from dataclasses import dataclass

import numpy as np

from labcut3d.detection.evaluation import Evaluation

__all__ = ["Comparison"]

RESAMPLES = 10_000
FEWEST = 3  # moments; with fewer there is nothing to resample


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The evaluations of two detectors on the same labelled images, in the same order."""

    before: Evaluation
    after: Evaluation

    @property
    def better(self) -> bool:
        """Whether the mean distance fell."""
        return self.after.summary()["mean"] < self.before.summary()["mean"]

    def certainty(self, seed: int = 0) -> float:
        """Return the share of resamples, 0 to 1, in which the mean distance fell.

        A paired bootstrap (Efron and Tibshirani 1993) that draws whole moments, since the views
        and keypoints of one moment err together. NaN for fewer than three moments.
        """
        places = list(zip(self.before.recordings, self.before.frames, strict=True))
        moments = sorted(set(places))
        if len(moments) < FEWEST:
            return float("nan")
        row = np.array([moments.index(place) for place in places])
        change = np.nansum(self.after.distance - self.before.distance, axis=1)
        total = np.bincount(row, change, minlength=len(moments))
        drawn = np.random.default_rng(seed).integers(len(moments), size=(RESAMPLES, len(moments)))
        return float((total[drawn].sum(axis=1) < 0).mean())

    def sentence(self) -> str:
        """Return what changed, in words, and how sure it is."""
        before, after = self.before.summary(), self.after.summary()
        seen = ", ".join(
            f"{name} {before[key]:.3g} to {after[key]:.3g} px"
            for name, key in (("mean", "mean"), ("median", "median"), ("95th percentile", "p95"))
        )
        count = len(set(zip(self.before.recordings, self.before.frames, strict=True)))
        share = self.certainty()
        if np.isnan(share):
            sure = f"{count} held-out moments are too few to say how sure that is"
        else:
            sure = (
                f"the mean fell in {100 * share:.0f} % of resamples of the {count} held-out moments"
            )
        return f"{seen}; {sure}"
