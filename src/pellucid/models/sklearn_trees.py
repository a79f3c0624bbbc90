"""The trees of ensembles that keep to scikit-learn's interface, also at the end of a pipeline that treats columns apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.models.boosted_trees import BOOSTED, Link, Read, softmax
from pellucid.models.sklearn_answers import with_names
from pellucid.models.sklearn_twin import kind
from pellucid.models.trees import Forest, Tree

if TYPE_CHECKING:
    from pellucid.models.inputs import FrameCodec


def forest(estimator: Any, frame: FrameCodec | None) -> Forest | None:  # noqa: ANN401
    """The trees of an estimator as they act on the explained table, which came as a frame or not; None where it has none that can be read.

    Whether their sum is what the estimator answers is for the caller to compare.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    last = estimator.steps[-1][1] if kind(estimator) == "Pipeline" else estimator
    own = kind(last) or f"{type(last).__module__.split('.')[0]}.{type(last).__name__}"
    read = READERS.get(own)
    made = read(last) if read is not None else None
    sources = _origins(estimator, last, frame)
    if made is None or sources is None:
        return None
    trees, link = made
    dtype = np.float64 if own.startswith(("Hist", "lightgbm")) else np.float32  # to which the estimator rounds its rows

    def prepare(rows: np.ndarray) -> np.ndarray:
        if last is estimator:
            return rows.astype(dtype)
        found = estimator[:-1].transform(_table(estimator, rows, frame))
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype)

    return Forest(tuple(trees), prepare, sources, link, single=own.startswith("xgboost"))


def _table(estimator: Any, rows: np.ndarray, frame: FrameCodec | None) -> Any:  # noqa: ANN401
    return frame.decode(rows) if frame is not None else with_names(estimator, rows)


# ---- ensembles -------------------------------------------------------------------------------------------------------------


def _averaged(ensemble: Any) -> tuple[list[Tree], None] | None:  # noqa: ANN401
    """A tree, or the mean of some: class shares, or values."""
    members = getattr(ensemble, "estimators_", [ensemble])
    classes = hasattr(ensemble, "classes_")
    if classes and ensemble.n_outputs_ > 1:
        return None
    trees = []
    for member in members:
        values = member.tree_.value
        values = values[:, 0] / values[:, 0].sum(1, keepdims=True) if classes else values[:, :, 0]
        trees.append(_tree(member.tree_, values / len(members)))
    return trees, None


def _boosted(ensemble: Any) -> tuple[list[Tree], Link | None]:  # noqa: ANN401
    """Trees in rounds, one for each raw score."""
    outputs = ensemble.estimators_.shape[1]
    trees = [
        _tree(member.tree_, ensemble.learning_rate * member.tree_.value[:, 0] * np.eye(outputs)[place])
        for stage in ensemble.estimators_
        for place, member in enumerate(stage)
    ]
    return trees, softmax if hasattr(ensemble, "classes_") else None


def _histogram_boosted(ensemble: Any) -> tuple[list[Tree], Link | None] | None:  # noqa: ANN401
    """The same, where no column is a category for the trees themselves."""
    if getattr(ensemble, "is_categorical_", None) is not None:
        return None
    trees = []
    for stage in ensemble._predictors:
        for place, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
            values = nodes["value"][:, None] * np.eye(len(stage))[place]
            feature, missing = nodes["feature_idx"].astype(np.int64), nodes["missing_go_to_left"].astype(bool)
            trees.append(Tree(left, right, np.where(leaf, 0, feature), nodes["num_threshold"], missing, values))
    return trees, softmax if hasattr(ensemble, "classes_") else None


def _tree(tree: Any, values: np.ndarray) -> Tree:  # noqa: ANN401
    leaf = tree.children_left < 0
    feature = np.where(leaf, 0, tree.feature)
    return Tree(tree.children_left, tree.children_right, feature, tree.threshold, tree.missing_go_to_left.astype(bool), values)


_AVERAGED = "DecisionTree ExtraTree RandomForest ExtraTrees"
READERS: dict[str, Callable[[Any], Read | None]] = {
    **{f"{name}{task}": _averaged for name in _AVERAGED.split() for task in ("Classifier", "Regressor")},
    **dict.fromkeys(("GradientBoostingClassifier", "GradientBoostingRegressor"), _boosted),
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), _histogram_boosted),
    **BOOSTED,
}


# ---- the steps before ------------------------------------------------------------------------------------------------------

_SCALERS = "StandardScaler MinMaxScaler MaxAbsScaler RobustScaler QuantileTransformer PowerTransformer"
ONE_TO_ONE = frozenset((*_SCALERS.split(), "OrdinalEncoder", "Binarizer"))


def _origins(estimator: Any, last: Any, frame: FrameCodec | None) -> np.ndarray | None:  # noqa: ANN401
    """The column of the explained table that each column of the trees is made of; None where one is made of several, or it is not known."""
    count = estimator.n_features_in_
    names = getattr(estimator, "feature_names_in_", None)
    places = np.arange(count)
    if frame is not None and names is not None:  # a table may hold its columns in another order, and more of them
        if not set(names) <= set(frame.columns):
            return None
        places = np.array([frame.columns.index(name) for name in names])
    found = places
    for _, step in estimator.steps[:-1] if last is not estimator else ():
        own = _sources(step, len(found))
        if own is None:
            return None
        found = found[own]
    return found


def _sources(step: Any, count: int) -> np.ndarray | None:  # noqa: ANN401
    """The input column that each output column of a step is made of."""
    own = kind(step)
    if step is None or step == "passthrough" or own in ONE_TO_ONE or (own == "FunctionTransformer" and step.func is None):
        return np.arange(count)
    if own == "SimpleImputer":
        whole = not step.add_indicator and not any(value is None or value != value for value in step.statistics_)
        return np.arange(count) if whole else None
    if own == "OneHotEncoder":
        return np.repeat(np.arange(count), step._n_features_outs)
    if own == "Pipeline":
        found = np.arange(count)
        for _, inner in step.steps:
            part = _sources(inner, len(found))
            if part is None:
                return None
            found = found[part]
        return found
    return _side_by_side(step) if own == "ColumnTransformer" else None


def _side_by_side(step: Any) -> np.ndarray | None:  # noqa: ANN401
    """Steps for some columns each, their outputs beside one another."""
    slices = step.output_indices_
    found = np.full(max(part.stop for part in slices.values()), -1)
    for name, inner, _ in step.transformers_:
        if isinstance(inner, str) and inner == "drop":
            continue
        inputs = np.asarray(step._transformer_to_input_indices[name], np.int64)
        part = _sources(inner, len(inputs))
        if part is None:
            return None
        found[slices[name]] = inputs[part]
    return found
