"""What makes single units of an image network strong: pictures that are optimized for them, beside the real rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pellucid.errors import InputError, UnknownName
from pellucid.explanation.contents.feature_visualization import QUANTILES, FeatureVisualization, VisualizedLayer, Way
from pellucid.methods.internals.feature_visualization_canvas import canvas_of, laid_out
from pellucid.methods.internals.feature_visualization_climb import Climb, Goal, Units
from pellucid.methods.internals.feature_visualization_rows import SEEN, around, measured, probes, row_values, shift_size, sights, together
from pellucid.methods.internals.feature_visualization_ways import Fourier, Spectrum, magnitudes
from pellucid.methods.layers import layer_shapes
from pellucid.models.guess import guess_outputs

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.explanation import OutputKind
    from pellucid.methods.internals.feature_visualization_canvas import Canvas
    from pellucid.methods.internals.feature_visualization_rows import RowValues
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability, LayerShape

AT_ONCE, GUESSED = 32, 16  # rows whose magnitudes are taken together; from which the kind of the outputs is guessed
UNITS, CLASSES = 3, 10  # of a layer that are shown where none are named; classes up to which all are
OUTPUTS = "outputs"  # what the outputs are called among layers


@dataclass(frozen=True)
class LookAtFeatureVisualization:
    """Activation maximization of units of an image network, beside the rows in which they are strongest.

    A unit is a channel of a layer, or an output (of classes the logit, or the log-odds where the network ends in probabilities). A
    picture is changed step by step so that the unit grows at the middle one of its places. Left alone this ends in noise; two ways
    keep to what pictures are like:

    - ``fourier``: the picture is written as waves that a step changes by 1 / frequency, in colors that go together as those of the
      rows, and is moved, turned and scaled at random at each step (Olah, Mordvintsev & Schubert 2017).
    - ``spectrum``: every wave keeps the mean strength that it has in the rows, and only its place is changed, on random crops
      (MACO; Fel et al. 2023). The paper takes strengths from ImageNet; here they are those of the given rows, so that it matters
      which and how many these are.

    Both stay in the range of each channel: what a photo can be where a preparation is given, the spec's, or that of the rows. Each
    picture is then measured as it is, at its strongest place, as rows are; and once more after eight small shifts.

    Args:
        layers: ``"outputs"`` for the outputs; by default a layer at half depth, the last one with places, and the outputs.
        units: of each layer; those that vary most over the rows if not given, of more than ten classes those that are said most.
        ways: one or both.
        steps: of the optimization (Adam).
        size: height and width of the pictures in pixels; those of the rows if not given.
        moved: whether pictures are moved at random on the way; without, what is found may hold for one position only.
        top: how many of the strongest rows are shown.
        samples: rows that are looked at, drawn from those given.

    Shapes: pictures (way, unit, ...) in the network's own layout; boxes are top, bottom, left, right in pixels: all that the
    strongest place can see, found from the gradients at two rows and at noise.

    What it does not show: what a unit is for, or what it does on real rows. An optimized picture is a superstimulus that may lie
    far from every row; the strongest rows help people more to foretell a unit (Borowski et al. 2021; Zimmermann et al. 2021), and a
    network can be built whose pictures have nothing to do with what it does on rows (Geirhos et al. 2023).

    Raises:
        InputError: no data, an input that is no image, a unit that does not exist.
        UnknownName: no such layer, or no such way.
    """

    id: ClassVar[str] = "feature_visualization"
    kind: ClassVar[Kind] = "layers"
    needs: ClassVar[frozenset[Capability]] = frozenset({"layers", "gradient"})

    layers: str | tuple[str, ...] | None = None
    units: tuple[int, ...] | None = None
    ways: Way | tuple[Way, ...] = ("fourier", "spectrum")
    steps: int = 96
    size: int | None = None
    moved: bool = True
    top: int = 4
    samples: int = 1000

    def look(self, inside: Inside) -> FeatureVisualization:
        """The pictures, the rows, and how strong units are on both."""
        evaluator = inside.rows("Feature visualization", need="the range and the colors of pictures come from rows; some dozens are good")
        ways, seed = self._ways(), evaluator.situation.seed
        chosen = torch.from_numpy(np.sort(np.random.default_rng(seed).permutation(evaluator.rows)[: self.samples])).to(evaluator.device)
        canvas = canvas_of(evaluator, inside.preparation, chosen)
        kind = _output_kind(evaluator)
        units = Units(evaluator, odds=kind == "probabilities")
        layers = self._layers(evaluator)
        rows = row_values(evaluator, units, layers, chosen)
        studio = _Studio(evaluator, units, canvas, rows, self._size(laid_out(evaluator.values[0][:1], canvas.axes)))
        goals = [Goal(name, int(unit), last) for name, last in layers.items() for unit in self._units(name, rows)]
        made = [self._climbed(studio, way, goals, at / len(ways)) for at, way in enumerate(ways)]
        pictures, touched = (torch.stack(one) for one in zip(*made, strict=True))
        found = []
        for name, last in layers.items():
            own = [at for at, goal in enumerate(goals) if goal.layer == name]
            numbers = np.array([goals[at].unit for at in own])
            found.append(studio.layer((name, last), numbers, pictures[:, own], touched[:, own], self.top, inside.preparation))
        shown = np.unique(np.concatenate([layer.top_rows.ravel() for layer in found]))
        return FeatureVisualization(
            layers=tuple(found),
            ways=ways,
            steps=self.steps,
            scale="log-odds" if units.odds else "logits" if kind == "logits" else "values",
            low=canvas.low.double().cpu().numpy(),
            high=canvas.high.double().cpu().numpy(),
            bounds=canvas.bounds,
            shift=shift_size(*studio.size),
            shown=shown,
            shown_pixels=canvas.pixels(evaluator.values[0][shown], inside.preparation),
            labels=np.zeros(0, int) if inside.labels is None else inside.labels,
            class_names=tuple(evaluator.situation.spec.class_names),
            rows=len(chosen),
            given=evaluator.rows,
        )

    # ---- what is asked for -------------------------------------------------------------------------------------------------

    def _ways(self) -> tuple[Way, ...]:
        ways = (self.ways,) if isinstance(self.ways, str) else tuple(self.ways)
        for way in ways:
            if way not in get_args(Way):
                raise UnknownName("way to make pictures", way, get_args(Way))
        if not ways or len(set(ways)) < len(ways):
            raise InputError("Pictures are made in one way or in both", received=f"ways={self.ways!r}", remedy="leave ways out for both")
        for name, least in (("steps", 1), ("top", 1), ("samples", 1)):
            if getattr(self, name) < least:
                raise InputError(
                    f"{name} counts from {least}", received=f"{name}={getattr(self, name)}", remedy="leave it out for the usual"
                )
        return ways

    def _size(self, row: Tensor) -> tuple[int, int]:
        if self.size is not None and self.size < 2:
            raise InputError("A picture has two pixels a side or more", received=f"size={self.size}", remedy="leave size out")
        return (self.size, self.size) if self.size is not None else (row.shape[2], row.shape[3])

    def _layers(self, evaluator: Evaluator) -> dict[str, bool]:
        """The layers by name, ``""`` for the outputs, and whether their units lie on the last axis."""
        shapes = layer_shapes(evaluator)
        if self.layers is None:
            return {**{name: shapes[name].channels_last for name in usual_layers(evaluator, shapes)}, "": False}
        found = {}
        for name in (self.layers,) if isinstance(self.layers, str) else self.layers:
            if name in shapes:
                found[name] = shapes[name].channels_last and len(shapes[name].sizes) > 1
            elif name == OUTPUTS:
                found[""] = False
            else:
                raise UnknownName("layer", name, [*shapes, OUTPUTS])
        return found

    def _units(self, layer: str, rows: RowValues) -> np.ndarray:
        """The numbers of the units that are shown."""
        values = rows.values[layer]
        count = values.shape[1]
        if self.units is not None:
            for unit in self.units:
                if not 0 <= unit < count:
                    received, remedy = f"unit {unit} of {count} in {layer or OUTPUTS}", f"choose units from 0 to {count - 1}"
                    raise InputError("There is no such unit", received=received, remedy=remedy)
            return np.array(self.units)
        if layer:
            return np.argsort(-values.std(0), kind="stable")[:UNITS]
        if count <= CLASSES:
            return np.arange(count)
        said = np.bincount(values.argmax(1), minlength=count)
        return np.lexsort((-values.max(0), -said))[:UNITS]

    # ---- climbing ----------------------------------------------------------------------------------------------------------

    def _climbed(self, studio: _Studio, way: Way, goals: list[Goal], done: float) -> tuple[Tensor, Tensor]:
        """Inputs (unit, ...) and how much was asked of each pixel (unit, y, x), in one way."""
        written = Fourier(studio.canvas, *studio.size) if way == "fourier" else studio.spectrum()
        climb = Climb(studio.evaluator, studio.units, written, self.steps, together(studio.evaluator, studio.size), self.moved)
        whole = round(len(goals) * self.steps / max(1 - done, 1e-9)) if done else len(goals) * self.steps * len(self._ways())
        planes, touched = climb.pictures(goals, (round(done * whole), whole))
        return studio.canvas.inputs(planes), touched / touched.amax((1, 2), keepdim=True).clamp_min(torch.finfo(touched.dtype).tiny)


@dataclass(frozen=True, eq=False)
class _Studio:
    """What pictures of ``size`` (height, width) are made and measured with."""

    evaluator: Evaluator
    units: Units
    canvas: Canvas
    rows: RowValues
    size: tuple[int, int]

    def spectrum(self) -> Spectrum:
        """The way of fixed magnitudes: the mean over rows, of pictures of this size."""
        total = None
        for some in torch.from_numpy(self.rows.rows).split(AT_ONCE):
            part = magnitudes(self.sized(self.canvas.planes(self.evaluator.values[0][some])), self.canvas).sum(0)
            total = part if total is None else total + part
        return Spectrum(self.canvas, *self.size, total / len(self.rows.rows))  # type: ignore[operator] (there is a row)

    def sized(self, planes: Tensor) -> Tensor:
        """Planes at the size of the pictures."""
        same = tuple(planes.shape[2:]) == self.size
        return planes if same else F.interpolate(planes, self.size, mode="bilinear", antialias=True, align_corners=False)

    def layer(
        self, layer: tuple[str, bool], units: np.ndarray, pictures: Tensor, touched: Tensor, top: int, preparation: Preparation | None
    ) -> VisualizedLayer:
        """Everything about the units of one layer, whose ``pictures`` (way, unit, ...) are made."""
        (name, _), (ways, count) = layer, pictures.shape[:2]
        flat = pictures.flatten(0, 1)
        own = np.arange(ways * count), np.tile(units, ways)
        values, places = (one[own].reshape(ways, count) for one in measured(self.evaluator, self.units, layer, flat, self.canvas))
        tops = self.rows.top(name, units, top)
        at = tops, units[:, None]
        strongest = self.evaluator.values[0][self.rows.rows[tops[:, 0]]]
        return VisualizedLayer(
            layer=name,
            units=units,
            count=self.rows.values[name].shape[1],
            places=self._places(layer),
            inputs=pictures.cpu().numpy(),
            pixels=self.canvas.pixels(flat, preparation).reshape(ways, count, *self.size, 3),
            touched=touched.float().cpu().numpy(),
            reached=values,
            shifted=self._shifted(layer, flat, own[1]).reshape(ways, count),
            boxes=self._boxes(layer, units, places, self.size),
            quantiles=np.quantile(self.rows.values[name][:, units], QUANTILES, axis=0).T,
            top_rows=self.rows.rows[tops],
            top_values=self.rows.values[name][at],
            top_boxes=self._boxes(layer, units, self.rows.places[name][at], None),
            top_shifted=self._shifted(layer, strongest, units),
        )

    def _places(self, layer: tuple[str, bool]) -> tuple[int, ...]:
        with torch.no_grad():
            return tuple(self.units.values(self.evaluator.values[0][:1], dict([layer]))[layer[0]].shape[2:])

    def _shifted(self, layer: tuple[str, bool], inputs: Tensor, units: np.ndarray) -> np.ndarray:
        """(picture,) the mean activation of each picture's unit over small shifts."""
        moved = around(self.canvas.planes(inputs), shift_size(*self.size))
        values, _ = measured(self.evaluator, self.units, layer, self.canvas.inputs(moved.flatten(0, 1)), self.canvas)
        return values[np.arange(len(values)), np.tile(units, len(moved))].reshape(len(moved), -1).mean(0)

    def _boxes(self, layer: tuple[str, bool], units: np.ndarray, places: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
        """(..., 4) what places can see: of pictures of this size, or of the rows as they are."""
        planes = self.canvas.planes(self.evaluator.values[0][self.rows.rows[:SEEN]])
        planes = planes if size is None else self.sized(planes)
        if not self._places(layer):
            return np.broadcast_to(np.array([0, planes.shape[2], 0, planes.shape[3]]), (*places.shape, 4)).copy()
        inputs = probes(self.canvas, planes, self.evaluator.situation.seed)
        return sights(self.evaluator, self.units, layer, inputs, self.canvas, chosen=units, places=places)


def usual_layers(evaluator: Evaluator, shapes: dict[str, LayerShape]) -> list[str]:
    """A layer at half depth and the last one, of those with weights whose units have places; else the last before the outputs."""
    net = evaluator.bound.net  # type: ignore[attr-defined] (whatever has layers is torch's)
    names = [name for name in shapes if not list(net.get_submodule(name).children()) and list(net.get_submodule(name).parameters())]
    order = list(shapes)
    kept = [name for name in names if not _normalized(name, order, shapes)]
    mapped = [name for name in kept if np.prod(shapes[name].sizes[1:]) > 1]
    if not mapped:
        return kept[-2:-1]
    return list(dict.fromkeys((mapped[(len(mapped) - 1) // 2], mapped[-1])))


def _normalized(name: str, order: list[str], shapes: dict[str, LayerShape]) -> bool:
    """Whether a normalization follows, whose values say the same on a better scale."""
    after = order[order.index(name) + 1 :][:1]
    return bool(after) and shapes[after[0]].stage and shapes[after[0]].sizes == shapes[name].sizes


def _output_kind(evaluator: Evaluator) -> OutputKind:
    """What the outputs are; guessed from a few rows where the spec does not say."""
    known = evaluator.situation.spec.outputs
    if known != "unknown":
        return known
    some = torch.arange(min(GUESSED, evaluator.rows), device=evaluator.device)
    outputs = evaluator.run("forward", lambda rows: evaluator.bound.outputs((evaluator.values[0][rows],), rows), some)
    ends_in = getattr(evaluator.bound, "ends_in", "") or evaluator.situation.last_module
    kind, sentence = guess_outputs(outputs.double().cpu().numpy(), ends_in)
    evaluator.guesses += (sentence,) if sentence else ()
    return kind
