"""Whether the relevance of the inputs alone is the score, as it must be where nothing else keeps any.

Our own ledger says whether anything else does: biases, constants, a softmax, the stabilizer. Most networks have biases, so a copy without
them is looked at too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from wall.cases import Case
from wall.promises import LRP, TARGET, Sides

KEPT = 1e-6  # of the score: what else may keep, for the inputs to be compared with the score


@dataclass(frozen=True, eq=False)
class Look:
    """A network of which the inputs must have all of the score.

    Attributes:
        biased: whether it has its biases.
        score: (row,).
        ours: the sides by our LRP.
    """

    net: nn.Module
    biased: bool
    score: np.ndarray
    ours: Sides


def look(case: Case) -> Look | None:
    """The network as it is, or without biases; None where something else keeps relevance even then."""
    x = case.rows()
    for biased in (True, False):
        net = case.network() if biased else without_biases(case.network())
        kept, ours = _ledger(net, x)
        if (kept <= KEPT * np.abs(ours.right)).all():
            return Look(net, biased, ours.right, ours)
    return None


def without_biases(net: nn.Module) -> nn.Module:
    """The network, every parameter with "bias" in its name set to zero."""
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "bias" in name:
                parameter.zero_()
    return net


def as_sides(relevance: np.ndarray, score: np.ndarray) -> Sides:
    """The relevance of the inputs beside the score."""
    flat = relevance.astype(np.float64).reshape(len(score), -1)
    return Sides(flat.sum(1), score, np.abs(flat).sum(1), relevance)


def _ledger(net: nn.Module, x: Tensor) -> tuple[np.ndarray, Sides]:
    """How much something else than the inputs keeps (row,), and the inputs beside the score."""
    with torch.no_grad():
        score = net(x.clone())[:, TARGET].numpy()
    found = pl.explain(net, x, LRP, target=TARGET, checks="none", batch_size=len(x))
    (table,) = found.check("conservation").curves
    others = [n for n, entry in enumerate(table.coordinates["entry"]) if entry != "inputs"]
    return np.abs(table.values[:, others]).max(1), as_sides(found.arrays[0].values, score)
