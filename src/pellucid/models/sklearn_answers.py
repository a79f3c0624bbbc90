"""What a fitted estimator answers, and what it knows of its classes and columns."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from pellucid.errors import ModelError, PellucidError
from pellucid.explanation.spec import InputSpec, ModelSpec


def asked(estimator: Any) -> str:  # noqa: ANN401
    """The method that is asked: probabilities, else distances, else predictions; "" for what has none of them."""
    return next((name for name in ("predict_proba", "decision_function", "predict") if hasattr(estimator, name)), "")


def answers(estimator: Any, rows: Any) -> np.ndarray:  # noqa: ANN401
    """What the estimator answers for an array or a DataFrame, (sample, output) in float64.

    Raises:
        ModelError: it raised something, or returned what is no array of numbers.
    """
    try:
        found = getattr(estimator, asked(estimator))(with_names(estimator, rows))
    except (PellucidError, MemoryError):
        raise
    except Exception as error:
        message = str(error).splitlines()[0] if str(error) else ""
        raise ModelError(
            f"{named(estimator)} raised {type(error).__name__}: {message}",
            received=f"{type(rows).__name__} of shape {tuple(rows.shape)}",
            remedy=f"give rows with the columns it was fitted on, in order and of their types; model.{asked(estimator)}(rows) must work",
        ) from error
    if isinstance(found, list):
        return _labels_of_their_own(estimator, found)
    classes, found = getattr(estimator, "classes_", None), np.asarray(found)
    if asked(estimator) == "predict" and classes is not None:
        return (found.reshape(-1, 1) == np.asarray(classes)[None]).astype(np.float64)
    found = found.reshape(len(found), -1).astype(np.float64)
    two = asked(estimator) == "decision_function" and classes is not None and found.shape[1] == 1
    return np.concatenate([-found, found], 1) if two else found


def _labels_of_their_own(estimator: Any, found: list[np.ndarray]) -> np.ndarray:  # noqa: ANN401
    """Of several targets with two classes each the probability of the second class of every target."""
    if all(part.ndim == 2 and part.shape[1] == 2 for part in found):
        return np.stack([part[:, 1] for part in found], 1).astype(np.float64)
    raise ModelError(
        "This estimator has several targets with several classes each",
        received=f"{named(estimator)}: probabilities of shapes {[part.shape for part in found]}",
        remedy="explain one target at a time: lambda rows: model.predict_proba(rows)[0]",
    )


def with_names(estimator: Any, rows: Any) -> Any:  # noqa: ANN401
    """An array as the DataFrame that the estimator was fitted on, if it was."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or not isinstance(rows, np.ndarray) or "pandas" not in sys.modules:
        return rows
    import pandas as pd

    return pd.DataFrame(rows, columns=pd.Index(names))


def known_spec(estimator: Any) -> ModelSpec:  # noqa: ANN401
    """Columns, classes and the kind of outputs of a fitted estimator."""
    names = tuple(map(str, getattr(estimator, "feature_names_in_", ())))
    classes = getattr(estimator, "classes_", None)
    several = isinstance(classes, list)  # one array for each target
    return ModelSpec(
        inputs=(InputSpec(kind="tabular", names=names, missing=True),),
        outputs="probabilities" if asked(estimator) == "predict_proba" else "values",
        class_names=() if classes is None or several else tuple(map(str, classes)),
    )


def named(estimator: Any) -> str:  # noqa: ANN401
    """The estimator's class; of a pipeline also its steps."""
    steps = getattr(estimator, "steps", None)
    return type(estimator).__name__ + (f" ({', '.join(type(step).__name__ for _, step in steps)})" if isinstance(steps, list) else "")


def framework(estimator: Any) -> tuple[str, str]:  # noqa: ANN401
    """The name and version of the library that the estimator's class, or the nearest class above it, comes from."""
    library = type(estimator).__module__.split(".")[0]
    version = getattr(sys.modules.get(library), "__version__", "")
    return ("scikit-learn" if library == "sklearn" else library), version
