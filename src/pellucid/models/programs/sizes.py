"""Sizes that a graph works out from shapes, as numbers: for rows of one shape they depend at most on how many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pellucid.models.programs.operation import Constant, Listing, Operation

ASKED = ("shape", "numel")  # operations that answer with sizes
COUNTS = (1, 2, 3)  # rows for which sizes are worked out: two say how they grow, the third that it is so


def with_sizes(listing: Listing, example: tuple[Tensor, ...]) -> Listing:
    """The listing with sizes in the place of the operations that work them out; what is left of these is no layer."""
    sizes: set[int] = set()
    operations: list[Operation] = []
    for operation in listing.operations:
        if operation.name in ASKED or (operation.values and sizes.issuperset(operation.values)):
            sizes.update(operation.outputs)
            operations.append(replace(operation, structural=True))
        else:
            operations.append(operation)
    wanted = {one for operation in operations for one in operation.values if one in sizes and sizes.isdisjoint(operation.outputs)}
    if not wanted:
        return listing
    found = _grown(replace(listing, operations=tuple(operations)), example, tuple(sorted(wanted)))
    return replace(listing, operations=tuple(_sized(one, found) if sizes.isdisjoint(one.outputs) else one for one in operations))


def _grown(listing: Listing, example: tuple[Tensor, ...], wanted: tuple[int, ...]) -> dict[int, tuple[Tensor, Tensor]]:
    """Every size that is ``each * rows + more``, as (each, more)."""
    known = [_values(listing, tuple(one[:1].repeat_interleave(count, 0) for one in example), wanted) for count in COUNTS]
    found: dict[int, tuple[Tensor, Tensor]] = {}
    for one in wanted:
        ways = [values[one] for values in known]
        if all(isinstance(way, Tensor) and way.shape == ways[0].shape for way in ways):
            each = ways[1] - ways[0]
            if torch.equal(ways[2], ways[1] + each):
                found[one] = each, ways[0] - each
    return found


def _values(listing: Listing, inputs: tuple[Tensor, ...], wanted: tuple[int, ...]) -> dict[int, Any]:
    """Some of the values on the way."""
    values: dict[int, Any] = dict(zip(listing.inputs, inputs, strict=True))
    needed = set(wanted)
    way: list[Operation] = []
    for operation in reversed(listing.operations):
        if needed.intersection(operation.outputs):
            needed.update(operation.values)
            way.append(operation)
    with torch.no_grad():
        for operation in reversed(way):
            made = operation.compute(len(inputs[0]), *(values[one] if isinstance(one, int) else one.value for one in operation.inputs))
            values.update(zip(operation.outputs, made, strict=True))
    return {one: values[one] for one in wanted}


def _sized(operation: Operation, found: dict[int, tuple[Tensor, Tensor]]) -> Operation:
    """The operation with the sizes that it takes as constants, or as what they are for the number of rows."""
    if operation.sized or found.keys().isdisjoint(operation.values):
        return operation
    inputs = tuple(
        Constant(found[one][1]) if isinstance(one, int) and one in found and not bool(found[one][0].any()) else one
        for one in operation.inputs
    )
    if found.keys().isdisjoint(one for one in inputs if isinstance(one, int)):
        return replace(operation, inputs=inputs)
    growing = {place: found[one] for place, one in enumerate(inputs) if isinstance(one, int) and one in found}
    left = tuple(one for place, one in enumerate(inputs) if place not in growing)
    return replace(operation, inputs=left, call=_called(operation.call, growing), sized=True)


def _called(call: Callable[..., Any], growing: dict[int, tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    def sized(rows: int, *given: Any) -> Any:  # noqa: ANN401
        inputs = list(given)
        for place, (each, more) in growing.items():
            inputs.insert(place, each * rows + more)
        return call(*inputs)

    return sized
