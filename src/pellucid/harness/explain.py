"""explain(): from a model, rows and a method to an Explanation with its checks and verdict."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pellucid.checks.completeness import completeness
from pellucid.checks.evidence import Evidence, Players, find_players, strengths_of
from pellucid.checks.faithfulness import faithfulness
from pellucid.checks.randomization import parameter_randomization
from pellucid.checks.stability import seed_stability
from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.check import Check
from pellucid.explanation.explanation import Explanation
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.explanation.target import OutputSpace, Selection, as_target
from pellucid.harness.progress import Progress, shown_progress
from pellucid.harness.result import Depth, Request, baseline_scores, decision, provenance, truth_of
from pellucid.harness.shown import RawRows, in_user_units, labelled, produced, shown_inputs, spread
from pellucid.harness.verdict import verdicts
from pellucid.methods.batching import clock
from pellucid.methods.registry import as_method
from pellucid.methods.run import Budget, Evaluator, Situation
from pellucid.models.function_model import FunctionModel
from pellucid.models.inputs import RowInputs, collect, refuse_sparse
from pellucid.models.wrap import wrap

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.methods.protocol import Attribution, Method
    from pellucid.models.protocol import Mode, Model

CHECK_ROWS = {"fast": 64, "full": 512}  # model rows per explained row that the checks may spend


def explain(
    model: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    method: Any,  # noqa: ANN401
    *,
    target: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    labels: Sequence[Any] | np.ndarray | None = None,
    checks: Depth = "fast",
    seed: int = 0,
    batch_size: int | None = None,
    budget: Budget | None = None,
    mode: Mode = "eval",
    progress: bool | Progress = False,
) -> Explanation:
    """Explains why the model gives each row its score, and measures whether the explanation may be believed.

    Args:
        model: a ``torch.nn.Module``, a function ``x -> scores``, or what :func:`wrap` returned.
        inputs: rows to explain, the row axis first: a tensor, array or DataFrame; a tuple of them for several inputs by position, a
            dict by keyword. With ``preparation`` these are the user's own data (a table in its units, photos or paths).
        method: an id such as ``"integrated_gradients"`` (see :func:`methods`), a Method class or object.
        target: what to explain: a class index or name, one per row, or a Target; the predicted class if not given.
        background: rows that stand for "nothing special"; tables are compared with their mean. In the form of ``inputs``.
        spec: what goes in and comes out, where that is not to be guessed.
        preparation: turns the user's data into model input, and back for display.
        class_names: the names of the output columns.
        labels: the true classes (index or name) of the rows, for display only.
        checks: ``"fast"`` (at most 64 model rows per explained row), ``"full"`` (adds stability over seeds and parameter randomization),
            ``"none"``.
        seed: of every draw; the same seed and batch size give the same bytes.
        batch_size: rows per model call; measured if not given.
        budget: limits of time, calls, error and memory.
        mode: ``"eval"``, or ``"as_is"`` to keep the module's own train/eval flags.
        progress: True for a progress bar, or a function ``(stage, done, total)``.

    Returns:
        An Explanation: its ``values`` have the shape of the input (or of the layer, for CAM methods).

    Raises:
        PellucidError: with what was wrong, what was received and what to do. The model is as it was in every case.
    """
    chosen = as_method(method)
    if checks not in ("fast", "full", "none"):
        raise UnknownName("depth of checks", checks, ("fast", "full", "none"))
    if mode not in ("eval", "as_is"):
        raise UnknownName("mode", mode, ("eval", "as_is"))
    if batch_size is not None and (isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1):
        raise InputError(
            "The batch size must be a positive whole number",
            received=repr(batch_size),
            remedy="give batch_size=8, or leave it out to have it measured",
        )
    wrapped = wrap(model, spec)
    known = known_spec(wrapped.spec, preparation, tuple(class_names))
    wrapped = wrap(wrapped, known) if known != wrapped.spec else wrapped
    rows = collect(preparation.apply(inputs) if preparation is not None else inputs, known, background)
    _check_needs(wrapped, chosen)
    with shown_progress(progress) as report:
        owner: Any = wrapped.owner if isinstance(wrapped, FunctionModel) else getattr(wrapped, "net", wrapped)
        situation = Situation(
            as_target(target),
            known,
            wrapped.last_module(),
            owner,
            not isinstance(wrapped, FunctionModel),
            seed,
            batch_size,
            budget or Budget(),
            prepared_background(background, preparation, rows),
            report,
        )
        truth = truth_of(labels, rows.rows, known.class_names)
        return _explain(Request(wrapped, rows, RawRows(inputs, preparation), chosen, situation, mode, checks, truth))


def _explain(request: Request) -> Explanation:
    method, situation = request.method, request.situation
    with request.model.open(request.rows, mode=request.mode) as bound:
        fingerprints = request.model.fingerprint(), request.rows.fingerprint()  # of what is explained, before the model runs
        evaluator = Evaluator(bound, situation)
        evaluator.stage = method.id
        started = clock()
        found = method.attribute(evaluator)
        selection, space = evaluator.selection, evaluator.space
        scores = evaluator.scores_at_inputs().cpu().numpy()
        seconds = clock() - started
        spent = dataclasses.replace(evaluator.spent)
        started = clock()
        players = find_players(evaluator, found)
        measured, check_rows = _checks(request, evaluator, found, players)
        check_seconds = clock() - started
        at_baseline = baseline_scores(evaluator, found, measured)
        finite = np.isfinite(scores) & np.array([all(bool(torch.isfinite(v[r]).all()) for v in found.values) for r in range(len(scores))])
        shown = shown_inputs(evaluator, request.raw, players)
        if "produced" in found.axes and space.outputs.ndim == 3:
            shown += (produced(space.outputs, space.class_names),)
        # the checks' in-fill is named in each check
        compared = found.compared or (dict(evaluator.baseline_names) if found.baseline is not None else {})
        origin = provenance(request, compared, selection)
        guesses = tuple(dict.fromkeys((*request.rows.guesses, *bound.guesses, *evaluator.guesses)))
    judged = verdicts(measured, finite=finite, caution=origin.caution)
    return Explanation(
        kind="layer_attribution" if found.layer else found.kind,
        arrays=labelled(evaluator, found, found.values) if not found.made else in_user_units(found.made, request.raw),
        inputs=shown,
        decision=decision(space, selection, scores, at_baseline, request.truth),
        provenance=replace(
            origin,
            model_fingerprint=fingerprints[0],
            input_fingerprint=fingerprints[1],
            batch=spent.batch,
            evaluations=spent.evaluations,
            check_evaluations=check_rows,
            seconds=seconds,
            check_seconds=check_seconds,
            guesses=guesses,
            choices=found.choices,
        ),
        checks=measured,
        verdicts=judged,
        errors=labelled(evaluator, found, found.errors) if found.errors else (),
        error_kind=found.error_kind,
        layer=found.layer or found.through,
        spread=spread(evaluator, found),
    )


def _checks(request: Request, evaluator: Evaluator, found: Attribution, players: Players) -> tuple[tuple[Check, ...], int]:
    if request.checks == "none" or found.kind != "attribution":  # a curve puts nothing in an order that removal could test
        return found.checks, 0
    infill = found.baseline or evaluator.baseline(None)
    names = "; ".join(dict.fromkeys(evaluator.baseline_names.values()))
    extra = [0]

    def rerun(*, seed: int | None = None, shuffled: int | None = None) -> np.ndarray:
        model = request.model if shuffled is None else request.model.randomized(shuffled)
        situation = replace(request.situation, target=_Resolved(evaluator.selection), seed=request.situation.seed if seed is None else seed)
        with model.open(request.rows, mode=request.mode) as opened:
            other = Evaluator(opened, situation)
            other.stage = "checks"
            other.space  # noqa: B018 (the predictions are evaluated, the target stays)
            values = request.method.attribute(other)
            extra[0] += other.spent.evaluations
            return strengths_of(values, players)

    evidence = Evidence(
        evaluator,
        request.method,
        found,
        players,
        strengths_of(found, players),
        infill,
        names,
        rerun,
        "parameters" in request.model.can,
        CHECK_ROWS[request.checks],
    )
    whole = [*found.checks, completeness(evidence), *faithfulness(evidence)]
    if request.checks == "full":
        whole += [seed_stability(evidence), parameter_randomization(evidence)]
    checks = tuple(check for check in whole if check is not None)
    return checks, sum(check.evaluations for check in checks) + extra[0]


@dataclass(frozen=True, eq=False)
class _Resolved:
    """A target that was resolved before: what another network would predict does not matter."""

    selection: Selection

    def resolve(self, space: OutputSpace) -> Selection:  # noqa: ARG002
        return self.selection


def _check_needs(model: Model, method: Method) -> None:
    for need in sorted(method.needs - model.can):
        raise CapabilityError(f"{method.id} needs a model with {need}", received=model.name, remedy=model.why_not(need))


def known_spec(spec: ModelSpec, preparation: Preparation | None, class_names: tuple[str, ...]) -> ModelSpec:
    """The spec with what the preparation and the class names add."""
    if class_names:
        spec = replace(spec, class_names=tuple(map(str, class_names)))
    if preparation is None:
        return spec
    given = spec.inputs[0] if spec.inputs else InputSpec()
    if preparation.kind == "image":
        return replace(spec, inputs=(replace(given, kind="image"),))
    groups = tuple(int(g) for g in preparation.groups)  # type: ignore[attr-defined]
    names = tuple(preparation.raw_names)  # type: ignore[attr-defined]
    columns: Any = getattr(preparation, "columns", ())
    missing = given.missing or any(not c.categories and c.fill is None for c in columns)  # fitted with missing="allow"
    return replace(
        spec,
        inputs=(replace(given, kind="tabular", names=tuple(preparation.names), groups=groups, group_names=names, missing=missing),),  # type: ignore[attr-defined]
    )


def prepared_background(background: Any, preparation: Preparation | None, rows: RowInputs) -> tuple[Tensor, ...] | None:  # noqa: ANN401
    """The background as model input, one tensor per input; None where none was given."""
    if background is None:
        return None
    prepared: Any = preparation.apply(background) if preparation is not None else background
    if rows.frame is not None and hasattr(prepared, "iloc"):
        prepared = rows.frame.encode(prepared)
    parts = list(prepared.values()) if isinstance(prepared, dict) else list(prepared) if isinstance(prepared, tuple) else [prepared]
    if len(parts) != len(rows.tensors):
        raise InputError(
            "The background does not fit the inputs",
            received=f"{len(parts)} parts for {len(rows.tensors)} inputs",
            remedy="give the background in the form of the inputs",
        )
    found = []
    for part, tensor, spec in zip(parts, rows.tensors, rows.specs, strict=True):
        refuse_sparse(part, f"The background of {spec.name}")
        one = torch.as_tensor(np.asarray(part) if not isinstance(part, Tensor) else part).detach()
        if one.shape[1:] != tensor.shape[1:] or not len(one):
            raise InputError(
                f"The background of {spec.name} has another shape",
                received=f"rows of shape {tuple(one.shape[1:])}",
                remedy=f"give at least one row of shape {tuple(tensor.shape[1:])}",
            )
        found.append(one.to(tensor.device) if one.is_floating_point() else one.double())
    return tuple(found)
