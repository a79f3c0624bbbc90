"""What is guessed about a model's inputs and outputs where the user's spec leaves it open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.explanation.explanation import InputKind, OutputKind
from pellucid.explanation.spec import USUAL_AXES, InputSpec


def guess_input(spec: InputSpec, shape: tuple[int, ...], *, integer: bool) -> tuple[InputSpec, str]:
    """Completes an input's kind and axes from the shape of one row; returns the spec and a sentence, or "" if nothing was guessed."""
    if spec.kind is not None:
        return replace(spec, axes=spec.axes or _axes(spec.kind, shape)), ""
    kind, axes = _guess_kind(shape, integer=integer)
    sentence = f"{spec.name}: a row of shape {shape} was taken as {kind} with axes {', '.join(axes) or 'without names'}"
    return replace(spec, kind=kind, axes=axes), sentence


def _guess_kind(shape: tuple[int, ...], *, integer: bool) -> tuple[InputKind, tuple[str, ...]]:
    if integer and len(shape) == 1:
        return "tokens", USUAL_AXES["tokens"]
    if len(shape) == 1:
        return "tabular", USUAL_AXES["tabular"]
    if len(shape) == 3:
        return "image", _axes("image", shape)
    if len(shape) == 2 and shape[0] in (1, 2) and shape[1] > 8:
        return "audio", USUAL_AXES["audio"]
    if len(shape) == 2:
        return "series", USUAL_AXES["series"]
    return "array", _axes("array", shape)


def _axes(kind: InputKind, shape: tuple[int, ...]) -> tuple[str, ...]:
    usual = USUAL_AXES[kind]
    if len(usual) == len(shape):
        if kind == "image" and shape[0] not in (1, 3, 4) and shape[2] in (1, 3, 4):
            return "y", "x", "channel"
        return usual
    if kind == "image" and len(shape) == 2:
        return "y", "x"
    if kind == "audio" and len(shape) == 1:
        return ("time",)
    if kind == "series" and len(shape) == 1:
        return ("time",)
    generic = ("unit", "step", "layer", "head", "channel", "time", "y", "x")
    return generic[len(generic) - len(shape) :]


def guess_outputs(outputs: np.ndarray, last_module: str) -> tuple[OutputKind, str]:
    """What kind of numbers the outputs are, from the last module's class name and the values; and a sentence, or ""."""
    columns = 1 if outputs.ndim == 1 else outputs.shape[1] if outputs.ndim == 2 else 0
    inside = bool(np.isfinite(outputs).all() and (outputs >= 0).all() and (outputs <= 1).all())
    if last_module == "Sigmoid":
        what = "probabilities" if columns == 1 else "one probability for each label of its own"
        return "probabilities", f"outputs: {what}, since the network ends in a sigmoid"
    if columns != 1 and inside and np.allclose(outputs.sum(1), 1, atol=1e-5):
        return "probabilities", "outputs: probabilities, since every row lies in 0..1 and sums to 1"
    if columns > 1:
        return "logits", f"outputs: {columns} class scores (logits) in a row"
    return "unknown", "outputs: one value in a row; say ModelSpec(outputs='logits') if it is a two-class logit" if columns == 1 else ""
