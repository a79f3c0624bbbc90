"""Loads a scikit-learn estimator that skops saved; pickles are not opened."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from pellucid.errors import FileError
from pellucid.models.files.archive import unpacked
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import Refused

SHOWN = 5  # types listed in an error
OPTIMIZERS = "sklearn.neural_network._stochastic_optimizers"
DATA = (f"{OPTIMIZERS}.AdamOptimizer", f"{OPTIMIZERS}.SGDOptimizer")  # what a perceptron keeps: plain objects with numbers


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
        unknown = sorted(set(skops.get_untrusted_types(data=data)) - {*DATA})
        if not unknown:
            return skops.loads(data, trusted=list(DATA))
    except Exception as error:  # whatever the file holds
        raise FileError("skops can not load this file", received=f"{path} ({str(error)[:160]})", remedy=remedy) from error
    more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
    problem = "The file holds types of which skops does not know whether they run code"
    raise FileError(problem, received=f"{path}: {', '.join(unknown[:SHOWN])}{more}", remedy=remedy)
