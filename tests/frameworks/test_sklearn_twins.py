"""scikit-learn estimators that stand on torch: the same answers, and the explanations of the same network written in torch by hand."""

from __future__ import annotations

import gc
import random
import weakref
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, LinearSVR, NuSVC
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, ModelError
from pellucid.models.sklearn_answers import answers
from pellucid.models.sklearn_model import EstimatorTwin

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning")

RAW, THREE = load_wine(return_X_y=True)
ROWS = (RAW - RAW.mean(0)) / RAW.std(0)
TWO = np.where(THREE == 1, "yes", "no")
LABELS = np.stack([THREE == 0, THREE > 0, ROWS[:, 0] > 0], 1).astype(int)
VALUE = ROWS[:, 0] * 2 + THREE
VALUES = np.stack([VALUE, ROWS[:, 1]], 1)
EXACT = 1e-10


def perceptron(kind: Any, activation: str = "relu") -> Any:
    return kind(hidden_layer_sizes=(7, 5), activation=activation, max_iter=40, random_state=0)


PERCEPTRONS = {
    f"{kind.__name__} {activation} {name}": (perceptron(kind, activation), target)
    for activation in ("identity", "logistic", "tanh", "relu")
    for kind, targets in ((MLPClassifier, {"two": TWO, "three": THREE, "labels": LABELS}), (MLPRegressor, {"one": VALUE, "both": VALUES}))
    for name, target in targets.items()
}
LINEAR = {
    "logistic two": (LogisticRegression(), TWO),
    "logistic three": (LogisticRegression(), THREE),
    "liblinear": (LogisticRegression(solver="liblinear"), TWO),
    "sgd log two": (SGDClassifier(loss="log_loss", random_state=0), TWO),
    "sgd log three": (SGDClassifier(loss="log_loss", random_state=0), THREE),
    "sgd hinge two": (SGDClassifier(random_state=0), TWO),
    "sgd hinge three": (SGDClassifier(random_state=0), THREE),
    "discriminant": (LinearDiscriminantAnalysis(), THREE),
    "ridge classes": (RidgeClassifier(), TWO),
    "perceptron": (Perceptron(random_state=0), THREE),
    "least squares": (LinearRegression(), VALUE),
    "two values": (LinearRegression(), VALUES),
    "ridge": (Ridge(), VALUE),
    "lasso": (Lasso(alpha=0.1), VALUE),
    "elastic net": (ElasticNet(alpha=0.1), VALUE),
    "sgd value": (SGDRegressor(random_state=0), VALUE),
}
MACHINES = {
    **{f"svc {kernel}": (SVC(kernel=kernel), TWO) for kernel in ("linear", "rbf", "poly", "sigmoid")},
    **{f"svr {kernel}": (SVR(kernel=kernel, coef0=0.5), VALUE) for kernel in ("linear", "rbf", "poly", "sigmoid")},
    "nu": (NuSVC(gamma="auto"), TWO),
    "linear two": (LinearSVC(random_state=0), TWO),
    "linear three": (LinearSVC(random_state=0), THREE),
    "linear value": (LinearSVR(random_state=0), VALUE),
}
STEPS = {
    "standard": StandardScaler(),
    "no mean": StandardScaler(with_mean=False),
    "no scale": StandardScaler(with_std=False),
    "min max": MinMaxScaler((-1, 2)),
    "clipped": MinMaxScaler(clip=True),
    "largest": MaxAbsScaler(),
    "robust": RobustScaler(),
    "robust, no center": RobustScaler(with_centering=False),
    "components": PCA(5),
    "white components": PCA(5, whiten=True),
    "singular": TruncatedSVD(4, random_state=0),
    "best": SelectKBest(k=5),
    "varied": VarianceThreshold(0.5),
}
PIPELINES = {name: (make_pipeline(step, StandardScaler(), perceptron(MLPClassifier)), THREE) for name, step in STEPS.items()}
CASES = {**PERCEPTRONS, **LINEAR, **MACHINES, **PIPELINES, "skipped": (make_pipeline("passthrough", Ridge()), VALUE)}


@pytest.mark.parametrize("name", CASES)
def test_the_twin_answers_as_the_estimator(name: str) -> None:
    estimator, target = CASES[name]
    rows = RAW if name in PIPELINES else ROWS
    estimator.fit(rows[::2], target[::2])
    model = pl.wrap(estimator)
    assert isinstance(model, EstimatorTwin)
    assert model.dtype == "float64"
    own, theirs = model.net(torch.from_numpy(rows)).detach().numpy(), answers(estimator, rows)
    assert own.shape == theirs.shape
    assert np.abs(own - theirs).max() <= EXACT * max(1.0, np.abs(theirs).max())
    if hasattr(estimator, "predict_proba") and not isinstance(estimator.predict_proba(rows), list):
        np.testing.assert_array_equal(theirs, estimator.predict_proba(rows))
    made = pl.explain(estimator, rows[:2], "gradient", target=pl.Output(0), checks="none")
    assert bool(np.isfinite(made.arrays[0].values).all())


