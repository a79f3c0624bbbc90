"""A layer at which relevance is looked at on its way back, or followed on from one unit only."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from pellucid.errors import LayerError
from pellucid.models.watched_layers import row_each


class LayerStop:
    """Watches one layer's output in the running forward; what an operation in place makes of it later does not matter."""

    def __init__(self, layer: str, *, follow: bool) -> None:
        self.layer, self.follow = layer, follow
        self._arrived: list[Tensor] = []
        self._edges: list[Any] = []
        self._entries: list[tuple[Tensor, list[Tensor]]] = []

    def look(self, output: Tensor) -> None:
        """Takes in what the layer returned."""
        with torch._C.DisableTorchFunction():
            if not output.requires_grad:
                raise LayerError(
                    "What this layer returns does not depend on the input",
                    received=self.layer,
                    remedy="choose a layer that lies between the input and the score",
                )
            if self.follow:
                handed: list[Tensor] = []
                self._edges.append(get_gradient_edge(output))
                self._entries.append((_Entry.apply(output, handed), handed))
            else:
                output.register_hook(self._arrived.append)

    def arrived(self, rows: int) -> Tensor:
        """The relevance of the layer's output (row, ...), after each backward."""
        found, self._arrived[:] = [r for r in self._arrived if r is not None], []
        return self._only(found, rows)

    def above(self, made: Tensor, relevance: Tensor, *, again: bool) -> Tensor:
        """The relevance of the layer's output (row, ...) from that of the model's output; the backward stops there."""
        found = torch.autograd.grad(made, self._edges, relevance, retain_graph=again, allow_unused=True)
        return self._only([r for r in found if r is not None], len(relevance))

    def below(self, leaves: tuple[Tensor, ...], relevance: Tensor, *, again: bool) -> tuple[Tensor, ...]:
        """The relevance of the inputs from that of the layer's output."""
        entry, handed = self._entries[-1]
        handed[:] = [relevance]
        found = torch.autograd.grad(entry, leaves, retain_graph=again, allow_unused=True)
        return tuple(torch.zeros_like(leaf) if r is None else r for r, leaf in zip(found, leaves, strict=True))

    def _only(self, found: list[Tensor], rows: int) -> Tensor:
        if len(found) != 1:
            problem = "The score does not depend on this layer" if not found else f"The forward calls this layer {len(found)} times"
            raise LayerError(problem, received=self.layer, remedy="choose a layer whose output the forward uses, and that it calls once")
        return row_each(self.layer, found[0], rows)


class _Entry(torch.autograd.Function):
    """A zero from which the backward hands a given relevance to the layer's output."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, handed: list[Tensor]) -> Tensor:  # noqa: ANN401
        ctx.handed = handed
        return output.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401, ARG004
        return ctx.handed[0], None
