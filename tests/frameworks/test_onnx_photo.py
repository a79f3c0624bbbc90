"""EfficientNet-Lite0 as ONNX: occlusion, SHAP and Grad-CAM draw what they draw for the original, and the example runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from demo_networks.test_efficientnet import needs_wheels
from pellucid.demo.cat_mask import cat_among_others
from pellucid.demo.efficientnet import efficientnet_lite0, preparation

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "onnx_photo.py"


@needs_wheels
@pytest.mark.slow
@pytest.mark.usefixtures("exporter")
def test_a_photo_classifier_in_onnx_is_explained_as_in_torch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("onnx_photo", EXAMPLE)
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    apart = example.main(tmp_path)
    assert set(apart) == {"Occlusion", "SHAP", "Grad-CAM"}
    assert (tmp_path / "onnx-and-torch.png").stat().st_size > 100_000
    assert "of the largest value apart" in capsys.readouterr().out
    # a cell is the difference of two logits; what they lose in float32 bounds what maps may lose
    net, x = efficientnet_lite0(), torch.from_numpy(preparation().apply(cat_among_others()[0]))
    with torch.no_grad():
        narrow, wide = net(x), net.double()(x.double())
    rounding = float((narrow - wide).abs().max() / wide.abs().max())
    assert max(apart.values()) < 100 * rounding
