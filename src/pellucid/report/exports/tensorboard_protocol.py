"""The records of TensorBoard's package, found where they are needed; what they are is known only when it is installed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from pellucid.errors import MissingExtra

PLACES = {
    "event": "tensorboard.compat.proto.event_pb2",
    "summary": "tensorboard.compat.proto.summary_pb2",
    "records": "tensorboard.summary.writer.record_writer",
    "hparams": "tensorboard.plugins.hparams.api_pb2",
    "sessions": "tensorboard.plugins.hparams.plugin_data_pb2",
    "metadata": "tensorboard.plugins.hparams.metadata",
}


@cache
def protocol(name: str) -> ModuleType:
    """A module of TensorBoard by what it defines.

    Raises:
        MissingExtra: tensorboard is not installed.
    """
    try:
        return import_module(PLACES[name])
    except ImportError as error:
        raise MissingExtra("tensorboard", "tensorboard") from error


def value(tag: str, **content: Any) -> Any:  # noqa: ANN401
    """One value under a tag: ``simple_value``, ``histo``, ``image``, or ``metadata`` and ``tensor``."""
    return protocol("summary").Summary.Value(tag=tag, **content)


def event(at: float, *values: Any, step: int = 0) -> Any:  # noqa: ANN401
    """An event at a time (seconds since 1970) and a step, with values."""
    return protocol("event").Event(wall_time=at, step=step, summary=protocol("summary").Summary(value=values))
