"""interactions(): what pairs of features bring about together, beyond what each does alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import InputError
from pellucid.explanation import renderers
from pellucid.explanation.target import as_target
from pellucid.harness.explain import known_spec, prepared_background
from pellucid.harness.progress import Progress, shown_progress
from pellucid.harness.shown import feature_names
from pellucid.methods.games.chosen_value import Comparison, Value
from pellucid.methods.games.interactions import interactions as of_game
from pellucid.methods.games.model_game import model_game
from pellucid.methods.games.model_players import find_elements
from pellucid.methods.run import Budget, Evaluator, Situation
from pellucid.models.function_model import FunctionModel
from pellucid.models.inputs import collect
from pellucid.models.wrap import wrap

if TYPE_CHECKING:
    from pellucid.data.preparation import Preparation
    from pellucid.explanation.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class PairInteractions:
    """Shapley interaction indices of all pairs of a table's features.

    Attributes:
        names: of the features.
        values: (sample, feature, feature), symmetric, with a zero diagonal; in the score's units.
        errors: their standard errors; zero where all coalitions were enumerated.
        target: what is explained, by row.
        scale: the score's scale.
        compared: what absent features are replaced by.
        model: the network's name.
        evaluations: model rows spent.
    """

    names: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray
    target: tuple[str, ...]
    scale: str
    compared: str
    model: str
    evaluations: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ranked(self) -> tuple[tuple[str, str, float], ...]:
        """Pairs with the mean size of their interaction over rows, largest first."""
        first, second = np.triu_indices(len(self.names), 1)
        sizes = np.abs(self.values).mean(0)[first, second]
        return tuple((self.names[first[k]], self.names[second[k]], float(sizes[k])) for k in np.argsort(-sizes, kind="stable"))

    def plot(self, **options: Any) -> Any:  # noqa: ANN401 (matplotlib's Figure, which this layer does not know)
        """Draws the matrix of one row (``row=``) or the mean over rows; ``ax=``, ``language=``, ``theme=`` are understood."""
        return renderers.find("plot", "interactions")(self, **options)


def interactions(
    model: Any,  # noqa: ANN401
    inputs: Any,  # noqa: ANN401
    *,
    target: Any = None,  # noqa: ANN401
    background: Any = None,  # noqa: ANN401
    value: Value = "auto",
    samples: int = 4096,
    references: int = 100,
    spec: ModelSpec | None = None,
    preparation: Preparation | None = None,
    class_names: Sequence[str] = (),
    seed: int = 0,
    batch_size: int | None = None,
    budget: Budget | None = None,
    progress: bool | Progress = False,
) -> PairInteractions:
    """What two features bring about together, for every pair (Shapley interaction index, Grabisch & Roubens 1999).

    Positive: together they add more than each does alone; negative: less, as two that say the same do. Exact up to 14 features where
    ``samples`` coalitions for each row allow it, sampled with standard errors above. The indices of all pairs do not sum to the score.

    What it does not show: how three features act together, and interactions in the world; it is the network's, with absent features
    replaced as ``compared`` says.

    Args:
        model, inputs, target, background, spec, preparation, class_names, seed, batch_size, progress: as for :func:`pellucid.explain`;
            the inputs are tables.
        value: what absent features are replaced by, as for :class:`pellucid.SHAP`.
        samples: coalitions for each row.
        references: at most so many background rows.
        budget: ``calls``, beyond which nothing is begun.

    Raises:
        InputError: fewer than two features, or inputs that are no table.
        BudgetError: too few samples or calls for all pairs.
    """
    wrapped = wrap(model, spec)
    known = known_spec(wrapped.spec, preparation, tuple(class_names))
    wrapped = wrap(wrapped, known) if known != wrapped.spec else wrapped
    rows = collect(preparation.apply(inputs) if preparation is not None else inputs, known, background)
    owner: Any = wrapped.owner if isinstance(wrapped, FunctionModel) else getattr(wrapped, "net", wrapped)
    with shown_progress(progress) as report, wrapped.open(rows, mode="eval") as bound:
        situation = Situation(
            as_target(target), known, wrapped.last_module(), owner, not isinstance(wrapped, FunctionModel),
            seed, batch_size, budget or Budget(), prepared_background(background, preparation, rows), report,
        )  # fmt: skip
        evaluator = Evaluator(bound, situation)
        evaluator.stage = "interactions"
        return _measured(evaluator, (value, references, samples), wrapped.name)


def _measured(evaluator: Evaluator, chosen: tuple[Value, int, int], model: str) -> PairInteractions:
    value, references, samples = chosen
    selection = evaluator.selection
    ((rows, elements),) = find_elements(evaluator, "auto", 2)
    names: list[str] = []
    for label, spec in zip(elements.labels, evaluator.specs, strict=True):
        if spec.kind != "tabular" or label.ndim != 2:
            raise InputError(
                "Interactions are drawn between the features of a table",
                received=f"{spec.name} of kind {spec.kind}",
                remedy="give a table, or group what belongs together into columns",
            )
        several = f"{spec.name}: " if len(evaluator.specs) > 1 else ""
        names += [several + name for name in feature_names(spec, len(set(label[0].tolist())))]
    comparison = Comparison(evaluator, value, None, references)
    found = of_game(model_game(evaluator, rows, elements, *comparison.of(evaluator, rows)), samples=samples, seed=evaluator.situation.seed)
    compared = "; ".join(dict.fromkeys(comparison.names.values()))
    return PairInteractions(
        tuple(names), found.values, found.errors, selection.labels, selection.scale, compared, model, evaluator.spent.evaluations
    )
