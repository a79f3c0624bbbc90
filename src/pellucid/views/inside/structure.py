"""What a network is made of: blocks in order of execution with what joins them, and the layers as a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pellucid.explanation import Explanation
from pellucid.explanation.contents import Structure
from pellucid.explanation.contents.structure import Operation
from pellucid.scenes import Axis, Bars, LegendEntry, Lines, Panel, Points, Scene, Table
from pellucid.scenes.numbers import percent, short
from pellucid.scenes.words import Language, words
from pellucid.views.framing import code, links
from pellucid.views.inside.names import NARROW, tail
from pellucid.views.inside.structure_neurons import neurons
from pellucid.views.signed_bars import category_axis

MOST = 36  # blocks that are drawn; of a deeper network whole modules are one block
STEPS = 25  # of an arc
REACH = 0.92  # of the axis: the widest arc


@dataclass(frozen=True)
class Block:
    """Neighboring operations of one module, drawn as one; ``type`` is the module's class, "" for a single operation."""

    name: str
    type: str
    operations: tuple[Operation, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it gives, without the rows."""
        return self.operations[-1].shape[1:]

    @property
    def flops(self) -> int:
        """For one row."""
        return sum(operation.flops for operation in self.operations)


def structure(explanation: Explanation, *, language: Language = "en") -> Scene:
    """The network from input to output: blocks of operations from top to bottom, arcs where one is used again further down, and its FLOPs.

    Modules are folded until at most 36 blocks are left; the layer table has them all.
    """
    seen, say = _content(explanation), words(language)
    blocks, depth = folded(seen)
    whole = seen.modules[0]
    size = {"parameters": f"{whole.parameters:,}", "flops": short(whole.flops), "model": explanation.provenance.model}
    title = say["structure.title"].format(**size)
    folding = say["structure.folded"].format(blocks=len(blocks), operations=len(seen.operations), depth=depth)
    names = [say["structure.input"], *(tail(block.name, NARROW) for block in blocks)]
    edges = joints(blocks)
    long = [(a, b) for a, b in edges if b - a > 1]
    summary = say["structure.summary"].format(blocks=len(blocks), skips=len(long), **size)
    flow = Panel(
        "flow",
        say["structure.flow" if long else "structure.chain"].format(skips=len(long)),
        summary,
        _table(seen, language),
        _marks(explanation, blocks, edges, language),
        x=Axis("", (-0.35, 1.0), hidden=True),
        y=category_axis(names, say["structure.block"]),
        legend=_legend(blocks, language),
    )
    return Scene(
        title,
        (flow, _cost(blocks, seen, language)),
        summary,
        subtitle=folding if len(blocks) < len(seen.operations) else say["structure.whole"].format(operations=len(seen.operations)),
        columns=2,
        code=code(explanation),
        language=language,
    )


def layers(explanation: Explanation, *, language: Language = "en") -> Scene:
    """Every module: class, output shape, parameters, FLOPs, element-wise work, memory of its outputs, time, calls."""
    seen, say = _content(explanation), words(language)
    whole = seen.modules[0]
    finding = say["layers.finding"].format(count=len(seen.modules) - 1, parameters=f"{whole.parameters:,}")
    most = max(seen.modules, key=lambda module: module.own)
    numbers = {"count": len(seen.modules) - 1, "parameters": f"{whole.parameters:,}"}
    summary = say["layers.summary"].format(**numbers, name=most.path or most.type, most=f"{most.own:,}")
    return Scene(
        say["layers.title"],
        (Panel("layers", finding, summary, _table(seen, language)),),
        summary,
        notes=(say["layers.note"].format(rows=seen.rows),),
        code=code(explanation),
        language=language,
    )


def folded(seen: Structure) -> tuple[list[Block], int]:
    """The network as at most :data:`MOST` blocks, as finely as that allows, and how deep modules are opened."""
    deepest = max((module.depth for module in seen.modules), default=0)
    for depth in range(deepest, 0, -1):
        blocks = _blocks(seen, depth)
        if len(blocks) <= MOST:
            return blocks, depth
    return _blocks(seen, 1)[:MOST], 1


def joints(blocks: list[Block]) -> list[tuple[int, int]]:
    """Which block takes what which other gives: places in the drawing, the input being 0."""
    made = {operation.number: place for place, block in enumerate(blocks, 1) for operation in block.operations}
    found = {
        (0 if number < 0 else made[number], place)
        for place, block in enumerate(blocks, 1)
        for operation in block.operations
        for number in operation.arguments
        if number < 0 or number in made
    }
    return sorted((a, b) for a, b in found if a < b)


def _blocks(seen: Structure, depth: int) -> list[Block]:
    types = {module.path: module.type for module in seen.modules}
    groups: list[tuple[tuple[str, int], list[Operation]]] = []
    for operation in seen.operations:
        path = ".".join(operation.module.split(".")[:depth]) if operation.module else ""
        inner = path != "" and (path != operation.module or types.get(path) is not None)
        key = (path, operation.call if path == operation.module else 0) if inner else (f"#{operation.number}", 0)
        if groups and groups[-1][0] == key:
            groups[-1][1].append(operation)
        else:
            groups.append((key, [operation]))
    return [_block(key[0], types, found) for key, found in groups]


def _block(path: str, types: dict[str, str], found: list[Operation]) -> Block:
    """Operations of one module by its path; what a module computes between its own modules, and the network itself, by the operation."""
    if path.startswith("#"):
        return Block(found[0].name, "", tuple(found))
    between = any(other.startswith(f"{path}.") for other in types) and len({operation.name for operation in found}) == 1
    return Block(f"{path}: {found[0].name}" if between else path, types.get(path, ""), tuple(found))


def _marks(explanation: Explanation, blocks: list[Block], edges: list[tuple[int, int]], language: Language) -> tuple[Lines | Points, ...]:
    say = words(language)
    near = [(a, b) for a, b in edges if b - a == 1]
    far = [(a, b) for a, b in edges if b - a > 1]
    marks: list[Lines | Points] = []
    if near:
        marks.append(Lines("", np.zeros((len(near), 2)), np.array(near, float), ("line",)))
    if far:
        t = np.linspace(0, 1, STEPS)
        spans = np.array([b - a for a, b in far], float)
        wide = REACH * np.sqrt(spans / spans.max())
        y = np.array([a for a, _ in far], float)[:, None] + spans[:, None] * t
        marks.append(Lines(say["structure.skip"], wide[:, None] * np.sin(np.pi * t), y, ("series2",)))
    for role, key in ROLES.items():
        places = [place for place, block in enumerate(blocks, 1) if _role(block) == role]
        places = [0, *places] if role == "muted" else places
        if places:
            labels = tuple(_label(blocks[place - 1], language) if place else say["structure.input"] for place in places)
            made = (blocks[place - 1].operations if place else () for place in places)
            keys = tuple(links(explanation, (operation.number for operation in operations)) for operations in made)
            marks.append(Points(say[key], np.zeros(len(places)), np.array(places, float), role, 4.5, labels, links=keys))
    return tuple(marks)


ROLES = {"series1": "structure.weighted", "series3": "structure.joining", "muted": "structure.plain"}


def _role(block: Block) -> str:
    if any(operation.parameters for operation in block.operations):
        return "series1"
    return "series3" if any(len(operation.arguments) > 1 for operation in block.operations) else "muted"


def _legend(blocks: list[Block], language: Language) -> tuple[LegendEntry, ...]:
    say, there = words(language), {_role(block) for block in blocks}
    return tuple(LegendEntry(say[key], role, "point") for role, key in ROLES.items() if role in there or role == "muted")


def _label(block: Block, language: Language) -> str:
    parameters = sum(operation.parameters for operation in block.operations)
    return words(language)["structure.label"].format(
        name=f"{block.name} ({block.type})" if block.type else block.name,
        shape=_shape(block.shape),
        parameters=f"{parameters:,}",
        flops=short(block.flops),
    )


def _cost(blocks: list[Block], seen: Structure, language: Language) -> Panel:
    """What each block gives, as the names of places, and its share of the work as bars."""
    say, whole = words(language), seen.modules[0]
    names = [_shape(seen.inputs[0][1:]), *(_shape(block.shape) for block in blocks)]
    shares = np.array([0.0, *(block.flops / max(whole.flops, 1) for block in blocks)])
    most = int(shares.argmax())
    labels = ("", *(_label(block, language) for block in blocks))
    summary = say["structure.cost"].format(name=blocks[most - 1].name if most else "", share=percent(float(shares[most]), language))
    top = max(float(shares.max()) * 100, 1.0)
    return Panel(
        "cost",
        summary,
        summary,
        Table(
            (say["layer"], say["layer.flops"]),
            tuple((name, float(block.flops)) for name, block in zip((block.name for block in blocks), blocks, strict=True)),
        ),
        (Bars("FLOPs", np.arange(len(names), dtype=float), np.zeros(len(names)), 100 * shares, ("series1",) * len(names), labels),),
        x=Axis(say["structure.share"], (0.0, top * 1.05)),
        y=category_axis(names, say["layer.shape"]),
    )


def _table(seen: Structure, language: Language) -> Table:
    say = words(language)
    heads = ("layer", "layer.type", "layer.shape", "layer.parameters", "layer.flops", "layer.elements", "layer.memory", "layer.time")
    rows = tuple(
        (
            "  " * module.depth + (module.path.rpartition(".")[2] or "–"),  # noqa: RUF001 (a dash stands for the network itself)
            module.type + (f" x {module.calls}" if module.calls > 1 else ""),
            _shape(module.outputs[0][1:]) if module.outputs else say["layer.idle"],
            f"{module.parameters:,}" if module.parameters else "",
            f"{module.flops:,}" if module.flops else "",
            f"{module.elements:,}" if module.elements else "",
            _bytes(module.bytes / seen.rows) if module.bytes else "",
            f"{module.seconds * 1e3:.2f}" if module.calls else "",
        )
        for module in seen.modules
    )
    return Table(tuple(say[head] for head in heads), rows)


def _bytes(count: float) -> str:
    text = short(count)
    return f"{text}B" if text[-1].isalpha() else f"{text}\u00a0B"


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "1"


def _content(explanation: Explanation) -> Structure:
    if not isinstance(explanation.content, Structure):
        raise TypeError(f"This picture shows a Structure, received {type(explanation.content).__name__}")
    return explanation.content


VIEWS = {"structure": structure, "layers": layers, "neurons": neurons}


def shows(view: str, explanation: Explanation) -> bool:
    """Whether there is something for a picture to show."""
    return view != "neurons" or _content(explanation).neurons is not None
