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
from functools import cache

import numpy as np
from scipy.sparse import csr_array

from pellucid.models.trees import Forest, Tree, goes_left

AT_ONCE = 2**22  # meetings of two rows at a leaf that are looked at together
BESIDE = 2**20  # of a background row with a leaf
BLOCK = 32  # neighboring leaves
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
        levels: the inner nodes, level by level.
        places: the place of the player that decides at each of these nodes, (node,).
        dtype: of sets of places.
    """

    leaves: np.ndarray
    players: np.ndarray
    levels: list[np.ndarray]
    places: np.ndarray
    dtype: type[np.unsignedinteger]

    def broken(self, tree: Tree, columns: np.ndarray) -> np.ndarray:
        """At which places each row breaks a condition on the way to each leaf, as bits, (row, leaf)."""
        sets = np.zeros((len(self.places), len(columns)), self.dtype)
        for nodes in self.levels:
            left = goes_left(tree, nodes[:, None], columns[:, tree.feature[nodes]].T)
            bit = self.dtype(1) << self.places[nodes].astype(self.dtype)[:, None]
            before = sets[nodes]
            sets[tree.left[nodes]] = before | np.where(left, self.dtype(0), bit)
            sets[tree.right[nodes]] = before | np.where(left, bit, self.dtype(0))
        return np.ascontiguousarray(sets[self.leaves].T)


def _paths(tree: Tree, players: np.ndarray) -> _Paths | None:
    """Follows all ways at once, from the root down; None where one has too many players."""
    count = len(tree.left)
    on_way, places, lengths = np.full((count, 1), -1), np.zeros(count, np.int64), np.zeros(count, np.int64)
    levels, nodes = [], np.zeros(1, np.int64)
    while len(nodes := nodes[tree.left[nodes] >= 0]):
        owner = players[tree.feature[nodes]]
        if int(lengths[nodes].max()) == on_way.shape[1]:
            on_way = np.concatenate([on_way, np.full((count, on_way.shape[1]), -1)], 1)
        known = on_way[nodes] == owner[:, None]
        fresh = ~known.any(1)
        places[nodes] = np.where(fresh, lengths[nodes], known.argmax(1))
        for children in (tree.left[nodes], tree.right[nodes]):
            on_way[children] = on_way[nodes]
            on_way[children, places[nodes]] = owner
            lengths[children] = lengths[nodes] + fresh
        levels.append(nodes)
        nodes = np.concatenate([tree.left[nodes], tree.right[nodes]])
    most = int(lengths.max())
    if most > WIDEST:
        return None
    dtype = next(kind for bits, kind in ((8, np.uint8), (16, np.uint16), (32, np.uint32), (64, np.uint64)) if most <= bits)
    leaves = np.flatnonzero(tree.left < 0)
    return _Paths(leaves, on_way[:, : max(most, 1)], levels, places, dtype)


def _add_tree(found: np.ndarray, tree: Tree, paths: _Paths, given: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Adds what one tree gives to the values (row, player), summed over background rows."""
    rows, background, weights = given
    leaves = len(paths.leaves)
    values = weights @ tree.values[paths.leaves].T  # (row, leaf)
    theirs, ours = paths.broken(tree, background), paths.broken(tree, rows)
    for some in _spans(len(background), max(1, BESIDE // leaves)):
        for few in _spans(len(rows), max(1, AT_ONCE // theirs[some].size)):
            found[few] += _given(ours[few], theirs[some], values[few], (paths.players[paths.leaves], found.shape[1]))


def _given(ours: np.ndarray, theirs: np.ndarray, values: np.ndarray, owners: tuple[np.ndarray, int]) -> np.ndarray:
    """What the leaves give to the players of some rows beside some others.

    Args:
        ours, theirs: broken conditions, (row, leaf) and (background row, leaf).
        values: of each leaf in each row's score, (row, leaf).
        owners: the player at each place on the way to each leaf, (leaf, place); and how many players there are.

    Returns:
        (row, player).
    """
    (rows, leaves), (owner, players) = ours.shape, owners
    row, beside, leaf = _meetings(ours, theirs)
    at = row * leaves + leaf
    # those who must be present, for each background row and leaf that is met at all
    used, met = _numbered(beside * leaves + leaf, theirs.size)
    sets = _bits(theirs.reshape(-1)[used], owner.shape[1])
    must = sets.sum(1)
    needed = csr_array((np.ones(must.sum()), owner[used % leaves][sets], _ends(must)), shape=(len(used), players))
    # those who must be absent, for each row and leaf
    reached, here = _numbered(at, ours.size)
    sets = _bits(ours.reshape(-1)[reached], owner.shape[1])
    must_not = sets.sum(1)
    barred = csr_array((np.ones(must_not.sum()), owner[reached % leaves][sets], _ends(must_not)), shape=(len(reached), players))

    present, absent = _weights(owner.shape[1])
    sizes, value = (must[met], must_not[here]), values.reshape(-1)[at]
    given = csr_array((present[sizes] * value, met, np.searchsorted(row, np.arange(rows + 1))), shape=(rows, len(used)))
    lost = np.bincount(here, absent[sizes] * value, len(reached))
    taken = csr_array((lost, np.arange(len(reached)), np.searchsorted(reached // leaves, np.arange(rows + 1))), shape=(rows, len(reached)))
    return csr_array(given @ needed).toarray() - csr_array(taken @ barred).toarray()


def _meetings(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, background row and leaf of all that is reached, in order of the rows.

    Neighboring leaves have most of their way in common. What is broken on the way to all of a ``BLOCK`` of them is looked at first.
    """
    if ours.shape[1] <= 2 * BLOCK:
        return _where((ours[:, None] & theirs[None]) == 0)
    blocks = -(-ours.shape[1] // BLOCK)
    never = [np.ones((len(sets), blocks * BLOCK - sets.shape[1]), sets.dtype) for sets in (ours, theirs)]  # leaves that fill the last block
    ours, theirs = (np.concatenate(pair, 1).reshape(-1, blocks, BLOCK) for pair in zip((ours, theirs), never, strict=True))
    row, beside, block = _where((np.bitwise_and.reduce(ours, 2)[:, None] & np.bitwise_and.reduce(theirs, 2)[None]) == 0)
    found = []
    for some in _spans(len(row), AT_ONCE // BLOCK):
        which, leaf = np.divmod(np.flatnonzero((ours[row[some], block[some]] & theirs[beside[some], block[some]]) == 0), BLOCK)
        which += some.start
        found.append((row[which], beside[which], block[which] * BLOCK + leaf))
    first, second, third = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return first, second, third


def _where(holds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The places in three axes, faster than numpy's own for many axes."""
    row, rest = np.divmod(np.flatnonzero(holds), holds[0].size)
    second, third = np.divmod(rest, holds.shape[2])
    return row, second, third


def _numbered(places: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of ``count`` places occur, and the number of each among these."""
    occurs = np.zeros(count, bool)
    occurs[places] = True
    return np.flatnonzero(occurs), (np.cumsum(occurs) - 1)[places]


def _ends(sizes: np.ndarray) -> np.ndarray:
    """Where parts of these sizes end, after 0."""
    return np.concatenate([[0], np.cumsum(sizes)])


def _bits(sets: np.ndarray, places: int) -> np.ndarray:
    """Sets of places as truth values, (set, place)."""
    return ((sets[:, None] >> np.arange(places, dtype=sets.dtype)) & sets.dtype.type(1)).astype(bool)


@cache
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
