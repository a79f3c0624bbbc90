"""The trees of XGBoost and LightGBM, as their own files tell them: JSON, so that nothing of these libraries is imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pellucid.models.trees import Tree

Link = Callable[[np.ndarray], np.ndarray]
Read = tuple[list[Tree], Link | None]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Raw scores to probabilities; a single one is that of the second of two classes."""
    scores = np.concatenate([np.zeros_like(scores), scores], 1) if scores.shape[1] == 1 else scores
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


# ---- LightGBM ----------------------------------------------------------------------------------------------------------------

_LIGHTGBM: dict[str, Link | None] = {
    **dict.fromkeys(("regression", "regression_l1", "huber", "fair", "quantile", "mape"), None),
    **dict.fromkeys(("poisson", "gamma", "tweedie"), np.exp),
    **dict.fromkeys(("binary", "multiclass"), softmax),
}


def lightgbm(estimator: Any) -> Read | None:  # noqa: ANN401
    """Trees with numbers at their splits; None where one splits by categories, takes zeros for missing, or has linear leaves."""
    told = estimator.booster_.dump_model(num_iteration=estimator.best_iteration_ or -1)
    objective, *settings = str(told.get("objective", "")).split()
    if objective not in _LIGHTGBM or "sqrt" in settings or any(one.startswith("sigmoid:") and one != "sigmoid:1" for one in settings):
        return None
    outputs, rounds = int(told["num_tree_per_iteration"]), len(told["tree_info"])
    share = outputs / rounds if told.get("average_output") else 1.0
    trees: list[Tree] = []
    for place, one in enumerate(told["tree_info"]):
        tree = _lightgbm_tree(one["tree_structure"], share * np.eye(outputs)[place % outputs])
        if tree is None:
            return None
        trees.append(tree)
    return trees, _LIGHTGBM[objective]


def _lightgbm_tree(root: Mapping[str, Any], output: np.ndarray) -> Tree | None:
    nodes, places = [root], {id(root): 0}
    for node in nodes:  # grows as it goes
        for child in (node[side] for side in ("left_child", "right_child") if side in node):
            places[id(child)] = len(nodes)
            nodes.append(child)
    if any("leaf_coeff" in node or node.get("decision_type", "<=") != "<=" or node.get("missing_type") == "Zero" for node in nodes):
        return None
    left, right = (np.array([places[id(node[side])] if side in node else -1 for node in nodes]) for side in ("left_child", "right_child"))
    feature = np.array([node.get("split_feature", 0) for node in nodes])
    threshold = np.array([float(node.get("threshold", 0)) for node in nodes])
    # where nothing was missing in training, what is missing counts as 0
    as_zero = np.array([node.get("missing_type") == "None" for node in nodes])
    missing = np.where(as_zero, threshold >= 0, [bool(node.get("default_left")) for node in nodes])
    values = np.array([float(node.get("leaf_value", 0)) for node in nodes])
    return Tree(left, right, feature, threshold, missing, values[:, None] * output)


# ---- XGBoost -----------------------------------------------------------------------------------------------------------------

_XGBOOST: dict[str, Link | None] = {
    **dict.fromkeys(("reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror", "reg:quantileerror"), None),
    **dict.fromkeys(("count:poisson", "reg:gamma", "reg:tweedie"), np.exp),
    **dict.fromkeys(("binary:logistic", "reg:logistic", "multi:softprob"), softmax),
}


def xgboost(estimator: Any) -> Read | None:  # noqa: ANN401
    """Trees with numbers at their splits; None where one splits by categories, or the booster is linear."""
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    objective = learner["objective"]["name"]
    booster = learner["gradient_booster"]
    weights = booster.get("weight_drop")
    model = (booster["gbtree"] if weights is not None else booster).get("model")
    if (
        objective not in _XGBOOST
        or not model
        or "trees" not in model
        or (objective == "reg:logistic" and not hasattr(estimator, "classes_"))
    ):
        return None
    groups, outputs = np.asarray(model["tree_info"]), max(int(learner["learner_model_param"]["num_class"]), 1)
    trees: list[Tree] = []
    for place, one in enumerate(_until_best(model, estimator)):
        tree = _xgboost_tree(one, (1.0 if weights is None else weights[place]) * np.eye(outputs)[groups[place]])
        if tree is None:
            return None
        trees.append(tree)
    link = _XGBOOST[objective]
    if link is None:
        return trees, None
    base = _base(learner, objective, outputs)
    return trees, lambda sums: link(sums + base)


def _until_best(model: Mapping[str, Any], estimator: Any) -> list[Any]:  # noqa: ANN401
    """The trees that predictions are made of, where fitting went on beyond the best round."""
    best = estimator.best_iteration if getattr(estimator, "early_stopping_rounds", None) else None
    return model["trees"] if best is None else model["trees"][: model["iteration_indptr"][best + 1]]


def _base(learner: Mapping[str, Any], objective: str, outputs: int) -> np.ndarray:
    """What is added to the sums: it is told as an outcome, not as a sum."""
    told = np.atleast_1d(np.asarray(json.loads(learner["learner_model_param"]["base_score"]), np.float64))
    if objective in ("binary:logistic", "reg:logistic"):
        told = np.log(told / (1 - told))
    elif _XGBOOST[objective] is np.exp:
        told = np.log(told)
    return np.broadcast_to(told, (outputs,))


def _xgboost_tree(told: Mapping[str, Any], output: np.ndarray) -> Tree | None:
    if any(told.get("split_type", ())):
        return None
    left, right = (np.asarray(told[side]) for side in ("left_children", "right_children"))
    conditions = np.asarray(told["split_conditions"], np.float32)
    leaf = left < 0
    below = np.nextafter(conditions, np.float32(-np.inf))  # a row goes left where it is less, in float32
    threshold = np.where(leaf, 0, below).astype(np.float64)
    missing = np.asarray(told["default_left"], bool)
    values = np.where(leaf, conditions, 0).astype(np.float64)
    return Tree(left, right, np.where(leaf, 0, np.asarray(told["split_indices"])), threshold, missing, values[:, None] * output)


# ---- both --------------------------------------------------------------------------------------------------------------------

BOOSTED: dict[str, Callable[[Any], Read | None]] = {
    **dict.fromkeys(("lightgbm.LGBMClassifier", "lightgbm.LGBMRegressor"), lightgbm),
    **{f"xgboost.XGB{name}": xgboost for name in ("Classifier", "Regressor", "RFClassifier", "RFRegressor")},
}
