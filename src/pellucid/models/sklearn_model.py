"""scikit-learn estimators: on torch where they have an exact counterpart there, else as functions of the rows.

A fitted estimator knows its classes and its columns, so neither has to be said. What it answers is ``predict_proba``, else
``decision_function``, else ``predict``. Estimators of other libraries that keep to scikit-learn's interface are functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from pellucid.errors import InputError, ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.function_model import BoundFunction, FunctionModel
from pellucid.models.sklearn_answers import answers, asked, framework, known_spec, named
from pellucid.models.sklearn_state import learned
from pellucid.models.sklearn_twin import may_have_one, network
from pellucid.models.twin_model import Kept, Twin, TwinModel, completed, nothing

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch
    from pellucid.models.inputs import RowInputs
    from pellucid.models.protocol import Mode, Model
    from pellucid.models.trees import Forest

KEPT = Kept()


def adapt(model: Any, spec: ModelSpec | None) -> Model | None:  # noqa: ANN401
    """The model interface of a fitted estimator; None if it is none.

    Raises:
        ModelError: it is not fitted, or nothing that predicts.
    """
    if isinstance(model, (torch.nn.Module, type)) or not all(hasattr(model, name) for name in ("fit", "get_params", "set_params")):
        return None
    _check(model)
    chosen = getattr(model, "best_estimator_", model)  # of a search over settings
    if may_have_one(chosen):
        version = learned(chosen)
        twin = KEPT.get(chosen, version, lambda: _twin(chosen), lambda rows: torch.from_numpy(answers(chosen, rows)))
        if twin.net is not NONE:
            return EstimatorTwin(model, twin, version, spec)
    return EstimatorModel(model, completed(spec, known_spec(model)))


class EstimatorTwin(TwinModel):
    """An estimator that stands on torch, in float64; it is compared with the estimator's own answer at each use."""

    def __init__(self, estimator: Any, twin: Twin, version: str, spec: ModelSpec | None = None) -> None:  # noqa: ANN401
        self.estimator, self.version = estimator, version
        if twin.evaluate is not nothing:  # the twin is kept as long as the estimator lives, and must not keep it alive
            twin = replace(twin, evaluate=lambda rows: torch.from_numpy(answers(estimator, rows)))
        super().__init__(twin, spec)

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundTorch]:
        """The twin bound to these rows; integers are numbers here, and float32 becomes float64."""
        if learned(getattr(self.estimator, "best_estimator_", self.estimator)) != self.version:
            what = "The estimator was fitted again, or altered, after it was wrapped"
            raise ModelError(what, received=self.name, remedy="wrap it again: pl.wrap(model)")
        numbers = as_numbers(inputs, self.estimator)
        _check_order(numbers, self.estimator)
        with super().open(replace(numbers, cast=True), mode=mode) as bound:
            yield bound

    def fingerprint(self) -> str:
        """A hash of what the estimator learned, scalers included."""
        return self.version

    def respecified(self, spec: ModelSpec) -> EstimatorTwin:
        """The same twin with another spec."""
        return EstimatorTwin(self.estimator, self.twin, self.version, spec)

    def randomized(self, seed: int) -> EstimatorTwin:
        """The same network with random parameters; it has no counterpart to be compared with."""
        return EstimatorTwin(self.estimator, super().randomized(seed).twin, self.version, self.spec)


class EstimatorModel(FunctionModel):
    """An estimator as a function of the rows."""

    def __init__(self, estimator: Any, spec: ModelSpec) -> None:  # noqa: ANN401
        super().__init__(lambda rows: answers(estimator, rows), spec)
        self.estimator, self.name = estimator, named(estimator)
        self.framework = framework(estimator)

    @property
    def owner(self) -> object:
        """The estimator itself, where something can be remembered by it."""
        return self.estimator if getattr(type(self.estimator), "__hash__", None) else self

    def why_not(self, capability: str) -> str:
        """An estimator without an exact counterpart in torch shows nothing but its output."""
        return f"{self.name} is a black box that has no {capability}; use a method that only evaluates it, such as 'shap' or 'occlusion'"

    def respecified(self, spec: ModelSpec) -> EstimatorModel:
        """The same estimator with another spec."""
        return EstimatorModel(self.estimator, spec)

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundEstimator]:
        """The estimator bound to these rows."""
        with super().open(as_numbers(inputs, self.estimator), mode=mode) as bound:
            yield BoundEstimator(self, bound.inputs)

    def fingerprint(self) -> str:
        """A hash of what the estimator learned."""
        return learned(self.estimator)


