"""A network's own source with notes beside every line that computes something: one table for each function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pellucid.explanation import Explanation
from pellucid.explanation.contents import Source
from pellucid.explanation.contents.source import LineCall, LineStep, SourceFile, SourceFunction, SourceLine
from pellucid.scenes import Panel, Scene, Table
from pellucid.scenes.words import Language, words
from pellucid.views.framing import code, links
from pellucid.views.inside.source_notes import Notes


def source(explanation: Explanation, *, language: Language = "en") -> Scene:
    """Every function that ran, its code on the left and on the right what each line computes, at what cost, and its values.

    What has no source is told by its modules.
    """
    seen, say = content_of(explanation), words(language)
    notes = Notes(seen, language)
    ordered = in_order(seen)
    panels = [_panel(explanation, function, notes, place) for place, function in enumerate(ordered)]
    if modules := _modules(explanation, notes):
        panels.append(modules)
    lines = sum(len(function.lines) for function in ordered)
    summary = say["source.summary"].format(functions=len(ordered), lines=lines, operations=len(seen.operations))
    return Scene(
        say["source.title"].format(model=explanation.provenance.model),
        tuple(panels),
        summary,
        subtitle=summary,
        notes=tuple(remarks(seen, language)),
        code=code(explanation),
        language=language,
    )


def content_of(explanation: Explanation) -> Source:
    """What was seen."""
    if not isinstance(explanation.content, Source):
        raise TypeError(f"this is about a Source, received {type(explanation.content).__name__}")
    return explanation.content


def in_order(seen: Source) -> list[SourceFunction]:
    """The functions in the order in which they first ran, the user's own before those of installed packages."""
    return sorted(seen.functions, key=lambda function: seen.files[function.file].library)


def text_of(seen: Source, function: SourceFunction) -> list[str]:
    """The lines of a function, without what they are all indented by."""
    lines = seen.files[function.file].text.splitlines()[function.first - 1 : function.last]
    full = [line.expandtabs(4) for line in lines]
    margin = min((len(line) - len(line.lstrip()) for line in full if line.strip()), default=0)
    return [line[margin:].rstrip() for line in full]


def file_name(file: SourceFile) -> str:
    """What the file is called, without the folders that say where it lies on this machine."""
    return file.path if file.cell else Path(file.path).name


def remarks(seen: Source, language: Language) -> Iterator[str]:
    """How to read the numbers, and what there is nothing to show of."""
    say = words(language)
    for missing in seen.missing:
        yield say[f"source.missing.{missing.why}"].format(name=missing.name)
    if seen.bare and not seen.functions:
        yield say["source.bare"]
    if seen.apart:
        yield say["source.apart"].format(apart=f"{seen.apart:,}")
    yield say["source.note"]
    if seen.target:
        predicted = seen.target == "Predicted()"
        yield say["source.note.relevance"].format(target=say["source.predicted"] if predicted else seen.target)


def without_source(seen: Source) -> list[tuple[str, SourceLine]]:
    """Operations that no line of source stands for, as if each module that they ran in were a line; with the module's name and class."""
    numbers = {*seen.bare, *(number for missing in seen.missing for number in missing.operations)}
    groups: list[tuple[str, list[int]]] = []
    for operation in seen.operations:
        if operation.number not in numbers:
            continue
        if groups and groups[-1][0] == operation.module != "":
            groups[-1][1].append(operation.number)
        else:
            groups.append((operation.module, [operation.number]))
    return [(_module(seen, path, found), _as_line(seen, path, found, place)) for place, (path, found) in enumerate(groups, 1)]


def _module(seen: Source, path: str, numbers: list[int]) -> str:
    """A module's path and class; an operation of the network itself by its own name."""
    return f"{path}: {seen.modules.get(path, '')}" if path else next(o.name for o in seen.operations if o.number == numbers[0])


def _as_line(seen: Source, path: str, numbers: list[int], place: int) -> SourceLine:
    mine = [operation for operation in seen.operations if operation.number in numbers]
    steps = tuple(LineStep("", (operation.number,)) for operation in mine)
    call = LineCall(path, steps, max(o.size for o in mine), sum(o.flops for o in mine), sum(o.seconds for o in mine))
    return SourceLine(place, place, (call,))


def _panel(explanation: Explanation, function: SourceFunction, notes: Notes, place: int) -> Panel:
    seen = notes.source
    title = f"{function.name} · {file_name(seen.files[function.file])}"
    by_line = {line.first: line for line in function.lines}
    rows = [
        row
        for number, text in enumerate(text_of(seen, function), function.first)
        for row in _rows(str(number), text, by_line.get(number), notes)
    ]
    summary = notes.function(function)
    return Panel(f"function{place}", title, summary, _table(explanation, notes, "source.code", rows, code=(1,)), subtitle=summary)


def _modules(explanation: Explanation, notes: Notes) -> Panel | None:
    lines = without_source(notes.source)
    if not lines:
        return None
    rows = [row for name, line in lines for row in _rows(str(line.first), name, line, notes)]
    title = notes.say["source.modules"]
    return Panel("modules", title, title, _table(explanation, notes, "source.module", rows))


@dataclass(frozen=True)
class _Row:
    """Cells of the table, and the operations that they are about."""

    cells: tuple[str, ...]
    operations: tuple[int, ...] = ()


def _table(explanation: Explanation, notes: Notes, left: str, rows: list[_Row], code: tuple[int, ...] = ()) -> Table:
    seen = notes.say["source.seen"].format(rows=f"{notes.source.rows:,}")
    columns = (*(notes.say[key] for key in ("source.line", left, "source.computes", "source.cost")), seen)
    return Table(columns, tuple(row.cells for row in rows), code, tuple(links(explanation, row.operations) for row in rows))


def _rows(number: str, text: str, line: SourceLine | None, notes: Notes) -> Iterable[_Row]:
    """One row of the table for a line of the file, and one more for each further call."""
    if line is None:
        yield _Row((number, text, "", "", ""))
        return
    told = notes.line(line)
    for place, note in enumerate(told.notes):
        if told.left_out and place == len(told.notes) - 1:
            yield _Row(("", "", notes.say["source.more"].format(count=told.left_out), "", ""))
        left = (number, text) if place == 0 else ("", "")
        yield _Row((*left, notes.computed(note), *notes.figures(note)), note.operations)


VIEWS = {"source": source}
