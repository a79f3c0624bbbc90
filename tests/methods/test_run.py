"""The evaluator: batches, budgets, memory, progress, counting."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.errors import BudgetError
from pellucid.methods.batching import BatchSize

X = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
SIZES: list[int] = []  # outside the network, since whatever forward stores on the network is undone


class Sized(nn.Module):
    """Notes the size of every batch and runs out of memory above a limit."""

    def __init__(self, limit: int = 10**9) -> None:
        super().__init__()
        self.limit = limit
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.layer = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        SIZES.append(len(x))
        if len(x) > self.limit:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return self.layer(x).tanh()


@pytest.fixture(autouse=True)
def no_sizes() -> None:
    SIZES.clear()


def test_rows_are_counted() -> None:
    net = Sized()
    made = pl.explain(net, X, pl.IntegratedGradients(steps=20), target=1, checks="none")
    # the row, its baseline and 20 steps; and the two points on which tanh was seen not to be piecewise linear
    assert made.provenance.evaluations == sum(SIZES) == len(X) * 22 + 2
    SIZES.clear()
    made = pl.explain(net, X, "gradient", target=1)
    assert made.provenance.evaluations == len(X)
    assert made.provenance.evaluations + made.provenance.check_evaluations * len(X) // len(X) == sum(SIZES)


@pytest.mark.parametrize("method", ["gradient", "smoothgrad", "integrated_gradients", "occlusion", "random"])
def test_fast_checks_cost_at_most_64_rows_per_explained_row(method: str) -> None:
    made = pl.explain(Sized(), X, method, target=1)
    assert made.checks
    assert 0 < made.provenance.check_evaluations <= 64 * len(X)


def test_batches_mix_rows_and_are_full() -> None:
    pl.explain(Sized(), X, pl.IntegratedGradients(steps=20, rule="midpoint"), target=1, checks="none", batch_size=50)
    assert SIZES == [6, 50, 50, 20]
    SIZES.clear()
    pl.explain(Sized(), X, pl.IntegratedGradients(steps=20, rule="adaptive"), target=1, checks="none", batch_size=50)
    assert SIZES == [6, 6, 48, 18, 18, 18, 18]  # f(x), f(baseline), 8 steps a row, then four rounds of three


def test_out_of_memory_halves_the_batch_and_changes_nothing() -> None:
    net = Sized()
    whole = pl.explain(net, X, "integrated_gradients", target=1, batch_size=64, checks="none").arrays[0].values
    net.limit = 7
    halved = pl.explain(net, X, "integrated_gradients", target=1, batch_size=64, checks="none")
    np.testing.assert_allclose(halved.arrays[0].values, whole, rtol=1e-5, atol=1e-7)
    net.limit = 0
    with pytest.raises(BudgetError, match=r"memory.*What to do"):
        pl.explain(net, X, "integrated_gradients", target=1, batch_size=64)


def test_the_batch_size_follows_the_measurement() -> None:
    def settle(cost: object, row_bytes: int = 4) -> int:
        sizer = BatchSize(row_bytes)
        for _ in range(60):
            sizer.report(sizer.size, cost(sizer.size), 0)
        assert sizer.settled
        return sizer.size

    assert settle(lambda rows: 0.05 * rows if rows <= 8 else 0.1 * rows + 0.01 / rows) in (1, 2, 4, 8)
    assert settle(lambda rows: (0.02 + 0.01 * rows) if rows <= 8 else 0.03 * rows) == 8  # leaves the cache above 8 rows
    assert settle(lambda rows: 1e-4 + 1e-8 * rows) >= 4096  # a small network: the call itself is the cost
    assert settle(lambda rows: 1e-4 + 1e-8 * rows, row_bytes=2**22) <= 16  # under the memory limit


def test_a_budget_of_calls_stops_what_can_stop_and_refuses_what_can_not() -> None:
    net = Sized()
    made = pl.explain(net, X, pl.SmoothGrad(samples=64), target=1, budget=pl.Budget(calls=21), checks="none")
    assert made.provenance.evaluations <= 21 * len(X)
    assert made.provenance.evaluations >= 17 * len(X)
    with pytest.raises(BudgetError, match=r"52 model rows per explained row needed, budget.calls is 20"):
        pl.explain(net, X, "integrated_gradients", target=1, budget=pl.Budget(calls=20))


def test_a_budget_of_error_stops_when_it_is_met() -> None:
    net = Sized()
    coarse = pl.explain(net, X, pl.SmoothGrad(samples=2000), target=1, budget=pl.Budget(error=0.05), checks="none")
    assert coarse.provenance.evaluations < 1000 * len(X)
    error, values = coarse.errors[0].values, coarse.arrays[0].values
    assert (error.max(1) <= 0.05 * np.sqrt((values**2).mean(1)) * (1 + 1e-5)).all()


def test_a_budget_of_seconds_stops() -> None:
    made = pl.explain(Sized(), X, pl.SmoothGrad(samples=10**6), target=1, budget=pl.Budget(seconds=0.2), checks="none")
    assert 4 * len(X) <= made.provenance.evaluations < 10**6


def test_progress_reaches_its_total() -> None:
    seen: list[tuple[str, int, int]] = []
    pl.explain(Sized(), X, "integrated_gradients", target=1, progress=lambda *told: seen.append(told), batch_size=40)
    assert {stage for stage, _, _ in seen} == {"integrated_gradients", "checks"}
    assert ("integrated_gradients", 300, 300) in seen
    assert all(0 < done <= total for _, done, total in seen)
