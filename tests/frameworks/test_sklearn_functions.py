"""Estimators without a counterpart in torch: functions of raw columns, with their classes, names and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import pellucid as pl
from pellucid.errors import CapabilityError, InputError, ModelError
from pellucid.models.sklearn_answers import answers
from pellucid.models.sklearn_model import EstimatorModel
from pellucid.models.sklearn_state import learned

ROWS, THREE = load_wine(return_X_y=True)


def people(count: int = 200) -> Any:
    """A table of numbers and text, and what is to be predicted of it."""
    pd = pytest.importorskip("pandas")
    draw = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "age": draw.integers(18, 80, count),
            "job": draw.choice(["baker", "driver", "teacher"], count),
            "income": draw.normal(50, 20, count).round(1),
            "city": pd.Categorical(draw.choice(["north", "south"], count)),
        }
    )
    rich = (table.income > 55) | ((table.job == "baker") & (table.age > 50))
    return table, np.where(rich, "yes", "no")


def pipeline(last: Any) -> Any:
    columns = [("numbers", StandardScaler(), ["age", "income"]), ("texts", OneHotEncoder(handle_unknown="ignore"), ["job", "city"])]
    return make_pipeline(ColumnTransformer(columns), last)


@pytest.mark.parametrize("last", [LogisticRegression(), RandomForestClassifier(10, random_state=0)], ids=["logistic", "forest"])
@pytest.mark.parametrize("method", ["shap", "occlusion", "lime"])
def test_raw_columns_are_explained(last: Any, method: str) -> None:
    table, labels = people()
    model = pipeline(last).fit(table, labels)
    made = pl.explain(model, table[:4], method, target="yes", background=table[100:140])
    assert list(made.values.coords["feature"].values) == ["age", "job", "income", "city"]
    assert made.decision.class_names == ("no", "yes")
    np.testing.assert_allclose(made.decision.probabilities.values, model.predict_proba(table[:4]))
    sizes = np.abs(pl.explain(model, table[:30], method, target="yes", background=table[100:140], checks="none").arrays[0].values).mean(0)
    assert sizes[2] > 1.5 * sizes[3], "the city does not matter"


def test_a_table_in_another_order_is_the_same_table() -> None:
    table, labels = people()
    model = pipeline(RandomForestClassifier(10, random_state=0)).fit(table, labels)
    found, other = (
        pl.explain(model, rows[:4], "shap", target="yes", background=rows[100:140], checks="none").values
        for rows in (table, table[table.columns[::-1]])
    )
    np.testing.assert_allclose(other.values[:, [3, 2, 1, 0]], found.values, atol=1e-12)
    assert list(other.feature.values) == list(found.feature.values)[::-1]


def test_an_array_gets_the_names_of_the_fit(recwarn: pytest.WarningsRecorder) -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(ROWS, columns=load_wine().feature_names)
    model = RandomForestClassifier(10, random_state=0).fit(table, THREE)
    made = pl.explain(model, ROWS[:2], "occlusion", background=ROWS, checks="none")
    assert list(made.values.coords["feature"].values) == list(table.columns)
    assert not [one for one in recwarn if "feature names" in str(one.message)]


def test_whole_numbers_are_numbers() -> None:
    whole = np.round(ROWS).astype(int)
    model = RandomForestClassifier(10, random_state=0).fit(whole, THREE)
    first, second = (pl.explain(model, rows[:3], "occlusion", target=1, background=rows).values for rows in (whole, whole.astype(float)))
    np.testing.assert_array_equal(first.values, second.values)


def test_missing_values_are_the_estimators_business() -> None:
    rows = ROWS.copy()
    rows[::7, 3] = np.nan
    made = pl.explain(HistGradientBoostingClassifier(max_iter=10).fit(rows, THREE), rows[:3], "shap", background=rows[:60], checks="none")
    assert bool(np.isfinite(made.arrays[0].values).all())
    forest = GaussianNB().fit(ROWS, THREE)
    with pytest.raises(ModelError, match=r"GaussianNB raised ValueError: Input X contains NaN.*model\.predict_proba\(rows\) must work"):
        pl.explain(forest, rows[:3], "occlusion", background=ROWS)


# ---- what is answered ------------------------------------------------------------------------------------------------------


def test_probabilities_else_distances_else_predictions() -> None:
    two = np.where(THREE == 1, "yes", "no")
    knn = KNeighborsClassifier().fit(ROWS, THREE)
    np.testing.assert_array_equal(answers(knn, ROWS), knn.predict_proba(ROWS))
    three = SVC().fit(ROWS, THREE)
    np.testing.assert_array_equal(answers(three, ROWS), three.decision_function(ROWS))
    apart = SVC().fit(ROWS, two)
    np.testing.assert_array_equal(answers(apart, ROWS), np.stack([-apart.decision_function(ROWS), apart.decision_function(ROWS)], 1))
    votes = VotingClassifier([("knn", knn), ("bayes", GaussianNB())]).fit(ROWS, two)
    np.testing.assert_array_equal(answers(votes, ROWS)[:, 1], votes.predict(ROWS) == "yes")
    assert pl.wrap(votes).spec.class_names == ("no", "yes")
    odd = IsolationForest(n_estimators=5, random_state=0).fit(ROWS)
    np.testing.assert_array_equal(answers(odd, ROWS)[:, 0], odd.decision_function(ROWS))
    values = RandomForestRegressor(5, random_state=0).fit(ROWS, np.stack([THREE, THREE**2], 1))
    np.testing.assert_array_equal(answers(values, ROWS), values.predict(ROWS))
    assert pl.explain(values, ROWS[:2], "occlusion", target=pl.Output(1), background=ROWS).decision.target == ("output 1",) * 2


def test_several_labels() -> None:
    labels = np.stack([THREE == 0, ROWS[:, 0] > 13], 1).astype(int)
    model = DecisionTreeClassifier(max_depth=3).fit(ROWS, labels)
    np.testing.assert_array_equal(answers(model, ROWS), np.stack([part[:, 1] for part in model.predict_proba(ROWS)], 1))
    assert pl.wrap(model).spec.class_names == ()
    several = DecisionTreeClassifier(max_depth=3).fit(ROWS, np.stack([THREE, THREE], 1))
    with pytest.raises(ModelError, match=r"several targets.*one target at a time"):
        pl.explain(several, ROWS[:2], "occlusion", background=ROWS)


def test_an_estimator_of_another_library() -> None:
    class Foreign:
        """As those of boosting libraries: scikit-learn's interface, not its classes."""

        classes_ = np.array(["low", "high"])

        def fit(self, *_: Any) -> Foreign:
            return self

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            return {}

        def set_params(self) -> None:
            pass

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            share = 1 / (1 + np.exp(-rows[:, 0]))
            return np.stack([1 - share, share], 1)

    made = pl.explain(Foreign(), ROWS[:3], "occlusion", target="high", background=ROWS)
    assert np.abs(made.arrays[0].values[:, 1:]).max() == 0
    assert made.provenance.model == "Foreign"


