"""Other programs' calibrations from given corners, each as its users would run it."""

import contextlib
import io
import logging
from collections.abc import Sequence

import cv2
import numpy as np

from calibration import Camera, CharucoBoard, Lens, Rig
from calibration.geometry import Array, is_seen

__all__ = [
    "calibrate_aniposelib",
    "calibrate_caliscope",
    "calibrate_multiview",
    "calibrate_opencv",
    "rig_of",
]

FEWEST = 6  # corners in an image for OpenCV's functions


def rig_of(views: Sequence[str], size: tuple[int, int], cameras: Sequence[tuple]) -> Rig:
    """Return a rig of cameras given as (matrix, distortions, rotation, translation)."""
    return Rig(
        cameras=tuple(
            Camera(
                name=view,
                size=size,
                matrix=np.array(matrix, dtype=float),
                lens=Lens(distortions=np.ravel(distortions).astype(float)),
                rotation=rotation,
                translation=np.ravel(translation),
            )
            for view, (matrix, distortions, rotation, translation) in zip(
                views, cameras, strict=True
            )
        ),
        unit="mm",
    )


def calibrate_opencv(
    board: CharucoBoard, views: Sequence[str], size: tuple[int, int], corners: Array
) -> Rig:
    """Return OpenCV's rig: calibrateCamera for each view, then stereoCalibrate along a tree.

    The tree is the widest: each view is tied to the one with which it shares most images. Nothing
    is adjusted jointly. `corners` (view, frame, corner, 2) px.
    """
    seen = is_seen(corners)
    points = board.points.astype(np.float32)
    lenses = _opencv_lenses(points, size, corners)
    poses = {0: (np.eye(3), np.zeros(3))}
    both = seen[:, None] & seen[None]
    shared = (both.sum(axis=-1) >= FEWEST).sum(axis=-1)
    while len(poses) < len(views):
        known, new = max(
            ((a, b) for a in poses for b in range(len(views)) if b not in poses),
            key=lambda pair: shared[pair],
        )
        frames = np.flatnonzero(both[known, new].sum(axis=-1) >= FEWEST)
        chosen = [(frame, both[known, new, frame]) for frame in frames]
        found = cv2.stereoCalibrate(
            [points[ok] for _, ok in chosen],
            [corners[known, frame, ok].astype(np.float32) for frame, ok in chosen],
            [corners[new, frame, ok].astype(np.float32) for frame, ok in chosen],
            *lenses[known],
            *lenses[new],
            size,
            flags=cv2.CALIB_FIX_INTRINSIC,
        )
        rotation, translation = found[5], found[6].ravel()
        poses[new] = (
            rotation @ poses[known][0],
            rotation @ poses[known][1] + translation,
        )
    return rig_of(views, size, [(*lenses[view], *poses[view]) for view in range(len(views))])


def calibrate_multiview(
    board: CharucoBoard,
    views: Sequence[str],
    size: tuple[int, int],
    corners: Array,
    guess: bool = False,
) -> Rig:
    """Return the rig of OpenCV's calibrateMultiview, whose poses alone are adjusted jointly.

    It is given the boards of which an image shows every corner: with unseen ones marked as its
    manual says, errors were of hundreds of px. `guess` gives it calibrateCamera's intrinsics, from
    all boards. Lengths are in boards: it takes boards of 200 mm for lines. `corners` (view, frame,
    corner, 2) px.
    """
    points = board.points.astype(np.float32)
    matrices, distortions = zip(*_opencv_lenses(points, size, corners), strict=True)
    length = float(np.ptp(board.points, axis=0).max())
    whole = is_seen(corners).all(axis=-1)
    frames = np.flatnonzero(whole.any(axis=0))
    images = np.where(whole[..., None, None], corners, -1.0).astype(np.float32)[:, frames]
    found = cv2.calibrateMultiview(
        [points / length] * len(frames),
        [list(image) for image in images],
        [size] * len(views),
        whole[:, frames].astype(np.uint8),
        np.full(len(views), cv2.CALIB_MODEL_PINHOLE, dtype=np.uint8),
        matrices if guess else None,
        distortions if guess else None,
        None,
        None,
        flags=cv2.CALIB_USE_INTRINSIC_GUESS if guess else 0,
    )
    cameras = [
        (matrix, lens, cv2.Rodrigues(rotation)[0], length * translation)
        for matrix, lens, rotation, translation in zip(*found[1:5], strict=True)
    ]
    return rig_of(views, size, cameras)


