"""What an inspection is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from pellucid.errors import CapabilityError, InputError
from pellucid.models.wrap import wrap

if TYPE_CHECKING:
    import numpy as np

    from pellucid.data.preparation import Preparation
    from pellucid.explanation.contents import Content
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability, Model

Kind = Literal["graph", "text", "regions", "layers"]


@dataclass(frozen=True, eq=False)
class Inside:
    """A network opened to be looked into.

    Attributes:
        model: behind its interface.
        evaluator: counted, batched access on the rows that were given; None where none were. ``evaluator.bound`` is the opened network.
        labels: the true class of each row, -1 where unknown; None where none were given, and for an inspection that says
            ``labels_are: ClassVar = "as given"``, which reads ``given``: the labels as the user gave them.
        open: opens another network on the same rows.
        preparation: what made the rows from what the user has, if anything did: it brings them back to be shown.
    """

    model: Model
    evaluator: Evaluator | None = None
    labels: np.ndarray | None = None
    preparation: Preparation | None = None
    open: Callable[[Model], Evaluator] | None = None
    given: Sequence[Any] | np.ndarray | None = None

    def rows(self, what: str, *, need: str = "one row is enough") -> Evaluator:
        """The access to rows.

        Raises:
            InputError: no rows were given.
        """
        if self.evaluator is None:
            raise InputError(f"{what} is seen on rows, and none were given", received="data=None", remedy=f"give data; {need}")
        return self.evaluator

    def another(self, network: Any) -> tuple[Model, Evaluator]:  # noqa: ANN401
        """Another network behind its interface, and the access to the same rows; it too is left without a trace.

        Raises:
            InputError: no rows were given.
            CapabilityError: it is no torch module.
        """
        evaluator = self.rows("Another network")
        model = wrap(network, evaluator.situation.spec)
        if self.open is None or "layers" not in model.can:
            raise CapabilityError("The layers of the other network can not be seen", received=model.name, remedy="give a torch.nn.Module")
        return model, self.open(model)


class Inspection(Protocol):
    """A frozen dataclass whose fields are its options."""

    id: ClassVar[str]
    kind: ClassVar[Kind]
    needs: ClassVar[frozenset[Capability]]

    def look(self, inside: Inside) -> Content:
        """What is seen."""
        ...
