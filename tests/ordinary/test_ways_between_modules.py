"""Every way by which one module can reach another: if one led back to the original, its dropout (train mode) would show in the values,
and its counter would show that it ran."""

from __future__ import annotations

import functools
import weakref
from collections import deque, namedtuple
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

import pellucid as pl
from ordinary.twins import FEATURES, check_right, table
from pellucid.errors import ModelError
from registration.subjects import differences, record


class Part(nn.Module):
    """Counts its calls and drops half of its output in train mode."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.calls = nn.Linear(5, 3).double(), 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return nn.functional.dropout(torch.tanh(self.linear(x)), 0.5, training=self.training)


class Holder:
    """An object of the user's own."""

    def __init__(self, part: Part) -> None:
        self.part, self.log = part, []

    def run(self, x: Tensor) -> Tensor:
        self.log.append(len(x))
        return self.part(x)


class Slotted:
    __slots__ = ("part",)

    def __init__(self, part: Part) -> None:
        self.part = part


Named = namedtuple("Named", ["part", "number"])


def closure(part: Part):
    return lambda x: part(x)


def nested_closure(part: Part):
    def outer(x: Tensor) -> Tensor:
        def inner() -> Tensor:
            return part(x)

        return inner()

    return outer


def recursive(part: Part):
    def call(x: Tensor, depth: int = 2) -> Tensor:
        return part(x) if depth == 0 else call(x, depth - 1)

    return call


WAYS = {
    "lambda": closure,
    "nested function": nested_closure,
    "recursive function": recursive,
    "default argument": lambda part: lambda x, part=part: part(x),
    "keyword default": lambda part: lambda x, *, part=part: part(x),
    "bound method": lambda part: part.forward,
    "partial": lambda part: functools.partial(lambda part, x: part(x), part),
    "object": lambda part: Holder(part).run,
    "object in a lambda": lambda part: (lambda held: lambda x: held.part(x))(SimpleNamespace(part=part)),
    "slots": lambda part: (lambda held: lambda x: held.part(x))(Slotted(part)),
    "list": lambda part: (lambda held: lambda x: held[0](x))([part]),
    "dict of lists": lambda part: (lambda held: lambda x: held["a"][0](x))({"a": [part]}),
    "deque": lambda part: (lambda held: lambda x: held[-1](x))(deque([part], maxlen=3)),
    "named tuple": lambda part: (lambda held: lambda x: held.part(x))(Named(part, 1)),
    "weak reference": lambda part: (lambda held: lambda x: held()(x))(weakref.ref(part)),
    "weak proxy": lambda part: (lambda held: lambda x: held(x))(weakref.proxy(part)),
    "compiled": lambda part: torch.compile(part, backend="eager"),
    "compiled lambda": lambda part: torch.compile(closure(part), backend="eager"),
    "parallel": nn.DataParallel,
}


class Through(nn.Module):
    def __init__(self, way: str) -> None:
        super().__init__()
        self.part = Part()
        self.way = WAYS[way](self.part)

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x * 2)


@pytest.mark.parametrize("way", list(WAYS))
def test_ways(way):
    net, x = Through(way).train(), table()
    linear = net.part.linear
    check_right(net, x, lambda row: torch.tanh(linear(row * 2))[:, 1], FEATURES, target=1)
    assert net.part.calls == 0
    torch._dynamo.reset()


BACKBONE: Part | None = None


class Global(nn.Module):
    """As in notebooks: the forward reaches its parts by a global name, also from a function inside."""

    def __init__(self, *, patched: bool) -> None:
        super().__init__()
        self.part = BACKBONE
        if patched:
            self.forward = lambda x: BACKBONE(x * 2)

    def forward(self, x: Tensor) -> Tensor:
        return (lambda: BACKBONE(x * 2))()


@pytest.mark.parametrize("patched", [False, True])
def test_modules_reached_by_a_global_name(patched, monkeypatch):
    for _ in range(2):  # the second network must not be explained by what was kept of the first
        monkeypatch.setitem(globals(), "BACKBONE", Part())
        net, x = Global(patched=patched).train(), table()
        net.part.linear.weight.data.normal_()
        linear = net.part.linear
        check_right(net, x, lambda row, linear=linear: torch.tanh(linear(row * 2))[:, 1], FEATURES, target=1)
        assert net.part.calls == 0


