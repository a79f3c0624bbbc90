"""``pellucid inspect`` of several things: what does not apply is named, and nothing else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pellucid.cli import main
from pellucid.cli.loaded import inspections_of
from pellucid.errors import UnknownName
from pellucid.methods.internals.registry import INSPECTIONS

MODEL = "inside.source_models.loop:Net"


def test_all_is_what_applies(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "inside.html"
    assert main(["inspect", "all", "--model", MODEL, "--input", str(rows), "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert "feature_visualization: " in told.err and "structure: " not in told.err
    assert out.stat().st_size > 100_000
    assert "Structure" in told.out and "Weights" in told.out


def test_one_that_does_not_apply_does_not_take_the_others_with_it(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "inside.html"
    asked = ["inspect", "feature_visualization", "structure", "--model", MODEL, "--input", str(rows), "--out", str(out)]
    assert main(asked) == 2
    told = capsys.readouterr()
    assert "feature_visualization: " in told.err and "Structure" in told.out and out.exists()


def test_none_that_applies_is_an_error(rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "inside.html"
    assert main(["inspect", "feature_visualization", "--model", MODEL, "--input", str(rows), "--out", str(out)]) == 2
    assert capsys.readouterr().err.startswith("Error: ") and not out.exists()


def test_options_go_to_those_that_have_them() -> None:
    boundary, pruning = inspections_of(["decision_boundary", "pruning"], ["resolution=50", "tolerance=0.1"])
    assert boundary.resolution == 50 and pruning.tolerance == 0.1  # type: ignore[attr-defined]
    assert [one.id for one in inspections_of(["all"], [])] == list(INSPECTIONS)
    with pytest.raises(UnknownName, match="option of structure, pruning"):
        inspections_of(["structure", "pruning"], ["resolution=50"])
