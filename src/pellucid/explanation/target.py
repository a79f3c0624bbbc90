"""Targets: the scalar per row that is being explained.

A target is resolved once against the model's real outputs into a :class:`Selection`; after that its ``score`` is
applied to every batch. Scores are attributed on the logit scale: where outputs are probabilities the score is the log-odds,
``log p_k - log(sum of the others)``, because a saturated softmax has next to no gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

import numpy as np

from pellucid.errors import TargetError, UnknownName
from pellucid.explanation.explanation import OutputKind
from pellucid.explanation.scores import (
    Score,
    independent,
    log_odds,
    log_ratio,
    one_number,
    per_row,
    pixel_score,
    single_logit,
    single_probability,
)

Scale = Literal["logit", "log-odds", "probability", "value"]


@dataclass(frozen=True)
class OutputSpace:
    """What the model's main output looks like: ``outputs`` holds it for the explained rows (sample, ...), as numpy.

    ``odds``: probabilities are explained as log-odds. A black box has no gradient that saturates, and forests say 0 and 1: there it is
    the probability itself.
    """

    outputs: np.ndarray
    kind: OutputKind
    class_names: tuple[str, ...]
    odds: bool = True

    def __post_init__(self) -> None:
        legal = (1, 2) if self.classes == 1 else (self.classes,)
        if self.class_names and self.outputs.ndim <= 2 and len(self.class_names) not in legal:
            raise TargetError(
                "One class name is needed per output",
                received=f"{len(self.class_names)} names, {self.classes} outputs",
                remedy="give class_names in the order of the outputs",
            )

    @property
    def rows(self) -> int:
        """The number of explained rows."""
        return len(self.outputs)

    @property
    def classes(self) -> int:
        """The number of output columns (1 for an output of shape (sample,))."""
        return 1 if self.outputs.ndim == 1 else self.outputs.shape[1]


@dataclass(frozen=True)
class Selection:
    """A resolved target: its name and class (-1: none) per row, its score function and the scale of the scores.

    Where the score is the sum over some ``positions`` of what is produced, ``apart`` gives the score of every position, (sample, produced).
    """

    labels: tuple[str, ...]
    classes: np.ndarray
    score: Score
    scale: Scale
    written: str
    apart: Score | None = None
    positions: tuple[int, ...] = ()


class Target(Protocol):
    """Anything that can be resolved against an output space."""

    def resolve(self, space: OutputSpace) -> Selection:
        """Names the scalar per row; raises :class:`TargetError` where this output has none of that name."""
        ...


@dataclass(frozen=True)
class Predicted:
    """The class the model predicts for each row; for an output of one column, that output itself."""

    def resolve(self, space: OutputSpace) -> Selection:
        """The arg-max class of each row."""
        if space.classes == 1:
            if space.kind in ("logits", "probabilities"):
                cut = 0.0 if space.kind == "logits" else 0.5
                return _select(space, [int(value > cut) for value in space.outputs.reshape(space.rows, -1)[:, 0]], "Predicted()")
            return Output(0).resolve(space)
        _need_columns(space)
        return _select(space, [int(k) for k in space.outputs.argmax(1)], "Predicted()")


@dataclass(frozen=True)
class Class:
    """One class, by index or name, or one per row. With a single-logit output, class 0 is the negative logit."""

    which: int | str | tuple[int | str, ...]

    def resolve(self, space: OutputSpace) -> Selection:
        """The score of that class in each row."""
        wanted = tuple(self.which) if isinstance(self.which, (tuple, list)) else (self.which,) * space.rows
        if len(wanted) != space.rows:
            raise TargetError(
                "A list of targets needs one entry per row",
                received=f"{len(wanted)} targets for {space.rows} rows",
                remedy="give one target per row, or a single one for all",
            )
        if space.classes == 1 and space.kind not in ("logits", "probabilities"):
            raise TargetError(
                "This model has one output, and it is not known whether that is a value or a logit",
                received=f"{self}",
                remedy="use target=Output(0) for the value itself, or spec=ModelSpec(outputs='logits') for a two-class logit",
            )
        return _select(space, [class_index(k, space) for k in wanted], repr(self))


@dataclass(frozen=True)
class Output:
    """Output column ``index`` as it is: a regression value, one label of a multi-label network."""

    index: int

    def resolve(self, space: OutputSpace) -> Selection:
        """The raw value of that column."""
        _check_index(self.index, space.classes, "output")
        column = self.index
        name = (
            space.class_names[column]
            if len(space.class_names) == space.classes
            else ("the output" if space.classes == 1 else f"output {column}")
        )

        def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401, ARG001
            return outputs if outputs.ndim == 1 else one_number(outputs[:, column])

        scale: Scale = "probability" if space.kind == "probabilities" else "logit" if space.kind == "logits" else "value"
        return Selection((name,) * space.rows, np.full(space.rows, -1), score, scale, repr(self))


@dataclass(frozen=True)
class Margin:
    """How far class ``winner`` lies above class ``loser``: the difference of their scores."""

    winner: int | str
    loser: int | str

    def resolve(self, space: OutputSpace) -> Selection:
        """The difference of two class scores in each row."""
        first, second = Class(self.winner).resolve(space), Class(self.loser).resolve(space)
        winner, loser = int(first.classes[0]), int(second.classes[0])
        if winner == loser:
            raise TargetError("A margin needs two classes", received=repr(self), remedy="name the class it is compared with")
        ratio = space.kind == "probabilities" and space.classes > 1

        def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
            if ratio:
                return log_ratio(outputs[:, winner], outputs[:, loser])
            return first.score(outputs, rows) - second.score(outputs, rows)

        labels = tuple(f"{a} rather than {b}" for a, b in zip(first.labels, second.labels, strict=True))
        return Selection(labels, first.classes, score, first.scale, repr(self))


@dataclass(frozen=True)
class Token:
    """The score of a produced token, for outputs (sample, token, class): of a sequence model, what it says at ``position``.

    Without ``position`` the sum over all positions. ``which`` is a token (class) by index or name; without it the one that scores highest
    at its position.
    """

    position: int | None = None
    which: int | str | None = None

    def resolve(self, space: OutputSpace) -> Selection:
        """The sum of the scores of the chosen token at the chosen positions in each row."""
        shape = space.outputs.shape
        if len(shape) != 3:
            raise TargetError(
                "A token target needs an output of shape (sample, token, class)",
                received=f"an output of shape {shape}",
                remedy="give a class index, or a network that scores the tokens at every position",
            )
        if self.position is not None:
            _check_index(self.position, shape[1], "position")
        names = OutputSpace(space.outputs[:, 0], space.kind, space.class_names)
        best = space.outputs.argmax(-1)
        ids = best if self.which is None else np.full_like(best, class_index(self.which, names))
        positions = range(shape[1]) if self.position is None else (self.position,)

        def apart(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
            chosen = outputs.new_tensor(ids.tolist()).long()[rows]
            return outputs.gather(-1, chosen[..., None])[..., 0]

        def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
            return apart(outputs, rows)[:, list(positions)].sum(1)

        kind: Scale = "probability" if space.kind == "probabilities" else "logit" if space.kind == "logits" else "value"
        return Selection(self._labels(ids, names), np.full(space.rows, -1), score, kind, repr(self), apart, tuple(positions))

    def _labels(self, ids: np.ndarray, names: OutputSpace) -> tuple[str, ...]:
        if self.position is not None:
            return tuple(f"{class_name(int(row[self.position]), names)} at position {self.position + 1}" for row in ids)
        known = [class_name(int(k), names) for k in ids[:, 0]] if self.which is not None else ["what is produced"] * len(ids)
        return tuple(f"{name} at all {ids.shape[1]} positions" for name in known)


@dataclass(frozen=True, eq=False)
class Pixels:
    """The mean score of one class over a pixel mask, for segmentation outputs (sample, class, y, x).

    Where the output is of probabilities that is the mean of the log-odds; where it has one channel, the two classes are 0 and 1.
    ``mask`` is boolean, (y, x) for all rows or (sample, y, x).
    """

    which: int | str
    mask: np.ndarray

    def resolve(self, space: OutputSpace) -> Selection:
        """The masked mean in each row."""
        shape = space.outputs.shape
        if len(shape) != 4:
            raise TargetError(
                "A pixel mask needs an output of shape (sample, class, y, x)",
                received=f"an output of shape {shape}",
                remedy="give a class index, or a network that scores every pixel",
            )
        mask = np.asarray(self.mask, bool)
        if mask.shape not in (shape[2:], (shape[0], *shape[2:])):
            raise TargetError("The mask does not fit the output", received=f"mask {mask.shape}, output {shape}", remedy=f"give {shape[2:]}")
        mask = np.broadcast_to(mask, (shape[0], *shape[2:]))
        if not mask.any((1, 2)).all():
            raise TargetError("The mask selects no pixel", remedy="mark at least one pixel in every row")
        index = class_index(self.which, space)
        weights = mask / mask.sum((1, 2), keepdims=True)

        per_pixel = pixel_score(index, space)

        def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
            return (per_pixel(outputs) * outputs.new_tensor(weights)[rows]).sum((1, 2))

        name = class_name(index, space)
        label = f"{name} in {int(mask[0].sum())} marked pixels"
        written = f"Pixels({self.which!r}, mask of {mask[0].shape})"
        scale: Scale = "logit" if space.kind == "logits" else "value"
        if space.kind == "probabilities":
            scale = "log-odds" if space.odds else "probability"
        return Selection((label,) * space.rows, np.full(space.rows, index), score, scale, written)


@dataclass(frozen=True)
class Custom:
    """Any callable of the outputs that returns one number per row."""

    function: Callable[[Any], Any]

    def resolve(self, space: OutputSpace) -> Selection:
        """The callable's own value."""
        name = getattr(self.function, "__name__", type(self.function).__name__)

        def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401, ARG001
            scores = self.function(outputs)
            if tuple(getattr(scores, "shape", ())) not in ((len(outputs),), (len(outputs), 1)):
                raise TargetError(
                    "The target function must return one number per row",
                    received=f"{type(scores).__name__} of shape {tuple(getattr(scores, 'shape', ()))} for outputs {tuple(outputs.shape)}",
                    remedy="return a tensor of shape (rows,), computed for each row from that row alone",
                )
            return scores.reshape(len(outputs))

        return Selection((name,) * space.rows, np.full(space.rows, -1), score, "value", name)


