"""What methods promise of any forward pass: two sides of an identity that must meet, row by row.

A method plugs in by one entry of :data:`PROMISES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl

TARGET = 1


@dataclass(frozen=True, eq=False)
class Sides:
    """Both sides of the identity (row,), the sum of the sizes of all values (row,), and the values themselves (row, ...)."""

    left: np.ndarray
    right: np.ndarray
    size: np.ndarray
    values: np.ndarray

    def scores(self) -> np.ndarray:
        """|left - right| / max(|right|, a thousandth of the size), (row,)."""
        return np.abs(self.left - self.right) / np.maximum(np.maximum(np.abs(self.right), 1e-3 * self.size), 1e-300)


Promise = Callable[[nn.Module, Tensor, Tensor], Sides]


def difference(net: nn.Module, x: Tensor, baseline: Tensor) -> np.ndarray:
    """f(x) - f(baseline) by the network itself, both ends in one batch size, (row,) in float64."""
    with torch.no_grad():
        return (net(x.clone())[:, TARGET].double() - net(baseline.clone())[:, TARGET].double()).numpy()


def explained(net: nn.Module, x: Tensor, method: object, wanted: np.ndarray, **options: object) -> Sides:
    """What the values of one explanation add up to, beside what they should."""
    found = pl.explain(net, x, method, target=TARGET, checks="none", batch_size=len(x), **options).arrays[0].values  # type: ignore[arg-type]
    flat = found.astype(np.float64).reshape(len(x), -1)
    return Sides(flat.sum(1), wanted, np.abs(flat).sum(1), found)


def deeplift(net: nn.Module, x: Tensor, baseline: Tensor) -> Sides:
    """DeepLIFT: the difference from the baseline."""
    return explained(net, x, pl.DeepLIFT(baseline=baseline), difference(net, x, baseline))


def deepshap(net: nn.Module, x: Tensor, baseline: Tensor) -> Sides:
    """DeepSHAP: the mean difference from background rows, the baselines here."""
    background = baseline[:3] if not bool((baseline == baseline[:1]).all()) else baseline[:1]
    wanted = np.mean([difference(net, x, row.expand_as(x)) for row in background], 0)
    return explained(net, x, pl.DeepSHAP(), wanted, background=background)


def shap(net: nn.Module, x: Tensor, baseline: Tensor) -> Sides:
    """Shapley values: the difference from the baseline, by all coalitions of few players and by few coalitions of many."""
    players = x[0].numel()
    few = pl.SHAP(baseline=baseline, estimator="leverage", samples=2 * players + 4)
    return explained(net, x, pl.SHAP(baseline=baseline, estimator="exact") if players <= 8 else few, difference(net, x, baseline))


EPSILON = 1e-12
LRP = pl.LRP(composite="epsilon", epsilon=EPSILON)


def lrp(net: nn.Module, x: Tensor, baseline: Tensor, method: pl.LRP = LRP) -> Sides:
    """LRP's whole ledger, inputs and all else, beside the score as the network itself computes it; there is no baseline."""
    del baseline
    found = pl.explain(net, x, method, target=TARGET, checks="none", batch_size=len(x))
    with torch.no_grad():
        scores = net(x.clone())[:, TARGET].double().numpy()
    values = found.arrays[0].values.astype(np.float64).reshape(len(x), -1)
    return Sides(found.check("conservation").curves[0].values.sum(1), scores, np.abs(values).sum(1), found.arrays[0].values)


PROMISES: dict[str, Promise] = {"deeplift": deeplift, "deepshap": deepshap, "shap": shap, "lrp": lrp}
BOUND = 1e-9


PARTS = tuple(at / 16 for at in range(17))  # of the way from a baseline to a row


def float32_bound(net: nn.Module, wide: nn.Module, points: Iterable[Tensor]) -> float:
    """Four times the distance between the plain float32 and the float64 scores, at the worst places of both sides of a difference.

    What a forward pass loses at one point is a draw, which differs from processor to processor; a rule goes over all that lies between a
    row and its baseline. So the worst is taken over places on the way to each baseline, not at its ends alone.

    Args:
        net: in float32.
        wide: the same in float64.
        points: inputs (row, ...), the first those explained, the others baselines.
    """
    explained, *baselines = points

    def off(at: Tensor) -> float:
        return float((net(at)[:, TARGET].double() - wide(at.double())[:, TARGET]).abs().max())

    with torch.no_grad():
        ways = [off((one + part * (explained.double() - one)).float()) for one in baselines for part in PARTS]
        return 4 * (off(explained.float()) + max(ways))
