"""ONNX's recurrent layers as torch's, or written out step by step where torch has no such layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.models.programs.operation import Constant
from pellucid.models.programs.reader import Ref

if TYPE_CHECKING:
    from pellucid.models.programs.onnx_reader import Node, OnnxReader

Entry = Callable[[Any, Any], None]
ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}  # torch's gates in terms of ONNX's: i o f c, z r h
USUAL = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}


def _recurrent(reader: OnnxReader, node: Node) -> None:
    kind, ways, hidden = node.type, 2 if node.attr("direction", "forward") == "bidirectional" else 1, node.attr("hidden_size")
    weights, relu = _checked(reader, node, ways)
    seconds = bool(node.attr("layout", 0))
    if kind == "RNN":
        call: Any = torch._VF.rnn_relu if relu else torch._VF.rnn_tanh  # type: ignore[attr-defined]
    else:
        call = {"LSTM": torch._VF.lstm, "GRU": torch._VF.gru}[kind]  # type: ignore[attr-defined]
    backward = node.attr("direction", "forward") == "reverse"
    states = [_for_any(reader, one, turned=seconds) for one in ((node.input(5), node.input(6)) if kind == "LSTM" else (node.input(5),))]
    given = [one is not None for one in states]
    count = len(weights) // ways

    def run(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        flat, more = list(rest[: len(weights)]), iter(rest[len(weights) :])
        x = x.transpose(0, 1) if seconds else x
        x = x.flip(0) if backward else x
        rows = x.shape[1]
        at = [_state(next(more) if there else None, x, (ways, rows, hidden), turned=seconds) for there in given]
        made = call(x, tuple(at) if kind == "LSTM" else at[0], flat, count == 4, 1, 0.0, False, ways == 2, False)
        y = made[0].reshape(*made[0].shape[:2], ways, hidden).permute(0, 2, 1, 3)
        y = y.flip(0) if backward else y
        if seconds:
            return (y.permute(2, 0, 1, 3), *(end.transpose(0, 1) for end in made[1:]))
        return (y, *made[1:])

    inputs: tuple[Ref, ...] = (node.given[0], *weights, *(one for one in states if one is not None))
    outputs = [reader.value() for _ in range(3 if kind == "LSTM" else 2)]
    reader.add(kind.lower(), run, inputs, outputs, about={"channels_last": True})
    reader.alias(node.outputs, [reader.known(one) for one in outputs[: len(node.outputs)]])


def _for_any(reader: OnnxReader, state: Ref | None, *, turned: bool) -> Ref | None:
    """A first state that is the same for each of a fixed number of rows as that of one row."""
    if not isinstance(state, Constant) or not isinstance(state.value, Tensor) or reader.batch < 2:
        return state
    axis = 0 if turned else 1
    first = state.value.narrow(axis, 0, 1)
    if not torch.equal(first.expand_as(state.value), state.value):
        raise reader.unsupported("LSTM, GRU or RNN", "with another first state for each row")
    return Constant(first.contiguous(), state.path)


def _state(given: Tensor | None, x: Tensor, shape: tuple[int, int, int], *, turned: bool) -> Tensor:
    """The first state of every row; a state that was made for one row is that of all."""
    if given is None:
        return x.new_zeros(shape)
    return (given.transpose(0, 1) if turned else given).expand(shape).contiguous()


def _checked(reader: OnnxReader, node: Node, ways: int) -> tuple[list[Constant], bool]:
    """torch's weights of every direction, and whether the activation is a ReLU."""
    kind, lengths = node.type, node.input(4)
    if lengths is not None:
        known = reader.numbers(lengths)
        if known is None or set(known) != {reader.shape(node.given[0])[1 if node.attr("layout", 0) else 0]}:
            raise reader.unsupported(kind, "with rows of different lengths")
    named = [one.decode().lower() if isinstance(one, bytes) else one.lower() for one in node.attr("activations") or ()]
    relu = kind == "RNN" and bool(named) and set(named) == {"relu"}
    if named and not relu and tuple(named) != USUAL[kind] * ways:
        raise reader.unsupported(kind, f"with activations {', '.join(named)}")
    if node.attr("clip") is not None or node.attr("input_forget", 0) or node.input(7) is not None:
        raise reader.unsupported(kind, "with clipping, coupled gates or peepholes")
    if kind == "GRU" and not node.attr("linear_before_reset", 0):
        raise reader.unsupported(kind, "that resets before it multiplies (linear_before_reset=0)")
    w, r, b = node.input(1), node.input(2), node.input(3)
    if not all(one is None or isinstance(one, Constant) for one in (w, r, b)):
        raise reader.unsupported(kind, "with weights that depend on the input")
    found: list[Constant] = []
    for way in range(ways):
        parts = [_turned(one, way, kind) for one in (w, r)]
        if b is not None:
            both = b.value[way].chunk(2)  # type: ignore[union-attr, index]
            parts += [_gates(half, kind) for half in both]
        found += [Constant(part, getattr(source, "path", "")) for part, source in zip(parts, (w, r, b, b), strict=False)]
    return found, relu


def _turned(one: Any, way: int, kind: str) -> Tensor:  # noqa: ANN401
    return _gates(one.value[way], kind)


def _gates(weight: Tensor, kind: str) -> Tensor:
    """Rows in the order of torch's gates."""
    parts = weight.chunk(len(ORDER[kind]))
    return torch.cat([parts[i] for i in ORDER[kind]]).contiguous()


TABLE: dict[str, Entry] = {"LSTM": _recurrent, "GRU": _recurrent, "RNN": _recurrent}
