"""Exact Shapley values of sums of trees against background rows (the interventional TreeSHAP of Lundberg et al. 2020).

Where some players have the values of a row x and the others those of a background row z, a leaf is reached if no player breaks a condition
on the way to it. Of the players on that way, those whose conditions z breaks must be present, a of them; those whose conditions x breaks
must be absent, b of them; a leaf at which one player breaks them in both rows is never reached. Such a leaf's value is a game of its own,
with Shapley values (a-1)! b! / (a+b)! for each of the first and -a! (b-1)! / (a+b)! for each of the second.

Broken conditions are sets of bits, one for each player on the way to the leaf: all pairs of rows meet at all leaves in one operation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from pellucid.models.trees import Forest, Tree, goes_left

AT_ONCE = 2**22  # meetings of two rows at a leaf that are looked at together
BESIDE = 2**20  # of a background row with a leaf
WIDEST = 64  # players on the way to one leaf


def tree_shapley(forest: Forest, rows: np.ndarray, background: np.ndarray, players: np.ndarray, weights: np.ndarray) -> np.ndarray | None:
    """Shapley values (row, player) of a combination of the trees' outputs, the mean over background rows.

    Args:
        forest: the trees.
        rows, background: prepared columns, (row, column) and (background row, column).
        players: who owns each column, numbered from 0, (column,).
        weights: of each output in each row's score, (row, output).

    Returns:
        None where more than 64 players lie on the way to one leaf.
    """
    found = np.zeros((len(rows), int(players.max()) + 1))
    for tree in forest.trees:
        paths = _paths(tree, players)
        if paths is None:
            return None
        if len(paths.leaves) > 1:
            _add_tree(found, tree, paths, (rows, background, weights))
    return found / len(background)


@dataclass(frozen=True, eq=False)
class _Paths:
    """The ways to the leaves of one tree.

    Attributes:
        leaves: their nodes.
        players: the players on the way to each node, (node, place), -1 for none.
        levels: parents, children and whether they are left ones, level by level.
        places: the place of the player that decides on the way into each node, (node,).
        dtype: of sets of places.
    """

    leaves: np.ndarray
    players: np.ndarray
    levels: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    places: np.ndarray
    dtype: type[np.unsignedinteger]

    def broken(self, tree: Tree, columns: np.ndarray) -> np.ndarray:
        """At which places each row breaks a condition on the way to each leaf, as bits, (row, leaf)."""
        sets = np.zeros((len(self.places), len(columns)), self.dtype)
        for parents, children, left in self.levels:
            wrong = goes_left(tree, parents[:, None], columns[:, tree.feature[parents]].T) != left[:, None]
            bits = wrong.astype(self.dtype) << self.places[children].astype(self.dtype)[:, None]
            sets[children] = sets[parents] | bits
        return np.ascontiguousarray(sets[self.leaves].T)


def _paths(tree: Tree, players: np.ndarray) -> _Paths | None:
    """Follows all ways at once, from the root down; None where one has too many players."""
    count = len(tree.left)
    on_way, places, lengths = np.full((count, 1), -1), np.zeros(count, np.int64), np.zeros(count, np.int64)
    levels, nodes = [], np.zeros(1, np.int64)
    while True:
        nodes = nodes[tree.left[nodes] >= 0]
        if not len(nodes):
            break
        parents = np.concatenate([nodes, nodes])
        children = np.concatenate([tree.left[nodes], tree.right[nodes]]).astype(np.int64)
        owner = players[tree.feature[parents]]
        if int(lengths[parents].max()) == on_way.shape[1]:
            on_way = np.concatenate([on_way, np.full((count, on_way.shape[1]), -1)], 1)
        known = on_way[parents] == owner[:, None]
        fresh = ~known.any(1)
        places[children] = np.where(fresh, lengths[parents], known.argmax(1))
        on_way[children] = on_way[parents]
        on_way[children, places[children]] = owner
        lengths[children] = lengths[parents] + fresh
        levels.append((parents, children, np.arange(len(parents)) < len(nodes)))
        nodes = children
    most = int(lengths.max())
    if most > WIDEST:
        return None
    dtype = next(kind for bits, kind in ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64)) if most <= bits)
    leaves = np.flatnonzero(tree.left < 0)
    return _Paths(leaves, on_way[:, : max(most, 1)], levels, places, dtype)


def _add_tree(found: np.ndarray, tree: Tree, paths: _Paths, given: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Adds what one tree gives to the values (row, player), summed over background rows."""
    rows, background, weights = given
    leaves, owners = len(paths.leaves), paths.players[paths.leaves]
    values = weights @ tree.values[paths.leaves].T  # (row, leaf)
    theirs, ours = paths.broken(tree, background), paths.broken(tree, rows)
    for some in _spans(len(background), max(1, BESIDE // leaves)):
        beside = _Beside(theirs[some], owners, found.shape[1])
        for few in _spans(len(rows), max(1, AT_ONCE // theirs[some].size)):
            found[few] += beside.meet(ours[few], values[few])


class _Beside:
    """Background rows at the leaves of a tree, to meet the explained rows there."""

    def __init__(self, broken: np.ndarray, owners: np.ndarray, players: int) -> None:
        self.broken, self.owners, self.players, self.places = broken, owners, players, owners.shape[1]
        self.present, self.absent = _weights(self.places)
        self.counts = _sizes(broken, self.places)
        pairs = _members(broken, self.places)
        where = owners[pairs[1], pairs[2]]
        ends = np.concatenate([[0], self.counts.cumsum()])
        self.needed = csr_array((np.ones(len(where)), where, ends), shape=(broken.size, players))  # who must be present

    def meet(self, broken: np.ndarray, values: np.ndarray) -> np.ndarray:
        """What these leaves give to the players of some rows: broken conditions and values (row, leaf) to (row, player)."""
        rows, leaves = broken.shape
        meeting = np.flatnonzero((broken[:, None] & self.broken[None]) == 0)
        row, pair = np.divmod(meeting, self.broken.size)
        at = row * leaves + pair % leaves
        must, must_not = self.counts[pair], _sizes(broken, self.places)[at]
        value = values.reshape(-1)[at]
        ends = np.searchsorted(row, np.arange(rows + 1))
        met = csr_array((self.present[must, must_not] * value, pair, ends), shape=(rows, self.broken.size))
        found = csr_array(met @ self.needed).toarray()
        less = np.bincount(at, self.absent[must, must_not] * value, rows * leaves)
        whose = _members(broken, self.places)
        into = whose[0] * self.players + self.owners[whose[1], whose[2]]
        taken = np.bincount(into, less[whose[0] * leaves + whose[1]], rows * self.players)
        return found - taken.reshape(rows, self.players)


def _bits(sets: np.ndarray, places: int) -> np.ndarray:
    """Sets of places as truth values, (row, leaf, place)."""
    return ((sets[..., None] >> np.arange(places, dtype=sets.dtype)) & sets.dtype.type(1)).astype(bool)


def _sizes(sets: np.ndarray, places: int) -> np.ndarray:
    """How many places each set has, (row * leaf,)."""
    return _bits(sets, places).sum(-1).reshape(-1)


def _members(sets: np.ndarray, places: int) -> tuple[np.ndarray, ...]:
    """The row, leaf and place of every place that is in its set, in order of row and leaf."""
    return np.nonzero(_bits(sets, places))


def _weights(most: int) -> tuple[np.ndarray, np.ndarray]:
    """The Shapley values of those who must be present and of those who must be absent, by how many there are of each."""
    fact = [math.factorial(n) for n in range(2 * most + 1)]
    span = range(most + 1)
    present = [[fact[a - 1] * fact[b] / fact[a + b] if a else 0.0 for b in span] for a in span]
    absent = [[fact[a] * fact[b - 1] / fact[a + b] if b else 0.0 for b in span] for a in span]
    return np.array(present), np.array(absent)


def _spans(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
