"""Bundle adjustment: all cameras and all that they see refined together.

Levenberg-Marquardt on a Huber loss. The bodies, board poses or free points, are eliminated from
every linear system (Schur complement), so that the system solved is as small as the cameras; its
inverse is the covariance of their parameters. Source: Triggs et al., "Bundle adjustment, a modern
synthesis", 2000; the control of the damping is Nielsen's, "Damping parameter in Marquardt's
method", 1999.
"""

from dataclasses import dataclass, replace

import numpy as np

from calibration.geometry import Array
from calibration.solver.arrays import Blocks, Bodies, Cameras, Robust, Sights
from calibration.solver.blas import single_threaded
from calibration.solver.elimination import back_substitute, eliminate
from calibration.solver.kernels import move_poses, normal_blocks, residuals_of
from calibration.solver.lens_kernels import Prior, prior_cost, prior_terms
from calibration.solver.parameters import Layout, moved, size_slope
from calibration.solver.wall_freedom import WallFreedom

__all__ = ["CLOSE", "FINE", "ROUGH", "Normal", "Problem", "Solution", "residuals", "solve"]

MOST_STEPS = 100
ROUGH, CLOSE, FINE = 1e-4, 1e-6, 1e-7  # relative change of the cost at which a fit is finished
NEAR = 3e-3  # relative change of the cost from where on the curvature of the loss is used
NEWTON = 0.3  # of the curvature that reweighting reckons with along large residuals
DAMPING, MOST_DAMPING = 1e-4, 1e12
LEAST_DAMPING = 1e-15
CHUNK = 1536  # rows of eliminated bodies handled at a time, so that they stay in the cache


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """What was seen, what may move (`dof` of each body: 6 or 3), and the loss.

    `prior` is what is known of the intrinsics beforehand, `walls` of the walls. `sized` holds the
    mean distance of the cameras from the first as it is.
    """

    sights: Sights
    layout: Layout
    robust: Robust
    dof: int
    prior: Prior | None = None
    walls: WallFreedom | None = None
    sized: bool = False

    @property
    def n_free(self) -> int:
        """How many parameters may move, beside those of the bodies."""
        n = self.layout.n_free - self.sized
        return n if self.walls is None else n + self.walls.size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Where the solver arrived: cameras, bodies, cost (half the sum of the loss) and steps."""

    cameras: Cameras
    bodies: Bodies
    cost: float
    steps: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Normal:
    """The normal equations: the cameras' `system` and `side`, and the blocks of the bodies.

    `ties` (n_places, n_free) are the slopes of the parameters in the blocks by those that are free,
    None where they are the same.
    """

    problem: Problem
    system: Array
    side: Array
    blocks: Blocks
    ties: Array | None

    @classmethod
    def at(cls, problem: Problem, cameras: Cameras, bodies: Bodies) -> "Normal":
        """Return the weighted normal equations at a state."""
        layout = problem.layout
        blocks = normal_blocks(
            cameras,
            bodies,
            problem.sights,
            problem.robust,
            (layout.active, layout.counts),
            problem.dof,
        )
        own, own_side = blocks.own, blocks.own_side
        if problem.prior is not None:
            known, pull = layout.local(*prior_terms(cameras, problem.prior))
            own, own_side = own + known, own_side + pull
        system, side = layout.gather(own, own_side)
        ties = _ties(problem, cameras)
        if ties is not None:
            system, side = ties.T @ system @ ties, ties.T @ side
        if problem.walls is not None:
            of_walls = np.arange(problem.n_free - problem.walls.size, problem.n_free)
            system[of_walls, of_walls] += problem.walls.weight
            side[of_walls] -= problem.walls.weight * cameras.offset
        return cls(problem=problem, system=system, side=side, blocks=blocks, ties=ties)

    def reduced(self, damping: float) -> tuple[Array, Array]:
        """Return the cameras' own system and right-hand side, all bodies eliminated.

        Marquardt's damping scales the diagonals. NaN where a body is not determined.
        """
        sights, layout = self.problem.sights, self.problem.layout
        system = self.system + damping * np.diag(np.diag(self.system))
        side = self.side.copy()
        n_bodies, chunk = len(self.blocks.sides), max(1, CHUNK // self.problem.dof)
        for begin in range(0, n_bodies, chunk):
            rows, part = eliminate(
                sights,
                layout.index,
                self.blocks,
                damping,
                (begin, min(begin + chunk, n_bodies)),
                layout.n_places,
            )
            if self.ties is not None:
                rows = rows @ self.ties
            system -= rows.T @ rows
            side -= rows.T @ part
        return system, side

    def solve(self, damping: float) -> tuple[Array, Array]:
        """Return the step of the free parameters (n_free,) and of the bodies (body, dof).

        Raises `numpy.linalg.LinAlgError` where the system is not positive definite.
        """
        layout = self.problem.layout
        step = np.zeros(self.problem.n_free)
        if len(step):
            system, side = self.reduced(damping)
            if not np.isfinite(side).all():
                raise np.linalg.LinAlgError("a body is not determined")
            scale = 1 / np.sqrt(np.maximum(np.diag(system), 1e-300))
            system *= np.outer(scale, scale)
            np.linalg.cholesky(system)  # refuses one that is not positive definite
            step = scale * np.linalg.solve(system, scale * side)
        whole = step if self.ties is None else self.ties @ step
        moves = back_substitute(self.problem.sights, layout.index, self.blocks, damping, whole)
        if not np.isfinite(moves).all():
            raise np.linalg.LinAlgError("a body is not determined")
        return step, moves

    def decrease(self, damping: float, step: Array, moves: Array) -> float:
        """Return by how much the linear model says the cost falls with a damped step."""
        bodies = np.einsum("bii->bi", self.blocks.bodies)
        return 0.5 * float(
            step @ self.side
            + damping * (step**2 @ np.diag(self.system))
            + np.sum(moves * (self.blocks.sides + damping * bodies * moves))
        )


def solve(
    problem: Problem, cameras: Cameras, bodies: Bodies, *, tolerance: float = FINE
) -> Solution:
    """Return the cameras and bodies of least cost, found from those given. Deterministic."""
    with single_threaded():
        return _descend(problem, cameras, bodies, tolerance)


def _descend(problem: Problem, cameras: Cameras, bodies: Bodies, tolerance: float) -> Solution:
    """Take Levenberg-Marquardt's steps."""
    scratch = np.empty_like(problem.sights.pixels)
    cost = _cost(problem, cameras, bodies, scratch)
    damping, growth, steps = DAMPING, 2.0, 0
    normal = Normal.at(problem, cameras, bodies)
    while steps < MOST_STEPS and damping < MOST_DAMPING:
        steps += 1
        try:
            step, moves = normal.solve(damping)
        except np.linalg.LinAlgError:
            damping, growth = damping * growth, growth * 2
            continue
        trial = _moved(problem, cameras, normal, step), Bodies(*move_poses(*bodies, moves))
        trial_cost = _cost(problem, *trial, scratch)
        promised = normal.decrease(damping, step, moves)
        if not trial_cost <= cost:
            if promised <= 1e-14 * cost:
                break  # nothing but rounding is left to gain
            damping, growth = damping * growth, growth * 2
            continue
        gained = cost - trial_cost
        if gained < NEAR * cost:
            problem = replace(problem, robust=problem.robust._replace(bend=NEWTON))
        finished = gained <= tolerance * cost
        (cameras, bodies), cost = trial, trial_cost
        if finished:
            break
        ratio = gained / promised if promised > 0 else 1.0
        damping = max(damping * max(1 / 10, 1 - (2 * ratio - 1) ** 3), LEAST_DAMPING)
        growth = 2.0
        normal = Normal.at(problem, cameras, bodies)
    return Solution(cameras=cameras, bodies=bodies, cost=cost, steps=steps)


