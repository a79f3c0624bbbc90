"""A forward pass whose every operation meets a rule set, and its backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from pellucid.models.protocol import Ruled, Score
from pellucid.models.rules.interceptor import Interceptor

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch
    from pellucid.models.rules.interceptor import Rules


def under(bound: BoundTorch, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> Ruled:
    """Runs the network and the score under a rule set; and backward to the batch, where the rules differentiate."""
    interceptor = Interceptor(rules, len(rows))
    with torch.set_grad_enabled(rules.differentiates):
        leaves = tuple(t.detach().requires_grad_(rules.differentiates) for t in batch)
        entered = tuple(interceptor.enter(leaf.clone(), sources=frozenset({i})) for i, leaf in enumerate(leaves))
        with interceptor:
            scores = score(bound.forward(entered, rows), rows)
        gradients: tuple[Tensor, ...] = ()
        if rules.differentiates:
            gradients = bound.backward(scores, leaves)
    return Ruled(scores.detach(), gradients, tuple(dict.fromkeys(interceptor.left)))


@dataclass(frozen=True)
class RuledOutputs:
    """The model's outputs under a rule set, with what it takes to go back from them any number of times.

    Attributes:
        outputs: (batch, ...), without gradient.
        made: the same with it.
        left: lines of the user's code where values left torch.
    """

    bound: BoundTorch
    outputs: Tensor
    left: tuple[str, ...]
    made: Tensor
    leaves: tuple[Tensor, ...]

    def back(self, multipliers: Tensor, *, again: bool = False) -> tuple[Tensor, ...]:
        """What the rules hand down to each tensor of the batch from these multipliers of the outputs; ``again``: not for the last time."""
        if not self.made.requires_grad:
            return tuple(torch.zeros_like(leaf) for leaf in self.leaves)
        return self.bound.backward(self.made, self.leaves, multipliers.to(self.made.dtype), again=again)


def outputs_under(bound: BoundTorch, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor) -> RuledOutputs:
    """Runs the network, without a score, under a rule set."""
    interceptor = Interceptor(rules, len(rows))
    with torch.set_grad_enabled(rules.differentiates):
        leaves = tuple(t.detach().requires_grad_(rules.differentiates) for t in batch)
        entered = tuple(interceptor.enter(leaf.clone(), sources=frozenset({i})) for i, leaf in enumerate(leaves))
        with interceptor:
            made = bound.forward(entered, rows)
    return RuledOutputs(bound, made.detach(), tuple(dict.fromkeys(interceptor.left)), made, leaves)
