"""What lies above a layer, run alone, gives what the whole network gives; where it can not, the whole network is run."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.models import tail as module_under_test
from pellucid.models.inputs import collect
from pellucid.models.tail import Tail

RAN: list[str] = []  # outside the networks, since a shadow has its own copy of whatever they hold


class Named(nn.Module):
    """Says when it runs."""

    def __init__(self, name: str, inner: nn.Module) -> None:
        super().__init__()
        self.name, self.inner = name, inner

    def forward(self, *given: Tensor) -> Any:
        RAN.append(self.name)
        return self.inner(*given)


class Body(nn.Module):
    """Two convolutions below the layer and one above; what a case puts between them is in ``between``."""

    def __init__(self, between: Callable[[Body, Tensor], Tensor], **more: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = Named("first", nn.Conv2d(2, 4, 3, padding=1)), Named("second", nn.Conv2d(4, 4, 3, padding=1))
        self.layer, self.third = nn.Conv2d(4, 4, 3, padding=1), Named("third", nn.Conv2d(4, 4, 3, padding=1))
        self.act, self.inplace = nn.ReLU(), nn.ReLU(inplace=True)
        self.norm, self.drop = nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)
        for name, one in more.items():
            self.add_module(name, one)
        self.between = between
        self.norm.running_mean += torch.randn(4)
        self.norm.running_var += torch.rand(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self, x).mean((2, 3)))


def plain(n: Body, x: Tensor) -> Tensor:
    return n.act(n.third(n.act(n.layer(n.act(n.second(n.act(n.first(x))))))))


def residual_around(n: Body, x: Tensor) -> Tensor:
    below = n.act(n.first(x))
    return n.third(below + n.act(n.layer(n.second(below))) + below.mean((2, 3), keepdim=True))


def layer_twice(n: Body, x: Tensor) -> Tensor:
    once = n.act(n.layer(n.first(x)))
    return n.third(once + n.layer(n.act(n.second(once))))


def functional_between(n: Body, x: Tensor) -> Tensor:
    below = functional.gelu(n.first(x * 2 - x.mean((1, 2, 3), keepdim=True)))
    below = functional.max_pool2d(torch.cat([below, n.second(below)], 1)[:, 2:6], 2)
    return torch.tanh(n.third(functional.interpolate(n.layer(below), scale_factor=2))) * x.amax((1, 2, 3), keepdim=True)


def written_in_place(n: Body, x: Tensor) -> Tensor:
    below = n.inplace(n.first(x))
    skip = n.second(below)
    functional.relu_(skip)
    out = n.inplace(n.layer(below))
    out += skip
    return n.inplace(n.third(out))


def written_in_place_by_functions(n: Body, x: Tensor) -> Tensor:
    below = n.second(n.first(x))
    below.mul_(2).sub_(1)
    return n.third(n.layer(below) + below.relu_())


def normalized_and_dropped(n: Body, x: Tensor) -> Tensor:
    return n.drop(n.norm(n.third(n.drop(n.layer(n.drop(n.norm(n.first(x))))))))


def writes_to_its_input(n: Body, x: Tensor) -> Tensor:
    below = n.first(x.mul_(2))
    return n.third(n.layer(below)) + x.sum((1, 2, 3), keepdim=True)


def act_before_and_after(n: Body, x: Tensor) -> Tensor:
    for one in (n.first, n.second, n.layer, n.third):
        x = n.act(one(x)) + n.act(-one(x) if one is n.third else n.act(x[:, :1]))
    return x


GOOD = {
    f.__name__: f
    for f in (
        plain,
        residual_around,
        layer_twice,
        functional_between,
        written_in_place,
        written_in_place_by_functions,
        normalized_and_dropped,
        writes_to_its_input,
        act_before_and_after,
    )
}


@contextmanager
def opened(net: nn.Module, x: Tensor, layer: str, *, mode: Any = "eval") -> Any:
    model = pl.wrap(net)
    with model.open(collect(x, model.spec), mode=mode) as bound:
        yield bound, bound.tail(layer)


def whole(net: nn.Module, x: Tensor, layer: str, edited: Tensor, *, calls: int = 1) -> Tensor:
    """The slow twin: the user's own network, the layer's output at its last call replaced."""
    count = [0]

    def replace(_module: nn.Module, _arguments: Any, _output: Tensor) -> Tensor | None:
        count[0] += 1
        return edited if count[0] == calls else None

    handle = net.get_submodule(layer).register_forward_hook(replace)
    try:
        with torch.no_grad():
            return net(x.clone())
    finally:
        handle.remove()
        assert count[0] == calls


def compare(net: nn.Module, x: Tensor, layer: str = "layer", *, calls: int = 1, mode: Any = "eval") -> Tail:
    """Edits of one row and of several in one batch, against the slow twin to 1e-12; returns the tail for more questions."""
    torch.manual_seed(1)
    rows = torch.arange(len(x))
    net.eval()
    with opened(net, x, layer, mode=mode) as (_, tail):
        recorded = tail.record((x.clone(),), rows)
        torch.testing.assert_close(recorded.outputs, whole(net, x, layer, recorded.activations, calls=calls), rtol=1e-12, atol=1e-12)
        for at in (torch.tensor([1, 1, 1]), torch.tensor([0]), torch.arange(len(x)).repeat(2), torch.tensor([2, 0])):
            edited = recorded.activations[at] * torch.randint(0, 2, (len(at), *recorded.activations.shape[1:]))
            RAN.clear()
            found = tail.outputs(recorded, edited.clone(), at)
            tail.ran = list(RAN)  # type: ignore[attr-defined]
            wanted = whole(net, x[at], layer, edited, calls=calls)
            assert not torch.allclose(wanted, recorded.outputs[at])  # or nothing would be tested
            torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    assert not any("forward" in vars(m) for m in net.modules())
    return tail


def images(rows: int = 3) -> Tensor:
    return torch.randn(rows, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("case", GOOD)
def test_what_lies_above_a_layer_alone(case: str) -> None:
    tail = compare(Body(GOOD[case]).double(), images(), calls=2 if case == "layer_twice" else 1)
    assert not tail.whole
    assert tail.guess == ""
    assert "first" not in tail.ran and "second" not in tail.ran  # type: ignore[attr-defined]
    assert "third" in tail.ran  # type: ignore[attr-defined]


def test_a_layer_deep_inside_blocks() -> None:
    def block() -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Sequential(nn.Conv2d(4, 4, 3), nn.GELU()))

    torch.manual_seed(0)
    net = nn.Sequential(
        Named("stem", nn.Conv2d(2, 4, 1)), block(), block(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).double()
    for layer in ("2.3.0", "2", "1.1", "2.2"):
        tail = compare(net, images(), layer)
        assert not tail.whole and "stem" not in tail.ran, layer  # type: ignore[attr-defined]


class Windowed(nn.Module):
    """Attention over windows that lie in the batch, a table without a row axis, several outputs in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.norm = nn.Conv2d(2, 8, 1), nn.LayerNorm(8)
        self.attention, self.table = nn.MultiheadAttention(8, 2, batch_first=True), Named("table", Table())
        self.both = Named("both", Both())
        self.layer, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.embed(x).permute(0, 2, 3, 1))
        windows = y.reshape(len(x), 2, 3, 2, 3, 8).transpose(2, 3).reshape(-1, 9, 8)
        windows = self.attention(windows, windows, windows)[0] + self.table()
        y = y + windows.reshape(len(x), 2, 2, 3, 3, 8).transpose(2, 3).reshape(len(x), 6, 6, 8)
        parts = self.both(y)
        return self.head((functional.gelu(self.layer(parts["one"])) + parts["more"][0]).mean((1, 2)))


class Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.randn(9, 8))

    def forward(self) -> Tensor:
        return self.values * 1.0


class Both(nn.Module):
    def forward(self, x: Tensor) -> dict[str, Any]:
        return {"one": x.sin(), "more": (x.cos(), 3, None)}


def test_windows_tables_and_dictionaries() -> None:
    tail = compare(Windowed().double(), images(4))  # nine rows of a table are no rows of a batch of four
    assert not tail.whole and "both" not in tail.ran  # type: ignore[attr-defined]
    compare(Windowed().double(), images())  # of a batch of three they might be: found out, and right all the same


def test_states_of_recurrent_layers() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.rnn, self.layer, self.head = nn.LSTM(12, 5, 2, batch_first=True), nn.Linear(5, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            y, (h, _) = self.rnn(x.flatten(2).reshape(len(x), 6, 12))
            return self.head(self.layer(y).tanh().sum(1) + h[-1])

    for rows in (3, 4):  # the states are (layers, row, ...): they are not served by rows, and that is noticed
        tail = compare(Recurrent().double(), images(rows))
        assert tail.whole
        assert "layer layer" in tail.guess


def ignored_return(n: Body, x: Tensor) -> Tensor:
    below = n.first(x)
    n.inplace(below)  # acts on its input alone
    return n.third(below + n.layer(n.second(below)))


class Store(nn.Module):
    kept: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.kept = x
        return x


def layer_and_side(n: Body, x: Tensor) -> Tensor:
    n.store(n.first(x))
    return n.third(n.layer(n.second(n.store.kept)) + n.store.kept)


@pytest.mark.parametrize("case", [ignored_return, layer_and_side])
def test_modules_that_act_by_side_effects_are_noticed(case: Any) -> None:
    tail = compare(Body(case, store=Store()).double(), images())
    assert tail.whole
    assert "the whole network was run again" in tail.guess
    assert "first" in tail.ran  # type: ignore[attr-defined]


def test_random_numbers_in_the_forward_are_noticed() -> None:
    net = Body(normalized_and_dropped).double()
    net.drop.train()
    x = images()
    with opened(net, x, "layer", mode="as_is") as (_, tail):
        tail.record((x,), torch.arange(3))
        assert tail.whole


def test_a_network_that_ends_in_a_softmax() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(16, 3), nn.Softmax(1)).double()
    assert not compare(net, images(), "2").whole
    narrow, x = net.float(), images().float()
    with opened(narrow, x, "2") as (_, tail):  # its probabilities are float64, what made them is float32
        tail.record((x,), torch.arange(3))
        assert not tail.whole


