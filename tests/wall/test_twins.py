"""Each rule beside a slow twin: the operation's own Jacobian, averaged over many points of the line between its operands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pellucid.models.rules.deeplift.difference import Difference, Reference
from pellucid.models.rules.deeplift.slopes import JUMPING, PIECEWISE_LINEAR, mean_slope
from pellucid.models.rules.interceptor import Interceptor
from wall.operations import OPERATIONS, weights

Function = Callable[..., Tensor]
ROWS = 3


def operands(count: int, width: int = 8, *, seed: int = 0) -> list[Tensor]:
    made = torch.Generator().manual_seed(seed)
    return [torch.randn(ROWS, width, dtype=torch.float64, generator=made) for _ in range(count)]


def by_rules(function: Function, here: list[Tensor], there: list[Tensor], down: Tensor) -> list[Tensor]:
    """The multipliers of each operand from those of the output."""

    def run(rules: Reference | Difference, values: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        interceptor = Interceptor(rules, ROWS)
        leaves = [v.clone().requires_grad_(rules.differentiates) for v in values]
        entered = [interceptor.enter(leaf.clone()) for leaf in leaves]
        with interceptor:
            return leaves, function(*entered)

    reference = Reference()
    with torch.no_grad():
        run(reference, there)
    leaves, output = run(Difference(reference, ROWS), here)
    return list(torch.autograd.grad(output, leaves, down))


def by_path(
    function: Function, here: list[Tensor], there: list[Tensor], down: Tensor, nodes: np.ndarray, shares: np.ndarray
) -> list[Tensor]:
    """The same from the operation's own gradient at these places of the line."""
    sums = [torch.zeros_like(v) for v in here]
    for node, share in zip(nodes, shares, strict=True):
        points = [(b + float(node) * (a - b)).requires_grad_() for a, b in zip(here, there, strict=True)]
        for total, part in zip(sums, torch.autograd.grad(function(*points), points, down, allow_unused=True), strict=True):
            total += 0 if part is None else float(share) * part
    return sums


def gauss(count: int = 200) -> tuple[np.ndarray, np.ndarray]:
    nodes, shares = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, shares / 2


def midpoints(count: int = 4096) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(count) + 0.5) / count, np.full(count, 1 / count)


def distance(function: Function, count: int, places: tuple[np.ndarray, np.ndarray], *, width: int = 8) -> float:
    """The largest distance between rule and twin, relative to the largest multiplier."""
    here, there = operands(count, width), operands(count, width, seed=1)
    with torch.no_grad():
        shape = function(*here).shape
    down = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found, twin = by_rules(function, here, there, down), by_path(function, here, there, down, *places)
    scale = max(float(t.abs().max()) for t in twin)
    return max(float((f - t).abs().max()) for f, t in zip(found, twin, strict=True)) / scale


