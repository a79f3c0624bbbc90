"""The rules of LRP that the wall is built with, and what their results state of their own rounding."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

import pellucid as pl
from wall.promises import EPSILON, LRP, TARGET

METHODS = {
    "epsilon": LRP,
    "epsilon_gamma": pl.LRP(composite="epsilon_gamma", dense="gamma", epsilon=EPSILON),
    "alpha_beta": pl.LRP(composite="epsilon_plus", dense="alpha_beta", epsilon=EPSILON),
}


def stated(net: nn.Module, x: Tensor, method: pl.LRP) -> tuple[np.ndarray, np.ndarray]:
    """How far the ledger is from closing, and the rounding that the result states, both (row,)."""
    check = pl.explain(net, x, method, target=TARGET, checks="none", batch_size=len(x)).check("conservation")
    return check.value, check.reference
