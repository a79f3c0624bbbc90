"""What goes into a model and what comes out, said once. What is not said is guessed where that is safe, and the guess is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pellucid.explanation.explanation import InputKind, OutputKind

USUAL_AXES: dict[InputKind, tuple[str, ...]] = {
    "tabular": ("feature",),
    "image": ("channel", "y", "x"),
    "tokens": ("token",),
    "audio": ("channel", "time"),
    "series": ("time", "feature"),
    "array": (),
}


@dataclass(frozen=True)
class InputSpec:
    """One model input.

    Attributes:
        kind: what it is; None is guessed from shape and dtype.
        axes: names of its axes without ``sample``, in the model's own layout; empty: the usual ones of the kind.
        names: feature names; of integer tokens the vocabulary, by id.
        groups: for a table, the player of each encoded column (one-hot columns of one feature share a player); empty: one each.
        group_names: the names of the players where ``groups`` is given.
        categorical: columns that hold category codes.
        missing: whether not-a-number is a legal value (shown as "missing").
        value_range: lowest and highest value an element can take, where known.
        blank: for integer tokens under black-box methods, the token that stands for "removed".
    """

    name: str = "input"
    kind: InputKind | None = None
    axes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    group_names: tuple[str, ...] = ()
    categorical: tuple[int, ...] = ()
    missing: bool = False
    value_range: tuple[float, float] | None = None
    blank: int | None = None


@dataclass(frozen=True)
class ModelSpec:
    """What a model takes and gives.

    Attributes:
        inputs: one :class:`InputSpec` per input, or none: all are guessed.
        outputs: ``logits``, ``probabilities`` or ``values``; ``unknown`` is guessed from the model's last module and its outputs.
        class_names: by index.
        select: picks the main output when the model returns several: a key, a position, or a function.
        guesses: what was guessed, each a sentence.
    """

    inputs: tuple[InputSpec, ...] = ()
    outputs: OutputKind = "unknown"
    class_names: tuple[str, ...] = ()
    select: str | int | Callable[[Any], Any] | None = None
    guesses: tuple[str, ...] = ()
