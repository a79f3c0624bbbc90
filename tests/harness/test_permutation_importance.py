"""permutation_importance(): against scikit-learn, against what all permutations give on average, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(60, 4)).astype(np.float32)
LABELS = (ROWS @ [2.0, 1.0, 0.3, 0.0] + DRAW.normal(0, 0.5, 60) > 0).astype(int)


class Scores(nn.Module):
    """Two logits that use the features by falling weight; the last not at all."""

    def forward(self, x: Tensor) -> Tensor:
        score = x @ x.new_tensor([2.0, 1.0, 0.3, 0.0]) + 0.5 * x[:, 0] * x[:, 1]
        return torch.stack([-score, score], 1)


def losses(outputs: np.ndarray, labels: np.ndarray, score: str) -> np.ndarray:
    if score == "accuracy":
        return (outputs.argmax(1) != labels).astype(float)
    shares = torch.from_numpy(outputs).double().log_softmax(1).numpy()
    return -shares[np.arange(len(labels)), labels]


def expected(score: str) -> np.ndarray:
    """The mean over all permutations: every row's feature comes from every row as often."""
    count, found = len(ROWS), []
    before = losses(Scores()(torch.from_numpy(ROWS)).numpy(), LABELS, score).mean()
    for feature in range(ROWS.shape[1]):
        batch = np.repeat(ROWS, count, 0)
        batch[:, feature] = np.tile(ROWS[:, feature], count)
        found.append(losses(Scores()(torch.from_numpy(batch)).numpy(), np.repeat(LABELS, count), score).mean() - before)
    return np.array(found)


@pytest.mark.parametrize("score", ["accuracy", "log_loss"])
def test_the_mean_is_that_of_all_permutations(score: Any) -> None:
    found = pl.permutation_importance(Scores(), ROWS, LABELS, score=score, repeats=200)
    truth = expected(score)
    assert (np.abs(found.values - truth) <= 4 * found.errors + 1e-7).all()  # and what float32 rounds
    assert abs(found.values[3]) < 1e-7
    np.testing.assert_allclose(found.row_falls.mean(0), found.values)
    assert found.evaluations == 60 * (1 + 200 * 4)


def test_scikit_learn_agrees() -> None:
    inspection = pytest.importorskip("sklearn.inspection")
    base = pytest.importorskip("sklearn.base")

    class Estimator(base.ClassifierMixin, base.BaseEstimator):
        def fit(self, x: np.ndarray, y: np.ndarray) -> Any:
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, x: np.ndarray) -> np.ndarray:
            return Scores()(torch.from_numpy(x.astype(np.float32))).numpy().argmax(1)

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return Scores()(torch.from_numpy(x.astype(np.float32))).softmax(1).numpy()

    for ours, theirs in (("accuracy", "accuracy"), ("log_loss", "neg_log_loss")):
        peer = inspection.permutation_importance(Estimator().fit(ROWS, LABELS), ROWS, LABELS, scoring=theirs, n_repeats=100, random_state=1)
        found = pl.permutation_importance(Scores(), ROWS, LABELS, score=ours, repeats=100)  # type: ignore[arg-type]
        apart = np.abs(found.values - peer.importances_mean)
        assert (apart <= 4 * np.hypot(found.errors, peer.importances_std / 10) + 1e-6).all()


def test_the_standard_error_is_that_of_repeating_it() -> None:
    means = np.array([pl.permutation_importance(Scores(), ROWS, LABELS, score="log_loss", repeats=8, seed=s).values for s in range(40)])
    stated = pl.permutation_importance(Scores(), ROWS, LABELS, score="log_loss", repeats=400).errors * np.sqrt(400 / 8)
    np.testing.assert_allclose(means.std(0, ddof=1)[:3], stated[:3], rtol=0.35)  # 40 draws: a standard deviation is known to 11 %


def test_the_same_seed_gives_the_same_bytes_whatever_the_batch() -> None:
    first, second = (pl.permutation_importance(Scores(), ROWS, LABELS, seed=3, batch_size=b) for b in (7, 60))
    assert first.falls.tobytes() == second.falls.tobytes()
    assert first.falls.tobytes() != pl.permutation_importance(Scores(), ROWS, LABELS, seed=4).falls.tobytes()


