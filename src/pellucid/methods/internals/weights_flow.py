"""Where the units of a layer go: the normalization and the activation that follow, and the weights that read them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor, nn

from pellucid.errors import PellucidError
from pellucid.models.effective_weights import Convolution
from pellucid.models.inputs import collect

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside
    from pellucid.models.rules.graph import Graph, Node
    from pellucid.models.torch_model import TorchModel

SEEN = 2  # rows that are run: an axis that is 1 for one row is not taken for another
SIZES = (8, 16, 28, 32, 64, 96, 128, 224, 299)  # of images, the cheapest first, where no rows are given
LENGTH = 64  # of a signal, and STEPS of a series or a text
STEPS = 8
AFFINE = frozenset({"linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
KEEPING = {"add", "sub", "mul", "div", "neg", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "batch_norm"} | {
    "contiguous", "clone", "detach", "to", "float", "double", "half", "bfloat16"
}  # fmt: skip
SPATIAL = {"pad", "constant_pad_nd", "interpolate"} | {  # what they do to the axes of places is nothing to the units
    f"{kind}_pool{axes}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for axes in (1, 2, 3)
}  # fmt: skip
RESHAPING = frozenset({"view", "reshape", "flatten", "ravel", "unflatten"})
DROPPING = frozenset({"mean", "sum", "amax", "amin", "squeeze"})


class Carried(NamedTuple):
    """Units of a layer along an axis of a value, each as ``inner`` elements in a row."""

    layer: str
    axis: int
    inner: int


@dataclass
class Course:
    """Where a layer's units go.

    ``normalization`` is the path of the batch normalization that follows; ``activation`` the operation behind that, which runs in the
    module ``activated``. ``next`` are layers that read the units, with the elements that each unit has there; ``whole`` if nothing else
    reads them.
    """

    normalization: str = ""
    activation: str = ""
    activated: str = ""
    next: dict[str, int] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True)
class Followed:
    """The courses by layer, and what they are known from; ``shape`` is that of a guessed row."""

    courses: dict[str, Course]
    by: Literal["rows", "guess", "none"]
    shape: tuple[int, ...] = ()


def followed(inside: Inside, net: nn.Module) -> Followed:
    """The courses of the units of every dense layer and convolution, as far as the forward pass can be run and followed."""
    evaluator = inside.evaluator
    if evaluator is not None:
        rows = torch.arange(min(SEEN, evaluator.rows))
        graph = _graph(evaluator.bound, tuple(value[rows] for value in evaluator.values), rows)
        return Followed(courses(graph, net), "rows") if graph is not None else Followed({}, "none")
    model: TorchModel = inside.model  # type: ignore[assignment]
    for guess in _guesses(net):
        graph = _guessed_graph(model, guess.to(model.torch_dtype) if guess.is_floating_point() else guess)
        if graph is not None:
            return Followed(courses(graph, net), "guess", tuple(guess.shape[1:]))
    return Followed({}, "none")


def courses(graph: Graph, net: nn.Module) -> dict[str, Course]:
    """Follows the units of every layer through the operations."""
    layers = {path: m for path, m in net.named_modules() if isinstance(m, (nn.Linear, Convolution))}
    found: dict[str, Course] = {}
    carried: dict[int, frozenset[Carried]] = {}
    made = {node.number: node for node in graph.nodes}
    for node in graph.nodes:
        read = node.operation in AFFINE and node.module in layers
        arriving = {one: number for number in node.arguments for one in carried.get(number, ())}
        for one, number in arriving.items():
            _arrive(found[one.layer], one, node, made[number], reader=read)
        if read:
            axis = len(node.shapes[0]) - 1 if node.operation == "linear" else 1
            found.setdefault(node.module, Course())
            carried[node.number] = frozenset({Carried(node.module, axis, 1)})
        else:
            kept = (_kept(one, made[number], node) for one, number in arriving.items())
            carried[node.number] = frozenset(one for one in kept if one is not None)
    for one in carried.get(graph.output, ()):
        found[one.layer].whole = False
    _name_neighbors(graph, found)
    return found


def _arrive(course: Course, one: Carried, node: Node, source: Node, *, reader: bool) -> None:
    """Notes what an operation does with the units that it gets."""
    if node.kind == "query":
        return
    axis = len(source.shapes[0]) - 1 if node.operation == "linear" else 1
    if reader and one.axis == axis and (one.inner == 1 or node.operation == "linear"):
        course.next[node.module] = one.inner
    elif reader or _kept(one, source, node) is None:
        course.whole = False


def _kept(one: Carried, source: Node, node: Node) -> Carried | None:
    """The units in what an operation makes of a value; None where they can not be told apart in it any more."""
    if not source.shapes or not node.shapes:
        return None
    before, after = source.shapes[0], node.shapes[0]
    if node.operation in RESHAPING:
        return _reshaped(one, before, after)
    if node.operation in DROPPING:
        return _dropped(one, before, after)
    if node.operation in SPATIAL:
        return one if len(before) == len(after) and one.axis == 1 and before[1] == after[1] else None
    return one if before == after and (node.kind == "elementwise" or node.operation in KEEPING) else None


def _reshaped(one: Carried, before: tuple[int, ...], after: tuple[int, ...]) -> Carried | None:
    for axis, length in enumerate(after):
        leads = math.prod(after[:axis]) == math.prod(before[: one.axis])
        if leads and length % before[one.axis] == 0 and length >= before[one.axis] > 1:
            return Carried(one.layer, axis, one.inner * length // before[one.axis])
    return None


def _dropped(one: Carried, before: tuple[int, ...], after: tuple[int, ...]) -> Carried | None:
    """After an axis other than the units' own is summed up: which one, the lengths must say without doubt."""
    if len(before) == len(after):
        return one if before[one.axis] == after[one.axis] > 1 else None
    rest = [size for axis, size in enumerate(before) if axis != one.axis]
    if before[one.axis] in rest or after.count(before[one.axis]) != 1:
        return None
    return Carried(one.layer, after.index(before[one.axis]), one.inner)


