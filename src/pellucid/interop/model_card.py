"""A section of a Hugging Face model card that says what was explained, and how far it may be believed."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pellucid.errors import FileError, InputError, UnknownName
from pellucid.explanation import Check, Explanation
from pellucid.explanation.check import LEVELS
from pellucid.explanation.frame import write_whole
from pellucid.explanation.provenance import IMPORTED
from pellucid.interop.arrays import NO_MODEL
from pellucid.interop.model_card_words import CHINESE, ENGLISH
from pellucid.narration import findings
from pellucid.narration.voice import Voice
from pellucid.scenes.numbers import number
from pellucid.scenes.words import Language, check_name, method_name, spaced, words
from pellucid.views.framing import code

BEGIN, END = "<!-- pellucid:begin -->", "<!-- pellucid:end -->"
CONFIDENCE = 0.05
TARGETS = 5  # names of targets told one by one
_WORDS = {"en": ENGLISH, "zh-CN": CHINESE}


def model_card(explanations: Explanation | Sequence[Explanation], *, language: Language = "en") -> str:
    """The section "Explanations" of a model card, in Markdown.

    For each explanation: what was explained, by which method and against which baseline, how many rows have which verdict and what that
    means, faithfulness with its interval beside that of a random order, what the explanation does not show, and how to make it again.

    Raises:
        InputError: no explanation, or an inspection, which has no rows. UnknownName: no such language.
    """
    if language not in _WORDS:
        raise UnknownName("language", language, _WORDS)
    given = (explanations,) if isinstance(explanations, Explanation) else tuple(explanations)
    if not given or any(not len(one) for one in given):
        received = "none" if not given else "an inspection"
        raise InputError("A model card tells of explanations of rows", received=received, remedy="give what pl.explain returned")
    say = _WORDS[language]
    version = given[0].provenance.versions.get("pellucid", "")
    blocks = [f"## {say['heading']}", say["intro"].format(version=version).replace(" .", ".")]
    for one in given:
        blocks += _told(one, language)
    return spaced_lines("\n\n".join(blocks), language) + "\n"


def insert_section(path: str | os.PathLike[str], section: str) -> Path:
    """Puts a section into a Markdown file, between two comments that mark it; all else stays byte for byte as it is.

    Where the file has no such marks yet, they are added at its end. Lines end as those of the file do.

    Raises:
        FileError: no such file, or it can not be written. InputError: marks that come twice or in the wrong order, or a section that
            holds one.
    """
    place = Path(path)
    try:
        held = place.read_bytes()
    except OSError as error:
        received = f"{path} ({error.strerror})"
        raise FileError("The file can not be read", received=received, remedy="give the README.md of the model") from error
    begin, end = BEGIN.encode(), END.encode()
    ending = b"\r\n" if b"\r\n" in held else b"\n"
    body = section.strip("\n").encode().replace(b"\n", ending)
    found = held.count(begin), held.count(end)
    if found not in ((0, 0), (1, 1)) or held.find(begin) > held.find(end) or begin in body or end in body:
        received = f"{found[0]} beginnings and {found[1]} ends in {place.name}"
        raise InputError(
            "The marks of the section are not one pair", received=received, remedy=f"leave one {BEGIN} before one {END}, or none"
        )
    marked = ending.join((begin, body, end))
    if found == (1, 1):
        return write_whole(place, held[: held.index(begin)] + marked + held[held.index(end) + len(end) :])
    gap = b"" if not held else ending if held.endswith(b"\n") else ending * 2
    return write_whole(place, held + gap + marked + ending)


def _told(one: Explanation, language: Language) -> list[str]:
    """The blocks about one explanation."""
    say, origin, voice = _WORDS[language], one.provenance, Voice(language)
    method = method_name(origin.method, language)
    baseline = voice.listing([voice.name(text) for text in dict.fromkeys(origin.baseline.values())])
    imported = origin.method.endswith(IMPORTED)
    about = say["method.baseline" if baseline else "method"].format(method=plain(method), baseline=plain(baseline))
    limits = voice.paragraph([finding.text for finding in findings(one, None, language) if finding.topic == "limits"])
    made = code(one)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", made)), default=0))
    title = say["title"].format(method=plain(method), model=plain(origin.model)) if origin.model != NO_MODEL else plain(method)
    return [
        f"### {title}",
        _explained(one, language),
        about,
        _verdicts(one, language),
        _faithfulness(one, language),
        say["limits"].format(limits=plain(limits)),
        say["reproduce.imported" if imported else "reproduce"],
        f"{fence}python\n{made}\n{fence}",
        _origin(one, language),
    ]


def _explained(one: Explanation, language: Language) -> str:
    say, origin, voice = _WORDS[language], one.provenance, Voice(language)
    rows = say["row"] if len(one) == 1 else say["rows"].format(count=len(one))
    names = list(dict.fromkeys(one.decision.target))
    told = voice.listing([plain(voice.quote(name)) for name in names[:TARGETS]])
    target = say["target.other"].format(targets=told)
    if len(names) > TARGETS:
        target = say["target.more"].format(targets=told, count=len(names) - TARGETS)
    if origin.target == "Predicted()":
        target = f"{say['target.predicted']} ({target})" if language == "en" else f"{say['target.predicted']}（{target}）"  # noqa: RUF001
    key = "explained.plain" if origin.scale == "value" else "explained"
    return say[key].format(target=target, rows=rows, scale=words(language)[f"scale.{origin.scale}"])


def _verdicts(one: Explanation, language: Language) -> str:
    say, counted = _WORDS[language], Counter(found.level for found in one.verdicts)
    lines = [f"| {say['verdicts']} | {say['count']} | {say['means']} |", "|---|---|---|"]
    lines += [f"| {say[level]} | {counted[level]} | {say[f'{level}.means']} |" for level in LEVELS if counted[level]]
    return "\n".join(lines)


def _faithfulness(one: Explanation, language: Language) -> str:
    say = _WORDS[language]
    lines = [_measured(check, language) for check in one.checks if check.role == "faithfulness"]
    if not lines:
        return say["faithfulness.none"]
    return "\n".join([say["faithfulness"], "", *(f"- {line}" for line in lines)])


def _measured(check: Check, language: Language) -> str:
    """One check with its interval: its own of one row, that of the mean (Student) of several."""
    say, value = _WORDS[language], check.value[np.isfinite(check.value)]
    said = {
        "check": check_name(check.name, language),
        "direction": say[check.direction],
        "reference": number(float(check.reference.mean())),
    }
    if len(check.value) == 1 or len(value) < 2:
        low, high = (number(float(one[0])) for one in (check.low, check.high))
        return say["faithfulness.one"].format(value=number(float(check.value[0])), low=low, high=high, **said)
    from scipy.stats import t

    mean, reach = float(value.mean()), float(t.ppf(0.975, len(value) - 1) * value.std(ddof=1) / np.sqrt(len(value)))
    better = int((check.p_value <= CONFIDENCE).sum())
    said |= {"low": number(mean - reach), "high": number(mean + reach), "better": better, "count": len(check.value)}  # type: ignore[dict-item]
    return say["faithfulness.many"].format(value=number(mean), **said)


def _origin(one: Explanation, language: Language) -> str:
    say, origin = _WORDS[language], one.provenance
    versions = ", ".join(f"{name} {version}" for name, version in sorted(origin.versions.items()))
    prints = {"model": origin.model_fingerprint or say["none"], "rows": origin.input_fingerprint or say["none"]}
    return say["origin"].format(
        seed=origin.seed, dtype=origin.dtype, device=origin.device, versions=versions, **{name: f"`{one}`" for name, one in prints.items()}
    )


def plain(text: str) -> str:
    """Text that Markdown and HTML take for nothing but text, in one line."""
    escaped = re.sub(r"([\\`*_\[\]|#~$])", r"\\\1", " ".join(text.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def spaced_lines(text: str, language: Language) -> str:
    """Chinese and Latin letters set apart, outside blocks of code."""
    if language != "zh-CN":
        return text
    parts = re.split(r"(^`{3,}python\n.*?^`{3,}$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(part if part.startswith("```") else spaced(part) for part in parts)
