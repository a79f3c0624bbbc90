"""A linear model with twenty features under KernelSHAP: its Shapley values are weight times difference, and every estimator finds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.games.leverage import LeastSquares
from wall.cases import CASES
from wall.promises import BOUND, PROMISES

ESTIMATORS = ("leverage", "proxy", "permutation", "partition")


def worst(estimator: Any, background: Tensor) -> float:
    """The worst row's distance from the exact values, over their size."""
    generator = torch.Generator().manual_seed(0)
    net, x = nn.Linear(20, 3).double(), torch.randn(5, 20, generator=generator, dtype=torch.float64)
    net.weight.data = torch.randn(3, 20, generator=generator, dtype=torch.float64)
    exact = (net.weight[1] * (x - background.mean(0))).detach().numpy()
    made = pl.explain(net, x, pl.SHAP(estimator=estimator, samples=200), target=1, background=background, checks="none")
    return float((np.abs(made.arrays[0].values - exact).max(1) / np.abs(exact).max(1)).max())


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_linear_model_is_exact(estimator: str, rows: int) -> None:
    assert worst(estimator, torch.randn(rows, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)) <= BOUND


def test_keeping_ten_features_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = LeastSquares.values

    def ten(self: LeastSquares, observed: np.ndarray, totals: np.ndarray) -> np.ndarray:
        found = whole(self, observed, totals)
        found[np.argsort(-np.abs(found), 1).argsort(1) >= 10] = 0.0
        return found + ((totals - found.sum(1)) / self.players)[:, None]

    monkeypatch.setattr(LeastSquares, "values", ten)
    assert worst("leverage", torch.zeros(1, 20, dtype=torch.float64)) > 1e-2


def test_values_that_miss_the_total_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = LeastSquares.values
    monkeypatch.setattr(LeastSquares, "values", lambda self, observed, totals: whole(self, observed, totals) + 1e-6)
    case = next(case for case in CASES.values() if int(np.prod(case.shape)) > 8)
    net, x = case.network(), case.rows()
    assert PROMISES["shap"](net, x, torch.zeros_like(x)).scores().max() > BOUND
