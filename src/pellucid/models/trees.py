"""Ensembles of decision trees, from whatever library, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Tree:
    """One binary tree; node 0 is the root, and children have higher numbers than their parents' or not, as they like.

    Attributes:
        left, right: the children of every node, -1 for a leaf, (node,).
        feature, threshold: a row goes left where its feature is at most the threshold, (node,).
        missing_left: whether a missing value goes left, (node,).
        values: what the tree adds to each output at a leaf, (node, output).
    """

    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees whose sum, but for a constant, is what goes into the model's output.

    Attributes:
        prepare: the explained table (sample, feature) as the columns that the trees compare, (sample, column).
        sources: the feature that each of these columns is made of, (column,).
        link: the sum (sample, output) to the model's outputs; None where it is the outputs.
        single: whether the model itself adds up in single precision.
    """

    trees: tuple[Tree, ...]
    prepare: Callable[[np.ndarray], np.ndarray]
    sources: np.ndarray
    link: Callable[[np.ndarray], np.ndarray] | None = None
    single: bool = False

    @property
    def outputs(self) -> int:
        """How many outputs the trees have."""
        return self.trees[0].values.shape[1]

    def sums(self, columns: np.ndarray) -> np.ndarray:
        """The sum of the trees, (sample, output), for prepared columns."""
        found = np.zeros((len(columns), self.outputs))
        for tree in self.trees:
            found += tree.values[leaves(tree, columns)]
        return found


def goes_left(tree: Tree, nodes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Whether these values of the nodes' features go left there; both of a form that fits the other."""
    with np.errstate(invalid="ignore"):
        left = values <= tree.threshold[nodes]
    absent = np.isnan(values)
    return np.where(absent, tree.missing_left[nodes], left) if absent.any() else left


def leaves(tree: Tree, columns: np.ndarray) -> np.ndarray:
    """The leaf that each row comes to, (sample,)."""
    at, rows = np.zeros(len(columns), np.int64), np.arange(len(columns))
    while True:
        inner = tree.left[at] >= 0
        if not inner.any():
            return at
        here = at[inner]
        left = goes_left(tree, here, columns[rows[inner], tree.feature[here]])
        at[inner] = np.where(left, tree.left[here], tree.right[here])
