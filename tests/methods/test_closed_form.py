"""Models whose right answer is known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import pellucid as pl

WEIGHTS = torch.tensor([[2.0, -1.0, 0.5, 3.0, -4.0, 0.0]], dtype=torch.float64)


class Linear(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x @ WEIGHTS.T + 7.0


class Product(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x[:, 0] * x[:, 1])[:, None] + 0 * x[:, :1]


class Largest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x[:, 0], x[:, 1])[:, None]


class Kink(nn.Module):
    """relu(x0 + x1 - 1): on the way from 0 to x the gradient switches on at t = 1 / (x0 + x1)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x[:, 0] + x[:, 1] - 1)[:, None]


def values(net: nn.Module, x: Tensor, method: object, **options: object) -> np.ndarray:
    return pl.explain(net, x, method, target=pl.Output(0), **options).arrays[0].values


X = torch.tensor([[1.0, 2.0, -1.0, 0.5, 3.0, 9.0], [0.3, -2.0, 4.0, 1.0, -1.0, 2.0]], dtype=torch.float64)
PAIR = torch.tensor([[3.0, 2.0], [-1.5, 4.0]], dtype=torch.float64)


def test_linear() -> None:
    exact = (WEIGHTS * X).numpy()
    for method in ("integrated_gradients", "occlusion", "gradient_times_input"):
        np.testing.assert_allclose(values(Linear(), X, method), exact, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(values(Linear(), X, "gradient"), WEIGHTS.expand_as(X).numpy(), rtol=1e-12)
    np.testing.assert_allclose(values(Linear(), X, pl.SmoothGrad(samples=4)), WEIGHTS.expand_as(X).numpy(), rtol=1e-12)


def test_linear_against_the_background() -> None:
    background = torch.randn(40, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    exact = (WEIGHTS * (X - background.mean(0))).numpy()
    for method in ("integrated_gradients", "occlusion"):
        np.testing.assert_allclose(values(Linear(), X, method, background=background), exact, rtol=1e-12, atol=1e-12)


def test_product_where_the_two_must_differ() -> None:
    # along the straight line from 0 each factor earns half of the product; taking either away loses all of it
    product = (PAIR[:, :1] * PAIR[:, 1:]).numpy()
    np.testing.assert_allclose(values(Product(), PAIR, "integrated_gradients"), np.repeat(product / 2, 2, 1), rtol=1e-12)
    np.testing.assert_allclose(values(Product(), PAIR, "occlusion"), np.repeat(product, 2, 1), rtol=1e-12)


def test_max() -> None:
    # from 0 the larger one leads all the way; taking it away leaves the other one, or 0
    expected_path = np.array([[3.0, 0.0], [0.0, 4.0]])
    expected_loss = np.array([[1.0, 0.0], [0.0, 4.0]])
    np.testing.assert_allclose(values(Largest(), PAIR, "integrated_gradients"), expected_path, atol=1e-12)
    np.testing.assert_allclose(values(Largest(), PAIR, "occlusion"), expected_loss, atol=1e-12)


def test_a_kink_on_the_path() -> None:
    x = torch.tensor([[1.1, 0.9]], dtype=torch.float64)  # the kink is at t = 1/2
    exact = x.numpy() * 0.5
    made = pl.explain(Kink(), x, pl.IntegratedGradients(steps=50), target=pl.Output(0))
    np.testing.assert_allclose(made.arrays[0].values, exact, atol=1e-12)  # 1/2 is a border between two of the 50 cells
    uneven = pl.explain(Kink(), x, pl.IntegratedGradients(steps=51, rule="midpoint"), target=pl.Output(0))
    error = np.abs(uneven.arrays[0].values - exact)
    assert (error > 1e-4).all()
    assert (error <= uneven.errors[0].values).all()
    np.testing.assert_allclose(values(Kink(), x, "occlusion"), [[1.0, 0.9]], atol=1e-12)


RULES = st.sampled_from(["midpoint", "adaptive"])


@settings(max_examples=100, deadline=None)
@given(kink=st.floats(0.05, 0.95), slope=st.floats(-5, 5), other=st.floats(-5, 5), steps=st.integers(20, 80), rule=RULES)
def test_the_stated_error_covers_a_kink_anywhere(kink: float, slope: float, other: float, steps: int, rule: Any) -> None:
    class Bent(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (slope * torch.relu(x[:, 0] - kink) + other * torch.relu(kink - x[:, 0]) + x[:, 1])[:, None]

    x = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    made = pl.explain(Bent(), x, pl.IntegratedGradients(steps=steps, rule=rule), target=pl.Output(0))
    exact = slope * (1 - kink) - other * kink
    assert abs(made.arrays[0].values[0, 0] - exact) <= made.errors[0].values[0, 0] + 1e-12
    check = made.check("completeness")
    assert check.value[0] <= check.reference[0]


@pytest.mark.parametrize("rule", ["midpoint", "adaptive"])
def test_completeness_error_shrinks_with_steps_and_stays_below_what_is_stated(rule: Any) -> None:
    generator = torch.Generator().manual_seed(1)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1)).double()
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 3
    x = torch.randn(40, 8, generator=generator, dtype=torch.float64)
    checks = [pl.explain(net, x, pl.IntegratedGradients(steps=n, rule=rule), target=pl.Output(0)).check("completeness") for n in (25, 400)]
    for check in checks:
        assert (check.value <= check.reference).all()
    if rule == "midpoint":
        assert np.median(checks[1].value) < np.median(checks[0].value) / 4
    else:  # what was missing has been shared out
        assert all((check.value < 1e-12).all() for check in checks)
    assert np.median(checks[1].reference) < np.median(checks[0].reference) / 4


def test_a_broken_identity_is_refused() -> None:
    class Stepped(nn.Module):
        """Its gradient says 0 everywhere, yet it changes: what an integral of gradients can not see."""

        def forward(self, x: Tensor) -> Tensor:
            return (torch.floor(x).sum(1) + 0 * x.sum(1))[:, None]

    made = pl.explain(Stepped(), 3 * X, "integrated_gradients", target=pl.Output(0))
    assert set(map(str, made.verdicts)) == {"refused"}
    assert made.verdicts[0].reasons[0].code == "identity_broken"


def test_occlusion_equals_a_slow_loop_on_images() -> None:
    generator = torch.Generator().manual_seed(2)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4)).double()
    x = torch.randn(2, 2, 7, 6, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        net(x)
    made = values_of_class(net, x, pl.Occlusion(window=3, stride=2))
    expected = np.zeros((2, 2, 7, 6))
    for row in range(2):
        total, covered = np.zeros((7, 6)), np.zeros((7, 6))
        full = net(x[row : row + 1])[0, 1].item()
        for top in (0, 2, 4):
            for left in (0, 2, 3):
                gone = x[row : row + 1].clone()
                for channel in range(2):
                    gone[0, channel, top : top + 3, left : left + 3] = x[row, channel].mean()
                fall = full - net(gone)[0, 1].item()
                total[top : top + 3, left : left + 3] += fall
                covered[top : top + 3, left : left + 3] += 1
        expected[row] = total / covered / 2  # shared by the two channels
    np.testing.assert_allclose(made, expected, atol=1e-12)


def values_of_class(net: nn.Module, x: Tensor, method: object) -> np.ndarray:
    return pl.explain(net, x, method, target=1).arrays[0].values


def test_gradcam_equals_the_paper_s_formula() -> None:
    generator = torch.Generator().manual_seed(3)
    body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Conv2d(5, 6, 3), nn.Tanh())
    net = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)).double()
    x = torch.randn(3, 3, 9, 8, generator=generator, dtype=torch.float64)
    maps = body(x)
    maps.retain_grad()
    net[3](net[2](net[1](maps)))[:, 2].sum().backward()
    alpha = maps.grad.mean((2, 3), keepdim=True)
    expected = (alpha * maps).sum(1).detach().numpy()
    made = pl.explain(net, x, "gradcam", target=2)
    assert made.layer in ("0", "0.3")
    np.testing.assert_allclose(made.arrays[0].values, expected, atol=1e-14)


