"""Sizes that a graph works out from shapes, as numbers: for rows of one shape they depend at most on how many rows there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pellucid.models.programs.operation import Constant, Listing, Operation

ASKED = ("shape", "numel", "zeros_like", "ones_like")  # operations that answer with what depends on shapes alone
Way = tuple[Tensor, Tensor]
COUNTS = (1, 2, 7)  # rows for which sizes are worked out: two say how they grow, the third that it is so


def with_sizes(listing: Listing, example: tuple[Tensor, ...]) -> Listing:
    """The listing with sizes in the place of the operations that work them out; what is left of these is no layer."""
    sizes: set[int] = set()
    operations: list[Operation] = []
    for operation in listing.operations:
        own = any(one.path for one in operation.constants)
        if operation.name in ASKED or (operation.values and sizes.issuperset(operation.values) and not own):
            sizes.update(operation.outputs)
            operations.append(replace(operation, structural=True))
        else:
            operations.append(operation)
    wanted = {one for operation in operations for one in operation.values if one in sizes and sizes.isdisjoint(operation.outputs)}
    if not wanted:
        return listing
    asked = replace(listing, operations=tuple(operations))
    known = [values_of(asked, tuple(one[:1].repeat_interleave(count, 0) for one in example), tuple(sorted(wanted))) for count in COUNTS]
    ways = {one: [values[one] for values in known] for one in wanted if all(isinstance(values[one], Tensor) for values in known)}
    grown = {one: way for one, three in ways.items() if (way := _growing(three)) is not None}
    filled = {one: made for one, three in ways.items() if one not in grown and (made := _filled(three)) is not None}
    return replace(listing, operations=tuple(_changed(one, grown, filled, is_size=one.outputs[0] in sizes) for one in operations))


def _growing(ways: list[Tensor]) -> Way | None:
    """What is ``each * rows + more``, as (each, more); None for what grows otherwise."""
    if any(way.shape != ways[0].shape or way.dtype == torch.bool for way in ways):
        return None
    each = ways[1] - ways[0]
    return (each, ways[0] - each) if torch.equal(ways[2], ways[0] + (COUNTS[2] - COUNTS[0]) * each) else None


def _filled(ways: list[Tensor]) -> Callable[[int], Tensor] | None:
    """Makes what holds one number only, such as the first state of a loop."""
    shape = _growing([torch.tensor(way.shape) for way in ways]) if len({way.ndim for way in ways}) == 1 else None
    first = ways[0].reshape(-1)[:1]
    if shape is None or not len(first) or not all(bool((way == first).all()) for way in ways):
        return None
    each, more = shape
    return lambda rows: first.expand((each * rows + more).tolist())


def _changed(operation: Operation, grown: dict[int, Way], filled: dict[int, Callable[[int], Tensor]], *, is_size: bool) -> Operation:
    if not is_size:
        return _sized(operation, grown)
    made = filled.get(operation.outputs[0])
    return operation if made is None else replace(operation, name="full", call=made, inputs=(), sized=True)


def values_of(listing: Listing, inputs: tuple[Tensor, ...], wanted: tuple[int, ...]) -> dict[int, Any]:
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


def _sized(operation: Operation, found: dict[int, Way]) -> Operation:
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


def _called(call: Callable[..., Any], growing: dict[int, Way]) -> Callable[..., Any]:
    def sized(rows: int, *given: Any) -> Any:  # noqa: ANN401
        inputs = list(given)
        for place, (each, more) in growing.items():
            inputs.insert(place, each * rows + more)
        return call(*inputs)

    return sized
