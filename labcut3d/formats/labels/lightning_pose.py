"""Lightning Pose's labels: DeepLabCut's CSV with one column of paths, a file for each view.

They are read by `read_deeplabcut`. Where one file holds several views, the ends of the keypoints'
names tell them apart, as in nose_top; who imports a view takes those of its name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from calibration.files import write_text
from labcut3d.formats.labels.deeplabcut import collected_data
from labcut3d.formats.labels.video_labels import VideoLabels

__all__ = ["write_lightning_pose"]


def write_lightning_pose(
    views: Mapping[str, Sequence[VideoLabels]], folder: Path
) -> tuple[Path, ...]:
    """Write VIEW.csv for each view, or CollectedData.csv where there is but one.

    The images lie in `folder`/labeled-data/VIDEO already. There is one individual.
    """
    paths = []
    for view, videos in views.items():
        path = folder / ("CollectedData.csv" if len(views) == 1 else f"{view}.csv")
        write_text(path, collected_data(videos, folder, separate=False))
        paths.append(path)
    return tuple(paths)