class Crossed(nn.Module):
    """Two modules that speak through one list, which starts empty; one knows its parent."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        shared: list[Tensor] = []
        self.first, self.second, self.head = nn.Linear(5, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.first.skips = self.second.skips = shared
        self.second.__dict__["parent"] = self
        self.first.register_forward_hook(lambda module, _a, output: module.skips.append(output))
        kept = shared
        self.second.register_forward_hook(lambda module, _a, output: output + kept.pop() * (2.0 if module.parent.training else 3.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.second(torch.tanh(self.first(x)))))


def test_modules_that_share_a_list_still_share_it():
    net, x = Crossed().double().train(), table()
    first, second, head = net.first, net.second, net.head

    def linear(module: nn.Linear, given: Tensor) -> Tensor:
        return given @ module.weight.T + module.bias

    def score(row: Tensor) -> Tensor:
        one = linear(first, row)
        return linear(head, torch.tanh(linear(second, torch.tanh(one)) + 3 * one))[:, 1]

    check_right(net, x, score, FEATURES, target=1)
    assert not net.first.skips


class Recording(nn.Module):
    """Writes wherever a forward may write."""

    def __init__(self) -> None:
        super().__init__()
        self.part = Part()
        self.register_buffer("count", torch.zeros(1))
        self.seen, self.table, self.history = [], {}, np.zeros(3)
        self.holder = Holder(self.part)
        self.draws, self.plain = torch.Generator().manual_seed(1), torch.zeros(2)
        self.numbers = np.random.default_rng(0)

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        self.plain += 1
        self.history[0] += 1
        self.seen.append(x.mean())
        self.table[len(self.seen)] = x
        self.last = x.sum()
        self.draws.seed()
        self.numbers.random()
        return self.holder.run(x * 2)


def test_a_forward_that_writes_leaves_no_trace():
    net, x = Recording().train(), table()
    state, numbers = net.draws.get_state().clone(), net.numbers.bit_generator.state
    linear = net.part.linear
    check_right(net, x, lambda row: torch.tanh(linear(row * 2))[:, 1], FEATURES, target=1)
    assert not net.seen
    assert not net.table
    assert not net.history.any()
    assert not net.holder.log
    assert not net.plain.any()
    assert not hasattr(net, "last")
    assert torch.equal(net.draws.get_state(), state)
    assert net.numbers.bit_generator.state == numbers


def test_weights_that_a_forward_writes_stay():
    class Clipped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.linear = nn.Linear(5, 3).double()

        def forward(self, x: Tensor) -> Tensor:
            self.linear.weight.data = torch.renorm(self.linear.weight.data, 2, 0, 0.3)
            return torch.tanh(self.linear(x))

    net, x = Clipped(), table()
    weight = torch.renorm(net.linear.weight.detach(), 2, 0, 0.3)
    check_right(net, x, lambda row: torch.tanh(row @ weight.T + net.linear.bias)[:, 1], FEATURES, target=1)

    class Bounded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.words, self.head = nn.Embedding(6, 4, max_norm=0.5), nn.Linear(4, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.head(self.words(tokens).mean(1))

    bounded, tokens = Bounded(), torch.tensor([[1, 2, 3]])
    before = bounded.words.weight.detach().clone()
    for _ in range(2):
        pl.explain(bounded, tokens, "gradient", target=1)
    assert torch.equal(bounded.words.weight.detach(), before)


class Odd(nn.Module):
    """Slots, a property, an own __getattr__ and __setattr__."""

    __slots__ = ("scale",)

    def __init__(self) -> None:
        super().__init__()
        self.part, self.scale, self.factors = Part(), 2.0, {"hidden": 1.5}

    @property
    def doubled(self) -> float:
        return self.scale * 1.0

    def __getattr__(self, name: str):
        if name == "hidden":
            return self.__dict__["factors"]["hidden"]
        return super().__getattr__(name)

    def __setattr__(self, name: str, value) -> None:
        if name == "forbidden":
            raise AttributeError(name)
        super().__setattr__(name, value)

    def forward(self, x: Tensor) -> Tensor:
        self.last = x
        return self.part(x * self.doubled * self.hidden)


def test_slots_properties_and_own_attribute_access():
    net = Odd().train()
    linear = net.part.linear
    check_right(net, table(), lambda row: torch.tanh(linear(row * 3))[:, 1], FEATURES, target=1)


class Listed(nn.Module):
    """ParameterList and ParameterDict, a plain tensor as weight, modules in a plain list, a nested list of parameters."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.several = nn.ParameterList([torch.randn(5, 4), torch.randn(4)])
        self.named = nn.ParameterDict({"last": torch.randn(4, 3)})
        self.double()
        self.plain = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
        self.layers = [nn.Dropout(0.5), [Part()]]
        self.linear = nn.Linear(3, 5).double()
        del self.linear.weight
        self.linear.weight = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
        self.again = [self.several[0]]

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.layers[0](torch.tanh(x @ self.again[0] + self.several[1]) @ self.plain)
        return self.layers[1][0](self.linear(hidden @ self.named["last"]))


