"""Games with known Shapley values: forests by their leaves, networks by enumeration or by a reference that states its own error.

A game is one row of a test set against one baseline, the mean of the training rows. The rows on which the constants of the Gaussian process
were set are left out (``TUNED_ON``); its other tuning games were synthetic and are not here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from torch import nn

from pellucid.data import datasets
from pellucid.methods.games.exact import exact
from pellucid.methods.games.game import Game
from pellucid.methods.games.sample import leverage

ROWS = 20
TREES = 100
TUNED_ON = {"breast_cancer": range(300, 310), "digits": range(5)}
BATCHES, CALLS = 20, 100_000  # of the reference: independent leverage estimates of so many coalitions each


@dataclass(frozen=True, eq=False)
class Known:
    """A game per row with its Shapley values.

    Attributes:
        truth: (row, player).
        doubt: the relative squared error of the truth itself, (row,); zero where it is exact.
    """

    title: str
    game: Game
    truth: np.ndarray
    doubt: np.ndarray
    how: str


@dataclass(frozen=True, eq=False)
class Table:
    """Rows to train on, rows to explain, and labels: numbers for a regression, classes else."""

    name: str
    train: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    classes: int


def table(players: int) -> Table:
    """The data for so many players, standardized by the training rows."""
    if players in (16, 20):
        return _synthetic(players)
    name = {10: "diabetes", 30: "breast_cancer", 61: "digits"}[players]
    data = getattr(datasets, name)()
    inputs = data.inputs.reshape(len(data), -1)
    inputs = inputs[:, inputs.std(0) > 0]
    split = data.split(seed=5)
    index = np.setdiff1d(split.test.index, np.array(TUNED_ON.get(name, ())))
    chosen = np.random.default_rng(11).choice(index, ROWS, replace=False)
    labels = np.asarray(data.labels, float)[split.train.index]
    if data.task == "regression":
        labels = (labels - labels.mean()) / labels.std()
    return _standard(Table(name, inputs[split.train.index], labels, inputs[chosen], len(data.class_names)))


def _synthetic(players: int) -> Table:
    from sklearn.datasets import make_classification, make_gaussian_quantiles

    if players == 16:
        x, y = make_classification(1200, 16, n_informative=9, n_redundant=3, n_classes=3, n_clusters_per_class=3, random_state=160)
    else:
        x, y = make_gaussian_quantiles(n_samples=1200, n_features=20, n_classes=3, random_state=200)
    return _standard(Table(f"synthetic, {players} features", x[:900], y[:900].astype(float), x[900 : 900 + ROWS], 3))


def _standard(raw: Table) -> Table:
    mean, scale = raw.train.mean(0), raw.train.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    return Table(raw.name, (raw.train - mean) / scale, raw.labels, (raw.rows - mean) / scale, raw.classes)


def forest(players: int) -> Known:
    """A random forest of 100 trees; Shapley values by the closed form of each leaf."""
    data = table(players)
    kind = RandomForestClassifier if data.classes else RandomForestRegressor
    fitted = kind(TREES, min_samples_leaf=2, random_state=3).fit(data.train.astype(np.float32), data.labels)
    column = fitted.predict(data.rows).astype(int) if data.classes else np.zeros(ROWS, int)
    leaves = [leaf for tree in fitted.estimators_ for leaf in _leaves(tree.tree_)]
    base = data.train.mean(0)
    parts = [_LeafGame.of(leaves, row, base, int(k)) for row, k in zip(data.rows, column, strict=True)]
    game = _joined([part.values for part in parts], players)
    truth = np.array([part.shapley() for part in parts])
    return Known(f"{data.name}, forest", game, truth, np.zeros(ROWS), "exact, leaf by leaf")


def network(players: int) -> Known:
    """An MLP with two hidden layers of 64; Shapley values by enumeration up to 20 players, else by a reference."""
    data = table(players)
    net = _trained(data)
    rows, base = torch.from_numpy(data.rows), torch.from_numpy(data.train.mean(0))
    with torch.no_grad():
        column = net(rows).argmax(1).tolist()
    games = [_score(net, row, base, k) for row, k in zip(rows, column, strict=True)]
    game = _joined(games, players)
    if players <= 20:
        truth = np.concatenate([exact(_joined([one], players)).values for one in games])
        return Known(f"{data.name}, network", game, truth, np.zeros(ROWS), "exact enumeration")
    truth, doubt = _reference(game)
    return Known(f"{data.name}, network", game, truth, doubt, f"mean of {BATCHES} leverage estimates of {CALLS} coalitions")


def _reference(game: Game) -> tuple[np.ndarray, np.ndarray]:
    """Independent estimates: their mean, and its relative squared error from their spread."""
    found = []
    for batch in range(BATCHES):
        sample = leverage(game.players, 10_000 + batch)
        values = game.value(sample.grow(CALLS), np.arange(game.rows))
        found.append(sample.fit(values, game.empty, game.full)[0])
    each = np.array(found)
    mean = each.mean(0)
    return mean, (each.var(0, ddof=1) / BATCHES).sum(1) / (mean**2).sum(1)


def _joined(games: list[Callable[[np.ndarray], np.ndarray]], players: int) -> Game:
    """One game per row behind one interface."""
    ends = np.array([[False] * players, [True] * players])
    known = np.array([one(ends) for one in games])
    return Game(players, lambda coalitions, rows: np.array([games[row](coalitions) for row in rows]), known[:, 0], known[:, 1])


def _score(net: nn.Module, row: torch.Tensor, base: torch.Tensor, column: int) -> Callable[[np.ndarray], np.ndarray]:
    def values(coalitions: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            parts = [net(torch.where(part, row, base))[:, column] for part in torch.from_numpy(coalitions).split(4096)]
        return torch.cat(parts).numpy()

    return values


def _trained(data: Table) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(31)
        width, out = data.train.shape[1], max(1, data.classes)
        net = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, out)).double()
        x = torch.from_numpy(data.train)
        y = torch.from_numpy(data.labels).long() if data.classes else torch.from_numpy(data.labels)
        optimizer = torch.optim.Adam(net.parameters(), 2e-3, weight_decay=1e-4)
        for _ in range(40):
            for batch in torch.randperm(len(x)).split(32):
                output = net(x[batch])
                loss = nn.functional.cross_entropy(output, y[batch]) if data.classes else ((output[:, 0] - y[batch]) ** 2).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return net.eval()


Leaf = tuple[list[tuple[int, float, bool]], np.ndarray]  # (feature, threshold, goes left) on the way, and the leaf's value


def _leaves(tree: object, node: int = 0, way: tuple[tuple[int, float, bool], ...] = ()) -> list[Leaf]:
    left, right = tree.children_left[node], tree.children_right[node]  # type: ignore[attr-defined]
    if left == -1:
        return [(list(way), tree.value[node].ravel() / TREES)]  # type: ignore[attr-defined]
    split = (int(tree.feature[node]), float(tree.threshold[node]))  # type: ignore[attr-defined]
    return _leaves(tree, left, (*way, (*split, True))) + _leaves(tree, right, (*way, (*split, False)))


@dataclass(frozen=True, eq=False)
class _LeafGame:
    """A row's game on a forest: a leaf is reached if all players of ``needs`` are there and none of ``bars``, both (leaf, player)."""

    needs: np.ndarray
    bars: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, leaves: list[Leaf], row: np.ndarray, base: np.ndarray, column: int) -> _LeafGame:
        row, base = row.astype(np.float32), base.astype(np.float32)
        needs, bars, weights = [], [], []
        for way, value in leaves:
            here, there = np.ones(len(row), bool), np.ones(len(row), bool)
            for feature, threshold, left in way:
                here[feature] &= (row[feature] <= threshold) == left
                there[feature] &= (base[feature] <= threshold) == left
            if (here | there).all():
                needs.append(here & ~there)
                bars.append(there & ~here)
                weights.append(value[column])
        return cls(np.array(needs, np.float32), np.array(bars, np.float32), np.array(weights))

    def values(self, coalitions: np.ndarray) -> np.ndarray:
        """The forest's output at every coalition."""
        members = coalitions.astype(np.float32)
        reached = (members @ self.needs.T == self.needs.sum(1)) & (members @ self.bars.T == 0)
        return reached @ self.weights

    def shapley(self) -> np.ndarray:
        """A player of ``needs`` (a of them) has (a-1)! b! / (a+b)! of its leaf, one of ``bars`` (b of them) minus a! (b-1)! / (a+b)!."""
        a, b = self.needs.sum(1).astype(int), self.bars.sum(1).astype(int)
        share = [1 / ((i + j) * math.comb(i + j - 1, j)) if i else 0.0 for i, j in zip(a, b, strict=True)]
        loss = [1 / ((i + j) * math.comb(i + j - 1, i)) if j else 0.0 for i, j in zip(a, b, strict=True)]
        return (self.weights * share) @ self.needs - (self.weights * loss) @ self.bars
