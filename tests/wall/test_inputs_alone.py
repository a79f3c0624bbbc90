"""Where nothing else keeps relevance, the inputs have all of the score; and it is seen where something does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wall.cases import CASES, Case
from wall.inputs_alone import KEPT, look, without_biases

APART = {name: case for name, case in CASES.items() if case.apart}


@pytest.mark.parametrize("case", APART.values(), ids=APART)
def test_the_inputs_have_the_score(case: Case) -> None:
    found = look(case)
    assert found is None or found.ours.scores().max() <= KEPT


def test_biases_keep_relevance_until_they_are_zero() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    found = look(Case("biased", "here", make, (4,)))
    assert found is not None
    assert not found.biased
    assert all(not p.any() for name, p in found.net.named_parameters() if "bias" in name)
    plain = look(Case("plain", "here", lambda: nn.Sequential(nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False)), (4,)))
    assert plain is not None
    assert plain.biased


def test_a_constant_keeps_relevance_whatever_the_biases() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.first(x) + 1

    assert look(Case("shifted", "here", Shifted, (4,))) is None


def test_weights_stay_without_biases() -> None:
    net = nn.Linear(3, 2)
    weight = net.weight.detach().clone()
    assert torch.equal(without_biases(net).weight, weight)
