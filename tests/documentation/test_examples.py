"""The example scripts run without a screen, from any folder, and write the pictures that they promise."""

from __future__ import annotations

import importlib.util
import os
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


def test_keras_two_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras", reason="keras is not installed")
    boundary, shap = loaded("keras_two_features").main(tmp_path, epochs=8)
    assert "the lines between classes follow exactly" in capsys.readouterr().out
    assert all((tmp_path / f"{name}.png").stat().st_size > 20_000 for name in ("boundary", "beeswarm"))
    assert boundary.content is not None
    assert shap.arrays[0].values.shape == (200, 2)


def test_face_emotion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras", reason="keras is not installed")
    example = loaded("face_emotion")
    try:
        found = example.main(tmp_path)
    except SystemExit as error:
        pytest.skip(str(error))
    assert "The network says “happy” with a probability of 99.8\u00a0%" in capsys.readouterr().out
    assert (tmp_path / "face.png").stat().st_size > 50_000
    assert found["integrated_gradients"].verdict == "supported"
    assert all(example.on_the_mouth(one) > 1.5 * example.on_the_mouth(None) for one in found.values())


def test_resnet_gradcam(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shares = loaded("resnet_gradcam").main(tmp_path, count=60, epochs=3)
    assert "Grad-CAM at layer4 puts" in capsys.readouterr().out
    assert (tmp_path / "layer4.png").stat().st_size > 50_000
    assert sum(share > 0.25 for share in shares.values()) >= 3  # chance is a quarter of the mass


def test_steering_angle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = loaded("steering_angle").main(tmp_path, count=800, epochs=8)
    assert "on the cloud" in capsys.readouterr().out
    assert (tmp_path / "steering.png").stat().st_size > 30_000
    sound, misled = told.values()
    assert misled["off by, clouds anywhere"] > 3 * misled["off by, its own kind"]
    assert misled["on the cloud"] > 3 * sound["on the cloud"]
    assert sound["on the edges"] > misled["on the edges"]


def test_retina_photo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = loaded("retina_photo").main(tmp_path)
    assert "guessing" in capsys.readouterr().out  # the other half is lit differently: whether it is better depends on the training
    assert (tmp_path / "retina.png").stat().st_size > 50_000
    assert min(told["LRP"], told["Integrated gradients"]) > max(0.65, told["Gradient times input"] + 0.1)


def test_beginners_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("keras", reason="keras is not installed")
    with pytest.warns(UserWarning, match="target size"):  # torch warns too, where the shapes differ
        found = loaded("beginners_faults").main(tmp_path)
    told = capsys.readouterr().out
    for fault, name in (
        ("random labels", "no_better_than_base_rate"), ("broadcast loss", "broadcast_loss"), ("unbounded loss", "unbounded_loss"),
    ):  # fmt: skip
        assert name in found[fault][0]
        assert not found[fault][1]
    assert "Sequential has no predict_proba" in told
    assert "4 rows were explained" in told


@pytest.mark.skipif("PELLUCID_FRAMEWORKS" not in os.environ, reason="JAX is tested apart: this machine has no environment with it")
def test_flax_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, e = loaded("flax_training").main(tmp_path, epochs=4)
    assert "Cost(" in capsys.readouterr().out
    assert run.scalars("valid_accuracy").values[-1] > 0.8
    assert len(run.frames("layers")) > 0
    assert all((tmp_path / f"{name}.png").stat().st_size > 10_000 for name in ("curves", "digit"))
    assert e.verdict == "supported"
