"""Loads an estimator from a skops file whose types are known; where it has trees also in a process of its own, which they may crash."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pellucid.models.files.estimators_check import NAMES, checked
from pellucid.models.files.sandbox import Refused

OPTIMIZERS = "sklearn.neural_network._stochastic_optimizers"
# plain objects with numbers and other estimators in them
DATA = (
    f"{OPTIMIZERS}.AdamOptimizer", f"{OPTIMIZERS}.SGDOptimizer", "sklearn.utils._bunch.Bunch", "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration", "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.StratifiedKFold", "sklearn.model_selection._split.KFold",
)  # fmt: skip
SHOWN = 5  # types listed in an error


def has_trees(data: bytes) -> bool:
    """Whether there are trees among the types of a file.

    Raises:
        Refused: there are types that are not known.
    """
    try:
        needed = set(import_module("skops.io").get_untrusted_types(data=data))
    except Exception as error:  # whatever the file holds
        raise Refused("skops can not load this file", str(error)[:160]) from error
    unknown = sorted(needed - {*DATA, *NAMES})
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        told = f"{', '.join(unknown[:SHOWN])}{more}"
        raise Refused("The file holds types of which skops does not know whether they run code", told)
    return not needed.isdisjoint(NAMES)


def estimator(data: bytes) -> Any:  # noqa: ANN401
    """The estimator, its trees followed and the arrays of its support vector machines compared.

    Raises:
        Refused: skops does not take it, a tree leads astray, or arrays do not fit together.
    """
    try:
        found = import_module("skops.io").loads(data, trusted=[*DATA, *NAMES])
    except Exception as error:  # whatever the file holds
        raise Refused("skops can not load this file", str(error)[:160]) from error
    try:
        checked(found)
    except Refused:
        raise
    except Exception as error:  # an attribute that is not there, or something else in its place
        raise Refused("This estimator can not be checked", f"{type(error).__name__}: {error}"[:160]) from error
    return found


def loaded(data: bytes) -> bytes:
    """Nothing, once it was loaded."""
    estimator(data)
    return b""


def warmed() -> None:
    """Imports what is imported at first use, before there are limits."""
    import_module("skops.io")
