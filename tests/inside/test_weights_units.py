"""Dead and double units: all planted ones are found and hardly another, by limits that hold against chance; where units go."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from inside.planted import FunctionalCNN, networks, plant
from pellucid.demo.networks import digits_network
from pellucid.explanation.contents import Weights
from pellucid.explanation.contents.weights import LayerUnits
from pellucid.methods.internals import weights_units
from pellucid.methods.internals.weights_units import BLOCK, CHANCE, NEAR, limit
from pellucid.views.inside import inside


def seen(net: nn.Module, data: Tensor | None = None) -> Weights:
    found = pl.inspect(net, "weights", data).content
    assert isinstance(found, Weights)
    return found


def units_of(net: nn.Module, layer: str, data: Tensor | None = None) -> LayerUnits:
    return next(one for one in seen(net, data).units if one.layer == layer)


@pytest.mark.slow
def test_planted_units_are_found_and_hardly_another() -> None:
    wrong = others = found = 0
    for name, net in networks().items():
        follows = {one.layer: one.next for one in seen(net).units if one.next}
        assert len(follows) >= 2, name
        planted = plant(net, follows, torch.Generator().manual_seed(0))
        for one in seen(net).units:
            dead, doubled = planted.dead.get(one.layer, set()), planted.doubled.get(one.layer, set())
            assert dead <= set(one.dead), (name, one.layer)
            assert doubled <= set(one.doubled), (name, one.layer)
            rest = set(range(len(one.norms))) - dead - doubled
            found += len(dead | doubled)
            others += len(rest)
            wrong += len(rest & {*one.dead, *one.doubled, *one.constant})
    assert found > 400
    assert wrong <= 0.01 * others, f"{wrong} of {others}"


@pytest.mark.parametrize(("dimension", "units"), [(2, 8), (3, 30), (5, 60), (10, 60)])
def test_chance_does_not_reach_the_limit(dimension: int, units: int) -> None:
    """Units in random directions: the share that has a neighbor within the limit is at most CHANCE, up to the error of the draw."""
    repeats = 400_000 // units
    apart = limit(units, dimension, 1e-9)
    rng = np.random.default_rng(0)
    flagged = 0
    for _ in range(repeats // 100):
        directions = rng.standard_normal((100, units, dimension))
        directions /= np.linalg.norm(directions, axis=2, keepdims=True)
        cosines = directions @ directions.swapaxes(1, 2)
        cosines[:, np.arange(units), np.arange(units)] = -1
        flagged += int((cosines.max(2) >= 1 - apart**2 / 2).sum())
    count = repeats // 100 * 100 * units
    pairs_error = 2 * math.sqrt(2 * CHANCE * count)  # units are flagged in pairs
    assert flagged <= CHANCE * count + 2 * pairs_error


def test_the_limit_is_a_tenth_where_chance_is_far_and_rounding_where_there_is_one_dimension() -> None:
    assert limit(100, 50, 1e-7) == NEAR
    assert limit(100, 3, 1e-7) < NEAR
    assert limit(100, 1, 1e-7) == 2e-7


def test_differences_are_those_of_every_pair() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, BLOCK + 40))
    one = units_of(net, "0")
    rows = torch.cat([net[0].weight, net[0].bias[:, None]], 1).detach().double()
    rows = rows / rows[:, :-1].norm(dim=1, keepdim=True)
    distances = (rows[:, None] - rows[None]).norm(dim=2).fill_diagonal_(torch.inf)
    assert np.array_equal(one.nearest, distances.argmin(1).numpy())
    # directions are rounded to single precision, some of seven numbers of size 1
    assert np.allclose(one.difference, distances.min(1).values.numpy(), atol=8 * 2**-23)
    assert one.dimension == pytest.approx(min(6, 1 / _mean_square(rows[:, :-1])), rel=1e-3)


def _mean_square(rows: Tensor) -> float:
    cosines = (rows @ rows.T)[~torch.eye(len(rows), dtype=torch.bool)]
    return float(cosines[cosines < 1 - NEAR**2 / 2].square().mean())


def test_units_that_share_a_large_bias_are_not_alike() -> None:
    torch.manual_seed(0)
    net = nn.Linear(20, 30)
    nn.init.constant_(net.bias, 100.0)
    one = seen(net).units[0]
    assert one.doubled == () and one.limit == NEAR
    with torch.no_grad():
        net.weight[4] = 1.01 * net.weight[9]  # scaled alike, the biases differ by a hundredth of a large number
    assert seen(net).units[0].doubled == ()
    with torch.no_grad():
        net.bias[4] = 101.0
    assert seen(net).units[0].pairs == ((4, 9),)


def test_weights_below_the_rounding_of_their_bias_are_nothing() -> None:
    net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        net[0].weight[2] = 1e-5
        net[0].bias[2] = 1e4
    assert units_of(net, "0").constant == (2,)


def test_units_of_different_groups_are_not_compared() -> None:
    net = nn.Conv2d(4, 4, 3, groups=2)
    with torch.no_grad():
        net.weight[:] = net.weight[:1]
        net.bias[:] = 1
    one = seen(net).units[0]
    assert one.nearest.tolist() == [1, 0, 3, 2]
    assert one.pairs == ((0, 1), (2, 3))


@pytest.mark.parametrize(
    ("activation", "bias", "kind"),
    [
        (nn.ReLU(), -0.5, "off"),
        (nn.ReLU(), 0.0, "off"),
        (nn.ReLU(), 0.5, "constant"),
        (nn.ReLU6(), -0.5, "off"),
        (nn.Tanh(), 0.0, "off"),
        (nn.Sigmoid(), 0.0, "constant"),
        (nn.Hardswish(), -4.0, "off"),
    ],
)
def test_a_unit_that_gets_nothing_is_dead_where_it_gives_nothing(activation: nn.Module, bias: float, kind: str) -> None:
    net = nn.Sequential(nn.Linear(5, 8), activation, nn.Linear(8, 2))
    with torch.no_grad():
        net[0].weight[3], net[0].bias[3] = 0, bias
    one = units_of(net, "0")
    assert {"off": one.off, "constant": one.constant}[kind] == (3,)
    assert one.dead == ((3,) if kind == "off" else ())


def test_batch_normalization_is_folded_in() -> None:
    """A gain of 0 makes a unit constant; other statistics make units of like kernels different ones."""
    net = nn.Sequential(nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6), nn.ReLU(), nn.Conv1d(6, 2, 1)).eval()
    with torch.no_grad():
        net[1].running_var.uniform_(0.5, 2)
        net[1].weight[1], net[1].bias[1] = 0, -1
        net[0].weight[4], net[0].bias[4] = net[0].weight[5], net[0].bias[5]
        net[1].bias[4] = 3
    one = units_of(net, "0")
    assert one.normalization == "1"
    assert one.off == (1,)
    assert one.doubled == ()


def test_shortcuts_flattening_and_normalized_convolutions_are_followed() -> None:
    digits = {one.layer: one.next for one in seen(digits_network()).units}
    assert digits == {"stem": ("wide",), "wide": ("deep", "classifier"), "deep": ("classifier",), "classifier": ()}
    assert seen(FunctionalCNN().eval()).guessed == (3, 8, 8)
    assert seen(digits_network(), torch.rand(2, 1, 8, 8)).followed == "rows"
    with torch.no_grad():
        net = digits_network()
        net.classifier.weight.view(10, 32, 16)[:, 7] = 0
    found = {one.layer: one.silent for one in seen(net).units}
    assert found == {"stem": (), "wide": (), "deep": (7,), "classifier": ()}  # wide's unit 7 still reaches deep


class Normed(nn.Module):
    """Units that are mixed with others: by layer normalization, by a slice, by a concatenation."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.norm = how, nn.LayerNorm(6)
        self.enter, self.head = nn.Linear(4, 6), nn.Linear(12 if how == "cat" else 3 if how == "slice" else 6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.enter(x))
        return self.head({"norm": self.norm, "slice": lambda v: v[:, :3], "cat": lambda v: torch.cat([v, v], 1)}[self.how](x))


