"""What is to be said beside a line of source, in words: the terminal, the page and the comments of a copy say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pellucid.explanation.contents import Source
from pellucid.explanation.contents.source import LineCall, LineOperation, LineStep, SourceFunction, SourceLine
from pellucid.scenes.numbers import number, percent, short
from pellucid.scenes.operations_chinese import OPERATIONS as CHINESE
from pellucid.scenes.operations_english import OPERATIONS as ENGLISH
from pellucid.scenes.words import Language, words

SHOWN = 6  # calls of a line that are told; of more the first and the last
SPELLED = 8  # operations of one step that are told one by one; of more the modules in which they ran
KEPT_TOGETHER = ",\u00a0"  # no line ends within a shape
ROUNDING = 1e-6  # of the largest value: a mean below is zero, but for rounding
LISTED = 6  # operations named for such a module

_PHRASES = {"en": ENGLISH, "zh-CN": CHINESE}
_ONE = re.compile(r"(?<![\d.,])(1 (?:channel|filter|value|weighted sum|group|head|token|row))s\b")  # there is one of
_DIMENSIONS = re.compile(r"(?<=conv|pool)[123]d(_with_indices)?$|(?<=transpose)[123]d$|(?<=dropout)[123]d$")
# operations that are told in the same words
_ALIKE = {
    **dict.fromkeys(("mm", "bmm", "mv", "dot", "inner", "addmm", "addbmm", "baddbmm", "addmv", "multi_dot"), "matmul"),
    **dict.fromkeys(("reshape", "view_as", "reshape_as", "unflatten"), "view"),
    **dict.fromkeys(("permute", "movedim", "t", "adjoint"), "transpose"),
    **dict.fromkeys(("select", "narrow", "index_select", "gather", "take", "unbind", "masked_select", "diagonal"), "getitem"),
    **dict.fromkeys(("chunk", "split_with_sizes", "tensor_split"), "split"),
    **dict.fromkeys(("expand_as", "repeat", "tile", "broadcast_to", "repeat_interleave"), "expand"),
    **dict.fromkeys(("type", "float", "double", "half", "bfloat16", "long", "type_as", "cpu", "cuda"), "to"),
    **dict.fromkeys(("alpha_dropout", "feature_alpha_dropout"), "dropout"),
    **dict.fromkeys(("rnn_tanh", "rnn_relu"), "rnn"),
    **dict.fromkeys(("rnn_tanh_cell", "rnn_relu_cell"), "rnn_cell"),
    **dict.fromkeys(("clamp_min", "clamp_max"), "clamp"),
    **dict.fromkeys(("hstack", "vstack", "dstack"), "stack"),
    "amax": "max",
    "amin": "min",
    "vector_norm": "norm",
    "upsample": "interpolate",
}  # fmt: skip

_BRIEF = {"multi_head_attention_forward": "attention", "scaled_dot_product_attention": "attention"}


@dataclass(frozen=True)
class Note:
    """One time that a line ran, in words. What there is nothing to say of is empty.

    Attributes:
        call: which time, and as which it computes the same; "" where it ran once.
        like: the number of that call, 0 if there is none before.
        computes: one text for each step.
        shape: of what comes out, ``(rows, 8)``.
        parameters, flops, time, values, units, relevance: with their units.
        operations: numbers of those that ran in the call.
    """

    call: str
    like: int
    computes: tuple[str, ...]
    shape: str
    parameters: str
    flops: str
    time: str
    values: str
    units: str
    relevance: str
    operations: tuple[int, ...]


@dataclass(frozen=True)
class LineNotes:
    """What is to be said beside a line; ``left_out`` calls of it, all but the last, are not told."""

    line: SourceLine
    notes: tuple[Note, ...]
    left_out: int


class Notes:
    """Makes the notes of one inspection in one language."""

    def __init__(self, source: Source, language: Language, *, times: bool = True) -> None:
        self.source, self.times = source, times
        self.language: Language = language
        self.say = words(language)
        self.by_number = {operation.number: operation for operation in source.operations}

    def line(self, line: SourceLine) -> LineNotes:
        """The notes of each call of a line, or of the first and the last."""
        calls = list(enumerate(line.calls, 1))
        shown = calls if len(calls) <= SHOWN else [*calls[: SHOWN - 1], calls[-1]]
        known: dict[tuple[Any, ...], int] = {}
        made = [self._note(call, place, len(calls), known) for place, call in shown]
        return LineNotes(line, tuple(made), len(calls) - len(shown))

    def computed(self, note: Note) -> str:
        """Which call it is, what it computes, unless another before did the same, and what comes out."""
        told = "" if note.like else self.say["source.then"].join(note.computes)
        text = self.say["source.colon"].join(part for part in (note.call, told) if part)
        return self.say["source.gives"].format(text=text, shape=note.shape)

    def figures(self, note: Note) -> tuple[str, str]:
        """What it costs, and what its values are."""
        both = self.say["source.and"]
        cost, seen = (note.parameters, note.flops, note.time), (note.values, note.units, note.relevance)
        return both.join(text for text in cost if text), both.join(text for text in seen if text)

    def function(self, function: SourceFunction) -> str:
        """How often a function ran, in which modules, and on how many rows its values were seen."""
        own = dict.fromkeys(call.module for line in function.lines for call in line.calls)
        named = [path for path in own if path]
        where = self._listed(named[:4]) + (" …" if len(named) > 4 else "")
        key = "source.function" if not named else "source.function.in"
        return self.say[key].format(name=function.name, modules=where, rows=f"{self.source.rows:,}")

    def _note(self, call: LineCall, place: int, count: int, known: dict[tuple[Any, ...], int]) -> Note:
        last = self.by_number[call.steps[-1].operations[-1]]
        computes = tuple(text for steps in _repeated(call.steps) for text in self._step(steps, call.module))
        # of several operations the same ones of other sizes are said to be alike
        first = known.setdefault(computes if len(computes) == 1 else tuple((s.into, self._names(s)) for s in call.steps), place)
        key = "source.call.in" if call.module else "source.call"
        which = self.say[key].format(number=place, count=count, module=call.module) if count > 1 else ""
        return Note(
            call=which if first == place else self.say["source.like"].format(call=which, number=first),
            like=first if first != place else 0,
            computes=computes,
            shape=self._shape(last),
            parameters=self.say["source.parameters"].format(count=f"{call.size:,}") if call.size else "",
            flops=self.say["source.flops"].format(count=_count(call.flops)) if call.flops else "",
            time=duration(call.seconds) if self.times else "",
            values=self._values(last),
            units=self._units(o for step in call.steps if not step.into for o in map(self.by_number.__getitem__, step.operations)),
            relevance=""
            if last.relevance is None
            else self.say["source.relevance"].format(share=percent(last.relevance, self.language, digits=2)),
            operations=tuple(number for step in call.steps for number in step.operations),
        )

    def _names(self, step: LineStep) -> tuple[str, ...]:
        return tuple(self.by_number[number].name for number in step.operations) if not step.into else ()

    def _step(self, steps: list[LineStep], own: str) -> list[str]:
        """A step, or calls of one function that follow one another."""
        mine = [self.by_number[n] for step in steps for n in step.operations]
        if steps[0].into:
            key = "source.into" if len(steps) == 1 else "source.into.times"
            return [self.say[key].format(function=steps[0].into, count=len(mine), times=len(steps))]
        if len(mine) <= SPELLED:
            return [self._in_module(operation, own) for operation in mine]
        groups = _grouped(mine)
        return [self._in_module(group[0], own) if len(group) == 1 else self._group(path, group) for path, group in groups]

    def _in_module(self, operation: LineOperation, own: str) -> str:
        """The operation's words, and the module that it is of, if that is another than the one whose code this is."""
        text = phrase(operation, self.language)
        inner = operation.module.removeprefix(f"{own}.") if own else operation.module
        return self.say["source.of"].format(text=text, module=inner) if inner and operation.module != own else text

    def _group(self, path: str, group: list[LineOperation]) -> str:
        telling = [o for o in group if o.kind != "structural" and o.facts.get("acts") != "no"] or group
        kinds = [_BRIEF.get(operation.name, operation.name) for operation in telling]
        listed = self._listed(kinds[:LISTED]) + (" …" if len(kinds) > LISTED else "")
        return self.say["source.group"].format(module=path, type=self.source.modules.get(path, ""), count=len(group), list=listed)

    def _shape(self, operation: LineOperation) -> str:
        if not operation.shape and operation.rows < 0:
            return self.say["source.scalar"]
        rows = self.say["source.rows"] + (f"·{operation.each}" if operation.each > 1 else "")
        sizes = [rows if axis == operation.rows else f"{size:,}" for axis, size in enumerate(operation.shape)]
        return f"({KEPT_TOGETHER.join(sizes)})"

    def _values(self, operation: LineOperation) -> str:
        seen = operation.spread
        if seen is None:
            return ""
        widest = max(abs(seen.low), abs(seen.high))
        mean = seen.mean if abs(seen.mean) > ROUNDING * widest else 0.0
        numbers = {"mean": mean, "deviation": seen.deviation, "low": seen.low, "high": seen.high}
        text = self.say["source.values"].format(**{name: number(value) for name, value in numbers.items()})
        bad = self.say["source.not_finite"].format(count=f"{seen.not_finite:,}") if seen.not_finite else ""
        return self.say["source.and"].join(part for part in (text, bad) if part)

    def _units(self, operations: Iterable[LineOperation]) -> str:
        """Dead and saturated units of the activation functions; of several those that have any, each with its module."""
        acting = [(operation, operation.spread) for operation in operations if operation.spread and operation.spread.units]
        found: list[str] = []
        for operation, seen in acting:
            for share, key in ((seen.share_dead, "source.dead"), (seen.share_saturated, "source.saturated")):
                if share:
                    text = self.say[key].format(count=f"{round(share * seen.units):,}", units=f"{seen.units:,}")
                    named = len(acting) > 1 and operation.module
                    found.append(self.say["source.of"].format(text=text, module=operation.module) if named else text)
        if acting and not found:
            found.append(self.say["source.awake"].format(units=f"{sum(seen.units for _, seen in acting):,}"))
        return self.say["source.and"].join(found)

    def _listed(self, names: list[str]) -> str:
        return ("、" if self.language == "zh-CN" else ", ").join(names)