def _moved(problem: Problem, cameras: Cameras, normal: Normal, step: Array) -> Cameras:
    """Return cameras, and walls, moved by a step (n_free,)."""
    whole = step if normal.ties is None else normal.ties @ step
    result = moved(cameras, *problem.layout.spread(whole))
    if problem.walls is None:
        return result
    offset = cameras.offset + step[len(step) - problem.walls.size :]
    return result._replace(walls=problem.walls.moved(offset), offset=offset)


def _ties(problem: Problem, cameras: Cameras) -> Array | None:
    """Return how the cameras' and walls' parameters follow those that are free, (n_places, n_free).

    None where they are the same.
    """
    layout, walls = problem.layout, problem.walls
    if walls is None and not problem.sized:
        return None
    own = np.eye(layout.n_free)
    if problem.sized:  # all steps at right angles to the one that makes the rig larger
        slope = size_slope(layout, cameras)
        own = np.linalg.qr(slope[:, None], mode="complete")[0][:, 1:]
    if walls is None:
        return own
    ties = np.zeros((layout.n_places, own.shape[1] + walls.size))
    ties[: layout.n_free, : own.shape[1]] = own
    for places, slopes in zip(layout.walls, walls.slopes(cameras.offset), strict=True):
        if places[0] >= 0:
            ties[places, own.shape[1] :] = slopes
    return ties


def residuals(problem: Problem, cameras: Cameras, bodies: Bodies) -> Array:
    """Return predicted minus seen (n, 2) px, NaN where a point lies behind its camera."""
    result = np.empty_like(problem.sights.pixels)
    residuals_of(cameras, bodies, problem.sights, problem.robust, result)
    return result


def _cost(problem: Problem, cameras: Cameras, bodies: Bodies, scratch: Array) -> float:
    """Return half the robust cost of the residuals, and of what was known beforehand."""
    cost = residuals_of(cameras, bodies, problem.sights, problem.robust, scratch)
    if problem.walls is not None:
        cost += 0.5 * problem.walls.weight * float(cameras.offset @ cameras.offset)
    if problem.prior is not None:
        cost += prior_cost(cameras, problem.prior)
    return float(cost)
