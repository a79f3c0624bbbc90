"""Expected gradients: what they estimate, how sure they are, what they cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl


def setting(seed: int = 3) -> tuple[nn.Module, Tensor, Tensor]:
    """A small network, 20 rows and a background of 30."""
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 3)).double()
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3
    return net, torch.randn(20, 12, dtype=torch.float64, generator=generator), torch.randn(30, 12, dtype=torch.float64, generator=generator)


def truth(net: nn.Module, x: Tensor, background: Tensor) -> np.ndarray:
    """Integrated gradients from every background row, by a fine rule, averaged."""
    total = torch.zeros_like(x)
    parts = ((torch.arange(2000, dtype=torch.float64) + 0.5) / 2000)[:, None]
    for k, row in enumerate(x):
        for start in background:
            points = (start + parts * (row - start)).requires_grad_()
            (gradients,) = torch.autograd.grad(net(points)[:, 1].sum(), points)
            total[k] += gradients.mean(0) * (row - start) / len(background)
    return total.numpy()


@pytest.mark.parametrize("samples", [32, 64, 256])
def test_the_standard_errors_cover(samples: int) -> None:
    net, x, background = setting()
    exact = truth(net, x, background)
    inside, errors = [], []
    for seed in range(60):
        made = pl.explain(net, x, pl.ExpectedGradients(samples=samples), target=1, background=background, seed=seed, checks="none")
        off = np.abs(made.arrays[0].values - exact)
        inside.append((off <= 1.96 * made.errors[0].values).mean())
        errors.append(np.linalg.norm(off) / np.linalg.norm(exact))
    # elements of a row share their draws: the coverage of a call varies, its mean over 60 calls by less than .01
    assert 0.90 <= np.mean(inside) <= 0.98
    assert np.mean(errors) < 3 / np.sqrt(samples)


def test_it_agrees_with_captum_within_the_errors_of_both() -> None:
    captum = pytest.importorskip("captum.attr")
    net, x, background = setting()
    torch.manual_seed(0)
    theirs = np.stack(
        [
            captum.GradientShap(net).attribute(x, background, n_samples=512, stdevs=0.0, target=1).detach().numpy()  # GradientSHAP of shap
            for _ in range(8)
        ]
    )
    ours = pl.explain(net, x, pl.ExpectedGradients(samples=1024), target=1, background=background, checks="none")
    spread = np.sqrt(theirs.var(0, ddof=1) / len(theirs) + ours.errors[0].values ** 2)
    assert (np.abs(theirs.mean(0) - ours.arrays[0].values) <= 2 * spread).mean() > 0.85
    assert (np.abs(theirs.mean(0) - ours.arrays[0].values) <= 4 * spread).mean() > 0.98


def test_the_sum_is_the_score_less_the_mean_score_of_the_background() -> None:
    net, x, background = setting()
    with torch.no_grad():
        mean = float(net(background)[:, 1].mean())
    for seed in range(20):
        made = pl.explain(net, x, "gradient_shap", target=1, background=background, seed=seed)
        np.testing.assert_allclose(made.decision.baseline_scores, mean, rtol=1e-12)
        check = made.check("completeness")
        assert (check.value <= check.reference).all()
    assert made.provenance.baseline == {"input": "all background rows"}
    assert made.provenance.method == "expected_gradients"
    assert made.error_kind == "standard_error"


def test_targets_may_differ_from_row_to_row() -> None:
    net, x, background = setting()
    made = pl.explain(net, x, pl.ExpectedGradients(), target=[k % 3 for k in range(20)], background=background, checks="none")
    with torch.no_grad():
        means = net(background).mean(0).numpy()
    np.testing.assert_allclose(made.decision.baseline_scores, [means[k % 3] for k in range(20)], rtol=1e-12)


def test_what_it_costs() -> None:
    net, x, background = setting()
    made = pl.explain(net, x, pl.ExpectedGradients(samples=64), target=1, background=background, checks="none")
    assert made.provenance.evaluations == 20 * (64 + 1) + 30  # the background's scores serve all rows


def test_a_linear_network_is_exact_in_every_draw_but_for_the_background() -> None:
    weights = torch.tensor([[2.0, -1.0, 0.5]], dtype=torch.float64)

    class Linear(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x @ weights.T

    x = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    alone = pl.explain(Linear(), x, pl.ExpectedGradients(samples=32), target=pl.Output(0), checks="none")  # from the usual baseline, zero
    np.testing.assert_allclose(alone.arrays[0].values, (weights * x).numpy(), rtol=1e-12)
    np.testing.assert_allclose(alone.errors[0].values, 0, atol=1e-7)
    assert alone.provenance.baseline == {"input": "zero (no background was given)"}


def test_an_input_held_fixed_follows_its_row() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor, k: Tensor) -> Tensor:
            return (x**2).sum(1, keepdim=True) * (1 + k[:, None])

    x, k = torch.ones(2, 3, dtype=torch.float64), torch.tensor([0, 4])
    background = (2 * torch.ones(5, 3, dtype=torch.float64), torch.zeros(5, dtype=torch.long))
    made = pl.explain(Scaled(), (x, k), pl.ExpectedGradients(samples=32), target=pl.Output(0), background=background, checks="none")
    np.testing.assert_allclose(made.decision.baseline_scores, [12.0, 60.0])
    np.testing.assert_allclose(made.arrays[0].values, [[-3.0] * 3, [-15.0] * 3])  # antithetic pairs are exact for a quadratic


def test_a_budget_stops_it() -> None:
    net, x, background = setting()
    few = pl.explain(
        net, x, pl.ExpectedGradients(samples=4096), target=1, background=background, budget=pl.Budget(error=0.2), checks="none"
    )
    assert few.provenance.evaluations < 20 * 4096 / 2
    error, values = few.errors[0].values, few.arrays[0].values
    assert (error.max(1) <= 0.2 * np.sqrt((values**2).mean(1)) * (1 + 1e-9)).all()
    calls = pl.explain(
        net, x, pl.ExpectedGradients(samples=4096), target=1, background=background, budget=pl.Budget(calls=60), checks="none"
    )
    assert calls.provenance.evaluations <= 60 * 20


@pytest.mark.parametrize("samples", [0, 34, 28, 64.0, True])
def test_what_can_not_be_is_said(samples: Any) -> None:
    net, x, _ = setting()
    with pytest.raises(pl.PellucidError, match="multiple of four"):
        pl.explain(net, x, pl.ExpectedGradients(samples=samples), target=1)


def test_it_is_told_in_both_languages() -> None:
    net, x, background = setting()
    made = pl.explain(net, x[:1], "expected_gradients", target=1, background=background)
    assert "whole background (all background rows)" in made.narrate("en")
    assert "全部背景数据" in made.narrate("zh-CN")
