"""The copy with comments: the code stays as it is, whatever it looks like, and a second run updates the comments."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from inside.source_cases import LANGUAGES, NAMES, inspected, rows, with_weights
from pellucid.errors import FileError
from pellucid.explanation.contents import Source
from pellucid.report.annotated import MARK, annotated_source, wrapped, write_annotated

_NUMBER = count()
DATA = torch.linspace(-1, 1, 15, dtype=torch.float64).reshape(5, 3)


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"written_{next(_NUMBER)}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def looked_at(path: Path, data: torch.Tensor, name: str = "Net") -> pl.Explanation:
    return pl.inspect(with_weights(getattr(loaded(path), name)().double().eval()), "source", data, batch_size=8)


def same_code(before: str, after: str) -> bool:
    return ast.dump(ast.parse(before)) == ast.dump(ast.parse(after))


def without_comments(text: str) -> str:
    """The text without the lines that are comments of ours."""
    return "".join(line for line in re.split(r"(?<=\n)", text) if not line.lstrip().startswith(MARK))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_updates_and_adds_nothing(name: str, language: Any, tmp_path: Path) -> None:
    before = Path(__file__).parent.joinpath("source_models", f"{name}.py").read_text(encoding="utf-8")
    once = annotated_source(inspected(name), language=language, times=False)
    assert same_code(before, once) and without_comments(once) == before and MARK in once
    path = tmp_path / "again.py"
    path.write_text(once, encoding="utf-8")
    assert annotated_source(looked_at(path, rows(name)), language=language, times=False) == once
    other = next(one for one in LANGUAGES if one != language)
    assert without_comments(annotated_source(looked_at(path, rows(name)), language=other)) == before  # type: ignore[arg-type]


NASTY = {
    "decorators": "@plain\n@torch.no_grad()  # two of them\ndef extra(x):\n    return x * 2\n",
    "semicolons": "def extra(x):\n    x = x + 1; x = x * 2  # both on one line\n    return x\n",
    "one line": "def extra(x): return x.relu()\n",
    "one line each": "def extra(x):\n    if x.ndim: x = x * 2\n    else: x = x * 3\n    return x\n",
    "several lines": (
        "def extra(\n    x,\n):\n    return torch.add(\n        x,  # the first\n\n        x * 2,\n        alpha=2,\n    )\n"
    ),
    "head and body on a line": "def extra(\n    x\n): return x + 1\n",
    "continued": "def extra(x):\n    y = x \\\n        + 1\n    return y\n",
    "text of several lines": (
        'def extra(x):\n    """Says\n\n    #= nothing of ours\n    """\n    s = """\n#= nor this\n"""\n    return x * len(s)\n'
    ),
    "comments": (
        "def extra(x):\n    # before\n    x = x + 1  # at the end\n    # between\n\n    # after a blank\n"
        "    return x  #= at the end of a line\n# after all\n"
    ),
    "blocks": (
        "def extra(x):\n    try:\n        with torch.no_grad():\n            for _ in range(2):\n                x = x + 1\n"
        "            else:\n                x = x * 2\n    except ValueError:\n        x = x - 1\n    finally:\n        x = x / 2\n"
        "    while x.sum() > 1e9:\n        x = x / 2\n    return x\n"
    ),
    "branches": (
        "def extra(x):\n    if x.ndim == 9:\n        return x\n    elif x.ndim == 2:\n        return x + 1\n    else:\n        return x\n"
    ),
    "match": (
        "def extra(x):\n    match x.ndim:\n        case 2 if x.sum():\n            return x + 1\n        case _:\n            return x\n"
    ),
    "walrus": "def extra(x):\n    return y if (y := x + 1).ndim else x\n",
    "generator": "def extra(x):\n    return sum(x * i for i in range(3))\n",
    "lambda": "extra = lambda x: (x +\n    1)\n",
    "nested": "def extra(x):\n    def inner(y):\n        return y + 1\n    return inner(x)\n",
    "names": "def extra(größe):\n    π = größe * 3.14  # ein Kommentar: äöü 中文\n    return π\n",
    "no newline at the end": "def extra(x):\n    return x + 1",
}
FRAME = """import torch
from torch import nn


def plain(f):
    return f


{extra}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return extra(self.fc(x))
"""


