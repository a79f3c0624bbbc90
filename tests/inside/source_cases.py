"""Five networks whose annotated source is kept beside the tests; ``python tests/inside/source_cases.py`` writes it anew.

Weights and rows are drawn by numpy and kept in float64, so that three digits are the same on every machine.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import pellucid as pl

NAMES = ("mlp", "residual", "loop", "transformer", "recurrent")
LANGUAGES = ("en", "zh-CN")
PLACE = Path(__file__).parent / "source_golden"
SHAPES = {"mlp": (20, 6), "residual": (12, 1, 8, 8), "loop": (20, 4), "recurrent": (10, 7, 3)}


def network(name: str) -> nn.Module:
    """The network of one file of ``source_models``."""
    net = import_module(f"inside.source_models.{name}").Net().double().eval()
    return with_weights(net)


def with_weights(net: nn.Module) -> nn.Module:
    """The network with drawn weights."""
    generator = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.from_numpy(generator.normal(0, 0.5, tuple(parameter.shape))))
    return net


def rows(name: str) -> torch.Tensor:
    """What it takes."""
    generator = np.random.default_rng(1)
    if name == "transformer":
        return torch.from_numpy(generator.integers(0, 11, (10, 5)))
    return torch.from_numpy(generator.normal(size=SHAPES[name]))


@cache
def inspected(name: str, target: Any = None) -> pl.Explanation:
    """Its source, looked at."""
    return pl.inspect(network(name), pl.LookAtSource(target=target), rows(name), batch_size=8)


def annotated(name: str, language: str) -> str:
    """What the file beside the tests must hold."""
    target = pl.Class(1) if name in ("mlp", "transformer") else None
    return pl.annotated_source(inspected(name, target), language=language, times=False)  # type: ignore[arg-type]


def main() -> None:
    """Writes the files."""
    PLACE.mkdir(exist_ok=True)
    for name in NAMES:
        for language in LANGUAGES:
            (PLACE / f"{name}.{language}.txt").write_text(annotated(name, language), encoding="utf-8", newline="")


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(Path(__file__).parents[1]))
    main()
