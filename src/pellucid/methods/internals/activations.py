"""What the units of a network do on given rows: distributions, operating points, maps, examples, attention, hidden states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from pellucid.errors import InputError, UnknownName
from pellucid.explanation.contents.activations import Activations, LayerActivations, OperatingPoints
from pellucid.methods.internals.activations_gather import Gathered, Layer, Points, Wanted, Watcher, gather, outline
from pellucid.methods.internals.activations_rows import RowMaps, attention_of, hidden_states, row_maps, shown_rows, spread_out, table_of
from pellucid.models.rules.sites import Site

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.models.protocol import Capability

OUTLINED = 2  # rows by which the layers are found
MAPPED = 12  # units of a layer whose maps are shown, and whose activations are drawn against the input
PICTURED = 6  # units of a layer whose strongest rows are kept as pictures
LISTED = 48  # units that are shown where each is one number, or one line
SHOWN, SHOWN_OF_TABLE = 3, 24  # rows that are shown: of a table each is a line
DETAILED = 12  # layers of which maps and examples are kept
NONE = np.zeros((0,), np.float32)


@dataclass(frozen=True)
class LookAtActivations:
    """How values are spread in every layer, where on its curve every activation function works, and what single units respond to.

    All rows run once, in batches; of them moments, histograms of 2,048 bins, counts for each unit and the rows in which it is strongest are
    kept, so that memory does not grow with the rows. Activation functions are found by the operations that run, also those called as
    functions and those inside recurrent layers. A value is flat where the size of the slope is under 1 % of the reference (the slope far
    out where the function goes on for ever, the largest where it does not), and linear where the slope is within 5 % of it. A unit is dead
    where every value of every row lies at the flat side on which the function is 0, and stuck where every one is saturated.

    Args:
        layer: of which maps, examples and scatters are kept: a layer, or a module whose last layer is meant; twelve at even depths if not
            given.
        units: which units are shown; those that vary most if not given.
        rows: by number, whose maps, attention and hidden states are shown; the first three if not given, of a table the
            first 24.
        top: how many of the rows in which a unit is strongest are kept.

    Shapes: of each layer (row, unit, place): units are channels or features, places pixels, tokens or steps.

    What it does not show: what a unit is for. That it is strong on some rows and dead on others says nothing of rows that were not given;
    selectivity for a class is neither necessary nor enough for the class to be recognized (Morcos et al. 2018).

    Raises:
        InputError: no data; a row or a unit that does not exist.
        UnknownName: no such layer.
        UnsupportedOperation: the forward pass holds scripted code or an operation that is not known.
    """

    layer: str | tuple[str, ...] | None = None
    units: tuple[int, ...] | None = None
    rows: tuple[int, ...] | None = None
    top: int = 6

    id: ClassVar[str] = "activations"
    kind: ClassVar[Kind] = "layers"
    needs: ClassVar[frozenset[Capability]] = frozenset({"graph"})

    def look(self, inside: Inside) -> Activations:
        """What was seen."""
        evaluator = inside.rows("What units do")
        table = table_of(evaluator)
        classes, places = _classes(inside.labels)
        shown = self._rows(evaluator.rows, SHOWN if table is None else SHOWN_OF_TABLE)
        watcher = Watcher(evaluator.bound)  # type: ignore[arg-type]
        found, feeds = outline(watcher, torch.arange(min(OUTLINED, evaluator.rows)))
        named = self._named(list(found))
        plain = [site for site in found if not site.gate and (site not in feeds or site in named)]
        detailed = named or [plain[at] for at in spread_out(len(plain), DETAILED)]
        gathered = gather(
            evaluator,
            watcher,
            Wanted(frozenset(found) - frozenset(plain), frozenset(detailed), self.top),
            labels=places,
            table=table,
        )
        maps = row_maps(watcher, shown, set(detailed))
        layers = tuple(
            self._layer(site, one, maps, (shown if site in detailed else None, classes)) for site, one in gathered.layers.items()
        )
        attends = watcher.attends and "attention" in inside.model.can
        attention, count = attention_of(evaluator, shown) if attends else ((), 0)
        return Activations(
            layers=layers,
            functions=tuple(_points(site, one) for site, one in gathered.points.items()),
            attention=attention,
            attention_layers=count,
            states=hidden_states(maps, shown),
            shown=shown_rows(evaluator, inside.preparation, _rows_to_show(layers, shown), _drawn(gathered)),
            labels=np.zeros(0, int) if inside.labels is None else inside.labels,
            class_names=tuple(evaluator.situation.spec.class_names),
            rows=evaluator.rows,
        )

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _rows(self, count: int, usual: int) -> np.ndarray:
        rows = tuple(range(min(usual, count))) if self.rows is None else self.rows
        for row in rows:
            if not 0 <= row < count:
                raise InputError("There is no such row", received=f"row {row} of {count}", remedy=f"choose rows from 0 to {count - 1}")
        return np.array(rows, int)

    def _named(self, sites: list[Site]) -> list[Site]:
        wanted = () if self.layer is None else (self.layer,) if isinstance(self.layer, str) else self.layer
        return [_site(name, sites) for name in wanted]

    def _layer(self, site: Site, one: Layer, maps: RowMaps, known: tuple[np.ndarray | None, np.ndarray]) -> LayerActivations:
        rows, classes = known
        units, means = one.units, one.units.class_means()
        count = len(units.mean)
        chosen = self._units(site, one) if rows is not None else np.zeros(0, int)
        made = maps.of(site, chosen) if len(chosen) else NONE
        scattered = len(chosen) > 0 and bool(one.kept)
        return LayerActivations(
            layer=site.name,
            operation=site.operation,
            module=site.module,
            units=count,
            places=one.shape,
            spread=one.sketch.spread(),
            mean=units.mean,
            deviation=units.deviation,
            top_rows=units.top_rows,
            top_values=units.top_values,
            classes=classes if len(means) else classes[:0],
            class_means=means,
            selectivity=selectivity(means),
            explained=units.explained(),
            related=one.related.correlation() if one.related is not None else np.zeros((0, 0)),
            chosen=chosen,
            rows=rows if rows is not None and made.ndim > 1 else np.zeros(0, int),
            maps=made,
            scatter_rows=np.concatenate(one.kept_rows) if scattered else np.zeros(0, int),
            scatter=np.concatenate(one.kept)[:, chosen] if scattered else np.zeros((0, 0), np.float32),
        )

    def _units(self, site: Site, one: Layer) -> np.ndarray:
        count = len(one.units.mean)
        if self.units is not None:
            for unit in self.units:
                if not 0 <= unit < count and self.layer is not None:
                    remedy = f"choose units from 0 to {count - 1}"
                    raise InputError("There is no such unit", received=f"unit {unit} of {count} in {site.name}", remedy=remedy)
            return np.array([unit for unit in self.units if 0 <= unit < count], int)
        return np.argsort(-one.units.deviation, kind="stable")[: MAPPED if len(one.shape) > 1 else LISTED]


def _site(name: str, sites: list[Site]) -> Site:
    plain = [site for site in sites if not site.gate]
    for site in plain:
        if site.name == name:
            return site
    inside = [site for site in plain if site.module == name or site.module.startswith(f"{name}.")]
    if not inside:
        raise UnknownName("layer", name, [site.name for site in plain])
    return inside[-1]


def selectivity(class_means: np.ndarray) -> np.ndarray:
    """(unit,) the index of Morcos et al. (2018) from (class, unit) means; not-a-number where a mean is negative, or of one class alone."""
    if len(class_means) < 2:
        return np.full(class_means.shape[1], np.nan)
    best = class_means.max(0)
    others = (class_means.sum(0) - best) / (len(class_means) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((class_means.min(0) >= 0) & (best > 0), (best - others) / (best + others), np.nan)


def _classes(labels: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """The classes that have rows, and each row's place among them, -1 where its class is unknown."""
    if labels is None:
        return np.zeros(0, int), None
    found = np.unique(labels[labels >= 0])
    return found, np.where(labels >= 0, np.searchsorted(found, labels), -1)


