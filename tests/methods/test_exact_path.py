"""Integrated gradients split at every kink: against slow twins, on every operation that bends, and where they must be refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import pellucid as pl
from methods.exact_twins import bisected, dense_digits, dense_mlp
from pellucid.data.baselines import Constant
from pellucid.demo.networks import digits_network
from pellucid.errors import BudgetError, CapabilityError, InputError, UnsupportedOperation
from pellucid.methods.attribution import exact_path
from pellucid.models.rules.pieces import bends

EXACT = pl.IntegratedGradients(rule="exact", max_segments=5000, baseline=0.0)


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        yield


def mlp(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, (a, b) in enumerate(pairwise(widths)):
        layers += [nn.Linear(a, b), *([nn.ReLU()] if i < len(widths) - 2 else [])]
    return nn.Sequential(*layers).double()


def explained(net: nn.Module, x: Any, method: Any = EXACT, **options: Any) -> pl.Explanation:
    return pl.explain(net.eval(), x, method, target=pl.Output(0), **{"checks": "none", **options})


def values(net: nn.Module, x: Any, method: Any = EXACT, **options: Any) -> np.ndarray:
    return explained(net, x, method, **options).arrays[0].values


def by_bisection(net: nn.Module, x: Tensor) -> np.ndarray:
    """Integrated gradients from zero by the slow twin, row by row."""
    net.eval()

    def gradient(row: Tensor, at: Tensor) -> Tensor:
        points = (at.reshape(-1, *[1] * row.ndim) * row).requires_grad_()
        return torch.autograd.grad(net(points)[:, 0].sum(), points)[0]

    return np.stack([(row * bisected(lambda at, row=row: gradient(row, at))).numpy() for row in x])


# ---- the two networks that are known by heart --------------------------------------------------------------------------------


def test_mlp_against_walking_through_its_regions() -> None:
    net = mlp(64, 128, 128, 10)
    x = torch.randn(6, 64, dtype=torch.float64)
    made = explained(net, x, checks="fast")
    walked = [dense_mlp(net).walk(np.zeros(64), row.numpy(), 0) for row in x]
    np.testing.assert_allclose(made.arrays[0].values, np.stack([w[0] for w in walked]), rtol=0, atol=1e-10)
    assert made.error_kind == "exact"
    # one gradient for each region; 3 rows to find the target and the ends, and the ends of pieces on the way there
    regions = sum(w[1] for w in walked)
    assert regions < made.provenance.evaluations < 2 * regions + 4 * len(x)
    check = made.check("completeness")
    assert (check.value <= 1e-12 * np.abs(made.arrays[0].values).sum(1)).all()
    assert (check.value <= check.reference).all()


def test_digits_cnn_with_max_pooling_and_a_residual_sum() -> None:
    net = digits_network(0).double()
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64) * (torch.rand(1, 1, 8, 8) > 0.5) / 2  # dark pixels make ties in the pooling
    made = explained(net, x, checks="fast")
    walked = np.stack([dense_digits(net).walk(np.zeros(64), row.flatten().numpy(), 0)[0] for row in x])
    np.testing.assert_allclose(made.arrays[0].values.reshape(1, -1), walked, rtol=0, atol=1e-10)
    check = made.check("completeness")
    assert (check.value <= 1e-12 * np.abs(walked).sum(1)).all()


def test_the_midpoint_rule_approaches_it_as_one_over_steps() -> None:
    net = mlp(16, 48, 48, 1)
    x = torch.randn(30, 16, dtype=torch.float64) * 2
    exact = values(net, x)
    steps = np.array([32, 64, 128, 256, 512, 1024])
    errors = [np.linalg.norm(values(net, x, pl.IntegratedGradients(steps=int(n), rule="midpoint")) - exact) for n in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert -1.15 < slope < -0.85
    assert errors[-1] < 1e-2 * np.linalg.norm(exact)


# ---- every operation that bends ----------------------------------------------------------------------------------------------


class Around(nn.Module):
    """An operation between two linear layers: (sample, 6) to (sample, width) to one score; ``inner`` sees (sample, 12)."""

    def __init__(self, inner: Callable[[Tensor], Tensor], *modules: nn.Module) -> None:
        super().__init__()
        self.first, self.inner, self.modules_ = nn.Linear(6, 12), inner, nn.ModuleList(modules)
        with torch.no_grad():
            width = self.double().inner(self.first(torch.zeros(2, 6, dtype=torch.float64))).flatten(1).shape[1]
        self.second, self.last = nn.Linear(width, 8).double(), nn.Linear(8, 1).double()
        with torch.no_grad():
            for p in self.parameters():
                p.mul_(2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.second(self.inner(self.first(x)).flatten(1))))


def _zeroed(h: Tensor) -> Tensor:
    h = h + 0
    h[h < 0] = 0.0
    return h


def _written(h: Tensor) -> Tensor:
    made = torch.zeros_like(h)
    made[:, 3:] = F.relu(h)[:, 3:]
    made[:, :3] = h[:, :3].abs()
    return made


def _gated(h: Tensor) -> Tensor:
    gate = (h[:, :6] > 0).to(h.dtype)
    return gate * h[:, :6] + (1 - gate) * h[:, :6] * 0.1


def _sequence_first(h: Tensor) -> Tensor:
    return F.leaky_relu(h.reshape(len(h), 3, 4).transpose(0, 1), 0.2).amax(0)


def _folded(h: Tensor) -> Tensor:
    return F.relu(h.reshape(len(h), 3, 4).reshape(-1, 4)).reshape(len(h), 3, 4)


def _folded_sequence_first(h: Tensor) -> Tensor:
    return F.hardtanh(h.reshape(len(h), 3, 4).transpose(0, 1).reshape(-1, 4)).reshape(3, len(h), 4).transpose(0, 1)


def _recurrent(h: Tensor) -> Tensor:
    torch.manual_seed(0)
    cell = nn.RNN(4, 5, nonlinearity="relu", batch_first=True).double().requires_grad_(requires_grad=False)
    return cell(h.reshape(len(h), 3, 4))[0]


BENDING: dict[str, Callable[[Tensor], Tensor]] = {
    "relu in place": lambda h: F.relu(h + 0, inplace=True),
    "relu method": lambda h: h.clone().relu_(),
    "leaky_relu": lambda h: F.leaky_relu(h, 0.3),
    "prelu": lambda h: F.prelu(h, torch.linspace(0.1, 0.5, 12, dtype=torch.float64)),
    "rrelu in eval mode": lambda h: F.rrelu(h, training=False),
    "relu6": lambda h: F.relu6(6 * h),
    "abs": torch.abs,
    "clamp": lambda h: h.clamp(-0.5, 0.7),
    "clamp with bounds per feature": lambda h: torch.clamp(h, max=torch.linspace(-1, 1, 12, dtype=torch.float64)),
    "clamp_min": lambda h: h.clamp_min(0.2),
    "hardtanh": lambda h: F.hardtanh(h, -0.3, 0.9),
    "threshold": lambda h: F.threshold(h, 0.25, 0.25),
    "softshrink": lambda h: F.softshrink(h, 0.3),
    "maximum": lambda h: torch.maximum(h[:, :6], h[:, 6:]),
    "minimum with a constant": lambda h: torch.minimum(h, torch.zeros(12, dtype=torch.float64)),
    "max of two": lambda h: torch.max(h[:, :6], h[:, 6:]),
    "fmin": lambda h: torch.fmin(h[:, :6], h[:, 6:]),
    "amax": lambda h: h.reshape(len(h), 2, 6).amax(2),
    "amin over two axes": lambda h: h.reshape(len(h), 2, 2, 3).amin((1, 3), keepdim=True),
    "max over an axis": lambda h: h.reshape(len(h), 3, 4).max(1).values,
    "max_pool1d": lambda h: F.max_pool1d(h[:, None], 4, 2, padding=1),
    "max_pool1d with dilation": lambda h: F.max_pool1d(h[:, None], 3, 1, dilation=2),
    "max_pool2d in ceil mode": lambda h: F.max_pool2d(h.reshape(len(h), 1, 3, 4), (2, 3), 2, ceil_mode=True),
    "max_pool2d after relu": lambda h: F.max_pool2d(F.relu(h).reshape(len(h), 1, 3, 4), 2, 1),
    "max_pool3d": lambda h: F.max_pool3d(h.reshape(len(h), 1, 2, 2, 3), 2, 1),
    "adaptive_max_pool1d": lambda h: F.adaptive_max_pool1d(h[:, None], 5),
    "adaptive_max_pool2d": lambda h: F.adaptive_max_pool2d(h.reshape(len(h), 1, 3, 4), (2, 3)),
    "where": lambda h: torch.where(h > 0.1, h, 0.1 + 3 * (h - 0.1)),
    "masked_fill": lambda h: h.masked_fill(h < 0, 0.0),
    "written through a mask": _zeroed,
    "written by slices": _written,
    "gated by a comparison": _gated,
    "times its sign": lambda h: h * h.sign(),
    "rows on the second axis": _sequence_first,
    "rows folded": _folded,
    "rows folded from the second axis": _folded_sequence_first,
    "rnn_relu": _recurrent,
    "batch_norm and dropout in eval mode": lambda h: F.relu(
        F.dropout(F.batch_norm(h, torch.zeros(12).double(), torch.ones(12).double()), 0.5, training=False)
    ),
    "concatenation of its own pieces": lambda h: torch.cat([h.abs(), *F.relu(h).chunk(3, 1)], 1),
}


@pytest.mark.parametrize("name", BENDING)
def test_operations_that_bend(name: str) -> None:
    net = Around(BENDING[name])
    x = torch.randn(3, 6, dtype=torch.float64)
    made = explained(net, x, checks="fast")
    np.testing.assert_allclose(made.arrays[0].values, by_bisection(net, x), rtol=0, atol=1e-10)
    check = made.check("completeness")
    assert (check.value <= 1e-12 * np.abs(made.arrays[0].values).sum(1)).all()


class Residual(nn.Module):
    """Convolutions, batch normalization, one ReLU used three times and in place, a residual sum, strided pooling with padding."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.block, self.relu = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True)
        self.pool, self.head = nn.MaxPool2d(3, 2, padding=1), nn.Linear(4 * 9, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.norm(self.stem(x)))
        h = self.pool(self.relu(h + self.block(self.relu(h - 0.1))))
        return self.head(h.flatten(1))


