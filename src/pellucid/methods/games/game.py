"""A cooperative game: players, and for every coalition of them a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pellucid.errors import InputError


@dataclass(frozen=True, eq=False)
class Game:
    """One game per explained row, all with the same players, so that coalitions are drawn once for all rows.

    Attributes:
        players: how many; features, one-hot groups, superpixels, patches, tokens, time windows.
        value: (coalitions, rows) -> values (row, coalition) in float64; ``coalitions`` is boolean (coalition, player), ``rows`` says
            which rows are asked for.
        empty: the value of no player, (row,).
        full: the value of all players, (row,).
    """

    players: int
    value: Callable[[np.ndarray, np.ndarray], np.ndarray]
    empty: np.ndarray
    full: np.ndarray

    @classmethod
    def of(cls, function: Callable[[np.ndarray], np.ndarray], players: int) -> Game:
        """A game from any function of coalitions (coalition, player) that returns (coalition,) or (row, coalition).

        Raises:
            InputError: no players, or values of another shape.
        """
        if players < 1:
            raise InputError("A game needs players", received=repr(players), remedy="give at least one player")

        def values(coalitions: np.ndarray) -> np.ndarray:
            found = np.atleast_2d(np.asarray(function(coalitions), np.float64))
            if found.ndim != 2 or found.shape[1] != len(coalitions):
                raise InputError(
                    "The game gave another number of values than coalitions",
                    received=f"{found.shape} for {len(coalitions)} coalitions",
                    remedy="return (coalition,) or (row, coalition)",
                )
            return found

        ends = values(np.array([[False] * players, [True] * players]))
        return cls(players, lambda coalitions, rows: values(coalitions)[rows], ends[:, 0], ends[:, 1])

    @property
    def rows(self) -> int:
        """How many rows are explained."""
        return len(self.full)

    @property
    def total(self) -> np.ndarray:
        """What the players share out, (row,)."""
        return self.full - self.empty


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shapley values with their standard errors.

    Attributes:
        values: (row, player); they sum to the game's total.
        errors: standard errors (row, player), wide enough that 1.96 of them make a 95 % interval also after few samples; zero if exact, and
            a bound of rounding where the values were read from the model.
        coalitions: how many coalitions were evaluated for each row, those of no and of all players included, (row,).
        estimator: how they were found.
    """

    values: np.ndarray
    errors: np.ndarray
    coalitions: np.ndarray
    estimator: str

    @property
    def exact(self) -> bool:
        """Whether nothing was sampled."""
        return not self.errors.any()

    @property
    def read(self) -> bool:
        """Whether no coalition had to be evaluated: the values were read from the model."""
        return not self.coalitions.any()