def phrase(operation: LineOperation, language: Language) -> str:
    """What an operation computes, in words."""
    known = _PHRASES[language]
    plain = _DIMENSIONS.sub("", operation.name)
    base = _ALIKE.get(plain, plain)
    for key in (*(f"{base}.{variant}" for variant in _variants(operation)), base):
        if key in known:
            said = known[key].format(**operation.facts)
            return _ONE.sub(r"\1", said) if language == "en" else said
    return known[f"kind:{operation.kind}"].format(operation=operation.name)


def _repeated(steps: tuple[LineStep, ...]) -> list[list[LineStep]]:
    """Calls of one function that follow one another together, everything else alone."""
    groups: list[list[LineStep]] = []
    for step in steps:
        if groups and step.into and groups[-1][0].into == step.into:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _variants(operation: LineOperation) -> list[str]:
    about = operation.facts
    found = ["number"] if "number" in about else []
    if about.get("second") == "fixed":
        found.append("fixed")
    if about.get("acts") == "no":
        found.append("no")
    if about.get("groups", "1") != "1":
        found.append("groups")
    if about.get("axis"):
        found.append("axis")
    return found


def _grouped(operations: list[LineOperation]) -> list[tuple[str, list[LineOperation]]]:
    """The operations by module, opened as deep as leaves at most :data:`SPELLED` groups."""
    deepest = max(operation.module.count(".") + 1 for operation in operations)
    for depth in range(deepest, 0, -1):
        groups: list[tuple[str, list[LineOperation]]] = []
        for operation in operations:
            path = ".".join(operation.module.split(".")[:depth])
            if groups and groups[-1][0] == path:
                groups[-1][1].append(operation)
            else:
                groups.append((path, [operation]))
        if len(groups) <= SPELLED:
            return groups
    return [(operations[0].module.split(".")[0], operations)]


def _count(value: int) -> str:
    return short(value) if value >= 1000 else str(value)


def duration(seconds: float) -> str:
    """A time with a unit that suits it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= 0.9995 * size:
            return f"{number(seconds / size, 2)}\u00a0{unit}"
    return f"{number(seconds / 1e-9, 2)}\u00a0ns"
