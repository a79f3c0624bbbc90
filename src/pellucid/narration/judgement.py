"""Sentences about what the checks say, and what the explanation does not show."""

from __future__ import annotations

from pellucid.explanation import Check, Explanation, Reason
from pellucid.explanation.provenance import BETWEEN, IMPORTED
from pellucid.narration.facts import passed
from pellucid.narration.finding import Finding
from pellucid.narration.voice import Voice
from pellucid.views.faithfulness_curves import is_better
from pellucid.views.framing import random_orders, tokens_averaged
from pellucid.views.reading import disagreement

LEDGER_SHARE = 0.01  # smaller entries of a ledger than this share of the largest are not told
SHARES = ("seed_stability", "local_fit", "redraw")  # checks whose value is a share and is told in percent


def verdict(explanation: Explanation, voice: Voice) -> Finding:
    """The verdict of the first row with its reasons."""
    found = explanation.verdicts[0]
    reasons = voice.clauses([reason_words(reason, voice) for reason in found.reasons]) or voice.say("reason.unchecked")
    text = voice.say(f"verdict.{found.level}", reasons=reasons, method=voice.method(explanation.provenance.method))
    numbers = [(f"{r.check or r.code}:{name}", getattr(r, name)) for r in found.reasons for name in ("value", "reference")]
    evidence = tuple((name, value) for name, value in numbers if value is not None)
    return Finding(text, found.level, "verdict", evidence or (("checks", float(len(explanation.checks))),))


def reason_words(reason: Reason, voice: Voice, *, plain: bool = False) -> str:
    """A verdict's reason as a clause; ``plain`` leaves the numbers out."""
    exact, short = f"reason.{reason.code}", f"reason.{reason.code}.plain"
    numbers = [n for n in (reason.value, reason.reference) if n is not None]
    if voice.has(short) and (plain or not numbers or (len(numbers) < 2 and reason.code != "no_difference")):
        return voice.say(short)
    if not voice.has(exact):
        return voice.say("reason.other", code=reason.code)
    show = voice.percent if reason.check in SHARES else voice.number
    value, reference = ("" if n is None else show(n) for n in (reason.value, reason.reference))
    return voice.say(exact, check=voice.check(reason.check), value=value, reference=reference)


def checked(explanation: Explanation, voice: Voice) -> list[Finding]:
    """One sentence per check of the first row."""
    found = [_check(check, measured_scale(explanation, voice), voice) for check in explanation.checks]
    return found + _accounted(explanation, voice.word(f"scale.{explanation.provenance.scale}"), voice)


def measured_scale(explanation: Explanation, voice: Voice) -> str:
    """What removal is measured by: the explained score, or the mean of those of the produced tokens."""
    scale = voice.word(f"scale.{explanation.provenance.scale}")
    return voice.say("scale.produced", scale=scale) if any(map(tokens_averaged, explanation.checks)) else scale


def _accounted(explanation: Explanation, scale: str, voice: Voice) -> list[Finding]:
    """What of the first row's score is with the inputs, and with what else, from the ledger of the method."""
    tables = [curve for check in explanation.checks for curve in check.curves if curve.name == "ledger"]
    score, items, evidence = float(explanation.decision.scores[0]), [], []
    for table in tables[:1]:
        amounts = dict(zip(table.coordinates["entry"], map(float, table.values[0]), strict=True))
        telling = LEDGER_SHARE * max(abs(score), *map(abs, amounts.values()))
        for name, amount in amounts.items():
            if name == "inputs" or abs(amount) >= telling:
                share = amount / score if abs(score) >= telling else None
                said = {"amount": voice.number(amount), "entry": voice.say(f"ledger.{name}")}
                items.append(
                    voice.say("ledger.plain", **said)
                    if share is None
                    else voice.say("ledger.item", share=voice.percent(share).replace("-", "−"), **said)  # noqa: RUF001
                )
                evidence.append((f"ledger:{name}", amount))
    if not items:
        return []
    text = voice.say("ledger", scale=scale, score=voice.number(score), items=voice.clauses(items))
    return [Finding(text, "fact", "checks", (("score", score), *evidence))]


