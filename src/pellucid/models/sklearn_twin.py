"""The torch twins of scikit-learn estimators: the same operations on the same numbers, in float64.

An estimator has a twin where its answer is a closed formula of torch operations: linear models, multi-layer perceptrons, support-vector
machines of two classes or for regression, and pipelines of these behind scalers, projections and selections of columns. Classes are
compared exactly: a subclass may answer in another way.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Layers = OrderedDict[str, nn.Module]
Makers = dict[str, Callable[[Any], Layers | None]]

ACTIVATIONS = {"identity": nn.Identity, "logistic": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


def network(estimator: Any) -> nn.Module | None:  # noqa: ANN401
    """The torch module (sample, feature) -> (sample, output) of a fitted estimator; None where it has no exact counterpart."""
    layers = _layers(estimator, PREDICTORS)
    return None if layers is None else nn.Sequential(layers)


def may_have_one(estimator: Any) -> bool:  # noqa: ANN401
    """Whether :func:`network` may find a counterpart: for most others that is known without looking at what they learned."""
    last = estimator.steps[-1][1] if kind(estimator) == "Pipeline" else estimator
    return kind(last) in PREDICTORS or kind(last) == "Pipeline"


def _layers(estimator: Any, makers: Makers) -> Layers | None:  # noqa: ANN401
    """The layers of an estimator by name; ``makers`` are those of what predicts, or of what comes before."""
    if kind(estimator) == "Pipeline":
        return _steps(estimator.steps, makers)
    make = makers.get(kind(estimator))
    return None if make is None else make(estimator)


def kind(estimator: Any) -> str:  # noqa: ANN401
    """The name of scikit-learn's own class, "" for any other."""
    return type(estimator).__name__ if type(estimator).__module__.split(".")[0] == "sklearn" else ""


def _steps(steps: list[tuple[str, Any]], makers: Makers) -> Layers | None:
    """The steps of a pipeline by their own names; one of a single layer is that layer."""
    found = Layers()
    for place, (name, step) in enumerate(steps, 1):
        if step is None or step == "passthrough":
            continue
        layers = _layers(step, makers if place == len(steps) else TRANSFORMERS)
        if layers is None:
            return None
        legal = name.replace(".", "_") + ("_" if hasattr(nn.Sequential, name) else "")
        found[legal] = next(iter(layers.values())) if len(layers) == 1 else nn.Sequential(layers)
    return found or None


def linear(weight: np.ndarray, bias: np.ndarray | float) -> nn.Linear:
    """A linear layer of these numbers (output, feature), made without drawing others first."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta", dtype=torch.float64).to_empty(device="cpu")
    with torch.no_grad():
        layer.weight.copy_(_tensor(weight))
        layer.bias.copy_(_tensor(np.broadcast_to(bias, len(weight))))
    return layer


def _tensor(array: Any) -> Tensor:  # noqa: ANN401
    return torch.from_numpy(np.array(array, np.float64))


# ---- steps before the last -------------------------------------------------------------------------------------------------


# These are units of measurement, not weights: plain tensors, which stay as they are where the parameters of a network are shuffled.


class Scaled(nn.Module):
    """(x - center) / scale, each feature by its own."""

    def __init__(self, center: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.center, self.scale = _tensor(center), _tensor(scale)

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature)."""
        return (x - self.center) / self.scale