# ---- errors ----------------------------------------------------------------------------------------------------------------


class Broken(ClassifierMixin, BaseEstimator):
    def fit(self, rows: np.ndarray, labels: np.ndarray) -> Broken:
        self.classes_ = np.unique(labels)
        return self

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        raise KeyError("no such thing")


def test_errors_say_what_to_do() -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(ROWS, THREE)
    with pytest.raises(ModelError, match=r"not fitted.*RandomForestClassifier.*fit\(x, y\)"):
        pl.wrap(RandomForestClassifier())
    with pytest.raises(ModelError, match=r"not fitted.*Pipeline.*fit\(x, y\)"):
        pl.explain(make_pipeline(StandardScaler(), LogisticRegression()), ROWS, "lrp")
    with pytest.raises(ModelError, match=r"transforms, and predicts nothing.*StandardScaler.*pipeline that ends in one"):
        pl.wrap(StandardScaler().fit(ROWS))
    with pytest.raises(ModelError, match=r"no scores.*KMeans.*model\.transform"):
        pl.wrap(KMeans(2, n_init=1).fit(ROWS))
    with pytest.raises(InputError, match=r"another number of columns.*\(2, 5\).*fitted on 13 columns.*rows with 13 columns"):
        pl.explain(forest, ROWS[:2, :5], "occlusion")
    pd = pytest.importorskip("pandas")
    with pytest.raises(InputError, match=r"another number of columns.*\(2, 2\).*fitted on 13 columns"):
        pl.explain(LogisticRegression().fit(ROWS / 100, THREE), pd.DataFrame(ROWS[:2, :2]), "gradient")
    with pytest.raises(InputError, match=r"one table \(sample, feature\).*\(13,\).*x\[None\]"):
        pl.explain(forest, ROWS[0], "occlusion")
    with pytest.raises(ModelError, match=r"Broken raised KeyError.*ndarray of shape.*model\.predict_proba\(rows\) must work"):
        pl.explain(Broken().fit(ROWS, THREE), ROWS[:2], "occlusion")
    with pytest.raises(CapabilityError, match=r"gradient needs a model with gradient.*black box.*'shap' or 'occlusion'"):
        pl.explain(forest, ROWS[:2], "gradient")
    with pytest.raises(ModelError, match=r"class, not a model.*RandomForestClassifier"):
        pl.wrap(RandomForestClassifier)