@pytest.mark.parametrize("how", ["norm", "slice", "cat"])
def test_units_that_are_lost_sight_of_are_not_said_to_be_silent(how: str) -> None:
    net = Normed(how)
    nn.init.zeros_(net.head.weight)
    one = units_of(net, "enter")
    assert (one.next, one.silent) == ((), ())
    assert np.isnan(one.outgoing).all()


def test_a_reused_layer_is_followed_from_each_of_its_calls() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.inner, self.head = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.enter(x)
            for _ in range(2):
                x = functional.relu(self.inner(x))
            return self.head(x)

    assert units_of(Loop(), "inner").next == ("inner", "head")


def test_a_network_that_no_guess_fits_is_not_followed_and_says_so() -> None:
    class Picky(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.Linear(4, 6), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            if x.shape[1] != 3:
                raise RuntimeError("three steps, please")
            return self.head(torch.relu(self.layer(x))).mean(1)

    without = pl.inspect(Picky(), "weights")
    assert without.content.followed == "none"
    assert "give data" in without.narrate("en")
    assert seen(Picky(), torch.randn(2, 3, 4)).units[0].next == ("head",)


def test_recurrent_units_are_compared_over_all_their_gates() -> None:
    net = nn.LSTM(5, 12, num_layers=2, bidirectional=True)
    with torch.no_grad():
        for name in ("weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1"):
            parameter = getattr(net, name).view(4, 12, -1)
            parameter[:, 7] = parameter[:, 2]
        net.weight_ih_l0.view(4, 12, -1)[:3, 7] = net.weight_ih_l0.view(4, 12, -1)[:3, 2]  # three gates of four are not a copy
    found = {one.layer: one.pairs for one in seen(net).units}
    assert found == {"l0": (), "l0.reverse": (), "l1": ((2, 7),), "l1.reverse": ()}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_find_scaled_copies(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 3)).to(dtype)
    with torch.no_grad():
        net[0].weight[5], net[0].bias[5] = 1.7 * net[0].weight[2], 1.7 * net[0].bias[2]
        net[2].weight[:, 9] = 0
    one = units_of(net, "0")
    assert (one.pairs, one.silent, one.next) == (((2, 5),), (9,), ("2",))


