"""Where activation functions work: against counts one by one, closed forms and planted units, in whatever way a network is written."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from inside.activation_twins import FUNCTIONS, ZERO_SIDE, Convolutions, Plain, agree, function_of, layer_of, seen_in
from pellucid.methods.internals.activations import LookAtActivations


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


class Ways(nn.Module):
    """Channels that are moved last and back, a gated unit, slopes for each unit, a cell in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.wide, self.narrow = nn.Conv2d(1, 6, 3), nn.LayerNorm(6), nn.Linear(6, 16), nn.Linear(8, 6)
        self.slopes, self.cell, self.head = nn.PReLU(6), nn.LSTMCell(6, 3), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.glu(self.wide(self.norm(self.one(x).permute(0, 2, 3, 1))))
        x = functional.silu(self.narrow(x).permute(0, 3, 1, 2))
        x, state = self.slopes(x).mean((2, 3)), None
        for _ in range(3):
            state = self.cell(x, state)
        return self.head(state[0])


def test_units_are_followed_wherever_their_axis_goes() -> None:
    torch.manual_seed(0)
    seen = seen_in(Ways().eval(), torch.randn(5, 1, 6, 6), LookAtActivations(layer="narrow/silu"))
    units = {one.layer: (len(one.zero), one.values, one.several) for one in seen.functions}
    assert units["wide/sigmoid"] == (8, 5 * 16, False)
    assert units["narrow/silu"] == (6, 5 * 16, False)
    assert units["slopes"] == (6, 5 * 16, True)
    assert units["cell.forget_gate"] == (3, 5 * 3, False)
    assert layer_of(seen, "narrow/silu").maps.shape == (3, 6, 4, 4)
    (states,) = seen.states
    assert states.values.shape == (3, 3, 3)


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
