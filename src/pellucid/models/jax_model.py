"""JAX: ``(apply, params)``, Flax modules (nnx; linen with its variables), Equinox modules, compiled functions.

The function is traced once with a symbol for the number of rows, and what JAX writes down is read as torch operations
(:mod:`pellucid.models.programs`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.bridge import Bridge, Pull, aligned, place_of
from pellucid.models.programs.jax_reader import COUNTS, ROWS, is_numbers, listing
from pellucid.models.programs.passes import simplified
from pellucid.models.programs.program import Program
from pellucid.models.read_model import ReadModel, hashed
from pellucid.models.twin_model import Twin, as_tensors


def adapt(model: Any, spec: ModelSpec | None) -> ReadModel | None:  # noqa: ANN401
    """The model interface of a network of JAX; None if it is none."""
    source = _source(model)
    return None if source is None else ReadModel(source, spec or ModelSpec())


def _source(model: Any) -> JaxSource | None:  # noqa: ANN401
    if isinstance(model, tuple) and len(model) == 2 and callable(model[0]):
        apply, params = model
        apply = getattr(apply, "apply", apply)  # a linen module itself
        owner = getattr(model[0], "__self__", model[0])  # a bound method is another object each time it is asked for
        return JaxSource(apply, params, owner, name=_called(owner))
    nnx = sys.modules.get("flax.nnx")
    if nnx is not None and isinstance(model, nnx.Module):
        return _nnx(nnx, model)
    linen = sys.modules.get("flax.linen")
    if linen is not None and isinstance(model, linen.Module):
        bound = getattr(model, "scope", None) is not None
        if not bound:
            raise ModelError(
                "A linen module holds no parameters",
                received=type(model).__name__,
                remedy="give (module, variables), or module.bind(variables)",
            )
        bound_module: Any = model
        module, variables = bound_module.unbind()
        return JaxSource(module.apply, variables, model, name=type(model).__name__)
    equinox = sys.modules.get("equinox")
    if equinox is not None and isinstance(model, equinox.Module) and callable(model):
        return _equinox(equinox, model)
    if type(model).__module__.startswith("jax") and callable(model) and hasattr(model, "lower"):
        return JaxSource(lambda _, *inputs: model(*inputs), (), model, name=getattr(model, "__name__", "function"))
    return None


def _nnx(nnx: Any, module: Any) -> JaxSource:  # noqa: ANN401
    graph, state = nnx.split(module)

    def apply(given: Any, *inputs: Any) -> Any:  # noqa: ANN401
        merged = nnx.merge(graph, given)
        merged.eval()  # in the copy: no dropout, kept statistics
        return merged(*inputs)

    return JaxSource(apply, state, module, name=type(module).__name__)


def _equinox(equinox: Any, module: Any) -> JaxSource:  # noqa: ANN401
    arrays, rest = equinox.partition(equinox.nn.inference_mode(module), equinox.is_array)

    def apply(given: Any, *inputs: Any) -> Any:  # noqa: ANN401
        return jax.vmap(equinox.combine(given, rest))(*inputs)

    note = f"{type(module).__name__}: an Equinox module takes one row; it is mapped over the rows with jax.vmap"
    return JaxSource(apply, arrays, module, name=type(module).__name__, guesses=(note,))


def _called(function: Any) -> str:  # noqa: ANN401
    return getattr(function, "__name__", None) or type(function).__name__


@dataclass(frozen=True, eq=False)
class JaxSource:
    """A pure function ``apply(params, *inputs)`` and its parameters, any tree of arrays."""

    apply: Callable[..., Any]
    params: Any
    owner: Any
    name: str
    guesses: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # of the inputs, where they are given by name

    @property
    def framework(self) -> tuple[str, str]:
        """JAX and its version."""
        return "JAX", jax.__version__

    @cached_property
    def leaves(self) -> list[tuple[str, Any]]:
        """Every array of the parameters with its path."""
        found = jax.tree_util.tree_flatten_with_path(self.params)[0]
        paths = self.paths or tuple(path_of(path) for path, _ in found)
        return list(zip(paths, (leaf for _, leaf in found), strict=True))

    def version(self) -> object:
        """The arrays themselves, which JAX never changes."""
        return tuple(id(leaf) for _, leaf in self.leaves)

    def fingerprint(self) -> str:
        """A hash of all parameters."""
        return hashed(np.asarray(leaf) for _, leaf in self.leaves if is_numbers(leaf))

    @property
    def dtype(self) -> torch.dtype | None:
        """That of the first parameter with fractions."""
        found = next((leaf.dtype for _, leaf in self.leaves if is_numbers(leaf) and jax.numpy.issubdtype(leaf.dtype, np.floating)), None)
        return None if found is None else getattr(torch, np.dtype(found).name)

    def twin(self, example: tuple[Tensor, ...]) -> Twin:
        """The network as torch operations."""
        structure = jax.tree_util.tree_structure(self.params)
        leaves = [leaf for _, leaf in self.leaves]

        def flat(*arguments: Any) -> Any:  # noqa: ANN401
            return self._called(jax.tree_util.tree_unflatten(structure, arguments[: len(leaves)]), arguments[len(leaves) :])

        def traced(rows: Any) -> Any:  # noqa: ANN401
            given = [jax.ShapeDtypeStruct((rows, *t.shape[1:]), _dtype(t)) for t in example]
            return jax.make_jaxpr(flat, return_shape=True)(*leaves, *given)

        try:
            made = [traced(jax.export.symbolic_shape(ROWS)[0])]
        except Exception:  # whatever a network does with a number that is none yet, such as len(x)
            made = [traced(count) for count in COUNTS]
        closed, shape = [one for one, _ in made], made[0][1]
        pack = jax.tree_util.tree_structure(shape)
        read = listing(closed, self.leaves, len(example), lambda leaving: jax.tree_util.tree_unflatten(pack, leaving))
        return Twin(Program(simplified(read, example)), self.evaluate, self.name, self.framework, guesses=self.guesses)

    def bridge(self, example: tuple[Tensor, ...], spec: ModelSpec, reason: str) -> Twin:
        """The network as a module whose gradients ``jax.vjp`` gives."""
        answer = self.evaluate(*(t.numpy() for t in example))
        place = place_of(answer, jax.tree_util.tree_leaves(answer), spec.select)

        def main(*inputs: Any) -> Any:  # noqa: ANN401
            return jax.tree_util.tree_leaves(self._called(self.params, inputs))[place]

        call, linearize = jax.jit(main), jax.jit(lambda *inputs: jax.vjp(main, *inputs))

        def linear(inputs: tuple[Tensor, ...]) -> tuple[Tensor, Pull]:
            output, back = linearize(*map(_into, inputs))
            return _out(output), lambda gradient: tuple(map(_out, back(_into(gradient))))

        net = Bridge(lambda inputs: _out(call(*map(_into, inputs))), linear, self.dtype, reason)
        return Twin(net, self.evaluate, self.name, self.framework, guesses=self.guesses, holds=True)

    def evaluate(self, *inputs: np.ndarray) -> Any:  # noqa: ANN401
        """What JAX answers."""
        answer = self._called(self.params, tuple(map(jax.numpy.asarray, inputs)))
        return jax.tree_util.tree_map(lambda leaf: as_tensors(np.asarray(leaf)), answer)

    def _called(self, params: Any, inputs: tuple[Any, ...]) -> Any:  # noqa: ANN401
        return self.apply(params, **dict(zip(self.names, inputs, strict=True))) if self.names else self.apply(params, *inputs)


def _into(tensor: Tensor) -> Any:  # noqa: ANN401
    """The same numbers in JAX; whole ones are copied, since JAX may have them narrower."""
    return jax.dlpack.from_dlpack(aligned(tensor)) if tensor.is_floating_point() else jax.numpy.asarray(tensor.numpy())


def _out(array: Any) -> Tensor:  # noqa: ANN401
    """The same numbers in torch."""
    return torch.from_dlpack(array).clone()  # JAX takes its arrays for unchangeable


def _dtype(tensor: Tensor) -> Any:  # noqa: ANN401
    return jax.dtypes.canonicalize_dtype(str(tensor.dtype).removeprefix("torch."))


def path_of(path: Any) -> str:  # noqa: ANN401
    """Keys, attributes and places joined by dots; ``params``, and ``value`` at the end, say nothing."""
    parts = [str(next(getattr(key, name) for name in ("key", "name", "idx") if hasattr(key, name))) for key in path]
    parts = parts[:-1] if parts and parts[-1] == "value" else parts
    return ".".join(part for part in parts if part != "params")
