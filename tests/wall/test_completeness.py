"""Every network, every method that promises: the identity holds in float64 and in float32, and a row does not depend on its neighbors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wall.cases import CASES
from wall.promises import BOUND, PROMISES, difference, float32_bound


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_case_says_something(case) -> None:
    assert np.median(np.abs(difference(case.network(), case.rows(), case.baselines()["own"]))) > 1e-4


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("method", PROMISES)
def test_the_identity_holds(method: str, case) -> None:
    net, x = case.network(), case.rows()
    for baseline in case.baselines().values():
        if method == "deepshap" and not case.apart:
            continue  # a background row beside every row is another batch there
        assert PROMISES[method](net, x, baseline).scores().max() <= BOUND


@pytest.mark.parametrize("case", [case for case in CASES.values() if case.apart], ids=lambda case: case.name)
def test_a_row_does_not_depend_on_its_neighbors(case) -> None:
    net, x, baseline = case.network(), case.rows(), case.baselines()["own"]
    together = PROMISES["deeplift"](net, x, baseline).values
    for row in (0, len(x) - 1):
        alone = PROMISES["deeplift"](net, x[row : row + 1], baseline[row : row + 1]).values
        assert np.abs(alone[0] - together[row]).max() <= BOUND * np.abs(together[row]).max()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_single_precision_is_as_near_as_the_network_itself(case) -> None:
    net, wide, x = case.network(torch.float32), case.network(), case.rows(dtype=torch.float32)
    baselines = case.baselines(torch.float32)
    bound = float32_bound(net, wide, (x, *baselines.values()))
    for baseline in baselines.values():
        sides = PROMISES["deeplift"](net, x, baseline)
        assert np.abs(sides.left - sides.right).max() <= bound
