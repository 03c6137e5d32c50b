"""A first estimate of where the cameras stand, from the board poses that pairs of them share.

Each pair's relative pose is the one most of its shared frames agree on, found by vote, because a
flat board's pose may be the flipped one (see boardposes.py), and then fitted to all of them. The
best spanning tree of pairs starts an average over all pairs, in which a pair that contradicts the
others loses its say.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from calibration.corners.observations import Observations
from calibration.errors import CalibrationError
from calibration.fitting.averaging import average_offsets, average_rotations
from calibration.geometry import Array, invert_pose, make_pose, transform
from calibration.grouping import connected_groups

__all__ = ["place_cameras", "require_connected"]

MOST_FRAMES = 100  # of a pair, spread over time; more hardly change a first estimate
VOTERS = 20  # frames whose pairings of poses are tried as the pair's relative pose
CAP = 0.2  # of a board's size: two poses farther apart than this simply disagree
REFITS = 6
LEAST_NOISE = 1e-6  # of a board's size; perfect poses need some scale
LEAST_FRAMES = 1e-6  # in agreement; a pair that agrees in none is hardly to be trusted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Link:
    """What the frames shared by cameras `a` and `b` say.

    `relative` (4, 4) is b_from_a. `here` and `there` (frame, 2, 4, 3) are four points that stand
    for the board, in the frames of a and of b, for both candidate poses of each frame.
    """

    a: int
    b: int
    relative: Array
    here: Array
    there: Array

    @property
    def errors(self) -> tuple[Array, np.ndarray]:
        """How far the boards of each frame (frame,) are apart, and by which pairing, 0 to 3."""
        errors = _distances(self.relative[None], self.here, self.there)[0].reshape(-1, 4)
        best = errors.argmin(axis=-1)
        return errors[np.arange(len(errors)), best], best


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Edge:
    """A pair of cameras with its relative `rotation` b_from_a, fitted to all frames.

    `here` and `there` (3,) are one point, the middle of all boards, in the frames of a and of b;
    `variance` tells how well the pair places one camera by the other, in squared noises of a
    board, and `turning` how well it turns it, in squared noises over squared lengths.
    """

    a: int
    b: int
    rotation: Array
    here: Array
    there: Array
    variance: float
    turning: float

    @property
    def pose(self) -> Array:
        """The relative pose (4, 4) b_from_a."""
        return make_pose(self.rotation, self.there - self.rotation @ self.here)


def require_connected(observations: Observations) -> None:
    """Raise `CalibrationError` naming the groups of views that share no board, and what to film."""
    blind = np.flatnonzero(observations.coverage.diagonal() == 0)
    if blind.size:
        view = observations.views[blind[0]]
        remark = observations.remarks[blind[0]]
        raise CalibrationError(
            f"view '{view}' never saw the board ({remark or 'too few corners in every image'}); "
            f"film the board with it, or leave it out: --drop-camera {view} "
            f"(in Python drop_cameras=['{view}'])"
        )
    groups = connected_groups(observations.coverage > 0)
    if len(groups) == 1:
        return
    frames, views = observations.coverage.diagonal(), observations.views
    names = ["{" + ", ".join(views[i] for i in group) + "}" for group in groups]
    bridges = [max(group, key=lambda view: frames[view]) for group in groups]
    advice = "; ".join(
        f"film the board where '{views[bridges[0]]}' and '{views[other]}' both see it, in 20 frames"
        for other in bridges[1:]
    )
    lost = [views[i] for group in groups[1:] for i in group]
    counts = observations.seen.sum(axis=(1, 2))
    corners = ", ".join(
        f"{view} {count} corners in {n} frames"
        for view, count, n in zip(views, counts, frames, strict=True)
    )
    raise CalibrationError(
        f"the cameras fall into {len(groups)} groups that never saw the board together, so where "
        f"they stand to each other is unknown: {' and '.join(names)}. Next: {advice} (or leave "
        f"{', '.join(lost)} out with --drop-camera NAME, in Python drop_cameras={lost})\n"
        f"seen: {corners}\n{observations.describe_coverage()}"
    )


def place_cameras(candidates: Array, points: Array, coverage: np.ndarray) -> Array:
    """Return camera_from_first (view, 4, 4), the first camera's frame being the world.

    `candidates` (view, frame, 2, 4, 4) camera_from_board; `points` (corner, 3) of the board;
    `coverage` (view, view) frames shared. Raises `CalibrationError` where the frames with a pose
    in both views do not link all of them.
    """
    n_cameras = len(candidates)
    if n_cameras == 1:
        return np.eye(4)[None]
    posed = np.isfinite(candidates[:, :, 0, 0, 0]).astype(int)
    shared = (coverage > 0) & (posed @ posed.T > 0)
    if len(groups := connected_groups(shared)) > 1:
        raise CalibrationError(
            f"camera {groups[1][0] + 1} of {n_cameras} shares no board whose pose is known with "
            "the others; film the board closer to both, with more of its corners in the image"
        )
    marks = transform(candidates, _stand_ins(points))
    size = float(np.linalg.norm(np.ptp(points, axis=0)))
    pairs = [pair for pair in combinations(range(n_cameras), 2) if shared[pair]]
    links = [_vote(a, b, candidates, marks, CAP * size) for a, b in pairs]
    noise = _noise(links, size)
    edges = [_fit(link, noise, size) for link in links]
    tree = _spanning_tree(edges, n_cameras)
    ends = np.array(pairs)
    rotations = average_rotations(
        ends,
        np.stack([edge.rotation for edge in edges]),
        np.array([1 / edge.turning for edge in edges]),
        tree[:, :3, :3],
    )
    offsets = np.stack([rotations[e.a].T @ e.here - rotations[e.b].T @ e.there for e in edges])
    centers = average_offsets(
        ends,
        offsets,
        np.array([1 / edge.variance for edge in edges]),
        n_cameras=n_cameras,
        scale=float(np.median(np.linalg.norm(offsets, axis=-1))),
    )
    return make_pose(rotations, -np.einsum("vij,vj->vi", rotations, centers))


def _stand_ins(points: Array) -> Array:
    """Return four points (4, 3) with the centroid and the spread of the board's points.

    The mean square distance over these between two poses of the board is that over all its points,
    because both depend on the points through their first two moments alone.
    """
    center = points.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(points.T, bias=True))
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    return center + (tetrahedron * np.sqrt(np.maximum(variances, 0))) @ axes.T


def _distances(relative: Array, here: Array, there: Array) -> Array:
    """Return the distance (pose, frame, 2, 2) between boards carried from here and those there.

    `relative` (pose, 4, 4); `here`, `there` (frame, 2, 4, 3). The root mean square over the board.
    """
    carried = transform(relative, here.reshape(-1, 3)).reshape(len(relative), *here.shape)
    gaps = carried[:, :, :, None] - there[:, None]
    return np.sqrt((gaps**2).sum(axis=-1).mean(axis=-1))


def _vote(a: int, b: int, candidates: Array, marks: Array, limit: float) -> _Link:
    """Return the pair's relative pose that carries most boards from one camera to the other.

    Each pairing of two candidate poses of a frame is a vote; boards farther off than `limit` count
    as lost.
    """
    shared = np.flatnonzero(
        np.isfinite(candidates[a, :, 0, 0, 0]) & np.isfinite(candidates[b, :, 0, 0, 0])
    )
    shared = shared[_spread(len(shared), MOST_FRAMES)]
    voters = shared[_spread(len(shared), VOTERS)]
    votes = candidates[b, voters][:, None, :] @ invert_pose(candidates[a, voters])[:, :, None]
    votes = votes.reshape(-1, 4, 4)
    here, there = marks[a, shared], marks[b, shared]
    errors = _distances(votes, here, there).min(axis=(-1, -2))
    lost = np.minimum(errors / limit, 1).sum(axis=-1)
    return _Link(a=a, b=b, relative=votes[lost.argmin()], here=here, there=there)


def _spread(n: int, most: int) -> np.ndarray:
    """Return at most `most` of the indices below `n`, spread evenly."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _noise(links: list[_Link], size: float) -> float:
    """Return by how much the same board seen by two cameras is apart, in the typical frame.

    Only pairs with several frames tell; the frame whose vote won agrees with itself.
    """
    errors = [link.errors[0] for link in links if len(link.here) > 2]
    typical = float(np.median(np.concatenate(errors))) if errors else 0.0
    return min(max(typical, LEAST_NOISE * size), CAP * size)


def _fit(link: _Link, noise: float, size: float) -> _Edge:
    """Return the relative pose fitted to all frames of a pair, each weighted by how it agrees.

    A rigid fit of the boards seen here to those seen there (Kabsch 1976), reweighted by Cauchy's
    loss of scale `noise`.
    """
    rows = np.arange(len(link.here))
    weights = np.ones(len(rows))
    center_here = center_there = np.zeros(3)
    spread = np.zeros((3, 3))
    for _ in range(REFITS):
        errors, best = link.errors
        weights = 1 / (1 + (errors / noise) ** 2)
        share = np.broadcast_to((weights / weights.sum() / 4)[:, None, None], (len(rows), 4, 1))
        here, there = link.here[rows, best // 2], link.there[rows, best % 2]
        center_here, center_there = (share * here).sum((0, 1)), (share * there).sum((0, 1))
        here, there = here - center_here, there - center_there
        spread = np.einsum("fpi,fpj->ij", share * here, here)
        rotation = _nearest_rotation(np.einsum("fpi,fpj->ij", share * there, here))
        relative = make_pose(rotation, center_there - rotation @ center_here)
        link = _Link(a=link.a, b=link.b, relative=relative, here=link.here, there=link.there)
    # The axis that is worst determined has the two smallest principal spreads across it.
    across = max(np.linalg.eigvalsh(spread)[:2].sum(), (LEAST_NOISE * size) ** 2)
    far = (center_here @ center_here + center_there @ center_there) / 2
    frames = max(float(weights.sum()), LEAST_FRAMES)
    return _Edge(
        a=link.a,
        b=link.b,
        rotation=link.relative[:3, :3],
        here=center_here,
        there=center_there,
        variance=(1 + far / across) / frames,
        turning=1 / (across * frames),
    )


def _nearest_rotation(matrix: Array) -> Array:
    """Return the rotation (3, 3) for which trace(R' M) is largest."""
    left, _, right = np.linalg.svd(matrix)
    left[:, -1] *= np.sign(np.linalg.det(left @ right))
    return left @ right


def _spanning_tree(edges: list[_Edge], n_cameras: int) -> Array:
    """Return camera_from_first (camera, 4, 4) along the edges of least variance (Prim 1957)."""
    poses = np.full((n_cameras, 4, 4), np.nan)
    poses[0] = np.eye(4)
    placed = {0}
    while len(placed) < n_cameras:
        open_edges = [edge for edge in edges if (edge.a in placed) != (edge.b in placed)]
        edge = min(open_edges, key=lambda edge: edge.variance)
        if edge.a in placed:
            poses[edge.b] = edge.pose @ poses[edge.a]
        else:
            poses[edge.a] = invert_pose(edge.pose) @ poses[edge.b]
        placed |= {edge.a, edge.b}
    return poses
