"""FullGrad: the gradient at the input together with the gradients of every bias inside the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.errors import InputError
from pellucid.methods.accounts import Rounding, RowByRow, one_at_a_time, settle
from pellucid.methods.attribution.layer_grids import mapped_input, space_of
from pellucid.methods.protocol import Attribution
from pellucid.methods.run import expand
from pellucid.models.rules.gradients.full_gradient import FullGradient, channels_last
from pellucid.models.rules.ledger import BIASES, CONSTANTS, NONLINEAR, Ledger

if TYPE_CHECKING:
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

_ENTRIES: tuple[str, ...] = (BIASES, CONSTANTS, NONLINEAR)
_KIND = "gradient, full"


@dataclass(frozen=True)
class FullGrad:
    """One map of an image or series from gradient times input and from all bias gradients (Srinivas & Fleuret 2019, eq. 4).

    Shapes: (sample, y, x) or (sample, time), not negative; no unit. score = input * gradient + the sum over all biases of bias *
    gradient, exactly, and the check ``conservation`` holds these sums for every row. A bias is what an operation adds to its tangent map:
    of convolutions, dense layers and batch norms their own, of GELU, softmax and whatever else is not homogeneous the tangent's value at
    zero (``nonlinear``). The map adds, over the input and every operation with space, |bias * gradient| summed over channels, each
    operation's stretched to 0..1 in every row and enlarged linearly along each axis to the size of the input.

    One gradient evaluation per row.

    What it does not show: the sign of what an area does; biases without space (dense layers), which are in the ledger only; and how much
    one layer matters against another, since each is stretched to the same range.

    Raises:
        InputError: an input without space or time.
        UnsupportedOperation: the network hides its operations.
    """

    id: ClassVar[str] = "fullgrad"
    needs: ClassVar[frozenset[Capability]] = frozenset({"gradient", "graph"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "magnitude"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row, and the ledger."""
        on = mapped_input(evaluator)
        spec = evaluator.specs[on]
        if not space_of(spec):
            received = f"an input with axes {', '.join(spec.axes)}"
            raise InputError("FullGrad makes a map of an image or a series", received=received, remedy="use 'gradient_times_input'")
        evaluator.afford(1)
        runner = _Runner(evaluator, on)
        run = RowByRow(runner)
        parts = [evaluator.run(_KIND, run, rows) for rows, _ in evaluator.pairs(1, _KIND)]
        evaluator.resolve()
        *inputs, table, scores, flow, maps = (torch.cat(part) for part in zip(*parts, strict=True))
        booked = dict(zip(_ENTRIES, table.unbind(1), strict=True))
        account = settle(tuple(inputs), booked, scores, flow, Rounding(runner.eps, runner.operations))
        return Attribution((maps,), input=on, axes=space_of(spec), checks=(account.check(),), choices=run.choices)


@dataclass(eq=False)
class _Runner:
    """Takes batches back to their inputs."""

    evaluator: Evaluator
    on: int
    eps: float = 0.0
    operations: int = 0

    def __call__(self, rows: Tensor, apart: bool) -> tuple[Tensor, ...]:
        """Gradient times input of each input; then the maps, the ledger (row, entry), the scores and the largest flow.

        ``apart`` goes back from one row's score at a time.
        """
        evaluator = self.evaluator
        batch = tuple(v[rows] for v in evaluator.values)
        total = _Total(evaluator.specs[self.on], batch[self.on])
        rules = FullGradient(len(rows), total.add)
        outputs = evaluator.bound.outputs_under(rules, batch, rows)
        rules.finish()
        evaluator.note(outputs.outputs, rows)
        with torch.enable_grad():
            leaf = outputs.outputs.detach().requires_grad_()
            scores = evaluator.score(leaf, rows)
            slopes = torch.autograd.grad(scores.sum(), leaf)[0] if scores.requires_grad else torch.zeros_like(leaf)
        self.eps, self.operations = max(self.eps, rules.eps), max(self.operations, rules.operations)
        plain = scores.detach()

        def back(weights: Tensor | None, again: bool) -> tuple[Tensor, ...]:
            rules.ledger = Ledger(len(rows) if weights is None else 1)
            chosen = slopes if weights is None else expand(weights, slopes) * slopes
            inputs = tuple(g * v for g, v in zip(outputs.back(chosen, again=again), batch, strict=True))
            total.add_input(inputs[self.on])
            own = plain.double().cpu() if weights is None else (plain.double().cpu() * weights).sum(0, keepdim=True)
            held = (chosen * leaf.detach()).double().flatten(1).sum(1).cpu()  # the rest is what the score itself adds
            rules.ledger.add(NONLINEAR, own - (held if weights is None else held.sum(0, keepdim=True)))
            if not outputs.made.requires_grad:
                rules.ledger.add(CONSTANTS, held if weights is None else held.sum(0, keepdim=True))
            return *inputs, rules.ledger.table(_ENTRIES), own, rules.ledger.flow

        found = one_at_a_time(len(rows), len(batch), back) if apart else back(None, False)
        return *found, total.maps


@dataclass(eq=False)
class _Total:
    """Adds the map of one operation after the other."""

    spec: InputSpec
    values: Tensor
    maps: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.size = tuple(self.values.shape[1 + self.spec.axes.index(axis)] for axis in space_of(self.spec))
        self.maps = self.values.new_zeros((len(self.values), *self.size))

    def add_input(self, values: Tensor) -> None:
        """Gradient times input, in the layout of the input."""
        axes = ("sample", *self.spec.axes)
        others = [n for n, axis in enumerate(axes) if axis not in ("sample", *space_of(self.spec))]
        plane = _stretched(values.abs())
        plane = plane.sum(others) if others else plane
        self.maps += plane.transpose(1, 2) if "y" in axes and axes.index("y") > axes.index("x") else plane

    def add(self, operation: str, values: Tensor) -> None:
        """The bias gradients of one operation (row, ...), if they have space."""
        if values.ndim != len(self.size) + 2:
            return
        last = values.ndim - 1
        order = (last, 1) if channels_last(operation) else (1, last)
        channel = next((c for c in order if self._fits([n for axis, n in enumerate(values.shape) if axis not in (0, c)])), None)
        if channel is None:
            return
        plane = _stretched(values.abs()).sum(channel)[:, None]
        if plane.shape[2:] != self.size:
            mode = "bilinear" if len(self.size) == 2 else "linear"
            plane = functional.interpolate(plane, self.size, mode=mode, align_corners=True)
        self.maps += plane[:, 0].to(self.maps.dtype)

    def _fits(self, cells: list[int]) -> bool:
        """More than one cell, and in a plane the same aspect as the input's, up to one cell."""
        if len(cells) == 1:
            return 1 < cells[0] <= self.size[0]
        return max(cells) > 1 and abs(cells[0] * self.size[1] - cells[1] * self.size[0]) <= max(self.size)


def _stretched(values: Tensor) -> Tensor:
    """Each row between 0 and 1."""
    flat = values.flatten(1)
    shape = (-1, *[1] * (values.ndim - 1))
    low, high = flat.amin(1).reshape(shape), flat.amax(1).reshape(shape)
    return (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
