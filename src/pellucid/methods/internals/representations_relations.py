"""How the features of a table go together with the outputs of a network: rank correlation over the rows, and mean gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from pellucid.errors import PellucidError
from pellucid.explanation.contents.representations import Relations

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator

FEATURES = 100  # of more no table is made
OUTPUTS = 20  # those that win in most rows, of more
QUANTILE = 1.959963984540054  # of the normal distribution, for 95 %


def relations(evaluator: Evaluator, outputs: np.ndarray, chosen: np.ndarray) -> Relations | None:
    """The relation of each feature to each output on the chosen rows; None where the input is no flat one of a few numbers."""
    bound = evaluator.bound
    if len(evaluator.values) != 1 or evaluator.values[0].ndim != 2 or any(bound.embedded) or outputs.ndim > 2:
        return None
    features = evaluator.values[0].detach().double().cpu().numpy()[chosen]
    outputs = outputs.reshape(len(outputs), -1)
    if not 1 <= features.shape[1] <= FEATURES or not (np.isfinite(features).all() and np.isfinite(outputs).all()):
        return None
    wins = np.bincount(outputs.argmax(1), minlength=outputs.shape[1])
    kept = np.sort(np.argsort(-wins, kind="stable")[:OUTPUTS])
    correlation = spearman(features, outputs[:, kept])
    low, high = interval(correlation, len(chosen))
    gradient, rising = _gradients(evaluator, kept, chosen)
    given = evaluator.situation.spec.class_names
    named = tuple(given[k] if len(given) == outputs.shape[1] else str(k) for k in kept)
    names = tuple(evaluator.specs[0].names or ())
    return Relations(
        features=names if len(names) == features.shape[1] else tuple(str(k) for k in range(features.shape[1])),
        outputs=named,
        count=outputs.shape[1],
        correlation=correlation,
        low=low,
        high=high,
        gradient=gradient,
        rising=rising,
        deviation=features.std(0),
    )


def spearman(features: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Rank correlations (feature, output), ties at their mean rank; not-a-number where one does not vary."""
    first, second = (ranks - ranks.mean(0) for ranks in (rankdata(features, axis=0), rankdata(outputs, axis=0)))
    with np.errstate(invalid="ignore", divide="ignore"):
        found = first.T @ second / np.outer(np.linalg.norm(first, axis=0), np.linalg.norm(second, axis=0))
    return np.clip(found, -1, 1)


def interval(correlation: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of rank correlations, by Fisher's transform with the variance of Bonett and Wright (2000)."""
    reach = QUANTILE * np.sqrt((1 + correlation**2 / 2) / (rows - 3))
    with np.errstate(divide="ignore"):
        middle = np.arctanh(correlation)
    return np.tanh(middle - reach), np.tanh(middle + reach)


def _gradients(evaluator: Evaluator, outputs: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the rows (feature, output), and shares of rows in which the gradient is above 0; not-a-number where there is none."""
    shape = evaluator.values[0].shape[1], len(outputs)
    total, above = np.zeros(shape), np.zeros(shape)
    index = torch.from_numpy(chosen).to(evaluator.device)
    try:
        for place, output in enumerate(outputs.tolist()):

            def score(found: Tensor, _: Tensor, output: int = output) -> Tensor:
                return found.reshape(len(found), -1)[:, output]

            def gradient(rows: Tensor) -> Tensor:
                return evaluator.bound.gradients((evaluator.values[0][rows],), rows, score)[1][0]

            for at, _ in evaluator.pairs(1, "gradient", rows=len(chosen)):
                found = evaluator.run("gradient", gradient, index[at]).double().cpu().numpy()
                total[:, place] += found.sum(0)
                above[:, place] += (found > 0).sum(0)
    except PellucidError:  # nothing that torch can differentiate: the correlations stand alone
        return np.full(shape, np.nan), np.full(shape, np.nan)
    return total / len(chosen), above / len(chosen)
