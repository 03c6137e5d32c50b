"""Other programs' labels: one file a format, each read to and written from `VideoLabels`.

Where a pixel's centre lies: integer coordinates in all of them, as in labcut3d, so nothing is
added or taken away. DeepLabCut and Lightning Pose store what their labelling programs click, in
axes whose integers are centres; COCO's keypoints are indices of pixels (its boxes are measured
from the image's corner); SLEAP's have been centres since its format 1.1, and sleap-io takes the
half pixel of older files away.
"""

from labcut3d.formats.labels.registry import WRITERS, choose_video, read_label_file
from labcut3d.formats.labels.video_labels import VideoLabels

__all__ = ["WRITERS", "VideoLabels", "choose_video", "read_label_file"]
