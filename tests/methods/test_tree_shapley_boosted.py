"""Shapley values read from the trees of XGBoost and LightGBM: against enumeration of all coalitions, and what must not be read."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from methods.test_tree_shapley import MARGIN, ROWS, THREE, VALUE, apart, both
from pellucid.models.boosted_trees import BOOSTED

LACKING = ROWS.copy()
LACKING[::5, 0] = LACKING[::7, 3] = np.nan
QUIET: dict[str, Any] = {"verbose": -1, "min_child_samples": 5, "random_state": 0}
STEPS: dict[str, Any] = {"subsample": 0.5, "subsample_freq": 1}


def lightgbm(kind: str, **settings: Any) -> Any:
    library = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    return getattr(library, f"LGBM{kind}")(**{"n_estimators": 12, **QUIET, **settings})


def xgboost(kind: str, **settings: Any) -> Any:
    library = pytest.importorskip("xgboost", reason="xgboost is not installed")
    return getattr(library, f"XGB{kind}")(**{"n_estimators": 12, "max_depth": 4, "random_state": 0, **settings})


MODELS: dict[str, tuple[Any, str, dict[str, Any], np.ndarray, np.ndarray]] = {
    "lightgbm": (lightgbm, "Regressor", {}, ROWS, VALUE),
    "lightgbm, gaps": (lightgbm, "Regressor", {}, LACKING, VALUE),
    "lightgbm, forest": (lightgbm, "Regressor", {"boosting_type": "rf", **STEPS}, ROWS, VALUE),
    "lightgbm, dropped trees": (lightgbm, "Regressor", {"boosting_type": "dart"}, ROWS, VALUE),
    "lightgbm, two classes": (lightgbm, "Classifier", {}, ROWS, THREE > 0),
    "lightgbm, three classes": (lightgbm, "Classifier", {}, LACKING, THREE),
    "xgboost": (xgboost, "Regressor", {}, ROWS, VALUE),
    "xgboost, gaps": (xgboost, "Regressor", {}, LACKING, VALUE),
    "xgboost, forest": (xgboost, "RFRegressor", {}, ROWS, VALUE),
    "xgboost, dropped trees": (xgboost, "Regressor", {"booster": "dart", "rate_drop": 0.3}, ROWS, VALUE),
    "xgboost, two classes": (xgboost, "Classifier", {}, ROWS, (THREE > 0).astype(int)),
    "xgboost, three classes": (xgboost, "Classifier", {}, LACKING, THREE),
}


@pytest.mark.parametrize("name", MODELS)
def test_trees_agree_with_enumeration(name: str) -> None:
    make, kind, settings, rows, labels = MODELS[name]
    model = make(kind, **settings).fit(rows, labels)
    read, enumerated = both(model, rows[:9], rows[50:90], MARGIN if "class" in name else None)
    assert "exact Shapley values of" in read.provenance.choices[1]
    assert read.provenance.evaluations <= 9 + 40
    assert apart(read, enumerated) <= (1e-5 if make is xgboost else 1e-12)  # XGBoost adds up in single precision
    assert (np.abs(read.arrays[0].values - enumerated.arrays[0].values) <= read.errors[0].values).all()


def test_a_fit_that_went_on_beyond_its_best_round() -> None:
    noise = np.random.default_rng(1).normal(size=200)
    held = [(ROWS[150:], VALUE[150:] + noise[150:])]
    model = xgboost("Regressor", n_estimators=60, early_stopping_rounds=3, max_depth=6)
    model.fit(ROWS[:150], VALUE[:150] + noise[:150], eval_set=held, verbose=False)
    assert model.best_iteration < model.get_booster().num_boosted_rounds() - 1
    read, enumerated = both(model, ROWS[:5], ROWS[50:70])
    assert f"exact Shapley values of {model.best_iteration + 1} tree" in read.provenance.choices[1]
    assert apart(read, enumerated) <= 1e-5


def test_what_is_no_sum_over_trees_with_numbers_is_evaluated() -> None:
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame(ROWS, columns=list("abcdefg")).assign(a=pd.Categorical((ROWS[:, 0] * 3).astype(int)))
    models = [
        lightgbm("Regressor", min_data_per_group=1, cat_smooth=1, max_cat_to_onehot=2).fit(frame, VALUE),
        lightgbm("Regressor", zero_as_missing=True).fit(ROWS, VALUE),
        lightgbm("Regressor", linear_tree=True).fit(ROWS, VALUE),
        lightgbm("Regressor", objective="cross_entropy").fit(ROWS, THREE > 0),
        xgboost("Regressor", enable_categorical=True).fit(frame, VALUE),
        xgboost("Regressor", booster="gblinear", max_depth=None).fit(ROWS, VALUE),
        xgboost("Regressor", objective="reg:logistic").fit(ROWS, THREE / 2),
    ]
    for model in models:
        assert BOOSTED[f"{type(model).__module__.split('.')[0]}.{type(model).__name__}"](model) is None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pl.explain(models[2], ROWS[:2], pl.SHAP(samples=64), background=ROWS[:10], checks="none")
    assert "exact Shapley values of" not in found.provenance.choices[1]
    counts = xgboost("Regressor", objective="count:poisson").fit(ROWS, THREE)  # the logarithm of the answer is the sum
    assert "exact Shapley values of" not in pl.explain(counts, ROWS[:2], "shap", background=ROWS[:10], checks="none").provenance.choices[1]
