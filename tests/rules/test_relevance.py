"""The ledger of relevance closes on every network, rows do not touch one another, and each rule is its formula written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.errors import InputError, UnsupportedOperation
from pellucid.models.rules.ledger import BIASES, CONSTANTS, EPSILON, SOFTMAX, Ledger
from pellucid.models.rules.relevance import kinds, propagation, sums, weight_rules
from pellucid.models.rules.relevance.propagation import Rulebook
from pellucid.models.rules.relevance.weight_rules import AlphaBeta, Box, Epsilon, Flat, Gamma, Passage
from pellucid.models.rules.rows import FIRST, RowAxis, by_row
from rules.relevance_passes import BARE, BOOKS, NETWORKS, conservation_score, ledger_score, made, relevance_pass

# ---- the ledger -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", BOOKS)
@pytest.mark.parametrize("name", NETWORKS)
def test_the_ledger_closes(name: str, book: str) -> None:
    assert ledger_score(*made(name), BOOKS[book]) <= 1e-9


@pytest.mark.parametrize("name", NETWORKS)
def test_the_ledger_closes_where_epsilon_takes_a_real_part(name: str) -> None:
    assert ledger_score(*made(name), Rulebook(Epsilon(), Gamma(0.25), None, 0.1)) <= 1e-9


@pytest.mark.parametrize("name", BARE)
def test_without_biases_softmax_and_normalization_the_inputs_get_everything(name: str) -> None:
    assert conservation_score(*made(name, BARE)) <= 1e-6


@pytest.mark.parametrize("book", ["epsilon", "gamma", "flat"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_row_alone_is_the_row_in_a_batch(name: str, book: str) -> None:
    net, x = made(name)
    together = relevance_pass(net, x, BOOKS[book])
    for row in range(len(x)):
        alone = relevance_pass(net, x[row : row + 1], BOOKS[book])
        assert float((alone.relevance[0] - together.relevance[row]).abs().max()) <= 1e-9 * float(together.relevance[row].abs().max())
        for entry, booked in alone.ledger.booked.items():
            torch.testing.assert_close(booked[0], together.ledger.booked[entry][row], rtol=1e-9, atol=1e-12)


def test_in_float32_the_ledger_closes_to_its_rounding() -> None:
    for name in NETWORKS:
        net, x = made(name)
        wide = ledger_score(net, x)
        narrow = ledger_score(net.float() if isinstance(net, nn.Module) else net, x.float())
        assert narrow <= 1e-3, (name, narrow, wide)


def mutated_pass(rules: Any, call: Any, site: Any) -> Any:
    return rules.ruled(call, lambda r: tuple(1.01 * r for _ in call.operands))


MUTATIONS = {
    "an activation that gives too much": ("mlp", "elementwise", mutated_pass),
    "a sum that forgets what a constant is worth": ("attends", "linear", None),
    "a softmax that books nothing": ("attends", "softmax", None),
    "a bias that is not booked": ("mlp", "bias", None),
    "a convolution that takes z for z-plus": ("pictures", "z_plus", None),
    "a normalization passed whole": ("attends", "norm", None),
    "constants written in place that are not seen": ("writes", "written", None),
    "a product that gives half to each, twice": ("gates", "mul", None),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_wrong_rule_is_seen(mutation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, what, rule = MUTATIONS[mutation]
    if what == "elementwise":
        monkeypatch.setitem(kinds.BY_KIND, what, rule)
    elif what == "linear":
        monkeypatch.setattr(sums, "has_constants", lambda _: False)
    elif what == "softmax":
        plain = Ledger.book_product
        monkeypatch.setattr(Ledger, "book_product", lambda self, entry, *rest: None if entry == SOFTMAX else plain(self, entry, *rest))
    elif what == "bias":
        monkeypatch.setattr(Passage, "to_bias", lambda *_: None)
    elif what == "z_plus":
        plain_sum = weight_rules.Parts.sum
        monkeypatch.setattr(weight_rules.Parts, "sum", lambda self, passage, bias: plain_sum(self, passage, bias) * 0 + passage.made)
    elif what == "norm":
        monkeypatch.setitem(kinds.BY_KIND, "norm", lambda rules, call, site: rules.ruled(call, lambda r: (r * 1.1,)))
    elif what == "written":
        monkeypatch.setattr(propagation, "written", lambda *_: None)
    elif what == "mul":
        monkeypatch.setitem(
            kinds.BY_NAME,
            "mul",
            lambda rules, call, site: rules.ruled(call, lambda r: tuple(r.sum_to_size(t.shape) for t in call.operands)),
        )
    assert ledger_score(*made(name), BOOKS["z_plus"] if what == "z_plus" else BOOKS["epsilon"]) > 1e-6


# ---- dense layers and convolutions, contribution by contribution ----------------------------------------------------------------


def layers() -> dict[str, tuple[Any, tuple[int, ...]]]:
    torch.manual_seed(1)
    return {
        "dense": (nn.Linear(5, 4), (2, 5)),
        "dense over tokens": (nn.Linear(5, 4), (2, 3, 5)),
        "convolution": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 2, 6, 5)),
        "groups": (nn.Conv2d(4, 4, (3, 2), dilation=2, groups=2, bias=False), (2, 4, 6, 6)),
        "same": (nn.Conv1d(2, 3, 3, padding="same"), (2, 2, 7)),
        "transposed": (nn.ConvTranspose2d(3, 2, 3, stride=2, output_padding=1), (2, 3, 3, 3)),
    }


def matrix_of(layer: nn.Module, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """A layer as a plain matrix (output, input) and a bias (output,), found by putting in one unit after the other."""
    with torch.no_grad():
        zero = layer(torch.zeros_like(x[:1])).reshape(-1)
        units = torch.eye(x[0].numel(), dtype=x.dtype).reshape(-1, *x.shape[1:])
        columns = torch.stack([layer(u[None]).reshape(-1) - zero for u in units], 1)
    return columns.numpy(), zero.numpy()


def divided_by_hand(name: str, matrix: np.ndarray, bias: np.ndarray, a: np.ndarray, r: np.ndarray, eps: float) -> np.ndarray:
    """The papers' formulas, one output and one input after the other."""
    inputs = np.zeros(len(a))
    for j, (weights, b) in enumerate(zip(matrix, bias, strict=True)):
        c = weights * a
        z = c.sum() + b
        if name == "epsilon":
            counted, total = c, z
        elif name == "gamma":
            sign = 1 if z >= 0 else -1
            counted, total = c + 0.25 * np.where(sign * c > 0, c, 0), z + 0.25 * (c[sign * c > 0].sum() + (b if sign * b > 0 else 0))
        elif name == "z_plus":
            counted, total = np.where(c > 0, c, 0), c[c > 0].sum() + max(b, 0)
        elif name == "alpha_beta":
            up, down = c[c > 0].sum() + max(b, 0) + eps, c[c < 0].sum() + min(b, 0) - eps
            inputs += (2 * np.where(c > 0, c, 0) / up - np.where(c < 0, c, 0) / down) * r[j]
            continue
        elif name == "z_box":
            counted = c + 3 * np.where(weights > 0, weights, 0) - 4 * np.where(weights < 0, weights, 0)
            total = counted.sum()
        else:  # flat: whatever is connected, by position
            counted = (weights != 0).astype(float)
            total = counted.sum()
        inputs += counted * r[j] / (total + (eps if total >= 0 else -eps))
    return inputs