def as_target(target: object) -> Target:
    """The target that a user's shorthand means: int or str a class, a list one class per row, a callable itself, None the prediction."""
    if target is None:
        return Predicted()
    if hasattr(target, "resolve"):
        return cast("Target", target)
    if isinstance(target, bool):
        raise TargetError("A target can not be a truth value", received=repr(target), remedy="give a class index or name")
    if isinstance(target, (int, np.integer)):
        return Class(int(target))
    if isinstance(target, str):
        return Class(target)
    if callable(target):
        return Custom(target)
    as_list: Any = getattr(target, "tolist", None)  # a numpy array or a tensor
    if callable(as_list):
        target = as_list()
        if isinstance(target, int):
            return as_target(target)
    if isinstance(target, Sequence) and all(isinstance(k, (int, str)) and not isinstance(k, bool) for k in target):
        return Class(tuple(target))
    raise TargetError(
        "This is not a target",
        received=f"{type(target).__name__} {target!r}"[:80],
        remedy="give a class index or name, one per row, Predicted(), Class, Margin, Output, Token, Pixels, or a function of the outputs",
    )


def class_index(which: int | str, space: OutputSpace) -> int:
    """The index of a class given by index or name."""
    count = max(space.classes, 2) if space.kind in ("logits", "probabilities") else space.classes
    if isinstance(which, str):
        if not space.class_names:
            raise TargetError(
                "The class names of this model are not known", received=repr(which), remedy="give class_names=..., or the class index"
            )
        if which not in space.class_names:
            raise UnknownName("class", which, space.class_names)
        return space.class_names.index(which)
    _check_index(which, count, "class")
    return int(which)


