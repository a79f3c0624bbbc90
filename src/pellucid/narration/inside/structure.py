"""What a network is made of, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.explanation.contents import Structure

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.voice import Voice


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """How large it is, where its parameters and its work are, and what it did not use."""
    seen = explanation.content
    if not isinstance(seen, Structure):
        raise TypeError(f"told() speaks of a Structure, received {type(seen).__name__}")
    whole = seen.modules[0]
    size = {"parameters": f"{whole.parameters:,}", "trainable": f"{whole.trainable:,}", "flops": f"{whole.flops:,}"}
    said = [voice.say("inside.structure.size", model=explanation.provenance.model, operations=len(seen.operations), **size)]
    leaves = [module for module in seen.modules if module.own]
    if leaves and whole.parameters:
        most = max(leaves, key=lambda module: module.own)
        share = voice.percent(most.own / whole.parameters)
        said.append(voice.say("inside.structure.most", path=most.path or most.type, own=f"{most.own:,}", share=share))
    if whole.flops:
        busy = max((m for m in seen.modules if m.own and m.flops), key=lambda module: module.flops, default=whole)
        share = voice.percent(busy.flops / whole.flops)
        said.append(voice.say("inside.structure.work", path=busy.path or busy.type, share=share))
    idle = [module.path for module in leaves if not module.calls and not any(m.calls for m in seen.modules if _holds(m.path, module.path))]
    if idle:
        said.append(voice.say("inside.structure.idle", count=len(idle), items=voice.listing([voice.quote(path) for path in idle[:5]])))
    again = [module for module in leaves if module.calls > 1]
    if again:
        items = voice.listing([voice.say("inside.structure.calls", path=module.path, calls=module.calls) for module in again[:5]])
        said.append(voice.say("inside.structure.again", items=items))
    return said


def _holds(outer: str, inner: str) -> bool:
    """Whether a module lies inside another that is not the network itself."""
    return bool(outer) and inner.startswith(f"{outer}.")
