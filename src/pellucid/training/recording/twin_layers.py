"""What the layers of a network of another framework give on pinned rows: seen in its torch twin, in eval mode."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn

from pellucid.errors import UnsupportedOperation
from pellucid.models.inputs import RowInputs
from pellucid.models.programs.program import Layer, Program, leaving, order
from pellucid.models.programs.reader import STATES
from pellucid.models.protocol import LayerShape, Model
from pellucid.models.read_model import ReadModel
from pellucid.training.recording.activations import BETWEEN, Given, kept_of_each, some, units_of

# torch's modules by the names of operations: linear, relu, leaky_relu, conv (of so many dimensions), ...
_MODULES = {name.lower(): one for name, one in vars(nn).items() if isinstance(one, type) and issubclass(one, nn.Module)}
_FUNCTIONS = ("activation", "pooling")  # where torch keeps modules without parameters that are layers all the same
_ARITHMETIC = ("add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "true_divide")


def given_by_layers(model: Model, rows: RowInputs) -> list[Given]:
    """What each layer of a network gives on these rows, in the order in which they run.

    Raises:
        UnsupportedOperation: the network was not read as torch operations, so its layers are not seen.
    """
    net = _read(model, rows)
    kept: dict[str, Given] = {}

    def keep(name: str, output: Tensor) -> None:
        if len(output) == rows.rows and output.is_floating_point() and output.numel():
            axis = units_of(output, last=shapes[name].channels_last)
            values = some(output.detach(), each, axis).clone().float().cpu()
            kept[name] = Given(name, found[name] or Layer, values, axis, "" if found[name] else _operation(net, name))

    with model.open(rows, mode="eval") as bound, ExitStack() as looks:
        shapes = bound.layer_shapes()
        found = layers(net, shapes)
        each = kept_of_each(len(found))
        for name in found:
            looks.enter_context(bound.looking_at(name, partial(keep, name)))
        bound.outputs(bound.values, torch.arange(rows.rows))
    if not kept:
        raise UnsupportedOperation("No layer of this network can be seen", received=model.name, remedy="keep rows on the first axis")
    return list(kept.values())


def _read(model: Model, rows: RowInputs) -> Program:
    """The network as a list of torch operations."""
    twin = model.model(rows).twin if isinstance(model, ReadModel) else None
    if twin is not None and isinstance(twin.net, Program):
        return twin.net
    raise UnsupportedOperation(
        "Layers are seen where a network can be read as torch operations",
        received=model.name if twin is None or not twin.guesses else twin.guesses[-1],
        remedy="the other frames are recorded all the same",
    )


def layers(net: Program, shapes: Mapping[str, LayerShape]) -> dict[str, type[nn.Module] | None]:
    """Of the operations that ran (``shapes``, in their order), those that one calls layers, with the module that torch has for each.

    These are operations with weights, and functions that torch has as modules, except those inside arithmetic. Arithmetic itself is a layer
    only as the last of operations that follow each other and hold the parameters of one layer (a batch normalization); of a norm that is
    computed in several places, no place is the layer. A loop is one layer, where what it made in its steps is put together. Other weights
    that are applied again and again are seen when they are last applied, and so are the functions behind them.
    """
    homes = {name: _home(net, name) for name in shapes if _held(net, name)}
    again, whole, parts = _applied_again(net, homes), _whole(net, homes, list(shapes)), _parts(net)
    found: dict[str, type[nn.Module] | None] = {}
    earlier = False  # whether the weights before are applied again later
    loops = tuple(name for name in shapes if _operation(net, name) == STATES)
    for name, shape in shapes.items():
        if name in loops:
            found[name] = None
        if name in loops or name.startswith(tuple(f"{loop}." for loop in loops)):  # of a step of a loop only the last call would be seen
            continue
        kind = _kind(_operation(net, name), len(shape.sizes))
        if name not in homes:
            if kind is not None and kind.__module__.endswith(_FUNCTIONS) and not earlier and name not in parts:
                found[name] = kind
            continue
        if _weight(net, name) is not None:
            earlier = again.get(name, name) != name
        if name in again:
            if not earlier:
                found[name] = None
        elif kind is not None:
            found[name] = kind
        elif name in whole:  # where the product itself has other rows, as that of a dense layer on several places, the bias comes apart
            found[name] = None if homes[name] in shapes else _kind(_operation(net, homes[name]), len(shape.sizes))
    return found


def _whole(net: Program, homes: Mapping[str, str], ran: list[str]) -> set[str]:
    """Arithmetic with the parameters of one layer, one operation directly behind the other: the last of each such row."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(ran):
        if name in homes:
            groups.setdefault(homes[name], []).append(place)
    rows = [group for group in groups.values() if group[-1] - group[0] == len(group) - 1]
    return {ran[group[-1]] for group in rows if all(_kind(_operation(net, ran[place]), 2) is None for place in group)}


def _parts(net: Program) -> set[str]:
    """Functions that are a part of arithmetic, into which alone their results go: sigmoids and tanhs as gates, or of a gelu that is written
    out; of others, such as a rectifier that bounds a variance, only what goes on with constants."""
    into: dict[int, set[str]] = {one: {""} for one in leaving(net)}
    behind: dict[str, set[str]] = {}
    given: dict[str, int] = {"": 0}
    for step in reversed(order(net)):
        goes = {name for one in step.outputs for name in into.get(one, ())}
        if step.view is None:
            behind[step.layer], given[step.layer] = goes, len(step.inputs)
            goes = {step.layer}
        for one in step.inputs:
            into.setdefault(one, set()).update(goes)

    def plain(name: str) -> bool:
        return name != "" and _operation(net, name) in _ARITHMETIC and not _held(net, name)

    inside = {name for name, goes in behind.items() if goes and all(map(plain, goes))}
    return {name for name in inside if _kind(_operation(net, name), 0) in BETWEEN or all(given[one] == 1 for one in behind[name])}


def _applied_again(net: Program, homes: Mapping[str, str]) -> dict[str, str]:
    """Operations that share their weights with others, by name, with the last of them."""
    uses: list[list[str]] = []
    for name, home in homes.items():
        weight = _weight(net, name)
        if weight is None:
            continue
        for same in uses:
            other = _weight(net, same[0])
            if homes[same[0]] == home and other is not None and other.shape == weight.shape and torch.equal(other, weight):
                same.append(name)
                break
        else:
            uses.append([name])
    return {name: same[-1] for same in uses if len(same) > 1 for name in same}


def _home(net: Program, name: str) -> str:
    """The layer that an operation is a part of: what a program names after its operation below a layer belongs to that layer."""
    above, _, last = name.rpartition(".")
    operation = _operation(net, name)
    part = last == operation or (last.startswith(f"{operation}_") and last.removeprefix(f"{operation}_").isdigit())
    return above if above and part and _held(net, above) else name


def _operation(net: Program, name: str) -> str:
    module = net.get_submodule(name)
    return module.operation if isinstance(module, Layer) else type(module).__name__.lower()


def _held(net: Program, name: str) -> bool:
    return any(True for _ in net.get_submodule(name).parameters(recurse=False))


def _weight(net: Program, name: str) -> Tensor | None:
    """What an operation multiplies with, where it is a product of rows with a matrix or a kernel."""
    weight = getattr(net.get_submodule(name), "weight", None)
    return weight if isinstance(weight, Tensor) and weight.ndim > 1 else None


def _kind(operation: str, axes: int) -> type[nn.Module] | None:
    """The class that torch has for an operation whose results have so many axes beside the rows."""
    name = operation.replace("_", "")
    return _MODULES.get(name) or _MODULES.get(f"{name}{axes - 1}d")
