"""Every registered method has a whole entry in the documentation: a picture, shapes, a source, and limits in both languages."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import method_pictures
import pytest
from digit_transformer import DigitTransformer
from method_entries import anchor, entry, picture_name, sources
from method_pictures import FAMILIES, Drawn, Picture, pictures_of
from subjects import patient

import pellucid as pl
from pellucid.methods.registry import METHODS, method_class, methods
from pellucid.narration.voice import CATALOGS

DOCS = Path(__file__).resolve().parents[2] / "docs"
AXES = re.compile(r"Shapes: (?:like the input|as of raw attention|[^.]*\(sample, )")


def missing(method: str) -> list[str]:
    """What the entry of this method lacks."""
    text = " ".join((method_class(method).__doc__ or "").split())
    found = {
        "a picture": any(family.get(method) for family in FAMILIES.values()),
        "shapes": AXES.search(text),
        "a source": sources(method),
        "what it does not show": "What it does not show: " in text,
        "lines that are no headings": not re.search(r"^\s*# ", method_class(method).__doc__ or "", re.MULTILINE),
        **{f"a limit in {language}": f"limit.{method}" in catalog for language, catalog in CATALOGS.items()},
    }
    return [name for name, there in found.items() if not there]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_what_its_entry_needs(method):
    assert missing(method) == []


def test_that_an_entry_is_whole_can_fail(monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Mute:
        """Says nothing about itself."""

    monkeypatch.setitem(METHODS, "mute", "attribution.mute:Mute")
    monkeypatch.setitem(globals(), "method_class", lambda _: Mute)
    monkeypatch.setattr("method_entries.method_class", lambda _: Mute)
    lacks = ["a picture", "shapes", "a source", "what it does not show", "a limit in en", "a limit in zh-CN"]
    assert missing("mute") == lacks


def test_a_method_without_a_picture_ends_the_build():
    with pytest.raises(LookupError, match=r"'new' has no picture: give it one in method_pictures\.py"):
        pictures_of("new")


def test_no_picture_is_of_a_method_that_is_gone():
    shown = [method for family in FAMILIES.values() for method in family]
    assert sorted(shown) == sorted(METHODS)  # each once


def test_every_family_has_a_page_that_the_readme_names_alike():
    rows = re.findall(r"^\| ([a-z ]+) \| (`.*)\|$", (DOCS.parent / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: re.findall(r"`([^`]+)`", ids) for name, ids in rows}
    assert [set(family) for family in FAMILIES.values()] == [set(ids) for ids in told.values()]
    for page, name in zip(FAMILIES, told, strict=True):
        text = (DOCS / "methods" / f"{page}.md").read_text(encoding="utf-8")
        assert text.lower().startswith(f"# {name}")
        assert "<!-- entries -->" in text


def test_files_and_links_of_methods_differ_and_need_no_escaping():
    names = [picture_name(method) for method in METHODS]
    assert len(set(names)) == len({anchor(method) for method in METHODS}) == len(METHODS)
    assert [name for name in names if not re.fullmatch(r"[a-z_]+", name)] == []


def test_an_entry_tells_all_of_one_method(monkeypatch):
    made = patient().explained("occlusion")
    monkeypatch.setattr("method_entries.made", lambda _: (Drawn(patient(), made, b""),))
    text = entry(next(row for row in methods() if row.id == "occlusion"))
    assert text.startswith("## Occlusion {#occlusion}\n\n| `occlusion` | `pl.Occlusion` |")
    assert "`window=None`" in text
    assert "Zeiler & Fergus 2014" in text
    assert "::: pellucid.methods.attribution.occlusion.Occlusion\n" in text
    assert f"Verdict: {made.verdict}](occlusion.png)" in text
    assert "In: (sample, feature) = 1 × 30. Out: (sample, feature) = 1 × 30." in text  # noqa: RUF001 (a real multiplication sign)
    assert "another in-fill can give another answer" in text


def test_what_is_told_of_layers_with_attention_is_all_that_were_read():
    net, rows = DigitTransformer().eval(), pl.datasets.digits().split(seed=0).test.inputs[:1].astype("float32")
    both, first = (pl.explain(net, rows, method, checks="none") for method in (pl.Attention(), pl.Attention(layer=0)))
    assert both.layer == "core.layers.0.self_attn … core.layers.1.self_attn"
    assert first.layer == "core.layers.0.self_attn"


def test_options_that_are_not_the_usual_ones_are_told(monkeypatch):
    method = pl.Sensitivity(features=("mean radius",))
    monkeypatch.setattr("method_entries.made", lambda _: (method_pictures._drawn(Picture(patient(), method), "sensitivity"),))
    text = entry(next(row for row in methods() if row.id == "sensitivity"))
    assert "With `features=('mean radius',)`. In:" in text
    assert "points" not in text.partition("With ")[2].partition("In:")[0]