def _points(site: Site, one: Points) -> OperatingPoints:
    spread = one.sketch.spread()
    low, high = spread.low, spread.high
    room = max(0.05 * (high - low), 1.0)
    x, y = one.curve.drawn(min(low, 0.0) - room, max(high, 0.0) + room)
    return OperatingPoints(
        layer=site.name,
        function=one.curve.name,
        module=site.module,
        before=one.before,
        x=x,
        y=y,
        edges=one.curve.edges,
        zones=one.curve.zones,
        slope=one.curve.slope,
        spread=spread,
        values=one.values,
        zero=one.shares["zero"],
        saturated=one.shares["saturated"],
        linear=one.shares["linear"],
        several=one.curve.several,
    )


def _rows_to_show(layers: tuple[LayerActivations, ...], rows: np.ndarray) -> np.ndarray:
    """The rows that are shown, and those in which the first of the shown units are strongest."""
    strong = [one.top_rows[one.chosen[:PICTURED]].ravel() for one in layers if len(one.chosen)]
    return np.unique(np.concatenate([rows, *strong]))


def _drawn(gathered: Gathered) -> np.ndarray:
    kept = [np.concatenate(one.kept_rows) for one in gathered.layers.values() if one.kept_rows]
    return np.unique(np.concatenate(kept)) if kept else np.zeros(0, int)
