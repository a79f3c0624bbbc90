"""A copy of the user's source with comments that say what each line computes.

Every comment begins with :data:`MARK`. Those of an earlier copy are taken out first, so that a second run updates them; everything else
stays as it is, and the code's syntax tree is compared before anything is given back. Nothing is executed.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.errors import FileError, InputError, MissingExtra, UnknownName
from pellucid.explanation.frame import write_whole
from pellucid.scenes.words import letters
from pellucid.views.inside.source import content_of, file_name, in_order
from pellucid.views.inside.source_notes import LineNotes, Notes

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.explanation.contents import Source
    from pellucid.explanation.contents.source import SourceFile, SourceFunction
    from pellucid.scenes.words import Language

MARK = "#= "
WIDTH = 100  # of a line with its comment, where words allow it
_PLAIN = str.maketrans({"→": "->", "−": "-", "±": "+-", "…": "..", "µ": "u", "×": "x", "·": "*", "–": "-"})  # noqa: RUF001
_BREAKS = " ，；、："  # noqa: RUF001 (after these a line may end)


def annotated_source(explanation: Explanation, *, file: str | None = None, language: Language = "en", times: bool = True) -> str:
    """The text of a source file with comments above the lines that compute something.

    Args:
        explanation: what ``pl.inspect(net, "source", data)`` returned.
        file: which file, by its path or name, where several hold code of the network; that of the network's forward if not given.
        language: of the comments; those in English need no letters beyond ASCII.
        times: whether they say how long a line takes, which is another number in every run.

    Raises:
        MissingExtra: libcst is not installed.
        InputError: there is no source.
        UnknownName: no such file.
    """
    seen = content_of(explanation)
    index = _chosen(seen, file)
    comments = _comments(seen, index, Notes(seen, language, times=times))
    before = seen.files[index].text
    after = _commented(before, comments)
    if ast.dump(ast.parse(before)) != ast.dump(ast.parse(after)):
        raise FileError(
            "Comments in this file would change its code",
            received=file_name(seen.files[index]),
            remedy="report this file; nothing was written",
        )
    return after


def write_annotated(  # noqa: PLR0913
    explanation: Explanation,
    path: str | os.PathLike[str],
    *,
    file: str | None = None,
    language: Language = "en",
    times: bool = True,
    overwrite: bool = False,
) -> Path:
    """Writes the copy of :func:`annotated_source` in the encoding and with the line ends of the original, whole or not at all.

    Args:
        explanation, file, language, times: as for :func:`annotated_source`.
        path: where to.
        overwrite: allows ``path`` to be the source file itself, if that is still as it was when it was looked at.

    Raises:
        FileError: ``path`` is the source file itself and ``overwrite`` is not set; the file was changed meanwhile; its encoding has no
            letters for the comments; the path can not be written.
    """
    text = annotated_source(explanation, file=file, language=language, times=times)
    seen = content_of(explanation)
    source = seen.files[_chosen(seen, file)]
    if not source.cell and Path(path).exists() and Path(path).resolve() == Path(source.path).resolve():
        _check_overwriting(Path(path), source, allowed=overwrite)
    return write_whole(path, _encoded(text, source))


def _check_overwriting(path: Path, source: SourceFile, *, allowed: bool) -> None:
    if not allowed:
        raise FileError(
            "This is the source file itself", received=str(path), remedy="give another path, or overwrite=True to have it replaced"
        )
    if path.read_bytes() != _encoded(source.text, source):
        raise FileError(
            "The source file was changed since it was looked at",
            received=str(path),
            remedy="start Python again and inspect the network anew",
        )


def _encoded(text: str, source: SourceFile) -> bytes:
    try:
        return text.encode("utf-8-sig" if source.mark else source.encoding)
    except UnicodeEncodeError as error:
        raise FileError(
            "The encoding of the source file has no letters for these comments",
            received=f"{source.encoding}: {error.object[error.start : error.end]!r}",
            remedy="choose language='en', or save the file in UTF-8",
        ) from error


def _chosen(seen: Source, file: str | None) -> int:
    """The number of the file."""
    ordered = in_order(seen)
    if not ordered:
        raise InputError(
            "There is no source to write comments into",
            received=", ".join(missing.name for missing in seen.missing) or "layers of torch alone",
            remedy="e.plot() and e.narrate() show what is known of its modules",
        )
    if file is None:
        return ordered[0].file
    for number, one in enumerate(seen.files):
        if file in (one.path, file_name(one)):
            return number
    raise UnknownName("source file", file, [file_name(one) for one in seen.files])


def _comments(seen: Source, index: int, notes: Notes) -> dict[int, list[str]]:
    """What is to be said, by the line that it is said above."""
    found: dict[int, list[str]] = {}
    for function in seen.functions:
        if function.file != index:
            continue
        if all(line.first != function.first for line in function.lines):
            found.setdefault(function.first, []).extend(_head(seen, function, notes))
        for line in function.lines:
            found.setdefault(line.first, []).extend(_told(notes.line(line), notes))
    plain = notes.language == "en"
    return {line: [text.translate(_PLAIN) if plain else text for text in texts] for line, texts in found.items()}


def _head(seen: Source, function: SourceFunction, notes: Notes) -> Iterator[str]:
    yield notes.function(function)
    if seen.target:
        predicted = seen.target == "Predicted()"
        yield notes.say["source.short.relevance"].format(target=notes.say["source.predicted"] if predicted else seen.target)


def _told(line: LineNotes, notes: Notes) -> Iterator[str]:
    then, colon = notes.say["source.then"], notes.say["source.colon"]
    for place, note in enumerate(line.notes):
        if line.left_out and place == len(line.notes) - 1:
            yield notes.say["source.more"].format(count=line.left_out)
        figures = then.join(text for text in notes.figures(note) if text)
        if note.like:
            yield colon.join((notes.computed(note), figures))
        else:
            yield notes.computed(note)
            yield figures


def _commented(text: str, comments: dict[int, list[str]]) -> str:
    """The text with comments above these lines, and without those of an earlier run."""
    try:
        import libcst as cst
        from libcst.metadata import MetadataWrapper, PositionProvider
    except ImportError as error:
        raise MissingExtra("libcst", "source") from error
    wrapper = MetadataWrapper(cst.parse_module(text))
    places: Any = wrapper.resolve(PositionProvider)
    statements = {node: place for node, place in places.items() if hasattr(node, "leading_lines")}
    owners: dict[Any, list[str]] = {}
    indents: dict[Any, int] = {}
    for line, texts in comments.items():
        owner = _owner(statements, places, line)
        owners.setdefault(owner, []).extend(texts)
        indents[owner] = places[owner].start.column

    class Writer(cst.CSTTransformer):
        """Takes old comments out and puts new ones in."""

        def leave_EmptyLine(self, original_node: Any, updated_node: Any) -> Any:  # noqa: ANN401, ARG002
            comment = updated_node.comment
            return cst.RemoveFromParent() if comment is not None and comment.value.startswith(MARK) else updated_node

        def on_leave(self, original_node: Any, updated_node: Any) -> Any:  # noqa: ANN401
            node: Any = super().on_leave(original_node, updated_node)
            if original_node not in owners:
                return node
            width = WIDTH - indents[original_node] - len(MARK)
            lines = [part for text in owners[original_node] for part in wrapped(text, width)]
            new = [cst.EmptyLine(comment=cst.Comment(MARK + part)) for part in lines]
            return node.with_changes(leading_lines=(*node.leading_lines, *new))

    return wrapper.module.visit(Writer()).code


def _owner(statements: dict[Any, Any], places: Any, line: int) -> Any:  # noqa: ANN401
    """The statement that begins on a line, or the innermost that it lies in."""

    def begins(node: Any) -> int:  # noqa: ANN401
        decorators = getattr(node, "decorators", ())
        return min([statements[node].start.line, *(places[d].start.line for d in decorators)])

    exact = [node for node in statements if begins(node) == line]
    around = [node for node in statements if begins(node) <= line <= statements[node].end.line]
    return exact[0] if exact else max(around, key=begins)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of about ``width`` columns, a Chinese character taking two; those after the first are indented.

    A space that does not break becomes a plain one.
    """
    lines, line, columns = [""], 0, 0
    for piece in _pieces(text):
        wide = letters(piece.rstrip(" "))
        if columns and columns + wide > width:
            lines.append("  ")
            line, columns = line + 1, 2
        lines[line] += piece
        columns += wide + len(piece) - len(piece.rstrip(" "))
    return [one.rstrip(" ").replace("\u00a0", " ") for one in lines]


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for place, letter in enumerate(text, 1):
        if letter in _BREAKS:
            yield text[start:place]
            start = place
    yield text[start:]
