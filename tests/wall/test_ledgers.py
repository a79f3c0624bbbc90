"""Every network: LRP's ledger closes in float64, to its stated rounding in float32, and a row does not depend on its neighbors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.relevance import kinds
from wall.cases import CASES
from wall.ledgers import METHODS, stated
from wall.promises import BOUND, lrp
from wall.random_graphs import RandomGraph, graphs
from wall.test_random_graphs import EXAMPLES, SETTINGS, points


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_ledger_closes(case) -> None:
    net, x = case.network(), case.rows()
    for method in METHODS.values():
        assert lrp(net, x, x, method).scores().max() <= BOUND


# how long a packed sequence is follows there from its place in the batch
APART = {name: case for name, case in CASES.items() if not name.endswith("packed")}


@pytest.mark.parametrize("case", APART.values(), ids=APART)
def test_a_row_does_not_depend_on_its_neighbors(case) -> None:
    net, x = case.network(), case.rows()
    together = lrp(net, x, x).values
    for row in (0, len(x) - 1):
        alone = lrp(net, x[row : row + 1], x[:1]).values
        assert np.abs(alone[0] - together[row]).max() <= BOUND * np.abs(together[row]).max()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_in_single_precision_it_closes_to_the_stated_rounding(case) -> None:
    net, x = case.network(torch.float32), case.rows(dtype=torch.float32)
    residual, rounding = stated(net, x, METHODS["epsilon"])
    assert (residual <= rounding).all()


@settings(SETTINGS, max_examples=max(40, EXAMPLES // 5))
@given(net=graphs(), seed=st.integers(0, 1000))
def test_any_graph_closes_and_keeps_rows_apart(net: RandomGraph, seed: int) -> None:
    x = points(seed)
    for method in METHODS.values():
        together = lrp(net, x, x, method)
        assert together.scores().max() <= BOUND
    alone = lrp(net, x[1:2], x[1:2], method)
    assert np.abs(alone.values[0] - together.values[1]).max() <= BOUND * np.abs(together.values[1]).max()


def test_a_wrong_rule_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {name for name in CASES if "GELU" in name}
    monkeypatch.setitem(kinds.BY_KIND, "elementwise", lambda rules, call, site: rules.ruled(call, lambda r: (1.01 * r,)))
    assert wrong
    for name in wrong:
        with pytest.raises(UnsupportedOperation, match="does not close"):
            lrp(CASES[name].network(), CASES[name].rows(), CASES[name].rows())
