"""Looking inside leaves no trace: parameters, buffers, flags, hooks, gradients, random states and rows are as they were."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from inside.subjects import OF_IMAGES, Encoder
from pellucid.methods.internals.registry import INSPECTIONS


class Net(nn.Module):
    """Batch norm, dropout and an attribute that the forward pass sets."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.body(x)


def state(net: nn.Module) -> tuple[object, ...]:
    return (
        {name: value.clone() for name, value in net.state_dict().items()},
        [module.training for module in net.modules()],
        [len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks) for module in net.modules()],
        [(parameter.requires_grad, parameter.grad is None) for parameter in net.parameters()],
        {key: value for key, value in vars(net).items() if not key.startswith("_")},
    )


def same(first: tuple[object, ...], second: tuple[object, ...]) -> bool:
    tensors, others = first[0], second[0]
    assert isinstance(tensors, dict) and isinstance(others, dict)
    return first[1:] == second[1:] and all(torch.equal(tensors[key], others[key]) for key in tensors)


@pytest.mark.parametrize("mode", ["eval", "as_is"])
@pytest.mark.parametrize("what", INSPECTIONS)
def test_nothing_changes(what: str, mode: str) -> None:
    torch.manual_seed(0)
    net, x, labels = Net().train(), torch.randn(24, 2), np.arange(24) % 3
    kept, before = x.clone(), state(net)
    draws = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    try:
        pl.inspect(net, what, x, labels=labels, mode=mode, batch_size=8)  # type: ignore[arg-type]
    except pl.PellucidError as error:  # batch norm in training mode can not take the one row that is looked at first
        assert (mode == "as_is" and "several rows in a batch" in str(error)) or what in OF_IMAGES
    assert same(before, state(net))
    assert torch.equal(x, kept)
    assert torch.equal(draws[0], torch.get_rng_state()) and random.getstate() == draws[2]
    assert np.array_equal(draws[1], np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("what", INSPECTIONS)
def test_nothing_changes_when_the_network_raises(what: str) -> None:
    class Failing(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("broken")

    torch.manual_seed(0)
    net = Failing()
    before = state(net)
    try:
        pl.inspect(net, what, torch.randn(24, 2), labels=np.arange(24) % 3)
    except pl.PellucidError as error:
        assert "broken" in str(error) or what in ("decision_boundary", *OF_IMAGES)
    assert same(before, state(net))


@pytest.mark.parametrize("what", [what for what in INSPECTIONS if what not in ("decision_boundary", *OF_IMAGES)])
def test_the_same_seed_gives_the_same_content(what: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, x, labels = Encoder().eval(), torch.randn(12, 9, 5), np.arange(12) % 3
    first, second = (pl.inspect(net, what, x, labels=labels, seed=3, batch_size=4) for _ in range(2))
    if what not in ("structure", "source"):  # these hold times
        again = replace(second, provenance=first.provenance)  # what was found out about the layers is not evaluated again
        one, two = (e.save(tmp_path / f"{k}.safetensors").read_bytes() for k, e in enumerate((first, again)))
        assert one == two
