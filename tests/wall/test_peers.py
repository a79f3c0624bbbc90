"""captum as an oracle, on networks where it is right: element-wise modules, each used once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl

captum = pytest.importorskip("captum.attr", reason="captum is not installed: make bench brings it")

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ReLU MLP": (lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)), (6,)),
    "tanh and sigmoid": (lambda: nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 8), nn.Sigmoid(), nn.Linear(8, 3)), (6,)),
    "ELU, softplus, leaky ReLU": (
        lambda: nn.Sequential(nn.Linear(6, 16), nn.ELU(), nn.Linear(16, 8), nn.Softplus(), nn.Linear(8, 3), nn.LeakyReLU()),
        (6,),
    ),
    "CNN": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(4, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        ),
        (2, 8, 8),
    ),
}
POOL = (lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)), (2, 8, 8))

SOFTMAX = (lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.Softmax(1), nn.Linear(8, 3)), (6,))


def situation(make: Callable[[], nn.Module], shape: tuple[int, ...]) -> tuple[nn.Module, Tensor, Tensor]:
    kept = torch.get_rng_state()
    torch.manual_seed(0)
    net, x, baseline = make().double().eval(), torch.randn(5, *shape).double(), torch.randn(5, *shape).double()
    torch.set_rng_state(kept)
    return net, x, baseline


def theirs(kind: str, net: nn.Module, x: Tensor, baseline: Tensor) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(captum, kind)(net).attribute(x, baseline, target=1).detach().numpy()


def ours(net: nn.Module, x: Tensor, method: object, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=1, checks="none", **options).arrays[0].values


def relative(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


@pytest.mark.parametrize("name", NETWORKS)
def test_deeplift_is_captum_s(name: str) -> None:
    net, x, baseline = situation(*NETWORKS[name])
    assert relative(ours(net, x, pl.DeepLIFT(baseline=baseline)), theirs("DeepLift", net, x, baseline)) <= 1e-6


@pytest.mark.parametrize("name", NETWORKS)
def test_deepshap_is_captum_s(name: str) -> None:
    net, x, baseline = situation(*NETWORKS[name])
    assert relative(ours(net, x, "deepshap", background=baseline), theirs("DeepLiftShap", net, x, baseline)) <= 1e-6


def test_where_captum_s_softmax_differs_ours_keeps_rows_apart() -> None:
    """captum's softmax rule normalizes over the whole batch, so that a row depends on its neighbors."""
    net, x, baseline = situation(*SOFTMAX)
    mine = [ours(net, x[:n], pl.DeepLIFT(baseline=baseline[:n]))[0] for n in (1, 5)]
    captums = [theirs("DeepLift", net, x[:n], baseline[:n])[0] for n in (1, 5)]
    assert relative(mine[0], mine[1]) <= 1e-9
    assert relative(captums[0], captums[1]) > 1e-2


def test_where_captum_s_max_pooling_differs_ours_adds_up() -> None:
    """captum hands a window's whole difference to places of both winners without regard to what each brings."""
    net, x, baseline = situation(*POOL)
    with torch.no_grad():
        wanted = (net(x) - net(baseline))[:, 1].numpy()
    mine, captums = ours(net, x, pl.DeepLIFT(baseline=baseline)), theirs("DeepLift", net, x, baseline)
    assert np.abs(mine.reshape(5, -1).sum(1) - wanted).max() <= 1e-12
    assert np.abs(captums.reshape(5, -1).sum(1) - wanted).max() > 0.1 * np.abs(wanted).max()
