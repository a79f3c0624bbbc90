"""Reads a jaxpr, JAX's own list of the operations of a function, as torch operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.core
import numpy as np
import torch
from jax.extend.core import ClosedJaxpr
from jax.interpreters import partial_eval
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.models.programs.composites import with_composites
from pellucid.models.programs.jax_primitives import NAMED, PLAIN, primitive
from pellucid.models.programs.operation import Constant, Listing
from pellucid.models.programs.reader import LONGEST, UNREADABLE, Reader, Ref, as_tensors, constant, tensor
from pellucid.models.programs.softmax import with_softmax
from pellucid.models.programs.views import Size

ROWS = "rows"  # the symbol that stands for the number of rows
CLOSED = ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "remat2", "custom_lin")
CUSTOM = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
COUNTS = (37, 67)  # numbers of rows for two jaxprs, primes that are no usual sizes
REMEDY = "gradients and black-box methods work without; please report the network"
NUMBERS = frozenset([*PLAIN, *CLOSED, *CUSTOM, "max", "min", "div", "clamp", "integer_pow"])  # take plain numbers as they are
PROBE = np.linspace(-8, 8, 65)


@dataclass(frozen=True, eq=False)
class Equation:
    """One line of a jaxpr, its inputs resolved.

    Attributes:
        shapes, dtypes: of its inputs.
        outputs: the numbers of the values that it makes.
    """

    name: str
    params: dict[str, Any]
    inputs: tuple[Ref, ...]
    shapes: tuple[tuple[Any, ...], ...]
    dtypes: tuple[Any, ...]
    outputs: tuple[int, ...]

    @property
    def dtype(self) -> Any:  # noqa: ANN401
        """That of the first input."""
        return self.dtypes[0] if self.dtypes else None

    @property
    def ranks(self) -> tuple[int, ...]:
        """How many axes each input has."""
        return tuple(map(len, self.shapes))

    @property
    def whole(self) -> bool:
        """Whether the first input holds whole numbers."""
        return np.issubdtype(self.dtype, np.integer)

    @property
    def floating(self) -> bool:
        """Whether the first input holds fractions."""
        return jax.numpy.issubdtype(self.dtype, np.floating)


class JaxReader(Reader):
    """Collects the operations of a jaxpr and of those inside it."""

    framework = "JAX"

    def read(self, closed: Sequence[Any], constants: Sequence[Constant], values: int) -> tuple[tuple[int, ...], tuple[Ref, ...]]:
        """Numbers of the ``values`` last arguments, and what leaves; the first arguments are ``constants``.

        ``closed``: one jaxpr with a symbol for the number of rows, or two with :data:`COUNTS` rows.
        """
        entering = tuple(self.value() for _ in range(values))
        return entering, self._body(tuple(map(_needed, closed)), (*constants, *entering))

    def shape(self, shape: Sequence[Any]) -> list[Size]:
        """A shape whose entries may depend on the number of rows."""
        return [_size(size) for size in shape]

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _body(self, closed: tuple[Any, ...], arguments: Sequence[Ref]) -> tuple[Ref, ...]:
        jaxprs = [one.jaxpr for one in closed]
        if len({len(one.eqns) for one in jaxprs}) > 1:
            raise self.unsupported("another number of operations for another number of rows")
        first = jaxprs[0]
        env: dict[Any, Ref] = dict(zip((*first.constvars, *first.invars), (*map(_constant, closed[0].consts), *arguments), strict=True))

        def look(var: Any) -> Ref:  # noqa: ANN401
            return _constant(var.val) if hasattr(var, "val") else env[var]

        for place, lines in enumerate(zip(*(one.eqns for one in jaxprs), strict=True)):
            line = lines[0]
            if any(other.primitive is not line.primitive for other in lines):
                raise self.unsupported("another operation for another number of rows")
            outputs = tuple(self.value() for _ in line.outvars)
            shapes = tuple(
                _merged(both) for both in zip(*([tuple(getattr(v.aval, "shape", ())) for v in o.invars] for o in lines), strict=True)
            )
            dtypes = tuple(getattr(var.aval, "dtype", None) for var in line.invars)
            inputs = tuple(map(look, line.invars))
            if any(
                [getattr(v, "val", 0) for v in o.invars if hasattr(v, "val")] != [v.val for v in line.invars if hasattr(v, "val")]
                for o in lines
            ):
                raise self.unsupported(line.primitive.name, "with a number that depends on how many rows there are")
            fixed = all(isinstance(one, Constant) for one in inputs)
            if line.primitive.name not in NUMBERS or fixed:
                inputs = tuple(_as_array(one, var) for one, var in zip(inputs, line.invars, strict=True))
            params = {key: _merged(tuple(o.params[key] for o in lines)) for key in line.params}
            with self.at(place, inputs):
                self._one(Equation(line.primitive.name, params, inputs, shapes, dtypes, outputs))
            made = map(self.known, outputs)
            env.update(zip(line.outvars, map(_as_number, made) if fixed else made, strict=True))
        return tuple(map(look, first.outvars))

    def _one(self, equation: Equation) -> None:
        if equation.name == "scan":
            self._scan(equation)
            return
        inner = next((equation.params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in equation.params), None)
        if inner is not None and (equation.name in CLOSED or equation.name in CUSTOM):
            named = _named(equation, inner.all[0])
            if named is not None:
                self.add(named[0], named[1], equation.inputs, equation.outputs)
            else:
                self.alias(equation.outputs, self._body(inner.all, equation.inputs))
        elif not primitive(self, equation):
            raise self.unsupported(equation.name)

    def _scan(self, equation: Equation) -> None:
        """A loop of known length, written out."""
        p = equation.params
        length, constants, carried, body = p["length"], p["num_consts"], p["num_carry"], p["jaxpr"]
        if not isinstance(length, int) or length > LONGEST:
            raise self.unsupported("scan", f"of {length} steps")
        fixed, state, over = (
            equation.inputs[:constants], equation.inputs[constants : constants + carried], equation.inputs[constants + carried :],
        )  # fmt: skip
        made: list[tuple[Ref, ...]] = []
        path = self.loop_path([one for one in fixed if isinstance(one, Constant)])
        blocks = any(isinstance(one, Constant) and one.path for one in over)  # each step has weights of its own: it is no loop of one layer
        with self.inside("" if blocks else path):
            for step in reversed(range(length)) if p["reverse"] else range(length):
                with self.at(step, ()) if blocks else nullcontext():
                    now = [self.made("select", lambda x, step=step: x[step], (one,), structural=True) for one in over]
                    left = self._body(body.all, (*fixed, *state, *now))
                state = left[:carried]
                made.append(left[carried:])
        self.alias(equation.outputs, state)
        made = made[::-1] if p["reverse"] else made
        inner = body.all[0].jaxpr.outvars[carried:]
        for parts, var, output in zip(zip(*made, strict=True), inner, equation.outputs[carried:], strict=True):
            if path and not blocks and var.aval.ndim:
                self.stacked(parts, output, path)
            else:
                self.add("stack", lambda *all_: torch.stack(as_tensors(all_)), parts, (output,), structural=True)


def _needed(closed: Any) -> Any:  # noqa: ANN401
    """Without what no output depends on, such as the next state of a random generator."""
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    return ClosedJaxpr(jaxpr, closed.consts)


def _named(equation: Equation, closed: Any) -> tuple[str, Callable[..., Any]] | None:  # noqa: ANN401
    """The torch operation of this name, if it is the same function of one array; None if not."""
    info = getattr(equation.params.get("jvp_jaxpr_fun") or equation.params.get("fwd_jaxpr_thunk"), "debug_info", None)
    name = equation.params.get("name") or getattr(closed.jaxpr.debug_info, "func_name", "") or getattr(info, "func_name", "")
    known = NAMED.get(str(name).rpartition(".")[2])
    if known is None or len(equation.inputs) != 1 or len(equation.outputs) != 1:
        return None
    shape = closed.jaxpr.invars[0].aval.shape
    probe = np.resize(PROBE, shape if all(isinstance(n, int) for n in shape) else PROBE.shape).astype(equation.dtype)
    try:
        (theirs,) = jax.core.eval_jaxpr(closed.jaxpr, closed.consts, jax.numpy.asarray(probe))
    except (TypeError, ValueError, NotImplementedError):  # its shapes are part of it
        return None
    ours = known[1](torch.as_tensor(probe))
    return known if np.allclose(np.asarray(theirs), ours.numpy(), rtol=1e-5, atol=1e-6) else None


@dataclass(frozen=True)
class Affine:
    """A size that is ``each`` times the number of rows, and ``more``."""

    each: int
    more: int

    def __call__(self, rows: int) -> int:
        """For so many rows."""
        return self.each * rows + self.more


@dataclass(frozen=True, eq=False)
class Inner:
    """A jaxpr inside another, for each number of rows."""

    all: tuple[Any, ...]


def _merged(ways: tuple[Any, ...]) -> Any:  # noqa: ANN401
    """A parameter as it is for any number of rows, from what it is for one symbol, or for two numbers."""
    first = ways[0]
    if hasattr(first, "eqns") or hasattr(first, "jaxpr"):
        return Inner(tuple(one if hasattr(one, "consts") else ClosedJaxpr(one, ()) for one in ways))
    if isinstance(first, (tuple, list)) and not hasattr(first, "_fields"):
        return tuple(_merged(both) for both in zip(*ways, strict=True))
    if len(ways) == 1 or not isinstance(first, (int, np.integer)) or isinstance(first, bool) or len(set(ways)) == 1:
        return first
    each, rest = divmod(int(ways[1] - ways[0]), COUNTS[1] - COUNTS[0])
    if rest:
        raise UnsupportedOperation(
            "A size grows in another way than with the number of rows", received=f"{ways[0]} and {ways[1]} for {COUNTS} rows", remedy=REMEDY
        )
    return Affine(each, int(ways[0]) - each * COUNTS[0])


def _size(size: Any) -> Size:  # noqa: ANN401
    if isinstance(size, (int, np.integer, Affine)):
        return size if isinstance(size, Affine) else int(size)
    return lambda rows: int(size._evaluate({ROWS: rows}))


def _constant(value: Any, path: str = "") -> Constant:  # noqa: ANN401
    """A constant; keys of random generators are none that could be read."""
    return constant(value, path) if is_numbers(value) else Constant(UNREADABLE)


def _as_array(one: Ref, var: Any) -> Ref:  # noqa: ANN401
    """A plain number as a tensor, for operations that move elements."""
    if isinstance(one, int) or not isinstance(one.value, (bool, int, float)):
        return one
    return Constant(tensor(np.asarray(one.value, var.aval.dtype)), one.path)


def _as_number(one: Ref) -> Ref:
    """What was worked out from plain numbers as one again."""
    if isinstance(one, int) or not isinstance(one.value, Tensor) or one.path or one.value.ndim:
        return one
    return Constant(one.value.item())


def is_numbers(value: Any) -> bool:  # noqa: ANN401
    """Whether an array holds numbers; a key of a random generator does not."""
    return not jax.dtypes.issubdtype(getattr(value, "dtype", np.float32), jax.dtypes.extended)


def listing(
    closed: Sequence[Any],
    parameters: Sequence[tuple[str, Any]],
    values: int,
    pack: Callable[[list[Any]], Any],
) -> Listing:
    """The operations of jaxprs (see :meth:`JaxReader.read`); first come ``parameters``, each with its path, last ``values``."""
    reader = JaxReader()
    entering, leaving = reader.read(closed, [_constant(value, path) for path, value in parameters], values)
    return with_composites(with_softmax(Listing(tuple(reader.operations), entering, leaving, pack)))
