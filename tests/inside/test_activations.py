"""What units do: against slow twins, closed forms, and planted units; without a trace, and the same in whatever batches rows come."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.explanation.contents import Activations
from pellucid.explanation.contents.activations import LayerActivations, OperatingPoints
from pellucid.methods.internals.activations import LookAtActivations, selectivity
from pellucid.methods.internals.activations_sketch import BINS, Sketch
from pellucid.views.inside import inside, inside_views

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "hardswish": functional.hardswish,
    "hardtanh": functional.hardtanh,
    "hardsigmoid": functional.hardsigmoid,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softsign": functional.softsign,
    "logsigmoid": functional.logsigmoid,
}
TWO_ENDS = {"hardtanh", "hardsigmoid", "sigmoid", "tanh", "softsign", "relu6"}  # flat at both; the others go on with slope 1
ZERO_SIDE = {"relu", "relu6", "gelu", "silu", "mish", "softplus", "hardswish", "logsigmoid"}
TURN = {"gelu": -2.0, "silu": -3.0, "mish": -3.0, "hardswish": -2.0}  # the lowest point lies above: flat there is no end


@torch.enable_grad()
def counted(function: str, before: Tensor) -> dict[str, np.ndarray]:
    """How many values (row, unit) lie where, one by one: from the slope that autograd finds at each."""
    largest = {"sigmoid": 0.25, "hardsigmoid": 1 / 6}.get(function, 1.0)
    found = {zone: np.zeros(before.shape[1], int) for zone in ("zero", "saturated", "linear")}
    for unit in range(before.shape[1]):
        for value in before[:, unit].tolist():
            x = torch.tensor(value, dtype=torch.float64, requires_grad=True)
            slope = abs(float(torch.autograd.grad(FUNCTIONS[function](x), x)[0]))
            if slope < 0.01 * largest:
                if function in TURN and value > TURN[function]:
                    continue
                low = function in ZERO_SIDE and (value > 0 if function == "logsigmoid" else value < 3)
                found["zero" if low else "saturated"][unit] += 1
            elif abs(slope - largest) <= 0.05 * largest:
                found["linear"][unit] += 1
    return found


def seen_in(net: nn.Module, x: Tensor, what: LookAtActivations | str = "activations", **options: object) -> Activations:
    content = pl.inspect(net, what, x, **options).content  # type: ignore[arg-type]
    assert isinstance(content, Activations)
    return content


def function_of(seen: Activations, layer: str) -> OperatingPoints:
    return next(one for one in seen.functions if one.layer == layer)


def layer_of(seen: Activations, layer: str) -> LayerActivations:
    return next(one for one in seen.layers if one.layer == layer)


def agree(one: OperatingPoints, function: str, before: Tensor) -> None:
    """``before`` (value, unit)."""
    twin = counted(function, before)
    assert one.function == function and one.values == len(before)
    for zone in ("zero", "saturated", "linear"):
        assert np.array_equal(getattr(one, zone), twin[zone]), zone
    assert one.dead.tolist() == np.flatnonzero(twin["zero"] == len(before)).tolist()


class Plain(nn.Module):
    """One function between two layers."""

    def __init__(self, function: str, width: int = 4) -> None:
        super().__init__()
        self.function = function
        self.first, self.last = nn.Linear(5, width), nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(FUNCTIONS[self.function](self.first(x)))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_shares_are_those_of_a_count_one_by_one(function: str) -> None:
    torch.manual_seed(1)
    net, x = Plain(function).double(), torch.randn(60, 5, dtype=torch.float64)
    with torch.no_grad():
        net.first.weight *= 4
        net.first.bias[1] = -80.0
        before = net.first(x)
    (one,) = seen_in(net, x).functions
    assert (one.layer, one.before) == (f"first/{function}", "first")
    agree(one, function, before)
    assert sum(one.share(zone) for zone in ("zero", "saturated", "linear", "between")) == pytest.approx(1.0)
    dead = [1] if function in ZERO_SIDE - {"logsigmoid"} else []
    assert [unit for unit in one.dead.tolist() if unit == 1] == dead


class Convolutions(nn.Module):
    """Written in place, used twice, and with a batch normalization between."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.two = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 2)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.one(x)))
        x = self.relu(self.two(x))
        return self.head(x.mean((2, 3)))


