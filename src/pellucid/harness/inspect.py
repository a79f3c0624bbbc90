"""inspect(): what a network is made of, and what goes on inside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import CapabilityError
from pellucid.explanation.explanation import Explanation, nothing_decided
from pellucid.explanation.provenance import Provenance
from pellucid.explanation.spec import ModelSpec
from pellucid.explanation.target import Predicted
from pellucid.harness.explain import known_spec, prepared_background
from pellucid.harness.progress import Progress, shown_progress
from pellucid.harness.result import own_versions
from pellucid.methods.batching import clock
from pellucid.methods.internals.protocol import Inside, Inspection
from pellucid.methods.internals.registry import INSPECTIONS, as_inspection, inspection_class
from pellucid.methods.labels import classes
from pellucid.methods.run import Budget, Evaluator, Situation
from pellucid.models.function_model import FunctionModel
from pellucid.models.inputs import RowInputs, collect
from pellucid.models.read_model import ReadModel
from pellucid.models.wrap import wrap

# what an inspection sees of a model that has it
SEEN_OF = {
    "graph": "the operations of a torch module's forward pass",
    "gradient": "the gradients of a torch module",
    "layers": "what the layers of a torch module give",
    "parameters": "the weights of a torch module",
}

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.models.protocol import Mode, Model


def inspect(
    model: Any,  # noqa: ANN401
    what: Any,  # noqa: ANN401
    data: Any = None,  # noqa: ANN401
    *,
    labels: Sequence[Any] | np.ndarray | None = None,
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    seed: int = 0,
    batch_size: int | None = None,
    budget: Budget | None = None,
    mode: Mode = "eval",
    progress: bool | Progress = False,
) -> Explanation:
    """Looks inside a network.

    Args:
        model: a ``torch.nn.Module``, or what :func:`wrap` returned.
        what: an id such as ``"structure"``, an inspection's class or object with its options.
        data: rows on which it is seen, the row axis first, in the form of :func:`explain`'s ``inputs``.
        labels: the true class (index or name) of each row, or the value it should give, where that is asked for.
        spec, preparation, class_names, seed, batch_size, budget, mode, progress: as for :func:`explain`.

    Returns:
        An Explanation whose ``content`` is what was seen; it has no rows and no verdict.

    Raises:
        PellucidError: with what was wrong, what was received and what to do. The model is as it was in every case.
    """
    chosen = as_inspection(what)
    wrapped = wrap(model, spec)
    known = known_spec(wrapped.spec, preparation, tuple(class_names))
    wrapped = wrap(wrapped, known) if known != wrapped.spec else wrapped
    _require(chosen, wrapped)
    rows = None if data is None else collect(preparation.apply(data) if preparation is not None else data, known)
    as_classes = getattr(chosen, "labels_are", "classes") == "classes"
    if rows is not None and isinstance(wrapped, ReadModel):
        wrapped = wrapped.model(rows)
    truth = classes(labels, 0 if rows is None else rows.rows, known.class_names) if labels is not None and as_classes else None
    with ExitStack() as stack:
        report = stack.enter_context(shown_progress(progress))
        fingerprints = wrapped.fingerprint(), rows.fingerprint() if rows is not None else ""
        opened: list[Evaluator] = []

        def open_on_rows(one: Model) -> Evaluator:
            if rows is None:
                raise RuntimeError("no rows to open a model on")
            owner: Any = one.owner if isinstance(one, FunctionModel) else getattr(one, "net", one)
            situation = Situation(
                Predicted(),
                known,
                one.last_module(),
                owner,
                seed=seed,
                batch=batch_size,
                budget=budget or Budget(),
                background=prepared_background(None, preparation, rows),
                progress=report,
            )
            opened.append(Evaluator(stack.enter_context(one.open(rows, mode=mode)), situation))
            _require(chosen, one)  # some show only now that they are functions
            opened[-1].stage = chosen.id
            return opened[-1]

        evaluator = open_on_rows(wrapped) if rows is not None else None
        started = clock()
        content = chosen.look(Inside(wrapped, evaluator, truth, preparation, open_on_rows, labels))
        seconds = clock() - started
        origin = _provenance(chosen, wrapped, rows, opened, seed=seed, mode=mode)
    provenance = dataclasses.replace(origin, model_fingerprint=fingerprints[0], input_fingerprint=fingerprints[1], seconds=seconds)
    return Explanation(chosen.kind, (), (), nothing_decided(), provenance, content=content)


def _require(chosen: Inspection, model: Model) -> None:
    """Says what an inspection needs that the model does not show; of a function, what can be seen of it instead."""
    missing = sorted(chosen.needs - model.can)
    if not missing:
        return
    if not isinstance(model, FunctionModel):
        raise CapabilityError(f"{chosen.id} needs a model with {missing[0]}", received=model.name, remedy=model.why_not(missing[0]))
    works = " and ".join(what for what in INSPECTIONS if not inspection_class(what).needs)
    raise CapabilityError(
        f"{chosen.id} looks at {SEEN_OF[missing[0]]}, and a function shows only what it gives back",
        received=f"the function {model.name}",
        remedy="give the torch.nn.Module that it calls; "
        f"of a function pl.inspect sees {works}, and pl.explain(f, x, method='occlusion') its answers",
    )


def _provenance(chosen: Inspection, model: Model, rows: RowInputs | None, opened: list[Evaluator], *, seed: int, mode: Mode) -> Provenance:
    """What was done; ``opened`` are the accesses to the network itself, first, and to those that it was compared with."""
    fields = dataclasses.fields(chosen) if dataclasses.is_dataclass(chosen) else ()
    return Provenance(
        method=chosen.id,
        parameters={field.name: repr(getattr(chosen, field.name)) for field in fields if field.repr},
        target="",
        scale="value",
        baseline={},
        mode=mode,
        dtype=model.dtype,
        device=model.device,
        batch=max((one.spent.batch for one in opened), default=0),
        seed=seed,
        versions=own_versions(),
        model=model.name,
        model_fingerprint="",
        input_fingerprint="",
        evaluations=sum(one.bound.evaluated + one.beside for one in opened),
        check_evaluations=0,
        seconds=0.0,
        check_seconds=0.0,
        guesses=tuple(dict.fromkeys((*rows.guesses, *opened[0].bound.guesses, *opened[0].guesses))) if rows and opened else (),
    )
