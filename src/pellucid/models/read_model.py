"""Networks whose operations are read when the first rows are known: JAX, TensorFlow, ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import UnsupportedOperation
from pellucid.explanation.spec import ModelSpec
from pellucid.models.inputs import RowInputs
from pellucid.models.protocol import Capability, Mode
from pellucid.models.twin_model import Kept, Twin, TwinModel

if TYPE_CHECKING:
    from pellucid.models.bound_torch import BoundTorch


class Source(Protocol):
    """A network of another framework, as its adapter found it.

    Where inputs come by name, ``names`` are set, or ``named(names)`` is asked. One that its framework can differentiate has
    ``bridge(example, spec, reason)`` too: a twin whose values and gradients come from there. One whose framework may be faster than torch
    has ``own_pass(example)``: a module that gives the main output and its gradients by the framework, or None.
    """

    @property
    def owner(self) -> Any:  # noqa: ANN401
        """The user's object, by which a twin is remembered."""
        ...

    @property
    def name(self) -> str:
        """The network's name, for people."""
        ...

    @property
    def framework(self) -> tuple[str, str]:
        """The framework's name and version."""
        ...

    @property
    def dtype(self) -> torch.dtype | None:
        """In which it computes; None where it takes what it is given."""
        ...

    def version(self) -> object:
        """Something hashable that changes when weights or structure do."""
        ...

    def fingerprint(self) -> str:
        """A hash of all weights."""
        ...

    def twin(self, example: tuple[Tensor, ...]) -> Twin:
        """The network as torch operations; ``example`` are rows of its inputs.

        Raises:
            UnsupportedOperation: one of them has no counterpart.
        """
        ...

    def evaluate(self, *inputs: np.ndarray) -> Any:  # noqa: ANN401
        """What the framework answers, as torch tensors."""
        ...


_KEPT = Kept()


class ReadModel:
    """A network of another framework behind the model interface."""

    device = "cpu"
    can: frozenset[Capability] = frozenset({"gradient", "layers", "parameters", "graph", "attention"})

    def __init__(self, source: Source, spec: ModelSpec, seed: int | None = None) -> None:
        self.source, self.spec, self.name = source, spec, source.name
        self._seed, self._twin = seed, _KEPT.latest(source.owner)
        self.dtype = str(source.dtype or "as given").removeprefix("torch.")

    @property
    def net(self) -> Any:  # noqa: ANN401
        """What lives as long as what was read, by which sizes of batches are remembered."""
        return self if self._twin is None else self._twin.net

    def respecified(self, spec: ModelSpec) -> ReadModel:
        """The same network with another spec."""
        return type(self)(self.source, spec, self._seed)

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundTorch]:
        """The network bound to these rows, which come by name only where its inputs have names."""
        by_name = bool(inputs.keywords) and hasattr(self.source, "named")
        with self.model(inputs).open(replace(inputs, keywords=()) if by_name else inputs, mode=mode) as bound:
            source: Any = self.source
            if hasattr(source, "own_pass") and self._seed is None and self.spec.select is None and not inputs.keywords:
                bound.offer(lambda: source.own_pass(bound.fixed[0][:1]))
            yield bound

    def model(self, inputs: RowInputs) -> TwinModel:
        """The network read for rows of this shape."""
        source: Any = self.source
        if inputs.keywords:
            source = source.named(inputs.keywords) if hasattr(source, "named") else replace(source, names=inputs.keywords)
        dtype = source.dtype
        twice = (t[:1].repeat_interleave(2, 0) for t in inputs.tensors)
        example = tuple(t.to(dtype) if dtype is not None and t.is_floating_point() else t for t in twice)
        version = (source.version(), inputs.keywords, tuple((tuple(t.shape[1:]), t.dtype) for t in example))
        with torch.inference_mode(mode=False):
            self._twin = _KEPT.get(source.owner, version, lambda: self._made(source, example), source.evaluate)
        model = TwinModel(self._twin, self.spec)
        return model if self._seed is None else model.randomized(self._seed)

    def _made(self, source: Any, example: tuple[Tensor, ...]) -> Twin:  # noqa: ANN401
        try:
            return replace(source.twin(example), dtype=source.dtype)
        except UnsupportedOperation as error:
            if not hasattr(source, "bridge"):
                raise
            name = source.framework[0]
            twin = source.bridge(example, self.spec, error.received)
            note = f"{self.name}: {error.received} has no counterpart in torch, so values and gradients come from {name} itself"
            return replace(twin, guesses=(*twin.guesses, note))

    def randomized(self, seed: int) -> ReadModel:
        """The same network with random parameters."""
        return type(self)(self.source, self.spec, seed)

    def fingerprint(self) -> str:
        """A hash of all weights."""
        return self.source.fingerprint()

    def last_module(self) -> str:
        """Not known before the network is read; probabilities are told by their values."""
        return ""

    def why_not(self, capability: Capability) -> str:
        """It can do everything once it is read."""
        return f"the network has no {capability}"


def hashed(arrays: Iterable[np.ndarray]) -> str:
    """A hash of the bytes of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")
    return digest.hexdigest()[:16]
