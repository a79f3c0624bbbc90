"""The numbers of a run as a long table: a row for each number told, in the order in which they were told at each step."""

from __future__ import annotations

import csv
import io
import json
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pellucid.errors import MissingExtra
from pellucid.explanation.frame import write_whole

if TYPE_CHECKING:
    from pellucid.training.runs.run import Run

COLUMNS = ("step", "time", "name", "value")


def long_table(run: Run) -> tuple[list[str], dict[str, np.ndarray]]:
    """The names of the numbers, and ``step``, ``time``, ``name`` (places in the names) and ``value``, (entry,), by step and time."""
    series = list(run.all_scalars().values())
    if not series:
        return [], {"step": np.zeros(0, np.int64), "time": np.zeros(0), "name": np.zeros(0, np.int64), "value": np.zeros(0)}
    columns = {
        "step": np.concatenate([one.steps for one in series]),
        "time": np.concatenate([one.times for one in series]),
        "name": np.repeat(np.arange(len(series)), [len(one) for one in series]),
        "value": np.concatenate([one.values for one in series]),
    }
    order = np.lexsort((columns["name"], columns["time"], columns["step"]))
    return [one.name for one in series], {name: column[order] for name, column in columns.items()}


def write_csv(run: Run, path: Path) -> Path:
    """Step, time (seconds since 1970), name and value with all digits; UTF-8, whole or not at all."""
    names, columns = long_table(run)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    called = [names[at] for at in columns["name"].tolist()]
    writer.writerows(zip(columns["step"].tolist(), columns["time"].tolist(), called, columns["value"].tolist(), strict=True))
    return write_whole(path, text.getvalue().encode())


def write_parquet(run: Run, path: Path) -> Path:
    """The same columns; names as a dictionary, and the facts of the run in the metadata of the file.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        pa, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtra("pyarrow", "export") from error
    names, columns = long_table(run)
    called = pa.DictionaryArray.from_arrays(pa.array(columns["name"].astype(np.int32)), pa.array(names, pa.string()))
    arrays = [called if name == "name" else pa.array(columns[name]) for name in COLUMNS]
    facts = json.dumps({**run.facts, "status": run.status, "attempt": run.number})
    table = pa.table(dict(zip(COLUMNS, arrays, strict=True))).replace_schema_metadata({"pellucid": facts})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return write_whole(path, buffer.getvalue())
