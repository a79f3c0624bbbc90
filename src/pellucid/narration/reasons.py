"""Sentences about what carried a decision, and what happens without it."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np

from pellucid.explanation import Explanation, LabelledArray
from pellucid.explanation.provenance import Caution, Meaning
from pellucid.narration.facts import TOP, Place, input_shares, period, region, removal
from pellucid.narration.finding import Finding
from pellucid.narration.judgement import measured_scale
from pellucid.narration.voice import Voice
from pellucid.views.alignment_grid import grid
from pellucid.views.entries import Entry, element_entries, feature_entries, half_widths
from pellucid.views.reading import first_sample, reduced, shown_input, speaks_for, target_name

FINE = 32  # maps with at least this many cells a side are not called coarse


def hedge(explanation: Explanation) -> Literal["supported", "unstable", "cautioned", "weak", "unchecked"]:
    """How what the method names may be spoken of, by the first row's verdict."""
    verdict = explanation.verdicts[0]
    if verdict.level in ("supported", "unchecked"):
        return "supported" if verdict.level == "supported" else "unchecked"
    codes = {reason.code for reason in verdict.reasons}
    if codes and codes <= set(get_args(Caution)):
        return "cautioned"
    return "unstable" if codes == {"unstable_over_seeds"} else "weak"


def carried(explanation: Explanation, voice: Voice) -> list[Finding]:
    """What the method names for the first row, input by input; to be called for rows that are not refused."""
    found = _inputs(explanation, voice) if len(explanation.arrays) > 1 else []
    for index, array in enumerate(explanation.arrays):
        axes = array.axes
        if "y" in axes and "x" in axes:
            found += _where(explanation, index, voice)
        elif "time" in axes:
            found += _when(explanation, array, voice)
        else:
            found += _strongest(explanation, index, voice)
    return found


def _level(explanation: Explanation) -> Literal["supported", "weak", "unchecked"]:
    said = hedge(explanation)
    return "weak" if said in ("unstable", "cautioned") else said


def _inputs(explanation: Explanation, voice: Voice) -> list[Finding]:
    shares = input_shares(explanation)
    names = [array.name for array in explanation.arrays]
    items = [voice.say("inputs.share", share=voice.percent(s), name=voice.quote(n)) for s, n in zip(shares, names, strict=True)]
    evidence = tuple((f"share:{n}", s) for s, n in zip(shares, names, strict=True))
    return [Finding(voice.say("inputs.shares", items=voice.clauses(items)), _level(explanation), "reasons", evidence)]


def _entries(explanation: Explanation, index: int, voice: Voice) -> tuple[list[Entry], int, float]:
    """The values of the first row under the names a user knows them by (a feature with its cell, a token, a pair of tokens, a unit).

    All of them or at least the strongest; then how many there are, and the sum of all |values|.
    """
    array = explanation.arrays[index]
    if "produced" in array.axes:
        found = _pairs(explanation, index, voice)
        return found, len(found), sum(abs(entry.value) for entry in found)
    if "feature" in array.axes or "token" in array.axes:
        found = feature_entries(explanation, index, voice.language)[0] if "feature" in array.axes else _tokens(explanation, index, voice)
        return found, len(found), sum(abs(entry.value) for entry in found)
    found, count = element_entries(array, TOP, voice.language)
    return found[:TOP], count, float(np.abs(reduced(array, array.axes)[0].values).sum())


def _pairs(explanation: Explanation, index: int, voice: Voice) -> list[Entry]:
    """What each produced token has from each source token."""
    values, *sides = grid(explanation, index)
    down, across = (_told_apart(side, voice) for side in sides)
    return [
        Entry(voice.say("item.pair", target=target, origin=origin), float(value))
        for target, row in zip(down, values, strict=True)
        for origin, value in zip(across, row, strict=True)
    ]


def _told_apart(texts: tuple[str, ...], voice: Voice) -> list[str]:
    """Tokens as quoted, with their place where the same one comes twice."""
    return [
        voice.say("item.place", name=voice.quote(text), position=i + 1) if texts.count(text) > 1 else voice.quote(text)
        for i, text in enumerate(texts)
    ]


def _tokens(explanation: Explanation, index: int, voice: Voice) -> list[Entry]:
    values, _ = reduced(explanation.arrays[index], ("token",))
    errors = half_widths(explanation, index, ("token",))
    shown = shown_input(explanation, index)
    texts: tuple[str, ...] = ()
    if shown is not None and shown.cells:
        texts = shown.cells[0]
    elif shown is not None:
        texts = first_sample(shown.data).coordinates.get("token", ())
    texts = texts or values.coordinates.get("token", ())
    kept = np.ones(values.values.shape, bool) if values.valid is None else values.valid
    labels = [voice.quote(texts[i]) if i < len(texts) else voice.say("item.token", position=i + 1) for i in range(len(values.values))]
    return [Entry(label, float(v), float(e)) for label, v, e, k in zip(labels, values.values, errors, kept, strict=True) if k]


