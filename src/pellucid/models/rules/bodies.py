"""Composite operations written out in simpler ones, so that every rule set covers them.

Each body takes what the torch function takes and computes the same values. It runs under the interceptor, so each line of it meets its
rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_BLOCKED = -1e30  # not -inf: a difference of two -inf is not a number


def scaled_dot_product_attention(  # noqa: D103 (torch's own signature)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if enable_gqa:
        times = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(times, -3), value.repeat_interleave(times, -3)
    weights = query.matmul(key.transpose(-2, -1)) * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool, device=query.device).tril()
    if attn_mask is not None:
        weights = weights.masked_fill(~attn_mask, _BLOCKED) if attn_mask.dtype == torch.bool else weights + attn_mask.clamp(min=_BLOCKED)
    weights = weights.softmax(-1)
    if dropout_p:
        weights = torch.dropout(weights, dropout_p, train=True)
    return weights.matmul(value)


def _lstm_cell(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru_cell(given: Tensor, recurrent: Tensor, h: Tensor) -> Tensor:
    ri, zi, ni = given.chunk(3, -1)
    rh, zh, nh = recurrent.chunk(3, -1)
    z = (zi + zh).sigmoid()
    n = (ni + (ri + rh).sigmoid() * nh).tanh()
    return (h - n) * z + n


def _recurrent(kind: str) -> Callable[..., Any]:
    """The body of torch.lstm, torch.gru, torch.rnn_tanh or torch.rnn_relu, called with (input, state, weights, ...) on padded sequences."""

    def body(
        given: Tensor,
        state: Any,  # noqa: ANN401
        weights: list[Tensor],
        has_biases: bool,
        num_layers: int,
        dropout: float,  # noqa: ARG001 (nothing is dropped in eval mode)
        train: bool,  # noqa: ARG001
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Tensor, ...]:
        x = given.transpose(0, 1) if batch_first else given
        states = state if kind == "lstm" else (state,)
        directions = 2 if bidirectional else 1
        per = len(weights) // (num_layers * directions)
        last: list[tuple[Tensor, ...]] = []
        for layer in range(num_layers):
            outputs = []
            for direction in range(directions):
                place = layer * directions + direction
                own = weights[place * per : (place + 1) * per]
                first = tuple(s[place] for s in states)
                steps, end = _direction(kind, x.flip(0) if direction else x, first, own, biased=has_biases)
                outputs.append(steps.flip(0) if direction else steps)
                last.append(end)
            x = torch.cat(outputs, -1) if directions == 2 else outputs[0]
        ends = tuple(torch.stack(parts) for parts in zip(*last, strict=True))
        return (x.transpose(0, 1) if batch_first else x, *ends)

    return body


def _direction(
    kind: str, x: Tensor, state: tuple[Tensor, ...], weights: list[Tensor], *, biased: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One layer in one direction over (time, sample, feature)."""
    w_in, w_state = weights[0], weights[1]
    b_in, b_state = (weights[2], weights[3]) if biased else (None, None)
    project = weights[-1] if len(weights) in (3, 5) else None  # LSTM with proj_size
    given = torch.nn.functional.linear(x, w_in, b_in)
    h, steps = state[0], []
    c = state[1] if kind == "lstm" else h
    for step in given.unbind(0):
        recurrent = torch.nn.functional.linear(h, w_state, b_state)
        if kind == "lstm":
            h, c = _lstm_cell(step + recurrent, c)
            h = torch.nn.functional.linear(h, project) if project is not None else h
        elif kind == "gru":
            h = _gru_cell(step, recurrent, h)
        else:
            h = (step + recurrent).tanh() if kind == "rnn_tanh" else (step + recurrent).relu()
        steps.append(h)
    return torch.stack(steps), (h, c) if kind == "lstm" else (h,)


def glu(given: Tensor, dim: int = -1) -> Tensor:  # noqa: D103
    signal, gate = given.chunk(2, dim)
    return signal * gate.sigmoid()


BODIES: dict[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "glu": glu,
    **{kind: _recurrent(kind) for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
}
