"""The verdict tells truth from noise, on real networks and fixed seeds (the table: ``python -m benchmarks.verdicts``)."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.verdicts import SHUFFLED, Counted, guessing, study
from scipy import stats

from pellucid.demo.networks import Trained
from pellucid.training.evaluate import evaluate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str], Counted]:
    return {(row.data, row.method): row for row in study()}


@pytest.mark.parametrize("noise", ["random", SHUFFLED])
def test_noise_is_refused(rows: dict[tuple[str, str], Counted], noise: str) -> None:
    refused = sum(rows[data, noise].counts["refused"] for data in ("digits", "patients"))
    assert refused / 150 >= 0.95


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
@pytest.mark.parametrize("data", ["digits", "patients"])
def test_explanations_of_real_networks_are_supported(rows: dict[tuple[str, str], Counted], data: str, method: str) -> None:
    assert rows[data, method].share("supported") >= 0.8


def test_all_rows_were_counted(rows: dict[tuple[str, str], Counted]) -> None:
    assert {(data, sum(row.counts.values())) for (data, _), row in rows.items()} == {("digits", 100), ("patients", 50)}


def test_networks_trained_on_random_labels_are_no_better_than_guessing() -> None:
    trained = guessing()
    assert trained["digits"].history.curves["train_accuracy"][-1] > 0.5  # it did learn its rows by heart
    for data, network in trained.items():
        assert not network.evaluation.better_than_base_rate, data
    _check_claims_on_dealt_labels(trained["digits"])


def _check_claims_on_dealt_labels(trained: Trained) -> None:
    """Nothing can foresee labels that are dealt out at random: in at most 5 % of 100 deals may the network be called better."""
    inputs, labels = trained.inputs(trained.split.test), trained.split.test.labels
    deals = (np.random.default_rng(seed).permutation(labels) for seed in range(100))
    claimed = sum(evaluate(trained.net, inputs, dealt).better_than_base_rate for dealt in deals)
    assert claimed <= stats.binom.ppf(0.9999, 100, 0.05)
