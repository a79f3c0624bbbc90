"""TensorFlow: ``tf.function``, concrete functions, signatures of SavedModels, ``tf.Module``.

The function is traced with an open number of rows, and its graph is read as torch operations (:mod:`pellucid.models.programs`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import torch
from torch import Tensor
from torch.utils.dlpack import to_dlpack  # pyright: ignore[reportPrivateImportUsage]

from pellucid.explanation.spec import ModelSpec
from pellucid.models.bridge import ENDINGS, Bridge, Linearize, Pull, aligned, place_of
from pellucid.models.programs.passes import simplified
from pellucid.models.programs.program import Program
from pellucid.models.programs.tensorflow_reader import listing
from pellucid.models.read_model import ReadModel, hashed
from pellucid.models.twin_model import Twin, as_tensors

READ = "PellucidRead"  # the name under which TensorFlow knows that what was read of a variable gets no gradient


def adapt(model: Any, spec: ModelSpec | None) -> ReadModel | None:  # noqa: ANN401
    """The model interface of a function of TensorFlow; None if it is none."""
    if isinstance(model, tf.types.experimental.GenericFunction) or (hasattr(model, "graph") and hasattr(model, "structured_outputs")):
        name = getattr(getattr(model, "python_function", None), "__name__", "function")
        return ReadModel(TensorflowSource(model, model, name), spec or ModelSpec())
    if isinstance(model, tf.Module) and callable(model):
        return ReadModel(TensorflowSource(model, model, type(model).__name__, tuple(model.variables)), spec or ModelSpec())
    return None


@dataclass(frozen=True, eq=False)
class TensorflowSource:
    """A function of TensorFlow; ``variables`` where they are known, else those that its graph reads."""

    function: Callable[..., Any]
    owner: Any
    name: str
    variables: tuple[Any, ...] = ()
    paths: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # of the inputs, where they are given by name

    @property
    def framework(self) -> tuple[str, str]:
        """TensorFlow and its version."""
        return "TensorFlow", tf.__version__

    @property
    def _known(self) -> tuple[Any, ...]:
        """Its variables, as far as they are known by now: a function has none before it is traced."""
        if self.variables:
            return self.variables
        function: Any = self.function
        if hasattr(function, "variables"):
            return tuple(function.variables)
        concrete = getattr(function, "_list_all_concrete_functions", lambda: ())()
        return tuple({id(v): v for one in concrete for v in one.variables}.values())

    def version(self) -> object:
        """The bytes of all variables, which TensorFlow writes to in place."""
        return self.fingerprint()

    def fingerprint(self) -> str:
        """A hash of all variables."""
        return hashed(np.asarray(variable) for variable in self._known)

    @property
    def dtype(self) -> torch.dtype | None:
        """That of the first variable with fractions."""
        found = next((v.dtype for v in self._known if tf.as_dtype(v.dtype).is_floating), None)
        return None if found is None else getattr(torch, tf.as_dtype(found).name)

    def twin(self, example: tuple[Tensor, ...]) -> Twin:
        """The network as torch operations."""
        concrete = self._concrete(example)
        structure = concrete.structured_outputs
        paths = self._paths(concrete.variables)
        count = len(tf.nest.flatten(structure, expand_composites=True))
        read = listing(concrete, count, paths, lambda leaving: tf.nest.pack_sequence_as(structure, leaving))
        return Twin(Program(simplified(read, example)), self.evaluate, self.name, self.framework, guesses=self.guesses)

    def bridge(self, example: tuple[Tensor, ...], spec: ModelSpec, reason: str) -> Twin:
        """The network as a module whose gradients ``tf.GradientTape`` gives."""
        answer = self.evaluate(*(t.numpy() for t in example))
        place, call = place_of(answer, tf.nest.flatten(answer), spec.select), self._call()
        net = Bridge(*_ways(lambda *inputs: tf.nest.flatten(call(*inputs))[place]), self.dtype, reason)
        return Twin(net, self.evaluate, self.name, self.framework, guesses=self.guesses, holds=True)

    def own_pass(self, rows: Tensor) -> Bridge | None:
        """The network, which takes and returns one array, up to its last softmax or sigmoid, traced anew without gradients of variables.

        None for what can not be traced: signatures, and functions that return several arrays.
        """
        if hasattr(self.function, "structured_outputs"):
            return None
        compiled: tuple[Any, ...] = (self.function, getattr(self.function, "__call__", None))  # noqa: B004 - of a tf.Module, the function behind it
        function = next((one.python_function for one in compiled if hasattr(one, "python_function")), self.function)
        ends_in = ""

        def main(x: Any) -> Any:  # noqa: ANN401
            # TensorFlow differentiates a traced function by all that it reads, which takes half as long again as by its input alone
            with tf.compat.v1.get_default_graph().gradient_override_map({"ReadVariableOp": READ}):
                output = function(x)
            nonlocal ends_in
            ends_in = output.op.type if tf.is_tensor(output) and output.op.type in ENDINGS else ""
            return output.op.inputs[0] if ends_in else output

        traced = tf.function(main).get_concrete_function(tf.TensorSpec((None, *rows.shape[1:]), str(rows.dtype).removeprefix("torch.")))
        if not tf.is_tensor(traced.structured_outputs):
            return None
        return Bridge(*_ways(traced), self.dtype, "", ends_in)

    def evaluate(self, *inputs: np.ndarray) -> Any:  # noqa: ANN401
        """What TensorFlow answers."""
        answer = self._call()(*map(tf.convert_to_tensor, inputs))
        return tf.nest.map_structure(lambda leaf: as_tensors(leaf.numpy()), answer)

    def _concrete(self, example: tuple[Tensor, ...]) -> Any:  # noqa: ANN401
        if hasattr(self.function, "structured_outputs"):  # one trace of a function, with an open number of rows as it was saved
            return self.function
        generic = isinstance(self.function, tf.types.experimental.GenericFunction)
        traced: Any = self.function if generic else tf.function(self.function)
        specs = [tf.TensorSpec((None, *t.shape[1:]), str(t.dtype).removeprefix("torch.")) for t in example]
        if self.names:
            return traced.get_concrete_function(**dict(zip(self.names, specs, strict=True)))
        return traced.get_concrete_function(*specs)

    def _call(self) -> Callable[..., Any]:
        function: Any = self.function
        names = self.names
        if not names and hasattr(function, "structured_input_signature"):
            names = tuple(function.structured_input_signature[1])  # a signature takes its inputs by name
        if names:
            return lambda *inputs: function(**dict(zip(names, inputs, strict=True)))
        return function

    def _paths(self, variables: Iterable[Any]) -> dict[int, tuple[Any, str]]:
        """Which variable and path belongs to the id of each handle; of variables without a name each has a path of its own."""
        named: dict[int, str] = dict(zip(map(id, (_plain(v) for v in self.variables)), self.paths, strict=False))
        found: dict[int, tuple[Any, str]] = {}
        taken: Counter[str] = Counter()
        for plain in map(_plain, (*self.variables, *variables)):
            if id(plain.handle) not in found:
                path = named.get(id(plain)) or str(plain.name).partition(":")[0].replace("/", ".")
                taken[path] += 1
                found[id(plain.handle)] = plain, path if taken[path] == 1 else f"{path}_{taken[path] - 1}"
        return found


def _ways(call: Callable[..., Any]) -> tuple[Callable[[tuple[Tensor, ...]], Tensor], Linearize]:
    """Of a function of TensorFlow with one output: its value, and its value with the way back."""

    def value(inputs: tuple[Tensor, ...]) -> Tensor:
        return _out(call(*map(_into, inputs)))

    def linear(inputs: tuple[Tensor, ...]) -> tuple[Tensor, Pull]:
        given = tuple(map(_into, inputs))
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([one for one in given if one.dtype.is_floating])
            output = call(*given)

        def pull(gradient: Tensor) -> tuple[Tensor | None, ...]:
            found = tape.gradient(output, given, _into(gradient))
            return tuple(None if one is None else _out(one) for one in found)

        return _out(output), pull

    return value, linear


@tf.RegisterGradient(READ)
def _read(_: Any, __: Any) -> None:  # noqa: ANN401
    """None."""


def _into(tensor: Tensor) -> Any:  # noqa: ANN401
    """The same numbers in TensorFlow, whose kernels end the process where numbers lie as NumPy may lay them."""
    return tf.experimental.dlpack.from_dlpack(to_dlpack(aligned(tensor)))


def _out(value: Any) -> Tensor:  # noqa: ANN401
    """The same numbers in torch."""
    return torch.from_dlpack(tf.experimental.dlpack.to_dlpack(value)).clone()


def _plain(variable: Any) -> Any:  # noqa: ANN401
    """TensorFlow's variable, also of one of Keras."""
    return getattr(variable, "value", variable) if not isinstance(variable, tf.Variable) else variable
