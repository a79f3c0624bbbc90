"""The example scripts run without a screen, from any folder, and write the pictures that they promise."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import pellucid as pl

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    if spec is None or spec.loader is None:
        pytest.fail(f"no example {name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its annotations up there
    spec.loader.exec_module(module)
    return module


def test_watch_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = loaded("watch_digits").main(tmp_path, epochs=12)
    told = capsys.readouterr().out
    assert "Cost(" in told
    assert {"curves.png", "attributions.png"} <= {path.name for path in tmp_path.glob("*.png")}
    assert all(path.stat().st_size > 10_000 for path in tmp_path.glob("*.png"))
    assert isinstance(run, pl.Run)
    assert run.scalars("valid_accuracy").values[-1] > 0.9
    assert run.scalars("learning_rate").values.tolist() == [1e-3, 1e-4]


def test_linear_regression_gradient_flow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = loaded("linear_regression_gradient_flow").main(tmp_path)
    assert "momentum" in capsys.readouterr().out
    assert all((tmp_path / name).stat().st_size > 30_000 for name in ("flow.png", "surface.png"))
    ends = {path.name: float(path.loss[-1]) for path in found.content.paths}
    assert ends["momentum"] < ends["Adam"] < ends["SGD"] < 2.0


def test_table_three_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = loaded("table_three_models").main(tmp_path)
    words = capsys.readouterr().out
    assert "The support-vector machine uses" in words
    assert "rank correlation is" in words
    assert all((tmp_path / f"{name}.png").stat().st_size > 20_000 for name in ("quality", "agreement", "reasons-small-network"))
    assert all(one.quality.better_than_base_rate for one in told)
    linear = told[0].explanation
    assert linear.error_kind == "exact"
    assert "LinearRegression" in linear.provenance.model


def test_keras_classifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras", reason="keras is not installed")
    run, slopes = loaded("keras_classifier").main(tmp_path, epochs=4)
    assert "income" in capsys.readouterr().out
    assert all((tmp_path / f"{name}.png").stat().st_size > 20_000 for name in ("curves", "weights", "activations", "importance", "lime"))
    assert run.scalars("val_accuracy").values[-1] > 0.9
    sizes = np.abs(slopes.arrays[0].values).mean(0)
    assert set(np.argsort(-sizes)[:2]) == {0, 1}  # the two features that matter most
    assert any((tmp_path / "tensorboard").iterdir())
