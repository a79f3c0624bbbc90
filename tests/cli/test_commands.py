"""The command line, as a person types it: what it prints, what it writes, and how it says that something is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import pellucid
from pellucid.cli import main
from pellucid.cli.main import FAILED
from pellucid.errors import UnknownName
from pellucid.methods.registry import METHODS

NETS = '''
import torch
from torch import nn

NAMES = ["low", "high"]

def table():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    return net

class Sum(nn.Module):
    """Two inputs by keyword; the first feature of each counts."""

    def forward(self, a, b):
        score = 3 * a[:, 0] + b[:, 0]
        return torch.stack([-score, score], 1)

def photo():
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))

def black_box():
    return lambda x: x[:, :2] * 2

def needs(argument):
    return None

def broken():
    raise RuntimeError("no such luck")
'''


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "nets_for_tests.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delitem(sys.modules, "nets_for_tests", raising=False)
    rows = np.random.default_rng(0).normal(size=(5, 6)).round(3)
    header = "age,pulse,weight,height,dose,days\n"
    (tmp_path / "rows.csv").write_text(header + "\n".join(",".join(map(str, row)) for row in rows))
    np.save(tmp_path / "rows.npy", rows.astype(np.float32))
    return tmp_path


def explained(*arguments: str) -> int:
    return main(["explain", "--model", "nets_for_tests:table", "--input", "rows.csv", *arguments])


def test_a_table_is_explained_in_words_with_the_users_names(capsys):
    assert explained("--rows", "2", "--class-names", "nets_for_tests:NAMES", "--target", "high") == 0
    said = capsys.readouterr().out
    assert "Integrated gradients" in said
    assert "“high”" in said or "“low”" in said
    named = [name for name in ("age", "pulse", "weight", "height", "dose", "days") if f"{name} = " in said]
    assert len(named) == (0 if "refused" in said else 3)


def test_rows_are_told_together(capsys):
    assert explained("--rows", "0:4") == 0
    assert "4 rows were explained" in capsys.readouterr().out


def test_the_language_is_chinese_on_request(capsys):
    assert explained("--rows", "0", "--language", "zh-CN") == 0
    assert "网络判断为" in capsys.readouterr().out


def test_every_kind_of_file_is_written(folder, capsys):
    assert explained("--rows", "0:2", "--out", "why.html", "--out", "图 一.png", "--out", "why.safetensors") == 0
    assert "Wrote why.html" in capsys.readouterr().out
    page = (folder / "why.html").read_text()
    assert page.startswith("<!doctype html>") or page.startswith("<!DOCTYPE html>")
    assert (folder / "图 一.png").read_bytes()[1:4] == b"PNG"
    saved = pellucid.load("why.safetensors")
    assert len(saved) == 2
    assert saved.arrays[0].coordinates["feature"][0] == "age"


def test_a_report_is_made_of_saved_explanations(folder):
    explained("--rows", "0", "--out", "one.safetensors")
    explained("--rows", "1:4", "--out", "more.safetensors")
    assert main(["report", "one.safetensors", "more.safetensors", "--out", "all.html", "--language", "zh-CN"]) == 0
    page = (folder / "all.html").read_text()
    assert 'lang="zh-CN"' in page
    assert "Content-Security-Policy" in page


def test_the_same_seed_writes_the_same_values():
    for name in ("a", "b"):
        explained("--method", "smoothgrad", "--option", "samples=4", "--batch-size", "2", "--seed", "3", "--out", f"{name}.safetensors")
    first, second = (pellucid.load(f"{name}.safetensors") for name in "ab")
    assert first.arrays[0].values.tobytes() == second.arrays[0].values.tobytes()
    assert first.provenance.parameters["samples"] == "4"


def test_a_photo_is_explained(folder):
    from PIL import Image

    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(folder / "my cat.png")
    photo = ("--model", "nets_for_tests:photo", "--input", "my cat.png", "--size", "32")
    assert main(["explain", *photo, "--method", "gradcam", "--out", "cat.safetensors"]) == 0
    saved = pellucid.load("cat.safetensors")
    assert saved.inputs[0].data.values.shape == (1, 32, 32, 3)


def test_two_inputs_come_by_name_and_a_function_is_a_model_too(folder):
    np.savez(folder / "both.npz", a=np.ones((2, 3), np.float32), b=np.ones((2, 3), np.float32))
    two = ("--model", "nets_for_tests:Sum", "--input", "both.npz", "--target", "1", "--out", "two.safetensors")
    assert main(["explain", *two]) == 0
    a, b = pellucid.load("two.safetensors").arrays
    assert a.values[0, 0] == pytest.approx(3, abs=1e-5)
    assert b.values[0, 0] == pytest.approx(1, abs=1e-5)
    assert main(["explain", "--model", "nets_for_tests:black_box", "--input", "rows.npy", "--method", "occlusion"]) == 0


def test_weights_and_exported_programs(folder):
    torch.manual_seed(9)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    save_file(net.state_dict(), folder / "w.safetensors")
    example = (torch.zeros(2, 6),)
    torch.export.save(torch.export.export(net, example, dynamic_shapes=({0: torch.export.Dim("rows")},), strict=False), folder / "net.pt2")
    assert explained("--weights", "w.safetensors", "--target", "1", "--out", "a.safetensors") == 0
    assert main(["explain", "--model", "net.pt2", "--input", "rows.npy", "--target", "1", "--out", "b.safetensors"]) == 0
    first, second = (pellucid.load(f"{name}.safetensors").arrays[0].values for name in "ab")
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


# comparing


def compared(*arguments: str) -> int:
    table = ("--model", "nets_for_tests:table", "--input", "rows.csv", "--rows", "0:3", "--target", "1")
    return main(["compare", *table, "--methods", "gradient_times_input,occlusion,random,gradcam", *arguments])


def test_methods_are_ranked_in_a_table_and_told(folder, capsys):
    assert compared("--out", "ranked.json", "--out", "ranked.png", "--out", "ranked.html") == 0
    said = capsys.readouterr().out
    saved = json.loads((folder / "ranked.json").read_text())
    names = [row["name"] for row in saved["ranked"]]
    assert sorted(names) == ["gradient_times_input", "occlusion", "random"]
    shown = {"gradient_times_input": "Gradient × input", "occlusion": "Occlusion", "random": "Random control"}  # noqa: RUF001
    lines = [line for line in said.splitlines() if line[:1].isdigit()]
    assert [shown[name] in line for name, line in zip(names, lines, strict=True)] == [True] * 3
    leads = [row["lead"] for row in saved["ranked"]]
    assert leads == sorted(leads, reverse=True)
    assert saved["ranked"][0]["agreement_with_best"] == pytest.approx(1)
    assert [failed["name"] for failed in saved["failed"]] == ["gradcam"]
    assert "could not be used" in said
    assert (folder / "ranked.png").read_bytes()[1:4] == b"PNG"
    assert "Content-Security-Policy" in (folder / "ranked.html").read_text()


def test_a_comparison_speaks_chinese(capsys):
    assert compared("--language", "zh-CN") == 0
    assert "秩相关" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--methods", "occlusion"], "at least two methods"),
        (["--methods", "occlusion,gradcan"], "did you mean 'gradcam'"),
        (["--out", "x.safetensors"], ".json"),
        (["--calls", "1"], "budget"),
    ],
)
def test_an_error_of_a_comparison_is_three_lines(capsys, arguments, words):
    assert compared(*arguments) == FAILED
    lines = told(capsys)
    assert [line.partition(":")[0] for line in lines] == ["Error", "Received", "What to do"]
    assert words in "\n".join(lines)


# errors


def told(capsys) -> list[str]:
    return capsys.readouterr().err.strip().splitlines()


def pickled(folder: Path) -> None:
    torch.save(nn.Linear(6, 2), folder / "module.pt")
    np.save(folder / "objects.npy", np.array([{}], object), allow_pickle=True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "gradcan"], "did you mean 'gradcam'"),
        (["--target", "7"], "no class 7"),
        (["--target", "-1"], "-1"),
        (["--target", "cat"], "class names"),
        (["--weights", "module.pt"], "pickle"),
        (["--weights", "none.pt"], "can not be read"),
        (["--out", "folder"], "suffix"),
        (["--out", "folder/none/x.html"], "folder"),
        (["--out", "x.pdf"], ".safetensors"),
        (["--rows", "99"], "choose from 0 to 4"),
        (["--rows", "x"], "whole number"),
        (["--option", "stepz=3"], "'steps'"),
        (["--option", "steps"], "steps=<value>"),
        (["--input", "rows.npy"], "Several inputs"),
        (["--model", "nets_for_tests"], "package.module:name"),
        (["--model", "nets_for_tests:tabel"], "did you mean 'table'"),
        (["--model", "no_such_module_here:f"], "No module named"),
        (["--model", "nets_for_tests:broken"], "no such luck"),
        (["--model", "nets_for_tests:needs"], "needs no arguments"),
        (["--model", "module.pt"], "factory"),
        (["--class-names", "none.txt"], "one name a line"),
        (["--background", "objects.npy"], "Python objects"),
    ],
)
def test_an_error_is_three_lines_and_status_2(folder, capsys, arguments, words):
    pickled(folder)
    (folder / "folder").mkdir()
    assert explained(*arguments) == FAILED
    lines = told(capsys)
    assert [line.partition(":")[0] for line in lines] == ["Error", "Received", "What to do"]
    assert words in "\n".join(lines)
    assert not list(folder.glob("*.html"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("ragged.csv", "a,b\n1,2\n3\n", "differ in length"),
        ("empty.csv", "a,b\n", "no rows"),
        ("short.npy", "cut", "cut short"),
        ("notes.txt", "hello", "can not be read"),
        ("bytes.csv", None, "UTF-8"),
        ("photo.png", "no photo", "no --size"),
        ("missing.csv", "a,b,c,d,e,f\n1,2,,4,5,6\n", "not-a-number"),
    ],
)
def test_an_input_that_can_not_be_used_is_said(folder, capsys, name, content, words):
    path = folder / name
    path.write_bytes(b"\xff\xfe\x00,1\n") if content is None else path.write_text(content)
    if name == "short.npy":
        path.write_bytes((folder / "rows.npy").read_bytes()[:100])
    assert main(["explain", "--model", "nets_for_tests:table", "--input", name]) == FAILED
    assert words in "\n".join(told(capsys))


def test_debug_shows_the_error_itself():
    with pytest.raises(UnknownName):
        explained("--method", "gradcan", "--debug")


def test_an_error_of_usage_has_status_2(capsys):
    assert main(["explain"]) == FAILED
    assert main(["explian"]) == FAILED
    assert "explain" in capsys.readouterr().err


# the small commands


def test_every_registered_method_is_listed(capsys):
    assert main(["methods"]) == 0
    said = capsys.readouterr().out
    assert [name for name in METHODS if name not in said] == []


def test_the_doctor_looks_at_every_part(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert [part for part in ("Python", "torch", "safetensors", "Chinese font", "front end") if part not in said] == []


def test_the_doctor_says_when_the_core_is_broken(monkeypatch, capsys):
    monkeypatch.setattr("pellucid.cli.doctor.CORE", ("a-package-that-is-not-there",))
    assert main(["doctor"]) == 1
    assert "pip install pellucid" in capsys.readouterr().out


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [name for name in ("explain", "compare", "report", "methods", "doctor") if name not in said] == []
