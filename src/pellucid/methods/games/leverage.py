"""Shapley values by least squares over a sample of coalition pairs (Lundberg & Lee 2017; leverage sampling: Musco & Witter 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pellucid.methods.games.coalitions import PairedSample


class LeastSquares:
    """The weighted least-squares problem of one sample, factorized once for all rows.

    A pair (S, complement of S) observes y = (v(S) - v(complement)) / 2, which an additive game predicts as s . phi / 2 with signs s; the
    values must sum to the game's total. Even games (which change nothing when all players change sides) have no Shapley values and
    cancel in y.
    """

    def __init__(self, sample: PairedSample) -> None:
        signs, self.weights = sample.signs, sample.weights
        half = signs / 2
        self.players = signs.shape[1]
        self._sums = half.sum(1)
        centered = half - half.mean(1, keepdims=True)  # on the plane where the values sum to zero
        weighted = (centered * self.weights[:, None]).T
        gram = weighted @ centered
        scale = max(float(np.trace(gram)) / self.players, 1e-300)
        # ones on the direction that is fixed by the sum; a trace of a ridge for samples that leave directions open
        gram += scale * (np.ones_like(gram) / self.players + 1e-13 * np.eye(self.players))
        self.map = np.linalg.solve(gram, weighted)
        self._half = half
        self.hat = np.einsum("pk,kp->p", half, self.map)

    def values(self, observed: np.ndarray, totals: np.ndarray) -> np.ndarray:
        """Values (row, player) from y (row, pair); they sum to ``totals``."""
        even = totals / self.players
        found = (observed - even[:, None] * self._sums) @ self.map.T
        found -= found.mean(1, keepdims=True)
        return found + even[:, None]

    def predicted(self, values: np.ndarray) -> np.ndarray:
        """What an additive game of these values predicts for y, (row, pair)."""
        return values @ self._half.T

    def spread(self, residuals: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Standard errors (row, player) from independent residuals (row, pair), each taken ``factor`` times in its variance."""
        return np.sqrt((residuals**2 * factor) @ (self.map.T**2))


def leverage_fit(sample: PairedSample, observed: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors (row, player).

    The errors are those of the jackknife (MacKinnon & White 1985, HC3: leave-one-out residuals through the estimator's linear map), times
    the finite-population factor of sampling without replacement.
    """
    problem = LeastSquares(sample)
    values = problem.values(observed, totals)
    residuals = (observed - problem.predicted(values)) / np.clip(1 - problem.hat, 0.05, 1)
    return values, problem.spread(residuals, np.clip(1 - sample.inclusion, 0, 1))
