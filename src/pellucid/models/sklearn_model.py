"""scikit-learn estimators."""

from __future__ import annotations

from typing import Any

from pellucid.explanation.spec import ModelSpec
from pellucid.models.protocol import Model


def adapt(model: Any, spec: ModelSpec | None) -> Model | None:  # noqa: ANN401, ARG001
    """The model interface of an estimator; None if it is none."""
    return None
