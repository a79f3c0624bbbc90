"""A network's own source, with what each line of it computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Spread:
    """The values that an operation made on all rows that were run.

    ``share_dead`` and ``share_saturated`` are of the ``units`` (features or channels) of an activation function: those whose every value
    lay at the flat side on which the function is 0, and those whose every value lay at another flat end.
    """

    mean: float
    deviation: float
    low: float
    high: float
    not_finite: int
    units: int = 0
    share_dead: float = 0.0
    share_saturated: float = 0.0


@dataclass(frozen=True)
class LineOperation:
    """One operation of the forward pass.

    Attributes:
        number: its place in the order of execution, from 1.
        name: the canonical operation; ``kind`` is its kind (``docs/operations.md``).
        facts: what is to be said of it: sizes, kernel, axis, by the name of the fact.
        module: dotted path of the innermost module that it ran in, "" for the network itself; ``type`` is that module's class.
        shape: of its first output; ``rows`` is the axis on which the rows lie, -1 where that is not known, and ``each`` how many
            entries a row has on it.
        parameters: names of the parameters that it reads; ``size`` are their elements.
        flops: 2 for every multiply-add of matrix, convolution, attention and recurrent operations, for one row.
        elements: of its output for one row, where it is element-wise work instead.
        seconds: for one row of the fastest batch.
        spread: None where it made no numbers with a fraction.
        relevance: what passes through its output, as a part of what passes through the input; None where that was not asked for, or where
            no gradient reaches it.
    """

    number: int
    name: str
    kind: str
    facts: dict[str, str]
    module: str
    type: str
    shape: tuple[int, ...]
    rows: int
    each: int
    parameters: tuple[str, ...]
    size: int
    flops: int
    elements: int
    seconds: float
    spread: Spread | None = None
    relevance: float | None = None


@dataclass(frozen=True)
class LineStep:
    """Operations of a line, by number, that follow one another: its own, or those of one call of a function ``into``.

    ``into`` is the qualified name of a function outside torch, which is annotated itself; "" for operations of the line's own and torch's.
    """

    into: str
    operations: tuple[int, ...]


@dataclass(frozen=True)
class LineCall:
    """One time that a line ran: its steps, and the module whose method it is in, "" for the network itself or no module's.

    ``size`` are the elements of the parameters that it reads, each counted once.
    """

    module: str
    steps: tuple[LineStep, ...]
    size: int
    flops: int
    seconds: float


@dataclass(frozen=True)
class SourceLine:
    """A line of code as Python counts it, which may be several of the file (from ``first`` to ``last``), and each time that it ran."""

    first: int
    last: int
    calls: tuple[LineCall, ...]


@dataclass(frozen=True)
class SourceFunction:
    """A function that ran: qualified name, the file (its number in ``files``), its lines from ``first`` to ``last``, and those that ran."""

    name: str
    file: int
    first: int
    last: int
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True)
class SourceFile:
    """A file as it was when it was read: ``text`` with its own line ends, ``encoding`` and whether it began with a byte-order mark.

    ``library`` is whether it belongs to an installed package. A cell of a notebook is a file too; it has no ``path`` that can be read.
    """

    path: str
    text: str
    encoding: str
    mark: bool
    library: bool
    cell: bool


@dataclass(frozen=True)
class Missing:
    """A function whose source can not be had: ``why`` it can not (generated, typed, changed, none), and the operations that ran in it."""

    name: str
    path: str
    why: Literal["generated", "typed", "changed", "none"]
    operations: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """The functions in order of their first line that ran, and every operation by number.

    ``missing`` are functions without source and ``bare`` the operations on whose way lies no function of the user's at all (a plain
    ``nn.Sequential``). ``rows`` are those that were run; ``apart`` of them took other branches than the first, and are not in the numbers.
    ``target`` is the decision that ``relevance`` is about, "" for none. ``modules`` are classes by dotted path.
    """

    operations: tuple[LineOperation, ...]
    functions: tuple[SourceFunction, ...]
    files: tuple[SourceFile, ...]
    missing: tuple[Missing, ...]
    bare: tuple[int, ...]
    rows: int
    apart: int
    modules: dict[str, str]
    target: str = ""
    what: Literal["source"] = "source"
