"""A network of another framework that stands on torch: the same operations on the same numbers, so that every method works on it.

An adapter (``<framework>_model.py``) makes the *twin*, a torch module, and says how the framework itself evaluates rows. That the two
agree is not believed: before a twin is first used they are compared on the rows that are explained, and it is refused where they differ.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.bound_torch import BoundTorch
from pellucid.models.inputs import RowInputs
from pellucid.models.outputs import main_output
from pellucid.models.programs.passes import TOLERANCE
from pellucid.models.protocol import Capability, Mode
from pellucid.models.torch_model import TorchModel

HELD = 4  # networks whose twins hold them
SEEN: frozenset[Capability] = frozenset({"layers", "graph"})
COMPARED = 2  # rows on which twin and framework are compared


@dataclass(frozen=True, eq=False)
class Twin:
    """What an adapter makes of a network.

    Attributes:
        net: the torch module.
        evaluate: what the framework itself answers for numpy rows, one array for each input: whatever it returns, as torch tensors.
        name: the network's, for people.
        framework: its name and version.
        spec: what the framework knows of inputs and outputs; what the user says counts more.
        guesses: what was taken for granted, each a sentence.
        holds: whether the torch module itself holds the user's network.
        partly: whether some of its operations are not torch's, so that there is no gradient, and no rule for them.
        dtype: in which it takes its inputs; None for that of its first parameter.
    """

    net: nn.Module
    evaluate: Callable[..., Any]
    name: str
    framework: tuple[str, str]
    spec: ModelSpec = field(default_factory=ModelSpec)
    guesses: tuple[str, ...] = ()
    holds: bool = False
    partly: bool = False
    dtype: torch.dtype | None = None


class TwinModel(TorchModel):
    """A :class:`Twin` behind the model interface."""

    def __init__(self, twin: Twin, spec: ModelSpec | None = None) -> None:
        super().__init__(twin.net, completed(spec, twin.spec))
        self.twin, self.name = twin, twin.name
        self.framework = twin.framework
        if twin.dtype is not None:
            self.torch_dtype, self.dtype = twin.dtype, str(twin.dtype).removeprefix("torch.")

    @property
    def can(self) -> frozenset[Capability]:
        """What a torch network can, or what can be seen of it."""
        return SEEN if self.twin.partly else super().can

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundTorch]:
        """The twin bound to these rows; at its first use it is compared with the framework's own answer for the first of them."""
        with super().open(inputs, mode=mode) as bound:
            self._compare(bound)
            bound.add_guesses(self.twin.guesses)
            yield bound

    def respecified(self, spec: ModelSpec) -> TwinModel:
        """The same twin with another spec."""
        return TwinModel(self.twin, spec)

    def randomized(self, seed: int) -> TwinModel:
        """The same network with random parameters; it has no counterpart to be compared with."""
        net = super().randomized(seed).net
        return TwinModel(replace(self.twin, net=net, evaluate=nothing, guesses=()), self.spec)

    def _compare(self, bound: BoundTorch) -> None:
        """Raises a ModelError where the twin and the framework give different answers for the first rows."""
        if self.twin.evaluate is nothing or self.net in _COMPARED:
            return
        rows = torch.arange(min(COMPARED, len(bound.values[0])))
        given = [fixed[rows].cpu().numpy().copy() for fixed in bound.fixed]
        own = main_output(self.twin.evaluate(*given), self.spec.select).detach().double().cpu()
        ours = bound.outputs(tuple(value[rows] for value in bound.values), rows).detach().double().cpu()
        dtype = self.torch_dtype or torch.float32
        if not bool(torch.isfinite(own).all()):
            raise ModelError(
                "The network's answers are not finite",
                received=f"{self.name}: {float(own[~torch.isfinite(own)][0])}",
                remedy="check its weights and these rows",
            )
        if own.shape == ours.shape and bool((own - ours).abs().max() <= TOLERANCE.get(dtype, 1e-3) * own.abs().max().clamp(min=1e-12)):
            _COMPARED.add(self.net)
            return
        where = (
            f"{tuple(ours.shape)} instead of {tuple(own.shape)}"
            if own.shape != ours.shape
            else f"{float((own - ours).abs().max()):.2g} apart"
        )
        raise ModelError(
            f"Read as torch operations, this {self.framework[0]} network gives other answers",
            received=f"{self.name}: outputs {where}",
            remedy="explain it as a function (x -> scores, numpy in and out), and please report the network",
        )


_COMPARED: weakref.WeakSet[nn.Module] = weakref.WeakSet()


def nothing(*_: np.ndarray) -> Any:  # noqa: ANN401
    """Of a twin without a counterpart."""


def completed(spec: ModelSpec | None, known: ModelSpec) -> ModelSpec:
    """What the user said, and where that is silent what the framework knows."""
    if spec is None:
        return known
    return replace(
        spec,
        inputs=spec.inputs or known.inputs,
        outputs=known.outputs if spec.outputs == "unknown" else spec.outputs,
        class_names=spec.class_names or known.class_names,
        select=known.select if spec.select is None else spec.select,
    )


class Kept:
    """Twins of networks, each made anew only when what it was made of changed. A network need not be hashable.

    What the framework is asked with holds the network itself, so it is given anew each time and not kept. Twins that can not do without
    the network are kept for the last few only.
    """

    def __init__(self) -> None:
        self._twins: dict[int, tuple[Hashable, Twin]] = {}
        self._holding: OrderedDict[int, tuple[object, Hashable, Twin]] = OrderedDict()

    def latest(self, network: object) -> Twin | None:
        """The twin that was made last of a network."""
        known = self._twins.get(id(network))
        return None if known is None else known[1]

    def forget(self, network: object) -> None:
        """Makes it anew the next time."""
        self._twins.pop(id(network), None)
        self._holding.pop(id(network), None)

    def get(self, network: object, version: Hashable, make: Callable[[], Twin], evaluate: Callable[..., Any]) -> Twin:
        """The twin of a network; ``version`` changes when its weights, its structure or the shape of its rows do."""
        known = self._twins.get(id(network))
        if known is not None and known[0] == version:
            return replace(known[1], evaluate=evaluate)
        held = self._holding.get(id(network))
        if held is not None and held[0] is network and held[1] == version:
            return held[2]
        twin = make()
        if twin.holds:
            self._holding[id(network)] = network, version, twin
            while len(self._holding) > HELD:
                self._holding.popitem(last=False)
            return twin
        try:
            if known is None:
                weakref.finalize(network, self._twins.pop, id(network), None)
            self._twins[id(network)] = version, replace(twin, evaluate=nothing)
        except TypeError:  # it can not be referred to weakly, so nobody would say when it is gone
            pass
        return twin


def as_tensors(value: Any) -> Any:  # noqa: ANN401
    """Whatever a framework returned, its arrays as torch tensors."""
    if isinstance(value, dict):
        return {key: as_tensors(one) for key, one in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(as_tensors(one) for one in value)
    return value if isinstance(value, Tensor) else torch.from_numpy(np.array(value))
