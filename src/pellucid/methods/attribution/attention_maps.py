"""From attention to an attribution: the pass that reads it, and where the tokens of a network lie on its input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pellucid.errors import CapabilityError, LayerError
from pellucid.methods.attribution.attention_streams import Query, Reading, read, with_name_or_number
from pellucid.methods.attribution.layer_grids import EXTRA, space_of, token_grid
from pellucid.methods.protocol import Attribution
from pellucid.models.rules.attention.finder import AttentionRules

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator

Combine = Callable[[Reading], Tensor]  # (sample, row, key)
SINK = 0.3  # a token that draws at least this share of all attention, and twice an even share, is a sink
_OTHERS = "use 'deeplift', 'integrated_gradients' or 'occlusion', which do not read attention"


@dataclass
class _Seen:
    """What is the same in every batch."""

    module: str = ""
    layers: str = ""
    inputs: frozenset[int] = frozenset()
    aligned: bool = False
    alone: bool = False  # whether rows are run one by one, since they can not be told apart in a batch


def attend(evaluator: Evaluator, combine: Combine, *, query: Query = None, layer: int | str | None = None) -> Attribution:
    """What ``combine`` makes of each row's attention, laid on the input whose tokens are attended to.

    One forward and one backward pass per row: the backward pass says which token the score reads (a class token, the last one, the mean).
    ``query`` chooses another; ``layer`` is what ``combine`` looks at alone, if that is not all layers.

    Raises:
        CapabilityError: no attention on which the score depends.
        LayerError: tokens that can not be laid on an input.
    """
    evaluator.afford(1)
    seen, parts = _Seen(), []
    names = evaluator.bound.module_names()

    def one_batch(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if seen.alone and len(rows) > 1:
            shares, received, even = (torch.cat(each) for each in zip(*(one_batch(row) for row in rows.split(1)), strict=True))
            return shares, received, even
        rules = AttentionRules(names)
        evaluator.bound.under(rules, tuple(v[rows] for v in evaluator.values), rows, evaluator.noting_score)
        if rules.mixes_rows(len(rows)):
            seen.alone = True
            return one_batch(rows)
        found = rules.attentions(len(rows))
        if not found:
            raise _none(evaluator)
        reading = read(found, query)
        seen.module, seen.inputs, seen.aligned = reading.relations[-1].attention.module, reading.source.origin, reading.aligned
        used = reading.relations if layer is None else with_name_or_number(reading.direct, layer)
        seen.layers = " … ".join(dict.fromkeys(one.attention.module for one in (used[0], used[-1]) if one.attention.module))
        return combine(reading), *_received(reading)

    for rows, _ in evaluator.pairs(1, "attention"):
        parts.append(evaluator.run("attention", one_batch, rows))
    evaluator.resolve()
    values, received, even = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    return _laid(evaluator, seen, values, (received, even))


def _received(reading: Reading) -> tuple[Tensor, Tensor]:
    """The share of attention that each token of the source draws, (sample, key), and what it would draw if it were spread evenly."""
    weights = [one.attention.weights for one in reading.relations if one.key is reading.source]
    shares = torch.stack([w.mean((1, 2)) for w in weights]).mean(0)
    open_to = [(w[:, 0] > 0).to(w) for w in weights]
    even = torch.stack([(o / o.sum(-1, keepdim=True).clamp(min=1)).mean(1) for o in open_to]).mean(0)
    return shares, even


def _laid(evaluator: Evaluator, seen: _Seen, values: Tensor, drawn: tuple[Tensor, Tensor]) -> Attribution:
    """The values on the input's own tokens, cells or steps; tokens of the network's own are left out."""
    count = values.shape[-1]
    for on in sorted(seen.inputs):
        spec, shape = evaluator.specs[on], tuple(evaluator.values[on].shape[1:])
        axis = next((a for a in ("token", "feature") if a in spec.axes and "time" not in spec.axes), None)
        if axis is not None:
            extra = count - shape[spec.axes.index(axis)]
            if 0 <= extra <= EXTRA:
                if extra:
                    own = f"attention: the first {extra} of {count} tokens are taken for the network's own and left out"
                    evaluator.guesses += (own,)
                _name_sinks(evaluator, drawn, extra, axis)
                return _on_tokens(values[..., extra:], on, axis, aligned=seen.aligned)
        elif space_of(spec) and not seen.aligned:
            grid = token_grid(evaluator, seen.module, count, on)
            if grid is not None:
                _name_sinks(evaluator, drawn, grid.extra, "cell")
                evaluator.guesses += (grid.guess,) if grid.guess else ()
                cells = values[:, 0, grid.extra :].unflatten(1, grid.cells)
                return Attribution((cells,), layer=seen.layers or "attention", input=on)
    shapes = ", ".join(f"{spec.name} {tuple(v.shape[1:])}" for spec, v in zip(evaluator.specs, evaluator.values, strict=True))
    raise LayerError(
        "The tokens that the network attends to can not be laid on its input",
        received=f"{count} tokens, inputs {shapes}",
        remedy=f"say what the axes are, InputSpec(kind='tokens') or 'image'; or {_OTHERS}",
    )


def _on_tokens(values: Tensor, on: int, axis: str, *, aligned: bool) -> Attribution:
    axes = ("produced", axis) if aligned else (axis,)
    return Attribution((values if aligned else values[:, 0],), axes=axes, input=on)


def _name_sinks(evaluator: Evaluator, drawn: tuple[Tensor, Tensor], extra: int, what: str) -> None:
    """Says which tokens draw attention in every row."""
    least = drawn[0].amin(0)
    sinks = ((drawn[0] >= SINK) & (drawn[0] >= 2 * drawn[1])).all(0).nonzero()[:, 0].tolist()
    rows = "in every row, whatever it holds" if evaluator.rows > 1 else "in this row"
    for place in sinks:
        name = f"{what} {place - extra + 1}" if place >= extra else f"the network's own token {place + 1}"
        evaluator.guesses += (f"attention sink: {name} draws at least {float(least[place]):.0%} of all attention {rows}",)


def _none(evaluator: Evaluator) -> CapabilityError:
    return CapabilityError(
        "No attention was found on which the score depends: no softmax whose output is multiplied with values",
        received=type(evaluator.situation.owner).__name__,
        remedy=_OTHERS,
    )
