"""The counting that the benchmarks rest on, on a tiny network: rows evaluated are what the mathematics needs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from benchmarks.counting import counted
from torch import nn

import pellucid as pl

WINDOWS = 16  # 4 x 4 windows of 2 pixels on 8 x 8


def tiny() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5)
    ).eval()


def attending() -> nn.Sequential:
    """As tiny, with the patches of the image attending to one another."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 8, dropout=0.0, batch_first=True)
    pooled = nn.Sequential(nn.Flatten(2), Swapped(), layer, Swapped(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, 8, 2, stride=2), *pooled, nn.Linear(8, 5)).eval()


class Swapped(nn.Module):
    """(sample, a, b) to (sample, b, a)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mT


def rows_of(net: nn.Sequential, x: torch.Tensor, method: Any, **options: Any) -> tuple[int, int]:
    with counted(net[0], net[-1]) as found:
        made = pl.explain(net, x, method, target=2, checks="none", **options)
    assert made.provenance.evaluations == found.entered
    return found.entered - found.differentiated, found.differentiated


# per explained row: (forward rows, gradient rows); the forward row is f(x), which says what is predicted
FORMULAS = {
    "integrated_gradients": (pl.IntegratedGradients(steps=7, rule="adaptive"), (2, 7)),  # and f(baseline), to which the sum is held
    "deeplift": (pl.DeepLIFT(), (3, 1)),  # f(x), and f(baseline) by the plain model and by the rules; mean colors differ
    "expected_gradients": (pl.ExpectedGradients(samples=32), (2, 32)),  # without a background, its mean score is that of the baseline
    "conductance": (pl.Conductance(steps=7), (1, 7)),
    "deepshap": (pl.DeepSHAP(), (3, 1)),  # without a background, DeepLIFT
    "lrp": (pl.LRP(), (0, 1)),
    "fullgrad": (pl.FullGrad(), (0, 1)),
    "guided_backprop": (pl.GuidedBackprop(), (0, 1)),
    "deconvolution": (pl.Deconvolution(), (0, 1)),
    "smoothgrad": (pl.SmoothGrad(samples=6), (1, 6)),
    "gradient": (pl.Gradient(), (0, 1)),
    "gradient_times_input": (pl.GradientTimesInput(), (0, 1)),
    "occlusion": (pl.Occlusion(window=2), (WINDOWS + 1, 0)),
    "shap": (pl.SHAP(samples=140, estimator="leverage"), (140, 0)),
    "gradcam": (pl.GradCAM(), (0, 1)),
    "gradcam++": (pl.GradCAMPlusPlus(), (0, 1)),
    "hirescam": (pl.HiResCAM(), (0, 1)),
    "layercam": (pl.LayerCAM(), (0, 1)),
    "scorecam": (pl.ScoreCAM(channels=4), (1 + 4, 0)),
    "ablationcam": (pl.AblationCAM(channels=4), (1 + 2 + 4, 0)),  # two prove that what lies above the layer may be run alone
    "eigencam": (pl.EigenCAM(), (1, 0)),
    "random": (pl.Random(), (1, 0)),
    "lime": (pl.LIME(samples=400), (1 + 400, 0)),
    "rise": (pl.RISE(masks=16), (1 + 16, 0)),
    "sobol": (pl.Sobol(designs=4), (1 + 4 * (8 * 8 + 2), 0)),
    "mask": (pl.Mask(steps=3, areas=(0.1, 0.3)), (2, 3 * 2)),  # f(x), and f(in-fill)
    "sensitivity": (pl.Sensitivity(points=7), (1 + 3 * 7, 0)),
    "attention": (pl.Attention(), (0, 1)),
    "attention_norm": (pl.AttentionNorm(), (0, 1)),
    "attention_rollout": (pl.AttentionRollout(), (0, 1)),
    "attention_gradient": (pl.AttentionGradient(), (0, 1)),
}


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("method", FORMULAS)
def test_rows_are_what_the_mathematics_needs(method: str, rows: int) -> None:
    chosen, (forward, gradient) = FORMULAS[method]
    net, x = attending() if "attention" in chosen.needs else tiny(), torch.randn(rows, 3, 8, 8)
    if method == "sensitivity":  # of the features of tables alone
        net, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5)).eval(), torch.randn(rows, 3)
    pl.explain(net, x, chosen, target=2, checks="none")  # Grad-CAM looks for its layer once, by one more row
    assert rows_of(net, x, chosen) == (forward * rows, gradient * rows)
    assert rows_of(net, x, chosen, batch_size=5) == (forward * rows, gradient * rows)


def test_every_registered_method_has_its_formula() -> None:
    assert set(FORMULAS) == {row.id for row in pl.methods()}


def test_grad_cam_looks_for_its_layer_by_one_row() -> None:
    assert rows_of(tiny(), torch.randn(3, 3, 8, 8), "gradcam") == (1, 3)


def test_a_row_too_many_would_be_seen() -> None:
    net, x = tiny(), torch.randn(2, 3, 8, 8)
    with counted(net[0], net[-1]) as found:
        net(x)
        with torch.no_grad():
            net(x[:1])
    assert (found.entered, found.differentiated, found.largest) == (3, 2, 2)


def test_hooks_are_taken_away() -> None:
    net = tiny()
    with counted(net[0], net[-1]):
        pass
    assert not net[0]._forward_pre_hooks and not net[-1]._forward_hooks
