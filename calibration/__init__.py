"""Cameras, boards and rigs: everything geometric, nothing about animals.

    from calibration import CharucoBoard, calibrate, observe
    board, observations = observe(board, {"cam0": images, "cam1": images})
    rig = calibrate(board, observations).rig

What needs OpenCV is imported when it is first asked for, so that `import calibration` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

from calibration.board import (
    Board,
    CharucoBoard,
    ChessBoard,
    Marker,
    MarkerBoard,
    TwoSidedBoard,
    load_board,
    parse_board,
)
from calibration.camera import Camera
from calibration.covariance import RigCovariance
from calibration.lens import Lens
from calibration.rig import Rig

if TYPE_CHECKING:
    from calibration.adjustment import Adjustment, adjust_boards, bundle_adjust
    from calibration.calibrating import Calibration, calibrate, score_held_out
    from calibration.detection import detect_corners, observe
    from calibration.epipolar import epipolar_error, essential_matrix, fundamental_matrix
    from calibration.foreign.registry import RIG_FORMATS, RigFormat, load_rig, save_rig
    from calibration.heldout import HeldOut
    from calibration.observations import Observations, ViewCorners, combine
    from calibration.stereo import Rectification, rectify
    from calibration.triangulation import Triangulation, triangulate_points
    from calibration.uncertainty import predict_uncertainty

__all__ = [
    "RIG_FORMATS",
    "Adjustment",
    "Board",
    "Calibration",
    "Camera",
    "CharucoBoard",
    "ChessBoard",
    "HeldOut",
    "Lens",
    "Marker",
    "MarkerBoard",
    "Observations",
    "Rectification",
    "Rig",
    "RigCovariance",
    "RigFormat",
    "Triangulation",
    "TwoSidedBoard",
    "ViewCorners",
    "adjust_boards",
    "bundle_adjust",
    "calibrate",
    "combine",
    "detect_corners",
    "epipolar_error",
    "essential_matrix",
    "fundamental_matrix",
    "load_board",
    "load_rig",
    "observe",
    "parse_board",
    "predict_uncertainty",
    "rectify",
    "save_rig",
    "score_held_out",
    "triangulate_points",
]

_HOME = {
    "Adjustment": "adjustment",
    "Calibration": "calibrating",
    "HeldOut": "heldout",
    "Observations": "observations",
    "RIG_FORMATS": "foreign.registry",
    "Rectification": "stereo",
    "RigFormat": "foreign.registry",
    "Triangulation": "triangulation",
    "ViewCorners": "observations",
    "adjust_boards": "adjustment",
    "bundle_adjust": "adjustment",
    "calibrate": "calibrating",
    "combine": "observations",
    "detect_corners": "detection",
    "epipolar_error": "epipolar",
    "essential_matrix": "epipolar",
    "fundamental_matrix": "epipolar",
    "load_rig": "foreign.registry",
    "observe": "detection",
    "predict_uncertainty": "uncertainty",
    "rectify": "stereo",
    "save_rig": "foreign.registry",
    "score_held_out": "calibrating",
    "triangulate_points": "triangulation",
}


def __getattr__(name: str) -> Any:
    """Import the module that a name lives in when the name is first used (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'calibration' has no attribute '{name}'")
    return getattr(importlib.import_module(f"calibration.{_HOME[name]}"), name)
