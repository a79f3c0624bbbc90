"""Whether the trees of an estimator from elsewhere lead where trees lead: scikit-learn follows their numbers without asking.

A child or a feature that is not there makes it read other memory. So each tree is followed here before it is used, and each ensemble is
asked whether it gives its trees rows as long as they want. Nothing is predicted. What can end the process when a tree is made, before
anything can be looked at, has to happen in another process (:mod:`sklearn_check`).
"""

from __future__ import annotations

import gc
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.ensemble._iforest import IsolationForest
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import Tree

from pellucid.models.files.sandbox import Refused

HISTOGRAMS = (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
KINDS = (BaseDecisionTree, BaseForest, BaseGradientBoosting, *HISTOGRAMS)
FITTED = ("tree_", "estimators_", "_predictors")  # what a template, such as that of a forest, has not
NAMES = ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
MOST = 5_000_000  # objects
PROBLEM = "A tree of this estimator leads to what is not there"
LEAF = -1


def checked(estimator: object) -> None:
    """Nothing.

    Raises:
        Refused: a tree or an ensemble of trees somewhere in the estimator is damaged, or of a kind that can not be checked.
    """
    found = inside(estimator)
    trees = [one for one in found if isinstance(one, (Tree, TreePredictor))]
    if not trees:
        return
    owned: set[int] = set()
    for one in found:
        if isinstance(one, IsolationForest):
            raise Refused("Isolation forests can not be checked", type(one).__name__)
        if isinstance(one, KINDS) and any(name in vars(one) for name in FITTED):
            _plain(one)
            owned.update(_owned(one))
    if any(id(tree) not in owned for tree in trees):
        raise Refused(PROBLEM, "a tree that belongs to no estimator of trees")


def inside(root: object) -> list[Any]:
    """All objects that an object holds, itself included; not the classes and functions that they use."""
    found: list[Any] = []
    known: set[int] = set()
    todo: list[Any] = [root]
    while todo:
        one = todo.pop()
        if id(one) in known or isinstance(one, (type, ModuleType)) or hasattr(one, "__globals__"):
            continue
        known.add(id(one))
        found.append(one)
        if len(found) > MOST:
            raise Refused("The file holds too many objects", f"over {MOST}")
        todo.extend(one.ravel().tolist() if isinstance(one, np.ndarray) and one.dtype.hasobject else gc.get_referents(one))
    return found


def _plain(estimator: Any) -> None:  # noqa: ANN401
    """Nothing that the estimator holds stands in the place of what its class does, such as looking at rows."""
    odd = _shadowed(estimator)
    if odd or not isinstance(getattr(estimator, "n_features_in_", None), int):
        raise Refused(PROBLEM, f"{type(estimator).__name__} with {', '.join(odd) or 'no number of features'}")


def _shadowed(one: Any) -> list[str]:  # noqa: ANN401
    return [name for name in vars(one) if callable(getattr(type(one), name, None))]


def _owned(estimator: Any) -> list[int]:  # noqa: ANN401
    """Which trees an estimator holds itself, all of them sound."""
    features = estimator.n_features_in_
    if isinstance(estimator, BaseDecisionTree):
        tree: Any = getattr(estimator, "tree_", None)
        if type(tree) is not Tree or tree.n_features != features:
            raise Refused(PROBLEM, f"{type(estimator).__name__} of {features} features")
        _tree(tree)
        return [id(tree)]
    if isinstance(estimator, HISTOGRAMS):
        predictors = [one for some in estimator._predictors for one in some]
        if getattr(estimator, "_preprocessor", None) is not None:
            raise Refused("Trees that split categories can not be checked", type(estimator).__name__)
        for one in predictors:
            _predictor(one, features)
        return list(map(id, predictors))
    members = np.asarray(estimator.estimators_, object).ravel().tolist()
    if any(not isinstance(one, BaseDecisionTree) or getattr(one, "n_features_in_", None) != features for one in members):
        raise Refused(PROBLEM, f"{type(estimator).__name__} of {features} features with other members")
    if isinstance(estimator, BaseGradientBoosting) and not _starts(estimator, np.shape(estimator.estimators_)):
        raise Refused(PROBLEM, f"{type(estimator).__name__} that begins with something else than its classes")
    return []


def _starts(boosted: Any, shape: tuple[int, ...]) -> bool:  # noqa: ANN401
    """Whether what the trees are added to has a column for each tree of a step: no lengths are compared when they are."""
    columns = shape[1] if len(shape) == 2 else 0
    first, loss = boosted.init_, boosted._loss
    link = getattr(loss, "link", None)
    if getattr(boosted, "n_trees_per_iteration_", None) != columns or loss.is_multiclass != (columns > 1):
        return False
    if isinstance(first, str):
        return first == "zero"
    own = [type(one).__module__ for one in (loss, link)] == ["sklearn._loss.loss", "sklearn._loss.link"]
    if not own or any(map(_shadowed, (first, loss, link))) or getattr(first, "n_outputs_", None) != 1:
        return False
    if type(first) is DummyClassifier:
        return first._strategy == "prior" and np.shape(first.class_prior_) == (max(columns, 2),)
    return type(first) is DummyRegressor and columns == 1 and np.shape(first.constant_) == (1, 1)


def _tree(tree: Any) -> None:  # noqa: ANN401
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    _followed(left != LEAF, left, right, np.asarray(tree.feature), tree.n_features)


def _predictor(one: Any, features: int) -> None:  # noqa: ANN401
    nodes = getattr(one, "nodes", None)
    if type(one) is not TreePredictor or set(vars(one)) - {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}:
        raise Refused(PROBLEM, type(one).__name__)
    if not isinstance(nodes, np.ndarray) or nodes.ndim != 1 or nodes.dtype.names is None or "bitset_idx" not in nodes.dtype.names:
        raise Refused(PROBLEM, "nodes of another kind")
    if np.any(nodes["is_categorical"]):
        raise Refused("Trees that split categories can not be checked", type(one).__name__)
    inner = nodes["is_leaf"] == 0
    _followed(inner, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), nodes["feature_idx"], features)


def _followed(inner: np.ndarray, left: np.ndarray, right: np.ndarray, feature: np.ndarray, features: int) -> None:
    """Children lie behind their parent and are there, so that every way ends in a leaf; splits are at features that rows have."""
    places = np.arange(len(inner))
    sound = (left > places) & (left < len(inner)) & (right > places) & (right < len(inner)) & (feature >= 0) & (feature < features)
    if not len(inner) or not np.all(sound | ~inner):
        raise Refused(PROBLEM, f"node {int(np.argmin(sound | ~inner)) if len(inner) else 0} of {len(inner)}")