def test_sparse_rows_are_refused_with_the_way_out() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    forest = RandomForestClassifier(5, random_state=0).fit(sparse.csr_array(ROWS), THREE)
    with pytest.raises(InputError, match=r"sparse matrix.*csr_array of shape \(178, 13\).*rows\.toarray\(\)"):
        pl.explain(forest, sparse.csr_array(ROWS), "occlusion")
    with pytest.raises(InputError, match=r"background of input is a sparse matrix"):
        pl.explain(forest, ROWS[:3], "occlusion", background=sparse.csr_array(ROWS))
    assert pl.explain(forest, sparse.csr_array(ROWS)[:3].toarray(), "occlusion", background=ROWS).arrays[0].values.shape == (3, 13)


# ---- what stays as it was --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RandomForestClassifier, HistGradientBoostingClassifier, KNeighborsClassifier, GaussianNB, SVC])
def test_the_fingerprint_is_of_what_was_learned(kind: Any) -> None:
    seeded = {"random_state": 0} if "random_state" in kind().get_params() else {}
    first, same, other = (kind(**seeded).fit(ROWS[part], THREE[part]) for part in (slice(0, 150), slice(0, 150), slice(20, 178)))
    assert learned(first) == learned(first) == learned(same)
    assert learned(first) != learned(other)
    assert pl.wrap(first).fingerprint() == learned(first)


def test_no_trace() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, THREE)
    before, keys = learned(model), list(vars(model))
    np.random.seed(3)  # noqa: NPY002
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002
    for method in ("shap", "lime", "occlusion"):
        pl.explain(model, ROWS[:3], method, background=ROWS[:30], checks="full")
    assert learned(model) == before
    assert list(vars(model)) == keys
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002


def test_a_wrapped_estimator_follows_a_new_fit() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(ROWS, THREE)
    wrapped = pl.wrap(model)
    assert isinstance(wrapped, EstimatorModel)
    model.fit(ROWS, THREE[::-1])
    made = pl.explain(wrapped, ROWS[:3], "occlusion", background=ROWS)
    np.testing.assert_array_equal(made.decision.probabilities.values, model.predict_proba(ROWS[:3]))


def test_an_estimator_is_measured_as_it_is_explained() -> None:
    table, labels = people()
    model = pipeline(LogisticRegression()).fit(table[:150], labels[:150])
    found = pl.evaluate(model, table[150:], (labels[150:] == "yes").astype(int), class_names=["no", "yes"])
    assert found.outputs == "probabilities"
    assert found.metrics["accuracy"].value == model.score(table[150:], labels[150:])
    values = pl.evaluate(RandomForestRegressor(5, random_state=0).fit(ROWS, THREE * 1.0), ROWS, THREE * 1.0, outputs="values")
    assert values.task == "regression"
    with pytest.raises(ModelError, match="not fitted"):
        pl.evaluate(LogisticRegression(), ROWS, THREE)


def test_the_first_example_of_the_page_runs() -> None:
    pytest.importorskip("pandas")
    page = (Path(__file__).resolve().parents[2] / "docs" / "scikit_learn.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], names)
    assert names["e"].provenance.choices[0] == "value function: marginal over 100 background rows"
    assert names["e"].provenance.choices[1] == "estimator: exact Shapley values of 100 trees against 100 background rows"