def test_residual_cnn_with_a_reused_in_place_relu() -> None:
    net = Residual().double()
    net.norm.running_mean.normal_()
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64)
    np.testing.assert_allclose(values(net, x), by_bisection(net, x), rtol=0, atol=1e-10)


def test_tokens_at_their_embedding() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.hidden, self.head = nn.Embedding(20, 5), nn.Linear(5, 8), nn.Linear(8, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(F.relu(self.hidden(self.embedding(tokens))).amax(1))

    net = Tokens().double()
    made = explained(net, torch.tensor([[3, 7, 1, 19], [2, 2, 5, 6]]), pl.IntegratedGradients(), checks="fast")
    assert made.error_kind == "exact"
    assert (made.check("completeness").value <= 1e-14).all()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), width=st.integers(1, 24), depth=st.integers(1, 4), scale=st.floats(0.01, 30))
def test_random_mlps(seed: int, width: int, depth: int, scale: float) -> None:
    torch.manual_seed(seed)
    net = mlp(4, *[width] * depth, 1)
    x = torch.randn(3, 4, dtype=torch.float64) * scale
    walked = np.stack([dense_mlp(net).walk(np.zeros(4), row.numpy(), 0)[0] for row in x])
    np.testing.assert_allclose(values(net, x), walked, rtol=0, atol=1e-10 * max(1, np.abs(walked).max()))


