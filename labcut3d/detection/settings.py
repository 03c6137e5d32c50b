"""The settings of a detector: the one place of its defaults."""

import math
from dataclasses import dataclass
from typing import Literal

from labcut3d.detection.encoders.names import EncoderName, require_encoder
from labcut3d.errors import DetectorError

__all__ = ["DetectorSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """How a detector is built and trained.

    A detector looks twice: a *locator* finds the animal in the whole image at low resolution, and
    the *pose* network sees a square around it. The length that sets all scales is the animal's
    size: the larger side of the box around its keypoints, in px of the labelled images.

    Budgets count optimisation steps, not time, so that the same labels, settings and seed give the
    same detector.
    """

    encoder: EncoderName = "efficientnet-lite0"
    """The pretrained network that both parts start from; see docs/stages.md."""
    share: Literal["views", "none"] = "views"
    """One detector shared by all views, or one a view."""
    detail: float = 1.5
    """Pixels of the pose network's input a pixel of the image, as far as `largest_crop` allows."""
    largest_crop: int = 320
    """Largest side of the pose network's input, px; a multiple of 32."""
    margin: float = 1.3
    """Side of the square around the animal, in animal sizes."""
    locator_animal: float = 40.0
    """Size of the animal in the locator's input, px."""
    min_steps: int = 300
    """Steps of training before the error curve is first asked whether to go on."""
    max_steps: int = 1200
    """Steps of training at most."""
    locator_steps: int = 50
    """Steps of training of the locator."""
    batch: int = 8
    """Crops a step."""
    learning_rate: float = 5e-3
    """Peak step size of AdamW for the decoder, which starts from random weights."""
    encoder_rate: float = 0.2
    """Step size of the encoder's unfrozen blocks, as a fraction of `learning_rate`."""
    frozen_blocks: int = 3
    """Blocks of the encoder that keep their ImageNet weights, at most as many as it has."""
    flips: Literal["auto", "horizontal", "vertical", "none"] = "auto"
    """Mirror images, with left and right keypoints swapped, that are trained on too; "auto" takes
    those that the labelled poses make plausible."""
    rotation_deg: float = 25.0
    """Largest rotation of a training crop, degrees either way."""
    held_out: float = 0.1
    """Fraction of the labelled moments kept from training, to calibrate the confidence."""
    right_within: float = 5.0
    """Distance to the label below which a detection is right, px: what confidence speaks of."""
    seed: int = 0
    """Seed of every random number in training."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU when torch finds one."""

    def __post_init__(self) -> None:
        """Refuse values that no training could work with."""
        limits: dict[str, tuple[float, float]] = {
            "detail": (0.1, 10.0),
            "largest_crop": (64, 1024),
            "margin": (1.0, 10.0),
            "locator_animal": (16.0, 256.0),
            "min_steps": (1, 10**6),
            "max_steps": (self.min_steps, 10**6),
            "locator_steps": (1, 10**6),
            "batch": (1, 1024),
            "learning_rate": (1e-6, 1.0),
            "encoder_rate": (0.0, 1.0),
            "rotation_deg": (0.0, 180.0),
            "held_out": (0.0, 0.5),
            "right_within": (0.1, 1000.0),
            "seed": (0, 2**63 - 1),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise DetectorError(
                    f"detector setting {name} = {value}: must lie between {low:g} and {high:g}"
                )
        require_encoder(self.encoder, self.frozen_blocks)
        if self.largest_crop % 32:
            raise DetectorError(
                f"detector setting largest_crop = {self.largest_crop}: must be a multiple of 32, "
                f"such as {max(64, round(self.largest_crop / 32) * 32)}"
            )

    def crop_side(self, size: float) -> int:
        """Return the side of the pose network's input, px, for an animal of `size` px."""
        wanted = 32 * math.ceil(self.margin * size * self.detail / 32)
        return max(64, min(wanted, self.largest_crop))
