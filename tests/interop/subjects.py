"""Small networks and their explanations, handed to other tools and back."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

import pellucid as pl
from pellucid.explanation import Explanation

CLASSES = ("a", "b", "c")
NAMES = ("age", "height", "weight", "pulse", "pressure", "sugar")


def table_net() -> torch.nn.Module:
    """Answers by one strong product per class, so that a right order is far from a random one."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(6, 3))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[5.0, 0.1, -3, 0.2, 0, 1], [-4, 0.1, 3, 0, 0.3, 0.1], [0.1, 4, 0.2, -3, 0.1, 0]]))
    return net


def table_rows() -> torch.Tensor:
    return torch.randn(8, 6, generator=torch.Generator().manual_seed(1)) + 0.5


@cache
def table() -> Explanation:
    spec = pl.ModelSpec((pl.InputSpec(kind="tabular", names=NAMES),))
    return pl.explain(table_net(), table_rows(), "integrated_gradients", target=0, spec=spec, class_names=CLASSES)


def image_net() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(16, 3)
    )


def image_rows() -> torch.Tensor:
    return torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(2))


@cache
def images() -> Explanation:
    return pl.explain(image_net(), image_rows(), "gradient_times_input", target=1)


def same(first: Explanation, second: Explanation) -> bool:
    """Whether two explanations hold the same bits: values, data, scores at the baseline, names."""
    pairs = [
        (first.arrays[0].values, second.arrays[0].values),
        (first.inputs[0].data.values, second.inputs[0].data.values),
        (first.decision.baseline_scores, second.decision.baseline_scores),
    ]
    bits = all(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in map(_whole, pairs))
    return bits and first.arrays[0].axes == second.arrays[0].axes and first.arrays[0].coordinates == second.arrays[0].coordinates


def _whole(pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(pair[0]), np.ascontiguousarray(pair[1])
