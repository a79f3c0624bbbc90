"""Where in the user's source an operation runs: every line that is on its way there, from the network's own forward inwards.

A line runs more than once where it stands in a loop or in a module that is used again. Each time it runs is told apart from the last by
the frames that are on the stack: a frame object belongs to one call of a function, and within it instructions go forward unless a loop
goes back.
"""

from __future__ import annotations

import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

import torch
from torch import nn

from pellucid.models.rules.caller import _INSIDE

RUN = str(Path(__file__).parents[1] / "torch_run.py")  # what called the network is no line of it
_PATHS = sysconfig.get_paths()
LIBRARY = (_PATHS["purelib"], _PATHS["platlib"])
_STANDARD = (_PATHS["stdlib"], _PATHS["platstdlib"])
_PACKAGE = str(Path(__file__).parents[2])
_TORCH = str(Path(torch.__file__).parent)


@dataclass(frozen=True)
class Place:
    """A line that is running.

    Attributes:
        path, line: the file and the line of it.
        function: qualified name, ``Net.forward``; ``first`` is the line that it begins at.
        frame: the number of the call of the function; ``below`` that of what it called on this line, -1 if it is the operation itself.
        offset: of the instruction within the function.
        module: dotted path of the module whose method it is, "" for the network itself; None if it is none's.
    """

    path: str
    line: int
    function: str
    first: int
    frame: int
    below: int
    offset: int
    module: str | None


class Places:
    """Looks up where the network's run has come to; frames are numbered in the order in which they are first seen."""

    def __init__(self, net: nn.Module) -> None:
        self.codes: dict[tuple[str, int, str], CodeType] = {}
        self._names = {id(module): name for name, module in net.named_modules()}
        self._count = 0
        self._last: dict[FrameType, tuple[int, str | None]] = {}  # those that were on the stack at the last look, kept alive until the next

    def now(self) -> tuple[Place, ...] | None:
        """The lines from the network's forward to this operation; empty if none is the user's, None outside the network's run."""
        frames = _frames()
        if frames is None:
            return None
        known = {frame: self._last.get(frame) or self._new(frame) for frame in frames}
        self._last = known
        numbers = [*(number for number, _ in known.values()), -1]
        return tuple(
            self._place(frame, *known[frame], below)
            for frame, below in zip(frames, numbers[1:], strict=True)
            if not frame.f_code.co_filename.startswith(_TORCH)
        )

    def let_go(self) -> None:
        """Holds no frame any longer."""
        self._last = {}

    def _new(self, frame: FrameType) -> tuple[int, str | None]:
        self._count += 1
        code = frame.f_code
        own = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount and not code.co_filename.startswith(_TORCH) else None
        return self._count, self._names.get(id(own)) if isinstance(own, nn.Module) else None

    def _place(self, frame: FrameType, number: int, module: str | None, below: int) -> Place:
        code = frame.f_code
        self.codes[code.co_filename, code.co_firstlineno, code.co_qualname] = code
        return Place(code.co_filename, frame.f_lineno, code.co_qualname, code.co_firstlineno, number, below, frame.f_lasti, module)


def _frames() -> list[FrameType] | None:
    """The frames of the network's run that are neither Python's own nor ours, outermost first; None outside of it."""
    found: list[FrameType] = []
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        path = frame.f_code.co_filename
        if path == RUN:
            return found[::-1]
        if path.startswith(_TORCH) or not _standard_or_ours(path):
            found.append(frame)
        frame = frame.f_back
    return None


def _standard_or_ours(path: str) -> bool:
    return path.startswith(_INSIDE) or (path.startswith(_STANDARD) and not path.startswith(LIBRARY)) or path.startswith("<frozen ")
