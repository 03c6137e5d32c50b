"""Cameras, boards and rigs: everything geometric, nothing about animals.

    from calibration import calibrate, load_board, observe
    board = load_board("board.toml")
    board, observations = observe(board, {"cam0": images, "cam1": images})
    rig = calibrate(board, observations).rig

What needs OpenCV is imported when it is first asked for, so that `import calibration` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

from calibration.boards.board import (
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
from calibration.refraction import Wall
from calibration.rig import Rig

if TYPE_CHECKING:
    from calibration.calibrating import Calibration, calibrate, score_held_out
    from calibration.corners.detection import detect_corners, observe
    from calibration.corners.observations import Observations, ViewCorners, combine
    from calibration.epipolar import epipolar_error, essential_matrix, fundamental_matrix
    from calibration.fitting.heldout import HeldOut
    from calibration.foreign.registry import RIG_FORMATS, RigFormat, load_rig, save_rig
    from calibration.points.propagation import calibration_covariance
    from calibration.solver.adjustment import Adjustment, adjust_boards, bundle_adjust
    from calibration.solver.uncertainty import predict_uncertainty
    from calibration.stereo import Rectification, rectify
    from calibration.triangulation import Triangulation, triangulate_points

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
    "Wall",
    "adjust_boards",
    "bundle_adjust",
    "calibrate",
    "calibration_covariance",
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
    "Adjustment": "solver.adjustment",
    "Calibration": "calibrating",
    "HeldOut": "fitting.heldout",
    "Observations": "corners.observations",
    "RIG_FORMATS": "foreign.registry",
    "Rectification": "stereo",
    "RigFormat": "foreign.registry",
    "Triangulation": "triangulation",
    "ViewCorners": "corners.observations",
    "adjust_boards": "solver.adjustment",
    "bundle_adjust": "solver.adjustment",
    "calibrate": "calibrating",
    "calibration_covariance": "points.propagation",
    "combine": "corners.observations",
    "detect_corners": "corners.detection",
    "epipolar_error": "epipolar",
    "essential_matrix": "epipolar",
    "fundamental_matrix": "epipolar",
    "load_rig": "foreign.registry",
    "observe": "corners.detection",
    "predict_uncertainty": "solver.uncertainty",
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


def __dir__() -> list[str]:
    """Return the public names, those not yet imported too."""
    return sorted({*globals(), *__all__})
