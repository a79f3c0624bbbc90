"""A shadow that is used again is no different from a new one, whatever was changed since."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid.models.borrowed_shadow import _SHELVES, borrowed_shadow


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 2
        self.first, self.norm, self.second = nn.Linear(5, 5), nn.BatchNorm1d(5), nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.norm(self.first(x)))) * self.scale


class Wider(Scaled):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + 1


class Counting(Scaled):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls = self.calls + 1
        return super().forward(x) * self.calls


def made(kind: type[Scaled] = Scaled) -> tuple[Scaled, Tensor]:
    torch.manual_seed(0)
    net = kind().eval()
    net.norm.running_mean.normal_()
    return net, torch.randn(4, 5)


def used(net: nn.Module, x: Tensor, *, training: bool | None = False) -> Tensor:
    with torch.no_grad(), borrowed_shadow(net, training=training) as shadow:
        assert shadow is not net
        return shadow(x)


def _swap(net: Scaled) -> None:
    net.first, net.second = net.second, net.first


def _rename(net: Scaled) -> None:
    net.first = nn.Sequential(net._modules.pop("first"), nn.Tanh())


def _move(net: Scaled) -> None:
    net.first.weight.data = net.first.weight.data.clone().mul_(3)


def _hook(net: Scaled) -> None:
    net.first.register_forward_hook(_double)


def _double(_module: nn.Module, _arguments: Any, output: Tensor) -> Tensor:
    return output * 2


CHANGES: dict[str, Callable[[Scaled], Any]] = {
    "a weight in place": lambda net: net.first.weight.data.mul_(2),
    "a weight's storage": _move,
    "a parameter": lambda net: setattr(net.first, "weight", nn.Parameter(torch.ones(5, 5))),
    "a parameter taken away": lambda net: setattr(net.first, "bias", None),
    "a buffer in place": lambda net: net.norm.running_mean.add_(1),
    "a buffer": lambda net: setattr(net.norm, "running_mean", torch.ones(5)),
    "a layer": lambda net: setattr(net, "second", nn.Linear(5, 5)),
    "layers swapped": _swap,
    "layers nested": _rename,
    "tied weights": lambda net: setattr(net.second, "weight", net.first.weight),
    "an attribute": lambda net: setattr(net, "scale", 3),
    "an attribute's type": lambda net: setattr(net, "scale", 2.5),
    "a class": lambda net: setattr(net, "__class__", Wider),
    "a hook": _hook,
    "a forward of its own": lambda net: setattr(net, "forward", lambda x: x * 7),
    "epsilon": lambda net: setattr(net.norm, "eps", 1.0),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_a_change_is_seen(changed: str) -> None:
    net, x = made()
    before = used(net, x)
    torch.manual_seed(1)
    CHANGES[changed](net)
    with torch.no_grad():
        expected = copy.deepcopy(net)(x) if changed != "a forward of its own" else x * 7
    assert not torch.equal(expected, before)
    for _ in range(2):
        torch.testing.assert_close(used(net, x), expected, rtol=0, atol=0)


def test_a_hook_that_went_again_is_seen() -> None:
    net, x = made()
    before = used(net, x)
    handle = net.first.register_forward_hook(_double)
    used(net, x)
    handle.remove()
    torch.testing.assert_close(used(net, x), before, rtol=0, atol=0)


def test_the_mode_is_seen() -> None:
    net, x = made()
    calm = used(net, x, training=None)
    net.train()
    assert not torch.equal(used(net, x, training=None), calm)
    torch.testing.assert_close(used(net, x, training=False), calm, rtol=0, atol=0)
    mean = net.norm.running_mean.clone()
    used(net, x, training=None)
    assert torch.equal(net.norm.running_mean, mean)


def test_a_plain_network_s_shadow_is_used_again_and_holds_no_tensor() -> None:
    net, x = made()
    with borrowed_shadow(net, training=False) as first:
        first(x)
    assert not list(first.parameters()) and not list(first.buffers())
    with borrowed_shadow(net, training=False) as second, borrowed_shadow(net, training=False) as third:
        assert second is first and third is not first
        assert second.first.weight.data_ptr() == net.first.weight.data_ptr() != 0


def test_a_shadow_that_was_touched_is_not_used_again() -> None:
    net, x = made(Counting)
    assert torch.equal(used(net, x), used(net, x))
    with borrowed_shadow(net, training=False) as first:
        pass
    with borrowed_shadow(net, training=False) as second:
        assert second is first
        second.norm.eps = 3.0
    with borrowed_shadow(net, training=False) as third:
        assert third is not first
    with pytest.raises(KeyError), borrowed_shadow(net, training=False):
        raise KeyError
    with borrowed_shadow(net, training=False) as fourth:
        assert fourth is not third


def test_a_network_that_is_not_plain_gets_a_new_shadow_each_time() -> None:
    net, _ = made()
    net.seen = []
    with borrowed_shadow(net, training=False) as first:
        first.seen.append(1)
    with borrowed_shadow(net, training=False) as second:
        assert second is not first and second.seen == []


def test_nothing_keeps_the_network_alive() -> None:
    net, x = made()
    used(net, x)
    assert net in _SHELVES
    gone, layer = weakref.ref(net), weakref.ref(net.first)
    net.first = nn.Linear(5, 5)
    gc.collect()
    assert layer() is None
    del net
    gc.collect()
    assert gone() is None
