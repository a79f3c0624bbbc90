"""Exact integrated gradients on every network of the wall that is piecewise linear; the others are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.errors import CapabilityError
from wall.cases import CASES
from wall.promises import BOUND, TARGET, difference, explained, float32_bound

PIECEWISE_LINEAR = (
    "F.relu",
    "relu in place",
    "ReLU6",
    "softshrink",
    "hardtanh",
    "leaky ReLU",
    "RReLU",
    "clamp",
    "clamp by values",
    "PReLU",
    "dropout, evaluated",
    "abs",
    "max_pool1d",
    "max_pool1d, ceil mode",
    "max_pool1d, dilated",
    "max_pool2d",
    "max_pool2d with places",
    "max_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "amax",
    "amin",
    "max",
    "min",
    "maximum",
    "maximum with a number",
    "fmin",
    "times a mask",
    "sign",
    "one nn.ReLU used twice",
    "data parallel",
    "weight norm",
    "spectral norm",
    "PReLU layer",
    "batch norm",
    "3-d convolution and pool",
    "channel shuffle",
    "RNN, ReLU",
)


def method(baseline: torch.Tensor) -> pl.IntegratedGradients:
    return pl.IntegratedGradients(rule="exact", max_segments=5000, baseline=baseline)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_the_identity_holds(name: str) -> None:
    net, x = CASES[name].network(), CASES[name].rows()
    for baseline in CASES[name].baselines().values():
        assert explained(net, x, method(baseline), difference(net, x, baseline)).scores().max() <= BOUND


@pytest.mark.parametrize("name", [name for name in PIECEWISE_LINEAR if CASES[name].apart])
def test_a_row_does_not_depend_on_its_neighbors(name: str) -> None:
    net, x, baseline = CASES[name].network(), CASES[name].rows(), CASES[name].baselines()["own"]
    together = pl.explain(net, x, method(baseline), target=TARGET, checks="none").arrays[0].values
    for row in (0, len(x) - 1):
        part = slice(row, row + 1)
        alone = pl.explain(net, x[part], method(baseline[part]), target=TARGET, checks="none").arrays[0].values
        assert np.abs(alone[0] - together[row]).max() <= BOUND * np.abs(together[row]).max()


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_single_precision_is_as_near_as_the_network_itself(name: str) -> None:
    case = CASES[name]
    net, wide, x, baseline = (
        case.network(torch.float32),
        case.network(),
        case.rows(dtype=torch.float32),
        case.baselines(torch.float32)["own"],
    )
    bound = float32_bound(net, wide, (x, baseline))
    sides = explained(net, x, method(baseline), difference(net, x, baseline))
    assert np.abs(sides.left - sides.right).max() <= bound


@pytest.mark.parametrize("name", [name for name in CASES if name not in PIECEWISE_LINEAR])
def test_what_is_not_piecewise_linear_is_refused(name: str) -> None:
    net, x = CASES[name].network(), CASES[name].rows()
    with pytest.raises(CapabilityError):
        pl.explain(net, x, method(CASES[name].baselines()["own"]), target=TARGET, checks="none")
