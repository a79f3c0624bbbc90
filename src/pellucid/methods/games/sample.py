"""What the sampled estimators share: coalitions that may grow in number, and a fit to their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pellucid.methods.games.coalitions import PairedSample
from pellucid.methods.games.gaussian_process import proxy_fit
from pellucid.methods.games.leverage import leverage_fit

Fit = Callable[[PairedSample, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class Sample(Protocol):
    """Coalitions in a fixed order; those of no and of all players are known and count as two."""

    @property
    def name(self) -> str:
        """How the result calls it."""
        ...

    @property
    def least(self) -> int:
        """The fewest coalitions that give values and errors."""
        ...

    @property
    def most(self) -> float:
        """How many there are."""
        ...

    def grow(self, coalitions: int) -> np.ndarray:
        """The next coalitions (coalition, player), so that there are at most so many in all, the two known ones included."""
        ...

    def fit(self, values: np.ndarray, empty: np.ndarray, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shapley values and standard errors (row, player) from the values (row, coalition) of all coalitions so far."""
        ...


@dataclass(frozen=True, eq=False)
class Paired:
    """Coalitions and their complements in turn, fitted by least squares or by a Gaussian process."""

    pairs: PairedSample
    fitting: Fit
    name: str

    @property
    def least(self) -> int:
        """One pair more than there are players, so that the residuals say something."""
        return 2 * int(min(self.pairs.players + 1, self.pairs.population)) + 2

    @property
    def most(self) -> float:
        """All coalitions."""
        return 2 * self.pairs.population + 2

    def grow(self, coalitions: int) -> np.ndarray:
        """The next pairs."""
        members = self.pairs.grow((coalitions - 2) // 2) > 0
        return np.stack([members, ~members], 1).reshape(-1, self.pairs.players)

    def fit(self, values: np.ndarray, empty: np.ndarray, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By the chosen way of fitting."""
        return self.fitting(self.pairs, (values[:, 0::2] - values[:, 1::2]) / 2, full - empty)


def leverage(players: int, seed: int) -> Paired:
    """Least squares on a leverage sample."""
    return Paired(PairedSample(players, seed), leverage_fit, "leverage sampling")


def proxy(players: int, seed: int) -> Paired:
    """A Gaussian process on a leverage sample."""
    return Paired(PairedSample(players, seed), proxy_fit, "odd Gaussian process")