class BoundEstimator(BoundFunction):
    """An estimator bound to the rows being explained."""

    model: EstimatorModel

    def trees(self) -> Forest | None:
        """The trees whose sum the estimator's answer is, where it is that."""
        from pellucid.models.sklearn_trees import forest

        return forest(self.model.estimator, self.inputs.frame)


# ---- the rows ------------------------------------------------------------------------------------------------------------


def as_numbers(inputs: RowInputs, estimator: Any) -> RowInputs:  # noqa: ANN401
    """The rows with integers as numbers between which there are others, and with the names that the columns of a frame have.

    Raises:
        InputError: they are no table of as many columns as the estimator was fitted on.
    """
    columns, shape = getattr(estimator, "n_features_in_", None), tuple(inputs.tensors[0].shape)
    named_columns = inputs.frame is not None and hasattr(estimator, "feature_names_in_")  # of which it may have more than are asked for
    if len(inputs.tensors) != 1 or len(shape) != 2 or (not named_columns and columns not in (None, shape[1])):
        raise InputError(
            "An estimator takes one table (sample, feature)" if len(shape) != 2 else "The rows have another number of columns",
            received=f"{len(inputs.tensors)} inputs, the first of shape {shape}; {named(estimator)} was fitted on {columns} columns",
            remedy=f"give rows with {columns} columns" + ("" if len(shape) == 2 else ", x[None] if this is a single row"),
        )
    specs, known = inputs.specs, tuple(map(str, getattr(estimator, "feature_names_in_", ())))
    if inputs.frame is not None and specs[0].names == known:  # the frame's columns may come in another order, and be more
        specs = (replace(specs[0], names=inputs.frame.columns),)
    return replace(inputs, specs=specs, tensors=tuple(t if t.is_floating_point() else t.double() for t in inputs.tensors))


def _check_order(inputs: RowInputs, estimator: Any) -> None:  # noqa: ANN401
    """A twin goes by position, so a DataFrame must have the columns in the order of the fit."""
    names = getattr(estimator, "feature_names_in_", None)
    if inputs.frame is not None and names is not None and inputs.frame.columns != tuple(map(str, names)):
        raise InputError(
            "The columns of this table are not those of the fit, in their order",
            received=", ".join(inputs.frame.columns[:12]),
            remedy=f"give frame[{list(map(str, names[:6]))}{' ...' if len(names) > 6 else ''}]",
        )


# ---- inside ----------------------------------------------------------------------------------------------------------------

NONE = torch.nn.Identity()  # stands for "no twin" among those that are kept


def _twin(estimator: Any) -> Twin:  # noqa: ANN401
    """The twin of an estimator, without its counterpart; of what has none, one of :data:`NONE`."""
    net, spec = network(estimator), known_spec(estimator)
    if net is None:
        return Twin(NONE, nothing, "", ("", ""))
    numbers = replace(spec, inputs=(replace(spec.inputs[0], missing=False),))
    return Twin(net, _compared, named(estimator), framework(estimator), numbers)


def _compared(*_: object) -> Any:  # noqa: ANN401
    """Stands for the estimator in a twin that is kept."""


def _check(model: Any) -> None:  # noqa: ANN401
    """Refuses what is not fitted, and what does not predict."""
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        if isinstance(model, BaseEstimator):
            check_is_fitted(model)
    except NotFittedError as error:
        remedy = "call fit(x, y) on the training rows first; then explain the fitted estimator"
        raise ModelError("This estimator is not fitted", received=type(model).__name__, remedy=remedy) from error
    if not asked(model) or (hasattr(model, "labels_") and not hasattr(model, "classes_")):
        raise ModelError(
            "This estimator gives no scores that could be explained" if asked(model) else "This estimator transforms, and predicts nothing",
            received=type(model).__name__,
            remedy="give a classifier or a regressor, a pipeline that ends in one, or a function such as lambda x: -model.transform(x)",
        )
