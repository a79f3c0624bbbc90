"""``pellucid inspect source``: the listing in the terminal, wide and narrow, and the copy with comments."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pellucid.cli import main

MODEL = "inside.source_models.loop:Net"


@pytest.mark.parametrize("width", [200, 80])
@pytest.mark.parametrize(("language", "words"), [("en", "weighted sums"), ("zh-CN", "个加权和")])
def test_the_terminal_shows_code_with_notes(
    rows: Path, width: int, language: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["inspect", "source", "--model", MODEL, "--input", str(rows), "--language", language]) == 0
    lines = capsys.readouterr().out.splitlines()
    place = next(i for i, line in enumerate(lines) if "state = torch.tanh(self.enter(x))" in line)
    beside = words in lines[place]
    assert beside == (width == 200)
    assert any(words in line for line in lines[place : place + 3])
    assert max(map(len, lines)) <= width


def test_a_copy_with_comments_is_written(rows: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.py"
    assert main(["inspect", "source", "--model", MODEL, "--input", str(rows), "--out", str(out)]) == 0
    before = Path(__file__).parents[1].joinpath("inside", "source_models", "loop.py").read_text()
    assert ast.dump(ast.parse(out.read_text())) == ast.dump(ast.parse(before)) and "#= call 3 of 3" in out.read_text()


def test_only_source_becomes_a_py_file(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.py"
    assert main(["inspect", "structure", "--model", MODEL, "--input", str(rows), "--out", str(out)]) == 2
    assert "Only an inspection of the source makes a .py file" in capsys.readouterr().err
    assert not out.exists()
