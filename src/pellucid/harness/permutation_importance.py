"""permutation_importance(): how much worse a network does when one feature is permuted over labelled rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from pellucid.data.players import players
from pellucid.errors import BudgetError, InputError, TargetError, UnknownName
from pellucid.explanation.target import OutputSpace, as_target, class_index, probabilities
from pellucid.harness.explain import known_spec
from pellucid.harness.importance import Importance, Score
from pellucid.harness.progress import Progress, shown_progress
from pellucid.harness.shown import feature_names
from pellucid.methods.run import Budget, Evaluator, Situation
from pellucid.models.function_model import FunctionModel
from pellucid.models.inputs import collect
from pellucid.models.wrap import wrap

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.spec import ModelSpec

SCORES = ("auto", "accuracy", "log_loss", "squared_error")
FEWEST = 2  # repeats: one has no standard error
SURE = 1e-15  # a probability is taken for no less, so that one wrong row does not make the loss infinite
Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (outputs, rows) -> how wrong each is


def permutation_importance(
    model: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    labels: Sequence[Any] | np.ndarray,
    *,
    score: Literal["auto"] | Score = "auto",
    repeats: int = 10,
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    seed: int = 0,
    batch_size: int | None = None,
    budget: Budget | None = None,
    progress: bool | Progress = False,
) -> Importance:
    """How much worse the network does on labelled rows when one feature is permuted over them (Breiman 2001; Fisher et al. 2019).

    The one-hot columns of a feature are permuted together. Each repeat draws one permutation for each feature; the cost is one model row
    for each row, feature and repeat. This is about the network on all rows together, so there are no values by row to be checked and no
    verdict: what stands behind it are two errors, over repeats and over rows.

    What it does not show: a permuted feature no longer fits the others of its row, so that the network is asked about rows that may not
    exist; features that say the same hide one another; and nothing about causes. Rows the network was trained on flatter what it
    memorized: give held-out rows.

    Args:
        model, inputs, spec, preparation, class_names, batch_size, progress: as for :func:`pellucid.explain`; the inputs are tables.
        labels: the true class of each row (index or name), or the true value.
        score: ``"accuracy"``, ``"log_loss"`` (natural logarithm) or ``"squared_error"``; ``"auto"``: accuracy for classifiers.
        repeats: permutations of each feature, at least 2.
        seed: of the permutations; the same seed gives the same bytes.
        budget: ``calls`` a row limit the repeats beforehand; ``seconds`` and ``error`` (largest standard error over the largest fall) end
            them early, after at least 2.

    Raises:
        InputError: labels that do not fit the rows, inputs that are no table, fewer than two rows.
        BudgetError: fewer than two repeats are allowed.
        UnknownName: no such score, or a label that is no class.
    """
    if score not in SCORES:
        raise UnknownName("score", score, SCORES)
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < FEWEST:
        raise InputError(
            "There have to be at least two repeats", received=repr(repeats), remedy="one alone has no standard error; give repeats=10"
        )
    wrapped = wrap(model, spec)
    known = known_spec(wrapped.spec, preparation, tuple(class_names))
    wrapped = wrap(wrapped, known) if known != wrapped.spec else wrapped
    rows = collect(preparation.apply(inputs) if preparation is not None else inputs, known, None)
    _check_labels(labels, rows.rows)
    owner: Any = wrapped.owner if isinstance(wrapped, FunctionModel) else getattr(wrapped, "net", wrapped)
    with shown_progress(progress) as report, wrapped.open(rows, mode="eval") as bound:
        situation = Situation(
            as_target(_first_output), known, wrapped.last_module(), owner, not isinstance(wrapped, FunctionModel),
            seed, batch_size, budget or Budget(), None, report,
        )  # fmt: skip
        evaluator = Evaluator(bound, situation)
        evaluator.stage = "permutation_importance"
        return _measured(evaluator, labels, score, repeats, wrapped.name)


def _measured(evaluator: Evaluator, labels: Sequence[Any] | np.ndarray, score: str, repeats: int, model: str) -> Importance:
    table = _table(evaluator)
    space = evaluator.space
    chosen, loss = _loss(space, labels, score)
    before = loss(space.outputs, np.arange(evaluator.rows))
    allowed = evaluator.affordable(len(table.names) * repeats) // len(table.names)
    if allowed < FEWEST:
        raise BudgetError(
            "The budget does not allow two repeats",
            received=f"{len(table.names)} features need {1 + FEWEST * len(table.names)} model rows for each row",
            remedy="allow more calls, or give fewer rows and budget.seconds",
        )
    falls, total = [], np.zeros((evaluator.rows, len(table.names)))
    for repeat in range(allowed):
        fall = _permuted(evaluator, table, loss, (repeat, allowed)) - before[:, None]
        falls.append(fall.mean(0))
        total += fall
        if repeat + 1 >= FEWEST and (evaluator.expired() or _sure(np.array(falls), evaluator.situation.budget.error)):
            break
    reference = float(before.mean()) if chosen != "accuracy" else 1 - float(before.mean())
    return Importance(
        table.names, np.array(falls), total / len(falls), chosen, reference, model, evaluator.situation.seed, evaluator.spent.evaluations
    )


@dataclass(frozen=True, eq=False)
class _Columns:
    """The features by name, and for each input which of its columns each feature owns, (feature, column)."""

    names: tuple[str, ...]
    owned: tuple[Tensor, ...]


def _table(evaluator: Evaluator) -> _Columns:
    if evaluator.rows < 2:
        raise InputError("Permuting needs at least two rows", received=f"{evaluator.rows}", remedy="give more labelled rows")
    names: list[str] = []
    found: list[tuple[int, np.ndarray]] = []
    for values, spec in zip(evaluator.values, evaluator.specs, strict=True):
        if values.ndim != 2 or spec.kind != "tabular":
            raise InputError(
                "Permutation importance is about the columns of a table",
                received=f"{spec.name} of kind {spec.kind} and shape {tuple(values.shape)}",
                remedy="for images and text summarize explanations of rows, or use pl.compare",
            )
        label = players(tuple(values.shape[1:]), spec)
        count = int(label.max()) + 1
        several = f"{spec.name}: " if len(evaluator.values) > 1 else ""
        names += [several + name for name in feature_names(spec, count)]
        found.append((count, label))
    owned, offset = [], 0
    for count, label in found:
        owned.append(torch.from_numpy((label + offset)[None] == np.arange(len(names))[:, None]).to(evaluator.device))
        offset += count
    return _Columns(tuple(names), tuple(owned))


def _permuted(evaluator: Evaluator, table: _Columns, loss: Loss, turn: tuple[int, int]) -> np.ndarray:
    """How wrong the network is about each row with each feature permuted, (row, feature)."""
    repeat, repeats = turn
    features, count = len(table.names), evaluator.rows
    drawn = evaluator.generator(repeat)
    sources = torch.stack([torch.randperm(count, generator=drawn) for _ in range(features)]).to(evaluator.device)
    found = np.empty((count, features))

    def outputs(rows: Tensor, which: Tensor) -> Tensor:
        given = sources[which, rows]
        batch = tuple(
            torch.where(owned[which], values[given], values[rows]) for values, owned in zip(evaluator.values, table.owned, strict=True)
        )
        return evaluator.bound.outputs(batch, rows)

    size = features * count
    for rows, which in evaluator.pairs(features, within=(repeat * size, repeats * size)):
        made = evaluator.run("forward", outputs, rows, which).detach().cpu().double().numpy()
        at = rows.cpu().numpy()
        found[at, which.cpu().numpy()] = loss(made, at)
    return found


def _sure(falls: np.ndarray, wanted: float | None) -> bool:
    """Whether the largest standard error is small enough beside the largest fall."""
    if wanted is None:
        return False
    error = falls.std(0, ddof=1).max() / np.sqrt(len(falls))
    return bool(error <= wanted * np.abs(falls.mean(0)).max())


def _loss(space: OutputSpace, labels: Sequence[Any] | np.ndarray, score: str) -> tuple[Score, Loss]:
    """The score's name, and how wrong outputs are: 0 or 1 for accuracy."""
    shares = probabilities(space)
    if score == "squared_error" or (score == "auto" and shares is None):
        wanted = _numbers(space, labels)
        return "squared_error", lambda outputs, rows: ((outputs.reshape(len(outputs), -1) - wanted[rows]) ** 2).mean(1)
    if shares is None:
        raise TargetError(
            f"{score} needs a classifier",
            received=f"outputs that are {space.kind}",
            remedy='say spec=ModelSpec(outputs="logits"), or score="squared_error"',
        )
    truth = np.array([class_index(_plain(label), space) for label in labels])

    def likely(outputs: np.ndarray) -> np.ndarray:
        found = probabilities(OutputSpace(outputs, space.kind, space.class_names, space.odds))
        return shares if found is None else found

    if score == "log_loss":
        return "log_loss", lambda outputs, rows: -np.log(np.clip(likely(outputs)[np.arange(len(rows)), truth[rows]], SURE, 1))
    return "accuracy", lambda outputs, rows: (likely(outputs).argmax(1) != truth[rows]).astype(float)


