"""The section of a model card, and where it is put; what is missing is said where it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.errors import FileError, InputError, MissingExtra, UnknownName
from pellucid.interop import insert_section, log_mlflow, log_wandb, model_card


def explained() -> pl.Explanation:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    return pl.explain(net, torch.randn(4, 5), "integrated_gradients", target=1)


@pytest.mark.parametrize(("language", "head"), [("en", "Integrated gradients"), ("zh-CN", "积分梯度")])
def test_a_section_says_what_was_found(language: str, head: str) -> None:
    e = explained()
    section = model_card(e, language=language)  # type: ignore[arg-type]
    assert head in section
    assert "pl.explain" in section
    counted = [line for line in section.splitlines() if line.startswith("|") and line.count("|") == 4][2:]
    assert sum(int(line.split("|")[2]) for line in counted if line.split("|")[2].strip().isdigit()) == len(e)


def test_nothing_to_tell_is_refused() -> None:
    with pytest.raises(InputError):
        model_card([])
    with pytest.raises(UnknownName):
        model_card(explained(), language="fr")  # type: ignore[arg-type]


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_the_rest_of_the_file_stays(tmp_path: Path, newline: bytes) -> None:
    readme = tmp_path / "README.md"
    before = newline.join([b"---", b"license: mit", b"---", b"# Net", b"Text  ", b""])
    readme.write_bytes(before)
    insert_section(readme, model_card(explained()))
    once = readme.read_bytes()
    assert once.startswith(before)
    insert_section(readme, model_card(explained()))
    assert readme.read_bytes() == once
    with pytest.raises(FileError):
        insert_section(tmp_path / "none.md", "text")


@pytest.mark.parametrize(("module", "log"), [("mlflow", log_mlflow), ("wandb", lambda e: log_wandb(None, e))])
def test_a_tracker_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str, log: object) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=module):
        log(explained())  # type: ignore[operator]
