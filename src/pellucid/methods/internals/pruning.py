"""What can be removed from a network: units by importance, what each layer can spare, and a mask that was tried out."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import nn

from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.contents.pruning import Criterion, LeftOut, Pruning
from pellucid.methods.internals.pruning_importance import Importance, magnitudes, removed_alone, taylor
from pellucid.methods.internals.pruning_result import Curves, Looked, result
from pellucid.methods.internals.pruning_runs import Answers, Runs, answers
from pellucid.methods.internals.pruning_search import Layer, Search, part
from pellucid.methods.internals.pruning_units import Prunable, prunable
from pellucid.models.torch_model import TorchModel

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.methods.run import Evaluator
    from pellucid.models.bound_torch import BoundTorch
    from pellucid.models.protocol import Capability
    from pellucid.models.rules.graph import Graph

SEEN = 2  # rows by which the network is followed: an axis that is 1 for one row is not taken for another
FEWEST = 20  # rows that choose and rows that measure, for these to be others
MOST = 40  # layers
ABLATIONS = (128, 4096)  # units that are removed alone, at least and at most where it is not said how many
WORK = 1 << 36  # FLOPs of whole runs that removing units alone may take, beyond the first 128
TAYLOR = 100  # rows of Taylor importance: each takes a pass of its own


@dataclass(frozen=True)
class LookAtPruning:
    """How much each unit matters, how much each layer can spare, and the largest removal found that keeps the score; all measured.

    A unit is an output of a dense layer, a filter of a convolution, or a hidden unit of a recurrent layer. Removing it is setting its
    weights and bias to 0, with that channel of the batch normalization behind it, so that it gives 0. Its importance: size of its weights
    (Li et al. 2017), mean |output times gradient of the loss| (Molchanov et al. 2017), and the mean size of the change of a row's loss
    with this unit alone removed. Curves and suggestion are runs of the network with units removed, never estimates. Where there are 40
    rows, half of them, by ``seed``, rank and choose, and the other half measure: a mask that was chosen by a score looks better by it.

    Without labels the network's own answers take their place; where outputs are no classes, R2 with respect to them. A network that is
    no better than always giving the most frequent class has no score to keep: only units that move no output are suggested.

    Attributes:
        tolerance: by how much the score may fall on the rows that choose.
        criterion: by what units are ranked: the measured cost if not given, Taylor importance where not all units could be measured.
        shares: of units removed along the curves.
        layers: which to look at; up to 40 at even depths if not given.
        ablations: how many units at most are removed alone, of more a draw; if not given 128, of small networks up to 4,096.
        samples: how many rows at most; of more a draw.

    What it does not show: what training after the removal would recover; time, which masks do not save; units that are spare only
    because others stand in for them can not all go, which is why all are tried out together.

    Raises:
        InputError: no data; labels where outputs are no classes; nothing that could be removed.
        UnknownName: no such layer.
        UnsupportedOperation: the forward pass holds scripted code or an operation that is not known.
    """

    tolerance: float = 0.01
    criterion: Criterion | None = None
    shares: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)
    layers: Sequence[str] | None = None
    ablations: int | None = None
    samples: int = 1000

    id: ClassVar[str] = "pruning"
    kind: ClassVar[Kind] = "layers"
    needs: ClassVar[frozenset[Capability]] = frozenset({"graph", "parameters"})

    def look(self, inside: Inside) -> Pruning:
        """What was measured."""
        if not isinstance(inside.model, TorchModel):
            remedy = "give the torch.nn.Module itself"
            raise CapabilityError("Units are removed from a torch module", received=inside.model.name, remedy=remedy)
        self._check()
        evaluator = inside.rows("What can be removed", need="as many rows as there are: few tell little")
        bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
        rows = self._rows(evaluator, inside.labels)
        judge = answers(evaluator, inside.labels, rows)
        some = torch.arange(min(SEEN, evaluator.rows))
        graph = bound.graph(tuple(value[some] for value in evaluator.values), some)
        found, left = prunable(bound.net, graph)
        ones = self._chosen(found, left)
        choosing, measuring = _halves(len(rows), evaluator.situation.seed)
        ablations = self._ablations(graph, ones, len(choosing))
        runs = Runs(evaluator, rows, planned=ablations + (2 * len(ones) + 2) * len(self.shares))
        measured = self._importance(runs, ones, judge, choosing, ablations)
        criterion = self._criterion(measured)
        layers = [
            Layer(one, how, how.order(criterion), _elements(bound.net, one) // one.units) for one, how in zip(ones, measured, strict=True)
        ]
        search = Search(runs, layers, judge, choosing)
        curves = self._curves(search, criterion)
        return result(
            search,
            curves,
            self._suggested(search, curves),
            Looked(graph, tuple(left), len(found), measuring, criterion, float(self.tolerance), min(len(choosing), TAYLOR)),
        )

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Raises where an option makes no sense."""
        if not self.shares or list(self.shares) != sorted({share for share in self.shares if 0 <= share <= 1}):
            raise InputError(
                "Shares of units are numbers from 0 to 1 that rise", received=repr(self.shares), remedy="give (0.0, 0.25, 0.5)"
            )
        if self.tolerance < 0 or self.samples < 1 or (self.ablations is not None and self.ablations < 1):
            received = f"tolerance={self.tolerance}, samples={self.samples}, ablations={self.ablations}"
            raise InputError("An option is too small", received=received, remedy="give a tolerance from 0 on, and at least 1 of the others")

    def _rows(self, evaluator: Evaluator, labels: np.ndarray | None) -> np.ndarray:
        """The rows that are looked at, in order: those with a label, where there are labels."""
        known = np.arange(evaluator.rows) if labels is None else np.flatnonzero(labels >= 0)
        if len(known) == 0:
            raise InputError("No row has a label", received=f"{evaluator.rows} rows", remedy="leave labels out")
        drawn = np.random.default_rng(evaluator.situation.seed).permutation(len(known))[: self.samples]
        return known[np.sort(drawn)]

    def _chosen(self, found: list[Prunable], left: list[LeftOut]) -> list[Prunable]:
        """The layers that were named, or up to :data:`MOST` of all."""
        names = [one.layer for one in found]
        for name in self.layers or ():
            if name not in names:
                raise UnknownName("layer with units that can be removed", name, names)
        if not found:
            received = ", ".join(f"{one.layer}: {one.why}" for one in left) or "no dense, convolutional or recurrent layer"
            raise InputError("No layer has units that could be removed", received=received, remedy="the network's outputs are no units")
        if self.layers is not None:
            return [one for one in found if one.layer in self.layers]
        return [found[at] for at in np.unique(np.linspace(0, len(found) - 1, min(len(found), MOST)).round().astype(int))]

    def _ablations(self, graph: Graph, ones: list[Prunable], rows: int) -> int:
        """How many units are removed alone."""
        cost = rows * sum(node.flops for node in graph.nodes) // graph.rows
        most = int(np.clip(WORK // max(cost, 1), *ABLATIONS)) if self.ablations is None else self.ablations
        return min(most, sum(one.units for one in ones))

    def _importance(self, runs: Runs, ones: list[Prunable], judge: Answers, choosing: np.ndarray, ablations: int) -> list[Importance]:
        rows = torch.from_numpy(choosing).to(runs.rows.device)
        slopes = taylor(runs, ones, judge, rows[:TAYLOR])
        random = np.random.default_rng(runs.evaluator.situation.seed + 1)
        share = ablations / sum(one.units for one in ones)
        found = []
        for one, slope in zip(ones, slopes, strict=True):
            drawn = np.sort(random.permutation(one.units)[: max(int(share * one.units), 1)])
            alone = removed_alone(runs, one, drawn, judge, rows)
            found.append(Importance(*magnitudes(runs.bound.net, one), slope, alone.cost, alone.unchanged))
        return found

    def _curves(self, search: Search, criterion: Criterion) -> Curves:
        """How many units each share removes: of each layer alone, of all alike, of those that rank lowest."""
        keys = [_key(layer.importance, criterion) for layer in search.layers]
        return Curves(
            np.array(self.shares),
            [np.array([part(layer.one.units, share) for share in self.shares]) for layer in search.layers],
            [search.equal(share) for share in self.shares],
            [search.ranked(share, keys) for share in self.shares],
        )

    def _suggested(self, search: Search, curves: Curves) -> np.ndarray:
        """How many units of each layer are suggested: without a score to keep, those that move no output."""
        free = np.array([min(int(layer.importance.unchanged.sum()), layer.one.units - 1) for layer in search.layers])
        own = search.judged(search.nothing).score(search.choosing)
        if search.answers.measure == "accuracy" and own <= search.answers.base(search.choosing):
            return search.largest([free], [one[:0] for one in curves.steps], self.tolerance)
        return search.largest([free, *curves.equal, *curves.ranked], [np.unique(one) for one in curves.steps], self.tolerance)

    def _criterion(self, measured: list[Importance]) -> Criterion:
        """What was asked for, or the best that is known of every unit."""
        known: list[Criterion] = [
            name for name in ("measured", "taylor", "l1", "l2") if all(np.isfinite(how.key(name)).all() for how in measured)
        ]
        if self.criterion is None:
            return known[0]
        if self.criterion not in known:
            remedy = f"choose one of {', '.join(known)}" + (", or allow more ablations" if self.criterion == "measured" else "")
            raise InputError("Units can not be ranked by this criterion: it is not known of all", received=self.criterion, remedy=remedy)
        return self.criterion


def _halves(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the rows that choose and of those that measure; the same ones where they are too few to be parted."""
    if rows < 2 * FEWEST:
        return np.arange(rows), np.arange(rows)
    drawn = np.random.default_rng(seed + 2).permutation(rows)
    return np.sort(drawn[: rows // 2]), np.sort(drawn[rows // 2 :])


def _elements(net: nn.Module, one: Prunable) -> int:
    """How many parameters make the units."""
    modules = dict(net.named_modules())
    return sum(value.numel() for path, name in one.parts if (value := modules[path]._parameters[name]) is not None)


def _key(how: Importance, criterion: Criterion) -> np.ndarray:
    """For comparing units of all layers: those that move no output come first everywhere."""
    return np.where(how.unchanged, -np.inf, how.key(criterion))
