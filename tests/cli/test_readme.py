"""The README is true: its code runs as it is printed, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

import pellucid
from pellucid.methods.registry import METHODS

ROOT = Path(__file__).resolve().parents[2]
READMES = ["README.md", "README.zh-CN.md"]


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", READMES)
def test_the_first_three_lines_work_as_printed(name):
    first = blocks(name)[0]
    assert first == 'import pellucid as pl\ne = pl.explain(net, x, "integrated_gradients", target=3)\ne.plot()\n'
    torch.manual_seed(0)
    known = {"net": nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), "x": torch.randn(2, 1, 8, 8)}
    exec(first, known)  # the README's own code
    assert isinstance(known["e"], pellucid.Explanation)


@pytest.mark.parametrize("name", READMES)
def test_the_longer_example_works_as_printed(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    exec(blocks(name)[1], known)  # the README's own code
    assert (tmp_path / "why.png").stat().st_size > 10_000
    assert len(pellucid.load("why.safetensors")) == 3
    assert (tmp_path / "why.html").stat().st_size > 50_000
    assert known["e"].verdict in capsys.readouterr().out  # type: ignore[attr-defined]


def test_both_languages_run_the_same_code():
    def bare(name: str) -> list[str]:
        return [re.sub(r"\s*#.*", "", block).replace('"zh-CN"', '"en"') for block in blocks(name)]

    english, chinese = bare("README.md"), bare("README.zh-CN.md")
    assert chinese[0] == english[0]
    assert chinese[1].replace('summary("en")', "summary()").replace('plot(language="en")', "plot()") == english[1]


@pytest.mark.parametrize("name", READMES)
def test_every_method_is_named_and_every_link_leads_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [method for method in METHODS if f"`{method}`" not in text] == []
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []
