"""A first estimate of where the cameras stand, from the board poses that pairs of them share.

Each pair's relative pose is the one most of its shared frames agree on; a spanning tree of the
best-supported pairs then places every camera relative to the first.
"""

from collections.abc import Sequence

import numpy as np

from calibration.errors import CalibrationError
from calibration.geometry import Array, invert_pose, transform
from calibration.observations import Observations

__all__ = ["place_cameras", "require_connected"]

MOST_HYPOTHESES = 60  # relative poses tried for one pair
CAP = 0.2  # of a board's size: two poses farther apart than this simply disagree


def require_connected(observations: Observations) -> None:
    """Raise `CalibrationError` naming the views that share no board with the first one's group."""
    blind = np.flatnonzero(observations.coverage.diagonal() == 0)
    if blind.size:
        view = observations.views[blind[0]]
        remark = observations.remarks[blind[0]]
        raise CalibrationError(
            f"view '{view}' never saw the board ({remark or 'too few corners in every image'}); "
            f"film the board with it, or leave it out: --drop-camera {view} "
            f"(in Python drop_cameras=['{view}'])"
        )
    linked = observations.coverage > 0
    reached = linked[0]
    for _ in observations.views:
        reached = np.asarray(linked[reached].any(axis=0))
    if not reached.all():
        lost = [v for v, found in zip(observations.views, reached, strict=True) if not found]
        raise CalibrationError(
            f"{_listing(lost)} shared no board view with {observations.views[0]!r} or the views "
            f"linked to it, so where they stand is unknown; film the board where both see it, or "
            f"leave them out with --drop-camera NAME (in Python drop_cameras={lost})\n"
            f"{observations.describe_coverage()}"
        )


def place_cameras(candidates: Array, points: Array, coverage: np.ndarray) -> Array:
    """Return camera_from_first (view, 4, 4), the first camera's frame being the world.

    `candidates` (view, frame, 2, 4, 4) camera_from_board; `points` (corner, 3) of the board;
    `coverage` (view, view) frames shared, which must link all views.
    """
    poses = np.full((len(candidates), 4, 4), np.nan)
    poses[0] = np.eye(4)
    edges: dict[tuple[int, int], tuple[Array, float]] = {}
    placed = [0]
    while len(placed) < len(candidates):
        for a in placed:
            for b in range(len(candidates)):
                if b not in placed and coverage[a, b] and (a, b) not in edges:
                    edges[a, b] = _relative_pose(candidates[a], candidates[b], points)
        open_edges = [edge for edge in edges if edge[0] in placed and edge[1] not in placed]
        a, b = max(open_edges, key=lambda edge: edges[edge][1])
        poses[b] = edges[a, b][0] @ poses[a]
        placed.append(b)
    return poses


def _relative_pose(first: Array, second: Array, points: Array) -> tuple[Array, float]:
    """Return second_from_first (4, 4), and in how many frames' worth it is supported.

    Every pairing of the two candidate poses of a frame is a hypothesis; it is scored by how well
    it carries the board of every frame from one camera to the other.
    """
    shared = np.isfinite(first[:, 0, 0, 0]) & np.isfinite(second[:, 0, 0, 0])
    first, second = first[shared], second[shared]
    hypotheses = second[:, None, :] @ invert_pose(first)[:, :, None]
    hypotheses = hypotheses.reshape(-1, 4, 4)
    step = max(1, len(hypotheses) // MOST_HYPOTHESES)
    corners = points[[0, len(points) // 2, -1]]
    limit = CAP * np.linalg.norm(np.ptp(points, axis=0))
    here, there = transform(first, corners), transform(second, corners)
    best, best_score = hypotheses[0], -np.inf
    for hypothesis in hypotheses[::step]:
        carried = transform(hypothesis, here.reshape(-1, 3)).reshape(here.shape)
        errors = np.linalg.norm(carried[:, :, None] - there[:, None], axis=-1).mean(axis=-1)
        score = float((1 - np.minimum(errors.min(axis=(1, 2)) / limit, 1)).sum())
        if score > best_score:
            best, best_score = hypothesis, score
    return best, best_score


def _listing(views: Sequence[str]) -> str:
    """Return the names of views as words."""
    return ("view " if len(views) == 1 else "views ") + ", ".join(f"'{view}'" for view in views)
