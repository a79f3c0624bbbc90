"""What an inspection is, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from pellucid.errors import InputError

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
        labels: the true class of each row, -1 where unknown; None where none were given.
        preparation: what made the rows from what the user has, if anything did: it brings them back to be shown.
    """

    model: Model
    evaluator: Evaluator | None = None
    labels: np.ndarray | None = None
    preparation: Preparation | None = None

    def rows(self, what: str, *, need: str = "one row is enough") -> Evaluator:
        """The access to rows.

        Raises:
            InputError: no rows were given.
        """
        if self.evaluator is None:
            raise InputError(f"{what} is seen on rows, and none were given", received="data=None", remedy=f"give data; {need}")
        return self.evaluator


class Inspection(Protocol):
    """A frozen dataclass whose fields are its options."""

    id: ClassVar[str]
    kind: ClassVar[Kind]
    needs: ClassVar[frozenset[Capability]]

    def look(self, inside: Inside) -> Content:
        """What is seen."""
        ...