def _check(check: Check, scale: str, voice: Voice) -> Finding:
    value, reference, low, high, p = (float(a[0]) for a in (check.value, check.reference, check.low, check.high, check.p_value))
    show = voice.percent if check.name in SHARES else voice.number
    said = {"check": voice.check(check.name), "value": show(value), "reference": show(reference), "low": show(low), "high": show(high)}
    evidence = ((f"{check.name}:value", value), (f"{check.name}:reference", reference))
    if value != value or reference != reference:
        return Finding(voice.say("check.unknown", **said), "unchecked", "checks", evidence)
    if check.role == "faithfulness":
        grade, orders = _grade(check), random_orders(check)
        opening = f"faithfulness.{check.name}" if voice.has(f"faithfulness.{check.name}") else "faithfulness.other"
        text = voice.say(opening, scale=scale, **said) + voice.say(f"faithfulness.{grade}", p=voice.p_value(p), orders=orders, **said)
        evidence = (*evidence, (f"{check.name}:low", low), (f"{check.name}:high", high), (f"{check.name}:p_value", p))
        return Finding(text, "supported" if grade in ("all", "clearly") else "weak", "checks", evidence)
    key = f"{check.role}.{check.name}" if voice.has(f"{check.role}.{check.name}.holds") else check.role
    if passed(check):
        return Finding(voice.say(f"{key}.holds", **said), "supported", "checks", evidence)
    level = "refused" if check.role in ("identity", "fit", "resolution") else "weak"
    return Finding(voice.say(f"{key}.broken", **said), level, "checks", evidence)


def _grade(check: Check) -> str:
    """How surely the first row beats random order, by the thresholds of the verdict: p for chance, the two-sided interval for "clearly"."""
    if not is_better(check):
        value, reference = float(check.value[0]), float(check.reference[0])
        return "same" if (value < reference) == (check.direction == "lower") and value != reference else "worse"
    if float(check.low[0]) <= float(check.reference[0]) <= float(check.high[0]):
        return "probably"
    orders = random_orders(check)
    # the rank p-value can not be smaller than this: no random order did as well
    return "all" if orders and float(check.p_value[0]) <= 1.001 / (1 + orders) else "clearly"


def limits(explanation: Explanation, voice: Voice) -> list[Finding]:
    """What this explanation does not show: the method's own limits first, then what holds for all."""
    provenance, decision, count = explanation.provenance, explanation.decision, len(explanation)
    names = dict.fromkeys(voice.name(text) for joined in provenance.baseline.values() for text in joined.split(BETWEEN))
    baseline = voice.listing(list(names))
    name = "imported" if provenance.method.endswith(IMPORTED) else provenance.method
    key = f"limit.{name}" if voice.has(f"limit.{name}") else "limit.other"
    if explanation.spread:
        sentences = [voice.say("limit.baselines", baseline=baseline, share=voice.percent(disagreement(explanation)))]
    else:
        sentences = [voice.say(key, baseline=baseline or voice.say("unknown"), layer=explanation.layer or voice.say("unknown"))]
    if explanation.error_kind == "exact":
        own = f"limit.exact.{provenance.method}"
        sentences.append(voice.say(own if voice.has(own) else "limit.exact"))
    if decision.probabilities is not None:
        sentences.append(voice.say("limit.probability"))
    if provenance.guesses:
        sentences.append(voice.say("limit.guesses", count=len(provenance.guesses)))
    sentences.append(voice.say("limit.row") if count == 1 else voice.say("limit.rows", count=count))
    sentences.append(voice.say("limit.causal"))
    evidence = [("evaluations", float(provenance.evaluations))]
    if explanation.spread:
        evidence.append(("spread", disagreement(explanation)))
    return [Finding(sentence, "limit", "limits", tuple(evidence)) for sentence in sentences]