def test_columns_of_one_feature_move_together() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"size": ROWS[:, 0], "kind": np.where(ROWS[:, 1] > 0, "a", np.where(ROWS[:, 1] > -1, "b", "c"))})
    preparation = pl.TablePreparation.fit(table)
    seen: list[np.ndarray] = []

    def net(x: np.ndarray) -> np.ndarray:
        seen.append(np.array(x))
        return np.stack([-x[:, 0], x[:, 0] + x[:, 1]], 1)

    found = pl.permutation_importance(net, table, LABELS, preparation=preparation, repeats=2)
    assert found.names == ("size", "kind")
    assert all((batch[:, 1:].sum(1) == 1).all() for batch in seen)  # never half of a category


def test_a_value_is_measured_by_its_squared_error() -> None:
    wanted = ROWS @ [1.0, 0.0, 0.0, 2.0]
    found = pl.permutation_importance(
        lambda x: (x @ np.array([1.0, 0.0, 0.0, 2.0], x.dtype))[:, None], ROWS, wanted, score="squared_error", repeats=300
    )
    assert found.reference == pytest.approx(0, abs=1e-9)
    # E (w x_k - w x_i)^2 over all pairs of rows is twice w^2 times the variance
    truth = 2 * np.array([1.0, 0, 0, 4.0]) * ROWS.astype(float).var(0)
    assert (np.abs(found.values - truth) <= 4 * found.errors + 1e-6).all()


def test_labels_may_be_names() -> None:
    names = ["low", "high"]
    by_name = pl.permutation_importance(Scores(), ROWS, [names[k] for k in LABELS], class_names=names, repeats=3)
    assert by_name.falls.tobytes() == pl.permutation_importance(Scores(), ROWS, LABELS, repeats=3).falls.tobytes()


def test_budgets() -> None:
    assert len(pl.permutation_importance(Scores(), ROWS, LABELS, repeats=50, budget=pl.Budget(calls=1 + 4 * 5)).falls) == 5
    assert len(pl.permutation_importance(Scores(), ROWS, LABELS, repeats=50, budget=pl.Budget(seconds=0)).falls) == 2
    some = pl.permutation_importance(Scores(), ROWS, LABELS, repeats=400, budget=pl.Budget(error=0.05))
    assert 2 < len(some.falls) < 400
    assert some.errors.max() <= 0.05 * some.values.max()
    with pytest.raises(pl.PellucidError, match="two repeats"):
        pl.permutation_importance(Scores(), ROWS, LABELS, budget=pl.Budget(calls=6))


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (None, {}, "true label"),
        (LABELS[:5], {}, "5 labels for 60 rows"),
        (["cat"] * 60, {}, "class names"),
        ([7] * 60, {}, "no class 7"),
        (LABELS, {"score": "auc"}, "legal: accuracy, auto"),
        (LABELS, {"repeats": 1}, "at least two repeats"),
        (["x"] * 60, {"score": "squared_error"}, "numbers"),
        (LABELS, {"score": "squared_error"}, "do not fit the outputs"),
    ],
)
def test_errors(labels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(pl.PellucidError, match=message):
        pl.permutation_importance(Scores(), ROWS, labels, **options)


def test_images_and_single_rows_are_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(pl.PellucidError, match="columns of a table"):
        pl.permutation_importance(net, torch.rand(3, 1, 8, 8), [0, 1, 0])
    with pytest.raises(pl.PellucidError, match="at least two rows"):
        pl.permutation_importance(Scores(), ROWS[:1], LABELS[:1])


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_is_told_and_drawn(language: Any) -> None:
    found = pl.permutation_importance(Scores(), ROWS, LABELS, repeats=5)
    told = found.narrate(language)
    assert "feature 0" in told
    assert "{" not in told
    assert ("cause" if language == "en" else "导致") in told
    assert len(found.plot(language=language).axes) >= 1
    assert found.ranked[0] == (found.names[0], found.values[0])


def test_where_nothing_matters_nothing_is_named() -> None:
    found = pl.permutation_importance(lambda x: np.stack([x[:, 0] * 0, x[:, 0] * 0 + 1], 1), ROWS, LABELS, repeats=3)
    assert "no single feature" in found.narrate()
    from pellucid import views

    assert "No feature" in views.permutation_bars(found).panels[0].title
