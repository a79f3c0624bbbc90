"""The one interface behind which every model stands."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from pellucid.explanation.spec import InputSpec, ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.models.entrance import Entrance, Names
    from pellucid.models.inputs import RowInputs
    from pellucid.models.ruled_pass import RuledOutputs
    from pellucid.models.rules.interceptor import Rules
    from pellucid.models.tail import Tail
    from pellucid.models.trees import Forest

# attention: the attention weights of a forward pass can be read, where it has any
Capability = Literal["gradient", "layers", "parameters", "graph", "attention"]
Mode = Literal["eval", "as_is"]
# (outputs, index of the explained row of each batch row) -> one score per batch row
Score = Callable[["Tensor", "Tensor"], "Tensor"]


@dataclass(frozen=True)
class LayerGradient:
    """A layer's output and the gradient of the score with respect to it, both (batch, channel, ...)."""

    scores: Tensor
    activations: Tensor
    gradients: Tensor


@dataclass(frozen=True)
class LayerShape:
    """The output shape of a layer without the sample axis; ``channels_last`` where its last modules put channels last.

    A ``stage`` is a normalization or a module made of modules: what one would call a layer of the network.
    """

    sizes: tuple[int, ...]
    channels_last: bool
    stage: bool = False


@dataclass(frozen=True)
class Ruled:
    """What a forward pass under a rule set gave.

    Attributes:
        scores: (batch,).
        gradients: what the rules' backward brings to each tensor of the batch, empty for rules that do not differentiate.
        left: lines of the user's code where values left torch, so that what depends on them counts as constant.
    """

    scores: Tensor
    gradients: tuple[Tensor, ...]
    left: tuple[str, ...]


class BoundModel(Protocol):
    """A model opened for the rows being explained.

    ``values`` are what methods may vary, one tensor (sample, ...) per explained input; all else (masks, integer
    inputs that feed an embedding) is fixed and follows the row. ``rows`` says, for each row of a batch, which explained row it belongs to.
    """

    values: tuple[Tensor, ...]
    specs: tuple[InputSpec, ...]
    embedded: tuple[bool, ...]

    @property
    def guesses(self) -> tuple[str, ...]:
        """What was guessed of inputs and model."""
        ...

    @property
    def evaluated(self) -> int:
        """Rows that went through the model so far, those to find out about the model itself included."""
        ...

    def outputs(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The main output (batch, ...), without gradient."""
        ...

    def expect(self, rows: int) -> None:
        """So many rows are about to be evaluated: preparations may be worth it."""
        ...

    def entrance(self, remembered: Callable[[Callable[[], Names | None]], Names | None]) -> Entrance | None:
        """The network from its first linear layer on, where that layer alone takes the input; ``remembered`` finds out where once."""
        ...

    def gradients(self, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Scores (batch,) and their gradients with respect to each tensor of the batch."""
        ...

    def layer_gradients(
        self, batch: tuple[Tensor, ...], rows: Tensor, score: Score, *, layers: tuple[str, ...]
    ) -> tuple[LayerGradient, ...]:
        """Forward to the end, backward to the earliest of ``layers`` and no further."""
        ...

    def layer_outputs(self, batch: tuple[Tensor, ...], rows: Tensor, *, layers: tuple[str, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The main output and the outputs of these layers, without gradient."""
        ...

    def gradients_through(
        self, batch: tuple[Tensor, ...], rows: Tensor, score: Score, *, layer: str, keep: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, ...]:
        """Gradients with respect to the batch of what passes through a layer; ``keep`` chooses from the gradient at the layer's output."""
        ...

    def trees(self) -> Forest | None:
        """The decision trees whose sum the output is, where it is that."""
        ...

    def tail(self, layer: str) -> Tail:
        """What lies above a layer, to be run again with other outputs of it."""
        ...

    def under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> Ruled:
        """A forward pass with every operation, the score's included, given to a rule set; and its backward (needs ``graph``)."""
        ...

    def outputs_under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor) -> RuledOutputs:
        """The main output with every operation given to a rule set, from which one can go back many times (needs ``graph``)."""
        ...

    def looking_at(self, layer: str, look: Callable[[Tensor], None]) -> AbstractContextManager[None]:
        """Hands each tensor that a layer returns to ``look``, before the network goes on with it (needs ``layers``)."""
        ...

    @property
    def alone(self) -> bool:
        """Whether the output depends on the varied values only: nothing else goes in that follows the row."""
        ...

    def module_names(self) -> dict[int, str]:
        """The names of the network's modules by their ``id``."""
        ...

    def layer_shapes(self) -> dict[str, LayerShape]:
        """The output shape of every layer that returns a tensor, in order of execution, for the first row."""
        ...


class Model(Protocol):
    """One network behind one interface. ``can`` says what this instance is able to do."""

    spec: ModelSpec
    name: str
    device: str
    dtype: str

    @property
    def can(self) -> frozenset[Capability]:
        """What this instance is able to do."""
        ...

    def open(self, inputs: RowInputs, *, mode: Mode) -> AbstractContextManager[BoundModel]:
        """The model bound to these rows; the model is as it was when the context closes, however it closes."""
        ...

    def randomized(self, seed: int) -> Model:
        """The same network with random parameters, the original untouched (needs ``parameters``)."""
        ...

    def fingerprint(self) -> str:
        """A hash that changes when a parameter changes."""
        ...

    def last_module(self) -> str:
        """The class name of the module that makes the output, or ""."""
        ...

    def why_not(self, capability: Capability) -> str:
        """Why this instance lacks a capability, and what to do instead."""
        ...
