"""Small valid files of every kind that labcut3d reads, and what reads each."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from format_seeds import READABLE, file_of, read_file

from calibration.boards.board import load_board
from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.foreign.registry import RIG_FORMATS, load_rig, save_rig
from calibration.geometry import rotation_from_vector
from calibration.lens import Lens
from calibration.pointfiles import read_clicks, read_known_points
from calibration.rig import Rig
from calibration.timing.timestamps import read_timestamps
from labcut3d.formats.labels.deeplabcut_config import read_config
from labcut3d.formats.labels.registry import read_label_file
from labcut3d.formats.labels.sleap import write_sleap
from labcut3d.formats.labels.video_labels import VideoLabels
from labcut3d.kinematics.event_tables import read_events
from labcut3d.labels import read_labels
from labcut3d.project import load_project
from labcut3d.schema import make_detections, open_dataset, save_dataset
from labcut3d.skeleton import Skeleton, load_skeleton
from labcut3d.template import new_project
from labcut3d.video import open_frames

__all__ = ["SEEDS", "Seed"]

Files = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A reader of a folder, and the valid files, name -> content, that it reads there."""

    make: Callable[[], Files]
    read: Callable[[Path], object]


def _written(write: Callable[[Path], object]) -> Callable[[], Files]:
    """Return a maker of the files that a function writes into a folder."""

    def make() -> Files:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder)
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    return make


def _text(**files: str) -> Callable[[], Files]:
    """Return a maker of text files; `__` in a name stands for its dot."""
    return lambda: {name.replace("__", "."): text.encode() for name, text in files.items()}


def _rig() -> Rig:
    rng = np.random.default_rng(0)
    cameras = tuple(
        Camera(
            name=f"cam{i}",
            size=(640, 480),
            matrix=np.array([[600.0, 0, 320], [0, 610.0, 240], [0, 0, 1]]),
            lens=Lens(distortions=rng.normal(size=5) * 0.02, model="opencv"),
            rotation=rotation_from_vector(rng.normal(size=3)),
            translation=np.array([0.0, 0, 900]),
        )
        for i in range(2)
    )
    return Rig(cameras=cameras, unit="mm")


def _covariance(folder: Path) -> None:
    names = tuple(f"cam{i}.{part}" for i in range(2) for part in ("fx", "fy"))
    covariance = RigCovariance(names=names, matrix=np.eye(4), gauge="cam0")
    _rig().save(folder / "rig.toml", covariance)


def _detections(folder: Path) -> None:
    rng = np.random.default_rng(0)
    dataset = make_detections(
        position=rng.uniform(0, 100, (4, 2, 2, 3, 1)),
        confidence=rng.uniform(0, 1, (4, 2, 3, 1)),
        views=["a", "b"],
        keypoints=["x", "y", "z"],
        individuals=["fly"],
        fps=30.0,
    )
    save_dataset(dataset, folder / "detections.nc")


def _format(name: str) -> Seed:
    """Return the seed of one of the formats of other programs."""
    file, content = file_of(name)
    return Seed(make=lambda: {file: content}, read=lambda folder: read_file(name, folder / file))


