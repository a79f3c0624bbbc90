"""Explanations as tables: one line for each attribution, or one for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from pellucid.explanation.arrays import LabelledArray
    from pellucid.explanation.explanation import Explanation, ShownInput

LAST = ("value", "shown", "attribution", "error", "target", "verdict")


def long_table(explanation: Explanation) -> pd.DataFrame:
    """``sample``, ``input``, a column for each axis, ``value``, ``shown``, ``attribution``, ``error``, ``target``, ``verdict``.

    ``value`` is the input's own number and ``shown`` its text, where the attributions lie on the elements of the input. Padding is left
    out.
    """
    import pandas as pd

    _need_rows(explanation)
    whole = pd.concat([_lines(explanation, place) for place in range(len(explanation.arrays))], ignore_index=True)
    first = [name for name in whole.columns if name not in LAST]
    return whole.loc[:, [*first, *(name for name in LAST if name in whole.columns)]]


def wide_table(explanation: Explanation) -> pd.DataFrame:
    """A line for each row, indexed by ``sample``, ``target`` and ``verdict``, with a column for each feature, token or unit.

    Raises:
        InputError: several inputs, or attributions with more axes than one beside the sample.
    """
    import pandas as pd

    _need_rows(explanation)
    array = explanation.arrays[0]
    if len(explanation.arrays) != 1 or array.values.ndim != 2 or array.axes[0] != "sample":
        received = "; ".join(f"{one.name} {one.axes}" for one in explanation.arrays)
        raise InputError("A wide table needs one value per feature of one input", received=received, remedy="take form='long'")
    values = array.values if array.valid is None else np.where(array.valid, array.values, np.nan)
    verdicts = [one.level for one in explanation.verdicts]
    index = pd.MultiIndex.from_arrays(
        [range(len(explanation)), list(explanation.decision.target), verdicts], names=["sample", "target", "verdict"]
    )
    names = array.coordinates.get(array.axes[1], range(values.shape[1]))
    return pd.DataFrame(values, index=index, columns=pd.Index(names, name=array.axes[1]))


def _need_rows(explanation: Explanation) -> None:
    if not explanation.arrays or not len(explanation):
        raise InputError(
            "There are no attributions to make a table of", received=repr(explanation), remedy="explain rows with pl.explain(...)"
        )


def _lines(explanation: Explanation, place: int) -> pd.DataFrame:
    import pandas as pd

    array = explanation.arrays[place]
    kept = np.ones(array.values.shape, bool) if array.valid is None else np.broadcast_to(array.valid, array.values.shape)
    at = np.nonzero(kept)
    sample = at[array.axes.index("sample")] if "sample" in array.axes else np.zeros(len(at[0]), int)
    shown = next((one for one in explanation.inputs if one.name == array.name), None)
    columns: dict[str, Any] = {"sample": sample, "input": array.name}
    for axis, index in zip(array.axes, at, strict=True):
        if axis != "sample":
            names = array.coordinates.get(axis)
            columns[axis] = np.asarray(names, object)[index] if names else index
    columns["value"] = np.nan
    if shown is not None and (values := on_axes(shown.data, array)) is not None:
        columns["value"] = values[at]
        columns |= _texts(shown, at, values.shape)
    columns["attribution"] = array.values[at]
    columns["error"] = explanation.errors[place].values[at] if explanation.errors else np.nan
    columns["target"] = np.asarray(explanation.decision.target, object)[sample]
    columns["verdict"] = np.asarray([one.level for one in explanation.verdicts], object)[sample]
    return pd.DataFrame(columns)


def _texts(shown: ShownInput, at: tuple[np.ndarray, ...], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    texts = np.array(shown.cells, object)
    return {"shown": texts[at]} if texts.shape == shape else {}


def on_axes(data: LabelledArray, like: LabelledArray) -> np.ndarray | None:
    """The data in the axis order of another array of the same axes and lengths; None where these differ."""
    if set(data.axes) != set(like.axes):
        return None
    values = data.values.transpose([data.axes.index(axis) for axis in like.axes])
    return values if values.shape == like.values.shape else None