RULES = {
    "epsilon": Epsilon(),
    "gamma": Gamma(0.25),
    "z_plus": AlphaBeta(),
    "alpha_beta": AlphaBeta(2.0),
    "z_box": Box(-3.0, 4.0),
    "flat": Flat(),
}


@pytest.mark.parametrize("sign", ["both", "positive"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", layers())
def test_a_rule_is_its_formula(name: str, rule: str, sign: str) -> None:
    layer, shape = layers()[name]
    layer = layer.double().requires_grad_(requires_grad=False)
    torch.manual_seed(2)
    x = torch.randn(shape, dtype=torch.float64).clamp(-2.9, 3.9)
    x = x.abs() if sign == "positive" else x
    weights = torch.randn(layer(x).shape, dtype=torch.float64)
    # an output times a constant, summed: every output gets relevance of its own
    found = relevance_pass(
        lambda t: (layer(t) * weights).flatten(1).sum(1, keepdim=True), x, Rulebook(RULES[rule], RULES[rule], None, 1e-13)
    )
    matrix, bias = matrix_of(layer, x)
    for row in range(len(x)):
        own = (layer(x[row : row + 1]) * weights[row]).reshape(-1).numpy()
        expected = divided_by_hand(rule, matrix, bias, x[row].reshape(-1).numpy(), own, 1e-13)
        np.testing.assert_allclose(found.relevance[row].reshape(-1).numpy(), expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("wide", [False, True])
def test_a_batch_norm_behind_a_convolution_is_one_map_with_it(rule: str, *, wide: bool) -> None:
    torch.manual_seed(4)
    size = 40 if wide else 3  # whether the weights or the outputs are more numbers: the factor goes where it costs less
    convolution, norm = nn.Conv2d(2, 5, 3).double(), nn.BatchNorm2d(5).double().eval()
    with torch.no_grad():
        for t in (norm.running_mean, norm.weight, norm.bias):
            t.normal_()
        norm.running_var.uniform_(0.5, 2)
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        joined = nn.Conv2d(2, 5, 3).double()
        joined.weight.copy_(convolution.weight * scale[:, None, None, None])
        joined.bias.copy_((convolution.bias - norm.running_mean) * scale + norm.bias)
    x = torch.randn(2, 2, size, size, dtype=torch.float64).clamp(-2.9, 3.9)
    book = Rulebook(RULES[rule], RULES[rule], None, 1e-9)
    for net in (convolution, norm, joined):
        net.requires_grad_(requires_grad=False)
    apart = relevance_pass(lambda t: F.relu(norm(convolution(t))).mean((2, 3)), x, book)
    whole = relevance_pass(lambda t: F.relu(joined(t)).mean((2, 3)), x, book)
    torch.testing.assert_close(apart.relevance, whole.relevance, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(apart.ledger.booked[EPSILON], whole.ledger.booked[EPSILON], rtol=1e-6, atol=1e-12)


def test_a_convolution_that_others_read_too_is_not_joined_with_a_batch_norm() -> None:
    torch.manual_seed(5)
    convolution, norm = nn.Conv2d(2, 3, 1, bias=False).double(), nn.BatchNorm2d(3).double().eval()
    norm.running_mean.normal_()
    net = lambda t: (norm(convolution(t)) + convolution(t) * 0 + (y := convolution(t)) + norm(y)).mean((2, 3))  # noqa: E731
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    for module in (convolution, norm):
        module.requires_grad_(requires_grad=False)
    for book in BOOKS.values():
        assert ledger_score(net, x, book) <= 1e-9


# ---- everything else, written out -------------------------------------------------------------------------------------------------


def arriving(function: Any, x: Tensor, weights: Tensor, eps: float = 1e-12) -> tuple[Tensor, Tensor, Any]:
    """The relevance of ``x``, that of the function's output, which is the output times ``weights``, and the ledger."""
    found = relevance_pass(lambda t: (function(t) * weights).flatten(1).sum(1, keepdim=True), x, Rulebook(Epsilon(), Epsilon(), None, eps))
    return found.relevance, function(x) * weights, found.ledger


def test_softmax_is_its_first_order_expansion() -> None:
    torch.manual_seed(6)
    x, weights = torch.randn(2, 4, dtype=torch.float64), torch.randn(2, 4, dtype=torch.float64)
    found, arrived, ledger = arriving(lambda t: t.softmax(-1), x, weights)
    p = x.softmax(-1)
    for row in range(2):
        kept = 0.0
        for i in range(4):
            expected = x[row, i] * (arrived[row, i] - p[row, i] * arrived[row].sum())
            assert float(found[row, i]) == pytest.approx(float(expected), rel=1e-9)
        for j in range(4):
            kept += float(arrived[row, j] * (1 - x[row, j] + (p[row] * x[row]).sum()))
        assert float(ledger.booked[SOFTMAX][row]) == pytest.approx(kept, rel=1e-9)


def test_masked_logits_get_nothing() -> None:
    x = torch.randn(2, 4, dtype=torch.float64)
    found = relevance_pass(lambda t: t.masked_fill(torch.tensor([False, True, False, False]), -torch.inf).softmax(-1), x)
    assert bool(found.relevance.isfinite().all())
    assert float(found.relevance[:, 1].abs().max()) == 0


def test_a_product_of_two_matrices_gives_half_to_each_in_proportion() -> None:
    torch.manual_seed(7)
    x, weights = torch.randn(1, 2, 3, 3, dtype=torch.float64), torch.randn(1, 3, 3, dtype=torch.float64)
    found, arrived, _ = arriving(lambda t: t[:, 0] @ t[:, 1], x, weights)
    a, v = x[0, 0], x[0, 1]
    for i in range(3):
        for j in range(3):
            left = sum(a[i, j] * v[j, k] * arrived[0, i, k] / (2 * (a @ v)[i, k]) for k in range(3))
            right = sum(a[k, i] * v[i, j] * arrived[0, k, j] / (2 * (a @ v)[k, j]) for k in range(3))
            assert float(found[0, 0, i, j]) == pytest.approx(float(left), rel=1e-8)
            assert float(found[0, 1, i, j]) == pytest.approx(float(right), rel=1e-8)


@pytest.mark.parametrize(
    ("function", "shares"),
    [
        (lambda t: t[:, 0] * t[:, 1], (0.5, 0.5)),
        (lambda t: t[:, 0] * t[:, 1].sigmoid(), (1, 0)),
        (lambda t: t[:, 1].sigmoid().reshape(len(t), -1, 1)[..., 0] * t[:, 0], (1, 0)),
        (lambda t: (1 - t[:, 1].sigmoid()) * t[:, 0], (1, 0)),
        (lambda t: t[:, 0].sigmoid() * t[:, 1].sigmoid(), (0.5, 0.5)),
        (lambda t: t[:, 0] / t[:, 1], (1, 0)),
        (lambda t: 3 / t[:, 1], (0, 1)),
        (lambda t: t[:, 0].exp() * 2, (1, 0)),
        (lambda t: -t[:, 1].tanh(), (0, 1)),
        (lambda t: t[:, 0].abs() ** t[:, 1], (1, 0)),
    ],
)
def test_functions_products_and_quotients_of_elements(function: Any, shares: tuple[float, float]) -> None:
    torch.manual_seed(8)
    x, weights = torch.randn(2, 2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    found, arrived, _ = arriving(function, x, weights)
    for place, share in enumerate(shares):
        torch.testing.assert_close(found[:, place], share * arrived, rtol=1e-9, atol=1e-12)


def test_written_over_gates_are_no_gates() -> None:
    def forward(t: Tensor) -> Tensor:
        gate = t[:, 1].sigmoid()
        gate.add_(t[:, 1])
        return gate * t[:, 0]

    x, weights = torch.randn(2, 2, 5, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    found, arrived, _ = arriving(forward, x, weights)
    torch.testing.assert_close(found[:, 0], arrived / 2, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["layer", "group", "rms"])
def test_a_normalization_passes_relevance_on_but_for_its_shift(name: str) -> None:
    torch.manual_seed(9)
    weight, bias = torch.randn(2, 4, dtype=torch.float64)
    x, weights = torch.randn(3, 4, 4, dtype=torch.float64), torch.randn(3, 4, 4, dtype=torch.float64)
    functions = {
        "layer": lambda t: F.layer_norm(t, (4,), weight, bias),
        "group": lambda t: F.group_norm(t, 2, weight, bias),
        "rms": lambda t: F.rms_norm(t, (4,), weight),
    }
    found, arrived, ledger = arriving(functions[name], x, weights)
    shift = {"layer": bias.expand(3, 4, 4), "group": bias[:, None].expand(3, 4, 4), "rms": torch.zeros(3, 4, 4, dtype=torch.float64)}[name]
    y = functions[name](x)
    torch.testing.assert_close(found, arrived * (y - shift) / y, rtol=1e-8, atol=1e-10)
    kept = (arrived * shift / y).flatten(1).sum(1)
    torch.testing.assert_close(ledger.booked.get(BIASES, torch.zeros(3, dtype=torch.float64)), kept, rtol=1e-8, atol=1e-10)


def test_a_sum_divides_in_proportion_and_books_its_constants() -> None:
    x = torch.tensor([[1.0, 2.0, -0.5]], dtype=torch.float64)
    found = relevance_pass(lambda t: (t[:, 0] + t[:, 1] * 2 - t[:, 2] + 4)[:, None], x)
    torch.testing.assert_close(found.relevance, torch.tensor([[1.0, 4.0, 0.5]], dtype=torch.float64), rtol=1e-9, atol=1e-12)
    assert float(found.ledger.booked[CONSTANTS][0]) == pytest.approx(4)


def test_the_largest_takes_all() -> None:
    x = torch.tensor([[[1.0, 5.0, 2.0, 3.0]], [[4.0, 1.0, 2.0, 9.0]]], dtype=torch.float64)
    found = relevance_pass(lambda t: F.max_pool1d(t, 2).flatten(1).sum(1, keepdim=True), x)
    torch.testing.assert_close(
        found.relevance[:, 0], torch.tensor([[0.0, 5, 0, 3], [4, 0, 0, 9]], dtype=torch.float64), rtol=1e-9, atol=1e-12
    )


# ---- rows, and what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [FIRST, RowAxis(1, 1), RowAxis(0, 2)])
def test_products_are_booked_by_row_wherever_rows_lie(at: RowAxis) -> None:
    torch.manual_seed(10)
    values, weights = torch.randn(2, 6, 3, 5, dtype=torch.float64)
    ledger = Ledger(3)
    ledger.book_product("one", values, weights, at)
    ledger.book_channels("two", values, 2, weights[0, 0], at)
    torch.testing.assert_close(ledger.booked["one"], by_row(values * weights, at, 3))
    torch.testing.assert_close(ledger.booked["two"], by_row(values * weights[0, 0], at, 3))


def test_rows_that_are_mixed_are_refused() -> None:
    with pytest.raises(UnsupportedOperation, match="which elements belong to which row"):
        relevance_pass(lambda t: t - t.mean(0, keepdim=True), torch.randn(3, 4, dtype=torch.float64))


def test_values_outside_the_box_are_refused() -> None:
    net, x = made("pictures")
    with pytest.raises(InputError, match="outside the bounds"):
        relevance_pass(net, x, Rulebook(Epsilon(), Epsilon(), Box(0.0, 1.0), 1e-9))
    with pytest.raises(InputError, match="do not fit the channels"):
        relevance_pass(net, x, Rulebook(Epsilon(), Epsilon(), Box((0.0, 0.0, 0.0), 1.0), 1e-9))


def test_a_function_of_two_varying_values_is_refused() -> None:
    with pytest.raises(UnsupportedOperation, match="heaviside of two values"):
        relevance_pass(lambda t: torch.heaviside(t[:, :2], t[:, 2:]) + t[:, :2], torch.randn(2, 4, dtype=torch.float64))


def test_the_first_layer_is_the_one_that_nothing_but_moving_lies_before() -> None:
    torch.manual_seed(11)
    first, second = nn.Linear(6, 6).double(), nn.Linear(6, 3).double()
    for module in (first, second):
        module.requires_grad_(requires_grad=False)
    x = torch.randn(2, 2, 3, dtype=torch.float64)
    found = relevance_pass(lambda t: second(F.relu(first(t.flatten(1)))), x, Rulebook(Epsilon(), Epsilon(), Flat(), 1e-12)).relevance
    torch.testing.assert_close(found, found.mean((1, 2), keepdim=True).expand_as(found))  # flat: every input the same
    plain = relevance_pass(lambda t: second(F.relu(first(t.flatten(1)))), x).relevance
    assert not torch.allclose(plain, plain.mean((1, 2), keepdim=True).expand_as(plain))