class Projected(nn.Module):
    """(x - center) onto some directions."""

    def __init__(self, directions: np.ndarray, center: np.ndarray) -> None:
        super().__init__()
        self.directions, self.center = _tensor(directions), _tensor(center)

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature) to (sample, direction)."""
        return nn.functional.linear(x - self.center, self.directions)


class Chosen(nn.Module):
    """Some of the features."""

    def __init__(self, chosen: np.ndarray) -> None:
        super().__init__()
        self.places = torch.from_numpy(np.flatnonzero(chosen))

    def forward(self, x: Tensor) -> Tensor:
        """(sample, feature) to (sample, chosen feature)."""
        return x.index_select(1, self.places)


def _scaler(step: Any) -> Layers:  # noqa: ANN401
    """What a scaler does not take off or divide by it has not, or is None."""
    count = step.n_features_in_
    center, scale = getattr(step, "center_", None), getattr(step, "scale_", None)
    return Layers(scaled=Scaled(np.zeros(count) if center is None else center, np.ones(count) if scale is None else scale))


def _standard(step: Any) -> Layers:  # noqa: ANN401
    """The mean is learned even where it is not taken off."""
    count = step.n_features_in_
    center = step.mean_ if step.with_mean else np.zeros(count)
    return Layers(scaled=Scaled(center, step.scale_ if step.with_std else np.ones(count)))


def _min_max(step: Any) -> Layers:  # noqa: ANN401
    layers = Layers(scaled=Scaled(-step.min_ / step.scale_, 1 / step.scale_))
    if step.clip:
        low, high = step.feature_range
        layers["clip"] = nn.Hardtanh(float(low), float(high))
    return layers


def _pca(step: Any) -> Layers:  # noqa: ANN401
    weight = step.components_
    if step.whiten:
        spread = np.sqrt(step.explained_variance_)
        weight = weight / np.maximum(spread, np.finfo(spread.dtype).eps)[:, None]
    return Layers(projected=Projected(weight, step.mean_))


def _truncated(step: Any) -> Layers:  # noqa: ANN401
    return Layers(projected=Projected(step.components_, np.zeros(step.components_.shape[1])))


def _selection(step: Any) -> Layers:  # noqa: ANN401
    return Layers(chosen=Chosen(step.get_support()))


# ---- what predicts ---------------------------------------------------------------------------------------------------------


class Kernel(nn.Module):
    """The kernel of each row with every support vector: (sample, feature) to (sample, support vector)."""

    def __init__(self, machine: Any) -> None:  # noqa: ANN401
        super().__init__()
        self.support = nn.Parameter(_tensor(machine.support_vectors_))
        self.kind, self.gamma = machine.kernel, float(machine._gamma)
        self.shift, self.degree = float(machine.coef0), int(machine.degree)

    def forward(self, x: Tensor) -> Tensor:
        """exp(-gamma |x - s|^2), tanh(gamma x.s + shift) or (gamma x.s + shift)^degree."""
        product = x @ self.support.T
        if self.kind == "rbf":
            return torch.exp(self.gamma * (2 * product - (x * x).sum(1, keepdim=True) - (self.support * self.support).sum(1)))
        shifted = self.gamma * product + self.shift
        return torch.tanh(shifted) if self.kind == "sigmoid" else shifted**self.degree


def _weight(model: Any) -> np.ndarray:  # noqa: ANN401
    """(output, feature), also where the coefficients were made sparse."""
    found = model.coef_
    return np.atleast_2d(found.toarray() if hasattr(found, "toarray") else found)


def _regression(model: Any) -> Layers:  # noqa: ANN401
    return Layers(output=linear(_weight(model), model.intercept_))


def _decision(model: Any) -> Layers:  # noqa: ANN401
    """Signed distances; of two classes both, the one the negative of the other."""
    return Layers(output=_both(_weight(model), model.intercept_))


def _both(weight: np.ndarray, bias: np.ndarray | float) -> nn.Linear:
    bias = np.broadcast_to(bias, len(weight))
    return linear(np.concatenate([-weight, weight]), np.concatenate([-bias, bias])) if len(weight) == 1 else linear(weight, bias)


def _logits(weight: np.ndarray, bias: np.ndarray) -> nn.Linear:
    """One logit a class; of two classes the first is 0, so that a softmax gives both probabilities."""
    if len(weight) > 1:
        return linear(weight, bias)
    return linear(np.concatenate([np.zeros_like(weight), weight]), np.concatenate([np.zeros(1), np.broadcast_to(bias, 1)]))


def _softmax(model: Any) -> Layers:  # noqa: ANN401
    return Layers(output=_logits(_weight(model), model.intercept_), softmax=nn.Softmax(dim=1))


def _one_versus_rest(model: Any) -> Layers:  # noqa: ANN401
    """The logistic function of every class, over their sum."""
    layers = _softmax(model)
    if len(_weight(model)) > 1:
        layers = Layers(output=layers["output"], one_versus_rest=nn.LogSigmoid(), softmax=layers["softmax"])
    return layers


def _logistic_regression(model: Any) -> Layers | None:  # noqa: ANN401
    asked = getattr(model, "multi_class", "auto")
    if len(_weight(model)) == 1:
        return None if asked == "multinomial" else _softmax(model)
    return _one_versus_rest(model) if asked == "ovr" or model.solver == "liblinear" else _softmax(model)


def _stochastic(model: Any) -> Layers | None:  # noqa: ANN401
    if model.loss == "modified_huber":  # its probabilities are pieces of straight lines, with cases of their own
        return None
    return _one_versus_rest(model) if model.loss == "log_loss" else _decision(model)


def _support_vectors(machine: Any) -> Layers | None:  # noqa: ANN401
    """Only what is one sum over support vectors: with probabilities or more classes libsvm goes on with rules of its own."""
    classes = getattr(machine, "classes_", None)
    if machine._sparse or hasattr(machine, "predict_proba") or (classes is not None and len(classes) != 2):
        return None
    both = linear if classes is None else _both
    if machine.kernel == "linear":
        return Layers(output=both(machine.coef_, machine.intercept_))
    if machine.kernel not in ("rbf", "poly", "sigmoid"):
        return None
    return Layers(kernel=Kernel(machine), output=both(machine.dual_coef_, machine.intercept_))


def _perceptron(model: Any) -> Layers | None:  # noqa: ANN401
    """hidden_1, relu_1, ..., output, and softmax or sigmoid."""
    layers = Layers()
    last = len(model.coefs_) - 1
    for place, (weight, bias) in enumerate(zip(model.coefs_[:last], model.intercepts_[:last], strict=True), 1):
        layers[f"hidden_{place}"] = linear(weight.T, bias)
        if model.activation != "identity":
            layers[f"{model.activation}_{place}"] = ACTIVATIONS[model.activation]()
    weight, bias, ending = model.coefs_[last].T, model.intercepts_[last], model.out_activation_
    if ending == "logistic" and len(weight) > 1:  # labels that do not exclude one another
        layers["output"], layers["sigmoid"] = linear(weight, bias), nn.Sigmoid()
    elif ending in ("logistic", "softmax"):
        layers["output"], layers["softmax"] = _logits(weight, bias), nn.Softmax(dim=1)
    elif ending == "identity":
        layers["output"] = linear(weight, bias)
    else:
        return None
    return layers


_REGRESSORS = (
    "LinearRegression Ridge RidgeCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC Lars LarsCV ElasticNet ElasticNetCV MultiTaskLasso "
    "MultiTaskElasticNet BayesianRidge ARDRegression HuberRegressor SGDRegressor LinearSVR OrthogonalMatchingPursuit TheilSenRegressor "
    "QuantileRegressor"
)
_SELECTIONS = "VarianceThreshold SelectKBest SelectPercentile SelectFpr SelectFdr SelectFwe SelectFromModel RFE RFECV"
PREDICTORS: Makers = {
    **dict.fromkeys(_REGRESSORS.split(), _regression),
    **dict.fromkeys(("RidgeClassifier", "RidgeClassifierCV", "LinearSVC", "Perceptron"), _decision),
    **dict.fromkeys(("SVC", "NuSVC", "SVR", "NuSVR"), _support_vectors),
    **dict.fromkeys(("MLPClassifier", "MLPRegressor"), _perceptron),
    **dict.fromkeys(("LogisticRegression", "LogisticRegressionCV"), _logistic_regression),
    "SGDClassifier": _stochastic,
    "LinearDiscriminantAnalysis": _softmax,
}
TRANSFORMERS: Makers = {
    **dict.fromkeys(_SELECTIONS.split(), _selection),
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _scaler,
    "RobustScaler": _scaler,
    "PCA": _pca,
    "TruncatedSVD": _truncated,
}
