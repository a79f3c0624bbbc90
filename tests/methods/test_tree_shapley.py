"""Shapley values read from trees: against enumeration of all coalitions, another library, and what must not be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor

import pellucid as pl
from pellucid.methods.games import tree_shapley as module
from pellucid.methods.games.tree_shapley import tree_shapley
from pellucid.models.sklearn_trees import forest as forest_of
from pellucid.models.trees import Forest, Tree

DRAW = np.random.default_rng(0)
ROWS = DRAW.integers(0, 4, (200, 7)) / 3  # a grid: rows often lie exactly on a threshold's side, and 1/3 is no float32
THREE = (ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2] > 0.7).astype(int) + (ROWS[:, 3] > 0.5)
TWO = np.where(THREE > 0, "yes", "no")
VALUE = ROWS[:, 0] + ROWS[:, 1] * ROWS[:, 2] + (ROWS[:, 5] > 0.5) * ROWS[:, 6]
MARGIN = pl.Margin(1, 0)
MODELS: dict[str, tuple[Any, np.ndarray, Any]] = {
    "forest": (RandomForestClassifier(15, random_state=0), THREE, 1),
    "forest of two": (RandomForestClassifier(15, random_state=0), TWO, "no"),
    "predicted class": (RandomForestClassifier(15, random_state=0), THREE, None),
    "extra trees": (ExtraTreesClassifier(15, random_state=0), THREE, 2),
    "weighted": (RandomForestClassifier(15, class_weight="balanced", random_state=0), THREE, 1),
    "tree": (DecisionTreeClassifier(random_state=0), THREE, 1),
    "value": (RandomForestRegressor(15, random_state=0), VALUE, None),
    "two values": (RandomForestRegressor(15, random_state=0), np.stack([VALUE, -THREE], 1), pl.Output(1)),
    "value tree": (DecisionTreeRegressor(max_depth=4, random_state=0), VALUE, None),
    "extra tree": (ExtraTreeRegressor(random_state=0), VALUE, None),
    "boosted": (GradientBoostingRegressor(n_estimators=15, random_state=0), VALUE, None),
    "histogram": (HistGradientBoostingRegressor(max_iter=15, random_state=0), VALUE, None),
    "boosted classes": (GradientBoostingClassifier(n_estimators=10, random_state=0), THREE, MARGIN),
    "boosted two": (GradientBoostingClassifier(n_estimators=10, random_state=0), TWO, MARGIN),
    "histogram classes": (HistGradientBoostingClassifier(max_iter=10, random_state=0), THREE, MARGIN),
    "histogram two": (HistGradientBoostingClassifier(max_iter=10, random_state=0), TWO, MARGIN),
}


def both(model: Any, rows: Any, background: Any, target: Any = None, **fields: Any) -> tuple[pl.Explanation, pl.Explanation]:
    """By the trees, and by enumeration of all coalitions."""
    options = {"target": target, "background": background, "checks": "none"}
    return pl.explain(model, rows, pl.SHAP(**fields), **options), pl.explain(model, rows, pl.SHAP(**fields, estimator="exact"), **options)


def apart(first: pl.Explanation, second: pl.Explanation) -> float:
    scale = float(np.abs(second.arrays[0].values).max())
    return float(np.abs(first.arrays[0].values - second.arrays[0].values).max()) / scale


@pytest.mark.parametrize("name", MODELS)
def test_trees_agree_with_enumeration(name: str) -> None:
    model, labels, target = MODELS[name]
    model.fit(ROWS, labels)
    read, enumerated = both(model, ROWS[:9], ROWS[50:90], target)
    assert "exact Shapley values of" in read.provenance.choices[1]
    assert "against 40 background rows" in read.provenance.choices[1]
    assert "exact enumeration" in enumerated.provenance.choices[1]
    assert read.error_kind == "exact"
    assert apart(read, enumerated) <= 1e-12
    assert read.provenance.evaluations <= 9 + 40
    np.testing.assert_allclose(read.decision.baseline_scores, enumerated.decision.baseline_scores, atol=1e-12)


def test_rows_are_rounded_as_the_estimator_rounds_them() -> None:
    """Values that differ from the threshold by less than float32 can tell."""
    rows = np.repeat(ROWS, 2, 0) + DRAW.choice([-1e-9, 0, 1e-9], (400, 7))
    model = RandomForestClassifier(15, random_state=0).fit(rows, np.repeat(THREE, 2))
    near = model.estimators_[0].tree_
    rows[:8, near.feature[0]] = near.threshold[0] + np.array([-1e-9, 0, 1e-9, 1e-8, -1e-8, 1e-7, -1e-7, 0])
    assert apart(*both(model, rows[:8], rows[60:100], 1)) <= 1e-12


@pytest.mark.parametrize("players", [(0, 0, 1, 1, 2, 2, 2), (0, 1, 2, 3, 0, 1, 2), (0,) * 7], ids=str)
def test_players_may_own_several_features(players: tuple[int, ...]) -> None:
    model = RandomForestClassifier(15, random_state=0).fit(ROWS, THREE)
    read, enumerated = both(model, ROWS[:6], ROWS[50:80], 1, players=players)
    assert apart(read, enumerated) <= 1e-12


def test_one_hot_columns_of_a_raw_table() -> None:
    pd = pytest.importorskip("pandas")
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OneHotEncoder

    table = pd.DataFrame({"a": ROWS[:, 0], "kind": np.array(list("wxyz"))[(ROWS[:, 1] * 3).astype(int)], "b": ROWS[:, 2]})
    table["flag"] = pd.Categorical(np.where(ROWS[:, 3] > 0.5, "on", "off"))
    table.loc[::9, "b"] = np.nan
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([("texts", OneHotEncoder(), ["kind", "flag"]), ("rest", numbers, ["b", "a"])])
    model = make_pipeline(columns, RandomForestClassifier(15, random_state=0)).fit(table, TWO)
    read, enumerated = both(model, table[:9], table[50:90], "yes")
    assert "exact Shapley values of 15 trees" in read.provenance.choices[1]
    assert apart(read, enumerated) <= 1e-12


def test_encoded_columns_of_a_preparation_play_together() -> None:
    rows = [[*row[:3].tolist(), "wxyz"[int(row[3] * 3)]] for row in ROWS]
    preparation = pl.TablePreparation.fit(rows)
    model = RandomForestClassifier(15, random_state=0).fit(preparation.apply(rows), THREE)
    options: dict[str, Any] = {"target": 1, "background": rows[50:90], "preparation": preparation, "checks": "none"}
    read = pl.explain(model, rows[:5], "shap", **options)
    assert "exact Shapley values" in read.provenance.choices[1]
    assert apart(read, pl.explain(model, rows[:5], pl.SHAP(estimator="exact"), **options)) <= 1e-12


def test_missing_values_go_where_the_tree_sends_them() -> None:
    rows = ROWS.copy()
    rows[DRAW.random(rows.shape) < 0.2] = np.nan
    for model in (HistGradientBoostingRegressor(max_iter=10), RandomForestRegressor(10, random_state=0)):
        assert apart(*both(model.fit(rows, VALUE), rows[:9], rows[50:90])) <= 1e-12


def test_one_baseline_is_a_background_of_one_row() -> None:
    model = RandomForestClassifier(15, random_state=0).fit(ROWS, THREE)
    read, enumerated = both(model, ROWS[:6], ROWS[50:80], 1, baseline=pl.Constant(0.5))
    assert "1 background row" in read.provenance.choices[1]
    assert apart(read, enumerated) <= 1e-12


def test_small_portions_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    model = forest_of(RandomForestRegressor(5, random_state=0).fit(ROWS, VALUE), None)
    assert model is not None
    columns = model.prepare(ROWS)
    whole = tree_shapley(model, columns[:9], columns[50:90], np.arange(7), np.ones((9, 1)))
    monkeypatch.setattr(module, "BLOCK", 4)
    np.testing.assert_allclose(tree_shapley(model, columns[:9], columns[50:90], np.arange(7), np.ones((9, 1))), whole, atol=1e-13)
    monkeypatch.setattr(module, "AT_ONCE", 100)
    monkeypatch.setattr(module, "BESIDE", 50)
    parts = tree_shapley(model, columns[:9], columns[50:90], np.arange(7), np.ones((9, 1)))
    np.testing.assert_allclose(parts, whole, atol=1e-13)


def test_a_long_way_down() -> None:
    """A list of conditions on ever new features, with sets of places of every size."""
    for features in (5, 12, 25, 60):
        inner = np.arange(features)
        left, right = np.full((2, 2 * features + 1), -1)
        left[inner], right[inner] = inner + 1, inner + features + 1
        feature, threshold = np.zeros((2, 2 * features + 1))
        feature[inner], threshold[inner] = inner, 0.5
        values = DRAW.normal(size=(2 * features + 1, 1))
        chain = Tree(left, right, feature.astype(int), threshold, np.zeros(2 * features + 1, bool), values)
        forest = Forest((chain,), lambda rows: rows, inner)
        rows, beside = DRAW.random((6, features)), DRAW.random((9, features))
        found = tree_shapley(forest, rows, beside, inner, np.ones((6, 1)))
        assert found is not None
        np.testing.assert_allclose(found.sum(1), (forest.sums(rows) - forest.sums(beside).mean(0))[:, 0], atol=1e-12)
        if features <= 12:
            assert_enumerated(forest, rows, beside, found)
    assert tree_shapley(forest, rows, beside, np.arange(60), np.ones((6, 1))) is not None
    many = Forest((chain,), lambda rows: rows, np.arange(60))
    assert module.WIDEST == 64
    assert tree_shapley(many, rows, beside, np.zeros(60, int), np.ones((6, 1))) is not None


def assert_enumerated(forest: Forest, rows: np.ndarray, beside: np.ndarray, found: np.ndarray) -> None:
    from pellucid.methods.games.exact import exact
    from pellucid.methods.games.game import Game

    def value(coalitions: np.ndarray) -> np.ndarray:
        mixed = np.where(coalitions[None, :, None], rows[:, None, None], beside[None, None])
        return forest.sums(mixed.reshape(-1, rows.shape[1])).reshape(mixed.shape[:3]).mean(2)

    np.testing.assert_allclose(found, exact(Game.of(value, rows.shape[1])).values, atol=1e-12)


def test_too_many_players_on_one_way_are_not_read() -> None:
    inner = np.arange(70)
    left, right = np.full((2, 141), -1)
    left[inner], right[inner] = inner + 1, inner + 71
    feature = np.zeros(141, int)
    feature[inner] = inner
    chain = Tree(left, right, feature, np.full(141, 0.5), np.zeros(141, bool), np.ones((141, 1)))
    rows = DRAW.random((2, 70))
    assert tree_shapley(Forest((chain,), lambda given: given, inner), rows, rows, inner, np.ones((2, 1))) is None


# ---- what must not be read from the trees ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "labels", "fields", "target"),
    [
        (GradientBoostingClassifier(n_estimators=5), THREE, {}, 1),  # a softmax of sums is no sum
        (GradientBoostingRegressor(n_estimators=5, init=DecisionTreeRegressor()), VALUE, {}, None),  # the start varies with the row
        (HistGradientBoostingRegressor(max_iter=5, loss="poisson"), VALUE, {}, None),
        (RandomForestClassifier(5), THREE, {}, lambda outputs: outputs[:, 1] ** 2),
        (RandomForestClassifier(5), THREE, {"value": "nearest"}, 1),
        (RandomForestClassifier(5), THREE, {"estimator": "permutation", "samples": 60}, 1),
        (make_pipeline(PolynomialFeatures(), RandomForestClassifier(5)), THREE, {}, 1),  # a column of two features
    ],
    ids=["probability", "start", "exponential", "square", "conditional", "asked otherwise", "products"],
)
def test_other_scores_and_questions_are_not_read(model: Any, labels: np.ndarray, fields: dict[str, Any], target: Any) -> None:
    made = pl.explain(model.fit(ROWS, labels), ROWS[:3], pl.SHAP(**fields), target=target, background=ROWS[50:60], checks="none")
    assert "trees" not in made.provenance.choices[1]
    assert made.error_kind == "standard_error"


def test_a_combination_of_probabilities_is_read() -> None:
    model = RandomForestClassifier(15, random_state=0).fit(ROWS, THREE)
    read, enumerated = both(model, ROWS[:5], ROWS[50:80], lambda outputs: outputs[:, 1] - outputs[:, 0])
    assert "exact Shapley values of 15 trees" in read.provenance.choices[1]
    assert apart(read, enumerated) <= 1e-12


def test_what_is_exact_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    model = RandomForestClassifier(15, random_state=0).fit(ROWS, THREE)
    made = pl.explain(model, ROWS[:5], "shap", background=ROWS[50:90])
    assert "Nothing was sampled" in made.narrate("en")
    assert "integral" not in made.narrate("en")
    assert "没有抽样" in made.narrate("zh-CN")
    residual = next(check for check in made.checks if check.name == "completeness")
    assert bool((residual.value <= residual.reference).all())


def test_another_library_agrees() -> None:
    shap = pytest.importorskip("shap", reason="shap is in the bench extra")
    rows = np.round(DRAW.random((300, 8)) * 64) / 64  # all sums of two are float32, so that nobody rounds
    labels = (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0.7).astype(int)
    cases = [
        (RandomForestClassifier(20, random_state=0), 1, 1e-6),
        (GradientBoostingClassifier(n_estimators=20, random_state=0), MARGIN, 1e-6),
        (RandomForestRegressor(20, random_state=0), None, 1e-6),
    ]
    for model, target, tolerance in cases:  # the other keeps leaves in single precision
        model.fit(rows, labels)
        peer = shap.TreeExplainer(model, rows[100:150], feature_perturbation="interventional")
        values = np.asarray(peer.shap_values(rows[:10], check_additivity=False))
        made = pl.explain(model, rows[:10], "shap", target=target, background=rows[100:150], checks="none")
        np.testing.assert_allclose(made.arrays[0].values, values[..., 1] if values.ndim == 3 else values, atol=tolerance)
