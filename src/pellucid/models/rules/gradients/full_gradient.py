"""The full gradient of a network: the gradient at its input, and at every bias inside it (Srinivas & Fleuret 2019).

An operation y = op(a) adds b = y - J a, its *bias*: of a dense layer or a convolution its own, of a batch norm its shift, of a function
that is not homogeneous the value of its tangent at zero. Then f(x) = x * df/dx + the sum of b * df/dy over all operations, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.constants import ADDED, constant_elements, constant_part, has_constants, lost_elements
from pellucid.models.rules.keeper import Keeper
from pellucid.models.rules.ledger import BIASES, CONSTANTS, NONLINEAR, Ledger
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.rows import RowAxis

# f(t a) = t f(a) for t > 0: their tangent goes through zero
_HOMOGENEOUS = frozenset({"relu", "leaky_relu", "prelu", "abs", "rrelu", "neg", "positive", "deg2rad", "rad2deg"})
_BIASED = frozenset({"addmm", "batch_norm", *(name for name, place in ADDED.items() if place)})
_LAST = frozenset({"linear", "layer_norm", "rms_norm"})
# (operation, bias times gradient in the shape of its result)
Seen = Callable[[str, Tensor], None]


@dataclass(eq=False)
class FullGradient:
    """The rule set; one for each pass. Gradients are the network's own.

    Attributes:
        rows: how many rows the pass has.
        seen: is handed the bias gradients of every operation whose rows lie on the first axis.
    """

    rows: int
    seen: Seen
    differentiates: bool = True
    follows_rows: bool = True
    eps: float = 0.0
    operations: int = 0
    keeper: Keeper = field(default_factory=Keeper)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.rows)
        self._running: tuple[Call, list[RowAxis | None]] | None = None

    def opens(self, operation: Operation) -> bool:
        """Composites are opened."""
        return operation.kind == "composite"

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)

    def wrote(self, call: Call) -> None:
        """Constants that were written in place are biases too."""
        target = call.written
        mixed = constant_elements(call) if target is not None and target.requires_grad else None
        if target is not None and mixed is not None:
            self._record(call, target, mixed * target.detach(), [call.result_rows], CONSTANTS)

    def finish(self) -> None:
        """The forward is over."""
        if self._running is not None:
            self._running[1].append(self._running[0].result_rows)
            self._running = None

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation as it is; its bias is kept for the backward."""
        self.finish()
        at: list[RowAxis | None] = []
        self._running = call, at
        self.operations += 1
        if call.operands[0].is_floating_point():
            self.eps = max(self.eps, torch.finfo(call.operands[0].dtype).eps)
        if not any(t.requires_grad for t in call.operands):
            return call.run(*call.operands)
        name, kind = call.operation.name, call.operation.kind
        if kind == "elementwise" and name not in _HOMOGENEOUS and _alone(call):
            return self._elementwise(call, at)
        output = call.run(*call.operands)
        if isinstance(output, Tensor) and output.requires_grad:
            found = self._bias(call, output)
            if found is not None:
                plain = CONSTANTS if kind in ("structural", "linear", "max") else NONLINEAR
                self._record(call, output, found, at, BIASES if name in _BIASED else plain)
        return output

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _elementwise(self, call: Call, at: list[RowAxis | None]) -> Any:  # noqa: ANN401
        """y - f'(a) a, element by element: the gradient that goes in less the one that comes out, each times its own value."""
        alias = call.operands[0].view_as(call.operands[0])
        output = call.run(alias)
        if not output.requires_grad:
            return output
        given, made = self.keeper.keep([alias]), self.keeper.keep([output])
        handed: list[Tensor] = []
        name = call.operation.name

        def arrive(gradient: Tensor) -> None:
            handed.append(gradient * made[0])

        def leave(gradient: Tensor) -> None:
            self._book(name, NONLINEAR, handed.pop() - gradient * given[0], at[0])

        output.register_hook(arrive)
        alias.register_hook(leave)
        return output

    def _record(self, call: Call, output: Tensor, bias: Tensor, at: list[RowAxis | None], entry: str) -> None:
        kept, name = self.keeper.keep([bias]), call.operation.name
        output.register_hook(lambda gradient: self._book(name, entry, gradient * kept[0], at[0]))

    def _book(self, name: str, entry: str, values: Tensor, at: RowAxis | None) -> None:
        self.ledger.book(entry, self.ledger.pass_on(values, at), at)
        if at is not None and at.axis == 0 and len(values) == self.rows:
            self.seen(name, values)

    def _bias(self, call: Call, output: Tensor) -> Tensor | None:
        """What the operation gives beside its tangent map; None where that is nothing."""
        kind, name = call.operation.kind, call.operation.name
        several = sum(t.requires_grad for t in call.operands) > 1
        if kind in ("structural", "max"):
            own = constant_elements(call) if kind == "structural" else lost_elements(call, output)
            return None if own is None else own * output.detach()
        if kind in ("softmax", "norm") or name == "div" or (several and (kind == "product" or name in ("lerp", "grid_sample"))):
            return beside_tangent(call, output)
        if kind == "elementwise":
            return None if name in _HOMOGENEOUS else beside_tangent(call, output)
        return constant_part(call) if has_constants(call) else None


def _alone(call: Call) -> bool:
    """Whether one operand varies, and no other is larger."""
    return len(call.operands) == 1 and all(t.numel() <= call.operands[0].numel() for t in tensors(call.args, call.kwargs))


def beside_tangent(call: Call, output: Tensor) -> Tensor:
    """y - J a, the Jacobian's product by forward differentiation."""
    varying = [t.requires_grad for t in call.operands]
    given = tuple(t.detach() for t, v in zip(call.operands, varying, strict=True) if v)

    def run(*some: Tensor) -> Tensor:
        rest = iter(some)
        return call.run(*(next(rest) if v else t for t, v in zip(call.operands, varying, strict=True)))

    return output.detach() - torch.func.jvp(run, given, given)[1].detach()


def channels_last(operation: str) -> bool:
    """Whether this operation puts channels on the last axis."""
    return operation in _LAST