def _strongest(explanation: Explanation, index: int, voice: Voice) -> list[Finding]:
    found, count, whole = _entries(explanation, index, voice)
    if not whole > 0:
        return [Finding(voice.say("reasons.none"), _level(explanation), "reasons", (("total_attribution", whole),))]
    top = sorted(found, key=lambda entry: (-abs(entry.value), entry.label))[:TOP]
    top = [entry for entry in top if entry.value]
    family = explanation.provenance.meaning
    items = [_item(entry, abs(entry.value) / whole, family, voice) for entry in top]
    together = sum(abs(entry.value) for entry in top) / whole
    text = voice.say(f"reasons.{hedge(explanation)}", target=voice.quote(target_name(explanation)), items=voice.clauses(items))
    closing = voice.say("reasons.together", share=voice.percent(together), count=count)
    evidence = (*((f"attribution:{entry.label}", entry.value) for entry in top), ("share_of_attribution", together))
    return [Finding(voice.paragraph([text, closing]), _level(explanation), "reasons", evidence)]


def _item(entry: Entry, share: float, family: Meaning, voice: Voice) -> str:
    said = {"name": entry.label, "share": voice.percent(share)}
    amount = voice.number(abs(entry.value))
    if math.isfinite(entry.error) and abs(entry.value) <= entry.error:
        return voice.say("item.unsure", amount=voice.number(entry.value), error=voice.number(entry.error), **said)
    if family == "contribution":
        return voice.say("item.raises" if entry.value > 0 else "item.lowers", amount=amount, **said)
    if family == "slope":
        return voice.say("item.up" if entry.value > 0 else "item.down", **said)
    return voice.say("item.share", **said)


def _where(explanation: Explanation, index: int, voice: Voice) -> list[Finding]:
    array = explanation.arrays[index]
    place, level = region(array, signed=speaks_for(explanation)), _level(explanation)
    target = voice.quote(target_name(explanation))
    if place is None:
        return [Finding(voice.say("where.none", target=target), level, "reasons", (("positive_mass", 0.0),))]
    told = {"target": target, "region": voice.word(f"region.{place.index}"), **_shares(place, voice)}
    sentences = [voice.say(f"where.{hedge(explanation)}" if speaks_for(explanation) else f"where.{explanation.provenance.meaning}", **told)]
    if not speaks_for(explanation) and hedge(explanation) != "supported":
        sentences.append(voice.say(f"where.doubt.{hedge(explanation)}"))
    evidence = [("share_in_region", place.share), ("share_in_strongest_tenth", place.top)]
    if place.share < 2 * place.area:
        sentences.append(voice.say("where.spread"))
    rows, columns = (array.values.shape[array.axes.index(axis)] for axis in ("y", "x"))
    if min(rows, columns) < FINE and explanation.kind == "layer_attribution":
        sentences.append(voice.say("where.coarse", rows=rows, columns=columns))
        evidence += [("rows", float(rows)), ("columns", float(columns))]
    return [Finding(voice.paragraph(sentences), level, "reasons", tuple(evidence))]


def _shares(place: Place, voice: Voice) -> dict[str, str]:
    return {"share": voice.percent(place.share), "area": voice.percent(place.area), "top": voice.percent(place.top)}


def _when(explanation: Explanation, array: LabelledArray, voice: Voice) -> list[Finding]:
    place, level = period(array), _level(explanation)
    if place is None:
        return [Finding(voice.say("reasons.none"), level, "reasons", (("total_attribution", 0.0),))]
    said = {"share": voice.percent(place.share), "top": voice.percent(place.top), "part": voice.say(f"when.{place.index}")}
    text = voice.say(f"when.{hedge(explanation)}", target=voice.quote(target_name(explanation)), **said)
    return [Finding(text, level, "reasons", (("share_in_third", place.share), ("share_in_strongest_tenth", place.top)))]


def removed(explanation: Explanation, voice: Voice) -> list[Finding]:
    """How far the score of the first row falls without the strongest entries, beside removing at random."""
    fact = removal(explanation)
    if fact is None:
        return []
    said = {name: voice.number(getattr(fact, name)) for name in ("start", "after", "mean", "low", "high")}
    scale = measured_scale(explanation, voice)
    falls = fact.after < fact.start
    text = voice.say("removal.falls" if falls else "removal.stays", fraction=voice.percent(fact.fraction), scale=scale, **said)
    text += voice.say("removal.random", **said)
    outcome = "clearly" if falls and fact.after < fact.low else "probably" if falls and fact.after < fact.mean else "same"
    evidence = tuple((f"deletion:{name}", getattr(fact, name)) for name in ("fraction", "start", "after", "mean", "low", "high"))
    level = "supported" if outcome == "clearly" else "weak"
    return [Finding(text + voice.say(f"removal.{outcome}"), level, "removal", evidence)]
