"""Pairwise Shapley interactions: what two players bring about together beyond what each does alone (Grabisch & Roubens 1999, eq. 4).

The index of a pair is the mean of v(S + i + j) - v(S + i) - v(S + j) + v(S) over coalitions S of the others, all sizes equally likely.
It is not the Shapley-Taylor index: the indices of all pairs do not sum to the total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from pellucid.errors import BudgetError, InputError
from pellucid.methods.games.exact import USUAL, every_coalition, every_value
from pellucid.methods.games.game import Game
from pellucid.methods.games.permutation import NORMAL


@dataclass(frozen=True, eq=False)
class Interactions:
    """Symmetric matrices (row, player, player) with a zero diagonal, their standard errors, and coalitions evaluated for each row."""

    values: np.ndarray
    errors: np.ndarray
    coalitions: int


def interactions(game: Game, *, samples: int = 4096, seed: int = 0) -> Interactions:
    """Shapley interaction indices of all pairs: exact up to 14 players where ``samples`` allows it, sampled above.

    Sampled: one coalition T, with every player or pair of players moved in or out of it, gives one second difference for each pair at once.
    With all sizes of T equally likely, so are those of S = T without the pair. T comes with its complement.

    Raises:
        InputError: fewer than two players.
        BudgetError: too few samples for two coalitions T and their complements.
    """
    if game.players < 2:
        raise InputError("An interaction needs two players", received=f"{game.players} players", remedy="explain more features")
    if game.players <= USUAL and 2**game.players <= max(samples, 2**10):
        return _exact(game)
    return _sampled(game, samples, seed)


def _exact(game: Game) -> Interactions:
    players, values = game.players, every_value(game)
    sizes = every_coalition(players).sum(1)
    binomial = np.array([1.0] + [0.0] * players)
    for k in range(players - 2):
        binomial[k + 1] = binomial[k] * (players - 2 - k) / (k + 1)
    found = np.zeros((game.rows, players, players))
    for i in range(players):
        for j in range(i):
            cube = values.reshape(game.rows, -1, 2, 2 ** (i - j - 1), 2, 2**j)
            second = cube[:, :, 1, :, 1] - cube[:, :, 1, :, 0] - cube[:, :, 0, :, 1] + cube[:, :, 0, :, 0]
            size = sizes.reshape(-1, 2, 2 ** (i - j - 1), 2, 2**j)[:, 0, :, 0]
            weight = 1 / ((players - 1) * binomial[size])
            found[:, i, j] = found[:, j, i] = (second * weight).sum((1, 2, 3))
    return Interactions(found, np.zeros_like(found), 2**players)


def _sampled(game: Game, samples: int, seed: int) -> Interactions:
    players = game.players
    moves = np.array([[False] * players, *np.eye(players, dtype=bool), *_pairs(players)])
    draws = samples // (2 * len(moves))
    if draws < 2:
        raise BudgetError(
            "There are too few samples for all pairs",
            received=f"{samples} samples for {players} players",
            remedy=f"allow at least {4 * len(moves)}",
        )
    random, first, second = np.random.default_rng((seed, players)), *np.triu_indices(players, 1)
    each = np.empty((game.rows, draws, len(first)))
    for draw in range(draws):
        size = random.integers(players + 1)
        start = random.permutation(players) < size
        each[:, draw] = np.mean([_differences(game, begun, moves) for begun in (start, ~start)], 0)
    found, errors = np.zeros((2, game.rows, players, players))
    found[:, first, second] = found[:, second, first] = each.mean(1)
    widened = float(stdtrit(draws - 1, 0.975)) / NORMAL
    errors[:, first, second] = errors[:, second, first] = each.std(1, ddof=1) / np.sqrt(draws) * widened
    return Interactions(found, errors, 2 * draws * len(moves))


def _pairs(players: int) -> np.ndarray:
    first, second = np.triu_indices(players, 1)
    moved = np.zeros((len(first), players), bool)
    moved[np.arange(len(first)), first] = moved[np.arange(len(first)), second] = True
    return moved


def _differences(game: Game, start: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Second differences (row, pair) around one coalition."""
    values = game.value(start ^ moves, np.arange(game.rows))
    first, second = np.triu_indices(game.players, 1)
    plain, one, two = values[:, :1], values[:, 1 : game.players + 1], values[:, game.players + 1 :]
    sign = np.where(start, -1.0, 1.0)
    return (two - one[:, first] - one[:, second] + plain) * sign[first] * sign[second]
