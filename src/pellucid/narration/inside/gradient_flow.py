"""Where the gradient leads, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents.gradient_flow import FlowPath, GradientFlow

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.voice import Voice


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """The loss on the plane, the gradient there, and each training."""
    seen = explanation.content
    if not isinstance(seen, GradientFlow):
        raise TypeError(f"told() speaks of a GradientFlow, received {type(seen).__name__}")
    known, size = seen.loss[np.isfinite(seen.loss)], np.linalg.norm(seen.gradients, axis=1)
    facts = {"model": explanation.provenance.model, "rows": f"{seen.rows:,}", "own": voice.number(float(seen.own_loss[0]))}
    facts |= {"least": voice.number(float(known.min())), "most": voice.number(float(known.max()))}
    said = [voice.say("inside.gradient_flow.own", **facts), _plane(seen, voice)]
    finite = size[np.isfinite(size)]
    if len(finite):
        ends = {"least": voice.number(float(finite.min())), "most": voice.number(float(finite.max()))}
        said.append(voice.say("inside.gradient_flow.gradient", places=f"{len(size):,}", **ends))
    said += [_path(path, voice) for path in seen.paths]
    return said


def _plane(seen: GradientFlow, voice: Voice) -> str:
    if seen.along == "parameters":
        x, y = (voice.quote(name) for name in seen.names)
        key = "parameters" if seen.parameters > 2 else "both"
        return voice.say(f"inside.gradient_flow.{key}", x=x, y=y, others=f"{seen.parameters - 2:,}")
    return voice.say("inside.gradient_flow.trajectory", share=voice.percent(float(seen.explained.sum())))


def _path(path: FlowPath, voice: Voice) -> str:
    facts = {"name": voice.quote(path.name), "count": f"{len(path.loss):,}", "off": voice.number(float(path.off.max()))}
    ends = {"first": voice.number(float(path.loss[0])), "last": voice.number(float(path.loss[-1]))}
    return voice.say("inside.gradient_flow.path", **facts, **ends)
