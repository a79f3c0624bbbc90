"""Attributions that exist already, as arrays or tensors: made an Explanation, and measured where a network is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.errors import InputError, UnknownName
from pellucid.explanation.explanation import Decision, Explanation
from pellucid.explanation.provenance import IMPORTED
from pellucid.explanation.spec import InputSpec, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.data.preparation import Preparation
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

OUTPUT = "the output"  # what is explained where that was not said; pictures and sentences know the name
NO_MODEL = "not given"


def from_arrays(
    values: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    *,
    method: str = "attributions",
    model: Any = None,  # noqa: ANN401
    target: Any = None,  # noqa: ANN401
    meaning: Meaning = "map",
    layer: str = "",
    feature_names: Sequence[str] = (),
    class_names: Sequence[str] = (),
    background: Any = None,  # noqa: ANN401
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    checks: Literal["fast", "none"] = "fast",
    seed: int = 0,
) -> Explanation:
    """An Explanation of attributions that were computed elsewhere, by captum or by hand.

    With a ``model`` they are measured as if Pellucid had found them, and get a verdict; without one they are ``unchecked``.

    Args:
        values: an array or tensor, or a tuple of them for several inputs. Each has the shape of its input, row axis first; of a table
            (sample, feature), also with one column per feature before encoding; of tokens (sample, token), also with an embedding axis;
            of images also a coarser map (sample, y, x) or (sample, 1, y, x).
        inputs, background, spec, preparation, class_names, seed: as for :func:`pellucid.explain`.
        method: what the method is called, as its tool writes it.
        model: the network that was explained: the checks run on it.
        target: what was explained: with a model as for :func:`pellucid.explain`, the predicted class if not given; without one a name
            or class index.
        meaning: what a value is: a ``contribution`` to the score, a ``slope``, a signed ``map``, or a ``magnitude`` without a sign.
        layer: the layer whose map this is; ``values`` are then (sample, y, x) or (sample, time).
        feature_names: the names of a table's columns.
        checks: ``"none"`` leaves the checks out also where a model is given. What would need the method again is never checked.

    Raises:
        InputError: values that do not fit the inputs.
        PellucidError: as for :func:`pellucid.explain`.
    """
    from pellucid.harness.explain import explain  # loads torch

    if checks not in ("fast", "none"):
        raise UnknownName("depth of checks", checks, ("fast", "none"))
    given = Imported(tuple(map(as_array, values if isinstance(values, tuple) else (values,))), method, meaning, layer)
    known = _named(spec or ModelSpec(), tuple(map(str, feature_names)))
    if model is not None:
        made = explain(
            model,
            inputs,
            given,
            target=target,
            background=background,
            spec=known if known != ModelSpec() else None,
            preparation=preparation,
            class_names=class_names,
            checks=checks,
            seed=seed,
        )
        return replace(made, provenance=replace(made.provenance, seconds=0.0))
    stand_in = _without_model(known, inputs, preparation)
    made = explain(_zeros, inputs, given, spec=stand_in, preparation=preparation, checks="none")
    return _undecided(made, target, tuple(map(str, class_names)) or known.class_names)


def to_arrays(explanation: Explanation) -> tuple[np.ndarray, ...]:
    """The attributions, one array per explained input, copied; padding is zero."""
    return tuple(one.values.copy() if one.valid is None else np.where(one.valid, one.values, 0) for one in explanation.arrays)


def to_captum(explanation: Explanation) -> tuple[Tensor, ...]:
    """The attributions as captum gives those of several inputs: a tuple of tensors, one per input."""
    import torch

    return tuple(map(torch.from_numpy, to_arrays(explanation)))


def as_array(values: Any) -> np.ndarray:  # noqa: ANN401
    """An array of floats of a tensor on any device, an array or nested lists.

    Raises:
        InputError: entries that are no real numbers, or no row axis.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise InputError("Attributions are rectangular arrays", received=str(error)[:80], remedy="give rows of equal length") from error
    if found.dtype.kind not in "fiub" or found.ndim < 2:
        received = f"{type(values).__name__} of dtype {found.dtype} and shape {found.shape}"
        raise InputError("Attributions are arrays of numbers, row axis first", received=received, remedy="give values of shape (rows, ...)")
    return found if found.dtype.kind == "f" else found.astype(np.float64)


