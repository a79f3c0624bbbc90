"""Shapley values by sampled orders, each with its reverse (Castro et al. 2009; antithetic: Mitchell et al. 2022)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

Draw = Callable[[np.random.Generator], np.ndarray]  # an order of all players
NORMAL = 1.959963984540054


@dataclass(eq=False)
class Orders:
    """Players come in one after another in a drawn order, and in the reverse of it; a player's value is the mean of what it adds.

    The two orders of a pair are averaged first; the spread over pairs gives the standard error, widened by Student's t so that 1.96
    of them make a 95 % interval also after few pairs.
    """

    players: int
    seed: int
    draw: Draw | None = None
    name: str = "permutation sampling"
    orders: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng((self.seed, self.players))
        self.most = float("inf")

    @property
    def each(self) -> int:
        """Coalitions that one order and its reverse need."""
        return 2 * (self.players - 1)

    @property
    def least(self) -> int:
        """Two pairs of orders, for the spread."""
        return 2 * self.each + 2

    def grow(self, coalitions: int) -> np.ndarray:
        """The coalitions along the next orders."""
        found = [np.empty((0, self.players), bool)]
        while (len(self.orders) + 1) * self.each + 2 <= coalitions:
            order = self.draw(self._random) if self.draw else self._random.permutation(self.players)
            self.orders.append(order)
            place = np.argsort(order)
            steps = np.arange(1, self.players)[:, None]
            found += [place < steps, place >= self.players - steps]
        return np.concatenate(found)

    def fit(self, values: np.ndarray, empty: np.ndarray, full: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means over the orders and their standard errors."""
        pairs = len(self.orders)
        walks = values.reshape(len(values), pairs, 2, self.players - 1)
        ends = [np.broadcast_to(end[:, None, None, None], (*walks.shape[:3], 1)) for end in (empty, full)]
        added = np.diff(np.concatenate([ends[0], walks, ends[1]], 3), axis=3)
        place = np.argsort(np.array(self.orders), 1)
        forward = np.take_along_axis(added[:, :, 0], place[None], 2)
        backward = np.take_along_axis(added[:, :, 1], self.players - 1 - place[None], 2)
        each = (forward + backward) / 2
        widened = float(stdtrit(pairs - 1, 0.975)) / NORMAL
        return each.mean(1), each.std(1, ddof=1) / np.sqrt(pairs) * widened