def _coco() -> Files:
    keypoints = [3, 4, 2, 5, 6, 1]
    content = {
        "images": [{"id": 7, "file_name": "walk/img_0012.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "mouse", "keypoints": ["nose", "tail"]}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "keypoints": keypoints}],
    }
    return {"coco.json": json.dumps(content).encode()}


def _sleap_labels(folder: Path) -> None:
    """Write two frames of a mouse of three keypoints, labelled by hand."""
    labels = VideoLabels(
        file=folder / "labels.slp",
        video="walk",
        keypoints=("nose", "paw", "tail"),
        individuals=("mouse",),
        frames=np.array([3, 8]),
        position=np.random.default_rng(0).uniform(0, 60, (2, 1, 3, 2)),
        images=(None, None),
    )
    skeleton = Skeleton(name="m", keypoints=labels.keypoints)
    write_sleap([labels], {"walk": folder / "walk.mp4"}, skeleton, folder)


def _video(folder: Path) -> None:
    rng = np.random.default_rng(0)
    with av.open(str(folder / "video.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(12):
            image = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image)):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def _images(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "cam").mkdir()
    for number, ending in enumerate(("png", "jpg", "tif", "bmp")):
        image = rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)
        cv2.imwrite(str(folder / "cam" / f"image{number}.{ending}"), image)


def _read_frames(path: Path) -> None:
    """Decode all that a damaged video or folder of images still shows."""
    for _ in open_frames(path, damaged=True).read():
        pass


def _save_foreign(format: str) -> Callable[[Path], object]:
    name = "rig" if format == "jarvis" else "rig.mat" if format == "label3d" else "rig.toml"
    name = "rig.yml" if format == "opencv" else name
    return lambda folder: save_rig(_rig(), folder / name, format)  # pyright: ignore


def _load_foreign(format: str) -> Callable[[Path], object]:
    def load(folder: Path) -> object:
        (path,) = list(folder.iterdir()) or [folder / "missing"]
        metres = format in ("caliscope", "pose2sim")
        return load_rig(path, unit=None if metres else "mm", size=(640, 480))

    return load


LABELS = "frame,view,individual,keypoint,x,y\n0,a,fly,tip,3.5,4\n0,b,fly,tip,,\n7,a,fly,tip,1,2\n"
EVENTS = (
    "individual,event,start_frame,stop_frame,start_s,stop_s,confidence,x,y,z\n"
    "fly,egg_laying,3,9,0.1,0.3,0.9,,,\nfly,egg_deposited,7,7,0.2,0.2,0.8,1.5,2,3\n"
)
SKELETON = (
    'name = "m"\nkeypoints = ["a", "b", "c"]\nbones = [["a", "b"]]\nleft_right = [["b", "c"]]\n'
)
BOARD = (
    'type = "charuco"\nsquares_x = 7\nsquares_y = 5\nsquare_length = 6.0\nmarker_length = 4.5\n'
    'dictionary = "DICT_4X4_50"\nunit = "mm"\n'
)
STAMPS = "sync_index,cam_id,frame_time\n" + "".join(
    f"{i},{c},{i / 30 + c / 100}\n" for i in range(5) for c in (0, 1)
)
CONFIG = (
    "Task: reach\nscorer: me\nbodyparts:\n- snout\n- tail\nskeleton:\n- - snout\n  - tail\n"
    "video_sets:\n  /data/a.mp4:\n    crop: 0, 640, 0, 480\nmultianimalproject: false\n"
)

SEEDS: dict[str, Seed] = {
    "project": Seed(
        make=_written(lambda folder: new_project(folder / "p", views=["a", "b"], skeleton="mouse")),
        read=lambda folder: load_project(folder / "p"),
    ),
    "skeleton": Seed(
        make=_text(skeleton__toml=SKELETON), read=lambda f: load_skeleton(f / "skeleton.toml")
    ),
    "board": Seed(make=_text(board__toml=BOARD), read=lambda f: load_board(f / "board.toml")),
    "labels": Seed(
        make=_text(labels__csv=LABELS),
        read=lambda f: read_labels(f / "labels.csv", views=["a", "b"], keypoints=["tip"]),
    ),
    "events": Seed(make=_text(events__csv=EVENTS), read=lambda f: read_events(f / "events.csv")),
    "clicks": Seed(
        make=_text(clicks__csv="view,point,x,y\na,p,1,2\nb,p,3,4\n"),
        read=lambda f: read_clicks(f / "clicks.csv", ["a", "b"]),
    ),
    "known points": Seed(
        make=_text(points__csv="point,x,y,z\np,1,2,3\nq,4,5,6\n"),
        read=lambda f: read_known_points(f / "points.csv"),
    ),
    "timestamps": Seed(
        make=_text(timestamps__csv=STAMPS),
        read=lambda f: read_timestamps(f / "timestamps.csv", {"cam0": 5, "cam1": 5}),
    ),
    "rig covariance": Seed(
        make=_written(_covariance), read=lambda f: RigCovariance.load(f / "rig.toml")
    ),
    "dataset": Seed(make=_written(_detections), read=lambda f: open_dataset(f / "detections.nc")),
    "deeplabcut config": Seed(
        make=_text(config__yaml=CONFIG), read=lambda f: read_config(f / "config.yaml")
    ),
    "coco": Seed(make=_coco, read=lambda f: read_label_file(f / "coco.json")),
    "labels of sleap": Seed(
        make=_written(_sleap_labels), read=lambda f: read_label_file(f / "labels.slp")
    ),
    "video": Seed(make=_written(_video), read=lambda f: _read_frames(f / "video.mp4")),
    "images": Seed(make=_written(_images), read=lambda f: _read_frames(f / "cam")),
    **{f"format {name}": _format(name) for name in READABLE},
    **{
        f"rig of {format}": Seed(make=_written(_save_foreign(format)), read=_load_foreign(format))
        for format in RIG_FORMATS
    },
}
