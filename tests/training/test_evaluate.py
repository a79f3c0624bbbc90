"""Evaluation: scikit-learn agrees on the numbers, the intervals cover, and guessing is called guessing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn import metrics as oracle
from torch import nn

from pellucid.errors import InputError, ModelError, UnknownName
from pellucid.training import intervals
from pellucid.training.evaluate import evaluate


def answers(classes: int, rows: int, strength: float, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and logits that know them as far as ``strength`` says."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    return labels, random.normal(size=(rows, classes)) + strength * np.eye(classes)[labels]


@pytest.mark.parametrize("classes", [2, 5])
def test_metrics_are_those_of_scikit_learn(classes):
    labels, logits = answers(classes, 300, 1.5)
    result = evaluate(lambda rows: rows, logits, labels)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted = logits.argmax(1)
    expected = {
        "accuracy": oracle.accuracy_score(labels, predicted),
        "balanced_accuracy": oracle.balanced_accuracy_score(labels, predicted),
        "f1_macro": oracle.f1_score(labels, predicted, average="macro"),
        "log_loss": oracle.log_loss(labels, shares),
    }
    if classes == 2:
        expected["auc"] = oracle.roc_auc_score(labels, shares[:, 1])
    assert {name: metric.value for name, metric in result.metrics.items()} == pytest.approx(expected, rel=1e-12)
    assert all(metric.low < metric.value < metric.high for metric in result.metrics.values())
    np.testing.assert_array_equal(result.confusion, oracle.confusion_matrix(labels, predicted))
    assert result.outputs == "logits"
    assert evaluate(lambda rows: rows, shares, labels).outputs == "probabilities"


def test_regression_metrics_are_those_of_scikit_learn():
    random = np.random.default_rng(1)
    truth = random.normal(size=150)
    guess = truth + 0.5 * random.normal(size=150)
    result = evaluate(lambda rows: rows, guess[:, None], truth)
    assert {name: metric.value for name, metric in result.metrics.items()} == pytest.approx(
        {
            "r2": oracle.r2_score(truth, guess),
            "rmse": oracle.root_mean_squared_error(truth, guess),
            "mae": oracle.mean_absolute_error(truth, guess),
        }
    )
    assert result.base_rate.value == pytest.approx(truth.std())
    assert result.better_than_base_rate
    assert not evaluate(lambda rows: rows, random.permutation(guess), truth).better_than_base_rate


def test_the_wilson_interval_is_scipys():
    for hits, rows in ((0, 10), (3, 10), (449, 450), (50, 50)):
        expected = scipy.stats.binomtest(hits, rows).proportion_ci(method="wilson")
        found = intervals.wilson(hits, rows)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_sign_test_is_scipys():
    for hits, trials in ((0, 0), (0, 5), (5, 5), (30, 50), (4000, 7000)):
        expected = scipy.stats.binom.sf(hits - 1, trials, 0.5)
        assert intervals.binomial_tail(hits, trials) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def simulated(measure, truth: float, draw, *, repeats: int = 600) -> float:
    """The share of simulated samples whose interval holds the true value."""
    random = np.random.default_rng(5)
    found = [measure(draw(random)) for _ in range(repeats)]
    return float(np.mean([metric.low <= truth <= metric.high for metric in found]))


# 95 % of 600 draws: a true coverage of .95 is seen above .92 in 99.9 % of runs; .90 is what the rare class of ten rows is known to reach
@pytest.mark.parametrize(("accuracy", "prior", "rows", "least"), [
    (0.97, [0.1] * 10, 450, 0.92), (0.95, [0.37, 0.63], 143, 0.92), (0.9, [1 / 3] * 3, 45, 0.92), (0.8, [0.1, 0.9], 100, 0.88),
])  # fmt: skip
def test_intervals_of_class_metrics_cover(accuracy, prior, rows, least):
    classes = len(prior)
    wrong = (1 - accuracy) / (classes - 1)
    cells = np.array(prior)[:, None] * (np.full((classes, classes), wrong) + np.eye(classes) * (accuracy - wrong))
    hits = np.diag(cells)

    def draw(random):
        return random.multinomial(rows, cells.ravel()).reshape(classes, classes)

    f1 = float(np.mean(2 * hits / (cells.sum(0) + cells.sum(1))))
    assert least <= simulated(intervals.f1_macro, f1, draw) <= 0.99
    assert least <= simulated(intervals.balanced_accuracy, accuracy, draw) <= 0.99
    assert least <= simulated(lambda m: intervals.wilson(np.trace(m), rows), accuracy, draw) <= 0.99


@pytest.mark.parametrize("distance", [0.5, 1.5, 3.0])
def test_the_interval_of_the_area_under_the_curve_covers(distance):
    def draw(random):
        positive = np.arange(120) < 70
        return random.normal(size=120) + distance * positive, positive

    truth = scipy.stats.norm.cdf(distance / math.sqrt(2))
    assert simulated(lambda sample: intervals.area_under_curve(*sample), truth, draw) >= 0.92


def test_coverage_notices_an_interval_that_is_too_narrow():
    def narrow(m):
        right = intervals.wilson(m, 100)
        half = (right.high - right.low) / 4
        return intervals.Metric(right.value, right.value - half, right.value + half)

    assert simulated(narrow, 0.9, lambda random: random.binomial(100, 0.9)) < 0.88


def test_no_errors_is_no_certainty():
    labels = np.arange(40) % 4
    result = evaluate(lambda rows: rows, 50 * np.eye(4)[labels], labels)
    for name in ("accuracy", "balanced_accuracy", "f1_macro"):
        assert result.metrics[name].value == pytest.approx(1)
        assert result.metrics[name].low < 0.95
    assert intervals.area_under_curve(np.array([0.0, 0.1, 0.9, 1.0]), np.array([False, False, True, True])).low < 0.8


def test_guessing_is_called_guessing_in_95_of_100():
    said = []
    for seed in range(200):
        labels, logits = answers(4, 150, 0.0, seed=seed)
        said.append(evaluate(lambda rows: rows, logits, labels).better_than_base_rate)
    assert np.mean(said) <= 0.05


def test_always_answering_the_majority_is_not_better_than_it():
    labels = (np.arange(100) < 20).astype(int)
    result = evaluate(lambda rows: np.tile([1.0, 0.0], (len(rows), 1)), np.zeros((100, 1)), labels)
    assert result.metrics["accuracy"].value == result.base_rate.value == 0.8
    assert not result.better_than_base_rate
    assert "no better than guessing" in result.summary()
    assert "不比盲猜好" in result.summary("zh-CN")
    assert result.metrics["auc"].value == 0.5


def test_the_reliability_curve_counts_every_row_once():
    labels, logits = answers(3, 400, 2.0)
    result = evaluate(lambda rows: rows, logits, labels, bins=5)
    curve = result.reliability
    assert curve.counts.sum() == 400
    assert np.isnan(curve.accuracy[curve.counts == 0]).all()
    filled = curve.counts > 0
    assert (curve.counts[filled] * curve.accuracy[filled]).sum() / 400 == pytest.approx(result.metrics["accuracy"].value)
    assert ((curve.edges[:-1] <= curve.confidence) & (curve.confidence <= curve.edges[1:]))[filled].all()
    assert (curve.low[filled] <= curve.accuracy[filled]).all()
    by_hand = sum(n * abs(c - a) for n, c, a in zip(curve.counts, curve.confidence, curve.accuracy, strict=True) if n) / 400
    assert result.ece == pytest.approx(by_hand)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_logit_is_the_log_odds_of_class_1(shape):
    labels, logits = answers(2, 100, 2.0)
    odds = logits[:, 1] - logits[:, 0]
    two, one = evaluate(lambda rows: rows, logits, labels), evaluate(lambda rows: rows.reshape(shape), odds, labels)
    assert one.metrics["log_loss"].value == pytest.approx(two.metrics["log_loss"].value)
    np.testing.assert_array_equal(one.confusion, two.confusion)


def test_a_network_is_run_in_eval_mode_and_left_as_it_was():
    net = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    net[2].eval()
    inputs, labels = torch.randn(50, 3), torch.randint(2, (50,))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    first, second = (evaluate(net, inputs, labels, batch_size=size) for size in (7, 50))
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in net] == [True, True, False, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
    assert first.metrics["log_loss"].value == pytest.approx(second.metrics["log_loss"].value, rel=1e-5)


def test_the_flags_are_given_back_when_the_network_raises():
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("half-way")

    net = Broken()
    with pytest.raises(RuntimeError, match="half-way"):
        evaluate(net, np.zeros((3, 2)), np.zeros(3, int))
    assert net.training


@pytest.mark.parametrize(("labels", "outputs", "options", "message"), [
    ([0, 1, 2], np.zeros((3, 2)), {}, "do not fit the outputs"),
    ([0, -1, 1], np.zeros((3, 2)), {}, "do not fit the outputs"),
    ([0, 1], np.zeros((3, 2)), {}, "one finite number"),
    ([0.0, np.nan, 1.0], np.zeros(3), {}, "one finite number"),
    (["a", "b", "c"], np.zeros((3, 2)), {}, "one finite number"),
    ([0, 1, 1], np.zeros((3, 2)), {"class_names": ["a"]}, "1 class names"),
    ([0, 1, 1], np.full((3, 2), 2.0), {"outputs": "probabilities"}, "no probabilities.*2 to 2"),
    ([0, 1, 1], np.zeros((3, 2, 2)), {}, r"\(sample, class\)"),
    ([0.5, 1.5, 1.0], np.zeros((3, 2)), {}, "One value per label"),
])  # fmt: skip
def test_what_does_not_fit_is_refused(labels, outputs, options, message):
    with pytest.raises(InputError, match=message):
        evaluate(lambda rows: rows, outputs, labels, **options)


def test_outputs_that_are_no_numbers_are_refused():
    with pytest.raises(ModelError, match=r"not finite.*1 rows, first row 2"):
        evaluate(lambda rows: rows, np.array([[0.0, 1], [1, 0], [np.nan, 1]]), [0, 1, 1])
    with pytest.raises(ModelError, match=r"no single array.*tuple"):
        evaluate(lambda rows: (rows, rows), np.zeros((3, 2)), [0, 1, 1])


def test_the_summary_speaks_two_languages_and_no_third():
    labels, logits = answers(3, 200, 3.0)
    result = evaluate(lambda rows: rows, logits, labels, class_names=["oak", "elm", "ash"])
    value = f"{100 * result.metrics['accuracy'].value:.1f}"
    for language, shown in (("en", f"{value}\u00a0%"), ("zh-CN", f"{value}%")):
        assert shown in result.summary(language)
        assert f"{100 * result.base_rate.value:.1f}" in result.summary(language)
    assert "better than guessing" in result.summary()
    with pytest.raises(UnknownName, match="en, zh-CN"):
        result.summary("fr")
