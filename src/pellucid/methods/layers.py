"""What methods ask of single layers: their shapes, outputs and gradients, and the score with their output edited."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.methods.run import Evaluator
from pellucid.models.protocol import LayerGradient, LayerShape
from pellucid.models.tail import Recorded, Tail

# (a copy of the layer's output for each edit, to which of the opened rows it belongs, its number) -> the edited output
Edit = Callable[[Tensor, Tensor, Tensor], Tensor]


def layer_shapes(evaluator: Evaluator) -> dict[str, LayerShape]:
    """The output shape of every layer for one row, in order of execution; one evaluation, kept for this model and input shape."""
    return evaluator.remembered("layer shapes", evaluator.bound.layer_shapes)


def layer_gradients(evaluator: Evaluator, layers: tuple[str, ...]) -> Iterator[tuple[Tensor, tuple[LayerGradient, ...]]]:
    """Yields (rows, activations and gradients at each layer) batch by batch; the same pass tells what the model predicts."""
    bound, kind = evaluator.bound, f"layer {' '.join(layers)}"
    evaluator.afford(1)
    for rows, _ in evaluator.pairs(1, kind):
        yield (
            rows,
            evaluator.run(
                kind,
                lambda r: bound.layer_gradients(tuple(v[r] for v in bound.values), r, evaluator.noting_score, layers=layers),
                rows,
            ),
        )
    evaluator.resolve()


def layer_outputs(evaluator: Evaluator, layers: tuple[str, ...]) -> Iterator[tuple[Tensor, tuple[Tensor, ...]]]:
    """Yields (rows, outputs of each layer) batch by batch; the same pass tells what the model predicts."""
    bound = evaluator.bound
    evaluator.afford(1)
    for rows, _ in evaluator.pairs(1):
        outputs, found = evaluator.run("forward", lambda r: bound.layer_outputs(tuple(v[r] for v in bound.values), r, layers=layers), rows)
        evaluator.note(outputs, rows)
        yield rows, found
    evaluator.resolve()


@dataclass(frozen=True, eq=False)
class OpenLayer:
    """Some rows whose layer can be edited.

    Attributes:
        activations: the layer's own output, (row, ...).
        scores: the rows' scores as they are, (row,) in float64.
    """

    activations: Tensor
    scores: Tensor
    _evaluator: Evaluator
    _tail: Tail
    _recorded: Recorded
    _kind: str

    def edited(self, edit: Edit, edits: int) -> Tensor:
        """Scores (row, edit) in float64 with the layer's output replaced; only what lies above the layer is run."""
        count, evaluator = len(self.activations), self._evaluator
        found = torch.empty(count * edits, dtype=torch.float64)
        room: list[Tensor] = []  # used again for every batch: fresh memory costs more than what is written to it
        done = 0

        def outputs_of(at: Tensor, numbers: Tensor) -> Tensor:
            if not room or len(room[0]) < len(at):
                room[:] = [self.activations.new_empty((len(at), *self.activations.shape[1:]))]
            copies = torch.index_select(self.activations, 0, at, out=room[0][: len(at)])
            return self._tail.outputs(self._recorded, edit(copies, at, numbers), at).clone()  # it may be a part of what is edited

        for at, numbers in evaluator.pairs(edits, self._kind, rows=count):
            outputs = evaluator.run(self._kind, outputs_of, at, numbers)
            found[done : done + len(at)] = evaluator.score(outputs, self._recorded.rows[at]).double().cpu()
            done += len(at)
        return found.reshape(count, edits)


def open_layer(evaluator: Evaluator, layer: str, *, edits: int) -> Iterator[OpenLayer]:
    """Yields the rows, some at a time and in order, with their layer opened for so many ``edits`` per row.

    The rows themselves are evaluated on the way, and tell what the model predicts. Each costs one evaluation and, above the layer
    only, two that prove that nothing but the edit makes a difference (:mod:`pellucid.models.tail`).
    """
    bound, kind = evaluator.bound, f"forward, keeping what is below {layer}"
    tail = bound.tail(layer)
    evaluator.afford(edits + 3)
    for rows, _ in evaluator.pairs(1, kind):
        opened: list[Recorded] = []  # more than one where memory ran out and the rows were taken in halves

        def record(r: Tensor, opened: list[Recorded] = opened) -> Tensor:
            opened.append(tail.record(tuple(v[r] for v in bound.values), r))
            return opened[-1].outputs

        scores = evaluator.noting_score(evaluator.run(kind, record, rows), rows).double().cpu().split([len(o.rows) for o in opened])
        pieces, halves = tuple(opened), len(opened) > 1
        for piece, own in zip(pieces, scores, strict=True):
            if halves:  # what a module may have stored on itself is that of the half recorded last
                opened.clear()
                evaluator.run(kind, record, piece.rows)
            yield OpenLayer(opened[0].activations, own, evaluator, tail, opened[0], f"forward above {layer}")
    if tail.guess:
        evaluator.guesses += (tail.guess,)
    evaluator.resolve()
