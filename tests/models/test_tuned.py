"""Evaluations below their plain cost give what the plain ones give, follow the weights, and are given up where they can not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.models import tuned
from pellucid.models.inputs import collect
from pellucid.models.rules.tuned import regions as regions_module
from pellucid.models.rules.tuned.fusion import Diverged, Fusion, plan
from pellucid.models.rules.tuned.regions import Regions, changed_windows
from pellucid.models.wrap import wrap

ROWS, SIDE = 6, 40


class Residual(nn.Module):
    """Same padding by hand, ReLU6 in place, depthwise convolution, residual sums, a squeeze; what mobile networks are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm1 = nn.Conv2d(3, 8, 3, stride=2, bias=False), nn.BatchNorm2d(8)
        self.deep, self.norm2 = nn.Conv2d(8, 8, 5, groups=8, bias=False), nn.BatchNorm2d(8)
        self.point, self.norm3 = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)
        self.down, self.norm4 = nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16)
        self.gate = nn.Linear(16, 16)
        self.head = nn.Linear(16, 5)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm1(self.stem(F.pad(x, (0, 1, 0, 1)))))
        y = self.act(self.norm2(self.deep(F.pad(x, (2, 2, 2, 2)))))
        y = self.norm3(self.point(y))
        y += x
        y = F.silu(self.norm4(self.down(y)))
        y = y * torch.sigmoid(self.gate(y.mean((2, 3))))[:, :, None, None]
        return self.head(F.adaptive_avg_pool2d(y, 1).view(len(y), -1))


class Plain(nn.Module):
    """Convolutions, ReLU, max pooling and a view that depends on the layout."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 6, 3, padding="same"), nn.Conv2d(6, 8, 3, padding=2, dilation=2)
        self.head = nn.Linear(8 * 10 * 10, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.a(x)), 2)
        kept = self.b(x)
        x = F.avg_pool2d(F.relu(kept) + 0.1 * kept, 2)
        return self.head(x.view(len(x), -1))


class Branching(nn.Module):
    """Takes another way for bright images."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.b = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.mean() > 0.5:
            return self.b(x).exp().mean((2, 3))
        return self.norm(self.a(x)).mean((2, 3))


def made(kind: type[nn.Module], seed: int = 0) -> tuple[nn.Module, Tensor]:
    """A network with batch statistics of its own and frozen weights, and rows."""
    torch.manual_seed(seed)
    net = kind()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return net.eval().requires_grad_(False), torch.randn(ROWS, 3, SIDE, SIDE)


def calls(net: nn.Module) -> Any:
    return lambda batch: net(*batch)


@pytest.mark.parametrize("kind", [Residual, Plain])
def test_outputs_are_as_near_to_float64_as_the_plain_ones(kind: type[nn.Module]) -> None:
    net, x = made(kind)
    fusion = plan(net, (x[:1],), calls(net))
    assert fusion is not None
    assert fusion.passed
    with torch.no_grad():
        truth = copy.deepcopy(net).double()(x.double())
        found, plain = fusion.run(calls(net), (x,), differentiates=False), net(x)
    assert (found - truth).abs().max() <= 2 * (plain - truth).abs().max() + torch.finfo(x.dtype).eps * truth.abs().max()


@pytest.mark.parametrize("kind", [Residual, Plain])
def test_gradients_are_those_of_the_network(kind: type[nn.Module]) -> None:
    net, x = made(kind)
    net, x = net.double(), x.double()  # where no activation switches by rounding
    fusion = plan(net, (x[:1],), calls(net))
    assert fusion is not None
    found, plain = (_gradient(f, x) for f in (lambda t: fusion.run(calls(net), (t,), differentiates=True), net))
    torch.testing.assert_close(found, plain, rtol=1e-9, atol=1e-12)


