"""Probability maps: where a keypoint is, or that it is nowhere to be seen.

The network gives a log odds for each cell; together with one more outcome, "nowhere", whose log
odds is zero, a softmax makes them one probability distribution a keypoint. Position, confidence
and covariance are then its mean, mass and spread around its peak, and the loss is its cross
entropy: nothing else has to be invented.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from labcut3d.detection.network import STRIDE

__all__ = ["Decoded", "cell_centers", "decode", "loss", "probabilities", "targets"]

SIGMA = 1.0  # cells; the spread of the target around a label
WINDOW = 2  # cells; the square of 2 * WINDOW + 1 cells that makes one detection
REFINE_SIGMA = 2.0  # cells; the weight around the running mean, so that it is not cut off unevenly
REFINE_STEPS = 4
REACH = 8  # cells; the square of 2 * REACH + 1 cells that is looked at closely
SPREAD_RADIUS = 4.0  # cells; the disc whose spread is the covariance
TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Detections in the network's input: `position` (n, k, 2) px, `mass` (n, k) of probability
    around it, `spread` (n, k, 2, 2) px^2.
    """

    position: Tensor
    mass: Tensor
    spread: Tensor


def cell_centers(shape: tuple[int, int], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y (h, w) px of the centres of the cells of a map of `shape` (h, w)."""
    y, x = (
        torch.arange(n, device=like.device, dtype=torch.float32) * STRIDE + (STRIDE - 1) / 2
        for n in shape
    )
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return columns, rows


def probabilities(log_odds: Tensor) -> Tensor:
    """Return the probability (n, k, h, w) of each cell; what is missing to one is "nowhere"."""
    return _log_probabilities(log_odds).exp()[..., :-1].reshape(log_odds.shape)


def targets(
    points: Tensor, shape: tuple[int, int], sigma: float = SIGMA, known: Tensor | None = None
) -> Tensor:
    """Return the distributions (n, k, h * w + 1) that labels (n, k, 2) px ask for.

    A Gaussian of `sigma` cells around a label; all in the last outcome, "nowhere", where the
    label is NaN or outside the map. Zero where a label is not `known` (n, k), so that no answer
    is better than another.
    """
    x, y = cell_centers(shape, points)
    limit = points.new_tensor([shape[1] * STRIDE - 0.5, shape[0] * STRIDE - 0.5])
    seen = torch.isfinite(points).all(-1) & (points >= -0.5).all(-1) & (points <= limit).all(-1)
    at = torch.where(seen[..., None], points, torch.zeros_like(points))
    squared = (x - at[..., 0, None, None]) ** 2 + (y - at[..., 1, None, None]) ** 2
    here = torch.softmax(squared.flatten(2) / (-2 * (sigma * STRIDE) ** 2), dim=-1)
    wanted = torch.cat([here * seen[..., None], (~seen)[..., None].to(here.dtype)], dim=-1)
    return wanted if known is None else wanted * known[..., None]


def loss(log_odds: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence from `wanted` (see `targets`), in nats."""
    log_p = _log_probabilities(log_odds)
    return (torch.special.xlogy(wanted, wanted) - wanted * log_p).sum(-1).mean()


def decode(p: Tensor) -> Decoded:
    """Return sub-pixel position, mass and spread of the peak of probabilities (n, k, h, w)."""
    n, k, height, width = p.shape
    side = 2 * WINDOW + 1
    pooled = F.avg_pool2d(p, side, 1, WINDOW, count_include_pad=True) * side**2
    mass, peak = pooled.flatten(2).max(dim=-1)
    x, y = cell_centers((height, width), p)
    at_x, at_y = x.flatten()[peak], y.flatten()[peak]
    p, x, y = _around(p, peak // width, peak % width)
    for _ in range(REFINE_STEPS):
        squared = (x - at_x[..., None, None]) ** 2 + (y - at_y[..., None, None]) ** 2
        weight = p * torch.exp(squared / (-2 * (REFINE_SIGMA * STRIDE) ** 2))
        weight = weight / (weight.sum((2, 3), keepdim=True) + TINY)
        at_x, at_y = (weight * x).sum((2, 3)), (weight * y).sum((2, 3))
    dx, dy = x - at_x[..., None, None], y - at_y[..., None, None]
    weight = p * (dx**2 + dy**2 <= (SPREAD_RADIUS * STRIDE) ** 2)
    weight = weight / (weight.sum((2, 3), keepdim=True) + TINY)
    xx, xy, yy = ((weight * a * b).sum((2, 3)) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    spread = torch.stack([xx, xy, xy, yy], dim=-1).reshape(n, k, 2, 2)
    return Decoded(position=torch.stack([at_x, at_y], -1), mass=mass.clamp(0, 1), spread=spread)


def _around(p: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the square of `REACH` cells around a cell (n, k), and x (.., 1, w), y (.., h, 1) px.

    Farther cells would not count, and to leave them out halves the time of an answer.
    """
    height, width = p.shape[2:]
    steps = torch.arange(-REACH, REACH + 1, device=p.device)
    rows, columns = row[..., None] + steps, column[..., None] + steps
    inside = ((rows >= 0) & (rows < height))[..., :, None] & ((columns >= 0) & (columns < width))[
        ..., None, :
    ]
    index = rows.clamp(0, height - 1)[..., :, None] * width
    index = index + columns.clamp(0, width - 1)[..., None, :]
    near = p.flatten(2).gather(2, index.flatten(2)).reshape(index.shape) * inside
    x, y = (cells * STRIDE + (STRIDE - 1) / 2 for cells in (columns, rows))
    return near, x[..., None, :].to(p.dtype), y[..., :, None].to(p.dtype)


def _log_probabilities(log_odds: Tensor) -> Tensor:
    """Return log probabilities (n, k, h * w + 1), "nowhere" last."""
    flat = log_odds.flatten(2)
    return torch.log_softmax(torch.cat([flat, torch.zeros_like(flat[..., :1])], dim=-1), dim=-1)
