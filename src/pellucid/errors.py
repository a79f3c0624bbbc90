"""One tree of errors: each says what was wrong, what was received and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class PellucidError(Exception):
    """Base of every error that Pellucid raises on purpose."""

    def __init__(self, problem: str, *, remedy: str, received: str = "") -> None:
        self.problem, self.received, self.remedy = problem, received, remedy
        parts = [problem.rstrip(".") + "."]
        if received:
            parts.append(f"Received: {received.rstrip('.')}.")
        super().__init__(" ".join([*parts, f"What to do: {remedy.rstrip('.')}."]))


class InputError(PellucidError, ValueError):
    """The data to be explained do not fit the model or the method."""


class TargetError(PellucidError, ValueError):
    """The target does not name one scalar per row of this model's output."""


class ModelError(PellucidError, RuntimeError):
    """The model cannot be evaluated, or its output cannot be used."""


class CapabilityError(PellucidError, TypeError):
    """The method needs something that this model cannot do."""


class LayerError(PellucidError, ValueError):
    """A layer that does not exist, or that the method cannot use."""


class UnsupportedOperation(CapabilityError):
    """An operation of the forward pass that a rule-based method can not follow; other methods still work."""


class BudgetError(PellucidError, RuntimeError):
    """The work does not fit the memory, time or evaluations allowed."""


class FileError(PellucidError, OSError):
    """A file that cannot be read or written, or that is not what it should be."""


class MissingExtra(PellucidError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", remedy=f"pip install 'pellucid[{extra}]'")


class UnknownName(InputError, KeyError):
    """A name (method, layer, class, language) that is not among the legal ones."""

    def __init__(self, what: str, name: object, legal: Iterable[str], *, also: Iterable[str] = (), shown: int = 12) -> None:
        names = sorted({str(entry) for entry in legal})  # ``also`` are legal too, but listed only where they are near
        near = get_close_matches(str(name), [*names, *also], n=3, cutoff=0.5)
        listed = ", ".join(names[:shown]) + (f" ... ({len(names)} in all)" if len(names) > shown else "")
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        super().__init__(f"There is no {what} of that name", received=repr(name), remedy=f"{hint}legal: {listed or 'none'}")

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return Exception.__str__(self)
