"""LRP's side of the wall: what inputs, biases, constants, softmax and epsilon hold together, beside the score itself."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from wall.promises import TARGET, Sides

EPSILON = 1e-12
METHODS = {
    "epsilon": pl.LRP(composite="epsilon", epsilon=EPSILON),
    "epsilon_gamma": pl.LRP(composite="epsilon_gamma", dense="gamma", epsilon=EPSILON),
    "alpha_beta": pl.LRP(composite="epsilon_plus", dense="alpha_beta", epsilon=EPSILON),
}


def lrp(net: nn.Module, x: Tensor, baseline: Tensor, method: pl.LRP = METHODS["epsilon"]) -> Sides:
    """The whole ledger, beside the score as the network itself computes it."""
    found = pl.explain(net, x, method, target=TARGET, checks="none", batch_size=len(x))
    with torch.no_grad():
        scores = net(x.clone())[:, TARGET].double().numpy()
    values = found.arrays[0].values.astype(np.float64).reshape(len(x), -1)
    return Sides(found.check("conservation").curves[0].values.sum(1), scores, np.abs(values).sum(1), found.arrays[0].values)


def stated(net: nn.Module, x: Tensor, method: pl.LRP) -> tuple[np.ndarray, np.ndarray]:
    """How far the ledger is from closing, and the rounding that the result states, both (row,)."""
    check = pl.explain(net, x, method, target=TARGET, checks="none", batch_size=len(x)).check("conservation")
    return check.value, check.reference
