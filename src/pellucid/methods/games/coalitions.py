"""Coalitions drawn in pairs with their complements, by leverage score, without replacement (Musco & Witter 2025).

The leverage score of a coalition in Shapley's least-squares problem depends on its size alone and makes all sizes equally likely. So every
size gets the same number of coalitions, as far as it has as many. Within a size they come in random order without repetition, from
a stream of its own: a larger sample with the same seed holds the smaller one.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

ENUMERATED = 2048  # coalitions of one size that are listed and shuffled; of more, distinct ones are drawn
_MANY = 2.0**62


class PairedSample:
    """A growing sample of pairs (coalition, complement); the pair (all, none) is not among them.

    Attributes:
        signs: one row per pair, +1 for members of the first coalition of the pair and -1 for the others, (pair, player).
        sizes: the size of the first coalition of every pair, at most half of the players.
    """

    def __init__(self, players: int, seed: int) -> None:
        self.players = players
        self._sizes = np.arange(1, players // 2 + 1)
        halved = 2 * self._sizes == players  # there a coalition's complement has the same size, and a pair counts once
        pairs = [math.comb(players, int(size)) for size in self._sizes]
        self._population = np.minimum(np.array([float(min(pair, 2**62)) for pair in pairs]), _MANY) / np.where(halved, 2, 1)
        self._share = np.where(halved, 0.5, 1.0)
        self._streams = [_Stream(players, int(size), seed) for size in self._sizes]
        self._taken = np.zeros(len(self._sizes), np.int64)
        self._order = np.random.default_rng((seed, players)).permutation(len(self._sizes))
        self.signs = np.empty((0, players))
        self.sizes = np.empty(0, np.int64)

    def __len__(self) -> int:
        return len(self.signs)

    @property
    def population(self) -> float:
        """How many pairs there are."""
        return float(self._population.sum())

    def grow(self, pairs: int) -> np.ndarray:
        """Adds pairs until there are so many (or all); returns the new ones' signs."""
        counts = self._counts(int(min(pairs, self.population)))
        new, sizes = [], []
        for place, count in enumerate(counts - self._taken):
            new.append(self._streams[place].take(int(count)))
            sizes.append(np.full(len(new[-1]), self._sizes[place]))
        self._taken = counts
        signs = np.concatenate(new) if new else np.empty((0, self.players))
        self.signs = np.concatenate([self.signs, signs])
        self.sizes = np.concatenate([self.sizes, *sizes])
        return signs

    @property
    def weights(self) -> np.ndarray:
        """The weight of each pair in the least-squares problem over its chance to be drawn, (pair,)."""
        taken = np.maximum(self._taken, 1)
        weight = self._share / (self._sizes * (self.players - self._sizes) * taken)
        return weight[self.sizes - 1]

    @property
    def inclusion(self) -> np.ndarray:
        """The share of its size's pairs that were drawn, for each pair."""
        return (self._taken / self._population)[self.sizes - 1]

    def _counts(self, pairs: int) -> np.ndarray:
        """How many pairs each size has when there are so many in all: never fewer than now."""
        wanted = _filled(self._population, self._share, pairs)
        counts = self._taken.copy()
        missing = pairs - int(counts.sum())
        bulk = np.floor(np.maximum(wanted - counts, 0)).astype(np.int64)
        if bulk.sum() <= missing:
            counts += bulk
            missing -= int(bulk.sum())
        for _ in range(missing):
            room = np.where(counts < self._population, wanted - counts, -np.inf)[self._order]
            counts[self._order[int(room.argmax())]] += 1
        return counts


def _filled(population: np.ndarray, share: np.ndarray, pairs: int) -> np.ndarray:
    """``pairs`` shared out in proportion to ``share``, no size beyond its population."""
    if pairs >= population.sum():
        return population
    full = np.zeros(len(population), bool)
    while True:
        level = (pairs - population[full].sum()) / share[~full].sum()
        over = ~full & (level * share > population)
        if not over.any():
            return np.where(full, population, level * share)
        full |= over


class _Stream:
    """The coalitions of one size in random order, none twice, and of two complements only one."""

    def __init__(self, players: int, size: int, seed: int) -> None:
        self.players, self.size = players, size
        self.halved = 2 * size == players
        self.random = np.random.default_rng((seed, players, size))
        self.given, self.seen, self.drawn = 0, set[bytes](), list[np.ndarray]()
        self.listed = self._list() if math.comb(players, size) <= ENUMERATED else None

    def take(self, count: int) -> np.ndarray:
        """The next ones as signs, (coalition, player)."""
        members = self._draw(count) if self.listed is None else self.listed[self.given : self.given + count]
        self.given += len(members)
        return np.where(members, 1.0, -1.0)

    def _list(self) -> np.ndarray:
        chosen = np.array(list(combinations(range(self.players), self.size)))
        members = np.zeros((len(chosen), self.players), bool)
        np.put_along_axis(members, chosen, values=True, axis=1)
        members = members[members[:, 0]] if self.halved else members
        return members[self.random.permutation(len(members))]

    def _draw(self, count: int) -> np.ndarray:
        while len(self.drawn) < self.given + count:
            # blocks of a size of their own, whatever was asked for: the order must not depend on how a sample grew
            keys = self.random.random((max(64, len(self.drawn)), self.players))
            members = keys.argsort(1).argsort(1) < self.size
            if self.halved:
                members ^= ~members[:, :1]
            for one, code in zip(members, np.packbits(members, 1), strict=True):
                name = code.tobytes()
                if name not in self.seen:
                    self.seen.add(name)
                    self.drawn.append(one)
        return np.array(self.drawn[self.given : self.given + count]).reshape(-1, self.players)