def test_smoothgrad_standard_error_covers() -> None:
    # of sin(x) the smoothed gradient is known: cos(x) exp(-sigma^2 / 2)
    class Sine(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.sin(x).sum(1, keepdim=True)

    x = torch.linspace(-3, 3, 400, dtype=torch.float64)[None]
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", value_range=(0.0, 1.0)),))
    made = pl.explain(Sine(), x, pl.SmoothGrad(samples=64, sigma=0.5), target=pl.Output(0), spec=spec, checks="none")
    exact = np.cos(x.numpy()) * np.exp(-0.125)
    inside = np.abs(made.arrays[0].values - exact) <= 1.96 * made.errors[0].values
    # 400 independent elements: binomial, 32 pairs make t nearly normal; 0.95 +- 4 standard deviations of 0.011
    assert 0.90 <= inside.mean() <= 0.99


def test_random_says_nothing_of_the_model() -> None:
    first, second = (values(net, X, "random") for net in (Linear(), Product()))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("method", ["integrated_gradients", "occlusion"])
def test_the_result_names_what_it_compared_with(method: str) -> None:
    assert pl.explain(Linear(), X, method, target=pl.Output(0)).provenance.baseline == {"input": "zero (no background was given)"}
    assert pl.explain(Linear(), X, method, target=pl.Output(0), background=X).provenance.baseline == {"input": "the background's mean"}


def test_a_baseline_may_be_a_number_or_an_array() -> None:
    from_zero = values(Linear(), X, pl.IntegratedGradients(baseline=0))
    np.testing.assert_array_equal(from_zero, values(Linear(), X, "integrated_gradients"))
    row = torch.ones(6, dtype=torch.float64)
    exact = (WEIGHTS * (X - 1)).numpy()
    for start in (row, row.numpy(), [1.0] * 6, 1, pl.Rows(row)):
        np.testing.assert_allclose(values(Linear(), X, pl.IntegratedGradients(baseline=start)), exact, rtol=1e-12)
    for start, said in ((np.zeros(5), "does not fit"), ("nought", "no baseline"), (object(), "no baseline")):
        with pytest.raises(pl.PellucidError, match=said):
            values(Linear(), X, pl.Occlusion(baseline=start))


def test_a_black_box_is_explained_on_the_scale_of_its_probability() -> None:
    def forest(x: np.ndarray) -> np.ndarray:
        p = np.clip(x[:, :1] / 2, 0, 1)  # says 0 and 1, as forests do
        return np.concatenate([1 - p, p], 1)

    made = pl.explain(forest, np.array([[2.0, 5.0], [1.0, 5.0]]), "occlusion", target=1)
    np.testing.assert_allclose(made.arrays[0].values, [[1.0, 0.0], [0.5, 0.0]])
    assert made.provenance.scale == "probability"
    one = pl.explain(lambda x: forest(x)[:, 1], np.array([[1.5, 5.0]]), "occlusion", target=0, spec=pl.ModelSpec(outputs="probabilities"))
    np.testing.assert_allclose(one.arrays[0].values, [[-0.75, 0.0]])
