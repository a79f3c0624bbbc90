"""Where in a network values are made: every layer and every activation function of a running forward pass, by name, with its units apart.

A *layer* is an operation with weights, or a normalization; an *activation function* is found by its operation, as a module or as a
function, and inside recurrent layers too. What a site gives is shown as (row, unit, place): a unit is a feature or a channel, its places
are the pixels, tokens or steps at which it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pellucid.models.rules.bodies.table import BODIES
from pellucid.models.rules.call import Call, tensors
from pellucid.models.rules.caller import caller
from pellucid.models.rules.graph import RECURRENT
from pellucid.models.rules.rows import RowAxis, RowsHidden, follow

if TYPE_CHECKING:
    from pellucid.models.rules.operations import Operation

_ACTIVATIONS = """relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid logsigmoid tanh softplus
    softsign tanhshrink hardshrink softshrink threshold rrelu prelu clamp clamp_min clamp_max"""
ACTIVATIONS = frozenset(_ACTIVATIONS.split())
CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
NORMS = frozenset({"batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"})
CHANNELS_FIRST = CONVOLUTIONS | {"batch_norm", "group_norm", "instance_norm"}
WEIGHTED = CONVOLUTIONS | {"linear", "bilinear", "embedding"} | RECURRENT
PRODUCTS = frozenset({"matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "mv"})  # layers where a factor is a parameter
MOVES = frozenset({"permute", "transpose", "t", "movedim"})
OPENED = frozenset({"multi_head_attention_forward", "glu", "_pack_padded_sequence", "_pad_packed_sequence"})
# the activation functions of one step of a recurrent layer, in the order in which its body computes them
GATES = {
    "lstm": ("forget_gate", "input_gate", "candidate", "output_gate", "cell"),
    "gru": ("update_gate", "reset_gate", "candidate"),
    "rnn_tanh": ("state",),
    "rnn_relu": ("state",),
}
_NOTE = "_pellucid_site"


@dataclass(frozen=True)
class Site:
    """A place in the code where values are made, however often it runs.

    Attributes:
        name: the module's path where it is a module; else what it is applied to and the operation (``stem/relu``), or the gate of a
            recurrent layer (``lstm.l0.input_gate``).
        operation: the canonical operation; ``module`` is the innermost module that it ran in.
        gate: whether it lies inside a recurrent layer.
    """

    name: str
    operation: str
    module: str
    gate: bool = False

    @property
    def activates(self) -> bool:
        """Whether it is an activation function."""
        return self.operation in ACTIVATIONS

    @property
    def recurrent(self) -> bool:
        """Whether it is a recurrent layer as a whole."""
        return self.operation in RECURRENT


@dataclass(frozen=True, eq=False)
class Seen:
    """What happened at a site in one call.

    Attributes:
        call: the operation; ``output`` what it made.
        before: the site that made its operand, if nothing but views lies between.
        apart: takes a tensor laid out like the operand or the output to (row, unit, place).
        shape: of the places.
    """

    site: Site
    call: Call
    output: Tensor
    before: Site | None
    apart: Callable[[Tensor], Tensor]
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Origin:
    """What is noted of a tensor: the site that it comes from, whether straight, and the axis on which its units lie."""

    site: Site | None
    straight: bool
    unit: int


@dataclass
class _Body:
    """A recurrent layer that is being computed step by step."""

    prefix: str
    gates: tuple[str, ...]
    steps: int
    names: tuple[str, ...]  # of the layers and directions
    count: int = 0

    def next(self) -> str:
        """The name of the next activation function."""
        place, within = divmod(self.count, len(self.gates) * self.steps)
        self.count += 1
        return ".".join(part for part in (self.prefix, self.names[place], self.gates[within % len(self.gates)]) if part)


@dataclass
class _Named:
    """The sites by what tells them apart, and how many have a name."""

    sites: dict[tuple[Any, ...], Site] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def site(self, key: tuple[Any, ...], name: str, operation: str, module: str, *, gate: bool = False) -> Site:
        if key not in self.sites:
            self.counts[name] = self.counts.get(name, 0) + 1
            number = f" #{self.counts[name]}" if self.counts[name] > 1 else ""
            self.sites[key] = Site(name + number, operation, module, gate)
        return self.sites[key]


class Sites:
    """A rule set that changes nothing and shows what every site makes; recurrent layers are computed step by step.

    The same sites have the same names in every pass of one object. ``see`` is called in order of execution; ``met`` are the
    operations that ran.
    """

    differentiates = False
    follows_rows = True

    def __init__(self, net: nn.Module, see: Callable[[Seen], None]) -> None:
        self.net, self.see = net, see
        self.rows = 1
        self.met: set[str] = set()  # operations that ran
        self._named = _Named()
        leaves = [(name, module) for name, module in net.named_modules() if name and not list(module.children())]
        self._functions = {name for name, module in leaves if not list(module.parameters()) or isinstance(module, nn.PReLU)}
        self._parameters = {id(tensor): name for name, tensor in net.named_parameters()}
        self._stack: list[str] = [""]
        self._body: _Body | None = None

    @contextmanager
    def running(self, rows: int) -> Iterator[None]:
        """Inside, ``rows`` rows run through the network, and it is known in which module."""
        self.rows, self._stack, self._body = rows, [""], None

        def before(name: str) -> Callable[..., None]:
            return lambda *_: self._stack.append(name)

        with ExitStack() as hooks:
            for name, module in self.net.named_modules():
                if name:
                    hooks.callback(module.register_forward_pre_hook(before(name)).remove)
                    hooks.callback(module.register_forward_hook(lambda *_: self._stack.pop() and None, always_call=True).remove)
            yield

    def opens(self, operation: Operation) -> bool:
        """What holds layers or activation functions of its own is opened."""
        return operation.name in OPENED

    def overwritten(self, tensor: Tensor) -> None:
        """What is written over is read before."""

    def apply(self, call: Call) -> Any:  # noqa: ANN401
        """Runs the operation and shows what it made, if that is a site."""
        name = call.operation.name
        self.met.add(name)
        kind = next((kind for kind in GATES if name in (kind, f"{kind}_cell")), None)
        if kind is not None and self._body is None:
            return self._recurrent(call, kind)
        output = call.run(*call.operands)
        origin = self._origin(call, output)
        for made in (*tensors((output,), {}), *((call.written,) if call.written is not None else ())):
            setattr(made, _NOTE, origin)
        return output

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _recurrent(self, call: Call, kind: str) -> Any:  # noqa: ANN401
        """Computes a recurrent layer by its body, whose activation functions are sites, and shows what it gives."""
        prefix = self._stack[-1] or call.operation.name
        self._body = _Body(prefix, GATES[kind], *_extent(call))
        try:
            with call.interceptor:
                output = BODIES[call.operation.name](*call.args, **call.kwargs)
        finally:
            self._body = None
        first = output if isinstance(output, Tensor) else output[0]
        site = self._named.site((prefix, call.operation.name), prefix, call.operation.name, self._stack[-1])
        self._show(site, call, first, -1)
        for made in tensors((output,), {}):
            setattr(made, _NOTE, _Origin(site, True, -1))
        return output

    def _origin(self, call: Call, output: Any) -> _Origin:  # noqa: ANN401
        known = [note for t in call.operands if (note := getattr(t, _NOTE, None)) is not None]
        first = known[0] if known else _Origin(None, False, -1)
        made = next(tensors((output,), {}), None)
        if made is None or not made.is_floating_point():
            return first
        operand = call.operands[0]
        name, unit = call.operation.name, unit_axis(call, operand, made, first.unit)
        site = self._site(call, first)
        if site is not None:
            self._show(site, call, made, unit, first.site if first.straight else None)
            return _Origin(site, True, unit)
        straight = first.straight and (call.operation.kind == "structural" or name.endswith("dropout"))
        latest = max((note.site for note in known if note.site is not None), key=self._order, default=None)
        return _Origin(latest, straight, unit)

    def _order(self, site: Site) -> int:
        return list(self._named.sites.values()).index(site)

    def _site(self, call: Call, origin: _Origin) -> Site | None:
        name, module = call.operation.name, self._stack[-1]
        if name in ACTIVATIONS and of_one_number(call):
            if self._body is not None:
                gate = self._body.next()
                return self._named.site((gate,), gate, name, module, gate=True)
            made_by = origin.site.name if origin.site is not None else "input"
            own = module if module in self._functions else f"{made_by}/{name}"
            return self._named.site((module, name, made_by, caller()), own, name, module)
        if self._body is not None:
            return None
        weight = next((self._parameters[id(t)] for t in tensors(call.args, call.kwargs) if id(t) in self._parameters), None)
        if name in WEIGHTED or name in NORMS or (name in PRODUCTS and weight is not None):
            own = _owner(weight) if weight is not None else module
            return self._named.site((module, name, own, caller()), own or name, name, module)
        return None

    def _show(self, site: Site, call: Call, made: Tensor, unit: int, before: Site | None = None) -> None:
        at = follow(call, made, self.rows)
        if at is None:
            raise RowsHidden("It is not known where the rows lie", received=f"{site.name}: {tuple(made.shape)}", remedy="run rows alone")
        rows, shape = self.rows, _places(tuple(made.shape), at, unit, self.rows)
        self.see(Seen(site, call, made, before, lambda given: _apart(given, at, unit, rows), shape))


def of_one_number(call: Call) -> bool:
    """Whether the operation applies one function to every element of its first argument; a PReLU may have a slope for each unit."""
    given = list(tensors(call.args, call.kwargs))
    return len(call.operands) == 1 and given[0] is call.operands[0] and (len(given) == 1 or call.operation.name == "prelu")


def _owner(parameter: str) -> str:
    """The layer that a parameter belongs to: ``stem.weight`` is of ``stem``, ``attention.in_proj_weight`` of ``attention.in_proj``."""
    return parameter.removesuffix("weight").rstrip("._") or parameter


def _extent(call: Call) -> tuple[int, tuple[str, ...]]:
    """How many steps a recurrent layer takes, and the names of its layers and directions."""
    if call.operation.name.endswith("_cell"):
        return 1, ("",)
    second = call.args[1]
    packed = isinstance(second, Tensor) and not second.is_floating_point()
    given = call.args[0]
    layers, both = call.args[5 if packed else 4], call.args[8 if packed else 7]
    steps = len(second) if packed else given.shape[1 if call.args[8] else 0]
    return steps, tuple(f"l{layer}{end}" for layer in range(layers) for end in (("", "_reverse") if both else ("",)))


def unit_axis(call: Call, operand: Tensor, made: Tensor, before: int) -> int:
    """The axis of the units, counted from the end."""
    name = call.operation.name
    if made.ndim == 0:
        return -1
    if name in CHANNELS_FIRST:
        return 1 - made.ndim if made.ndim > 2 else -1
    if name in WEIGHTED or name in NORMS or name in PRODUCTS or made.ndim != operand.ndim:
        return -1
    if name in MOVES and len(call.operands) == 1:  # a number that counts along one axis alone shows where that axis goes
        line = [1] * operand.ndim
        line[before] = operand.shape[before]
        counted = torch.arange(operand.shape[before]).reshape(line).expand(operand.shape)
        moved = call.on((counted,)).run(counted) if operand.shape[before] > 1 else None
        axes = [] if moved is None else [axis for axis, stride in enumerate(moved.stride()) if stride and moved.shape[axis] > 1]
        return axes[0] - made.ndim if len(axes) == 1 else before
    return before


def _apart(values: Tensor, at: RowAxis, unit: int, rows: int) -> Tensor:
    """(row, unit, place)."""
    values = values.detach()
    if values.ndim == 0:
        return values.reshape(1, 1, 1)
    unit %= values.ndim
    if rows == 1:
        return values.movedim(unit, 0).reshape(1, values.shape[unit], -1) if values.ndim > 1 else values.reshape(1, -1, 1)
    wide = values.unflatten(at.axis, (-1, rows, at.inner))
    if unit == at.axis:
        return wide.movedim(at.axis + 1, 0).reshape(rows, 1, -1)
    return wide.movedim((at.axis + 1, unit + 2 if unit > at.axis else unit), (0, 1)).flatten(2)


def _places(shape: tuple[int, ...], at: RowAxis, unit: int, rows: int) -> tuple[int, ...]:
    """The sizes of the axes that hold neither rows nor units; of one row, without those of size 1."""
    unit %= max(len(shape), 1)
    rest = [size // rows if axis == at.axis else size for axis, size in enumerate(shape) if axis != unit]
    return tuple(size for size in rest if size > 1)
