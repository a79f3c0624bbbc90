"""Recorded trainings written for other programs: tables, and event files of TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pellucid.errors import InputError, UnknownName
from pellucid.training.runs.run import Form

if TYPE_CHECKING:
    from pellucid.training.runs.run import Run

FORMS: tuple[Form, ...] = get_args(Form)


def export_run(
    run: Run,
    path: str | os.PathLike[str],
    *,
    format: Form | None = None,
    net: Any = None,  # noqa: ANN401
    inputs: Any = None,  # noqa: ANN401
) -> Path:
    """Writes a run as a table or for TensorBoard; see :meth:`pellucid.Run.export`."""
    place = Path(path)
    form = _form(place, format)
    if form == "tensorboard":
        from pellucid.report.exports.tensorboard_events import write_events

        return write_events(run, place, net=net, inputs=inputs)
    if net is not None:
        raise InputError("Only TensorBoard takes a network", received=f"format={form!r}, net={type(net).__name__}", remedy="leave net out")
    from pellucid.report.exports.tables import write_csv, write_parquet

    return write_csv(run, place) if form == "csv" else write_parquet(run, place)


def _form(place: Path, given: str | None) -> Form:
    """What was asked for, or what the name of the file tells."""
    if given is not None and given not in FORMS:
        raise UnknownName("format", given, FORMS)
    for form in FORMS:
        if form == given or (given is None and place.suffix == f".{form}"):
            return form
    remedy = "end the name in .csv or .parquet, or say format='tensorboard'"
    raise InputError("What to write is not clear from the name", received=str(place), remedy=remedy)
