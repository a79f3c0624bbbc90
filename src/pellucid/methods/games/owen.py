"""Owen values: Shapley values where players stand together in groups, groups in larger groups, and so on (Owen 1977; Winter 1989).

Only orders count in which the players of every group come in one after another. With a tree of two branches at each node there are far
fewer coalitions to evaluate than subsets of players, and for few players they are all evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pellucid.methods.games.game import Estimate, Game
from pellucid.methods.games.permutation import Orders


@dataclass(frozen=True, eq=False)
class Group:
    """A group of players: two smaller groups, or one player."""

    members: np.ndarray
    parts: tuple[Group, Group] | None = None

    @property
    def depth(self) -> int:
        """The number of splits down to the deepest player."""
        return 0 if self.parts is None else 1 + max(part.depth for part in self.parts)

    def walk(self, random: np.random.Generator) -> np.ndarray:
        """A random order in which the players of every group come in one after another."""
        if self.parts is None:
            return self.members
        first, second = self.parts if random.random() < 0.5 else self.parts[::-1]
        return np.concatenate([first.walk(random), second.walk(random)])


def spans(players: np.ndarray) -> Group:
    """Halves of halves of players in a row: spans of text, windows of a series."""
    if len(players) == 1:
        return Group(players)
    half = len(players) // 2
    return Group(players, (spans(players[:half]), spans(players[half:])))


def regions(places: np.ndarray, players: np.ndarray | None = None) -> Group:
    """Halves of halves of players in the plane (or space), across the longer side: blocks of an image. ``places`` is (player, axis)."""
    players = np.arange(len(places)) if players is None else players
    if len(players) == 1:
        return Group(players)
    here = places[players]
    order = players[np.argsort(here[:, int(np.ptp(here, axis=0).argmax())], kind="stable")]
    half = len(order) // 2
    return Group(players, (regions(places, order[:half]), regions(places, order[half:])))


def correlated(columns: np.ndarray) -> Group:
    """Features joined by how strongly they correlate over background rows (row, player): average linkage of 1 - |correlation|."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    count = columns.shape[1]
    if count == 1:
        return Group(np.arange(1))
    spread = columns.std(0)
    normal = (columns - columns.mean(0)) / np.where(spread > 0, spread, 1.0)
    distance = np.clip(1 - np.abs(normal.T @ normal / len(columns)), 0, 1)
    np.fill_diagonal(distance, 0)
    groups = [Group(np.array([player])) for player in range(count)]
    for first, second, *_ in linkage(squareform(distance, checks=False), "average"):
        parts = (groups[int(first)], groups[int(second)])
        groups.append(Group(np.concatenate([part.members for part in parts]), parts))
    return groups[-1]


def owen_sample(tree: Group, seed: int) -> Orders:
    """Sampled orders that keep groups together."""
    return Orders(len(tree.members), seed, tree.walk, "Owen values over sampled orders")


def owen_exact(game: Game, tree: Group, most: int) -> Estimate | None:
    """Owen values over all orders that keep groups together; None if that takes more than ``most`` coalitions."""
    players = game.players
    if tree.depth > 16 or 2**tree.depth > most:
        return None
    before, player = [], []
    for leaf, contexts in _contexts(tree, np.zeros((1, players), bool)):
        before.append(contexts)
        player.append(np.full(len(contexts), leaf))
        if sum(map(len, before)) > 4 * most:
            return None
    without, who = np.concatenate(before), np.concatenate(player)
    with_ = without.copy()
    with_[np.arange(len(who)), who] = True
    coalitions, where = np.unique(np.concatenate([without, with_]), axis=0, return_inverse=True)
    if len(coalitions) > most:
        return None
    values = _values(game, coalitions)[:, where.reshape(-1)]
    added = values[:, len(who) :] - values[:, : len(who)]
    found = np.stack([np.bincount(who, row, players) for row in added]) / np.bincount(who, minlength=players)
    return Estimate(found, np.zeros_like(found), np.full(game.rows, len(coalitions)), "exact Owen values")


def _contexts(group: Group, before: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For every player, who may be there when it comes in: coalitions of equal weight."""
    if group.parts is None:
        yield int(group.members[0]), before
        return
    for part, other in (group.parts, group.parts[::-1]):
        joined = before.copy()
        joined[:, other.members] = True
        yield from _contexts(part, np.concatenate([before, joined]))


def _values(game: Game, coalitions: np.ndarray) -> np.ndarray:
    """Values (row, coalition), those of no and of all players being known."""
    found = np.empty((game.rows, len(coalitions)))
    sizes = coalitions.sum(1)
    inner = (sizes > 0) & (sizes < game.players)
    found[:, sizes == 0], found[:, sizes == game.players] = game.empty[:, None], game.full[:, None]
    found[:, inner] = game.value(coalitions[inner], np.arange(game.rows))
    return found
