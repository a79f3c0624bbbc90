"""Loads a scikit-learn estimator that skops saved; pickles are not opened.

The trees and support vector machines of scikit-learn hand their numbers to compiled code that does not look whether they fit together;
here they are looked at first.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from pellucid.errors import FileError
from pellucid.models.files.archive import unpacked
from pellucid.models.files.loading import read_file
from pellucid.models.files.sandbox import Refused, in_sandbox

REMEDY = "check where the file comes from; where you trust it, load it in a function of your own: --model package.module:factory"


def load_skops(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401
    """The estimator in a ``.skops`` file all of whose types are known to be data.

    Raises:
        FileError: not such a file, damaged, one with types that skops does not trust; which, is said; with trees that lead to what is
            not there, or with support vector machines whose arrays do not fit together.
    """
    data = read_file(path)
    try:
        unpacked(data, "skops file")
        check = import_module("pellucid.models.files.sklearn_check")
        if check.has_trees(data):  # of which a damaged one may end the process that only loads it
            in_sandbox("pellucid.models.files.sklearn_check:loaded", data)
        return check.estimator(data)
    except (Refused, FileError) as error:
        problem, received = (error.problem, error.received) if isinstance(error, FileError) else str(error).split("\n", 1)
        raise FileError(problem, received=f"{path}: {received}", remedy=REMEDY) from error
