"""Source text as it lies on disk or in a notebook's cell, and its lines as Python counts them. Nothing is executed."""

from __future__ import annotations

import ast
import io
import linecache
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import CodeType

from pellucid.explanation.contents.source import SourceFile
from pellucid.models.rules.places import LIBRARY

Lines = tuple[int, int]  # first and last line in the file, from 1
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


def plain_name(function: str) -> str:
    """The name of the function that a comprehension stands in."""
    while function.endswith(_COMPREHENSIONS):
        function = function.rpartition(".<locals>.")[0]
    return function


def is_generated(path: str) -> bool:
    """Whether a file's name says that torch wrote the code while the program ran (torch.fx, torch.export)."""
    return path.startswith("<eval_with_key>")


def read(path: str) -> SourceFile | None:
    """The source of this name, None where there is none."""
    library = path.startswith(LIBRARY)
    try:
        data = Path(path).read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        text = "".join(linecache.getlines(path))  # a notebook keeps its cells there
        return SourceFile(path, text, "utf-8", mark=False, library=False, cell=True) if text else None
    return SourceFile(path, text, encoding.removesuffix("-sig"), mark=encoding.endswith("-sig"), library=library, cell=False)


@dataclass(frozen=True)
class Parsed:
    """A file's text taken apart."""

    file: SourceFile

    @cached_property
    def tree(self) -> ast.Module | None:
        """The syntax tree; None where the text is no Python."""
        try:
            return ast.parse(self.file.text)
        except (SyntaxError, ValueError):
            return None

    @cached_property
    def logical(self) -> dict[int, Lines]:
        """To which line of code, as Python counts, each line of the file belongs: a statement, or the head of one that holds others.

        Statements that share a line are one.
        """
        merged: list[list[int]] = []
        for first, last in sorted(_spans(self.tree)) if self.tree else ():
            if merged and first <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], last)
            else:
                merged.append([first, last])
        return {line: (first, last) for first, last in merged for line in range(first, last + 1)}

    def line(self, number: int) -> Lines:
        """The line of code that a line of the file belongs to."""
        return self.logical.get(number, (number, number))

    def function(self, name: str, first: int, number: int) -> Lines:
        """The lines of the function of that qualified name which begins at ``first``.

        Of a comprehension those of the function that it stands in; of a lambda those of the statement at ``number``.
        """
        found = self._functions
        if name.endswith(_COMPREHENSIONS) and not plain_name(name).endswith("<lambda>"):
            return max((lines for lines in found if lines[0] <= number <= lines[1]), default=self.line(number))
        return next((lines for lines in found if lines[0] == first), self.line(number))

    @cached_property
    def _functions(self) -> tuple[Lines, ...]:
        return tuple(_whole(node) for node in ast.walk(self.tree) if isinstance(node, _FUNCTION)) if self.tree else ()

    def holds(self, code: CodeType) -> bool:
        """Whether this text is what ``code``, which runs, was made from, as far as line numbers tell."""
        return any(
            one.co_firstlineno == code.co_firstlineno and one.co_qualname == code.co_qualname and _numbers(one) == _numbers(code)
            for one in self._codes
        )

    @cached_property
    def _codes(self) -> tuple[CodeType, ...]:
        try:
            return tuple(_inside(compile(self.file.text, self.file.path, "exec", dont_inherit=True)))
        except (SyntaxError, ValueError):
            return ()


def _whole(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Lines:
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.end_lineno or node.lineno


def _spans(tree: ast.Module) -> Iterator[Lines]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.excepthandler)):
            yield _head(node)
        elif isinstance(node, ast.match_case):
            yield node.pattern.lineno, max(node.pattern.end_lineno or 0, (node.guard.end_lineno or 0) if node.guard else 0)


def _head(node: ast.stmt | ast.excepthandler) -> Lines:
    """The lines of a statement without the block that it may hold."""
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
    inner = [entry for block in _BLOCKS for entry in getattr(node, block, ())]
    if not inner:
        return first, node.end_lineno or node.lineno
    held = {id(entry) for entry in inner}
    ends = [getattr(child, "end_lineno", None) for child in ast.iter_child_nodes(node) if id(child) not in held]
    return first, max([node.lineno, *(end for end in ends if end)])


def _inside(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _inside(constant)


def _numbers(code: CodeType) -> set[int]:
    return {line for _, _, line in code.co_lines() if line}