def test_parameters_in_lists_and_modules_in_plain_lists():
    net = Listed().train()  # which does not reach the plain list, whose modules are in train mode from their birth
    part = net.layers[1][0].linear

    def score(row: Tensor) -> Tensor:
        hidden = torch.tanh(row @ net.several[0] + net.several[1]) @ net.plain @ net.named["last"]
        return torch.tanh(part(hidden @ net.linear.weight.T + net.linear.bias))[:, 1]

    check_right(net, table(), score, FEATURES, target=1)
    assert net.layers[1][0].training
    assert net.plain.requires_grad


def test_parametrized_classes_keep_their_parametrization():
    class Positive(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return nn.functional.softplus(weight)

    net = Part().train()
    parametrize.register_parametrization(net.linear, "weight", Positive())
    raw, bias = net.linear.parametrizations.weight.original, net.linear.bias
    check_right(net, table(), lambda row: torch.tanh(row @ nn.functional.softplus(raw).T + bias)[:, 1], FEATURES, target=1)


def test_lazy_modules():
    net = nn.Sequential(nn.LazyLinear(3), nn.Tanh()).double()
    with pytest.raises(ModelError, match=r"lazy parameters.*call the network once"):
        pl.explain(net, table(), "gradient", target=1)
    net(table())
    check_right(net, table(), lambda row: torch.tanh(net[0](row))[:, 1], FEATURES, target=1)


def test_weights_without_values():
    net = nn.Linear(5, 3, device="meta")
    with pytest.raises(ModelError, match=r"meta device.*load_state_dict"):
        pl.explain(net, table().float(), "gradient", target=1)


def test_tensor_subclasses():
    class Marked(Tensor):
        pass

    net = Part().train()
    net.linear.weight = nn.Parameter(net.linear.weight.detach().as_subclass(Marked))
    weight, bias = net.linear.weight.detach().as_subclass(Tensor), net.linear.bias
    check_right(net, table(), lambda row: torch.tanh(row @ weight.T + bias)[:, 1], FEATURES, target=1)


def test_a_network_changed_between_two_calls():
    net, x = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double(), table()
    check_right(net, x, lambda row: net(row)[:, 1], FEATURES, target=1)
    with torch.no_grad():
        net[0].weight.mul_(2)
    check_right(net, x, lambda row: net(row)[:, 1], FEATURES, target=1)
    net[2] = nn.Linear(4, 3).double()
    check_right(net, x, lambda row: net(row)[:, 1], FEATURES, target=1)
    net[1].forward = torch.sigmoid
    check_right(net, x, lambda row: net(row)[:, 1], FEATURES, target=1)
    net[0].weight.data = net[0].weight.data * 0.5
    before = record(net, x)
    check_right(net, x, lambda row: net(row)[:, 1], FEATURES, target=1)
    assert not differences(before, record(net, x))
