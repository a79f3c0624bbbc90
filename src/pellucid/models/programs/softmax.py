"""Softmax, which some frameworks write in seven operations, as the one that it is in torch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from pellucid.models.programs.operation import Listing, Operation

PASSED = ("expand", "detach", "reshape", "permute", "squeeze", "unsqueeze")  # between a sum, or a largest value, and where it is used


def with_softmax(listing: Listing) -> Listing:
    """The listing with ``exp(x - max x) / sum exp(x - max x)`` and its logarithm as one operation each."""
    maker = {number: operation for operation in listing.operations for number in operation.outputs}

    def before(number: object) -> Operation | None:
        """What made a value, views passed over."""
        made = maker.get(number) if isinstance(number, int) else None  # type: ignore[arg-type]
        while made is not None and made.name in PASSED and len(made.values) == 1:
            made = maker.get(made.values[0])
        return made

    def root(number: object) -> object:
        """The value of which this is a view."""
        made = maker.get(number) if isinstance(number, int) else None  # type: ignore[arg-type]
        while made is not None and made.name in PASSED and len(made.values) == 1:
            number = made.values[0]
            made = maker.get(number)
        return number

    def found(operation: Operation) -> Operation:
        inputs = operation.inputs
        if operation.name == "div" and len(operation.values) == 2:
            above, below = before(inputs[0]), before(inputs[1])
            if above and below and above.name == "exp" and below.name == "sum" and before(below.inputs[0]) is above:
                return _softmax(operation, above.inputs[0], below, torch.softmax, "softmax")
        if operation.name == "sub" and len(operation.values) == 2:
            log = before(inputs[1])
            total = before(log.inputs[0]) if log is not None and log.name == "log" else None
            grown = before(total.inputs[0]) if total is not None and total.name == "sum" else None
            if total and grown and grown.name == "exp" and grown.inputs[0] == inputs[0]:
                return _softmax(operation, inputs[0], total, torch.log_softmax, "log_softmax")
        return operation

    def _softmax(operation: Operation, shifted: object, total: Operation, call: object, name: str) -> Operation:
        """Of what was shifted by its largest value, if it was."""
        axes = total.about.get("axes", ())
        made = before(shifted)
        if len(axes) != 1 or made is None or made.name != "sub" or len(made.values) != 2:
            return operation
        largest = before(made.inputs[1])
        if largest is None or largest.name != "amax" or root(largest.inputs[0]) != root(made.inputs[0]):
            return operation
        return replace(operation, name=name, call=partial(call, dim=axes[0]), inputs=(made.inputs[0],))  # type: ignore[arg-type]

    return replace(listing, operations=tuple(map(found, listing.operations)))