# ---- rows that sit on a kink -------------------------------------------------------------------------------------------------


def test_rows_on_a_kink() -> None:
    """Without biases every kink lies at the start; with x = 0 the whole path is one point; a unit may be 0 all the way."""
    net = mlp(6, 16, 16, 1)
    for layer in net:
        if isinstance(layer, nn.Linear):
            layer.bias.data.zero_()
    net[0].weight.data[:4, 3:] = 0
    net[-1].bias.data.fill_(-5)
    x = torch.randn(4, 6, dtype=torch.float64)
    x[1] = 0
    x[2, :3] = 0  # the first four units stay at 0
    made = explained(net, x)
    slope = torch.autograd.grad(net(points := (x * 0.5).requires_grad_()).sum(), points)[0]
    np.testing.assert_allclose(made.arrays[0].values, (slope * x).numpy(), atol=1e-14)
    assert made.provenance.evaluations == 4 + 2 * 4 + 4  # the rows, both ends of each path, and one gradient each


def test_ties_in_pooling_and_units_alike() -> None:
    class Tied(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            both = torch.stack([x, x, x - 0.25, 0.5 * x], 1)  # (sample, 4, 6): two alike, a third never above, a fourth above below 0
            return F.max_pool2d(both[:, None], (4, 2))[:, 0, 0].sum(1, keepdim=True) + F.relu(x[:, :1] - 0.5) + F.relu(x[:, :1] - 0.5)

    x = torch.tensor([[1.0, 1.0, 2.0, -2.0, 0.0, 0.0], [2.0, 2.0, 2.0, 2.0, 2.0, 2.0], [-1.0, 3.0, -1.0, -1.0, 0.5, 0.5]]).double()
    made = explained(Tied(), x)
    sums = (Tied()(x) - Tied()(0 * x))[:, 0].numpy()
    np.testing.assert_allclose(made.arrays[0].values.sum(1), sums, atol=1e-14)
    # below 0 the halved copy wins; x0 has one kink at 1/2, twice
    np.testing.assert_allclose(made.arrays[0].values[0, 0] + made.arrays[0].values[0, 1], 1 + 2 * 0.5, atol=1e-14)
    np.testing.assert_allclose(made.arrays[0].values[2, 2:4].sum(), -0.5, atol=1e-14)


def test_several_winners_between_two_neighbors() -> None:
    """The envelope of twelve lines is walked in one pass: winners that are the largest at neither end are found."""
    offsets, slopes = torch.linspace(1, -3, 12).double() ** 3 / 10, torch.linspace(-1, 4, 12).double()

    class Envelope(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (offsets + slopes * x).amax(1, keepdim=True)

    x = torch.tensor([[3.0]], dtype=torch.float64)
    made = explained(Envelope(), x)
    np.testing.assert_allclose(made.arrays[0].values, by_bisection(Envelope(), x), atol=1e-10)
    winners = len(torch.unique((offsets + slopes * torch.linspace(0, 3, 10_001)[:, None]).argmax(1)))
    assert winners > 4
    assert made.provenance.evaluations == 1 + 2 + winners


def test_a_network_that_never_bends() -> None:
    net = nn.Linear(5, 3).double()
    x = torch.randn(3, 5, dtype=torch.float64)
    made = explained(net, x)
    np.testing.assert_allclose(made.arrays[0].values, (x * net.weight[0]).detach().numpy(), atol=1e-15)
    assert made.error_kind == "exact"


# ---- batches, precision, cost ------------------------------------------------------------------------------------------------


def test_a_row_does_not_depend_on_its_neighbors() -> None:
    net = digits_network(1).double()
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64) / 4
    whole = values(net, x)
    np.testing.assert_allclose(values(net, x, batch_size=7), whole, rtol=0, atol=1e-9)
    for i in range(2):
        np.testing.assert_allclose(values(net, x[i : i + 1])[0], whole[i], rtol=0, atol=1e-9)


def test_float32_stays_within_its_stated_error() -> None:
    net = mlp(32, 64, 64, 1)
    x = torch.randn(40, 32, dtype=torch.float32)
    exact = values(net, x.double())
    made = explained(net.float(), x)
    error = np.abs(made.arrays[0].values - exact)
    assert made.error_kind == "exact"
    assert error.max() < 1e-5 * np.abs(exact).max()
    assert (error <= made.errors[0].values).mean() > 0.999
    assert np.median(made.errors[0].values) < 1e-4 * np.abs(exact).max()


def test_hard_sigmoid_in_float32() -> None:
    """In float64 torch's own backward of it is wrong by 3e-8 (a float32 constant), and the pieces do not meet."""
    net, x = Around(lambda h: F.hardsigmoid(4 * h)), torch.randn(3, 6, dtype=torch.float64)
    twin = by_bisection(net, x)
    np.testing.assert_allclose(values(net.float(), x.float()), twin, atol=1e-5)


def test_float64_stays_within_its_stated_error() -> None:
    net = mlp(32, 64, 64, 1)
    x = torch.randn(5, 32, dtype=torch.float64)
    made = explained(net, x)
    walked = np.stack([dense_mlp(net).walk(np.zeros(32), row.numpy(), 0)[0] for row in x])
    assert (np.abs(made.arrays[0].values - walked) <= made.errors[0].values + 1e-12).all()  # the twin takes 1e-13 for the kink itself
    assert made.errors[0].values.max() < 1e-9


# ---- where it must not be used -----------------------------------------------------------------------------------------------


class Hidden(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor) -> Tensor:
        ctx.save_for_backward(h)
        return h.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient  # straight through


BENT: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "hardswish": F.hardswish,
    "tanh": torch.tanh,
    "softmax": lambda h: h.softmax(1),
    "layer_norm": lambda h: F.layer_norm(h, (12,)),
    "mul": lambda h: h * h.flip(1),
    "matmul": lambda h: h[:, None] @ h[:, :, None],
    "div": lambda h: 1 / (h.abs() + 1),
    "pow": lambda h: h**2,
    "floor": lambda h: h.floor() + h,
    "sort": lambda h: h.sort(1).values,
    "var": lambda h: h.var(1, keepdim=True),
    "int": lambda h: h + h.int(),
}


@pytest.mark.parametrize("name", BENT)
def test_what_is_not_piecewise_linear_is_named(name: str) -> None:
    net, x = Around(BENT[name]), torch.randn(2, 6, dtype=torch.float64)
    with pytest.raises(CapabilityError) as caught:
        explained(net, x)
    assert "piecewise linear" in str(caught.value) or "No rule covers" in str(caught.value)
    assert re.search(rf"{name}.*test_exact_path\.py:\d+", str(caught.value))
    auto, adaptive = (explained(net, x, pl.IntegratedGradients(rule=rule)) for rule in ("auto", "adaptive"))
    np.testing.assert_allclose(auto.arrays[0].values, adaptive.arrays[0].values, atol=1e-13)
    assert auto.error_kind == "bound"
    assert auto.provenance.choices[0].startswith("rule: adaptive, since ")


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("a backward of the user's own", Hidden.apply),
        ("a step", lambda h: torch.where(h > 0, h + 1, h - 1)),
        ("detached", lambda h: h + h.detach().relu()),
        ("left torch", lambda h: h * float(h.abs().max())),
        ("a step of the score", lambda h: h + (h > 0).double()),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_hides_a_kink_is_refused(name: str, inner: Callable[[Tensor], Tensor]) -> None:
    net, x = Around(inner), torch.randn(5, 6, dtype=torch.float64)
    with pytest.raises(UnsupportedOperation):
        explained(net, x)
    made = explained(net, x, pl.IntegratedGradients())
    assert made.error_kind == "bound", name


