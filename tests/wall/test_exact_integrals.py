"""Exact integrated gradients on every network of the wall that is piecewise linear; the others are refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.errors import CapabilityError
from wall.cases import CASES
from wall.exact import PIECEWISE_LINEAR, integral, method
from wall.promises import BOUND, TARGET, float32_bound


@pytest.mark.parametrize("name", PIECEWISE_LINEAR)
def test_the_identity_holds(name: str) -> None:
    net, x = CASES[name].network(), CASES[name].rows()
    for baseline in CASES[name].baselines().values():
        assert integral(net, x, baseline).scores().max() <= BOUND


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
    sides = integral(net, x, baseline)
    assert np.abs(sides.left - sides.right).max() <= bound


@pytest.mark.parametrize("name", [name for name in CASES if name not in PIECEWISE_LINEAR])
def test_what_is_not_piecewise_linear_is_refused(name: str) -> None:
    net, x = CASES[name].network(), CASES[name].rows()
    with pytest.raises(CapabilityError):
        pl.explain(net, x, method(CASES[name].baselines()["own"]), target=TARGET, checks="none")
