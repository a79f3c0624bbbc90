"""Layer-wise relevance propagation by operations: what flows backward through the running forward is relevance itself.

The score is the relevance of itself. Each operation divides the relevance of its output among its operands (:mod:`kinds`,
:mod:`weight_rules`) and books what it keeps (:mod:`ledger`), so that for every row: score = relevance of the inputs + ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from pellucid.models.rules.bodies.table import BODIES
from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.caller import unsupported
from pellucid.models.rules.keeper import Keeper
from pellucid.models.rules.ledger import Ledger
from pellucid.models.rules.operations import Operation
from pellucid.models.rules.relevance.elements import is_gate
from pellucid.models.rules.relevance.kinds import BY_KIND, BY_NAME
from pellucid.models.rules.relevance.moves import written
from pellucid.models.rules.relevance.sums import WEIGHTED
from pellucid.models.rules.relevance.weight_rules import WeightRule
from pellucid.models.rules.rows import RowAxis
from pellucid.models.rules.ruled import ruled

_NOTE = "_pellucid_relevance"


@dataclass(frozen=True)
class Rulebook:
    """Which rule a dense layer or a convolution gets.

    Attributes:
        dense, convolution: by the kind of layer.
        first: for those that nothing but moving elements lies before; None where the kind decides there too.
        epsilon: the stabilizer of every normalizer.
    """

    dense: WeightRule
    convolution: WeightRule
    first: WeightRule | None = None
    epsilon: float = 1e-6


@dataclass(eq=False)
class Site:
    """One operation of the forward, as its backward needs it.

    Attributes:
        operands: where rows lie in each operand.
        result: where rows lie in the result; known once the operation has run.
        readers: how many operations read the result.
        scalable: whether a factor for each channel of the result can be taken into the operation's weights.
        norm: factor and shift of a batch norm that reads the result, with what it made.
    """

    name: str
    operands: tuple[RowAxis | None, ...]
    result: RowAxis | None = None
    readers: int = 0
    scalable: bool = False
    norm: tuple[Tensor, Tensor, list[Tensor]] | None = None

    @property
    def joined(self) -> bool:
        """Whether a batch norm alone reads the result, and so makes one linear map with it."""
        return self.norm is not None and self.readers == 1


@dataclass(frozen=True, eq=False)
class Note:
    """What is known of a value.

    Attributes:
        depth: how many dense layers and convolutions lie on the longest way from the inputs.
        version: torch's counter when the value was made; what was written over since is no longer what its maker made.
        maker: the dense layer or convolution that made it.
        gate: whether it is a sigmoid, or an affine function of one: a factor that opens and closes.
    """

    depth: int = 0
    version: int = 0
    maker: Site | None = None
    gate: bool = False


@dataclass(eq=False)
class Relevance:
    """The rule set; one for each pass.

    Attributes:
        rulebook: the rules of dense layers and convolutions.
        rows: how many rows the pass has.
    """

    rulebook: Rulebook
    rows: int
    differentiates: bool = True
    follows_rows: bool = True
    keeper: Keeper = field(default_factory=Keeper)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.rows)
        self.eps, self.operations = 0.0, 0  # the coarsest rounding of any value, and how many operations met a rule
        self.bodies: set[str] = set()  # composites that a body of ours computed
        self._running: tuple[Call, Site] | None = None
        self._stabilizers: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    # ---- what the interceptor asks -----------------------------------------------------------------------------------------

    def opens(self, operation: Operation) -> bool:
        """Composites are opened."""
        if operation.name in BODIES:
            self.bodies.add(operation.name)
        return operation.kind == "composite"

    def overwritten(self, tensor: Tensor) -> None:
        """What is kept of it is copied."""
        self.keeper.copy_before_writing(tensor)
        depth = self.note(tensor).depth
        if self._running is not None and self._running[0].written is tensor:
            depth = max(depth, *(self.note(t).depth for t in self._running[0].operands))
        setattr(tensor, _NOTE, Note(max(depth, 1), -1))

    def wrote(self, call: Call) -> None:
        """What lands on constants that were written in place is booked."""
        written(self, call)

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs one operation; its backward divides relevance."""
        self._settle()
        site = Site(call.operation.name, call.rows)
        self._running = call, site
        notes = [self.note(t) for t in call.operands]
        self.operations += 1
        if call.operands[0].is_floating_point():
            self.eps = max(self.eps, torch.finfo(call.operands[0].dtype).eps)
        for note in notes:
            if note.maker is not None:
                note.maker.readers += 1
        if not any(t.requires_grad for t in call.operands):  # piecewise constant in the inputs: a constant to what follows
            return call.run(*call.operands)
        kind = BY_NAME.get(call.operation.name) or BY_KIND.get(call.operation.kind)
        if kind is None:
            raise unsupported(call.operation.name)
        output = kind(self, call, site)
        self._annotate(call, site, notes, output)
        return output

    def finish(self) -> None:
        """The forward is over."""
        self._settle()

    def forget(self, rows: int | None = None) -> None:
        """A new ledger of so many rows; of one, for all rows together."""
        self.ledger = Ledger(self.rows if rows is None else rows)

    def deep(self, tensor: Tensor) -> Tensor:
        """The tensor, noted as one that lies behind layers."""
        setattr(tensor, _NOTE, Note(1, tensor._version))
        return tensor

    # ---- what rules ask ----------------------------------------------------------------------------------------------------

    def note(self, tensor: Tensor) -> Note:
        """What is known of a tensor; only its depth if it was written over."""
        found: Note = getattr(tensor, _NOTE, Note())
        return found if found.version == tensor._version else Note(found.depth, -1)

    def first(self, call: Call) -> bool:
        """Whether nothing but moving elements lies between the inputs and this operation."""
        return all(self.note(t).depth == 0 for t in call.operands)

    def stabilizer(self, like: Tensor) -> Tensor:
        """Epsilon as a tensor."""
        key = like.dtype, like.device
        if key not in self._stabilizers:
            self._stabilizers[key] = torch.tensor(self.rulebook.epsilon, dtype=like.dtype, device=like.device)
        return self._stabilizers[key]

    def divided(self, entry: str, relevance: Tensor, normalizer: Tensor, at: RowAxis | None) -> Tensor:
        """Relevance over its normalizer, stabilized; what the stabilizer absorbs is booked under ``entry``."""
        offset = torch.copysign(self.stabilizer(normalizer), normalizer)
        signal = relevance / (normalizer + offset)
        self.ledger.book_product(entry, signal, offset, at)
        return signal

    def ruled(self, call: Call, backward: Callable[[Tensor], tuple[Tensor | None, ...]]) -> Any:  # noqa: ANN401
        """Runs an operation; ``backward`` gives the relevance of each operand from that of the (first) result."""
        with torch.no_grad():
            output = call.run(*call.operands)
        first = next(tensors((output,), {}))
        made = ruled(first, backward, *call.operands)
        return made if isinstance(output, Tensor) else type(output)((made, *output[1:]))

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Takes over what became known of the operation before, which is then let go: it holds tensors with their graph."""
        if self._running is not None:
            call, site = self._running
            site.result = call.result_rows
            self._running = None

    def _annotate(self, call: Call, site: Site, notes: list[Note], output: Any) -> None:  # noqa: ANN401
        depth = max(note.depth for note in notes)
        name = call.operation.name
        deeper = call.operation.kind == "product" and name not in ("mul", "div")
        maker = site if name in WEIGHTED else None
        gate = is_gate(call, notes)
        for tensor in tensors((output,), {}):
            if not any(tensor is t for t in call.operands):
                setattr(tensor, _NOTE, Note(depth + deeper, tensor._version, maker, gate))
