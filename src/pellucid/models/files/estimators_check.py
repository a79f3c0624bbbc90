"""Whether the numbers of an estimator from elsewhere fit together where scikit-learn hands them to compiled code without asking.

A child or a feature that is not there makes a tree read other memory. So each tree is followed here before it is used, and each ensemble is
asked whether it gives its trees rows as long as they want. The arrays of support vector machines, whose lengths libsvm does not compare,
are compared here. Nothing is predicted. What can end the process when a tree is made, before anything can be looked at, has to happen in
another process (:mod:`sklearn_check`).
"""

from __future__ import annotations

import gc
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from sklearn.ensemble._iforest import IsolationForest
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from sklearn.svm._base import BaseLibSVM
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
MACHINES = (SVC, NuSVC, SVR, NuSVR, OneClassSVM)
KERNELS = ("linear", "poly", "rbf", "sigmoid")
ARRAYS = ("support_", "support_vectors_", "_n_support", "_dual_coef_", "_intercept_", "_probA", "_probB")  # that libsvm is given
UNEQUAL = "The numbers of this support vector machine do not fit together"


def checked(estimator: object) -> None:
    """Nothing.

    Raises:
        Refused: a tree, an ensemble of trees or a support vector machine somewhere in the estimator is damaged, or of a kind that can not
            be checked.
    """
    found = inside(estimator)
    for one in found:
        if isinstance(one, BaseLibSVM) and any(name in vars(one) for name in ARRAYS):
            _machine(one)
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
        if id(one) in known or isinstance(one, (type, ModuleType)) or hasattr(type(one), "__globals__"):
            continue
        known.add(id(one))
        found.append(one)
        if len(found) > MOST:
            raise Refused("The file holds too many objects", f"over {MOST}")
        todo.extend(gc.get_referents(one))
        if isinstance(one, np.ndarray) and one.dtype.hasobject:
            todo.extend(np.asarray(one).ravel().tolist())  # a masked array would keep some to itself
    return found


def _plain(estimator: Any) -> None:  # noqa: ANN401
    """Nothing that the estimator holds stands in the place of what its class does, such as looking at rows."""
    odd = _shadowed(estimator)
    if odd or not isinstance(getattr(estimator, "n_features_in_", None), int):
        raise Refused(PROBLEM, f"{type(estimator).__name__} with {', '.join(odd) or 'no number of features'}")


def _shadowed(one: Any) -> list[str]:  # noqa: ANN401
    """The attributes that stand in the place of methods, or are arrays that show other numbers than they hold, such as masked ones."""
    return [name for name, value in vars(one).items() if callable(getattr(type(one), name, None)) or not _ordinary(value)]


def _ordinary(value: object) -> bool:
    return type(value) is np.ndarray or not isinstance(value, np.ndarray)


def _owned(estimator: Any) -> list[int]:  # noqa: ANN401
    """Which trees an estimator holds itself, all of them sound."""
    features = estimator.n_features_in_
    if isinstance(estimator, BaseDecisionTree):
        tree: Any = getattr(estimator, "tree_", None)
        if type(tree) is not Tree or tree.n_features != features:
            raise Refused(PROBLEM, f"{type(estimator).__name__} of {features} features")
        if not _valued(estimator, tree):
            raise Refused(PROBLEM, f"{type(estimator).__name__} with other values than its outputs and classes")
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
    if isinstance(estimator, BaseGradientBoosting):
        if not _starts(estimator, np.shape(estimator.estimators_)):
            raise Refused(PROBLEM, f"{type(estimator).__name__} that begins with something else than its classes")
        if any(one.tree_.value.shape[1:] != (1, 1) for one in members):  # one value at each node is what is read
            raise Refused(PROBLEM, f"{type(estimator).__name__} of trees that have not one value at each node")
    return []


def _valued(estimator: Any, tree: Any) -> bool:  # noqa: ANN401
    """Whether the nodes of a tree hold the values that its estimator says they do, at least one."""
    classes = estimator.n_classes_ if issubclass(type(estimator), ClassifierMixin) else [1] * tree.n_outputs
    sizes = np.asarray(tree.n_classes)
    return tree.n_outputs == estimator.n_outputs_ >= 1 and bool(np.all(sizes >= 1)) and np.array_equal(np.ravel(classes), sizes)


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
    if type(one) is not TreePredictor or _shadowed(one) or set(vars(one)) - {"nodes", "binned_left_cat_bitsets", "raw_left_cat_bitsets"}:
        raise Refused(PROBLEM, type(one).__name__)
    if type(nodes) is not np.ndarray or nodes.ndim != 1 or nodes.dtype != PREDICTOR_RECORD_DTYPE:
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


def _machine(one: Any) -> None:  # noqa: ANN401
    """The arrays of a support vector machine have the lengths that libsvm takes them to have."""
    name = type(one).__name__
    if type(one) not in MACHINES or one._sparse is not False or not isinstance(one.kernel, str) or one.kernel not in KERNELS:
        raise Refused("Support vector machines of sparse rows or of kernels of their own can not be checked", name)
    odd = [*_shadowed(one), *({"_impl"} & set(vars(one)))]
    features = getattr(one, "n_features_in_", None)
    held: list[Any] = [getattr(one, array, None) for array in ARRAYS]
    if odd or not isinstance(features, int) or not all(type(array) is np.ndarray and array.flags.c_contiguous for array in held):
        raise Refused(UNEQUAL, f"{name} with {', '.join(odd) or 'no arrays where there should be some'}")
    support, vectors, each, dual, intercept, first, second = held
    classifies = issubclass(type(one), ClassifierMixin)
    count, classes = support.size, np.size(one.classes_) if classifies else 2
    pairs = classes * (classes - 1) // 2
    shapes = [(count,), (count, features), (classes,), (classes - 1, count), (pairs,)]
    if classes < 2 or [array.shape for array in held[:5]] != shapes or first.shape != second.shape or first.shape not in ((0,), (pairs,)):
        raise Refused(UNEQUAL, f"{name} of {count} support vectors, {features} features and {classes} classes")
    integers, floats = (support, each), (vectors, dual, intercept, first, second)
    if any(array.dtype != np.int32 for array in integers) or any(array.dtype != np.float64 for array in floats):
        raise Refused(UNEQUAL, f"{name} with numbers of another kind")
    if np.any(each < 0) or (int(each.sum(dtype=np.int64)) != count if classifies else np.any(each != count)):
        raise Refused(UNEQUAL, f"{name} of {count} support vectors, of which {each.tolist()[:5]} belong to its classes")
