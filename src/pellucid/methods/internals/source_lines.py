"""From the places where operations ran to the functions and lines of the source, and each time that a line ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Literal

from pellucid.explanation.contents.source import LineCall, LineOperation, LineStep, Missing, SourceFile, SourceFunction, SourceLine
from pellucid.methods.internals.source_files import Lines, Parsed, is_generated, plain_name, read
from pellucid.models.rules.places import Place

Trail = tuple[Place, ...]  # the lines on the way to an operation, outermost first
Key = tuple[str, str, Lines]  # of a function: path, name, lines
Sizes = Mapping[str, tuple[object, int]]  # of each parameter by name: which tensor it is, and its elements


@dataclass
class _Run:
    """One time that a line ran."""

    place: Place
    lines: Lines
    steps: list[tuple[int, str, list[int]]] = field(default_factory=list)  # the call below, the function it is of, operations

    def add(self, number: int, below: Place | None) -> None:
        """One more operation, in a function below or the line's own."""
        frame, into = (below.frame, plain_name(below.function)) if below else (-1, "")
        if self.steps and self.steps[-1][0] == frame:
            self.steps[-1][2].append(number)
        else:
            self.steps.append((frame, into, [number]))


@dataclass(frozen=True)
class Placed:
    """What of the source was found, and what was not."""

    functions: tuple[SourceFunction, ...]
    files: tuple[SourceFile, ...]
    missing: tuple[Missing, ...]
    bare: tuple[int, ...]


def placed(
    trails: Mapping[int, Trail], operations: Mapping[int, LineOperation], codes: Mapping[tuple[str, int, str], CodeType], sizes: Sizes
) -> Placed:
    """The source of everything on the trails (operation by number)."""
    parsed = {
        path: Parsed(found) for path in dict.fromkeys(p.path for t in trails.values() for p in t) if (found := read(path)) is not None
    }
    runs = _runs(trails, parsed)
    by_function: dict[Key, list[_Run]] = {}
    for run in runs:
        place = run.place
        lines = parsed[place.path].function(place.function, place.first, place.line) if place.path in parsed else (place.first, place.first)
        by_function.setdefault((place.path, plain_name(place.function), lines), []).append(run)
    functions: list[SourceFunction] = []
    missing: list[Missing] = []
    used: list[str] = []
    for (path, name, lines), own in by_function.items():
        code = codes.get((path, own[0].place.first, own[0].place.function))
        why = _why_missing(parsed.get(path), path, code)
        if why:
            numbers = dict.fromkeys(number for run in own for _, _, step in run.steps for number in step)
            missing.append(Missing(name, path, why, tuple(numbers)))
            continue
        if path not in used:
            used.append(path)
        functions.append(SourceFunction(name, used.index(path), *lines, _lines(own, operations, sizes)))
    bare = tuple(number for number, trail in trails.items() if not trail)
    return Placed(tuple(functions), tuple(parsed[path].file for path in used), tuple(missing), bare)


def _why_missing(parsed: Parsed | None, path: str, code: CodeType | None) -> Literal["", "generated", "typed", "changed", "none"]:
    if is_generated(path):
        return "generated"
    if parsed is None or parsed.tree is None:
        return "typed" if path.startswith("<") else "none"
    return "" if code is None or parsed.holds(code) else "changed"


def _runs(trails: Mapping[int, Trail], parsed: Mapping[str, Parsed]) -> list[_Run]:
    """Every time that a line ran, in order of its first operation."""
    found: list[_Run] = []
    running: list[tuple[Place, _Run]] = []
    for number, trail in trails.items():
        steps = _steps(trail, parsed)
        kept: list[tuple[Place, _Run]] = []
        going_on = True  # so far the same run of each line
        for depth, (place, lines) in enumerate(steps):
            before = running[depth] if going_on and depth < len(running) else None
            going_on = before is not None and before[1].lines == lines and _goes_on(before[0], place)
            if before is not None and going_on:
                run = before[1]
            else:
                run = _Run(place, lines)
                found.append(run)
            run.add(number, steps[depth + 1][0] if depth + 1 < len(steps) else None)
            kept.append((place, run))
        running = kept
    return found


def _steps(trail: Trail, parsed: Mapping[str, Parsed]) -> list[tuple[Place, Lines]]:
    """The places with their lines; of several on the same line of code (a comprehension, a lambda) the innermost."""
    steps = [(p, parsed[p.path].line(p.line) if p.path in parsed else (p.line, p.line)) for p in trail]
    same = [(place.path, lines) for place, lines in steps]
    return [step for i, step in enumerate(steps) if i + 1 == len(steps) or same[i] != same[i + 1]]


def _goes_on(before: Place, now: Place) -> bool:
    """Whether the line is still the same run of it: within one call of a function instructions go forward unless a loop goes back."""
    if before.frame != now.frame:
        return False
    return now.offset > before.offset or (now.offset == before.offset and now.below == before.below != -1)


def _lines(runs: Sequence[_Run], operations: Mapping[int, LineOperation], sizes: Sizes) -> tuple[SourceLine, ...]:
    by_line: dict[Lines, list[_Run]] = {}
    for run in runs:
        by_line.setdefault(run.lines, []).append(run)
    return tuple(SourceLine(*lines, tuple(_call(run, operations, sizes) for run in own)) for lines, own in sorted(by_line.items()))


def _call(run: _Run, operations: Mapping[int, LineOperation], sizes: Sizes) -> LineCall:
    mine = [operations[number] for _, _, step in run.steps for number in step]
    read_by = dict(sizes[name] for operation in mine for name in operation.parameters)
    return LineCall(
        module=run.place.module or "",
        steps=tuple(LineStep(into, tuple(step)) for _, into, step in run.steps),
        size=sum(read_by.values()),
        flops=sum(operation.flops for operation in mine),
        seconds=sum(operation.seconds for operation in mine),
    )
