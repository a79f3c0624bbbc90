"""LIME's list form, and explanations of the ``lime`` package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation.explanation import Explanation, ShownInput
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.interop.arrays import from_arrays

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation


def to_lime_list(explanation: Explanation, row: int = 0) -> list[tuple[str, float]]:
    """What ``lime``'s ``as_list()`` gives: (feature = value, weight) of one row, the largest weight by size first.

    Raises:
        InputError: attributions that are not one number per feature or token.
    """
    one = explanation[row]
    if len(one.arrays) != 1 or one.arrays[0].values.ndim != 2:
        received = "; ".join(f"{array.name} {array.axes}" for array in one.arrays)
        raise InputError("LIME's list has one weight per feature", received=received, remedy="use e.to_pandas() for these")
    weights = one.arrays[0].values[0]
    texts = _texts(one, len(weights))
    order = np.argsort(-np.abs(weights), kind="stable")
    return [(texts[k], float(weights[k])) for k in order]


def from_lime(
    found: Any,  # noqa: ANN401
    row: Any = None,  # noqa: ANN401
    *,
    label: int | None = None,
    model: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    checks: Literal["fast", "none"] = "fast",
) -> Explanation:
    """An Explanation of what ``lime`` found for one row of a table, or for one image.

    Features that LIME left out have weight 0. The weight of an image's segment is shared out evenly among its pixels and channels. How
    well LIME's own linear model fitted (``score``) stands in the provenance.

    Args:
        found: a ``lime`` Explanation of a table, or an ImageExplanation.
        row: the explained row of the table, (feature,), or the image as the network takes it; of an image (y, x, channel) it may be left
            out.
        label: which class, where several were explained.
        model, background, preparation, class_names, checks: as for :func:`from_arrays`; the target is ``label``.

    Raises:
        InputError: no row, an explanation of text, or several labels and none chosen.
    """
    chosen = _label(found, label)
    names = tuple(class_names) or tuple(map(str, getattr(found, "class_names", None) or ()))
    if hasattr(found, "segments"):
        values, inputs, spec = _image(found, chosen, row)
    else:
        values, inputs, spec = _table(found, chosen, row)
    regression = getattr(found, "mode", "classification") == "regression"
    made = from_arrays(
        values,
        inputs,
        method="LIME",
        model=model,
        target=None if regression else chosen,
        meaning="contribution",
        class_names=() if regression else names,
        background=background,
        spec=spec if preparation is None else None,
        preparation=preparation,
        checks=checks,
    )
    fitted: Any = getattr(found, "score", None)
    fitted = fitted.get(chosen) if isinstance(fitted, dict) else fitted
    told = {} if fitted is None else {"score": f"{float(fitted):.6g}"}
    return replace(made, provenance=replace(made.provenance, parameters=told))


def _texts(one: Explanation, count: int) -> list[str]:
    array = one.arrays[0]
    shown: ShownInput | None = next((each for each in one.inputs if each.name == array.name), None)
    cells = shown.cells[0] if shown is not None and shown.cells and len(shown.cells[0]) == count else ()
    names = array.coordinates.get(array.axes[1])
    if names:
        return [f"{name} = {cell}" for name, cell in zip(names, cells, strict=True)] if cells else list(names)
    return list(cells) or [f"{array.axes[1]} {k}" for k in range(count)]


def _label(found: Any, label: int | None) -> int:  # noqa: ANN401
    known = sorted(found.local_exp)
    if getattr(found, "mode", "classification") == "regression":
        return 1 if 1 in known else known[-1]  # lime explains the value under 1, and its negative under 0
    if label is None and len(known) == 1:
        return known[0]
    if label is None or label not in known:
        raise InputError("Which label is meant is not clear", received=f"label={label}", remedy=f"give label= one of {known}")
    return label


def _table(found: Any, label: int, row: Any) -> tuple[np.ndarray, Any, ModelSpec]:  # noqa: ANN401
    mapper = getattr(found, "domain_mapper", None)
    names = getattr(mapper, "exp_feature_names", None)
    if names is None or hasattr(mapper, "indexed_string"):
        received = type(mapper).__name__
        raise InputError("Only LIME of tables and images is taken in", received=received, remedy="use pl.interop.from_arrays for text")
    if row is None:
        raise InputError("LIME does not keep the row in its units", received="row=None", remedy="give the explained row")
    rows = row.to_frame().T if hasattr(row, "to_frame") else row if hasattr(row, "iloc") else np.asarray(row).reshape(1, -1)
    if rows.shape != (1, len(names)):
        raise InputError("The row does not fit LIME's features", received=f"shape {rows.shape}", remedy=f"give {len(names)} values")
    values = np.zeros((1, len(names)))
    for feature, weight in found.local_exp[label]:
        values[0, feature] = weight
    named = () if hasattr(rows, "iloc") else tuple(map(str, names))
    return values, rows, ModelSpec((InputSpec(kind="tabular", names=named),))


def _image(found: Any, label: int, row: Any) -> tuple[np.ndarray, np.ndarray, ModelSpec]:  # noqa: ANN401
    """Weights (1, y, x) of an image's pixels; every segment's pixels and channels have equal parts of its weight."""
    segments = np.asarray(found.segments)
    weights = np.zeros(int(segments.max()) + 1)
    for segment, weight in found.local_exp[label]:
        weights[segment] = weight
    plane = (weights / np.maximum(np.bincount(segments.ravel(), minlength=len(weights)), 1))[segments]
    image = np.asarray(found.image if row is None else row.detach().cpu() if hasattr(row, "detach") else row)
    image = image[0] if image.ndim == 4 and len(image) == 1 else image
    if image.ndim != 3 or segments.shape not in (image.shape[:2], image.shape[1:]):
        received = f"shape {image.shape}, segments {segments.shape}"
        raise InputError("The image does not fit LIME's segments", received=received, remedy="give (y, x, channel) or (channel, y, x)")
    axes = ("y", "x", "channel") if segments.shape == image.shape[:2] else ("channel", "y", "x")
    channel = axes.index("channel")
    values = np.broadcast_to(np.expand_dims(plane, channel) / image.shape[channel], image.shape)
    return values[None].copy(), image[None], ModelSpec((InputSpec(kind="image", axes=axes),))
