"""A forward pass whose every operation meets a rule set, and its backward."""

from __future__ import annotations

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
        entered = tuple(interceptor.enter(leaf.clone()) for leaf in leaves)
        with interceptor:
            scores = score(bound.forward(entered, rows), rows)
        gradients: tuple[Tensor, ...] = ()
        if rules.differentiates:
            gradients = bound.backward(scores, leaves)
    return Ruled(scores.detach(), gradients, tuple(dict.fromkeys(interceptor.left)))