def written(path: Path, extra: str, *, ends: str = "\n", encoding: str = "utf-8", indent: str = "    ") -> str:
    text = FRAME.format(extra=extra + "\n\n") if extra.endswith("\n") else FRAME.format(extra="") + "\n\n" + extra
    text = text.replace("    ", indent).replace("\n", ends)
    path.write_bytes(text.encode(encoding))
    return text


@pytest.mark.parametrize(
    "layout", [("\n", "    "), ("\r\n", "    "), ("\n", "\t"), ("\n", "  ")], ids=("plain", "CRLF", "tabs", "two spaces")
)
@pytest.mark.parametrize("extra", NASTY.values(), ids=NASTY)
def test_code_of_every_look_stays_as_it_is(extra: str, layout: tuple[str, str], tmp_path: Path) -> None:
    path, out = tmp_path / "net.py", tmp_path / "out.py"
    before = written(path, extra, ends=layout[0], indent=layout[1])
    explanation = looked_at(path, DATA)
    assert isinstance(explanation.content, Source) and not explanation.content.missing
    after = write_annotated(explanation, out, times=False).read_bytes().decode()
    assert same_code(before, after) and without_comments(after) == without_comments(before)
    assert MARK in after.partition("class Net")[0] + after.rpartition("extra(self.fc(x))")[2]  # the function has notes, wherever it stands
    assert "\n" not in after.replace("\r\n", "") if layout[0] == "\r\n" else "\r" not in after
    assert write_annotated(looked_at(out, DATA), tmp_path / "again.py", times=False).read_bytes().decode() == after


@pytest.mark.parametrize(
    ("encoding", "cookie"), [("utf-8-sig", ""), ("latin-1", "# -*- coding: latin-1 -*-\n"), ("gb18030", "# coding: gb18030\n")]
)
def test_the_encoding_is_kept(encoding: str, cookie: str, tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    note = "汉字" if encoding == "gb18030" else "é"
    path.write_bytes((cookie + FRAME.format(extra=f"def extra(x):\n    return x + 1  # {note}\n\n\n")).encode(encoding))
    explanation = looked_at(path, DATA)
    data = write_annotated(explanation, tmp_path / "out.py").read_bytes()
    text = data.decode(encoding)
    assert note in text and MARK in text and data.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    if encoding == "latin-1":
        with pytest.raises(FileError, match="has no letters for these comments"):
            write_annotated(explanation, tmp_path / "out.py", language="zh-CN")
        assert (tmp_path / "out.py").read_bytes() == data
    else:
        assert "个加权和" in write_annotated(explanation, tmp_path / "out.py", language="zh-CN").read_bytes().decode(encoding)


def test_the_file_itself_is_written_over_only_if_told(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    before = written(path, NASTY["comments"])
    explanation = looked_at(path, DATA)
    for same in (path, tmp_path / "." / "net.py"):
        with pytest.raises(FileError, match="This is the source file itself"):
            write_annotated(explanation, same)
    assert path.read_text() == before
    write_annotated(explanation, path, overwrite=True)
    assert same_code(before, path.read_text()) and MARK in path.read_text()
    with pytest.raises(FileError, match="was changed since it was looked at"):
        write_annotated(explanation, path, overwrite=True)


def test_a_saved_inspection_writes_the_same(tmp_path: Path) -> None:
    explanation = inspected("loop")
    kept = pl.load(explanation.save(tmp_path / "kept.safetensors"))
    assert annotated_source(kept) == annotated_source(explanation)


def test_a_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(pl.PellucidError, match="There is no source file of that name"):
        annotated_source(inspected("loop"), file="other.py")


def test_without_libcst_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(pl.PellucidError, match=re.escape("pip install 'pellucid[source]'")):
        annotated_source(inspected("loop"))


def test_english_comments_need_no_letters_beyond_ascii() -> None:
    for name in NAMES:
        assert annotated_source(inspected(name)).isascii()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab 中文\uff0c\uff1b、。\u00a0"), max_size=120), st.integers(4, 40))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    lines = wrapped(text, width)
    plain = text.replace("\u00a0", " ")
    assert "".join(lines).replace(" ", "") == plain.replace(" ", "")
    assert all("\n" not in line for line in lines)