SMOOTH: dict[str, tuple[int, Function]] = {
    **{
        name: (1, OPERATIONS["activations"][name]) for name in ("GELU", "GELU tanh", "SiLU", "Mish", "softplus", "logsigmoid", "tanhshrink")
    },
    **{
        name: (1, OPERATIONS["functions of a number"][name])
        for name in ("sin", "square", "cube", "power of a number", "expm1", "erf", "atan")
    },
    "exp": (1, torch.exp),
    "tanh": (1, torch.tanh),
    "sigmoid": (1, torch.sigmoid),
    "mul": (2, torch.mul),
    "mul, broadcast": (2, lambda p, q: p * q[:, :1]),
    "matmul": (2, lambda p, q: p.reshape(ROWS, 2, 4) @ q.reshape(ROWS, 4, 2)),
    "matmul with a vector": (2, lambda p, q: torch.stack([a.reshape(2, 4) @ b[:4] for a, b in zip(p, q, strict=True)])),
    "bmm": (2, lambda p, q: torch.bmm(p.reshape(ROWS, 2, 4), q.reshape(ROWS, 4, 2))),
    "einsum": (2, lambda p, q: torch.einsum("bi,bj->bij", p, q)),
    "addcmul": (3, lambda p, q, r: torch.addcmul(p, q, r, value=0.3)),
    "baddbmm": (3, lambda p, q, r: torch.baddbmm(p[:, :4].reshape(ROWS, 2, 2), q.reshape(ROWS, 2, 4), r.reshape(ROWS, 4, 2))),
    "lerp": (3, torch.lerp),
    "conv with filters": (2, lambda p, q: F.conv1d(p.reshape(1, ROWS, 8), q[:, :3].unsqueeze(1), groups=ROWS)),
    "layer norm": (1, lambda x: F.layer_norm(x, (8,), weights(x)[0], weights(x)[1])),
    "layer norm over two axes": (1, lambda x: F.layer_norm(x.reshape(ROWS, 2, 4), (2, 4))),
    "RMS norm": (1, lambda x: F.rms_norm(x, (8,), weights(x)[0])),
    "group norm": (1, lambda x: F.group_norm(x.reshape(ROWS, 4, 2), 2, weights(x)[0, :4], weights(x)[1, :4])),
    "instance norm": (1, lambda x: F.instance_norm(x.reshape(ROWS, 2, 4))),
    "F.normalize": (1, lambda x: F.normalize(x, dim=1)),
}
KINKED: dict[str, tuple[int, Function]] = {
    **{
        name: (1, OPERATIONS["activations"][name])
        for name in ("F.relu", "leaky ReLU", "ReLU6", "hardtanh", "clamp", "PReLU", "RReLU", "softshrink", "hardsigmoid", "Hardswish")
    },
    "abs": (1, torch.abs),
    "maximum": (2, torch.maximum),
    "minimum": (2, torch.minimum),
    "amax of two": (2, lambda p, q: torch.stack([p, q]).amax(0)),
    "max pool of two": (1, lambda x: F.max_pool1d(x.unsqueeze(1), 2)),
    "sort": (1, lambda x: x.sort(1)[0]),
    "topk": (1, lambda x: x.topk(3, 1)[0]),
    "median": (1, lambda x: x.median(1)[0]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_rule_is_its_jacobian_averaged(name: str) -> None:
    count, function = SMOOTH[name]
    assert distance(function, count, gauss()) <= 1e-9


@pytest.mark.parametrize("name", KINKED)
def test_a_kinked_rule_is_its_jacobian_averaged(name: str) -> None:
    """Between two midpoints a kink moves the mean by at most one step of the slope's jump; eight kinks are crossed at most."""
    count, function = KINKED[name]
    assert distance(function, count, midpoints()) <= 8 / 4096


def test_a_softmax_is_the_exponential_of_a_difference_with_log_sum_exp() -> None:
    def open_softmax(x: Tensor) -> Tensor:
        return (x - x.exp().sum(1, keepdim=True).log()).exp()

    here, there, down = operands(1), operands(1, seed=1), operands(1, seed=2)[0]
    assert torch.allclose(
        by_rules(lambda x: x.softmax(1), here, there, down)[0], by_rules(open_softmax, here, there, down)[0], rtol=1e-12, atol=1e-14
    )
    for closed, opened in (
        (lambda x: x.log_softmax(1), lambda x: x - x.exp().sum(1, keepdim=True).log()),
        (lambda x: x.logsumexp(1, keepdim=True).expand(-1, 8), lambda x: x.exp().sum(1, keepdim=True).log().expand(-1, 8)),
    ):
        assert torch.allclose(by_rules(closed, here, there, down)[0], by_rules(opened, here, there, down)[0], rtol=1e-10, atol=1e-13)


def test_a_quotient_is_a_product_with_a_reciprocal() -> None:
    here, there, down = operands(2), operands(2, seed=1), operands(1, seed=2)[0]
    for p, q in zip(by_rules(torch.div, here, there, down), by_rules(lambda p, q: p * q.reciprocal(), here, there, down), strict=True):
        assert torch.allclose(p, q, rtol=1e-12)


NEAR: dict[str, Function] = {
    "gelu": F.gelu,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "sin": torch.sin,
    "softplus": F.softplus,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
}


@pytest.mark.parametrize("name", NEAR)
def test_the_slope_stays_exact_as_both_ends_draw_near(name: str) -> None:
    """The quotient is all rounding at 1e-12, the midpoint's derivative is wrong at 1e-2: the rule knows where to change over."""
    function = NEAR[name]
    b = torch.tensor([0.02, 0.4, 1.3, 7.0], dtype=torch.float64)
    nodes, shares = (torch.from_numpy(t) for t in gauss(20))
    for step in 10.0 ** np.arange(-16, -1):
        a = b * (1 + float(step))
        line = (b[:, None] + nodes * (a - b)[:, None]).requires_grad_()
        exact = (torch.autograd.grad(function(line).sum(), line)[0] * shares).sum(1)
        found = mean_slope(name, function, a, b, function(a), function(b))
        assert float((found - exact).abs().max() / exact.abs().max()) <= 1e-9


def test_where_both_ends_are_the_same_a_piecewise_linear_slope_is_that_of_the_piece() -> None:
    b = torch.tensor([-2.0, -0.5, 0.5, 2.0], dtype=torch.float64)
    for name, function, expected in (("hardtanh", F.hardtanh, [0, 1, 1, 0]), ("leaky_relu", F.leaky_relu, [0.01, 0.01, 1, 1])):
        for a in (b, b * (1 + 1e-15), b * (1 + 1e-9)):
            found = mean_slope(name, function, a, b, function(a), function(b))
            assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), atol=1e-12)
    assert not PIECEWISE_LINEAR & JUMPING


def test_a_jump_between_near_ends_is_not_lost() -> None:
    a, b = torch.tensor([0.5 + 1e-12], dtype=torch.float64), torch.tensor([0.5 - 1e-12], dtype=torch.float64)
    slope = mean_slope("round", torch.round, a, b, a.round(), b.round())
    assert float(slope * (a - b)) == pytest.approx(1.0)
