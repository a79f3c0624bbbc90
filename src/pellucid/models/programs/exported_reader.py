"""Reads a graph of torch's own operators (``torch.export``) as calls of torch's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_flatten, tree_unflatten

from pellucid.models.programs import views
from pellucid.models.programs.operation import Constant, Listing
from pellucid.models.programs.reader import Reader, Ref
from pellucid.models.programs.windows import dense, dense_einsum

VIEWS = frozenset(
    """view reshape expand permute transpose t unsqueeze squeeze flatten unflatten slice select cat stack _with_sizes chunk unbind pad
    constant_pad_nd to _to_copy clone contiguous alias detach lift_fresh_copy movedim sym_size repeat tile flip index_select getitem
    roll expand_as view_as narrow arange full zeros ones scalar_tensor""".split()  # noqa: SIM905
)
SAME = frozenset(["clone", "contiguous", "alias", "lift_fresh_copy", "lift_fresh", "dropout", "_assert_tensor_metadata"])
CASTS = frozenset(["to", "_to_copy"])
NOTHING = frozenset(["_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range_for_size", "sym_constrain_range"])
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


class ExportedReader(Reader):
    """Collects the operations of an exported graph."""

    framework = "torch.export"

    def read(self, program: Any, paths: Mapping[int, str]) -> Listing:  # noqa: ANN401
        """The whole program; ``paths`` says of a tensor's ``id`` which parameter it is."""
        held = {**program.state_dict, **program.constants}
        spec = {one.arg.name: one for one in program.graph_signature.input_specs if hasattr(one.arg, "name")}
        env: dict[str, Ref] = {}
        entering: list[int] = []
        leaving: tuple[Ref, ...] = ()
        for node in program.graph.nodes:
            if node.op == "placeholder":
                target = spec[node.name].target
                if target is None:
                    env[node.name] = number = self.value()
                    entering.append(number)
                else:
                    env[node.name] = Constant(held[target].detach().clone(), paths.get(held[target].data_ptr(), "") or target)
            elif node.op == "output":
                leaving = tuple(env[one.name] if isinstance(one, torch.fx.Node) else Constant(one) for one in tree_flatten(node.args[0])[0])
            else:
                self._call(node, env)
        structure = program.call_spec.out_spec
        return Listing(tuple(self.operations), tuple(entering), leaving, lambda found: tree_unflatten(found, structure))

    def _call(self, node: torch.fx.Node, env: dict[str, Ref]) -> None:
        target: Any = node.target
        name = (
            target._schema.name.partition("::")[2]
            if isinstance(target, torch._ops.OpOverload)
            else getattr(target, "__name__", str(target))
        )
        if name in NOTHING:
            return
        leaves, structure = tree_flatten((node.args, node.kwargs))
        given = [env[one.name] for one in leaves if isinstance(one, torch.fx.Node)]
        if name in SAME or (name in CASTS and _same_dtype(node)):
            env[node.name] = given[0]
            return
        outputs = (self.value(),)
        literal = [None if isinstance(one, torch.fx.Node) else one for one in leaves]
        if not self._affine(name, given, [one for one in leaves if not isinstance(one, torch.fx.Node)], outputs):
            places = [i for i, one in enumerate(leaves) if isinstance(one, torch.fx.Node)]
            call = _packed(_function(target, name), literal, places, structure)
            order: Any = node.args[1] if name == "permute" else ()
            about = {"order": tuple(axis % len(order) for axis in order)} if order else {}
            self.add(name.removesuffix("_"), call, given, outputs, structural=name in VIEWS, about=about)
        env[node.name] = self.known(outputs[0])

    def _affine(self, name: str, given: list[Ref], rest: list[Any], outputs: tuple[int, ...]) -> bool:
        """Dense layers and convolutions with constant weights; ``rest`` are the arguments that are no values."""
        weight = given[1] if len(given) > 1 else None
        if not isinstance(weight, Constant) or not isinstance(weight.value, Tensor) or not isinstance(given[0], int):
            return False
        last = {"channel": -1, "channels_last": True}
        if name in ("matmul", "mm") and weight.value.ndim == 2:
            turned = Constant(weight.value.T.contiguous(), weight.path)
            self.add("linear", dense, (given[0], turned), outputs, affine=True, about=last)
        elif name == "einsum" and len(given) == 2:
            return dense_einsum(self, str(rest[0]), given[0], weight, outputs)
        elif name == "linear":
            self.add("linear", dense, given, outputs, affine=True, about=last)
        elif name in CONVOLUTIONS:
            sizes = [one for one in rest if one is not None]  # no bias
            call = _convolution(getattr(functional, name), sizes, weight.value.ndim - 2)
            self.add("conv", call, given, outputs, affine=True, about={"channel": 1, "channels_last": False})
        else:
            return False
        return True