def class_name(index: int, space: OutputSpace) -> str:
    """What people call this class."""
    return space.class_names[index] if index < len(space.class_names) else f"class {index}"


def probabilities(space: OutputSpace) -> np.ndarray | None:
    """The outputs as probabilities (sample, class), or None where that makes no sense."""
    values = space.outputs.reshape(space.rows, -1).astype(np.float64)
    if space.outputs.ndim > 2 or space.kind not in ("logits", "probabilities"):
        return None
    if space.kind == "logits":
        if values.shape[1] == 1:
            values = np.concatenate([np.zeros_like(values), values], 1)
        values = np.exp(values - values.max(1, keepdims=True))
        return values / values.sum(1, keepdims=True)
    return np.concatenate([1 - values, values], 1) if values.shape[1] == 1 else values


def _select(space: OutputSpace, classes: list[int], written: str) -> Selection:
    index = np.array(classes)
    labels = tuple(class_name(k, space) for k in classes)
    if space.classes == 1 and space.kind == "probabilities" and not space.odds:
        return Selection(labels, index, single_probability(index), "probability", written)
    if space.classes == 1:
        return Selection(labels, index, single_logit(index, space.kind), "log-odds" if space.kind == "probabilities" else "logit", written)
    _need_columns(space)
    if space.kind == "probabilities" and space.odds:
        return Selection(labels, index, log_odds(index, own=independent(space)), "log-odds", written)

    alike = classes[0] if len(set(classes)) == 1 else None  # a slice costs nothing, where a look-up for each row does

    def score(outputs: Any, rows: Any) -> Any:  # noqa: ANN401
        return one_number(outputs[:, alike] if alike is not None else outputs.gather(1, per_row(index, rows)[:, None])[:, 0])

    scale: Scale = "value" if space.kind == "values" else "probability" if space.kind == "probabilities" else "logit"
    return Selection(labels, index, score, scale, written)


def _need_columns(space: OutputSpace) -> None:
    if space.outputs.ndim != 2:
        raise TargetError(
            "A class target needs an output of shape (sample, class)",
            received=f"an output of shape {space.outputs.shape}",
            remedy="use target=Pixels(class, mask) for segmentation, Token(position) for sequences, or a function of the outputs that "
            "returns one number per row",
        )


def _check_index(index: int, count: int, what: str) -> None:
    if isinstance(index, (bool, np.bool_)) or not isinstance(index, (int, np.integer)):
        raise TargetError(f"The {what} must be a whole number", received=repr(index), remedy=f"give 0 to {math.floor(count - 1)}")
    if not 0 <= index < count:
        backwards = " (negative indices are not counted from the end)" if index < 0 else ""
        raise TargetError(f"There is no {what} {index}{backwards}", received=repr(index), remedy=f"give 0 to {math.floor(count - 1)}")
