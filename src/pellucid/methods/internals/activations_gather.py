"""What all rows make at every site, gathered in one pass in memory that does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pellucid.methods.internals.activations_curves import Curve, curve_of
from pellucid.methods.internals.activations_sketch import AT_ONCE, Related, Sketch, Units
from pellucid.models.rules.onlooker import look_on
from pellucid.models.rules.rows import RowsHidden
from pellucid.models.rules.sites import Seen, Site, Sites

if TYPE_CHECKING:
    from pellucid.methods.run import Evaluator
    from pellucid.models.bound_torch import BoundTorch

FEATURES = 4096  # of a table, up to which every unit is correlated with each
KEPT = 1 << 21  # values of one layer that are kept for scatters
SCATTERED = 20_000  # rows of a scatter
FEW = 1 << 17  # values that are not worth counting by themselves


@dataclass
class Points:
    """Where an activation function works: its curve, and what goes in."""

    curve: Curve
    before: str
    sketch: Sketch = field(default_factory=Sketch)
    values: int = 0
    shares: dict[str, np.ndarray] = field(default_factory=dict)
    _aside: list[Tensor] = field(default_factory=list)

    def add(self, operand: Tensor) -> None:
        """Adds (row, unit, place) values; few of them are put aside, since a recurrent layer comes with few at each of many steps."""
        if operand.numel() >= FEW:
            for part in _parts(operand):
                self._count(part)
            return
        self._aside.append(operand.clone())
        if sum(one.numel() for one in self._aside) >= FEW:
            self.settle()

    def settle(self) -> None:
        """Counts what was put aside."""
        aside, self._aside = self._aside, []
        if aside:
            self._count(torch.cat(aside, 2) if len(aside) > 1 else aside[0])

    def _count(self, operand: Tensor) -> None:
        self.sketch.add(operand)
        self.values += operand.shape[0] * operand.shape[2]
        for zone in ("zero", "saturated", "linear"):
            there = self.curve.within(operand, zone)
            count = np.zeros(operand.shape[1], np.int64) if there is None else there.sum((0, 2)).cpu().numpy()
            self.shares[zone] = self.shares.get(zone, 0) + count

    def join(self, other: Points) -> None:
        """Adds what was seen of another batch."""
        self.sketch.join(other.sketch)
        self.values += other.values
        self.shares = {zone: self.shares[zone] + count for zone, count in other.shares.items()} if self.shares else other.shares


@dataclass
class Given:
    """What a layer gives in one batch."""

    shape: tuple[int, ...]
    sketch: Sketch = field(default_factory=Sketch)
    totals: np.ndarray | None = None
    peaks: np.ndarray | None = None
    places: int = 0

    def add(self, output: Tensor) -> None:
        """Adds (row, unit, place) values; a layer may run several times in a pass."""
        self.sketch.add(output)
        if not output.shape[2]:
            return
        totals, peaks = _per_row(output)
        self.totals = totals if self.totals is None else self.totals + totals
        self.peaks = peaks if self.peaks is None else np.maximum(self.peaks, peaks)
        self.places += output.shape[2]


@dataclass
class Layer:
    """What a layer gives in all batches."""

    shape: tuple[int, ...]
    units: Units
    sketch: Sketch = field(default_factory=Sketch)
    related: Related | None = None
    kept_rows: list[np.ndarray] = field(default_factory=list)
    kept: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a batch by number; the table is of all rows, and the labels, which are numbers of the classes that have rows."""

    numbers: np.ndarray
    labels: np.ndarray | None
    table: np.ndarray | None


@dataclass
class Batch:
    """One batch's part, joined to the whole once all of it has run."""

    given: dict[Site, Given] = field(default_factory=dict)
    points: dict[Site, Points] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What is looked at: ``passed`` are layers that are not; of those ``detailed`` more is kept, and for each unit the ``top`` rows."""

    passed: frozenset[Site]
    detailed: frozenset[Site]
    top: int


@dataclass
class Gathered:
    """All that one pass gathers; ``alone``: rows are run one by one, since it is not known where they lie in a batch."""

    layers: dict[Site, Layer] = field(default_factory=dict)
    points: dict[Site, Points] = field(default_factory=dict)
    alone: bool = False


def gather(evaluator: Evaluator, watcher: Watcher, wanted: Wanted, *, labels: np.ndarray | None, table: np.ndarray | None) -> Gathered:
    """One pass over all rows, in the evaluator's batches."""
    found = Gathered()
    curves: dict[Site, Curve] = {}

    def one(rows: Tensor) -> Tensor:
        if found.alone and len(rows) > 1:
            return torch.cat([one(row) for row in rows.split(1)])
        batch = Batch()
        try:
            watcher.run(rows, lambda seen: _see(seen, batch, curves, wanted))
        except RowsHidden:
            if len(rows) == 1:
                raise
            found.alone = True
            return one(rows)
        _join(found, batch, Rows(rows.cpu().numpy(), labels, table), wanted)
        return torch.zeros(len(rows))

    for rows, _ in evaluator.pairs(1, "forward, units"):
        evaluator.run("forward, units", one, rows)
    return found