def _same_dtype(node: torch.fx.Node) -> bool:
    """Whether a cast leaves its input as it is."""
    before: Any = node.args[0]
    return before.meta["val"].dtype == node.meta["val"].dtype


def _convolution(function: Callable[..., Tensor], rest: list[Any], rank: int) -> Callable[..., Tensor]:
    """A convolution whose flattened stride, padding, dilation and groups follow."""
    sizes: list[Any] = []
    flat = list(rest)
    for _ in range(3):
        if not flat or (len(flat) == 1 and len(sizes) == 3):
            break
        if isinstance(flat[0], str):
            sizes.append(flat.pop(0))
        else:
            sizes.append([flat.pop(0) for _ in range(rank)])
    groups = flat[0] if flat else 1
    stride, padding, dilation = (*sizes, *([1] * rank, 0, 1)[len(sizes) :])
    return lambda x, weight, bias=None: function(x, weight, bias, stride, padding, dilation, groups)


def _packed(function: Callable[..., Any], literal: list[Any], places: list[int], structure: Any) -> Callable[..., Any]:  # noqa: ANN401
    """The function of values, with its fixed arguments put in."""

    def call(*values: Any) -> Any:  # noqa: ANN401
        leaves = list(literal)
        for place, value in zip(places, values, strict=True):
            leaves[place] = value
        arguments, named = tree_unflatten(leaves, structure)
        return function(*arguments, **named)

    return call


def _function(target: Any, name: str) -> Callable[..., Any]:  # noqa: ANN401
    """What torch calls an operator, so that rules know it; the operator itself where torch has no other name for it."""
    if not isinstance(target, torch._ops.OpOverload):
        return target
    plain = name.removesuffix("_")
    overload = target._overloadname
    special: dict[str, Callable[..., Any]] = {
        "sym_size": lambda x, axis: x.shape[axis],
        "slice": _slice,
        "softmax": lambda x, dim, dtype=None: torch.softmax(x, dim, dtype=dtype),
        "log_softmax": lambda x, dim, dtype=None: torch.log_softmax(x, dim, dtype=dtype),
        "view": lambda x, shape: x.reshape(shape),
        "to": lambda x, *rest, **_: x.to(next((one for one in rest if isinstance(one, torch.dtype)), x.dtype)),
        "_to_copy": lambda x, dtype=None, **_: x.to(dtype or x.dtype),
        "pad": lambda x, around, mode="constant", value=None: functional.pad(x, around, mode, value),
        "expand": lambda x, shape, **_: x.expand(shape),
        "embedding": lambda weight, ids, *_, **__: views.index(weight, 0, ids),
        "scaled_dot_product_attention": functional.scaled_dot_product_attention,
    }
    if plain in special:
        return special[plain]
    for holder in (torch, functional, Tensor):
        found = getattr(holder, plain, None)
        if callable(found) and overload in (
            "",
            "default",
            "Tensor",
            "Scalar",
            "int",
            "dim",
            "dim_IntList",
            "self",
            "out",
            "Tensor_Scalar",
            "vec",
            "input",
        ):
            return found
    return target


def _slice(x: Tensor, axis: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Tensor:  # noqa: ANN401
    return x[(*[slice(None)] * (axis % x.ndim), slice(start, end, step))]
