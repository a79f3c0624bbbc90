"""A network's own source, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.explanation.contents import Source

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.explanation.contents.source import SourceFunction, SourceLine
    from pellucid.narration.voice import Voice


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """How much of it is the user's own code, which line works most, what never fires, and what has no source."""
    seen = explanation.content
    if not isinstance(seen, Source):
        raise TypeError(f"told() speaks of a Source, received {type(seen).__name__}")
    lines = [(function, line) for function in seen.functions for line in function.lines]
    counts = {"operations": len(seen.operations), "lines": len(lines), "functions": len(seen.functions)}
    said = [voice.say("inside.source.size" if lines else "inside.source.none", model=explanation.provenance.model, **counts)]
    whole = sum(operation.flops for operation in seen.operations)
    own = [(function, line) for function, line in lines if any(not step.into for call in line.calls for step in call.steps)]
    if own and whole:
        function, line = max(own, key=lambda pair: _flops(pair[1]))
        share = voice.percent(min(1.0, _flops(line) / whole))
        said.append(voice.say("inside.source.work", line=line.first, function=function.name, share=share))
    if again := _most_called(lines):
        function, line = again
        said.append(voice.say("inside.source.again", line=line.first, function=function.name, calls=len(line.calls)))
    dead = sum(round(o.spread.share_dead * o.spread.units) for o in seen.operations if o.spread)
    flat = sum(round(o.spread.share_saturated * o.spread.units) for o in seen.operations if o.spread)
    if dead or flat:
        said.append(voice.say("inside.source.idle", dead=f"{dead:,}", saturated=f"{flat:,}", rows=f"{seen.rows:,}"))
    if seen.missing:
        said.append(voice.say("inside.source.missing", items=voice.listing([voice.quote(missing.name) for missing in seen.missing[:5]])))
    return said


def _flops(line: SourceLine) -> int:
    return sum(call.flops for call in line.calls)


def _most_called(lines: list[tuple[SourceFunction, SourceLine]]) -> tuple[SourceFunction, SourceLine] | None:
    found = max(lines, key=lambda pair: len(pair[1].calls), default=None)
    return found if found is not None and len(found[1].calls) > 1 else None
