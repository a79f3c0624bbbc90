"""The main output among all that a model may return."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from pellucid.errors import ModelError, UnknownName


def main_output(output: Any, select: str | int | Callable[[Any], Any] | None) -> Tensor:  # noqa: ANN401
    """The tensor to explain: the output itself, the selected part, ``logits``, or the only or first floating-point tensor.

    Raises:
        ModelError: no tensor, or several with names and none called ``logits``.
    """
    if select is not None:
        output = select(output) if callable(select) else _part(output, select)
    if isinstance(output, Tensor):
        return output if output.is_floating_point() else _refuse(output)
    named = _named(output)
    if named is not None:
        tensors = {k: v for k, v in named.items() if isinstance(v, Tensor) and v.is_floating_point()}
        if "logits" in tensors:
            return tensors["logits"]
        if len(tensors) == 1:
            return next(iter(tensors.values()))
        raise ModelError(
            "The model returns several outputs, and it is not clear which to explain",
            received=f"{type(output).__name__} with {', '.join(named) or 'nothing'}",
            remedy=f"say which: spec=ModelSpec(select={next(iter(tensors), 'name')!r})",
        )
    if isinstance(output, (tuple, list)):
        for part in output:
            if isinstance(part, Tensor) and part.is_floating_point():
                return part
    return _refuse(output)


def count_parts(output: Any) -> int:  # noqa: ANN401
    """How many floating-point tensors a model that returns a plain tuple or list returns; 1 for any other output."""
    if isinstance(output, (tuple, list)) and not hasattr(output, "_asdict"):
        return max(1, sum(isinstance(part, Tensor) and part.is_floating_point() for part in output))
    return 1


def one_row_each(output: Tensor, rows: int, *, source: str, called: str) -> Tensor:
    """The output itself, if it has one row for each input row."""
    if output.ndim > 0 and len(output) == rows:
        return output
    raise ModelError(
        f"The {source} does not return one row for each input row",
        received=f"{rows} rows in, {called} of shape {tuple(output.shape)}",
        remedy="the first axis of input and output must be the row (add it with x[None] if you gave a single row)",
    )


def _named(output: Any) -> dict[str, Any] | None:  # noqa: ANN401
    if isinstance(output, Mapping):
        return {str(k): v for k, v in output.items()}
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return {f.name: getattr(output, f.name) for f in dataclasses.fields(output)}
    packed: Any = output
    return dict(packed._asdict()) if hasattr(packed, "_asdict") else None  # a named tuple


def _part(output: Any, select: str | int) -> Any:  # noqa: ANN401
    named = _named(output)
    if isinstance(select, str):
        if named is None or select not in named:
            raise UnknownName("output", select, named or ())
        return named[select]
    parts = list(named.values()) if named is not None else output
    if not isinstance(parts, (tuple, list)) or not 0 <= select < len(parts):
        raise ModelError(
            f"There is no output {select}", received=type(output).__name__, remedy="give the position or name of one of the outputs"
        )
    return parts[select]


def _refuse(output: Any) -> Tensor:  # noqa: ANN401
    received = f"a tensor of {output.dtype}" if isinstance(output, Tensor) else type(output).__name__
    raise ModelError(
        "The model returns no floating-point tensor",
        received=received,
        remedy="return scores, or pick them with spec=ModelSpec(select=function)",
    )
