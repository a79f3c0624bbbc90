"""Loads a scikit-learn estimator that skops saved; pickles are not opened.

skops does not trust the trees of scikit-learn, whose numbers are followed without being looked at; here they are looked at first.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from pellucid.errors import FileError
from pellucid.models.files.archive import unpacked
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import Refused
from pellucid.models.files.trees_check import NAMES, checked

SHOWN = 5  # types listed in an error
OPTIMIZERS = "sklearn.neural_network._stochastic_optimizers"
# plain objects with numbers and other estimators in them
DATA = (
    f"{OPTIMIZERS}.AdamOptimizer", f"{OPTIMIZERS}.SGDOptimizer", "sklearn.utils._bunch.Bunch", "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration", "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.StratifiedKFold", "sklearn.model_selection._split.KFold",
)  # fmt: skip


def load_skops(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401
    """The estimator in a ``.skops`` file all of whose types are known to be data.

    Raises:
        FileError: not such a file, damaged, or one with types that skops does not trust; which, is said.
    """
    skops: Any = import_module("skops.io")
    data = read_file(path)
    try:
        unpacked(data, "skops file")
    except Refused as error:
        problem, received = str(error).split("\n", 1)
        raise FileError(problem, received=f"{path}: {received}", remedy="write it anew with skops.io.dump") from error
    remedy = "check where the file comes from; where you trust it, load it in a function of your own: --model package.module:factory"
    try:
        unknown = sorted(set(skops.get_untrusted_types(data=data)) - {*DATA, *NAMES})
        if not unknown:
            found = skops.loads(data, trusted=[*DATA, *NAMES])
            checked(found)
            return found
    except Refused as error:
        problem, received = str(error).split("\n", 1)
        raise FileError(problem, received=f"{path}: {received}", remedy=remedy) from error
    except Exception as error:  # whatever the file holds
        raise FileError("skops can not load this file", received=f"{path} ({str(error)[:160]})", remedy=remedy) from error
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    problem = "The file holds types of which skops does not know whether they run code"
    raise FileError(problem, received=f"{path}: {', '.join(unknown[:SHOWN])}{more}", remedy=remedy)
