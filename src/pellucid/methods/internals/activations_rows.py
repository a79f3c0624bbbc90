"""What single rows make: maps of units, attention of heads, hidden states over time; and the rows themselves, to be shown beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from pellucid.data.image import bright, usual_range
from pellucid.errors import UnsupportedOperation
from pellucid.explanation.contents.activations import AttentionWeights, HiddenStates, ShownRows
from pellucid.models.rules.attention.finder import AttentionRules
from pellucid.models.rules.sites import Seen, Site

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.internals.activations_gather import Watcher
    from pellucid.methods.run import Evaluator
    from pellucid.models.bound_torch import BoundTorch

LARGEST_MAP, LONGEST = 56, 256  # of a map's sides, and of a sequence
THUMBNAIL = 64
AT_ONCE = 16  # rows that are made small together
ATTENTION = 1 << 22  # attention weights that are kept
STATES = 64  # units of a recurrent layer that are kept


@dataclass
class RowMaps:
    """What every layer made of each of the rows: (unit, place ...) by layer, in the order of the rows."""

    maps: dict[Site, list[np.ndarray]] = field(default_factory=dict)
    states: dict[Site, list[np.ndarray]] = field(default_factory=dict)

    def of(self, site: Site, units: np.ndarray) -> np.ndarray:
        """(row, unit, place ...) of some units; empty where rows differ in shape."""
        found = [smaller(one[units]) for one in self.maps.get(site, [])]
        return np.stack(found).astype(np.float32) if found and len({one.shape for one in found}) == 1 else np.zeros((0,), np.float32)


def row_maps(watcher: Watcher, rows: np.ndarray, wanted: set[Site]) -> RowMaps:
    """Runs the rows one by one."""
    found = RowMaps()
    for row in rows:
        calls: dict[Site, list[np.ndarray]] = {}

        def see(seen: Seen, calls: dict[Site, list[np.ndarray]] = calls) -> None:
            if not seen.site.gate and (seen.site in wanted or seen.site.recurrent):
                one = seen.apart(seen.output)[0].float().cpu().clone().numpy()  # it may be written over
                calls.setdefault(seen.site, []).append(one.reshape(len(one), *seen.shape))

        watcher.run(torch.tensor([int(row)]), see)
        for site, made in calls.items():
            together = made[0] if len(made) == 1 else np.stack([one.reshape(len(one), -1).mean(1) for one in made], 1)
            if site in wanted:
                found.maps.setdefault(site, []).append(together)
            if site.recurrent and together.ndim == 2:
                found.states.setdefault(site, []).append(together)
    return found


def hidden_states(found: RowMaps, rows: np.ndarray) -> tuple[HiddenStates, ...]:
    """Of every recurrent layer the units that change most, in their own order."""
    kept = []
    for site, made in found.states.items():
        if len({one.shape for one in made}) > 1:
            continue
        values = np.stack(made)  # row, unit, step
        most = np.argsort(-values.std(2).mean(0), kind="stable")[:STATES]
        units = np.sort(most)
        kept.append(HiddenStates(site.name, site.operation, rows, units, values.shape[1], values[:, units].transpose(0, 2, 1)))
    return tuple(kept)


def attention_of(evaluator: Evaluator, rows: np.ndarray) -> tuple[tuple[AttentionWeights, ...], int]:
    """The attention of every head in these rows, and how many layers have any: of many or large ones some, at even distances."""
    bound: BoundTorch = evaluator.bound  # type: ignore[assignment]
    names, each = bound.module_names(), []
    for row in rows:
        rules, one = AttentionRules(names), torch.tensor([int(row)], device=evaluator.device)
        batch = tuple(value[one] for value in evaluator.values)
        evaluator.run("gradient, attention", lambda at, r=rules, b=batch: bound.under(r, b, at, _all_outputs).scores, one)
        try:
            attentions = rules.attentions(1)
        except UnsupportedOperation:  # within windows: no token attends to all
            evaluator.guesses += ("attention within windows or groups of tokens is not shown",)
            return (), 0
        each.append([(found.module, found.weights[0].float().cpu().numpy()) for found in attentions])
        size = sum(weights.size for _, weights in each[0])
        if not each[0] or size * (len(each) + 1) > ATTENTION:
            break
    return _together(each, rows[: len(each)]), len(each[0]) if each else 0


def _together(each: list[list[tuple[str, np.ndarray]]], rows: np.ndarray) -> tuple[AttentionWeights, ...]:
    found, names = [], [name for name, _ in each[0]] if each else []
    for at, name in enumerate(names):
        weights = [one[at][1] for one in each if at < len(one)]
        if len(weights) == len(each) and len({one.shape for one in weights}) == 1:
            number = names[:at].count(name)
            found.append(AttentionWeights(f"{name} #{number + 1}" if number else name, rows, np.stack(weights)))
    size = sum(one.weights.size for one in found)
    fewer = max(1, len(found) * ATTENTION // size) if size > ATTENTION else len(found)
    return tuple(found[at] for at in spread_out(len(found), fewer))


def spread_out(count: int, most: int) -> list[int]:
    """At most so many of ``count`` places, at even distances, the first and the last among them."""
    return list(range(count)) if count <= most else sorted({round(at) for at in np.linspace(0, count - 1, most)})


def _all_outputs(outputs: Tensor, rows: Tensor) -> Tensor:  # noqa: ARG001
    """A score that depends on every output."""
    return outputs.reshape(len(outputs), -1).double().square().sum(1)


def smaller(maps: np.ndarray) -> np.ndarray:
    """(unit, place ...) averaged over blocks until it is small enough to be shown."""
    most = LARGEST_MAP if maps.ndim > 2 else LONGEST
    for axis in range(1, maps.ndim):
        maps = _averaged(maps, axis, -(-maps.shape[axis] // most))
    return maps


def _averaged(values: np.ndarray, axis: int, times: int) -> np.ndarray:
    if times <= 1:
        return values
    starts = np.arange(0, values.shape[axis], times)
    sums = np.add.reduceat(values, starts, axis)
    sizes = np.diff([*starts, values.shape[axis]]).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return sums / sizes


def shown_rows(evaluator: Evaluator, preparation: Preparation | None, rows: np.ndarray, drawn: np.ndarray) -> ShownRows:
    """The first input of these rows as a person knows it; of a table, of the rows that are ``drawn`` in scatters too."""
    spec, none = evaluator.specs[0], np.zeros((0,), np.float32)
    pixels, signal, texts = none.astype(np.uint8), none, ()
    if evaluator.bound.embedded[0]:
        texts = _texts(evaluator.bound, spec, rows)  # type: ignore[arg-type]
    elif "y" in spec.axes and "x" in spec.axes and len(spec.axes) <= 3:
        pixels = _pictures(evaluator.values[0], rows, spec, preparation)
    elif "time" in spec.axes and len(spec.axes) <= 2:
        given = evaluator.values[0][torch.from_numpy(rows)].movedim(1 + spec.axes.index("time"), 1)
        signal = given.flatten(2).detach().cpu().numpy() if given.ndim > 2 else given[..., None].detach().cpu().numpy()
    found = table_of(evaluator)
    features: tuple[str, ...] = ()
    table = none
    if found is not None and len(drawn):
        table = found[drawn]
        features = spec.names if len(spec.names) == table.shape[1] else tuple(f"feature {at}" for at in range(table.shape[1]))
        if preparation is not None and preparation.kind == "tabular":
            table, features = _own_units(table, features, preparation)
    return ShownRows(rows, pixels, signal, texts, features, drawn, table)


def table_of(evaluator: Evaluator) -> np.ndarray | None:
    """(row, feature) of a table, None where the input is none."""
    spec, values = evaluator.specs[0], evaluator.values[0]
    return values.double().cpu().numpy() if spec.axes == ("feature",) and values.ndim == 2 and not evaluator.bound.embedded[0] else None


def _own_units(table: np.ndarray, features: tuple[str, ...], preparation: Preparation) -> tuple[np.ndarray, tuple[str, ...]]:
    """Columns in the units that they were measured in, where a column is one number."""
    columns = {column.name: column for column in getattr(preparation, "columns", ())}
    own = [columns.get(name) for name in features]
    scale = np.array([getattr(column, "scale", 1.0) or 1.0 for column in own])
    mean = np.array([getattr(column, "mean", 0.0) or 0.0 for column in own])
    return table * scale + mean, features


def _texts(bound: BoundTorch, spec: InputSpec, rows: np.ndarray) -> tuple[str, ...]:
    tokens = bound.fixed[bound.slots[0]][torch.from_numpy(rows)].cpu().numpy()
    return tuple(" ".join(spec.names[i] if 0 <= i < len(spec.names) else str(i) for i in one.ravel().tolist()) for one in tokens)


def _pictures(values: Tensor, rows: np.ndarray, spec: InputSpec, preparation: Preparation | None) -> np.ndarray:
    """(row, y, x, 3) of uint8, at most 64 wide and high; few rows at a time, since they are made small one after another."""
    low, high = values.aminmax()
    usual = spec.value_range or usual_range(float(low), float(high))
    order = [0] + [1 + spec.axes.index(axis) for axis in ("y", "x", "channel") if axis in spec.axes]
    found = []
    for part in np.array_split(rows, -(-len(rows) // AT_ONCE)):
        given = values[torch.from_numpy(part)].float().cpu().numpy()
        if preparation is not None and preparation.kind == "image":
            plane = np.asarray(preparation.invert(given), float)
        else:
            plane = bright(given, usual).transpose(order)
        found.append(_thumbnails(plane[..., None] if plane.ndim == 3 else plane))
    return np.concatenate(found)


def _thumbnails(plane: np.ndarray) -> np.ndarray:
    for axis in (1, 2):
        plane = _averaged(plane, axis, -(-plane.shape[axis] // THUMBNAIL))
    plane = plane if plane.shape[3] == 3 else np.repeat(plane.mean(3, keepdims=True), 3, 3)
    return np.round(255 * np.clip(np.nan_to_num(plane), 0, 1)).astype(np.uint8)
