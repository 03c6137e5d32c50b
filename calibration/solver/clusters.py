"""Errors that come in clusters: corners of one frame that err together.

A covariance counts every corner as a witness of its own. But blur, a bent board or a shutter that
was late moves all corners of a frame alike, so that their number promises too much. How much shows
in the frames themselves: each pulls the cameras in some direction, and where errors are
independent the squares of these pulls have a known mean.

Source: the cluster-robust covariance of Liang & Zeger, "Longitudinal data analysis using
generalized linear models", 1986, condensed to one factor, since a board is seen in fewer frames
than a full matrix would need.
"""

from dataclasses import replace

import numpy as np

from calibration.geometry import Array
from calibration.solver.arrays import Bodies, Robust, Sights
from calibration.solver.bundle import Normal, Problem, Solution, residuals

__all__ = ["cluster_factor"]

SURE = 2.0  # standard deviations beyond what independent errors give


def cluster_factor(problem: Problem, solution: Solution) -> float:
    """Return by what a covariance of the cameras must be multiplied, 1 or more.

    Each body is a cluster. With the system S = sum S_b of all bodies, the pull g_b of one has the
    covariance c (S_b - S_b S^-1 S_b) where errors are independent of variance c. The sum of
    g_b' S^-1 g_b is held against the trace that this gives; the ratio counts where it is larger by
    more than two of its own standard deviations.
    """
    limit = problem.robust.limit
    pulls, _ = _by_body(problem, solution, limit)
    _, systems = _by_body(problem, solution, np.inf)
    total = systems.sum(axis=0)
    scale = 1 / np.sqrt(np.maximum(np.diag(total), 1e-300))
    try:
        root = np.linalg.cholesky(total * np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return 1.0  # some parameter is not determined, and its covariance says so
    white = np.linalg.solve(root, (pulls * scale).T).T
    half = np.linalg.solve(root, np.diag(scale))
    shares = half @ systems @ half.T
    spread = shares - shares @ shares
    expected = np.trace(spread, axis1=1, axis2=2).sum()
    size = np.linalg.norm(residuals(problem, solution.cameras, solution.bodies), axis=-1)
    size = np.minimum(size / problem.robust.sigma, limit)
    spare = 2 * len(size) - problem.n_free - problem.dof * len(pulls)
    if spare <= 0 or expected <= 0:
        return 1.0
    ratio = float((white**2).sum() / (size @ size / spare * expected))
    deviation = float(np.sqrt(2 * (spread**2).sum()) / expected)
    return ratio if ratio > 1 + SURE * deviation else 1.0


def _by_body(problem: Problem, solution: Solution, limit: float) -> tuple[Array, Array]:
    """Return the pull (body, p) and the system (body, p, p) of each body, itself eliminated."""
    sights, n_free = problem.sights, problem.n_free
    robust = Robust(problem.robust.sigma, limit)
    walls = problem.walls and replace(problem.walls, weight=0.0)
    n_bodies = len(sights.first) - 1
    pulls, systems = np.zeros((n_bodies, n_free)), np.zeros((n_bodies, n_free, n_free))
    for body in range(n_bodies):
        images = slice(sights.first[body], sights.first[body + 1])
        rows = slice(sights.start[images.start], sights.start[images.stop])
        own = Sights(
            points=sights.points,
            camera=sights.camera[images],
            body=np.zeros(images.stop - images.start, dtype=int),
            start=sights.start[images.start : images.stop + 1] - rows.start,
            first=np.array([0, images.stop - images.start]),
            point=sights.point[rows],
            pixels=sights.pixels[rows],
        )
        pose = Bodies(*(part[body : body + 1] for part in solution.bodies))
        alone = replace(problem, sights=own, robust=robust, prior=None, walls=walls)
        systems[body], pulls[body] = Normal.at(alone, solution.cameras, pose).reduced(0.0)
    return pulls, systems