@pytest.mark.parametrize("operation", ["abs", "maximum", "relu"])
def test_the_tests_above_can_fail(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation wrongly taken for linear: the pieces do not meet; and were that not looked at, the twin would differ."""

    def inner(h: Tensor) -> Tensor:
        bent = {"abs": torch.abs, "maximum": lambda h: torch.maximum(h, h.flip(1)), "relu": torch.relu}[operation]
        return bent(h)

    net, x = Around(inner), torch.randn(3, 6, dtype=torch.float64)
    right = bends.gaps
    monkeypatch.setattr("pellucid.models.rules.pieces.kinks.gaps", lambda call: () if call.operation.name == operation else right(call))
    with pytest.raises(UnsupportedOperation, match="do not meet"):
        explained(net, x)
    monkeypatch.setattr(exact_path, "JOINED", -9.0)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(values(net, x), by_bisection(net, x), rtol=0, atol=1e-10)


def test_above_the_cap_rows_are_handed_over_one_by_one() -> None:
    net = mlp(8, 64, 64, 1)
    x = torch.randn(6, 8, dtype=torch.float64) * torch.tensor([0.01, 3, 0.01, 3, 0.01, 3]).double()[:, None]
    with pytest.raises(BudgetError, match="max_segments"):
        explained(net, x, pl.IntegratedGradients(rule="exact", max_segments=20))
    made = explained(net, x, pl.IntegratedGradients(max_segments=20))
    exact, adaptive = values(net, x), values(net, x, pl.IntegratedGradients(rule="adaptive"))
    np.testing.assert_allclose(made.arrays[0].values[::2], exact[::2], atol=1e-13)
    np.testing.assert_allclose(made.arrays[0].values[1::2], adaptive[1::2], atol=1e-13)
    assert made.error_kind == "bound"
    assert re.match(r"rule: adaptive in 3 of 6 rows, since the path has more pieces than max_segments allows", made.provenance.choices[0])
    for i in range(2):
        np.testing.assert_allclose(
            values(net, x[i : i + 1], pl.IntegratedGradients(max_segments=20))[0], made.arrays[0].values[i], atol=1e-12
        )


def test_the_budget_is_kept() -> None:
    net, x = mlp(8, 64, 64, 1), torch.randn(4, 8, dtype=torch.float64)
    needed = explained(net, x).provenance.evaluations
    enough = -(-needed // len(x)) + 2  # a piece at the edge of two batches counts in both
    assert explained(net, x, budget=pl.Budget(calls=enough)).error_kind == "exact"
    with pytest.raises(BudgetError, match=r"budget.calls is"):
        explained(net, x, budget=pl.Budget(calls=enough * 2 // 3))
    tight = explained(net, x, pl.IntegratedGradients(steps=10), budget=pl.Budget(calls=30))
    assert tight.error_kind == "bound"
    assert tight.provenance.evaluations <= 30 * len(x)
    assert "budget" in tight.provenance.choices[0]


def test_auto_gives_up_on_a_large_network_before_it_costs_anything() -> None:
    net, x = digits_network(0).double(), torch.rand(4, 1, 8, 8, dtype=torch.float64)
    auto = explained(net, x, pl.IntegratedGradients(steps=20, max_segments=50))
    adaptive = explained(net, x, pl.IntegratedGradients(steps=20, rule="adaptive"))
    assert auto.provenance.evaluations <= adaptive.provenance.evaluations + 2 * len(x)
    np.testing.assert_allclose(auto.arrays[0].values, adaptive.arrays[0].values, atol=1e-13)


def test_several_baselines() -> None:
    net, x = mlp(8, 32, 1), torch.randn(3, 8, dtype=torch.float64)
    made = explained(net, x, pl.IntegratedGradients(baseline=(Constant(0.0), Constant(1.0))))
    assert made.error_kind == "exact"
    single = [values(net, x, pl.IntegratedGradients(baseline=b)) for b in (0.0, 1.0)]
    np.testing.assert_allclose(made.arrays[0].values, np.mean(single, 0), atol=1e-14)


@pytest.mark.parametrize("wrong", [0, -3, True, 2.5])
def test_a_cap_that_is_none(wrong: Any) -> None:
    with pytest.raises(InputError, match="one segment"):
        explained(mlp(3, 4, 1), torch.zeros(1, 3).double(), pl.IntegratedGradients(max_segments=wrong))


def test_it_is_said_that_the_integral_is_exact() -> None:
    net, x = mlp(4, 8, 2), torch.randn(1, 4, dtype=torch.float64)
    exact, other = (pl.explain(net, x, pl.IntegratedGradients(rule=rule), target=1) for rule in ("auto", "adaptive"))
    for language, word in (("en", "exact up to rounding"), ("zh-CN", "精确")):
        assert word in str(exact.narrate(language))
        assert word not in str(other.narrate(language))
    assert exact.provenance.choices == ("rule: exact in every row",)
