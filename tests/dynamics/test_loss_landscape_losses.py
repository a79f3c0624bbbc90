"""Which losses a landscape knows, and what it says of options and data that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from dynamics.landscape_twins import Plain, case, plain_loss, plane, seen
from pellucid.errors import CapabilityError, InputError, ModelError, UnknownName

# ---- losses -----------------------------------------------------------------------------------------------------------------


def test_values_have_a_squared_error_and_no_accuracy() -> None:
    torch.manual_seed(0)
    net, x = nn.Linear(3, 2).double(), torch.randn(9, 3, dtype=torch.float64)
    y = np.random.default_rng(0).normal(size=(9, 2))
    spec = pl.ModelSpec(outputs="values")
    found = seen(net, x, y, spec=spec)
    expected = float(((net(x).detach().numpy() - y) ** 2).mean())
    assert found.loss == "mse" and found.own[0] == pytest.approx(expected, rel=1e-12) and not found.classes
    assert plane(found).accuracy.size == 0
    assert found.base[0] == pytest.approx(float(y.var(0).mean()), rel=1e-12)


def test_a_function_may_give_the_mean_or_one_value_for_each_row() -> None:
    torch.manual_seed(0)
    net, x, y = nn.Linear(3, 1).double(), torch.randn(9, 3, dtype=torch.float64), np.linspace(-1, 1, 9)

    def each(outputs: Tensor, labels: Tensor) -> Tensor:
        return (outputs[:, 0] - labels).abs()

    def mean(outputs: Tensor, labels: Tensor) -> Tensor:
        return (outputs[:, 0] - labels).abs().mean()

    spec = pl.ModelSpec(outputs="values")
    both = [seen(net, x, y, spec=spec, loss=one, batch_size=4) for one in (each, mean)]
    assert [one.loss for one in both] == ["each", "mean"]
    assert np.allclose(plane(both[0]).loss, plane(both[1]).loss, rtol=1e-12)
    assert both[0].own[0] == pytest.approx(float(np.abs(net(x).detach().numpy()[:, 0] - y).mean()), rel=1e-12)


@pytest.mark.parametrize("several", [True, False])
def test_probabilities_and_single_logits(*, several: bool) -> None:
    torch.manual_seed(0)
    body = nn.Linear(3, 3 if several else 1).double()
    net = nn.Sequential(body, nn.Softmax(1) if several else nn.Sigmoid())
    x, labels = torch.randn(9, 3, dtype=torch.float64), np.arange(9) % (3 if several else 2)
    logits = seen(body, x, labels, spec=pl.ModelSpec(outputs="logits"))
    found = seen(net, x, labels)
    expected = nn.functional.cross_entropy if several else nn.functional.binary_cross_entropy_with_logits
    truth = torch.from_numpy(labels) if several else torch.from_numpy(labels).double()[:, None]
    assert logits.own[0] == pytest.approx(float(expected(body(x).detach(), truth)), rel=1e-12)
    assert np.allclose(plane(found).loss, plane(logits).loss, rtol=1e-9)
    assert np.array_equal(plane(found).accuracy, plane(logits).accuracy)


def test_of_equal_classes_the_first_is_the_answer() -> None:
    net = nn.Linear(2, 3)
    with torch.no_grad():
        for value in net.parameters():
            value.zero_()
        net.bias += 1
    found = seen(net, torch.randn(6, 2), np.array([0, 1, 2, 0, 1, 2]), shape="none", eigenvalues=1, spec=pl.ModelSpec(outputs="logits"))
    assert found.own == pytest.approx([np.log(3), 1 / 3])


def test_losses_of_sure_rows_keep_their_digits() -> None:
    net = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.0], [20.0]]))
    found = seen(net, torch.ones(4, 1), np.ones(4, int), shape="none", eigenvalues=1, spec=pl.ModelSpec(outputs="logits"))
    assert found.own[0] == pytest.approx(np.log1p(np.exp(-20.0)), rel=1e-6)


def test_rows_without_a_label_are_left_out() -> None:
    net, x, labels = case(Plain, torch.float64)
    labels[::2] = -1
    found = seen(net, x, labels)
    assert (found.rows, found.left_out) == (11, 12)
    assert found.own[0] == pytest.approx(plain_loss(net, x[1::2], labels[1::2])[0], rel=1e-12)
    assert seen(net, x, labels, samples=5).rows == 5


# ---- what can not be done ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"directions": "randon"}, UnknownName, "did you mean 'random'"),
        ({"directions": [{}]}, InputError, "two checkpoints or more"),
        ({"directions": 3}, InputError, "give a list of state dicts"),
        ({"shape": "cube"}, UnknownName, "legal: lines, none, surface"),
        ({"resolution": 2}, InputError, "resolution is a whole number from 3 on"),
        ({"span": (0.5, 1.0, -1.0, 1.0)}, InputError, "left < 0 < right"),
        ({"directions": "hessian", "eigenvalues": 1}, InputError, "eigenvalues=2 or more"),
        ({"shape": "none"}, InputError, "nothing left to look at"),
        ({"learning_rate": 0.0}, InputError, "above 0"),
        ({"loss": "hinge"}, InputError, "give 'cross_entropy', 'mse' or a function"),
        ({"loss": "mse"}, InputError, "one value for each output"),
        ({"loss": lambda outputs, truth: outputs[:2, 0]}, ModelError, "one for each row"),
        ({"other": 3}, InputError, "no torch module"),
    ],
)
def test_options_that_make_no_sense_say_what_to_do(options: dict[str, Any], error: type[Exception], says: str) -> None:
    net, x, labels = case(Plain, torch.float32)
    with pytest.raises(error, match=says):
        seen(net, x, labels, **options)


def test_labels_and_rows_that_do_not_fit() -> None:
    net, x, labels = case(Plain, torch.float32)
    with pytest.raises(InputError, match="there are no labels"):
        seen(net, x, None)
    with pytest.raises(InputError, match="22 labels for 23 rows"):
        seen(net, x, labels[:-1])
    with pytest.raises(InputError, match="class 3 of 3"):
        seen(net, x, labels + 1)
    with pytest.raises(InputError, match="No row has a label"):
        seen(net, x, labels * 0 - 1)
    with pytest.raises(InputError, match="is seen on rows"):
        seen(net, None, labels)
    broken = x.clone()
    broken[0, 0, 0] = float("nan")
    with pytest.raises(InputError, match=r"not finite|missing"):
        seen(net, broken, labels)


def test_weights_of_several_dtypes_are_refused() -> None:
    net, x, labels = case(Plain, torch.float32)
    net.extra = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    with pytest.raises(CapabilityError, match="one dtype"):
        seen(net, x, labels)
