"""Bundle adjustment of free points: 8 cameras x 20,000 points, 128 thousand pixels.

    python docs/benchmarks/bundle_points.py [threads]

As bundle_boards.py; Ceres holds one entry of the second camera's translation besides, since free
points leave the scale open, which its Cholesky factorisation does not forgive.
"""

import sys

from bundling import compare
from ceres import solve_points
from scenes import PointScene, point_scene

from calibration import bundle_adjust
from calibration.solver.adjustment import Adjustment


def adjust(scene: PointScene, tolerance: float) -> Adjustment:
    """Return what labcut3d makes of the scene."""
    return bundle_adjust(scene.rig, scene.points, scene.pixels, huber=1.0, tolerance=tolerance)


if __name__ == "__main__":
    threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    compare("points: 8 cameras x 20,000", point_scene(), adjust, solve_points, threads)