@pytest.mark.parametrize(
    "estimator",
    [SVC(), SGDClassifier(loss="modified_huber"), make_pipeline(LinearDiscriminantAnalysis(n_components=2), LogisticRegression())],
    ids=["three classes", "pieces", "a classifier as a step"],
)
def test_what_has_no_closed_form_is_a_function(estimator: Any) -> None:
    assert not isinstance(pl.wrap(estimator.fit(ROWS, THREE)), EstimatorTwin)


def test_sparse_coefficients_and_odd_names() -> None:
    odd = Pipeline([("forward", StandardScaler()), ("a.b", LogisticRegression())]).fit(RAW, THREE)
    odd[-1].sparsify()
    model = pl.wrap(odd)
    assert isinstance(model, EstimatorTwin)
    np.testing.assert_allclose(model.net(torch.from_numpy(RAW)).detach().numpy(), odd.predict_proba(RAW), atol=EXACT)


def test_a_subclass_may_answer_in_another_way() -> None:
    class Other(LinearRegression):
        def predict(self, X: np.ndarray) -> np.ndarray:
            return super().predict(X) ** 2

    assert not isinstance(pl.wrap(Other().fit(ROWS, VALUE)), EstimatorTwin)


# ---- explanations ----------------------------------------------------------------------------------------------------------


class Both(nn.Module):
    """A single logit as the second of two, the first of which is 0."""

    def forward(self, logit: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(logit), logit], 1).softmax(1)


def by_hand(estimator: Any, *, ending: nn.Module | None) -> nn.Sequential:
    layers: list[nn.Module] = []
    for weight, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True):
        layer = nn.Linear(*weight.shape, dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(weight.T), torch.tensor(bias)
        layers += [layer, nn.Tanh() if estimator.activation == "tanh" else nn.ReLU()]
    return nn.Sequential(*layers[:-1], *([ending] if ending else []))


METHODS = {
    "gradient": pl.Gradient(),
    "gradient_times_input": pl.GradientTimesInput(),
    "integrated_gradients": pl.IntegratedGradients(baseline=pl.BackgroundMean()),
    "expected_gradients": pl.ExpectedGradients(samples=32),
    "smoothgrad": pl.SmoothGrad(samples=8),
    "lrp": pl.LRP(),
    "deeplift": pl.DeepLIFT(baseline=pl.BackgroundMean()),
    "deepshap": pl.DeepSHAP(),
    "shap": pl.SHAP(samples=120, estimator="leverage", value="marginal", references=20),
    "lime": pl.LIME(samples=200),
    "occlusion": pl.Occlusion(baseline=pl.BackgroundMean()),
}
NETWORKS = {
    "three": (perceptron(MLPClassifier), THREE, nn.Softmax(dim=1), "probabilities", 1),
    "tanh": (perceptron(MLPClassifier, "tanh"), THREE, nn.Softmax(dim=1), "probabilities", 2),
    "two": (perceptron(MLPClassifier), TWO, Both(), "probabilities", 1),
    "one logit": (perceptron(MLPClassifier), TWO, None, "logits", 1),
    "value": (perceptron(MLPRegressor), VALUE, None, "values", pl.Output(0)),
}


OTHER_PATHS = {("one logit", "lrp"), ("one logit", "integrated_gradients")}  # rules and nodes are others without a softmax


@pytest.mark.parametrize(("name", "method"), [pair for pair in product(NETWORKS, METHODS) if pair not in OTHER_PATHS])
def test_explanations_are_those_of_the_network_written_by_hand(name: str, method: str) -> None:
    estimator, labels, ending, outputs, target = NETWORKS[name]
    estimator.fit(ROWS, labels)
    net = by_hand(estimator, ending=ending)
    options: dict[str, Any] = {"target": target, "background": ROWS[60:120], "checks": "none"}
    found = pl.explain(estimator, ROWS[:4], METHODS[method], **options).arrays[0].values
    given = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular"),), outputs=outputs)  # type: ignore[arg-type]
    direct = pl.explain(net, ROWS[:4], METHODS[method], spec=given, **options).arrays[0].values
    assert np.linalg.norm(found - direct) <= 1e-6 * np.linalg.norm(direct)
    assert np.linalg.norm(direct) > 0


def test_rules_follow_a_pipeline_with_a_scaler() -> None:
    pipeline = make_pipeline(StandardScaler(), perceptron(MLPClassifier)).fit(RAW, THREE)
    for method in (pl.DeepLIFT(baseline=pl.BackgroundMean()), pl.IntegratedGradients(baseline=pl.BackgroundMean()), "deepshap"):
        made = pl.explain(pipeline, RAW[:5], method, background=RAW)
        residual = next(check for check in made.checks if check.name == "completeness")
        assert bool((residual.value <= residual.reference).all())


def test_a_support_vector_machine_has_gradients() -> None:
    machine = SVC().fit(ROWS, TWO)
    made = pl.explain(machine, ROWS[:3], "gradient", target="yes", checks="none")
    step, found = 1e-5, made.arrays[0].values
    for feature in range(ROWS.shape[1]):
        moved = np.eye(ROWS.shape[1])[feature] * step
        slope = (machine.decision_function(ROWS[:3] + moved) - machine.decision_function(ROWS[:3] - moved)) / (2 * step)
        np.testing.assert_allclose(found[:, feature], slope, rtol=1e-5, atol=1e-8)


# ---- what is known, and what stays as it was -------------------------------------------------------------------------------


def test_layers_classes_and_features_have_their_names() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(RAW, columns=load_wine().feature_names)
    pipeline = make_pipeline(StandardScaler(), perceptron(MLPClassifier)).fit(table, TWO)
    model: Any = pl.wrap(pipeline)
    assert model.name == "Pipeline (StandardScaler, MLPClassifier)"
    assert model.framework[0] == "scikit-learn"
    assert model.spec.class_names == ("no", "yes")
    assert model.spec.outputs == "probabilities"
    names = [name for name, module in model.net.named_modules() if not list(module.children())]
    inside = ["hidden_1", "relu_1", "hidden_2", "relu_2", "output", "softmax"]
    assert names == ["standardscaler", *(f"mlpclassifier.{name}" for name in inside)]
    made = pl.explain(pipeline, table[:2], pl.Conductance(layer="mlpclassifier.relu_1"), target="yes", background=table, checks="none")
    assert made.layer == "mlpclassifier.relu_1"
    made = pl.explain(pipeline, RAW[:2], "lrp", checks="none")
    assert list(made.values.coords["feature"].values) == list(table.columns)
    with pytest.raises(InputError, match=r"order.*proline.*frame\[\['alcohol'"):
        pl.explain(pipeline, table[table.columns[::-1]][:2], "lrp")


def test_integers_and_float32_are_numbers() -> None:
    whole = np.round(ROWS * 3).astype(int)
    model = perceptron(MLPClassifier).fit(whole, THREE)
    for rows in (whole, torch.from_numpy(whole), whole.astype(np.float32), torch.from_numpy(whole).float()):
        found = pl.explain(model, rows[:3], "gradient", target=1, checks="none").arrays[0].values
        np.testing.assert_allclose(found, pl.explain(model, whole[:3].astype(float), "gradient", target=1, checks="none").arrays[0].values)


def test_a_search_over_settings_is_its_best_estimator() -> None:
    search = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1.0]}).fit(RAW, TWO)
    model = pl.wrap(search)
    assert isinstance(model, EstimatorTwin)
    np.testing.assert_allclose(model.net(torch.from_numpy(RAW)).detach().numpy(), search.predict_proba(RAW), atol=EXACT)


