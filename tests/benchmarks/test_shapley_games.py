"""The truth that Shapley estimates are compared with is itself compared with enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import shapley_games
from pellucid.methods.games.exact import exact
from pellucid.methods.games.game import Game


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapley_games, "TREES", 5)
    monkeypatch.setattr(shapley_games, "ROWS", 3)


def test_the_closed_form_of_leaves_is_what_enumeration_gives() -> None:
    known = shapley_games.forest(10)
    np.testing.assert_allclose(known.truth, exact(known.game).values, atol=1e-12)
    assert np.abs(known.truth).max() > 0.01


def test_the_reference_errs_by_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shapley_games, "CALLS", 400)
    monkeypatch.setattr(shapley_games, "BATCHES", 10)
    weights = np.random.default_rng(0).normal(size=(20, 11))
    game = Game.of(lambda coalitions: np.maximum(coalitions @ weights[:, :10].T + weights[:, 10], 0).T, 10)
    mean, doubt = shapley_games._reference(game)
    truth = exact(game).values
    measured = ((mean - truth) ** 2).sum(1) / (truth**2).sum(1)
    assert 0.3 < np.median(measured) / np.median(doubt) < 3  # chi-squared of 10 degrees over 20 rows


def test_rows_that_constants_were_set_on_are_left_out() -> None:
    data = shapley_games.datasets.breast_cancer()
    tuned = data.inputs[list(shapley_games.TUNED_ON["breast_cancer"])]
    table = shapley_games.table(30)
    raw = data.inputs[data.split(seed=5).train.index]
    rows = table.rows * raw.std(0) + raw.mean(0)
    assert np.abs(rows[:, None] - tuned[None]).max(2).min() > 1e-6
