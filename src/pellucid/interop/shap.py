"""``shap.Explanation`` to and from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.errors import InputError, MissingExtra, UnknownName
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.explanation import Explanation
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.explanation.tables import on_axes
from pellucid.interop.arrays import OUTPUT, as_array, from_arrays

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation


def to_shap(explanation: Explanation, *, input: str | None = None) -> Any:  # noqa: ANN401
    """The explanation as a ``shap.Explanation``, which shap's plots take.

    ``values`` keep their bits; ``data`` is in the user's units, with ``display_data`` its text; ``base_values`` are the scores at the
    baseline, None where the method has none. Images are (sample, y, x, channel), as shap has them.

    Args:
        explanation: attributions of tables, images, tokens or series.
        input: which input, by name, where several are explained.

    Raises:
        InputError: several inputs and none chosen, or values that do not lie on the elements of the input, such as layer maps.
        MissingExtra: shap is not installed.
    """
    try:
        shap = import_module("shap")
    except ImportError as error:
        raise MissingExtra("shap", "shap") from error
    place = _place(explanation, input)
    array = explanation.arrays[place]
    shown = next((one for one in explanation.inputs if one.name == array.name), None)
    if shown is None or on_axes(shown.data, array) is None:
        received = f"values {array.axes} of shape {array.values.shape}" + (f", data {shown.data.values.shape}" if shown else "")
        raise InputError("These values do not lie on the elements of the input", received=received, remedy="use e.to_pandas() instead")
    order = [array.axes.index(axis) for axis in shown.data.axes]
    base, targets = explanation.decision.baseline_scores, set(explanation.decision.target)
    spread = explanation.errors[place].values.transpose(order) if explanation.error_kind == "standard_error" else None
    names = array.coordinates.get("feature")
    return shap.Explanation(
        values=array.values.transpose(order),
        base_values=base if np.isfinite(base).all() else None,
        data=shown.data.values,
        display_data=np.array(shown.cells, object) if shown.cells else None,
        feature_names=list(names) if names else None,
        output_names=next(iter(targets)) if len(targets) == 1 else None,
        error_std=spread,
    )


def from_shap(
    found: Any,  # noqa: ANN401
    *,
    output: int | str | None = None,
    model: Any = None,  # noqa: ANN401
    target: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    checks: Literal["fast", "none"] = "fast",
) -> Explanation:
    """An Explanation of a ``shap.Explanation`` of a table or of images (sample, y, x, channel).

    Without a model it is ``unchecked``; with the explained ``model``, which is then given ``found.data``, it is measured.

    Args:
        found: shap's explanation of one or several rows, with its data.
        output: which output, by index or name, where there are values for several.
        model, target, background, preparation, class_names, checks: as for :func:`from_arrays`; the target is that output if not given.

    Raises:
        InputError: no data, values that do not fit them, or several outputs and none chosen. UnknownName: no such output.
    """
    values, base, data, cells, errors = _parts(found)
    names, label = _texts(found.feature_names), found.output_names
    if values.ndim == data.ndim + 1:
        at = _output(output, _texts(label) if label is not None and not isinstance(label, str) else (), values.shape[-1])
        values, errors = values[..., at], None if errors is None else errors[..., at]
        base = base[..., at] if base is not None and base.ndim and base.shape[-1] == found.values.shape[-1] else base
        label = at
    if values.shape != data.shape:
        received = f"values of shape {values.shape}, data of shape {data.shape}"
        raise InputError("The values do not fit the data", received=received, remedy="give one value for each element of the data")
    made = from_arrays(
        values,
        _rows(data, names),
        method="SHAP",
        model=model,
        target=target if target is not None else _target(label, measured=model is not None, class_names=class_names),
        meaning="contribution",
        class_names=class_names,
        background=background,
        spec=_spec(data, names),
        preparation=preparation,
        checks=checks,
    )
    return _with_scores(_as_given(made, data, cells, errors), base)


def _place(explanation: Explanation, name: str | None) -> int:
    names = [one.name for one in explanation.arrays]
    if name is not None and name not in names:
        raise UnknownName("explained input", name, names)
    if name is None and len(names) != 1:
        raise InputError("A shap.Explanation has one input", received=f"inputs {names}", remedy="choose one with input=<name>")
    return names.index(name) if name is not None else 0


def _parts(found: Any) -> tuple[np.ndarray, np.ndarray | None, np.ndarray, np.ndarray | None, np.ndarray | None]:  # noqa: ANN401
    """Values, base values, data, the text of the data and standard errors, all with a row axis."""
    if found.data is None:
        raise InputError("This shap.Explanation has no data", received="data=None", remedy="set found.data to the explained rows")
    data = np.asarray(found.data)
    lone = data.ndim == 1
    values = as_array(np.asarray(found.values)[None] if lone else found.values)
    base = None if found.base_values is None else np.asarray(found.base_values, np.float64)
    shown = None if found.display_data is None else np.asarray(found.display_data, object)
    errors = None if found.error_std is None else np.asarray(found.error_std)
    add = [None if one is None else one[None] if lone else one for one in (shown, errors)]
    return values, base[None] if lone and base is not None and base.ndim else base, data[None] if lone else data, add[0], add[1]


def _output(chosen: int | str | None, names: tuple[str, ...], count: int) -> int:
    if isinstance(chosen, str):
        if chosen not in names:
            raise UnknownName("output", chosen, names)
        return names.index(chosen)
    if chosen is None or not 0 <= chosen < count:
        received = f"{count} outputs, output={chosen}"
        raise InputError("Which output's values are meant is not clear", received=received, remedy=f"give output=0 to {count - 1}")
    return chosen


def _texts(names: Any) -> tuple[str, ...]:  # noqa: ANN401
    return () if names is None else tuple(map(str, names))


def _target(label: Any, *, measured: bool, class_names: Sequence[str]) -> Any:  # noqa: ANN401
    """The output's index, or its name where that is all that is known; a network knows only names of its classes."""
    if label is None or (isinstance(label, str) and label == OUTPUT) or (measured and isinstance(label, str) and label not in class_names):
        return None
    return label