def _name_neighbors(graph: Graph, found: dict[str, Course]) -> None:
    """The batch normalization and the activation behind a layer that is called once and read by nothing else."""
    readers: dict[int, list[Node]] = {}
    for node in graph.nodes:
        for number in node.arguments:
            if node.kind != "query":
                readers.setdefault(number, []).append(node)
    calls = [node for node in graph.nodes if node.operation in AFFINE and node.module in found]
    for node in calls:
        if sum(other.module == node.module for other in calls) > 1:
            continue
        course, following = found[node.module], readers.get(node.number, [])
        if len(following) == 1 and following[0].operation == "batch_norm":
            course.normalization = following[0].module
            following = readers.get(following[0].number, [])
        if len(following) == 1 and following[0].kind == "elementwise":
            course.activation, course.activated = following[0].operation, following[0].module


def _graph(bound: object, batch: tuple[Tensor, ...], rows: Tensor) -> Graph | None:
    """The operator graph; None where the forward pass can not be followed."""
    try:
        return bound.graph(batch, rows)  # type: ignore[attr-defined]
    except PellucidError:
        return None


def _guessed_graph(model: TorchModel, rows: Tensor) -> Graph | None:
    """The operator graph on rows of zeros; None where the network does not take rows of this shape."""
    try:
        with model.open(collect(rows, model.spec), mode="eval") as bound:
            return bound.graph(bound.values, torch.arange(len(rows)))
    except Exception:  # whatever the user's own code raises on rows that it is not made for
        return None


def _guesses(net: nn.Module) -> Iterator[Tensor]:
    """Rows of zeros that the first layer takes, of several sizes where it takes any."""
    for module in net.modules():
        if isinstance(module, nn.Linear):
            yield torch.zeros(SEEN, module.in_features)
            yield torch.zeros(SEEN, STEPS, module.in_features)
        elif isinstance(module, nn.Conv1d):
            yield torch.zeros(SEEN, module.in_channels, LENGTH)
        elif isinstance(module, nn.Conv2d):
            yield from (torch.zeros(SEEN, module.in_channels, size, size) for size in SIZES)
        elif isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
            yield torch.zeros(SEEN, STEPS, dtype=torch.long)
        elif isinstance(module, nn.RNNBase):
            yield torch.zeros(SEEN, STEPS, module.input_size)
        elif not list(module.parameters(recurse=False)):
            continue
        return
