"""Every picture of every inspection on five networks: on paper nothing overlaps, nothing is cut off, every word is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pellucid as pl
from inside.subjects import ALL, NAMES, inspected
from paper.extents import cut_off, overlaps
from pellucid.methods.internals.registry import INSPECTIONS
from pellucid.paper import draw
from pellucid.scenes.words import words
from pellucid.views.inside import inside_views

LOOKS = (("light", "en"), ("dark", "zh-CN"))


def seen(name: str, what: str) -> pl.Explanation:
    found = inspected(name, what)
    if isinstance(found, str):
        pytest.fail(f"{what} does not apply to {name}: {found}")
    return found


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
@pytest.mark.parametrize(("name", "what"), ALL)
def test_pictures_can_be_read(name: str, what: str, look: tuple[str, str]) -> None:
    theme, language = look
    explanation = seen(name, what)
    for view, make in inside_views(explanation).items():
        scene = make(explanation, language=language)
        assert scene.title and scene.summary and "{" not in scene.title + scene.summary, view
        assert all(panel.summary and panel.table.columns for panel in scene.panels), view
        figure = draw(scene, theme=theme)  # type: ignore[arg-type]
        assert (overlaps(figure), cut_off(figure)) == ([], []), view


@pytest.mark.parametrize(("name", "what"), ALL)
def test_words_rest_on_numbers(name: str, what: str) -> None:
    explanation = seen(name, what)
    english, chinese = explanation.narrate("en"), explanation.narrate("zh-CN")
    assert not re.search(r"[{}]|(?<![a-z])nan(?![a-z])|None", english + chinese)
    assert len(re.findall(r"\d", english)) >= 2
    assert not re.search(r"[\u4e00-\u9fff]", english)


@pytest.mark.parametrize(("name", "what"), ALL)
def test_archives_hold_what_was_seen(name: str, what: str, tmp_path: Path) -> None:
    explanation = seen(name, what)
    first = explanation.save(tmp_path / "one.safetensors")
    again = pl.load(first)
    assert again.save(tmp_path / "two.safetensors").read_bytes() == first.read_bytes()
    assert again.narrate("en") == explanation.narrate("en")


@pytest.mark.parametrize("what", INSPECTIONS)
def test_every_inspection_has_a_name_in_both_languages(what: str) -> None:
    assert f"method.{what}" in words("en") and f"method.{what}" in words("zh-CN")


def test_the_five_networks_are_those_of_the_page() -> None:
    assert len(NAMES) == 5 and {name for name, _ in ALL} == set(NAMES)
