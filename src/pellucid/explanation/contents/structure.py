"""What a network is made of: the operations of one forward pass, and the modules that they run in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Operation:
    """One operation of the forward pass.

    Attributes:
        number: its place in the order of execution, from 1; ``arguments`` are those that made its operands, negative for inputs.
        name: the canonical operation (``linear``, ``relu``); ``kind`` is its kind (``docs/operations.md``).
        module: dotted path of the innermost module that it ran in, "" for the network itself; ``call`` counts that module's calls from 0.
        source: file and line of the user's code, "" where none can be had.
        shape: of its first output, the row axis included.
        parameters: elements of the parameters that it reads; buffers, such as running means, are none.
        flops: 2 for every multiply-add of matrix, convolution, attention and recurrent operations, for one row.
        elements: elements of its outputs for one row, where it is element-wise work instead.
        bytes: of its outputs, for all rows that were run.
        seconds: the time that it took, for all rows that were run.
    """

    number: int
    name: str
    kind: str
    arguments: tuple[int, ...]
    module: str
    call: int
    source: str
    shape: tuple[int, ...]
    dtype: str
    parameters: int
    flops: int
    elements: int
    bytes: int
    seconds: float


@dataclass(frozen=True)
class Module:
    """One module and all below it.

    Attributes:
        path: dotted, "" for the network itself; ``type`` is its class.
        calls: how often the forward pass called it.
        inputs, outputs: shapes of what its last call took and gave, the row axis included; empty where it was not called.
        parameters, trainable: elements, its own and those below it; tied ones counted once. ``own`` are those not below it.
        flops, elements: of the operations that ran in it, for one row; all its calls.
        bytes, seconds: of the same for all rows that were run.
    """

    path: str
    type: str
    calls: int
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    parameters: int
    trainable: int
    own: int
    flops: int
    elements: int
    bytes: int
    seconds: float

    @property
    def depth(self) -> int:
        """How deep it lies: 0 for the network itself."""
        return self.path.count(".") + 1 if self.path else 0


@dataclass(frozen=True, eq=False)
class Neurons:
    """The units and weights of a plain chain of linear layers; column 0 is the input.

    Attributes:
        layers: the module of each layer, and ``activations``, what is applied to what it gives, "" for nothing.
        sizes: how many units each column has; ``shown`` are those held of each: all, or those with the largest weights.
        weights: of each layer between the units that are held, (unit, input), as it applies them.
        biases: of those units, (unit,); not-a-number where there is none.
        features, classes: names of the input's and the output's units, or empty.
    """

    layers: tuple[str, ...]
    activations: tuple[str, ...]
    sizes: tuple[int, ...]
    shown: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    features: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Structure:
    """The operations in order of execution and the modules in order of definition.

    ``output`` is the number of the operation that made the output; ``rows`` how many rows were run; ``inputs`` their shapes. ``neurons``
    are there where the network is a plain chain of linear layers and activations.
    """

    operations: tuple[Operation, ...]
    modules: tuple[Module, ...]
    inputs: tuple[tuple[int, ...], ...]
    output: int
    rows: int
    neurons: Neurons | None = field(default=None, compare=False)
    what: Literal["structure"] = "structure"