class Imported:
    """Values of another tool, in the place of a method."""

    needs: frozenset[Capability] = frozenset()
    sampled = False
    caution: Caution = ""

    def __init__(self, values: tuple[np.ndarray, ...], name: str, meaning: Meaning, layer: str) -> None:
        self.values, self.meaning, self.layer = values, meaning, layer
        self.id = name.removesuffix(IMPORTED) + IMPORTED

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The values in the shapes of the model's inputs."""
        import torch

        from pellucid.harness.judge import as_input
        from pellucid.methods.protocol import Attribution

        shapes = [tuple(one.shape) for one in evaluator.values]
        parts = [torch.from_numpy(np.array(one)) for one in self.values]
        if len(parts) != (1 if self.layer else len(shapes)) or any(len(one) != evaluator.rows for one in parts):
            raise _unfit(self.values, shapes)
        if self.layer:
            return Attribution((_flat(parts[0]),), layer=self.layer)
        fitted = []
        for place, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
            maps = part.ndim == len(shape) == 4 and part.shape[1] == 1 != shape[1]
            one = as_input(part[:, 0] if maps else part, evaluator, place)
            if tuple(one.shape) != shape:
                raise _unfit(self.values, shapes)
            fitted.append(one)
        return Attribution(tuple(fitted))


def _flat(part: Tensor) -> Tensor:
    """A layer map without its channel axis of one."""
    return part[:, 0] if part.ndim == 4 and part.shape[1] == 1 else part


def _unfit(values: tuple[np.ndarray, ...], shapes: list[tuple[int, ...]]) -> InputError:
    received = f"values of shape {', '.join(str(one.shape) for one in values)} for inputs of shape {', '.join(map(str, shapes))}"
    return InputError("The attributions do not fit the inputs", received=received, remedy="give one array per input, in its shape")


def _named(spec: ModelSpec, names: tuple[str, ...]) -> ModelSpec:
    """The spec with the names of a table's columns."""
    if not names:
        return spec
    if len(spec.inputs) > 1:
        raise InputError(
            "Feature names are those of one table", received=f"{len(spec.inputs)} inputs", remedy="give InputSpec(names=...) for each"
        )
    one = spec.inputs[0] if spec.inputs else InputSpec()
    return replace(spec, inputs=(replace(one, kind=one.kind or "tabular", names=names),))


def _zeros(*parts: Any, **named: Any) -> np.ndarray:  # noqa: ANN401
    """What stands in for a network that was not given: its answers are thrown away."""
    return np.zeros(len((*parts, *named.values())[0]))


def _without_model(spec: ModelSpec, inputs: Any, preparation: Preparation | None) -> ModelSpec:  # noqa: ANN401
    """A spec under which nothing is asked of the inputs but their form: gaps are legal, and tokens are never removed."""
    many = isinstance(inputs, (tuple, dict)) and preparation is None
    parts = spec.inputs or (tuple(InputSpec(f"input {k + 1}") for k in range(len(inputs))) if many else (InputSpec(),))
    return ModelSpec(tuple(replace(one, missing=True, blank=0) for one in parts), "values")


def _undecided(made: Explanation, target: Any, class_names: tuple[str, ...]) -> Explanation:  # noqa: ANN401
    """The explanation without what the stand-in said."""
    rows, unknown = len(made), np.full(len(made), np.nan)
    label, index = OUTPUT, -1
    if isinstance(target, str):
        label, index = target, class_names.index(target) if target in class_names else -1
    elif isinstance(target, (int, np.integer)) and not isinstance(target, bool):
        index = int(target)
        label = class_names[index] if 0 <= index < len(class_names) else f"class {index}"
    elif target is not None:
        received = f"{type(target).__name__} {target!r}"[:80]
        raise InputError("Without a model a target is only named", received=received, remedy="give a name or a class index, or model=net")
    none, classes = np.full(rows, -1), np.full(rows, index)
    decision = Decision("unknown", None, None, class_names, none, (label,) * rows, classes, unknown, unknown.copy())
    origin = replace(
        made.provenance,
        target=label,
        scale="value",
        dtype=str(made.arrays[0].values.dtype),
        batch=0,
        model=NO_MODEL,
        model_fingerprint="",
        evaluations=0,
        seconds=0.0,
    )
    return replace(made, decision=decision, provenance=origin)