def _numbers(space: OutputSpace, labels: Sequence[Any] | np.ndarray) -> np.ndarray:
    """The true values (row, output)."""
    try:
        wanted = np.asarray(labels, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            "A squared error needs labels that are numbers", received=repr(labels)[:60], remedy="give the true value of each row"
        ) from error
    size = space.outputs.reshape(space.rows, -1).shape[1]
    wanted = wanted.reshape(space.rows, -1)
    if wanted.shape[1] != size or not np.isfinite(wanted).all():
        raise InputError(
            "The labels do not fit the outputs",
            received=f"{wanted.shape[1]} numbers a row",
            remedy=f"give {size} finite numbers for each row",
        )
    return wanted


def _plain(label: Any) -> int | str:  # noqa: ANN401
    plain: Any = label.item() if hasattr(label, "item") else label
    return int(plain) if isinstance(plain, float) and plain.is_integer() else cast("int | str", plain)


def _check_labels(labels: Any, rows: int) -> None:  # noqa: ANN401
    if labels is None or isinstance(labels, str) or not hasattr(labels, "__len__"):
        raise InputError(
            "Permutation importance needs the true label of each row",
            received=repr(labels)[:60],
            remedy="give labels in the order of the rows",
        )
    if len(labels) != rows:
        raise InputError(
            "One label per row is needed", received=f"{len(labels)} labels for {rows} rows", remedy="give labels in the order of the rows"
        )


def _first_output(outputs: Any) -> Any:  # noqa: ANN401 (a target is asked for where only outputs are needed)
    return outputs.reshape(len(outputs), -1)[:, 0]
