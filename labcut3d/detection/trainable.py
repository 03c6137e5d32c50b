"""What labels must be for a detector to be trained on them, and what the user should know."""

from collections.abc import Sequence

import numpy as np

from labcut3d.errors import DetectorError
from labcut3d.labels import LabelledImage
from labcut3d.skeleton import Skeleton

__all__ = ["label_warnings", "require_trainable"]


def require_trainable(
    images: Sequence[LabelledImage], shown: Sequence[LabelledImage], skeleton: Skeleton
) -> None:
    """Raise `DetectorError` where the labels are not those of one animal of this skeleton.

    Of those `shown`, which are not held out, some must be visible.
    """
    if not images:
        raise DetectorError("no labelled images to train on; label some frames of a recording")
    for image in images:
        where = f"recording '{image.recording}', frame {image.frame}, view '{image.view}'"
        animals, keypoints = image.points.shape[:2]
        if animals != 1:
            raise DetectorError(
                f"{where}: {animals} individuals are labelled; detectors find one animal for now, "
                "so keep the labels of one"
            )
        if keypoints != len(skeleton.keypoints):
            raise DetectorError(
                f"{where}: labels of {keypoints} keypoints, but skeleton '{skeleton.name}' has "
                f"{len(skeleton.keypoints)}; label with the project's skeleton"
            )
    if not any(np.isfinite(image.points).any() for image in images):
        raise DetectorError(
            f"all keypoints of all {len(images)} labelled images are empty; "
            "fill in x and y where a keypoint is visible"
        )
    if not any(np.isfinite(image.points).any() for image in shown):
        raise DetectorError(
            f"all keypoints of the {len(shown)} labelled images to train on are empty; only those "
            "held out have visible ones: label more moments, or set held_out = 0 in [detector]"
        )


def label_warnings(
    images: Sequence[LabelledImage], skeleton: Skeleton, *, calibrated: bool
) -> tuple[str, ...]:
    """Return what the user should know about the labels."""
    points = np.stack([image.points[0] for image in images])
    counts = np.isfinite(points[..., 0]).sum(axis=0)
    never = [name for name, n in zip(skeleton.keypoints, counts, strict=True) if n == 0]
    warnings = []
    if never:
        warnings.append(f"never labelled, so never detected: {', '.join(never)}")
    if not calibrated:
        warnings.append(
            "too few detections lie near held-out labels to calibrate on, so confidence and "
            "covariance are rough; label more moments, or train longer if the errors are large"
        )
    return tuple(warnings)
