"""A rule set that changes nothing and shows every operation to a function, with what it made and how long it took."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pellucid.models.rules.interceptor import Interceptor, Rules

if TYPE_CHECKING:
    from pellucid.models.rules.call import Call
    from pellucid.models.rules.operations import Operation

See = Callable[["Call", Any, float], None]  # (the operation, what it made, seconds)


class Onlooker:
    """Composites stay whole. ``differentiates``: what was made can be differentiated by afterwards, also where it is then written over."""

    def __init__(self, see: See, *, follows_rows: bool = False, differentiates: bool = False) -> None:
        self.see, self.follows_rows, self.differentiates = see, follows_rows, differentiates

    def opens(self, operation: Operation) -> bool:  # noqa: ARG002
        """Nothing is opened."""
        return False

    def overwritten(self, tensor: Tensor) -> None:
        """What is written to is made anew by the operation that writes."""

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation and shows it."""
        kept = self.differentiates  # autograd keeps operands and results, and must not find them written over
        operands = tuple(t.clone() if kept and t is call.written else t for t in call.operands)
        started = perf_counter()
        output = call.run(*operands)
        _finish(output)
        seconds = perf_counter() - started
        if kept and isinstance(output, Tensor) and output.is_floating_point():
            output = output.clone()
        self.see(call, output, seconds)
        return output

    def wrote(self, call: Call) -> None:
        """Shows an operation that wrote into a tensor."""
        self.see(call, call.written, 0.0)


def look_on(
    onlooker: Rules, batch: tuple[Tensor, ...], forward: Callable[[tuple[Tensor, ...]], Tensor]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Runs ``forward`` on a batch under an onlooker; its output, and the leaves from which it was computed."""
    interceptor = Interceptor(onlooker, len(batch[0]))
    with torch.set_grad_enabled(onlooker.differentiates):
        leaves = tuple(t.detach().clone().requires_grad_(onlooker.differentiates and t.is_floating_point()) for t in batch)
        entered = tuple(interceptor.enter(leaf.clone(), sources=frozenset({i})) for i, leaf in enumerate(leaves))
        with interceptor:
            return forward(entered), leaves


def _finish(output: Any) -> None:  # noqa: ANN401
    """Waits until a device has done what it was given."""
    if isinstance(output, Tensor) and output.is_cuda:
        torch.cuda.synchronize(output.device)
