"""The gradient with another backward at rectifiers, for the explained rows, counted and batched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.gradients.rectified import Rectified

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator

_KIND = "gradient, rectified"


def rectified_gradients(evaluator: Evaluator, rule: Literal["guided", "deconvolution"]) -> tuple[Tensor, ...]:
    """What comes down to each explained input, (sample, ...); one gradient evaluation a row.

    Raises:
        UnsupportedOperation: the network has no rectifier, or hides its operations.
    """
    evaluator.afford(1)
    found = tuple(torch.empty_like(v) for v in evaluator.values)

    def back(rows: Tensor) -> tuple[Tensor, ...]:
        rules = Rectified(rule)
        outputs = evaluator.bound.outputs_under(rules, tuple(v[rows] for v in evaluator.values), rows)
        if not rules.rectifiers:
            raise UnsupportedOperation(
                "This network has no rectifier (ReLU and the like), without which the method is the plain gradient",
                received=evaluator.situation.last_module or "no rectifier in its forward pass",
                remedy="use 'gradient'",
            )
        evaluator.note(outputs.outputs, rows)
        with torch.enable_grad():
            leaf = outputs.outputs.detach().requires_grad_()
            slopes = torch.autograd.grad(evaluator.score(leaf, rows).sum(), leaf)[0]
        return outputs.back(slopes)

    for rows, _ in evaluator.pairs(1, _KIND):
        for whole, part in zip(found, evaluator.run(_KIND, back, rows), strict=True):
            whole[rows] = part
    evaluator.resolve()
    return found
