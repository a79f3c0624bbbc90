"""Networks that nobody thought of: 200 of them, always the same; ``make wall-deep`` tries 10,000 others."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wall.promises import BOUND, PROMISES
from wall.random_graphs import ONE, TWO, RandomGraph, Step, graphs

EXAMPLES = int(os.environ.get("PELLUCID_WALL_EXAMPLES", "200"))
SETTINGS = settings(
    max_examples=EXAMPLES, derandomize=EXAMPLES == 200, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
ROWS = 4


def points(seed: int) -> torch.Tensor:
    return torch.randn(ROWS, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@SETTINGS
@given(net=graphs(), seed=st.integers(0, 1000))
def test_any_graph_is_complete_and_keeps_rows_apart(net: RandomGraph, seed: int) -> None:
    x, baseline = points(seed), points(seed + 5000)
    together = PROMISES["deeplift"](net, x, baseline)
    assert together.scores().max() <= BOUND
    alone = PROMISES["deeplift"](net, x[1:2], baseline[1:2])
    assert np.abs(alone.values[0] - together.values[1]).max() <= BOUND * np.abs(together.values[1]).max()


@settings(SETTINGS, max_examples=max(10, EXAMPLES // 10))
@given(net=graphs(), seed=st.integers(0, 1000))
def test_any_graph_beside_a_shared_baseline_and_a_background(net: RandomGraph, seed: int) -> None:
    x, baseline = points(seed), points(seed + 5000)
    for method, others in (("deeplift", baseline[:1].expand_as(baseline).clone()), ("deepshap", baseline)):
        assert PROMISES[method](net, x, others).scores().max() <= BOUND


@pytest.mark.parametrize("name", [*ONE, *TWO])
def test_each_operation_between_others(name: str) -> None:
    """After a gate and before a softmax, at two depths."""
    operands = (2, 1) if name in TWO else (2,)
    later = (4, 3) if name in TWO else (4,)
    steps = (Step("SiLU", (0,)), Step("gate", (1,)), Step(name, operands), Step("softmax weights", (3, 2)), Step(name, later))
    net = RandomGraph(steps, seed=len(name))
    for seed in range(3):
        x, baseline = points(seed), points(seed + 5000)
        assert PROMISES["deeplift"](net, x, baseline).scores().max() <= BOUND
