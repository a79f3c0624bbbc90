"""Shapley values by a Gaussian process over the odd part of the game.

Only the odd part of a game, (v(S) - v(complement)) / 2, has Shapley values. It is observed at pairs of coalitions and interpolated by a
Gaussian process on signs s in {-1, 1}^n with an unpenalized linear trend and the kernel

    k(s, c) = sinh(sum_i g_i s_i c_i) / sinh(sum_i g_i),

which holds every odd interaction, those of few players first, each player with a length scale of its own. The Shapley values of the
posterior mean are an integral of products over players (the multilinear extension, Owen 1972), a polynomial that Gauss-Legendre nodes
integrate exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import get_lapack_funcs

from pellucid.methods.games.coalitions import PairedSample
from pellucid.methods.games.leverage import LeastSquares

JITTER = 1e-6  # of the kernel's diagonal; 1e-9 to 1e-5 gave the same answers
CHOOSING = 300  # pairs on which the length scales are chosen
MOST = 2048  # pairs that the process interpolates; what it leaves unexplained at the others corrects it
NODES = 24
# strengths of all players together: how far interactions reach beyond the linear trend. Set on games that are not in the benchmark.
EVEN = (1.0, 3.0)
BY_SIZE = (0.7, 2.0, 4.0)
BY_ROOT = (0.5, 1.5, 3.0, 5.0)
DRAWN = 1.5  # power of the drawn share in the errors' finite-population factor: 1 covered 88 to 96 % on those games, no factor 93 to 99 %
FLOOR = 0.03  # the share of the strength that goes to all players alike


def proxy_fit(sample: PairedSample, observed: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors (row, player).

    The errors are what leave-one-out residuals of the process would do to a least-squares estimate of the same pairs: an estimate by the
    process lies within them at least as often, since it does not add these residuals. ``DRAWN`` tempers the finite-population factor.
    """
    problem = LeastSquares(sample)
    first = problem.values(observed, totals)
    values, residuals = np.empty_like(first), np.empty_like(observed)
    used = np.unique(np.linspace(0, len(sample) - 1, min(len(sample), MOST)).astype(int))
    rest = np.setdiff1d(np.arange(len(sample)), used)
    signs = np.concatenate([sample.signs[used], np.ones((1, sample.players))])
    targets = np.concatenate([observed[:, used], totals[:, None] / 2], 1)
    for row, target in enumerate(targets):
        scale = float(np.abs(target).max())
        beyond = target[:-1] - problem.predicted(first[row : row + 1])[0, used]
        if np.abs(beyond).max() <= 1e-12 * scale:  # an additive game: nothing is left to interpolate
            values[row], residuals[row] = first[row], 0.0
            continue
        process = _choose(signs, target, first[row])
        values[row] = process.values
        residuals[row, used] = process.left_out[:-1]
        if len(rest):
            residuals[row, rest] = observed[row, rest] - process.at(sample.signs[rest])
    if len(rest):
        values += problem.values(residuals, np.zeros(len(values)))
    values += ((totals - values.sum(1)) / sample.players)[:, None]
    return values, problem.spread(residuals, np.clip(1 - sample.inclusion**DRAWN, 0, 1))


