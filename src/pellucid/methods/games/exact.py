"""Shapley values by enumeration of all coalitions."""

from __future__ import annotations

import math

import numpy as np

from pellucid.errors import BudgetError
from pellucid.methods.games.game import Estimate, Game

MOST = 20  # players; 2^20 values of one row take 8 MB
CHUNK = 16_384  # coalitions asked for at once
USUAL = 14  # players up to which enumeration is the usual choice


def every_coalition(players: int) -> np.ndarray:
    """All coalitions (2^player, player); player k is in coalition number c where bit k of c is set."""
    return (np.arange(2**players)[:, None] >> np.arange(players) & 1).astype(bool)


def every_value(game: Game) -> np.ndarray:
    """The values of all coalitions, (row, 2^player).

    Raises:
        BudgetError: more than 20 players.
    """
    if game.players > MOST:
        raise BudgetError(
            "There are too many players to enumerate all coalitions",
            received=f"{game.players} players, 2^{game.players} coalitions",
            remedy=f"use estimator='proxy' or 'leverage', or group the players (at most {MOST})",
        )
    coalitions, rows = every_coalition(game.players), np.arange(game.rows)
    found = np.empty((game.rows, len(coalitions)))
    found[:, 0], found[:, -1] = game.empty, game.full
    for start in range(1, len(coalitions) - 1, CHUNK):
        part = slice(start, min(start + CHUNK, len(coalitions) - 1))
        found[:, part] = game.value(coalitions[part], rows)
    return found


def exact(game: Game) -> Estimate:
    """Shapley values (Shapley 1953) by their definition: the mean over all coalitions of what a player adds, weighted by size."""
    players = game.players
    values = every_value(game)
    sizes = every_coalition(players).sum(1)
    weight = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    found = np.empty((game.rows, players))
    for player in range(players):
        # axes: (row, later players, this player, earlier players)
        halves = values.reshape(game.rows, -1, 2, 2**player)
        without = sizes.reshape(-1, 2, 2**player)[:, 0]
        found[:, player] = ((halves[:, :, 1] - halves[:, :, 0]) * weight[without]).sum((1, 2))
    return Estimate(found, np.zeros_like(found), np.full(game.rows, 2**players), "exact enumeration")
