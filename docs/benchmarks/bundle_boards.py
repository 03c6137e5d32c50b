"""Bundle adjustment of a waved board: 6 cameras x 194 boards, 33.7 thousand corners.

    python docs/benchmarks/bundle_boards.py [threads]

labcut3d and Ceres get the same start, parameters (fx fy cx cy k1 k2 p1 p2 and pose of each
camera, the first pose fixed; six of each board) and loss (Huber, 1 px, on the distance). Only the
solvers are timed: the Python that builds Ceres's problem is not counted, while labcut3d's time is
that of the whole call, including the covariance of all camera parameters.
"""

import sys

from bundling import compare
from ceres import solve_boards
from scenes import BoardScene, board_scene

from calibration import adjust_boards
from calibration.solver.adjustment import Adjustment


def adjust(scene: BoardScene, tolerance: float) -> Adjustment:
    """Return what labcut3d makes of the scene."""
    return adjust_boards(scene.rig, scene.board_points, scene.board_poses, scene.corners, huber=1.0)


if __name__ == "__main__":
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    compare("boards: 6 cameras x 194", board_scene(), adjust, solve_boards, threads)
