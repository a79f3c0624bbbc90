"""Several methods on the same decisions, told in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.harness.comparison import CLEAR
from pellucid.narration.voice import Voice

if TYPE_CHECKING:
    from pellucid.scenes.words import Language

ALIKE = 0.8  # rank correlation from which on two methods name nearly the same


def narrate_comparison(compared: Any, *, language: Language = "en") -> str:  # noqa: ANN401 (the harness's Comparison)
    """Who is most faithful, who agrees with whom, who is refused; in one paragraph."""
    voice = Voice(language)
    names = [_name(one.name, voice) for one in compared.ranked]
    best = compared.ranked[0].faithfulness
    opening = "comparison.best" if best > CLEAR else "comparison.none"
    ranked = [f"{name} ({voice.number(one.faithfulness)})" for name, one in zip(names, compared.ranked, strict=True)]
    sentences = [
        voice.say(opening, count=len(names), method=names[0], lead=voice.number(best)),
        voice.say("comparison.ranked", list=voice.clauses(ranked)),
        *_agreement(compared, names, voice),
    ]
    for name, one in zip(names, compared.ranked, strict=True):
        refused = sum(verdict.level == "refused" for verdict in one.explanation.verdicts)
        if refused:
            sentences.append(voice.say("comparison.refused", method=name, count=refused, rows=len(one.explanation)))
    sentences += [voice.say("comparison.failed", method=_name(name, voice), why=why) for name, why in compared.failed]
    sentences.append(voice.say("comparison.how", infill=voice.name(compared.infill)))
    return voice.paragraph(sentences)


def _name(name: str, voice: Voice) -> str:
    method, _, number = name.partition(" ")
    return f"{voice.method(method)} {number}".strip()


def _agreement(compared: Any, names: list[str], voice: Voice) -> list[str]:  # noqa: ANN401
    means = compared.rank_correlation.mean(2)
    pairs = sorted((float(means[i, j]), names[j], names[i]) for i in compared.contenders for j in compared.contenders if j < i)
    (low, *least), (high, *most) = pairs[0], pairs[-1]
    said = [voice.say("comparison.agree", first=most[0], second=most[1], value=voice.number(high))]
    if len(pairs) > 1 and np.isfinite(low):
        told = "comparison.alike" if low >= ALIKE else "comparison.differ"
        said.append(voice.say(told, first=least[0], second=least[1], value=voice.number(low)))
    return said
