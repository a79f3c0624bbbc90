"""Reads a jaxpr, JAX's own list of the operations of a function, as torch operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.core
import numpy as np
import torch
from jax.extend.core import ClosedJaxpr

from pellucid.models.programs.jax_primitives import NAMED, PLAIN, primitive
from pellucid.models.programs.operation import Constant, Listing
from pellucid.models.programs.reader import UNREADABLE, Reader, Ref, constant, tensor
from pellucid.models.programs.softmax import with_softmax
from pellucid.models.programs.views import Size

ROWS = "rows"  # the symbol that stands for the number of rows
CLOSED = ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "remat2", "custom_lin")
CUSTOM = ("custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr")
NUMBERS = frozenset([*PLAIN, *CLOSED, *CUSTOM, "max", "min", "div", "clamp", "integer_pow"])  # take plain numbers as they are
LONGEST = 4096  # steps of a scan that are written out
PROBE = np.linspace(-8, 8, 65)


@dataclass(frozen=True, eq=False)
class Equation:
    """One line of a jaxpr, its inputs resolved.

    Attributes:
        shapes, dtype: of its inputs, and of the first of them.
        outputs: the numbers of the values that it makes.
    """

    name: str
    params: dict[str, Any]
    inputs: tuple[Ref, ...]
    shapes: tuple[tuple[Any, ...], ...]
    dtype: Any
    outputs: tuple[int, ...]

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

    def read(self, closed: Any, constants: Sequence[Constant], values: int) -> tuple[tuple[int, ...], tuple[Ref, ...]]:  # noqa: ANN401
        """Numbers of the ``values`` last arguments, and what leaves; the first arguments are ``constants``."""
        entering = tuple(self.value() for _ in range(values))
        return entering, self._body(closed.jaxpr, [_constant(c) for c in closed.consts], (*constants, *entering))

    def shape(self, shape: Sequence[Any]) -> list[Size]:
        """A shape whose entries may depend on the number of rows."""
        return [_size(size) for size in shape]

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _body(self, jaxpr: Any, constants: Sequence[Ref], arguments: Sequence[Ref]) -> tuple[Ref, ...]:  # noqa: ANN401
        env: dict[Any, Ref] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *arguments), strict=True))

        def look(var: Any) -> Ref:  # noqa: ANN401
            return _constant(var.val) if hasattr(var, "val") else env[var]

        for line in jaxpr.eqns:
            outputs = tuple(self.value() for _ in line.outvars)
            shapes = tuple(tuple(getattr(v.aval, "shape", ())) for v in line.invars)
            dtype = getattr(line.invars[0].aval, "dtype", None) if line.invars else None
            inputs = tuple(map(look, line.invars))
            if line.primitive.name not in NUMBERS:
                inputs = tuple(_as_array(one, var) for one, var in zip(inputs, line.invars, strict=True))
            equation = Equation(line.primitive.name, line.params, inputs, shapes, dtype, outputs)
            self._one(equation)
            env.update((var, self.known(number)) for var, number in zip(line.outvars, outputs, strict=True))
        return tuple(map(look, jaxpr.outvars))

    def _one(self, equation: Equation) -> None:
        if equation.name == "scan":
            self._scan(equation)
            return
        closed = next((equation.params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in equation.params), None)
        if closed is not None and (equation.name in CLOSED or equation.name in CUSTOM):
            closed = closed if hasattr(closed, "consts") else ClosedJaxpr(closed, ())
            named = _named(equation, closed)
            if named is not None:
                self.add(named[0], named[1], equation.inputs, equation.outputs)
            else:
                self.alias(equation.outputs, self._body(closed.jaxpr, [_constant(c) for c in closed.consts], equation.inputs))
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
        for step in reversed(range(length)) if p["reverse"] else range(length):
            now = [self.made("select", lambda x, step=step: x[step], (one,), structural=True) for one in over]
            left = self._body(body.jaxpr, [_constant(c) for c in body.consts], (*fixed, *state, *now))
            state = left[:carried]
            made.append(left[carried:])
        made = made[::-1] if p["reverse"] else made
        stacked = [self.made("stack", lambda *parts: torch.stack(parts), parts, structural=True) for parts in zip(*made, strict=True)]
        self.alias(equation.outputs, (*state, *stacked))


def _named(equation: Equation, closed: Any) -> tuple[str, Callable[..., Any]] | None:  # noqa: ANN401
    """The torch operation of this name, if it is the same function of one array; None if not."""
    info = getattr(equation.params.get("jvp_jaxpr_fun") or equation.params.get("fwd_jaxpr_thunk"), "debug_info", None)
    name = equation.params.get("name") or getattr(closed.jaxpr.debug_info, "func_name", "") or getattr(info, "func_name", "")
    known = NAMED.get(str(name).rpartition(".")[2])
    if known is None or len(equation.inputs) != 1 or len(equation.outputs) != 1:
        return None
    try:
        (theirs,) = jax.core.eval_jaxpr(closed.jaxpr, closed.consts, jax.numpy.asarray(PROBE, equation.dtype))
    except (TypeError, ValueError, NotImplementedError):  # its shapes are part of it
        return None
    ours = known[1](torch.as_tensor(np.array(PROBE, np.dtype(equation.dtype))))
    return known if np.allclose(np.asarray(theirs), ours.numpy(), rtol=1e-5, atol=1e-6) else None


def _size(size: Any) -> Size:  # noqa: ANN401
    return int(size) if isinstance(size, (int, np.integer)) else lambda rows: int(size._evaluate({ROWS: rows}))


def _constant(value: Any, path: str = "") -> Constant:  # noqa: ANN401
    """A constant; keys of random generators are none that could be read."""
    return constant(value, path) if is_numbers(value) else Constant(UNREADABLE)


def _as_array(one: Ref, var: Any) -> Ref:  # noqa: ANN401
    """A plain number as a tensor, for operations that move elements."""
    if isinstance(one, int) or not isinstance(one.value, (bool, int, float)):
        return one
    return Constant(tensor(np.asarray(one.value, var.aval.dtype)), one.path)


def is_numbers(value: Any) -> bool:  # noqa: ANN401
    """Whether an array holds numbers; a key of a random generator does not."""
    return not jax.dtypes.issubdtype(getattr(value, "dtype", np.float32), jax.dtypes.extended)


def listing(
    closed: Any, parameters: Sequence[tuple[str, Any]], values: int, pack: Callable[[list[Any]], Any]  # noqa: ANN401
) -> Listing:
    """The operations of a jaxpr whose first arguments are ``parameters``, each with its path, and whose last are ``values``."""
    reader = JaxReader()
    entering, leaving = reader.read(closed, [_constant(value, path) for path, value in parameters], values)
    return with_softmax(Listing(tuple(reader.operations), entering, leaving, pack))
