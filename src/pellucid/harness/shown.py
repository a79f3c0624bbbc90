"""Inputs as the user knows them, and attributions on the same axes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from pellucid.data.image import bright, usual_range
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.explanation import ShownInput
from pellucid.explanation.spec import InputSpec

if TYPE_CHECKING:
    from pellucid.checks.evidence import Players
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator


PRODUCED = "produced"  # the name of what a network produced, beside its inputs


@dataclass(frozen=True, eq=False)
class RawRows:
    """What the user handed over and the preparation that turned it into model input, if there was one."""

    inputs: Any
    preparation: Any = None


def labelled(evaluator: Evaluator, found: Attribution, parts: tuple[Tensor, ...]) -> tuple[LabelledArray, ...]:
    """Values (or errors) as labelled arrays: embeddings summed to tokens, one-hot columns to their feature."""
    if found.units:
        return (LabelledArray(evaluator.specs[found.input].name, parts[0].detach().cpu().numpy(), ("sample", "unit"), {}),)
    if found.axes:
        spec = evaluator.specs[found.input]
        names = {"feature": feature_names(spec, parts[0].shape[-1])} if "feature" in found.axes else {}
        return (LabelledArray(spec.name, parts[0].detach().cpu().numpy(), ("sample", *found.axes), names),)
    if found.layer:
        axes = ("sample", "y", "x") if parts[0].ndim == 3 else ("sample", "time")
        return (LabelledArray(evaluator.specs[found.input].name, parts[0].detach().cpu().numpy(), axes, {}),)
    arrays = []
    for i, (tensor, spec) in enumerate(zip(parts, evaluator.specs, strict=True)):
        values = tensor.detach().cpu().numpy()
        if evaluator.bound.embedded[i]:
            arrays.append(LabelledArray(spec.name, values.sum(-1), ("sample", *spec.axes), {}))
            continue
        coordinates: dict[str, tuple[str, ...]] = {}
        axes = ("sample", *spec.axes)
        if spec.kind == "tabular" and values.ndim == 2:
            if spec.groups and len(spec.groups) == values.shape[1]:
                values = _by_group(values, np.asarray(spec.groups))
            coordinates = {"feature": feature_names(spec, values.shape[1])}
        arrays.append(LabelledArray(spec.name, values, axes, coordinates))
    return tuple(arrays)


def in_user_units(arrays: tuple[LabelledArray, ...], raw: RawRows) -> tuple[LabelledArray, ...]:
    """Curves whose places ``at`` (sample, feature, step) are told as the user knows them, where a preparation made numbers of them."""
    if raw.preparation is None or raw.preparation.kind != "tabular":
        return arrays
    columns = {column.name: column for column in raw.preparation.columns}

    def natural(array: LabelledArray) -> LabelledArray:
        if array.name != "at":
            return array
        own = [columns[name] for name in array.coordinates["feature"]]
        scale, mean = (np.array([getattr(column, name) for column in own])[:, None] for name in ("scale", "mean"))
        return replace(array, values=array.values * scale + mean)

    return tuple(map(natural, arrays))


def spread(evaluator: Evaluator, found: Attribution) -> tuple[LabelledArray, ...]:
    """How far apart the values lie that several baselines give, largest less smallest; empty for one baseline."""
    each = [labelled(evaluator, found, values) for values in found.alternatives]
    return tuple(
        replace(arrays[0], values=np.ptp(np.stack([array.values for array in arrays]), axis=0)) for arrays in zip(*each, strict=True)
    )


def shown_inputs(evaluator: Evaluator, raw: RawRows, found: Players) -> tuple[ShownInput, ...]:
    """The explained inputs in the user's units."""
    shown = []
    offset = 0
    for i, spec in enumerate(evaluator.specs):
        stays = found.labels[i].max() == found.count  # what is never removed is one
        labels = np.zeros_like(found.labels[i]) if stays else found.labels[i] - offset
        offset += 0 if stays else int(labels.max()) + 1
        values = evaluator.values[i].detach().cpu().numpy()
        if spec.kind == "tabular" and values.ndim == 2:
            shown.append(_table(values, spec, raw, labels))
        elif "y" in spec.axes and "x" in spec.axes and len(spec.axes) <= 3:
            shown.append(_image(values, spec, raw, labels))
        elif evaluator.bound.embedded[i]:
            fixed = getattr(evaluator.bound, "fixed", evaluator.values)[getattr(evaluator.bound, "slots", range(len(evaluator.values)))[i]]
            shown.append(_tokens(fixed.cpu().numpy(), spec, labels))
        else:
            data = LabelledArray(spec.name, values, ("sample", *spec.axes), {})
            shown.append(ShownInput(spec.name, spec.kind or "array", data, (), labels))
    return tuple(shown)


