"""A linear model fitted to what a network does around a row: coefficients, their errors, how well it fits, and whether its ranking stands.

Points come in antithetic pairs; the two of a pair depend on one another, so a pair is one observation wherever an error is stated. All rows
that were given the same points are fitted by one factorization.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

REDRAWS = 128


@dataclass(frozen=True, eq=False)
class LocalFit:
    """Linear models of several rows over the same points.

    Attributes:
        coefficients, errors: (sample, player): least squares, and standard errors that hold where the model is not linear and its
            residuals are not alike (sandwich, with pairs as clusters).
        r2, r2_errors: (sample,): the share of the score's variance over the points that the linear model has, freed of the advantage of
            having been fitted to them; and its standard error.
    """

    coefficients: Tensor
    errors: Tensor
    r2: Tensor
    r2_errors: Tensor


def fit(kept: Tensor, scores: Tensor) -> LocalFit:
    """Fits scores (sample, 2, pair) to who was ``kept``, bool (2, pair, player). Needs more pairs than players."""
    pairs, players = kept.shape[1:]
    points = kept.reshape(-1, players).double()
    points = points - points.mean(0)
    centered = scores.reshape(len(scores), -1) - scores.mean((1, 2))[:, None]
    solve = points @ torch.linalg.pinv(points.T @ points, hermitian=True)  # (point, player); a player never moved gets 0
    coefficients = centered @ solve
    residuals = centered - coefficients @ points.T
    one, two = residuals[:, :pairs], residuals[:, pairs:]
    left, right = solve[:pairs], solve[pairs:]
    variance = one.square() @ left.square() + 2 * (one * two) @ (left * right) + two.square() @ right.square()
    errors = (variance.clamp(min=0) * (pairs / max(1, pairs - players))).sqrt()
    r2, r2_errors = _explained(centered, residuals, players)
    return LocalFit(coefficients, errors, r2, r2_errors)


def _explained(centered: Tensor, residuals: Tensor, players: int) -> tuple[Tensor, Tensor]:
    """The adjusted R2 of each row with its standard error over pairs; 1 where the score does not change."""
    count = centered.shape[1]
    total, missed = centered.square().sum(1), residuals.square().sum(1)
    changes = total > 0
    share = torch.where(changes, missed / total.where(changes, torch.ones_like(total)), 0.0)
    r2 = 1 - share * (count - 1) / max(1, count - 1 - players)
    parts = residuals.square() - share[:, None] * centered.square()
    paired = parts[:, : count // 2] + parts[:, count // 2 :]
    errors = torch.where(changes, paired.square().sum(1).sqrt() / total.where(changes, torch.ones_like(total)), 0.0)
    return r2, errors


def redraw_overlap(coefficients: Tensor, errors: Tensor, top: int, generator: torch.Generator) -> Tensor:
    """The expected overlap (Jaccard) of a row's ``top`` strongest coefficients with those that another draw would name, (sample,).

    Another draw's coefficients lie around these with the errors of both, sqrt(2) times one. Only players that might come among the
    strongest are drawn.
    """
    players = coefficients.shape[1]
    candidates = min(players, 2 * top + 6)
    reach = torch.topk(coefficients.abs() + 3 * errors, candidates, dim=1).indices
    centers, widths = coefficients.gather(1, reach), errors.gather(1, reach) * 2**0.5
    draws = torch.randn(REDRAWS, candidates, generator=generator, dtype=torch.float64)
    # each row numbers its candidates anew, so a row's draws do not depend on other rows
    redrawn = (centers[:, None] + widths[:, None] * draws).abs()
    own = torch.topk(centers.abs(), top, dim=1).indices
    marked = torch.zeros_like(centers).scatter_(1, own, 1.0)
    again = torch.topk(redrawn, top, dim=2).indices
    both = marked[:, None].expand_as(redrawn).gather(2, again).sum(2)
    return (both / (2 * top - both)).mean(1)