def _rows(data: np.ndarray, names: tuple[str, ...]) -> Any:  # noqa: ANN401
    """The data as they are; a table with text in it as a DataFrame."""
    if data.dtype.kind in "fiub":
        return data
    if data.ndim != 2:
        raise InputError("Only tables may hold text", received=f"data of dtype {data.dtype}, shape {data.shape}", remedy="give numbers")
    import pandas as pd

    return pd.DataFrame(data, columns=list(names) or [f"feature {k}" for k in range(data.shape[1])]).infer_objects()


def _spec(data: np.ndarray, names: tuple[str, ...]) -> ModelSpec:
    if data.ndim == 2:
        missing = data.dtype.kind == "O" or (data.dtype.kind == "f" and bool(np.isnan(data).any()))
        return ModelSpec((InputSpec(kind="tabular", names=names if data.dtype.kind in "fiub" else (), missing=missing),))
    if data.ndim == 4:
        return ModelSpec((InputSpec(kind="image", axes=("y", "x", "channel")),))
    return ModelSpec()


def _as_given(made: Explanation, data: np.ndarray, cells: np.ndarray | None, errors: np.ndarray | None) -> Explanation:
    """With the data and their text as shap held them, bit by bit, and with its standard errors."""
    shown, array = made.inputs[0], made.arrays[0]
    same = shown.data.values.shape == data.shape and data.dtype.kind in "fiub"
    if same and (shown.kind != "image" or (data.min() >= 0 and data.max() <= 1)):
        shown = replace(shown, data=replace(shown.data, values=data.copy()))
    if cells is not None and cells.shape == shown.data.values.shape and cells.ndim == 2:
        shown = replace(shown, cells=tuple(tuple(map(str, row)) for row in cells))
    if errors is None or errors.shape != array.values.shape:
        return replace(made, inputs=(shown,))
    error = LabelledArray(array.name, errors.copy(), array.axes, array.coordinates)
    return replace(made, inputs=(shown,), errors=(error,), error_kind="standard_error")


def _with_scores(made: Explanation, base: np.ndarray | None) -> Explanation:
    """With the base values as scores at the baseline, and their sums with the values as scores where no network said these."""
    if base is None:
        return made
    start = np.broadcast_to(base.reshape(base.shape[:1]) if base.ndim else base, (len(made),)).copy()
    decision = replace(made.decision, baseline_scores=start)
    if np.isnan(decision.scores).all():
        decision = replace(decision, scores=start + made.arrays[0].values.reshape(len(made), -1).sum(1, dtype=np.float64))
    return replace(made, decision=decision)