@dataclass(frozen=True, eq=False)
class Process:
    """The posterior for one row.

    Attributes:
        strengths: g, one per player.
        signs: where it was observed, (pair, player).
        trend: the linear part, one coefficient per player.
        dual: the weights of the kernel's sections at the observed pairs.
        precision: of each observation given the others; ``left_out`` are the leave-one-out residuals.
    """

    strengths: np.ndarray
    signs: np.ndarray
    trend: np.ndarray
    dual: np.ndarray
    precision: np.ndarray

    @property
    def left_out(self) -> np.ndarray:
        """Observed minus predicted from the others, (pair,) (closed form: Dubrule 1983)."""
        return self.dual / self.precision

    @property
    def surprise(self) -> float:
        """Minus the leave-one-out log density of an observation, its scale fitted, up to a constant."""
        scale = float(np.mean(self.left_out**2 * self.precision))
        return float(np.log(max(scale, 1e-300)) - np.log(self.precision).mean())

    @property
    def values(self) -> np.ndarray:
        """The Shapley values of the posterior mean, (player,)."""
        return section_values(self.signs, self.strengths, self.dual) + 2 * self.trend

    def at(self, signs: np.ndarray) -> np.ndarray:
        """The posterior mean at other coalitions, (pair,)."""
        found = [kernel(part, self.signs, self.strengths) @ self.dual for part in np.array_split(signs, -(-len(signs) // MOST))]
        return np.concatenate(found) + signs @ self.trend


def kernel(first: np.ndarray, second: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """sinh(sum g s c) / sinh(sum g), (first, second)."""
    total = float(strengths.sum())
    small = np.exp(-2 * total)
    grown = np.exp((first * strengths) @ second.T - total)
    return (grown - small / grown) / (1 - small)


def section_values(signs: np.ndarray, strengths: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """The Shapley values (player,) of sum_j dual_j k(., signs_j).

    Of exp(sum g_i s_i c_i) the value of player i is the integral over t of (e_i - 1/e_i) prod_{j != i} (t e_j + (1 - t) / e_j), with
    e_j = exp(g_j c_j); of the kernel's two exponentials both have the same values.
    """
    total = float(strengths.sum())
    nodes, weights = np.polynomial.legendre.leggauss(min(NODES, len(strengths) // 2 + 1))
    share = (nodes[:, None] + 1) / 2
    with_, without = np.exp(strengths), np.exp(-strengths)
    same, other = share * with_ + (1 - share) * without, share * without + (1 - share) * with_  # (node, player), where c is 1 and -1
    members = signs > 0
    product = members @ np.log(same).T + ~members @ np.log(other).T
    inner = dual[:, None] * np.exp(product - total) * (weights / (1 - np.exp(-2 * total)))
    up, down = members.T @ inner, ~members.T @ inner  # (player, node)
    return 2 * np.sinh(strengths) * ((up / same.T).sum(1) - (down / other.T).sum(1))


def condition(signs: np.ndarray, observed: np.ndarray, strengths: np.ndarray) -> Process | None:
    """The posterior with an unpenalized linear trend (universal kriging); None if the kernel matrix is singular to rounding."""
    matrix = kernel(signs, signs, strengths)
    matrix[np.diag_indices_from(matrix)] += JITTER
    factorize, invert = get_lapack_funcs(("potrf", "trtri"), (matrix,))
    lower, failed = factorize(matrix, lower=True, clean=True, overwrite_a=True)
    if failed:
        return None
    inverse, _ = invert(lower, lower=True, overwrite_c=True)
    white = inverse @ np.column_stack([signs, observed])
    flat, gaps = white[:, :-1], white[:, -1]
    basis, upper = np.linalg.qr(flat)
    if np.abs(np.diag(upper)).min() <= 1e-10 * np.abs(np.diag(upper)).max():
        return None
    trend = np.linalg.solve(upper, basis.T @ gaps)
    rest = gaps - flat @ trend
    across = inverse.T @ basis
    precision = np.einsum("ij,ij->j", inverse, inverse) - np.einsum("ij,ij->i", across, across)
    return Process(strengths, signs, trend, inverse.T @ rest, np.maximum(precision, 1e-300))


def _choose(signs: np.ndarray, observed: np.ndarray, first: np.ndarray) -> Process:
    """The process whose leave-one-out predictions are the best among nine, chosen on some pairs and conditioned on all."""
    some = np.unique(np.linspace(0, len(signs) - 1, min(CHOOSING, len(signs))).astype(int))
    found = [condition(signs[some], observed[some], strengths) for strengths in _candidates(first)]
    possible = [process for process in found if process is not None]
    for process in sorted(possible, key=lambda one: one.surprise):
        whole = process if len(some) == len(signs) else condition(signs, observed, process.strengths)
        if whole is not None:
            return whole
    even = np.full(len(first), 1.0 / len(first))
    flat = np.linalg.lstsq(signs, observed, rcond=None)[0]
    return Process(even, signs, flat, observed - signs @ flat, np.ones(len(observed)))


def _candidates(first: np.ndarray) -> list[np.ndarray]:
    """Strengths alike for all players, or in proportion to a first estimate's size or its root."""
    count = len(first)
    even = np.full(count, 1.0 / count)
    size = np.abs(first) / max(float(np.abs(first).sum()), 1e-300)
    root = np.sqrt(size) / max(float(np.sqrt(size).sum()), 1e-300)
    shapes = [(even, EVEN), (size, BY_SIZE), (root, BY_ROOT)]
    return [reach * ((1 - FLOOR) * shape + FLOOR * even) for shape, reaches in shapes for reach in reaches]