def _gradient(function: Any, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(function(leaf)[:, 1].sum(), leaf)[0]


WINDOWS = {
    "corner": [(0, 0), (0, 31), (31, 0), (31, 31), (14, 14), (3, 22)],
    "one place": [(7, 9)] * ROWS,
}


@pytest.mark.parametrize("size", [1, 3, 9])
@pytest.mark.parametrize("places", WINDOWS)
@pytest.mark.parametrize("kind", [Residual, Plain])
def test_touched_regions_give_the_whole_answer(kind: type[nn.Module], places: str, size: int) -> None:
    net, x = made(kind)
    known = x[:1]
    batch = known.repeat(ROWS, 1, 1, 1)
    for row, (y, left) in enumerate(WINDOWS[places]):
        batch[row, :, y : y + size, left : left + size] = torch.randn(3, size, size)
    with torch.no_grad():
        fusion = plan(net, (known,), calls(net))
        assert fusion is not None
        patches = changed_windows(batch, known)
        torch.testing.assert_close(patches.whole(), batch, rtol=0, atol=0)
        regions = Regions(fusion)
        truth, plain = copy.deepcopy(net).double()(batch.double()), net(batch)
        for _ in range(2):  # the second time from the maps it kept
            found = regions.run(calls(net), batch, patches)
            assert (found - truth).abs().max() <= 2 * (plain - truth).abs().max() + torch.finfo(x.dtype).eps * truth.abs().max()
    assert regions.known


def test_a_wrong_region_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    right = regions_module._reached
    monkeypatch.setattr("pellucid.models.rules.tuned.regions._reached", lambda *given: (right(*given)[0] + 1, right(*given)[1]))
    with pytest.raises((AssertionError, IndexError, RuntimeError)):
        test_touched_regions_give_the_whole_answer(Residual, "one place", 3)


def test_another_branch_is_noticed() -> None:
    net, x = made(Branching)
    fusion = plan(net, (x[:1],), calls(net))
    assert fusion is not None
    with pytest.raises(Diverged):
        fusion.run(calls(net), (x + 1,), differentiates=False)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes which way evaluations go; few convolutions are enough."""
    monkeypatch.setattr(tuned, "DEEP", 1)
    ways: list[str] = []
    for name, kind in (("fused", Fusion), ("regions", Regions)):
        inner = kind.run

        def run(self: Any, *args: Any, inner: Any = inner, name: str = name, **named: Any) -> Tensor:
            ways.append(name)
            return inner(self, *args, **named)

        monkeypatch.setattr(kind, "run", run)
    return ways


def test_explanations_use_it_and_agree_with_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = made(Residual)
    ways = counted(monkeypatch)
    found = pl.explain(net, x[:2], pl.Occlusion(window=4), target=1, batch_size=16, checks="none")
    assert "regions" in ways
    monkeypatch.setattr(tuned, "ENOUGH", 10**9)
    ways.clear()
    plain = pl.explain(net, x[:2], pl.Occlusion(window=4), target=1, batch_size=16, checks="none")
    assert not ways
    torch.testing.assert_close(torch.from_numpy(found.arrays[0].values), torch.from_numpy(plain.arrays[0].values), rtol=1e-4, atol=1e-5)


def test_it_follows_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = made(Residual)
    ways = counted(monkeypatch)
    net.requires_grad_(True)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    before = pl.explain(net, x[:1], pl.Occlusion(window=8), target=1, batch_size=16, checks="none").arrays[0].values
    net(x)[:, 1].sum().backward()
    optimizer.step()
    net.norm1.running_mean.add_(0.3)  # type: ignore[union-attr, operator]
    after = pl.explain(net, x[:1], pl.Occlusion(window=8), target=1, batch_size=16, checks="none").arrays[0].values
    fresh = pl.explain(copy.deepcopy(net), x[:1], pl.Occlusion(window=8), target=1, batch_size=16, checks="none").arrays[0].values
    assert abs(after - fresh).max() <= 1e-6 * abs(fresh).max()
    assert abs(after - before).max() > 1e-3 * abs(before).max()
    assert "regions" in ways


def test_a_network_that_diverges_falls_back_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = made(Branching)
    x = x.repeat(4, 1, 1, 1)
    ways = counted(monkeypatch)
    with wrap(net, None).open(collect(x, wrap(net, None).spec), mode="eval") as bound:
        bound.expect(100)
        rows = torch.arange(8)
        bound.outputs((x[:1],), rows[:1])  # the first pass is a plain one
        first = bound.outputs((x[:8],), rows)
        bright = bound.outputs((x[:8] + 1,), rows)
        again = bound.outputs((x[:8],), rows)
    with torch.no_grad():
        torch.testing.assert_close(first, net(x[:8]), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(bright, net(x[:8] + 1), rtol=0, atol=0)
        torch.testing.assert_close(again, net(x[:8]), rtol=0, atol=0)
    assert ways.count("fused") == 3  # compared with the plain pass, used, given up


@pytest.mark.parametrize("case", ["few rows", "float64", "training", "looked at"])
def test_it_stays_away(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = made(Residual)
    net, x = (net.double(), x.double()) if case == "float64" else (net.train() if case == "training" else net, x)
    ways = counted(monkeypatch)
    model = wrap(net, None)
    with model.open(collect(x, model.spec), mode="as_is") as bound:
        bound.outputs((x[:1],), torch.arange(1))
        bound.expect(3 if case == "few rows" else 100)
        if case == "looked at":
            with bound.looking_at("norm1", lambda _: None):
                bound.outputs((x,), torch.arange(ROWS))
        else:
            bound.outputs((x,), torch.arange(ROWS))
    assert not ways
