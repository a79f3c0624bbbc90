"""The verdict tells truth from noise, on real networks and fixed seeds (the table: ``python -m benchmarks.verdicts``)."""

from __future__ import annotations

import pytest
from benchmarks.verdicts import SHUFFLED, Counted, guessing, study

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
    for data, trained in guessing().items():
        assert not trained.evaluation.better_than_base_rate, data
