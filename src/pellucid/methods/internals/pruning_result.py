"""What was measured of a network with units removed, written down."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binomtest
from torch import nn

from pellucid.explanation.contents.pruning import CHEAP, Criterion, LeftOut, Mask, PrunedLayer, Pruning
from pellucid.methods.internals.pruning_importance import Importance, agreement
from pellucid.methods.internals.pruning_runs import Z95, Judged
from pellucid.methods.internals.pruning_savings import savings
from pellucid.methods.internals.pruning_search import Search
from pellucid.methods.internals.pruning_units import Prunable

if TYPE_CHECKING:
    from pellucid.models.rules.graph import Graph


@dataclass(frozen=True, eq=False)
class Curves:
    """How many units each of the ``shares`` removes: ``steps`` of each layer alone; ``equal`` and ``ranked`` of all layers (layer,)."""

    shares: np.ndarray
    steps: list[np.ndarray]
    equal: list[np.ndarray]
    ranked: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class Looked:
    """What was looked at, and how; see :class:`pellucid.explanation.contents.pruning.Pruning`."""

    graph: Graph
    left_out: tuple[LeftOut, ...]
    known: int
    measuring: np.ndarray
    criterion: Criterion
    tolerance: float
    taylor_rows: int


def result(search: Search, curves: Curves, counts: np.ndarray, looked: Looked) -> Pruning:
    """Everything about a search whose suggestion removes ``counts`` units (layer,)."""
    net, answers, rows = search.runs.bound.net, search.answers, looked.measuring
    ones, measured = [layer.one for layer in search.layers], [layer.importance for layer in search.layers]
    stays = [layer.stays(int(count)).numpy() for layer, count in zip(search.layers, counts, strict=True)]
    before, after = search.judged(search.nothing), search.judged(counts)
    saved = savings(net, looked.graph, ones, stays)
    lost, won, p = _changed(before, after, rows)
    return Pruning(
        measure=answers.measure,
        criterion=looked.criterion,
        layers=tuple(_seen(search, at, step, stay, rows) for at, (step, stay) in enumerate(zip(curves.steps, stays, strict=True))),
        left_out=looked.left_out,
        known=looked.known,
        shares=curves.shares,
        equal=_together(search, curves.equal, rows, saved.parameters),
        ranked=_together(search, curves.ranked, rows, saved.parameters),
        tolerance=looked.tolerance,
        chosen=np.array([before.score(search.choosing), after.score(search.choosing)]),
        base=np.array([answers.base(rows)]),
        before=before.measured(rows),
        after=after.measured(rows),
        difference=_difference(before, after, rows),
        lost=lost,
        won=won,
        p=np.array([p]),
        masks=tuple(_masks(net, ones, stays)),
        parameters=saved.parameters,
        zeroed=search.parameters(counts),
        cut=saved.cut,
        flops=saved.flops,
        saved=saved.saved,
        agreement=_agreements(measured),
        ablated=sum(int(np.isfinite(how.cost[:, 0]).sum()) for how in measured),
        units=sum(one.units for one in ones),
        taylor_rows=looked.taylor_rows,
        choosing=len(search.choosing),
        measuring=len(rows),
        apart=not np.array_equal(search.choosing, rows),
        runs=search.runs.count,
        given=search.runs.evaluator.rows,
    )


def _agreements(measured: list[Importance]) -> np.ndarray:
    """Rank correlations of the cheap criteria with the measured cost over some layers, (criterion, 3)."""
    return np.stack([agreement([(how.value(name), how.value("measured")) for how in measured]) for name in CHEAP])


def _seen(search: Search, at: int, step: np.ndarray, stay: np.ndarray, measuring: np.ndarray) -> PrunedLayer:
    layer = search.layers[at]
    how = layer.importance
    return PrunedLayer(
        layer=layer.one.layer,
        type=layer.one.type,
        joined=layer.one.joined,
        parameters=layer.each,
        l1=how.l1,
        l2=how.l2,
        taylor=how.taylor,
        cost=how.cost,
        unchanged=how.unchanged,
        order=layer.order,
        removed=step,
        curve=np.stack([search.judged(search.alone(at, int(count))).measured(measuring) for count in step]),
        suggested=~stay,
        agreement=_agreements([how]),
    )


def _together(search: Search, counts: list[np.ndarray], measuring: np.ndarray, parameters: int) -> np.ndarray:
    """Score, low, high, loss and share of the parameters set to 0 along a curve of the whole network."""
    return np.stack([np.append(search.judged(one).measured(measuring), search.parameters(one) / parameters) for one in counts])


def _changed(before: Judged, after: Judged, rows: np.ndarray) -> tuple[int, int, float]:
    """Rows that were right before alone and after alone, and the exact McNemar test's p."""
    if before.right is None or after.right is None:
        return 0, 0, float("nan")
    lost, won = int((before.right & ~after.right)[rows].sum()), int((~before.right & after.right)[rows].sum())
    return lost, won, float(binomtest(lost, lost + won).pvalue) if lost + won else 1.0


def _difference(before: Judged, after: Judged, rows: np.ndarray) -> np.ndarray:
    """The change of the score on the same rows with its 95 % interval: Agresti & Min's (2005) of paired shares, or a normal one."""
    if before.right is None or after.right is None:
        falls = (before.losses - after.losses)[rows]
        half = Z95 * float(falls.std(ddof=1)) / len(rows) ** 0.5 if len(rows) > 1 else np.nan
        return np.array([falls.mean(), falls.mean() - half, falls.mean() + half])
    lost, won, _ = _changed(before, after, rows)
    count = len(rows) + 2
    middle = (won - lost) / count
    half = Z95 * float(np.sqrt(won + lost + 1 - (won - lost) ** 2 / count)) / count
    return np.array([(won - lost) / len(rows), middle - half, middle + half])


def _masks(net: nn.Module, ones: list[Prunable], stays: list[np.ndarray]) -> list[Mask]:
    """The masks of all parameters of which something is removed."""
    modules, found = dict(net.named_modules()), []
    for one, stay in zip(ones, stays, strict=True):
        for path, name in one.parts if not stay.all() else ():
            value = modules[path]._parameters[name]
            if value is not None:
                found.append(Mask(path, name, tuple(value.shape), np.tile(stay, len(value) // one.units).astype(np.uint8)))
    return found
