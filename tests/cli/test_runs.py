"""``pellucid runs``: lists, shows, compares and exports recorded trainings, and says in three lines what is wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from torch import nn

import pellucid as pl
from pellucid.cli import main
from pellucid.cli.main import FAILED


def recorded(folder: Path, losses: list[float]) -> Path:
    with pl.watch(nn.Linear(2, 2), None, folder) as run:
        for loss in losses:
            run.step(loss=loss)
        run.note("said [bold]")
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    recorded(tmp_path / "runs" / "first", [2.0, 1.0, 0.5])
    recorded(tmp_path / "runs" / "deep" / "second", [3.0, 0.25, float("nan")])
    return tmp_path / "runs"


def test_all_runs_below_a_folder_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded(folder / "first", [7.0])
    (folder / "torn").mkdir()
    (folder / "torn" / "run.sqlite").write_bytes(b"not a database at all" * 100)
    recorded(folder / ".hidden", [1.0])
    assert main(["runs", "list", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["run", "status", "steps"]
    assert [line.split()[0] for line in lines[1:]] == ["deep/second", "first", "torn"]
    assert lines[1].split()[1:5] == ["finished", "3", "NaN", "Linear"]
    assert lines[2].split()[1:6] == ["(2)", "finished", "1", "7.00", "Linear"]
    assert "can not be read" in lines[3]
    assert main(["runs", "list", str(folder), "--language", "zh-CN"]) == 0
    assert "已完成" in capsys.readouterr().out


def test_a_run_is_told_and_written(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, picture = tmp_path / "run.html", tmp_path / "loss.png"
    assert main(["runs", "show", str(folder / "first"), "--out", str(page), "--out", str(picture)]) == 0
    told = capsys.readouterr().out
    assert "Linear" in told and "said [bold]" in told and "3 steps in" in told and "cost of recording" in told
    row = next(line for line in told.splitlines() if line.startswith("loss "))
    assert row.split() == ["loss", "2.00", "0.500", "0.500", "2.00", "3"]
    assert page.stat().st_size > 50_000 and picture.read_bytes().startswith(b"\x89PNG")


def test_one_picture_as_a_page(folder: Path, tmp_path: Path) -> None:
    whole, one = tmp_path / "whole.html", tmp_path / "one.html"
    run = str(folder / "first")
    assert main(["runs", "show", run, "--out", str(whole)]) == 0
    assert main(["runs", "show", run, "--view", "curves", "--language", "zh-CN", "--out", str(one)]) == 0
    assert '<html lang="zh-CN">' in one.read_text(encoding="utf-8")
    assert '<html lang="en">' in whole.read_text(encoding="utf-8")


def test_runs_are_compared(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(folder / "first"), str(folder / "deep" / "second")]
    assert main(["runs", "compare", *runs, "--out", str(tmp_path / "both.html"), "--out", str(tmp_path / "both.png")]) == 0
    told = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line.startswith(str(folder))}
    assert rows == {runs[0]: ["finished", "3", "0.500", "0.500", "3"], runs[1]: ["finished", "3", "NaN", "0.250", "2"]}
    assert "lowest at the end: first, 0.500" in told
    assert (tmp_path / "both.html").exists() and (tmp_path / "both.png").exists()


def test_a_run_is_exported(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "export", str(folder / "first"), str(tmp_path / "out.csv")]) == 0
    assert "Wrote" in capsys.readouterr().out
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [row["value"] for row in csv.DictReader(file)] == ["2.0", "1.0", "0.5"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["list", "nowhere"], "There is no such folder"),
        (["list", "empty"], "There is no run in this folder"),
        (["show", "nowhere"], "There is no run here"),
        (["show", "runs/first", "--view", "curves"], "A picture needs a file"),
        (["show", "runs/first", "--view", "curve", "--out", "a.png"], "no view of that name"),
        (["show", "runs/first", "--view", "boundary", "--out", "a.png"], "No frames of boundary"),
        (["show", "runs/first", "--out", "a.txt"], "told by the suffix"),
        (["show", "runs/first", "--attempt", "7"], "no such attempt"),
        (["compare", "runs/first"], "takes two runs"),
        (["compare", "runs/first", "runs/deep/second", "--name", "los"], "No training told 'los'"),
        (["export", "runs/first", "out.xlsx"], "What to write is not clear"),
    ],
)
def test_what_is_wrong_is_told_in_three_lines(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: list[str], words: str
) -> None:
    monkeypatch.chdir(folder.parent)
    (folder.parent / "empty").mkdir()
    assert main(["runs", *asked]) == FAILED
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Error", "Received", "What to do"]
    assert words in lines[0]
    assert told.out == ""


def test_what_is_wrong_with_a_run_is_told_and_stands_on_its_page(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pellucid.report.recorded import recording_report

    assert main(["runs", "show", str(folder / "deep" / "second")]) == 0
    (fault,) = pl.Run(folder / "deep" / "second").diagnose()
    assert fault.id == "not_finite"
    assert " ".join(fault.narrate("en").split()) in " ".join(capsys.readouterr().out.split())
    page = recording_report(pl.Run(folder / "deep" / "second"))
    for edition in page.editions:
        section = next(one for one in edition.sections if one.id == "faults")
        assert [finding.text for finding in section.findings] == [fault.narrate(edition.language)]
    healthy = recording_report(pl.Run(folder / "first"))
    assert "None of the faults" in next(one for one in healthy.editions[0].sections if one.id == "faults").findings[0].text