def test_another_number_of_calls_in_another_row() -> None:
    class Loops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            for _ in range(int(x.amax())):
                x = self.layer(x).tanh() + 1
            return self.head(x)

    net, x = Loops().double(), torch.tensor([[3.0, 0, 0, 0], [1.0, 0, 0, 0]], dtype=torch.float64)
    with opened(net, x, "layer") as (_, tail):
        for row, calls in ((0, 3), (1, 1)):
            recorded = tail.record((x[row : row + 1],), torch.tensor([row]))
            edited = recorded.activations * 0.5
            found = tail.outputs(recorded, edited, torch.tensor([0]))
            torch.testing.assert_close(found, whole(net, x[row : row + 1], "layer", edited, calls=calls), rtol=1e-12, atol=1e-12)


def test_the_layer_s_own_hooks_come_first() -> None:
    net = Body(plain).double()
    net.layer.register_forward_hook(lambda _m, _a, output: output * 2)
    net.second.register_forward_hook(lambda _m, _a, output: output + 1)
    assert not compare(net, images()).whole


def test_what_is_served_wrongly_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    spread = Tail._spread
    monkeypatch.setattr(Tail, "_spread", lambda self, leaf, at, **o: spread(self, leaf, at, **o) * (1 + 1e-9 * (leaf.ndim == 4)))
    monkeypatch.setattr(module_under_test, "_WAYS", module_under_test._WAYS[:2])
    net, x = Body(residual_around).double(), images()
    with opened(net, x, "layer") as (_, tail):
        tail.record((x,), torch.arange(3))
        assert tail.whole


def test_errors_say_what_to_do() -> None:
    net, x = Body(plain, spare=nn.Linear(2, 2), pair=Both()).double(), images()
    for layer, words in (("spare", "does not call this layer"), ("fourth", "no layer of that name")):
        with pytest.raises(pl.PellucidError, match=words), opened(net, x, layer) as (_, tail):
            tail.record((x,), torch.arange(3))
    with pytest.raises(pl.PellucidError, match="no single tensor"), opened(Windowed().double(), x, "both") as (_, tail):
        tail.record((x,), torch.arange(3))
    frames = nn.Sequential(nn.Flatten(0, 1), nn.Unflatten(0, (-1, 1)), nn.Conv2d(1, 2, 1), nn.Unflatten(0, (-1, 2)), nn.Flatten())
    with pytest.raises(pl.PellucidError, match="is not the row"), opened(frames.double(), x, "2") as (_, tail):
        tail.record((x,), torch.arange(3))


@pytest.mark.parametrize("at", range(1, 7))
def test_a_failure_half_way_leaves_nothing_behind(at: int) -> None:
    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            RAN.append("failing")
            if RAN.count("failing") >= at:
                raise RuntimeError("half-way")
            return x

    net = nn.Sequential(nn.Conv2d(2, 3, 3), Failing(), nn.Flatten(), nn.Linear(48, 2)).double().eval()
    before = [dict(vars(m)) for m in net.modules()]
    RAN.clear()
    with pytest.raises(pl.PellucidError, match="half-way"):
        pl.explain(net, images(), pl.AblationCAM(layer="0"), target=1, checks="none", batch_size=1)
    assert [dict(vars(m)) for m in net.modules()] == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
