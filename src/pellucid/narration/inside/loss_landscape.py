"""The loss around a network's weights, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.explanation.contents.loss_landscape import LossBetween, LossCurvature, LossLandscape

if TYPE_CHECKING:
    from pellucid.explanation import Explanation
    from pellucid.narration.voice import Voice

FLAT = 0.01  # of a rise beside the mean loss of both ends, below which a barrier is called small


def told(explanation: Explanation, voice: Voice) -> list[str]:
    """The loss at the weights, how it changes along the directions, the way to another network, and the curvature."""
    seen = explanation.content
    if not isinstance(seen, LossLandscape):
        raise TypeError(f"told() speaks of a LossLandscape, received {type(seen).__name__}")
    said = _own(explanation.provenance.model, seen, voice)
    if seen.lines:
        said += _around(seen, voice)
    if seen.between is not None:
        said += _between(seen.between, voice)
    if seen.curvature is not None:
        said += _curvature(seen.curvature, voice)
    if seen.no_curvature:
        said.append(voice.say("inside.loss_landscape.no_curvature", why=seen.no_curvature))
    return said


def _own(model: str, seen: LossLandscape, voice: Voice) -> list[str]:
    name = voice.word(f"landscape.{seen.loss}") if seen.loss in ("cross_entropy", "mse") else voice.quote(seen.loss)
    facts = {"model": model, "loss": name, "rows": f"{seen.rows:,}", "own": voice.number(float(seen.own[0]))}
    if seen.classes:
        said = [voice.say("inside.loss_landscape.own_classes", accuracy=voice.percent(float(seen.own[1])), **facts)]
    else:
        said = [voice.say("inside.loss_landscape.own", **facts)]
    if float(seen.own[0]) >= float(seen.base[0]):
        said.append(voice.say("inside.loss_landscape.guessing", base=voice.number(float(seen.base[0]))))
    if seen.left_out:
        said.append(voice.say("inside.loss_landscape.left_out", count=f"{seen.left_out:,}"))
    return said


def _around(seen: LossLandscape, voice: Voice) -> list[str]:
    path = seen.trajectory
    facts = {"still": f"{seen.still:,}", "parameters": f"{seen.parameters:,}"}
    if path is not None:
        facts |= {"count": f"{len(path.places):,}", "share": voice.percent(float(path.explained.sum()))}
        facts |= {"off": voice.number(float(np.median(path.off))), "most": voice.number(float(path.off.max()))}
        facts |= {"first": voice.number(float(path.loss[0])), "last": voice.number(float(path.loss[-1]))}
    said = [voice.say(f"inside.loss_landscape.{seen.directions}", **facts)]
    values = seen.surface.loss if seen.surface is not None else np.concatenate([line.loss for line in seen.lines])
    known = values[np.isfinite(values)]
    where = "plane" if seen.surface is not None else "lines"
    facts = {"least": voice.number(float(known.min())), "most": voice.number(float(known.max())), "points": f"{values.size:,}"}
    said.append(voice.say(f"inside.loss_landscape.{where}", **facts))
    if float(known.min()) < float(seen.own[0]) and voice.number(float(known.min())) != voice.number(float(seen.own[0])):
        said.append(voice.say("inside.loss_landscape.lower", least=voice.number(float(known.min()))))
    beyond = values.size - known.size
    if beyond:
        said.append(voice.say("inside.loss_landscape.beyond", count=f"{beyond:,}"))
    return said


def _between(way: LossBetween, voice: Voice) -> list[str]:
    barrier, ends = float(way.barrier[0]), way.line.loss[[0, -1]]
    facts = {"first": voice.number(float(ends[0])), "last": voice.number(float(ends[1])), "distance": voice.number(way.distance)}
    key = "none" if barrier <= 0 else "small" if barrier < FLAT * abs(float(ends.mean())) else "barrier"
    said = [voice.say(f"inside.loss_landscape.between_{key}", barrier=voice.number(barrier), at=voice.number(way.at), **facts)]
    if np.isfinite(way.accuracy_barrier[0]) and float(way.accuracy_barrier[0]) > 0:
        said.append(voice.say("inside.loss_landscape.between_accuracy", fall=voice.percent(float(way.accuracy_barrier[0]))))
    return said


def _curvature(curved: LossCurvature, voice: Voice) -> list[str]:
    value, residual = (voice.number(float(values[0])) for values in (curved.values, curved.residuals))
    said = [voice.say("inside.loss_landscape.sharpness", value=value, residual=residual, count=len(curved.values))]
    if curved.learning_rate is not None:
        key = "stable" if float(curved.values[0]) < 2 / curved.learning_rate else "unstable"
        said.append(voice.say(f"inside.loss_landscape.{key}", limit=voice.number(2 / curved.learning_rate)))
    if np.isfinite(curved.trace).all():
        facts = {"trace": voice.number(float(curved.trace[0])), "error": voice.number(float(curved.trace[1])), "probes": curved.probes}
        said.append(voice.say("inside.loss_landscape.trace", **facts))
    lowest, bound = (float(value) for value in curved.lowest)
    if lowest + bound < 0 and abs(lowest) > float(np.finfo(np.float32).eps) * abs(float(curved.values[0])):
        said.append(voice.say("inside.loss_landscape.saddle", lowest=voice.number(lowest)))
    if curved.how == "differences":
        said.append(voice.say("inside.loss_landscape.differences", why=curved.why))
    return said
