"""How trajectories are reconstructed: every strength in px, seconds or the unit of the rig."""

from dataclasses import dataclass, fields

from labcut3d.errors import DatasetError

__all__ = ["ReconstructionSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconstructionSettings:
    """The choices of `reconstruct`.

    `lowest_confidence`: detections below it are not used at all (weak ones above it count
    little anyway). `smooth`: refine over time and skeleton; without it every moment stands alone.
    `longest_gap_s`: a keypoint that fewer than two views support for longer than this is not
    filled, s. `largest_deviation_px`: a point known worse than this (standard deviation along the
    worst direction, as it would look in an image) is missing. `bones`: hold bones near the lengths
    they have in confident frames. `repair_swaps`: exchange left and right in a view where the
    other views and times say so. `match_individuals`: find out which of the animals in each view
    are the same one; without it the same name is the same animal in all views and at all times.
    """

    lowest_confidence: float = 0.02
    smooth: bool = True
    longest_gap_s: float = 0.25
    largest_deviation_px: float = 15.0
    bones: bool = True
    repair_swaps: bool = True
    match_individuals: bool = True

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        for name in ("smooth", "bones", "repair_swaps", "match_individuals"):
            if not isinstance(getattr(self, name), bool):
                raise DatasetError(f"{name} = {getattr(self, name)!r}: must be true or false")
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int | float) or not value >= 0:
                raise DatasetError(f"{field.name} = {value!r}: must be a number, at least 0")
        if self.lowest_confidence > 1:
            raise DatasetError(
                f"lowest_confidence = {self.lowest_confidence!r}: must be between 0 and 1"
            )
        if not self.largest_deviation_px > 0:
            raise DatasetError("largest_deviation_px = 0: must be positive")