def _opencv_lenses(points: Array, size: tuple[int, int], corners: Array) -> list[tuple]:
    """Return calibrateCamera's matrix and distortions of each view."""
    lenses = []
    for view, seen in zip(corners, is_seen(corners), strict=True):
        frames = np.flatnonzero(seen.sum(axis=-1) >= FEWEST)
        objects = [points[seen[frame]] for frame in frames]
        images = [view[frame, seen[frame]].astype(np.float32) for frame in frames]
        lenses.append(cv2.calibrateCamera(objects, images, size, None, None)[1:3])
    return lenses


def calibrate_aniposelib(
    board: CharucoBoard,
    views: Sequence[str],
    size: tuple[int, int],
    corners: Array,
    extra_dist: bool = False,
) -> Rig:
    """Return aniposelib's rig: one focal length and k1 a camera, with `extra_dist` k2 too.

    Its bundle adjustment draws subsets with numpy's global random numbers, seeded here.
    """
    from aniposelib.cameras import CameraGroup

    np.random.seed(0)  # noqa: NPY002 - aniposelib draws from the global generator
    group = CameraGroup.from_names(list(views))
    theirs = aniposelib_board(board)
    rows = []
    for camera, seen in zip(group.cameras, corners, strict=True):
        camera.set_size(size)
        camera.extra_dist = extra_dist
        found = [(frame, np.flatnonzero(is_seen(image))) for frame, image in enumerate(seen)]
        rows.append(
            theirs.fill_points_rows(
                [
                    {
                        "framenum": frame,
                        "corners": seen[frame, ids].reshape(-1, 1, 2).astype(np.float32),
                        "ids": ids.reshape(-1, 1),
                    }
                    for frame, ids in found
                    if len(ids)
                ]
            )
        )
    with contextlib.redirect_stdout(io.StringIO()):
        group.calibrate_rows(rows, theirs, verbose=False)
    return aniposelib_rig(group, views, size)


def aniposelib_board(board: CharucoBoard) -> object:
    """Return the board as aniposelib knows it."""
    from aniposelib.boards import CharucoBoard as TheirBoard

    bits, count = board.dictionary.removeprefix("DICT_").split("X")[1].split("_")
    return TheirBoard(
        board.squares_x,
        board.squares_y,
        board.square_length,
        board.marker_length,
        marker_bits=int(bits),
        dict_size=int(count),
    )


def aniposelib_rig(group: object, views: Sequence[str], size: tuple[int, int]) -> Rig:
    """Return aniposelib's cameras as a rig."""
    return rig_of(
        views,
        size,
        [
            (
                camera.get_camera_matrix(),
                camera.get_distortions(),
                cv2.Rodrigues(camera.get_rotation())[0],
                camera.get_translation(),
            )
            for camera in group.cameras
        ],
    )


def calibrate_caliscope(
    board: CharucoBoard,
    views: Sequence[str],
    size: tuple[int, int],
    corners: Array,
    refine: bool = False,
) -> Rig:
    """Return Caliscope's rig: intrinsics for each view, then its whole extrinsic calibration.

    `refine` lets it adjust the intrinsics jointly too (f, k1, k2), which on small recordings of
    small boards did not end within ten minutes.
    """
    import pandas as pd
    from caliscope.api import (
        CameraArray,
        CameraData,
        ConstraintSet,
        ImagePoints,
        calibrate_extrinsics,
        calibrate_intrinsics,
    )

    logging.disable(logging.WARNING)
    view, frame, corner = np.nonzero(is_seen(corners))
    metres = board.points[corner] / 1000
    points = ImagePoints(
        pd.DataFrame(
            {
                "sync_index": frame,
                "cam_id": view,
                "frame_index": frame,
                "frame_time": frame.astype(float),
                "object_id": 0,
                "keypoint_id": corner,
                "img_loc_x": corners[view, frame, corner, 0],
                "img_loc_y": corners[view, frame, corner, 1],
                "obj_loc_x": metres[:, 0],
                "obj_loc_y": metres[:, 1],
                "obj_loc_z": metres[:, 2],
            }
        )
    )
    cameras = CameraArray({i: CameraData(cam_id=i, size=size) for i in range(len(views))})
    for index in range(len(views)):
        cameras[index] = calibrate_intrinsics(points, cameras[index]).camera
    constraints = ConstraintSet.from_charuco(_caliscope_board(board))
    run = calibrate_extrinsics(points, cameras, constraints, refine_intrinsics=refine)
    found = run.capture_volume.camera_array
    return rig_of(
        views,
        size,
        [
            (
                found[i].matrix,
                found[i].distortions,
                found[i].rotation,
                1000 * found[i].translation,
            )
            for i in range(len(views))
        ],
    )


def _caliscope_board(board: CharucoBoard) -> object:
    """Return the board as Caliscope knows it."""
    from caliscope.api import Charuco

    return Charuco.from_squares(
        columns=board.squares_x,
        rows=board.squares_y,
        square_size_cm=board.square_length / 10,
    )
