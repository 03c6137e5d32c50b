"""Other programs' files: detections and trajectories in and out; one file a format.

`table` lists the formats; what a file needs is loaded when it is read or written.
"""

from typing import TYPE_CHECKING

from labcut3d.lazy import load_lazily

if TYPE_CHECKING:
    from labcut3d.formats.exported import Export
    from labcut3d.formats.registry import (
        choose_format,
        read_dataset,
        read_detections,
        write_dataset,
    )
    from labcut3d.formats.table import FORMATS
    from labcut3d.formats.views import ViewDetections, combine_views

__all__ = [
    "FORMATS",
    "Export",
    "ViewDetections",
    "choose_format",
    "combine_views",
    "read_dataset",
    "read_detections",
    "write_dataset",
]

__getattr__, __dir__ = load_lazily(
    __name__,
    {
        "FORMATS": "labcut3d.formats.table",
        "Export": "labcut3d.formats.exported",
        "ViewDetections": "labcut3d.formats.views",
        "combine_views": "labcut3d.formats.views",
        "choose_format": "labcut3d.formats.registry",
        "read_dataset": "labcut3d.formats.registry",
        "read_detections": "labcut3d.formats.registry",
        "write_dataset": "labcut3d.formats.registry",
    },
)
