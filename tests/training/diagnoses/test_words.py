# ruff: noqa: RUF001 (the dash of a missing number is meant)
"""Every finding has its sentences in both languages, with all numbers filled in."""

from __future__ import annotations

import re

import pytest

from pellucid.narration.voice import CATALOGS
from pellucid.training.diagnoses.finding import SEVERITIES, Finding
from pellucid.training.diagnoses.registry import DIAGNOSES, IDS

HAN = re.compile(r"[\u4e00-\u9fff]")


def numbers(diagnosis: str) -> tuple[tuple[str, float], ...]:
    names = re.findall(r"{(\w+)}", CATALOGS["en"][f"diagnosis.{diagnosis}.found"])
    return tuple((name, 0.25 if name.endswith("share") else 12.0) for name in dict.fromkeys(names))


@pytest.mark.parametrize("diagnosis", IDS)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_finding_is_told(diagnosis: str, language: str):
    for layers in ((), ("body.0",), tuple("abcde")):
        text = Finding(diagnosis, "warning", (1, 1200), numbers(diagnosis), layers).narrate(language)
        assert not re.search(r"[{}]|None|nan", text)
        assert bool(HAN.search(text)) is (language == "zh-CN")
        assert "1,200" in text
        assert all(layer in text for layer in layers[:3])
    assert "2" in text  # two more than the three that are named


def test_every_sentence_belongs_to_a_finding():
    keys = {key.split(".")[1] for key in CATALOGS["en"] if key.startswith("diagnosis.") and key.count(".") == 2}
    assert keys - {"where"} == set(IDS)


def test_a_finding_without_a_layer_says_none():
    finding = Finding("broadcast_loss", "error", (3, 3), (("rows", 8.0),))
    assert finding.layer == ""
    assert finding.narrate().startswith("The loss compares each of 8 rows with all 8")
    assert "Seen at step 3." in finding.narrate()


def test_a_number_that_is_not_known_is_a_dash():
    numbers = (("ratio", 0.5), ("rate", float("nan")), ("first", 1.0), ("largest", float("inf")), ("last", 1.0))
    text = Finding("learning_rate_too_high", "error", (1, 2), numbers).narrate()
    assert "up to ∞" in text
    assert "a learning rate of –" in text


def test_the_registry_has_no_diagnosis_twice():
    assert len(set(DIAGNOSES)) == len(DIAGNOSES)
    assert len(set(IDS)) == len(IDS)
    assert set(SEVERITIES) == {"error", "warning", "note"}
