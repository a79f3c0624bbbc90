"""What is done to a list of operations before a network is made of it: what nobody uses goes, biases join their layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import takewhile
from math import isclose, prod
from typing import Any

import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.programs.norms import Shapes, with_norms
from pellucid.models.programs.operation import Constant, Listing, Number, Operation, number_of, with_constant
from pellucid.models.programs.sizes import values_of, with_sizes

# relative to the largest output: rounding of another order of sums, through many layers; networks of doubles have parts in single
# precision, such as the softmax of attention or the constants of an activation
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 3e-2, torch.bfloat16: 1e-1}
MOVES = ("expand", "reshape", "unsqueeze", "squeeze", "permute", "transpose")  # keep every element as it is, and add none
WINDOWED = frozenset(
    ["conv", "conv_transpose", "batch_norm", "adaptive_avg_pool2d"]
    + [f"{kind}_pool{rank}" for kind in ("max", "avg") for rank in ("", "1d", "2d", "3d")]
)


def simplified(listing: Listing, example: tuple[Tensor, ...]) -> Listing:
    """The same network with fewer operations; ``example`` are two rows or more of its inputs.

    That it is the same is tried out near these rows; where it is not, or a pass fails, only what nobody uses goes.
    """
    plain = needed(listing)
    draw = torch.Generator().manual_seed(0)
    near = tuple(one + 0.1 * torch.randn(one.shape, generator=draw).to(one.dtype) if one.is_floating_point() else one for one in example)
    try:
        found = _simplified(listing, example)
        return found if _agree(plain, found, near) else plain
    except UnsupportedOperation:
        raise
    except Exception:  # what a network is made of is not foreseen by every pass
        return plain


def _agree(one: Listing, other: Listing, inputs: tuple[Tensor, ...]) -> bool:
    """Whether two listings give the same, up to rounding."""

    def outputs(listing: Listing) -> list[Any]:
        values = values_of(listing, inputs, tuple(one for one in listing.outputs if isinstance(one, int)))
        return [values[one] if isinstance(one, int) else one.value for one in listing.outputs]

    for a, b in zip(outputs(one), outputs(other), strict=True):
        if isinstance(a, Tensor) and a.is_floating_point():
            size = float(a.abs().nan_to_num(0.0, 0.0, 0.0).amax()) if a.numel() else 0.0
            within = TOLERANCE.get(a.dtype, 1e-3) * size
            if a.shape != b.shape or not torch.allclose(a.double(), b.double(), rtol=0.0, atol=within, equal_nan=True):
                return False
    return True


def _simplified(listing: Listing, example: tuple[Tensor, ...]) -> Listing:
    listing = needed(with_joined_views(needed(with_plain_places(with_sizes(listing, example)))))
    shapes = shapes_of(listing, example)
    return with_biases(needed(with_norms(with_means(with_wide_layers(listing, shapes), shapes), shapes)), shapes, len(example[0]))


def with_plain_places(listing: Listing) -> Listing:
    """Embeddings are fed with what came from outside, not with ``where(i < 0, i + n, i)``, which they do themselves."""
    maker = {number: operation for operation in listing.operations for number in operation.outputs}

    def plain(one: int | Constant) -> int | Constant:
        made = maker.get(one) if isinstance(one, int) else None
        while made is not None and made.name in ("to", "expand", "reshape", "select", "unsqueeze", "permute") and len(made.values) == 1:
            made = maker.get(made.values[0])  # casts and views keep the values
        if made is None or made.name != "where" or len(made.values) != 3:
            return one
        test, *ways = (maker.get(value) for value in made.values)
        direct = [value for value, way in zip(made.values[1:], ways, strict=True) if way is None or way.name != "add"]
        wrapped = [way for way in ways if way is not None and way.name == "add"]
        fits = test is not None and test.name == "lt" and len(direct) == 1 and len(wrapped) == 1
        return direct[0] if fits and test and test.values == (direct[0],) == wrapped[0].values else one

    def changed(operation: Operation) -> Operation:
        if operation.name != "embedding" or len(operation.values) != 1:
            return operation
        return replace(operation, inputs=tuple(plain(one) for one in operation.inputs))

    return replace(listing, operations=tuple(map(changed, listing.operations)))


def with_joined_views(listing: Listing) -> Listing:
    """An operation that is wrapped in two orders of axes, there and back, becomes one with its channels where they are outside."""
    users = Counter(one for operation in listing.operations for one in operation.values)
    users.update(one for one in listing.outputs if isinstance(one, int))
    maker = {number: operation for operation in listing.operations for number in operation.outputs}
    after = {
        operation.values[0]: operation for operation in listing.operations if "order" in operation.about and len(operation.values) == 1
    }
    joined: dict[Operation, Operation] = {}
    gone: set[Operation] = set()
    for operation in listing.operations:
        there = maker.get(operation.inputs[0]) if operation.inputs and isinstance(operation.inputs[0], int) else None
        back = after.get(operation.outputs[0])
        if operation.name not in WINDOWED or len(operation.outputs) != 1 or there is None or back is None or "order" not in there.about:
            continue
        forward, backward = there.about["order"], back.about["order"]
        if tuple(forward[i] for i in backward) != tuple(range(len(forward))) or users[operation.outputs[0]] != 1:
            continue
        channel = backward.index(1)
        about = {**operation.about, "channel": channel, "channels_last": channel != 1}
        call = _wrapped(operation.call, forward, backward)
        joined[operation] = replace(
            operation, call=call, inputs=(there.inputs[0], *operation.inputs[1:]), outputs=back.outputs, about=about
        )
        gone.add(back)
    return replace(listing, operations=tuple(joined.get(one, one) for one in listing.operations if one not in gone))


def _wrapped(call: Callable[..., Any], forward: tuple[int, ...], backward: tuple[int, ...]) -> Callable[..., Any]:
    return lambda x, *rest: call(x.permute(forward), *rest).permute(backward)


def with_means(listing: Listing, shapes: Shapes) -> Listing:
    """A sum that is divided by the number of what it is over becomes a mean; ``shapes`` are those of all values."""
    users = Counter(one for operation in listing.operations for one in operation.values)
    users.update(one for one in listing.outputs if isinstance(one, int))
    maker = {number: operation for operation in listing.operations for number in operation.outputs}
    means: dict[Operation, Operation] = {}
    same: dict[int, int] = {}  # a quotient -> the mean that it was
    for operation in listing.operations:
        if operation.name not in ("div", "mul") or not with_constant(operation) or not isinstance(operation.inputs[0], int):
            continue
        number = number_of(operation.constants[0])
        made = maker.get(operation.values[0])
        while made is not None and made.name in MOVES and len(made.values) == 1 and users[made.outputs[0]] == 1:
            made = maker.get(made.values[0])
        if made is None or made.name != "sum" or not made.about.get("axes") or users[made.outputs[0]] != 1 or not number:
            continue
        x, axes = made.values[0], made.about["axes"]
        rows = 0 in (axis % len(shapes[x]) for axis in axes)
        count = prod(shapes[x][axis] for axis in axes)
        if rows or not isclose(number, count if operation.name == "div" else 1 / count, rel_tol=1e-6):
            continue
        kept = len(shapes[made.outputs[0]]) == len(shapes[x])
        means[made] = replace(made, name="mean", call=partial(torch.mean, dim=axes, keepdim=kept))
        same[operation.outputs[0]] = operation.values[0]
    return _without(replace(listing, operations=tuple(means.get(one, one) for one in listing.operations)), same)


def _without(listing: Listing, same: dict[int, int]) -> Listing:
    """The listing with other values in the place of some, whose operations go."""

    def of(one: int | Constant) -> int | Constant:
        while isinstance(one, int) and one in same:
            one = same[one]
        return one

    operations = [
        replace(operation, inputs=tuple(map(of, operation.inputs)))
        for operation in listing.operations
        if not same.keys() & operation.outputs
    ]
    return replace(listing, operations=tuple(operations), outputs=tuple(map(of, listing.outputs)))


def with_wide_layers(listing: Listing, shapes: Shapes) -> Listing:
    """A dense layer whose input is folded into two axes, and its output unfolded, works on the last axis where that lies."""
    users = Counter(one for operation in listing.operations for one in operation.values)
    users.update(one for one in listing.outputs if isinstance(one, int))
    maker = {number: operation for operation in listing.operations for number in operation.outputs}
    wide: dict[Operation, Operation] = {}
    for operation in listing.operations:
        layer = maker.get(operation.values[0]) if operation.name == "reshape" and len(operation.values) == 1 else None
        folded = maker.get(layer.values[0]) if layer is not None and layer.name == "linear" and layer.affine else None
        if layer is None or folded is None or folded.name != "reshape" or len(folded.values) != 1 or users[layer.outputs[0]] != 1:
            continue
        before, after = shapes[folded.values[0]], shapes[operation.outputs[0]]
        same = before[-1:] == shapes[layer.values[0]][-1:] and after[-1:] == shapes[layer.outputs[0]][-1:]
        if same and before[:-1] == after[:-1] and len(before) > 1:
            wide[operation] = replace(layer, inputs=(folded.values[0], *layer.inputs[1:]), outputs=operation.outputs)
    return needed(replace(listing, operations=tuple(wide.get(one, one) for one in listing.operations)))


def needed(listing: Listing) -> Listing:
    """Without operations whose values nobody uses."""
    wanted = {one for one in listing.outputs if isinstance(one, int)}
    kept: list[Operation] = []
    for operation in reversed(listing.operations):
        if wanted.intersection(operation.outputs):
            wanted.update(operation.values)
            kept.append(operation)
    return replace(listing, operations=tuple(reversed(kept)))


def shared(paths: tuple[str, ...]) -> str:
    """The path of what was made of parameters: that of a single one, else a new name beneath what their paths have in common."""
    if len(set(paths)) <= 1:
        return paths[0] if paths else ""
    parts = [path.split(".")[:-1] for path in paths]
    above = ".".join(same[0] for same in takewhile(lambda some: len(set(some)) == 1, zip(*parts, strict=False)))
    return f"{above}.constant" if above else "constant"


def with_biases(listing: Listing, shapes: Shapes, rows: int) -> Listing:
    """A constant that is added to each channel behind an affine operation becomes its bias, also where views lie between the two.

    ``shapes`` are those of all values for so many ``rows``.
    """
    users = Counter(one for operation in listing.operations for one in operation.values)
    users.update(one for one in listing.outputs if isinstance(one, int))
    maker = {number: operation for operation in listing.operations for number in operation.outputs}
    biased: dict[Operation, Constant] = {}
    passed: dict[int, int] = {}  # the sum -> what it was the sum of
    for operation in listing.operations:
        if operation.name != "add" or not with_constant(operation):
            continue
        source = operation.values[0]
        chain: list[Operation] = []
        at = maker.get(passed.get(source, source))
        while at is not None and users[at.outputs[0]] == 1 and at.structural and len(at.outputs) == 1 and len(at.values) == 1:
            chain.append(at)
            at = maker.get(passed.get(at.values[0], at.values[0]))
        if at is None or not at.affine or users[at.outputs[0]] != 1 or len(at.inputs) > 2 or at in biased:
            continue
        bias = _bias(operation.constants[0].value, at, chain[::-1], shapes, rows)
        if bias is not None and shapes[operation.outputs[0]] == shapes[source]:
            biased[at] = Constant(bias, operation.constants[0].path)
            passed[operation.outputs[0]] = source
    operations = [replace(one, inputs=(*one.inputs, biased[one])) if one in biased else one for one in listing.operations]
    return _without(replace(listing, operations=tuple(operations)), passed)


def _bias(constant: Tensor | Number, layer: Operation, chain: list[Operation], shapes: Shapes, rows: int) -> Tensor | None:
    """One number for each channel of an affine operation that is the same as a constant added behind the views; None if there is none."""
    weight = layer.constants[0].value if layer.constants else None
    if not isinstance(weight, Tensor) or not (isinstance(constant, (int, float)) or constant.is_floating_point()):
        return None
    shape, axis = shapes[layer.outputs[0]], layer.about["channel"]
    index = torch.arange(shape[axis]).reshape([-1 if i == axis % len(shape) else 1 for i in range(len(shape))]).expand(shape)
    for view in chain:
        index = view.compute(rows, *(index if isinstance(one, int) else one.value for one in view.inputs))[0]
    if index.dtype != torch.long:  # the precision changes on the way
        return None
    plain = torch.as_tensor(constant, dtype=weight.dtype)
    try:
        spread = plain.expand(index.shape)
    except RuntimeError:
        return None
    bias = torch.zeros(shape[axis], dtype=weight.dtype).index_put_((index.reshape(-1),), spread.reshape(-1))
    return bias if torch.equal(bias[index], spread) else None


def shapes_of(listing: Listing, example: tuple[Tensor, ...]) -> Shapes:
    """The shape of every value for some rows."""
    values: dict[int, Tensor] = dict(zip(listing.inputs, example, strict=True))
    shapes: Shapes = {number: tuple(value.shape) for number, value in values.items()}
    last = {one: place for place, operation in enumerate(listing.operations) for one in operation.values}
    rows = len(example[0])
    with torch.no_grad():
        for place, operation in enumerate(listing.operations):
            made = operation.compute(rows, *(values[one] if isinstance(one, int) else one.value for one in operation.inputs))
            for number, value in zip(operation.outputs, made, strict=True):
                values[number] = value
                shapes[number] = tuple(getattr(value, "shape", ()))
            for one in operation.values:
                if last[one] == place:
                    values.pop(one, None)
    return shapes
