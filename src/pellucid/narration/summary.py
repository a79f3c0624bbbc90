"""Sentences about many rows at once: how many may be believed, what is named most often, what removal does."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pellucid.explanation import Explanation, LabelledArray, Reason
from pellucid.explanation.check import LEVELS
from pellucid.narration.decision import class_name
from pellucid.narration.facts import TOP, Removal, region, removal
from pellucid.narration.finding import Finding
from pellucid.narration.judgement import measured_scale, reason_words
from pellucid.narration.voice import Voice
from pellucid.views.reading import reduced, speaks_for


def summarized(explanation: Explanation, voice: Voice) -> list[Finding]:
    """The rows together; refused rows name nothing."""
    kept = np.array([i for i, verdict in enumerate(explanation.verdicts) if verdict.level != "refused"], int)
    found = [_counts(explanation, voice), *_right(explanation, voice), *_why(explanation, voice)]
    if explanation.provenance.method == "random":
        return found
    if not len(kept):
        return [*found, Finding(voice.say("summary.all_refused"), "refused", "reasons", (("refused", float(len(explanation))),))]
    return [*found, *_named(explanation, kept, voice), *_removed(explanation, voice)]


def _counts(explanation: Explanation, voice: Voice) -> Finding:
    counted = Counter(verdict.level for verdict in explanation.verdicts)
    levels = [voice.say(f"summary.{level}", count=counted[level]) for level in LEVELS if counted[level]]
    text = voice.say("summary.rows", count=len(explanation), levels=voice.listing(levels))
    return Finding(text, explanation.verdict, "verdict", tuple((level, float(counted[level])) for level in LEVELS))


def _right(explanation: Explanation, voice: Voice) -> list[Finding]:
    decision = explanation.decision
    if not decision.truth or (decision.predicted < 0).any():
        return []
    count = sum(truth == class_name(decision, int(k)) for truth, k in zip(decision.truth, decision.predicted, strict=True))
    text = voice.say("summary.right", count=count, total=len(decision.truth))
    return [Finding(text, "fact", "decision", (("right", float(count)), ("rows", float(len(decision.truth)))))]


def _why(explanation: Explanation, voice: Voice) -> list[Finding]:
    """How often each reason against a row was given, the commonest first."""
    counted = Counter(reason.code for verdict in explanation.verdicts for reason in {r.code: r for r in verdict.reasons}.values())
    found = []
    for code, count in counted.most_common():
        words = reason_words(Reason(code, "", None, None), voice, plain=True)
        text = voice.say("summary.reason", count=count, total=len(explanation), reason=words)
        found.append(Finding(text, "weak", "verdict", ((code, float(count)), ("rows", float(len(explanation))))))
    return found


def _named(explanation: Explanation, kept: np.ndarray, voice: Voice) -> list[Finding]:
    """Which features are most often among the strongest of the kept rows, or where in the picture most of them have their mass."""
    axes = explanation.arrays[0].axes
    if explanation.kind in ("curve", "surface"):
        return []
    rows = [explanation.arrays[0].rows(kept[i : i + 1]) for i in range(len(kept))]
    if "y" in axes and "x" in axes:
        signed = speaks_for(explanation)
        places = [place for row in rows if (place := region(row, signed=signed))]
        counted, key = Counter(voice.word(f"region.{place.index}") for place in places), "summary.regions"
    elif "feature" in axes and "time" not in axes:
        counted, key = Counter(name for row in rows for name in _top_features(row)), "summary.features"
    else:
        return []
    common = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:TOP]
    if not common:
        return []
    items = voice.listing([voice.say("summary.item", name=name, count=count) for name, count in common])
    levels = {explanation.verdicts[i].level for i in kept}
    level = "weak" if len(levels) > 1 or "weak" in levels else "unchecked" if "unchecked" in levels else "supported"
    evidence = (*((f"rows:{name}", float(count)) for name, count in common), ("rows", float(len(rows))))
    return [Finding(voice.say(key, items=items, total=len(rows)), level, "reasons", evidence)]


def _top_features(row: LabelledArray) -> list[str]:
    values, _ = reduced(row, ("feature",))
    names = values.coordinates.get("feature") or tuple(str(i) for i in range(len(values.values)))
    order = np.argsort(-np.abs(values.values), kind="stable")[:TOP]
    return [names[i] for i in order if values.values[i]]


def _removed(explanation: Explanation, voice: Voice) -> list[Finding]:
    """In how many rows removal does more than nearly all random orders, and the means over all rows measured."""
    facts = [fact for i in range(len(explanation)) if (fact := removal(explanation, i))]
    if not facts:
        return []
    below = sum(fact.after < fact.low for fact in facts)
    means = {name: _mean(facts, name) for name in ("fraction", "start", "after", "mean")}
    said = {name: voice.number(means[name]) for name in ("start", "after", "mean")}
    scale = measured_scale(explanation, voice)
    text = voice.say("summary.removal", count=below, total=len(facts), fraction=voice.percent(means["fraction"]), scale=scale, **said)
    evidence = (("rows_below_random", float(below)), ("rows", float(len(facts))), *((f"deletion:{k}", v) for k, v in means.items()))
    return [Finding(text, "supported" if below > len(facts) / 2 else "weak", "removal", evidence)]


def _mean(facts: list[Removal], name: str) -> float:
    return float(np.mean([getattr(fact, name) for fact in facts]))
