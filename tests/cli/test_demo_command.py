"""``pellucid demo`` runs the demo with the options it was given; the demo itself is tested where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.cli import main
from pellucid.cli.main import FAILED, INTERRUPTED
from pellucid.demo import run


@pytest.fixture
def called(monkeypatch):
    options = []
    monkeypatch.setattr(run, "run_demo", lambda given, console: options.append(given))
    return options


def test_the_options_reach_the_demo(called):
    assert main(["demo", "--folder", "out", "--chapter", "patient", "--chapter", "photo", "--seed", "3", "--language", "zh-CN"]) == 0
    (options,) = called
    assert (options.folder, options.language, options.chapters, options.seed) == (Path("out"), "zh-CN", ("patient", "photo"), 3)


def test_all_chapters_are_run_if_none_is_named(called):
    assert main(["demo"]) == 0
    assert called[0].chapters == tuple(run.CHAPTERS)


def test_an_unknown_chapter_is_said(called, capsys):
    assert main(["demo", "--chapter", "patients"]) == FAILED
    assert "'patient'" in capsys.readouterr().err
    assert called == []


def test_ctrl_c_is_said_without_a_traceback(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_demo", interrupted)
    assert main(["demo"]) == INTERRUPTED == 130
    said = capsys.readouterr().err
    assert "Stopped" in said
    assert "Traceback" not in said