def test_a_module_that_is_used_twice_is_two_functions() -> None:
    torch.manual_seed(0)
    net, x = Convolutions().double().eval(), torch.randn(9, 1, 6, 6, dtype=torch.float64)
    with torch.no_grad():
        net.norm.running_mean.normal_()
        first = net.norm(net.one(x))
        second = net.two(first.relu())
    seen = seen_in(net, x)
    assert [one.layer for one in seen.functions] == ["relu", "relu #2"]
    assert [one.before for one in seen.functions] == ["norm", "two"]
    for one, before in zip(seen.functions, (first, second), strict=True):
        agree(one, "relu", before.movedim(1, -1).flatten(0, -2))
    layer = layer_of(seen, "relu #2")
    assert np.allclose(layer.maps, second.relu()[:3, layer.chosen].numpy(), atol=1e-6)
    assert np.allclose(layer.mean, second.relu().mean((2, 3)).mean(0).numpy(), rtol=1e-12)


class Encoder(nn.Module):
    """One layer of a transformer, which torch runs by a fused path in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 6, batch_first=True, activation="gelu")
        self.encoder, self.head = nn.TransformerEncoder(self.layer, 1), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x).mean(1))


def test_a_transformer_s_functions_and_attention() -> None:
    torch.manual_seed(0)
    net, x = Encoder().double().eval(), 3 * torch.randn(7, 5, 8, dtype=torch.float64)
    inner = net.encoder.layers[0]
    with torch.no_grad():
        inner.linear1.weight *= 3
        gathered, weights = inner.self_attn(x, x, x, need_weights=True, average_attn_weights=False)
        before = inner.linear1(inner.norm1(x + gathered))
    seen = seen_in(net, x, LookAtActivations(rows=(1, 4)))
    agree(function_of(seen, "encoder.layers.0.linear1/gelu"), "gelu", before.flatten(0, 1))
    (attention,) = seen.attention
    assert attention.layer == "encoder.layers.0.self_attn" and seen.attention_layers == 1
    assert np.allclose(attention.weights, weights[[1, 4]].numpy(), atol=1e-6)
    names = [one.layer for one in seen.layers]
    assert {"encoder.layers.0.self_attn.in_proj", "encoder.layers.0.self_attn.out_proj", "encoder.layers.0.norm2", "head"} <= set(names)
    assert "encoder.layers.0.linear1" not in names  # what it gives is what the function takes


class Recurrent(nn.Module):
    """An LSTM, whose gates are inside one operation."""

    def __init__(self, *, packed: bool = False) -> None:
        super().__init__()
        self.packed = packed
        self.lstm, self.head = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        if not self.packed:
            return self.head(self.lstm(x)[0][:, -1])
        made, _ = self.lstm(pack_padded_sequence(x, torch.full((len(x),), x.shape[1]), batch_first=True))
        return self.head(pad_packed_sequence(made, batch_first=True)[0][:, -1])


def gates_of(lstm: nn.LSTM, x: Tensor, layer: int, way: str) -> tuple[dict[str, list[Tensor]], Tensor]:
    """What goes into the activation functions of one layer and direction, and what comes out, by torch's documentation."""
    w_in, w_state, b_in, b_state = (getattr(lstm, f"{kind}_l{layer}{way}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = c = torch.zeros(len(x), lstm.hidden_size, dtype=x.dtype)
    found: dict[str, list[Tensor]] = {}
    steps = range(x.shape[1]) if not way else range(x.shape[1])[::-1]
    made = {}
    for step in steps:
        i, f, g, o = (x[:, step] @ w_in.T + b_in + h @ w_state.T + b_state).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        made[step] = h
        for name, value in {"input_gate": i, "forget_gate": f, "candidate": g, "output_gate": o, "cell": c}.items():
            found.setdefault(name, []).append(value)
    return found, torch.stack([made[step] for step in range(x.shape[1])], 1)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_the_gates_of_an_lstm(*, packed: bool, batch_size: int | None) -> None:
    torch.manual_seed(0)
    net, x = Recurrent(packed=packed).double().eval(), 4 * torch.randn(6, 5, 3, dtype=torch.float64)
    with torch.no_grad():
        for parameter in net.lstm.parameters():
            parameter *= 4
        seen = seen_in(net, x, batch_size=batch_size)
        given = x
        for layer in (0, 1):
            outputs = []
            for way in ("", "_reverse"):
                found, made = gates_of(net.lstm, given, layer, way)
                outputs.append(made)
                for gate, values in found.items():
                    one = function_of(seen, f"lstm.l{layer}{way}.{gate}")
                    agree(one, "tanh" if gate in ("candidate", "cell") else "sigmoid", torch.cat(values))
            given = torch.cat(outputs, 2)
    assert len(seen.functions) == 20
    (states,) = seen.states
    assert (states.layer, states.count) == ("lstm", 8)
    assert np.allclose(states.values, given[:3].numpy(), atol=1e-6)


class Loop(nn.Module):
    """A recurrent network written by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.again = nn.Linear(3, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(len(x), 4, dtype=x.dtype)
        for step in range(x.shape[1]):
            h = torch.tanh(self.enter(x[:, step]) + self.again(h))
        return h


def test_a_function_in_a_loop_is_one_function() -> None:
    torch.manual_seed(0)
    net, x = Loop().double(), torch.randn(5, 6, 3, dtype=torch.float64)
    seen = seen_in(net, x)
    assert len(seen.functions) <= 2  # the first step, before which there is no state, has another operand
    assert sum(one.values for one in seen.functions) == 5 * 6


# ---- closed forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "edges", "zones"),
    [
        ("relu", (0.0,), ("zero", "linear")),
        ("relu6", (0.0, 6.0), ("zero", "linear", "saturated")),
        ("hardtanh", (-1.0, 1.0), ("saturated", "linear", "saturated")),
        ("leaky_relu", (0.0,), ("between", "linear")),
        ("softplus", (math.log(0.01 / 0.99), math.log(0.95 / 0.05)), ("zero", "between", "linear")),
        ("elu", (math.log(0.01), math.log(0.95)), ("saturated", "between", "linear")),
        (
            "tanh",
            tuple(s * math.atanh(math.sqrt(1 - slope)) for s, slope in ((-1, 0.01), (-1, 0.95), (1, 0.95), (1, 0.01))),
            ("saturated", "between", "linear", "between", "saturated"),
        ),
    ],
)
def test_zones_begin_where_the_formula_says(function: str, edges: tuple[float, ...], zones: tuple[str, ...]) -> None:
    (one,) = seen_in(Plain(function), torch.randn(4, 5)).functions
    assert one.zones == zones
    assert one.edges == pytest.approx(edges, abs=1e-12)
    low, high = one.x[0], one.x[-1]
    assert np.allclose(one.y, FUNCTIONS[function](torch.from_numpy(one.x)).numpy()) and low < one.spread.low and high > one.spread.high


def test_values_that_are_exactly_at_a_corner_are_flat() -> None:
    class Ends(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return functional.relu6(x)

    (one,) = seen_in(Ends(), torch.tensor([[0.0, 6.0, 3.0, -0.0, 1e-30]])).functions
    assert (one.zero.tolist(), one.saturated.tolist(), one.linear.tolist()) == ([1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 1])


def test_a_relu6_is_one_however_it_is_written() -> None:
    net = nn.Sequential(nn.Linear(5, 4), nn.ReLU6(), nn.Linear(4, 4), nn.Hardtanh(0.0, 6.0))
    assert [one.function for one in seen_in(net, torch.randn(3, 5)).functions] == ["relu6", "relu6"]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_a_sketch_is_numpy_s_histogram_and_moments(scale: float) -> None:
    values = scale * np.random.default_rng(0).normal(0.3, 1.0, (50, 40)).astype(np.float32)
    values[values < 0] = 0.0
    values[3, 3] = np.nan
    sketch = Sketch()
    sketch.add(torch.from_numpy(values))
    spread, kept = sketch.spread(), values[np.isfinite(values)].astype(float)
    assert (spread.count, spread.missing, spread.zeros) == (1999, 1, int((kept == 0).sum()))
    assert (spread.mean, spread.deviation) == pytest.approx((kept.mean(), kept.std()), rel=1e-12)
    assert (spread.low, spread.high) == (kept.min(), kept.max())
    edges = (spread.first + np.arange(len(spread.counts) + 1)) * spread.width
    assert len(spread.counts) <= BINS and (spread.high - spread.low) / spread.width > BINS / 2 - 2
    assert np.array_equal(np.histogram(kept[kept != 0], edges)[0], spread.counts)
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    assert np.abs(spread.quantiles(shares) - np.quantile(kept, shares)).max() <= 2 * spread.width + np.diff(np.sort(kept)).max()


def test_sketches_do_not_depend_on_the_batches() -> None:
    values = torch.randn(64, 30) * torch.logspace(-4, 3, 64)[:, None]
    whole, parts = Sketch(), Sketch()
    whole.add(values)
    for part in values.split(5):
        one = Sketch()
        one.add(part)
        parts.join(one)
    a, b = whole.spread(), parts.spread()
    assert (a.first, a.width, a.low, a.high) == (b.first, b.width, b.low, b.high)
    assert np.array_equal(a.counts, b.counts)
    assert (a.mean, a.deviation) == pytest.approx((b.mean, b.deviation), rel=1e-12)


def test_the_same_is_seen_in_whatever_batches() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).double(), torch.randn(23, 1, 6, 6).double()
    labels = np.arange(23) % 3
    first, second = (seen_in(net, x, labels=labels, batch_size=size) for size in (23, 4))
    for a, b in zip(first.functions, second.functions, strict=True):
        assert np.array_equal(a.zero, b.zero) and np.array_equal(a.spread.counts, b.spread.counts)
    for a, b in zip(first.layers, second.layers, strict=True):
        assert np.array_equal(a.top_rows, b.top_rows) and np.array_equal(a.chosen, b.chosen)
        assert np.allclose(a.class_means, b.class_means, rtol=1e-12) and np.allclose(a.deviation, b.deviation, rtol=1e-10)


def test_classes_features_and_strongest_rows() -> None:
    torch.manual_seed(0)
    net, x = Plain("relu", 6), torch.randn(90, 5)
    labels = np.random.default_rng(0).integers(0, 3, 90)
    seen = seen_in(net, x, LookAtActivations(top=4), labels=labels)
    layer = layer_of(seen, "first/relu")
    with torch.no_grad():
        values = net.first(x).relu().double().numpy()
    means = np.stack([values[labels == label].mean(0) for label in range(3)])
    assert np.allclose(layer.class_means, means)
    best = means.max(0)
    others = (means.sum(0) - best) / 2
    assert np.allclose(layer.selectivity, (best - others) / (best + others))
    between = sum((labels == label).sum() * (means[label] - values.mean(0)) ** 2 for label in range(3))
    assert np.allclose(layer.explained, between / ((values - values.mean(0)) ** 2).sum(0))
    assert np.allclose(layer.related, np.corrcoef(values.T, x.T.numpy())[:6, 6:], atol=1e-9)
    assert np.array_equal(layer.top_rows, np.argsort(-values, 0, kind="stable")[:4].T)
    assert np.allclose(layer.scatter, values[:, layer.chosen], atol=1e-6) and len(layer.scatter_rows) == 90
    assert np.array_equal(seen.shown.table, x.double().numpy())
    assert np.isnan(layer_of(seen, "last").selectivity).any()  # it has negative means


def test_only_classes_that_have_rows_are_kept_and_few_rows_say_nothing() -> None:
    torch.manual_seed(0)
    net, x = Plain("relu", 6), torch.randn(12, 5)
    labels = np.where(np.arange(12) < 7, 3, 900)
    labels[0] = -1
    layer = layer_of(seen_in(net, x, labels=labels), "first/relu")
    with torch.no_grad():
        values = net.first(x).relu().double().numpy()
    assert layer.classes.tolist() == [3, 900] and layer.class_means.shape == (2, 6)
    assert np.allclose(layer.class_means[0], values[1:7].mean(0))
    assert set(layer.preferred.tolist()) <= {3, 900}
    crowded = seen_in(net, x, labels=np.arange(12) // 1.5)  # eight classes
    assert np.isnan(layer_of(crowded, "first/relu").explained).all()
    assert np.isfinite(layer.explained).any()


def test_of_very_many_classes_those_are_drawn_that_units_prefer() -> None:
    torch.manual_seed(0)
    explanation = pl.inspect(Plain("relu", 6), "activations", torch.randn(400, 5), labels=np.arange(400) % 100)
    panel = inside(explanation, view="selectivity", layer="first/relu").panels[0]
    assert panel.y is not None and len(panel.y.ticks) <= 6 and "of 100 classes" in panel.subtitle


def test_the_selectivity_of_morcos() -> None:
    assert selectivity(np.array([[4.0, 1.0, 0.0], [0.0, 1.0, 0.0], [2.0, 1.0, 0.0]])).tolist()[:2] == [3 / 5, 0.0]
    assert np.isnan(selectivity(np.array([[1.0], [-1.0]]))).all() and np.isnan(selectivity(np.array([[1.0]]))).all()


# ---- planted units -----------------------------------------------------------------------------------------------------------


def test_planted_dead_units_are_found_and_few_others_are_flagged() -> None:
    found = missed = flagged = others = 0
    for seed in range(20):
        torch.manual_seed(seed)
        make = (nn.ReLU, nn.GELU, nn.ReLU6, nn.SiLU)[seed % 4]
        net = nn.Sequential(nn.Linear(10, 40), make(), nn.Linear(40, 30), make(), nn.Linear(30, 3))
        planted = {place: torch.randperm(net[place].out_features)[:3].tolist() for place in (0, 2)}
        with torch.no_grad():
            for place, units in planted.items():
                net[place].bias[units] = -100.0
        seen = seen_in(net, torch.randn(200, 10))
        for one, units in zip(seen.functions, planted.values(), strict=True):
            found += len(set(units) & set(one.dead.tolist()))
            missed += len(set(units) - set(one.dead.tolist()))
            flagged += len(set(one.dead.tolist()) - set(units))
            others += len(one.zero) - len(units)
    assert (found, missed) == (120, 0)
    assert flagged <= 0.01 * others


# ---- what is chosen, and errors ----------------------------------------------------------------------------------------------


def test_a_layer_units_and_rows_that_are_chosen() -> None:
    net, x = Convolutions().eval(), torch.randn(9, 1, 6, 6)
    seen = seen_in(net, x, LookAtActivations(layer="two", units=(3, 1), rows=(5, 0)))
    detailed = [one.layer for one in seen.layers if len(one.chosen)]
    assert detailed == ["two"]
    layer = layer_of(seen, "two")
    assert layer.chosen.tolist() == [3, 1] and layer.rows.tolist() == [5, 0]
    with torch.no_grad():
        expected = net.two(net.norm(net.one(x)).relu())[[5, 0]][:, [3, 1]]
    assert np.allclose(layer.maps, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        (LookAtActivations(layer="three"), UnknownName, "two"),
        (LookAtActivations(rows=(9,)), InputError, "from 0 to 8"),
        (LookAtActivations(layer="two", units=(4,)), InputError, "from 0 to 3"),
    ],
)
def test_what_does_not_exist_is_said(what: LookAtActivations, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        seen_in(Convolutions().eval(), torch.randn(9, 1, 6, 6), what)


def test_data_are_needed() -> None:
    with pytest.raises(InputError, match="give data"):
        pl.inspect(Plain("relu"), "activations")


def test_a_picture_names_the_layers_that_it_can_show() -> None:
    explanation = pl.inspect(Plain("relu"), "activations", torch.randn(8, 5))
    with pytest.raises(UnknownName, match="first/relu"):
        inside(explanation, view="feature_maps", layer="nowhere")
    with pytest.raises(UnknownName, match="against_input"):
        inside(explanation, view="attention")
    assert "selectivity" not in inside_views(explanation) and "hidden_states" not in inside_views(explanation)


def test_of_very_many_rows_some_are_drawn_and_it_is_said() -> None:
    explanation = pl.inspect(Plain("relu"), "activations", torch.randn(30_000, 5), batch_size=5000)
    scene = inside(explanation, view="against_input")
    marks = [mark for panel in scene.panels for mark in panel.marks if mark.mark == "points"]
    assert sum(mark.sample.first for mark in marks if mark.sample) <= 5000
    assert all(mark.sample and mark.sample.count == 15_000 for mark in marks)
    assert "15,000 of 30,000 rows" in scene.subtitle


def test_what_is_kept_does_not_grow_with_the_rows() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))

    def size(rows: int) -> int:
        explanation = pl.inspect(net, "activations", torch.randn(rows, 1, 6, 6))
        content = explanation.content
        assert isinstance(content, Activations)
        arrays = [value for one in content.layers for value in vars(one).values() if isinstance(value, np.ndarray)]
        return sum(array.size for array in arrays) + content.shown.pixels.size // 36 // 3

    assert size(2000) <= 1.5 * size(100)


def test_no_trace_is_left() -> None:
    net, x = Convolutions().train(), torch.randn(6, 1, 6, 6)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    before = x.clone()
    seen_in(net, x)
    assert all(torch.equal(state[name], tensor) for name, tensor in net.state_dict().items())
    assert hooks == [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    assert net.training and net.norm.training and all(p.grad is None and p.requires_grad for p in net.parameters())
    assert torch.equal(drawn[0], torch.get_rng_state()) and drawn[1] == random.getstate()
    assert np.array_equal(drawn[2], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before, x) and not hasattr(x, "_pellucid_site")