def test_fitting_again_makes_another_twin() -> None:
    model = perceptron(MLPClassifier).fit(ROWS, THREE)
    first = pl.wrap(model)
    assert pl.wrap(model).net is first.net  # type: ignore[attr-defined]
    before = pl.explain(model, ROWS[:3], "gradient", target=1, checks="none")
    model.coefs_[0] *= 1.5  # in place, as partial_fit does
    with pytest.raises(ModelError, match=r"fitted again, or altered, after it was wrapped.*wrap it again"):
        pl.explain(first, ROWS[:3], "gradient")
    after = pl.explain(model, ROWS[:3], "gradient", target=1, checks="none")
    assert after.provenance.model_fingerprint != before.provenance.model_fingerprint
    assert not np.allclose(after.arrays[0].values, before.arrays[0].values)


def test_the_twin_does_not_keep_the_estimator() -> None:
    model = perceptron(MLPClassifier).fit(ROWS, THREE)
    pl.explain(model, ROWS[:2], "gradient")
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("method", ["lrp", "shap", "occlusion", "integrated_gradients"])
def test_no_trace(method: str) -> None:
    model = perceptron(MLPClassifier).fit(ROWS, THREE)
    arrays = [*model.coefs_, *model.intercepts_, ROWS]
    before, keys = [array.tobytes() for array in arrays], list(vars(model))
    np.random.seed(7)  # noqa: NPY002
    states = np.random.get_state()[1].tobytes(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    pl.explain(model, ROWS[:3], method, background=ROWS[:20], checks="full")
    assert [array.tobytes() for array in arrays] == before
    assert list(vars(model)) == keys
    assert np.random.get_state()[1].tobytes() == states[0]  # noqa: NPY002
    assert random.getstate() == states[1]
    assert torch.equal(torch.get_rng_state(), states[2])


def test_random_parameters_are_asked_of_the_twin() -> None:
    model = make_pipeline(StandardScaler(), perceptron(MLPClassifier)).fit(RAW, THREE)
    made = pl.explain(model, RAW[:4], "gradient_times_input", background=RAW, checks="full")
    assert "parameter_randomization" in {check.name for check in made.checks}
    raw = LogisticRegression().fit(ROWS, THREE)
    raw.coef_ = np.outer([1.0, 1.0, -2.0], [1e4, *[1e-4] * 12])
    rows = np.concatenate([np.zeros((4, 1)), np.ones((4, 12))], 1)  # shuffled, the large weights meet columns that are not 0
    made = pl.explain(raw, rows, "gradient_times_input", background=rows, checks="full")
    assert "parameter_randomization" not in {check.name for check in made.checks}
