"""Sentences about what the network decided, and whether the network is any good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from pellucid.explanation import Decision, Explanation
from pellucid.explanation.provenance import IMPORTED
from pellucid.narration.finding import Finding
from pellucid.narration.voice import Voice
from pellucid.views.reading import predicted_name, target_name

CLOSE, FAR = 0.1, 0.5  # differences of probability that are told as "only just" and "far" ahead
SUM_TOLERANCE = 1e-3  # probabilities that do not add up to one belong to labels that do not exclude each other


def decided(explanation: Explanation, voice: Voice) -> list[Finding]:
    """What the network said about the first row, whether that is true, and what is explained if it is something else."""
    decision = explanation.decision
    name = predicted_name(explanation)
    found = _value(explanation, voice) if name is None else [_class(decision, name, voice)]
    found += _truth(decision, name, voice)
    target = int(decision.target_class[0])
    if name is not None and target != int(decision.predicted[0]):
        found.append(_other(explanation, voice))
    return found


def _value(explanation: Explanation, voice: Voice) -> list[Finding]:
    """The explained value; nothing where it is not known, as of values that another tool computed."""
    score = float(explanation.decision.scores[0])
    if score != score and explanation.provenance.method.endswith(IMPORTED):
        return []
    text = voice.say("decision.value", name=voice.quote(target_name(explanation)), value=voice.number(score))
    return [Finding(text, "fact", "decision", (("score", score),))]


def _class(decision: Decision, name: str, voice: Voice) -> Finding:
    shares = _probabilities(decision)
    index = int(decision.predicted[0])
    if shares is None or index >= len(shares):
        return Finding(voice.say("decision.class", name=voice.quote(name)), "fact", "decision", (("predicted", float(index)),))
    first = float(shares[index])
    evidence = (("probability", first),)
    if len(shares) < 2 or abs(float(shares.sum()) - 1) > SUM_TOLERANCE:
        return Finding(voice.say("decision.label", name=voice.quote(name), p=voice.percent(first)), "fact", "decision", evidence)
    others = np.where(np.arange(len(shares)) == index, -np.inf, shares)
    second = int(others.argmax())
    lead = first - float(shares[second])
    key = "decision.only_just" if lead < CLOSE else "decision.far" if lead >= FAR else "decision.ahead"
    runner_up = float(shares[second])
    names = {"name": voice.quote(name), "second": voice.quote(class_name(decision, second))}
    text = voice.say(key, **names, p=voice.percent(first), p2=voice.percent(runner_up))
    return Finding(text, "fact", "decision", (*evidence, ("runner_up_probability", runner_up)))


def _truth(decision: Decision, name: str | None, voice: Voice) -> list[Finding]:
    if not decision.truth:
        return []
    truth = decision.truth[0]
    if name is None:
        score = float(decision.scores[0])
        return [Finding(voice.say("decision.truth", truth=voice.quote(truth)), "fact", "decision", (("score", score),))]
    right = truth == name
    text = voice.say("decision.right" if right else "decision.wrong", truth=voice.quote(truth))
    return [Finding(text, "fact", "decision", (("right", float(right)),))]


def _other(explanation: Explanation, voice: Voice) -> Finding:
    decision = explanation.decision
    shares, target = _probabilities(decision), int(decision.target_class[0])
    name = voice.quote(target_name(explanation))
    if shares is not None and 0 <= target < len(shares):
        p = float(shares[target])
        return Finding(voice.say("decision.other", name=name, p=voice.percent(p)), "fact", "decision", (("target_probability", p),))
    score = float(decision.scores[0])
    return Finding(voice.say("decision.other.score", name=name, value=voice.number(score)), "fact", "decision", (("score", score),))


def _probabilities(decision: Decision) -> np.ndarray | None:
    if decision.probabilities is None:
        return None
    shares = np.asarray(decision.probabilities.values, float)[0]
    return shares if np.isfinite(shares).all() else None


def class_name(decision: Decision, index: int) -> str:
    """The name of a class, or its index where it has none."""
    return decision.class_names[index] if 0 <= index < len(decision.class_names) else str(index)


class Metric(Protocol):
    """A measured quantity with its 95 % interval."""

    @property
    def value(self) -> float: ...  # noqa: D102
    @property
    def low(self) -> float: ...  # noqa: D102
    @property
    def high(self) -> float: ...  # noqa: D102


class Quality(Protocol):
    """What narration needs to know of an evaluation of the network."""

    @property
    def better_than_base_rate(self) -> bool:
        """Whether the network does better than always giving the commonest answer."""
        ...

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The measured quantities: among them ``accuracy`` for classes, ``rmse`` for values."""
        ...

    @property
    def base_rate(self) -> Metric:
        """The same quantity when the commonest class, or the mean, is always given."""
        ...


def guessing(quality: Quality | None, voice: Voice) -> list[Finding]:
    """That the network is no better than guessing, where it is not; otherwise nothing."""
    if quality is None or quality.better_than_base_rate:
        return []
    name = "accuracy" if "accuracy" in quality.metrics else "rmse"
    if name in quality.metrics:
        metric, show = quality.metrics[name], voice.percent if name == "accuracy" else voice.number
        numbers = {"value": metric.value, "low": metric.low, "high": metric.high, "base": quality.base_rate.value}
        text = voice.say("quality.guessing", metric=voice.say(f"metric.{name}"), **{key: show(n) for key, n in numbers.items()})
        return [Finding(text, "refused", "quality", tuple((f"{name}_{key}", float(n)) for key, n in numbers.items()))]
    return [Finding(voice.say("quality.guessing.plain"), "refused", "quality", (("better_than_base_rate", 0.0),))]