def produced(outputs: np.ndarray, names: tuple[str, ...]) -> ShownInput:
    """The tokens that a network of outputs (sample, token, class) produces, by name where the classes have names."""
    return _tokens(outputs.argmax(-1), InputSpec(PRODUCED, "tokens", ("token",), names), None)


def _tokens(ids: np.ndarray, spec: InputSpec, labels: np.ndarray | None) -> ShownInput:
    """Tokens by id, and as text where the spec names a vocabulary."""
    known = spec.names if ids.ndim == 2 and ids.size and ids.min() >= 0 and ids.max() < len(spec.names) else ()
    cells = tuple(tuple(known[i] for i in row) for row in ids) if known else ()
    return ShownInput(spec.name, "tokens", LabelledArray(spec.name, ids, ("sample", *spec.axes), {}), cells, labels)


def feature_names(spec: InputSpec, count: int) -> tuple[str, ...]:
    """The names of a table's features; numbered where they are not known."""
    for names in (spec.group_names, spec.names):
        if len(names) == count:
            return names
    return tuple(f"feature {k}" for k in range(count))


def _by_group(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    total = np.zeros((len(values), int(groups.max()) + 1), values.dtype)
    for place, group in enumerate(groups):
        total[:, group] += values[:, place]
    return total


def _table(values: np.ndarray, spec: InputSpec, raw: RawRows, labels: np.ndarray) -> ShownInput:
    if raw.preparation is not None and raw.preparation.kind == "tabular":
        cells = raw.preparation.cells(raw.inputs)
        data = np.asarray(raw.preparation.codes(raw.inputs), np.float64)
    else:
        data = values
        cells = _cells(values, spec, raw.inputs)
    names = feature_names(spec, data.shape[1])
    return ShownInput(spec.name, "tabular", LabelledArray(spec.name, data, ("sample", "feature"), {"feature": names}), cells, labels)


def _cells(values: np.ndarray, spec: InputSpec, inputs: Any) -> tuple[tuple[str, ...], ...]:  # noqa: ANN401
    codes = set(spec.categorical) if hasattr(inputs, "iloc") else set()

    def text(row: int, column: int, value: float) -> str:
        if value != value:
            return "missing"
        return str(inputs.iloc[row, column]) if column in codes else f"{value:.4g}"

    return tuple(tuple(text(r, c, v) for c, v in enumerate(row)) for r, row in enumerate(values.tolist()))


def _image(values: np.ndarray, spec: InputSpec, raw: RawRows, labels: np.ndarray) -> ShownInput:
    order = [0] + [1 + spec.axes.index(axis) for axis in ("y", "x", "channel") if axis in spec.axes]
    plane = raw.preparation.invert(values) if raw.preparation is not None and raw.preparation.kind == "image" else None
    if plane is None:
        plane = bright(values, spec.value_range or usual_range(float(values.min()), float(values.max()))).transpose(order)
    data = np.asarray(plane, np.float32)
    axes = ("sample", "y", "x", "channel")[: data.ndim]
    flat = labels.transpose([o - 1 for o in order[1:]])
    return ShownInput(spec.name, "image", LabelledArray(spec.name, data, axes, {}), (), flat)
