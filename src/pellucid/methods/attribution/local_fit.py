"""A linear model fitted to what a network does around a row: coefficients, their errors, how well it fits, and whether its ranking stands.

Points come in antithetic pairs; the two of a pair depend on one another, so a pair is one observation wherever an error is stated. All rows
that were given the same points are fitted by one factorization.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REDRAWS = 128
CLEAR = 4  # standard errors between two numbers whose order is not asked


@dataclass(frozen=True, eq=False)
class LocalFit:
    """Linear models of several rows over the same points.

    Attributes:
        coefficients, errors: (sample, player): least squares, and standard errors that hold where the model is not linear and its
            residuals are not alike (sandwich, with pairs as clusters).
        r2: (sample,): the share of the score's variance over the points that the linear model has, freed of the advantage of having
            been fitted to them; 1 where the score does not change.
    """

    coefficients: Tensor
    errors: Tensor
    r2: Tensor


def fit(kept: Tensor, scores: Tensor) -> LocalFit:
    """Fits scores (sample, 2, pair) to who was ``kept``, bool (2, pair, player). Needs more pairs than players."""
    pairs, players = kept.shape[1:]
    points = kept.reshape(-1, players).double()
    points = points - points.mean(0)
    centered = scores.reshape(len(scores), -1) - scores.mean((1, 2))[:, None]
    inverse = _inverse(points.T @ points)
    products = centered @ points
    coefficients = products @ inverse
    total = centered.square().sum(1)
    missed = (total - (coefficients * products).sum(1)).clamp(min=0)
    spare = max(1, 2 * pairs - 1 - players)
    r2 = torch.where(total > 0, 1 - missed / total.clamp(min=1e-300) * (2 * pairs - 1) / spare, 1.0)
    solve = points @ inverse
    # a pair's residuals are smaller than its errors by its leverage (HC3, MacKinnon & White 1985, for pairs)
    leverage = (solve * points).sum(1).reshape(2, pairs).sum(0).clamp(max=0.9)
    residuals = torch.addmm(centered, coefficients, points.T, alpha=-1).reshape(len(scores), 2, pairs) / (1 - leverage)
    one, two = residuals[:, 0], residuals[:, 1]
    left, right = solve.reshape(2, pairs, players)
    variance = one.square() @ left.square() + 2 * (one * two) @ (left * right) + two.square() @ right.square()
    return LocalFit(coefficients, variance.clamp(min=0).sqrt(), r2)


def _inverse(moments: Tensor) -> Tensor:
    """The inverse of (player, player); a player that was never moved gets 0."""
    factor, failed = torch.linalg.cholesky_ex(moments)
    diagonal = factor.diagonal()
    if int(failed) or float(diagonal.amin()) <= 1e-6 * float(diagonal.amax()):
        return torch.linalg.pinv(moments, hermitian=True)
    return torch.cholesky_inverse(factor)


def redraw_overlap(coefficients: Tensor, errors: Tensor, top: int, generator: torch.Generator) -> Tensor:
    """The expected overlap (Jaccard) of a row's ``top`` strongest coefficients with those that another draw would name, (sample,).

    Another draw's coefficients lie around these with the errors of both, sqrt(2) times one. Only players that might come among the
    strongest are drawn.
    """
    candidates = min(coefficients.shape[1], 2 * top + 3)
    sizes, wide = coefficients.abs(), errors * 2**0.5
    reach = torch.topk(sizes + 3 * wide, candidates, dim=1).indices
    centers, widths = coefficients.gather(1, reach), wide.gather(1, reach)
    own = torch.topk(centers.abs(), top, dim=1).indices
    marked = torch.zeros_like(centers, dtype=torch.bool).scatter_(1, own, value=True)
    low, high = centers.abs() - CLEAR * widths, centers.abs() + CLEAR * widths
    near = (low.masked_fill(~marked, torch.inf).amin(1) <= high.masked_fill(marked, -torch.inf).amax(1)).nonzero()[:, 0]
    # each row numbers its candidates anew, so a row's draws do not depend on other rows
    draws = torch.randn(REDRAWS, candidates, generator=generator, dtype=torch.float64)
    redrawn = (centers[near, None] + widths[near, None] * draws).abs()
    again = torch.topk(redrawn, top, dim=2).indices
    both = marked[near, None].expand_as(redrawn).gather(2, again).sum(2).double()
    found = torch.ones(len(centers), dtype=torch.float64)
    found[near] = (both / (2 * top - both)).mean(1)
    return found
