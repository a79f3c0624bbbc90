"""Recurrent layers written out step by step, on padded and on packed sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def lstm_cell(given: Tensor, state: tuple[Tensor, Tensor], *weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """The next hidden and cell state."""
    h, c = state
    return _lstm_step(_gates(given, h, weights), c)


def gru_cell(given: Tensor, h: Tensor, *weights: Tensor | None) -> Tensor:
    """The next hidden state."""
    w_in, w_state, b_in, b_state = _four(weights)
    return _gru_step(functional.linear(given, w_in, b_in), functional.linear(h, w_state, b_state), h)


def rnn_tanh_cell(given: Tensor, h: Tensor, *weights: Tensor | None) -> Tensor:
    """The next hidden state."""
    return _gates(given, h, weights).tanh()


def rnn_relu_cell(given: Tensor, h: Tensor, *weights: Tensor | None) -> Tensor:
    """The next hidden state."""
    return _gates(given, h, weights).relu()


def _four(weights: tuple[Tensor | None, ...]) -> Any:  # noqa: ANN401
    return (*weights, None, None)[:4]


def _gates(given: Tensor, h: Tensor, weights: tuple[Tensor | None, ...]) -> Tensor:
    w_in, w_state, b_in, b_state = _four(weights)
    return functional.linear(given, w_in, b_in) + functional.linear(h, w_state, b_state)


def _lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru_step(given: Tensor, recurrent: Tensor, h: Tensor) -> Tensor:
    ri, zi, ni = given.chunk(3, -1)
    rh, zh, nh = recurrent.chunk(3, -1)
    z = (zi + zh).sigmoid()
    n = (ni + (ri + rh).sigmoid() * nh).tanh()
    return (h - n) * z + n


def recurrent(kind: str) -> Callable[..., Any]:
    """The body of torch.lstm, torch.gru, torch.rnn_tanh or torch.rnn_relu.

    Called with (input, state, weights, biases, layers, dropout, train, both directions, batch first), or for packed sequences with
    (data, batch sizes, state, weights, biases, layers, dropout, train, both directions).
    """

    def body(given: Tensor, second: Any, *rest: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
        if isinstance(second, Tensor) and not second.is_floating_point():
            steps = list(given.split(second.tolist()))
            outputs, ends = _layers(kind, steps, rest[0], rest[1], *rest[2:4], both=rest[6])
            return (torch.cat(outputs), *ends)
        batch_first = rest[6]
        steps = list((given.transpose(0, 1) if batch_first else given).unbind(0))
        outputs, ends = _layers(kind, steps, second, rest[0], *rest[1:3], both=rest[5])
        x = torch.stack(outputs)
        return (x.transpose(0, 1) if batch_first else x, *ends)

    return body


def _layers(
    kind: str,
    steps: list[Tensor],
    state: Any,  # noqa: ANN401
    weights: list[Tensor],
    has_biases: bool,
    num_layers: int,
    *,
    both: bool,
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """All layers over steps of shape (sample, feature); of packed sequences later steps have fewer samples."""
    states = state if kind == "lstm" else (state,)
    directions = 2 if both else 1
    per = len(weights) // (num_layers * directions)
    last: list[tuple[Tensor, ...]] = []
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            place = layer * directions + direction
            own = weights[place * per : (place + 1) * per]
            first = tuple(s[place] for s in states)
            made, end = _direction(kind, steps[::-1] if direction else steps, first, own, biased=has_biases)
            outputs.append(made[::-1] if direction else made)
            last.append(end)
        steps = [torch.cat(pair, -1) for pair in zip(*outputs, strict=True)] if both else outputs[0]
    return steps, tuple(torch.stack(parts) for parts in zip(*last, strict=True))


def _direction(
    kind: str, steps: list[Tensor], state: tuple[Tensor, ...], weights: list[Tensor], *, biased: bool
) -> tuple[list[Tensor], tuple[Tensor, ...]]:
    """One layer in one direction. Where a step has fewer rows than the last, the others are done; where it has more, they begin."""
    w_in, w_state = weights[0], weights[1]
    b_in, b_state = (weights[2], weights[3]) if biased else (None, None)
    project = weights[-1] if len(weights) in (3, 5) else None  # LSTM with proj_size
    sizes = [len(step) for step in steps]
    whole = torch.cat(steps)
    given = functional.linear(whole, w_in, b_in).split(sizes)
    rows, made, done = sizes[0], [], []
    now = tuple(s[:rows] if s.ndim > 1 else s for s in state)
    for step, size in zip(given, sizes, strict=True):
        if size < rows:
            done.append(tuple(s[size:rows] for s in now))
            now = tuple(s[:size] for s in now)
        elif size > rows:
            now = tuple(torch.cat([s, first[rows:size]]) for s, first in zip(now, state, strict=True))
        rows = size
        now = _step(kind, step, now, (w_state, b_state, project))
        made.append(now[0])
    ends = tuple(torch.cat([part, *(d[i] for d in reversed(done))]) if done else part for i, part in enumerate(now))
    return made, ends


def _step(kind: str, given: Tensor, state: tuple[Tensor, ...], weights: tuple[Tensor | None, ...]) -> tuple[Tensor, ...]:
    w_state, b_state, project = weights
    h = state[0]
    recurrent = functional.linear(h, w_state, b_state)  # type: ignore[arg-type]
    if kind == "lstm":
        h, c = _lstm_step(given + recurrent, state[1])
        return (functional.linear(h, project) if project is not None else h), c
    if kind == "gru":
        return (_gru_step(given, recurrent, h),)
    return ((given + recurrent).tanh() if kind == "rnn_tanh" else (given + recurrent).relu(),)


def pack(given: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """The steps of sequences that become shorter, one after another, and how many sequences each step has."""
    x = given.transpose(0, 1) if batch_first else given
    known = lengths.tolist()
    sizes = [sum(length > time for length in known) for time in range(max(known))]
    return torch.cat([x[time, :size] for time, size in enumerate(sizes)]), torch.tensor(sizes)


def unpack(data: Tensor, sizes: Tensor, batch_first: bool, filled: float, total: int) -> tuple[Tensor, Tensor]:
    """Padded sequences again, and their lengths."""
    known = sizes.tolist()
    rows = known[0]
    steps = [functional.pad(step, (0, 0) * (data.ndim - 1) + (0, rows - len(step)), value=filled) for step in data.split(known)]
    if total > len(steps):
        steps += [data.new_full((rows, *data.shape[1:]), filled)] * (total - len(steps))
    x = torch.stack(steps)
    lengths = torch.tensor([sum(size > row for size in known) for row in range(rows)])
    return (x.transpose(0, 1) if batch_first else x), lengths
