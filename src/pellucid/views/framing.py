"""What surrounds the panels of an explanation: title, decision, verdict, notes, and the code that makes it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from pellucid.explanation import Check, Explanation, Reason
from pellucid.explanation.provenance import BETWEEN, IMPORTED
from pellucid.scenes import Badge, Bars, Panel, Scene
from pellucid.scenes.numbers import number, percent
from pellucid.scenes.words import Language, check_name, joined, method_name, spaced, words
from pellucid.views.reading import disagreement, is_complete, predicted_name, scale_name, target_name

_CURVES_NOTE = re.compile(
    r"(?P<players>\d+) players, in-fill: (?P<infill>.+); (?P<points>\d+) points, "
    r"(?P<orders>\d+) random orders"
    r"(?:; (?P<measured>\d+) of (?P<produced>\d+) produced tokens, each in its own order; random ones mixed of (?P<drawn>\d+))?"
)


def framed(explanation: Explanation, panels: tuple[Panel, ...], language: Language, *, columns: int = 1, title: str = "") -> Scene:
    """A scene about the one row of ``explanation``; its title asks why, unless another is given."""
    say = words(language)
    method = method_name(explanation.provenance.method, language)
    why = say["why"].format(target=target_name(explanation), method=method)
    return Scene(
        title=title or why,
        panels=panels,
        summary=joined([why, decision_words(explanation, language), *(panel.summary for panel in panels)], language),
        subtitle=decision_words(explanation, language),
        badge=badge(explanation, language),
        columns=columns,
        notes=notes(explanation, language, whiskers=any(_has_whiskers(panel) for panel in panels)),
        code=code(explanation),
        language=language,
    )


def badge(explanation: Explanation, language: Language) -> Badge:
    """The verdict of the one row, with its reasons in words."""
    verdict = explanation.verdicts[0]
    return Badge(verdict.level, words(language)[f"verdict.{verdict.level}"], tuple(reason_words(r, language) for r in verdict.reasons))


def reason_words(reason: Reason, language: Language) -> str:
    """A reason as a sentence; a code this version does not know is shown as it is."""
    template = words(language).get(f"reason.{reason.code}", f"{reason.code}: {{check}} {{value}} ({{reference}})")
    value, reference = (number(np.nan if v is None else v) for v in (reason.value, reason.reference))
    return template.format(check=check_name(reason.check, language), value=value, reference=reference)


def decision_words(explanation: Explanation, language: Language) -> str:
    """What the network said about the row, how sure it was, what is true, and the explained score."""
    say, decision = words(language), explanation.decision
    parts = []
    predicted = predicted_name(explanation)
    if predicted is not None:
        share = _probability(explanation)
        sure = percent(share, language) if share is not None else ""
        parts.append(say["says" if sure else "says_plain"].format(predicted=predicted, probability=sure))
    if decision.truth:
        parts.append(say["truth"].format(truth=decision.truth[0]))
    scale, target = scale_name(explanation, language), target_name(explanation)
    parts.append(spaced(say["score"].format(scale=scale, target=target, score=number(decision.scores[0]))))
    return joined(parts, language)


def _probability(explanation: Explanation) -> float | None:
    probabilities, index = explanation.decision.probabilities, int(explanation.decision.predicted[0])
    if probabilities is None or probabilities.values.ndim != 2:
        return None
    row = probabilities.values[0]
    if len(row) == 1:  # one probability, of the second of two classes
        return float(row[0] if index == 1 else 1 - row[0])
    return float(row[index]) if index < len(row) else None


def _has_whiskers(panel: Panel) -> bool:
    return any(isinstance(mark, Bars) and mark.low is not None for mark in panel.marks)


def notes(explanation: Explanation, language: Language, *, whiskers: bool = False) -> tuple[str, ...]:
    """What a reader must know to read the picture: baseline, layer, whiskers, how the checks removed things."""
    say, found = words(language), []
    for name, baseline in explanation.provenance.baseline.items():
        named = baseline_name(baseline, language)
        text = named if len(explanation.provenance.baseline) == 1 else f"{name}: {named}"
        key = "note.baseline" if is_complete(explanation) else "note.baseline_plain"
        score = number(explanation.decision.baseline_scores[0])
        found.append(say[key].format(baseline=text, scale=scale_name(explanation, language), score=score))
    if explanation.spread:
        found.append(say["note.spread"].format(share=percent(disagreement(explanation), language)))
    if explanation.layer:
        key = "note.layer" if explanation.kind == "layer_attribution" else "note.through"
        found.append(say[key].format(layer=explanation.layer))
    found += _ledger(explanation, language)
    if whiskers and explanation.error_kind != "none":
        found.append(say[f"note.errors.{explanation.error_kind}"])
    alike: dict[str, list[str]] = {}
    for check in explanation.checks:
        if check.note and check.role == "faithfulness":
            alike.setdefault(check.note, []).append(check_name(check.name, language))
    joiner = "、" if language == "zh-CN" else ", "
    found += [say["note.check"].format(check=joiner.join(names), note=check_note(note, language)) for note, names in alike.items()]
    return tuple(found)


def _ledger(explanation: Explanation, language: Language) -> list[str]:
    """What the score of the one row is made of, where the method kept account; what rounds to nothing is left out."""
    tables = [curve for check in explanation.checks for curve in check.curves if curve.name == "ledger"]
    if not tables:
        return []
    say, score = words(language), float(explanation.decision.scores[0])
    amounts = dict(zip(tables[0].coordinates["entry"], map(float, tables[0].values[0]), strict=True))
    least = 1e-3 * max(map(abs, amounts.values()))
    kept = {name: amount for name, amount in amounts.items() if name == "inputs" or abs(amount) > least}
    items = [say.get(f"ledger.{name}", f"{name} {{amount}}").format(amount=number(amount)) for name, amount in kept.items()]
    joiner = "；" if language == "zh-CN" else ", "  # noqa: RUF001
    return [say["note.ledger"].format(scale=scale_name(explanation, language), score=number(score), items=joiner.join(items))]


def baseline_name(name: str, language: Language) -> str:
    """A baseline or in-fill in this language; one that is not known by name keeps its own."""
    known = words(language)
    joiner = "、" if language == "zh-CN" else ", "
    return joiner.join(known.get(f"name.{one}", one) for one in name.split(BETWEEN))


def check_note(note: str, language: Language) -> str:
    """How a check removed things, in this language; checks write in English, and what is not recognized stays so."""
    found = _CURVES_NOTE.fullmatch(note)
    if not found:
        return note
    say, told = words(language), found.groupdict() | {"infill": baseline_name(found["infill"], language)}
    return say["note.curves"].format(**told) + (say["note.produced"].format(**told) if told["produced"] else "")


def random_orders(check: Check) -> int:
    """With how many random orders a check compared; 0 where its note does not say."""
    found = _CURVES_NOTE.fullmatch(check.note)
    return int(found["orders"]) if found else 0


def tokens_averaged(check: Check) -> int:
    """Over how many produced tokens a check averaged, each in an order of its own; 0 where it looked at one score."""
    found = _CURVES_NOTE.fullmatch(check.note)
    measured = int(found["measured"] or 0) if found else 0
    return measured if measured > 1 else 0


def code(explanation: Explanation) -> str:
    """The call that makes this explanation, as far as the provenance knows it; options of the method stand in a comment."""
    origin = explanation.provenance
    if explanation.content is not None:
        given = ", data" if origin.input_fingerprint else ""
        return "\n".join(("import pellucid as pl", "", f"e = pl.inspect(net, {origin.method!r}{given})", "e.plot()"))
    if origin.method.endswith(IMPORTED):
        called = origin.method.removesuffix(IMPORTED)
        return "\n".join(("import pellucid as pl", "", f"e = pl.interop.from_arrays(values, x, method={called!r}, model=net)", "e.plot()"))
    target = f"pl.{origin.target}" if re.match(r"[A-Z]\w*\(", origin.target) else origin.target
    options = ", ".join(f"{name}={value}" for name, value in origin.parameters.items() if value != "None")
    call = f"e = pl.explain(net, x, {origin.method!r}, target={target}, seed={origin.seed})"
    return "\n".join(("import pellucid as pl", "", f"{call}  # {options}" if options else call, "e.plot()"))


def links(explanation: Explanation, operations: Iterable[int]) -> str:
    """The keys that join what pictures of one network show of the same operations of its forward pass."""
    network = explanation.provenance.model_fingerprint[:8]
    return " ".join(f"{network}.{number}" for number in operations)