def test_dead_units_do_not_matter() -> None:
    """What comes into a silent unit, and what an inactive one would send, change nothing in the network's answers."""
    torch.manual_seed(0)
    net = FunctionalCNN().eval()
    plant(net, {one.layer: one.next for one in seen(net).units if one.next}, torch.Generator().manual_seed(1))
    found, modules, x = seen(net), dict(net.named_modules()), torch.randn(8, 3, 8, 8)
    with torch.no_grad():
        before = net(x)
        for one in found.units:
            for unit in one.silent:
                modules[one.layer].weight[unit] += torch.randn_like(modules[one.layer].weight[unit])
        assert sum(len(one.silent) for one in found.units) >= 2
        assert torch.allclose(net(x), before, atol=1e-6)
        for unit in next(one for one in found.units if one.layer == "stem").off:
            net.deep.weight[:, unit] += 1
        assert torch.allclose(net(x), before, atol=1e-6)


def test_of_very_many_units_a_draw_is_compared_and_the_picture_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = nn.Linear(30, 200)
    monkeypatch.setattr(weights_units, "WORK", 50 * 50 * (30 + BLOCK // 8))
    explanation = pl.inspect(net, "weights")
    one = explanation.content.units[0]
    assert (one.compared, int(np.isfinite(one.difference).sum()), int((one.nearest >= 0).sum())) == (50, 50, 50)
    scene = inside(explanation, view="units")
    assert any("50 of 200 units, drawn at random" in note for note in scene.notes)
    assert sum(int(np.isfinite(mark.y).sum()) for mark in scene.panels[0].marks if mark.mark == "points") == 50


def test_units_that_none_can_be_compared_with_are_shown_by_what_they_send() -> None:
    net = nn.Sequential(nn.Conv2d(6, 6, 3, groups=6), nn.ReLU(), nn.Conv2d(6, 4, 1))
    explanation = pl.inspect(net, "weights")
    assert (explanation.content.units[0].nearest == -1).all()
    assert [panel.id for panel in inside(explanation, view="units", layer="0").panels] == ["through", "layers"]
    assert [panel.id for panel in inside(explanation, view="units", layer="2").panels] == ["similar", "layers"]
