"""What an Explanation holds beside its values: the request it answers, the decision it explains, where it comes from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation.arrays import LabelledArray
from pellucid.explanation.check import Check
from pellucid.explanation.explanation import Decision
from pellucid.explanation.provenance import Provenance
from pellucid.explanation.target import OutputSpace, Selection, probabilities
from pellucid.harness.shown import RawRows
from pellucid.methods.run import Evaluator, Situation
from pellucid.models.inputs import RowInputs

if TYPE_CHECKING:
    from pellucid.methods.protocol import Attribution, Method
    from pellucid.models.protocol import Mode, Model

Depth = Literal["fast", "full", "none"]


@dataclass(frozen=True, eq=False)
class Request:
    """One call of explain(), its parts made sense of."""

    model: Model
    rows: RowInputs
    raw: RawRows
    method: Method
    situation: Situation
    mode: Mode
    checks: Depth
    truth: tuple[str, ...]


def truth_of(labels: Sequence[Any] | np.ndarray | None, rows: int, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The true labels as text, class indices by name."""
    if labels is None:
        return ()
    if len(labels) != rows:
        raise InputError(
            "One label per row is needed", received=f"{len(labels)} labels for {rows} rows", remedy="give labels in the order of the rows"
        )

    def name(label: Any) -> str:  # noqa: ANN401
        number = label.item() if hasattr(label, "item") else label
        return class_names[number] if isinstance(number, int) and 0 <= number < len(class_names) else str(number)

    return tuple(name(label) for label in labels)


def baseline_scores(evaluator: Evaluator, found: Attribution, checks: tuple[Check, ...]) -> np.ndarray:
    """f(baseline) where the method has a baseline and it or the checks evaluated it; not-a-number otherwise."""
    if found.baseline_scores is not None:
        return found.baseline_scores.double().cpu().numpy()
    if found.baseline is None or found.completeness is None:
        return np.full(evaluator.rows, np.nan)
    for check in checks:
        if check.name == "insertion":
            return check.curves[1].values[:, 0].astype(np.float64)
    return np.full(evaluator.rows, np.nan)


def decision(space: OutputSpace, selection: Selection, scores: np.ndarray, baseline_scores: np.ndarray, truth: tuple[str, ...]) -> Decision:
    """What the network said about each row."""
    flat = space.outputs.ndim <= 2
    columns = space.outputs.reshape(space.rows, -1)
    likely = probabilities(space) if flat else None

    def table(name: str, values: np.ndarray) -> LabelledArray:
        names = {"class": space.class_names} if len(space.class_names) == values.shape[1] else {}
        return LabelledArray(name, values, ("sample", "class"), names)

    predicted = likely.argmax(1) if likely is not None else np.full(space.rows, -1)
    return Decision(
        output_kind=space.kind,
        outputs=table("outputs", columns) if flat else None,
        probabilities=table("probabilities", likely) if likely is not None else None,
        class_names=space.class_names,
        predicted=predicted,
        target=selection.labels,
        target_class=selection.classes,
        scores=scores,
        baseline_scores=baseline_scores,
        truth=truth,
    )


def provenance(request: Request, compared: dict[str, str], selection: Selection) -> Provenance:
    """Where the explanation comes from, as far as it is known before anything is counted."""
    method = request.method
    fields = dataclasses.fields(method) if dataclasses.is_dataclass(method) else ()
    return Provenance(
        method=method.id,
        parameters={f.name: repr(getattr(method, f.name)) for f in fields},
        target=selection.written,
        scale=selection.scale,
        baseline=compared,
        mode=request.mode,
        dtype=request.model.dtype if request.model.dtype != "as given" else str(request.rows.tensors[0].dtype).removeprefix("torch."),
        device=request.model.device,
        batch=0,
        seed=request.situation.seed,
        versions=own_versions(),
        model=request.model.name,
        model_fingerprint="",
        input_fingerprint="",
        evaluations=0,
        check_evaluations=0,
        seconds=0.0,
        check_seconds=0.0,
        meaning=method.meaning,
        caution=method.caution,
    )


def own_versions() -> dict[str, str]:
    """The installed versions of pellucid, numpy and torch."""
    return dict(_versions())


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    """The installed versions; looked up once, since each takes a millisecond."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        own = version("pellucid")
    except PackageNotFoundError:  # running from a source tree
        own = "source"
    return ("numpy", version("numpy")), ("torch", version("torch")), ("pellucid", own)
