"""How much of a call of every method is not spent inside the model: ``python -m benchmarks.outside_methods [METHOD ...]``.

One row, ``checks="none"``, networks of which one call costs more than a millisecond. Inside the model is what the bound network does:
its forward and backward passes, for methods that go by rules with the rules. Budgets are small, the worst case: fixed costs weigh most.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

import pellucid as pl
from benchmarks.cases import network
from benchmarks.machine import described
from benchmarks.outside import outside_share
from benchmarks.pairing import cpu_seconds

REPEATS, AIM = 5, 0.10
RESULT = Path(__file__).parent / "results" / "outside_methods.md"


@dataclass(frozen=True)
class Subject:
    """A network, one row for it, and background rows."""

    name: str
    net: nn.Module
    row: Tensor
    background: Tensor


@cache
def photo() -> Subject:
    """EfficientNet-Lite0 at 224 pixels."""
    torch.manual_seed(0)
    return Subject("EfficientNet-Lite0", network(), torch.randn(1, 3, 224, 224), torch.randn(4, 3, 224, 224))


class Encoder(nn.Module):
    """A transformer encoder on windows of a series, the mean of its tokens classified."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
        self.enter, self.encoder, self.head = nn.Linear(16, 128), nn.TransformerEncoder(layer, 4), nn.Linear(128, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.enter(x)).mean(1))


@cache
def series() -> Subject:
    """A transformer encoder of 4 blocks, 128 steps."""
    torch.manual_seed(0)
    return Subject("transformer encoder", Encoder().eval(), torch.randn(1, 128, 16), torch.randn(4, 128, 16))


@cache
def table() -> Subject:
    """A wide MLP on 30 features."""
    torch.manual_seed(0)
    widths = (30, 2048, 2048, 2048, 2)
    layers: list[nn.Module] = []
    for given, made in itertools.pairwise(widths):
        layers += [nn.Linear(given, made), nn.ReLU()]
    return Subject("MLP 30-2048-2048-2048-2", nn.Sequential(*layers[:-1]).eval(), torch.randn(1, 30), torch.randn(32, 30))


METHODS: dict[str, tuple[Callable[[], Subject], Any]] = {
    "integrated_gradients": (photo, pl.IntegratedGradients(steps=16)),
    "expected_gradients": (photo, pl.ExpectedGradients(samples=32)),
    "conductance": (photo, pl.Conductance(steps=8)),
    "smoothgrad": (photo, pl.SmoothGrad(samples=16)),
    "gradient": (photo, pl.Gradient()),
    "gradient_times_input": (photo, pl.GradientTimesInput()),
    "deeplift": (photo, pl.DeepLIFT()),
    "deepshap": (photo, pl.DeepSHAP()),
    "lrp": (photo, pl.LRP()),
    "fullgrad": (photo, pl.FullGrad()),
    "guided_backprop": (photo, pl.GuidedBackprop()),
    "deconvolution": (photo, pl.Deconvolution()),
    "gradcam": (photo, pl.GradCAM()),
    "gradcam++": (photo, pl.GradCAMPlusPlus()),
    "hirescam": (photo, pl.HiResCAM()),
    "layercam": (photo, pl.LayerCAM()),
    "scorecam": (photo, pl.ScoreCAM(channels=32)),
    "ablationcam": (photo, pl.AblationCAM()),
    "eigencam": (photo, pl.EigenCAM()),
    "attention": (series, pl.Attention()),
    "attention_norm": (series, pl.AttentionNorm()),
    "attention_rollout": (series, pl.AttentionRollout()),
    "attention_gradient": (series, pl.AttentionGradient()),
    "shap": (photo, pl.SHAP(samples=128)),
    "lime": (photo, pl.LIME(samples=240)),
    "occlusion": (photo, pl.Occlusion(window=32)),
    "rise": (photo, pl.RISE(masks=64)),
    "sobol": (photo, pl.Sobol(designs=4)),
    "mask": (photo, pl.Mask(steps=10)),
    "sensitivity": (table, pl.Sensitivity()),
    "random": (photo, pl.Random()),
}


def call(subject: Subject, method: Any) -> pl.Explanation:
    """One explanation."""
    return pl.explain(subject.net, subject.row, method, target=1, background=subject.background, checks="none")


def line(name: str) -> str:
    """One row of the table."""
    make, method = METHODS[name]
    subject = make()
    for _ in range(3):  # the batch size settles
        made = call(subject, method)
    found = outside_share(lambda: call(subject, method), REPEATS)
    whole = float(np.median([cpu_seconds(lambda: call(subject, method)) for _ in range(3)]))
    within = "" if found.share <= AIM else " (over)"
    return (
        f"| `{name}` | {subject.name} | {made.provenance.evaluations} | {whole * 1e3:.0f} | {found.seconds * 1e3:.1f} "
        f"| {found.share:.1%}{within} |"
    )


def main(chosen: tuple[str, ...] = ()) -> None:
    """Measures, prints, and writes ``results/outside_methods.md``; rows of methods that were not chosen stay as they were."""
    torch.set_num_threads(1)
    console = Console(width=120)
    kept = {row.split("`")[1]: row for row in RESULT.read_text("utf-8").splitlines() if row.startswith("| `")} if RESULT.is_file() else {}
    kept |= {name: line(name) for name in track(chosen or tuple(METHODS), "methods", console=console, transient=True)}
    text = ["# Outside the model", "", *described("python -m benchmarks.outside_methods", ("torch", "numpy", "pellucid"))]
    text += [
        f'- one row, one thread, `checks="none"`, median of {REPEATS} calls; the aim is at most {AIM:.0%}',
        "- inside the model: forward and backward passes of the bound network; for methods that go by rules, with the rules",
        "",
        "| method | network | model rows | CPU ms of a call | of it outside, ms | share outside |",
        "|---|---|---|---|---|---|",
        *(kept[name] for name in METHODS if name in kept),
    ]
    console.print("\n".join(text), markup=False, highlight=False, soft_wrap=True)
    RESULT.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