class Watcher:
    """Runs rows through the network and shows what every site makes."""

    def __init__(self, bound: BoundTorch) -> None:
        self.bound = bound
        self._see: Callable[[Seen], None] = lambda _: None
        self._sites = Sites(bound.net, lambda seen: self._see(seen))

    @property
    def attends(self) -> bool:
        """Whether something that attention is made of has run."""
        return bool(self._sites.met & {"softmax", "softmin", "scaled_dot_product_attention"})

    def run(self, rows: Tensor, see: Callable[[Seen], None]) -> None:
        """Shows ``see`` every site in order of execution."""
        self._see = see
        with self._sites.running(len(rows)):
            look_on(self._sites, self.bound.given(rows), lambda batch: self.bound.as_given(batch, rows))


def outline(watcher: Watcher, rows: Tensor) -> tuple[dict[Site, tuple[int, ...]], set[Site]]:
    """Every site in order of execution with the shape of its places, and those that only feed a normalization or activation function."""
    found: dict[Site, tuple[int, ...]] = {}
    feeds: set[Site] = set()

    def see(seen: Seen) -> None:
        found.setdefault(seen.site, seen.shape)
        if seen.before is not None and (seen.site.activates or "norm" in seen.site.operation):
            feeds.add(seen.before)

    for row in rows.split(1):  # of one row it is always known where it lies
        watcher.run(row, see)
    return found, feeds


def _see(seen: Seen, batch: Batch, curves: dict[Site, Curve], wanted: Wanted) -> None:
    site, output = seen.site, seen.output
    if site.activates and seen.call.operands[0].is_floating_point():
        if site not in curves:
            curves[site] = next((known for known in curves.values() if known.is_of(seen.call)), None) or curve_of(seen.call)
        if site not in batch.points:
            batch.points[site] = Points(curves[site], seen.before.name if seen.before is not None else "")
        batch.points[site].add(seen.apart(seen.call.operands[0]))
    if not site.gate and site not in wanted.passed and output.is_floating_point():
        batch.given.setdefault(site, Given(seen.shape)).add(seen.apart(output))


def _parts(values: Tensor) -> tuple[Tensor, ...]:
    """Rows together that are few enough to be looked at at once."""
    return values.split(max(1, AT_ONCE // max(1, values[0].numel())))


def _per_row(output: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(row, unit) sums and largest values over places."""
    parts = [(part.sum(2, dtype=torch.float64), part.amax(2)) for part in _parts(output)]
    sums, peaks = (torch.cat(each).cpu() for each in zip(*parts, strict=True))
    return sums.numpy(), peaks.float().numpy()


def _join(found: Gathered, batch: Batch, rows: Rows, wanted: Wanted) -> None:
    for site, points in batch.points.items():
        points.settle()
        found.points.setdefault(site, Points(points.curve, points.before)).join(points)
    for site, given in batch.given.items():
        if given.totals is None or given.peaks is None:
            continue
        units, detailed = given.totals.shape[1], site in wanted.detailed
        if site not in found.layers:
            classes = 0 if rows.labels is None or not detailed else int(rows.labels.max(initial=-1)) + 1
            found.layers[site] = Layer(given.shape, Units(units, classes, wanted.top))
        layer, means = found.layers[site], given.totals / given.places
        layer.sketch.join(given.sketch)
        layer.units.add(rows.numbers, means, given.peaks, None if rows.labels is None else rows.labels[rows.numbers])
        if rows.table is not None and detailed:
            _relate(layer, rows.numbers, means, rows.table)


def _relate(layer: Layer, rows: np.ndarray, means: np.ndarray, table: np.ndarray) -> None:
    if table.shape[1] <= FEATURES:
        layer.related = layer.related or Related(table[rows], means)
        layer.related.add(table[rows], means)
    apart = -(-len(table) // min(SCATTERED, max(1, KEPT // means.shape[1])))
    kept = rows % apart == 0
    layer.kept_rows.append(rows[kept])
    layer.kept.append(means[kept].astype(np.float32))
