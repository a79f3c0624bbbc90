"""Any function from inputs to scores: a black box, explained by perturbation only."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from pellucid.errors import CapabilityError, InputError, ModelError, PellucidError
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.models.inputs import RowInputs
from pellucid.models.outputs import main_output, one_row_each
from pellucid.models.protocol import Capability, LayerGradient, LayerShape, Mode, Ruled, Score
from pellucid.models.random_state import fixed_random_state
from pellucid.models.rules.interceptor import Rules

if TYPE_CHECKING:
    from pellucid.models.ruled_pass import RuledOutputs
    from pellucid.models.tail import Tail
    from pellucid.models.trees import Forest


class FunctionModel:
    """A predict function behind the model interface.

    It is called with numpy arrays (or a DataFrame, if the rows came as one) in the form the user gave, and
    returns scores (sample,) or (sample, class).
    """

    device = "cpu"
    dtype = "as given"
    can: frozenset[Capability] = frozenset()

    def __init__(self, function: Callable[..., Any], spec: ModelSpec) -> None:
        self.function, self.spec = function, spec
        self.name = getattr(function, "__qualname__", type(function).__name__)

    @property
    def owner(self) -> object:
        """What outlives this wrapper, to remember batch sizes by: the object whose method the function is, or the function itself."""
        for holder in (getattr(self.function, "__self__", None), self.function):
            try:
                hash(weakref.ref(holder))
            except TypeError:  # it can not be referred to weakly, or not be hashed
                continue
            if not isinstance(holder, torch.nn.Module):  # a module's batches are its own
                return holder
        return self

    def why_not(self, capability: Capability) -> str:
        """A function shows nothing but its output."""
        return f"a function has no {capability}; use a black-box method such as 'occlusion', or give the torch module itself"

    def respecified(self, spec: ModelSpec) -> FunctionModel:
        """The same function with another spec."""
        return FunctionModel(self.function, spec)

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundFunction]:  # noqa: ARG002
        """The function bound to these rows."""
        with torch.inference_mode(mode=False), torch.no_grad(), fixed_random_state():
            yield BoundFunction(self, inputs)

    def randomized(self, seed: int) -> FunctionModel:  # noqa: ARG002
        """Not possible for a function."""
        raise CapabilityError("A function has no parameters to randomize", received=self.name, remedy=self.why_not("parameters"))

    def fingerprint(self) -> str:
        """A function can not be hashed; its name stands for it."""
        return f"function {self.name}"

    def last_module(self) -> str:
        """Unknown."""
        return ""


class BoundFunction:
    """A function bound to the rows being explained."""

    embedded: tuple[bool, ...]
    guesses: tuple[str, ...] = ()
    evaluated = 0

    def __init__(self, model: FunctionModel, inputs: RowInputs) -> None:
        self.model, self.inputs = model, inputs
        self.specs: tuple[InputSpec, ...] = inputs.specs
        for tensor, spec in zip(inputs.tensors, inputs.specs, strict=True):
            if not tensor.is_floating_point() and spec.kind == "tokens" and spec.blank is None:
                raise InputError(
                    f"{spec.name} holds integer tokens, and it is not known which token stands for 'removed'",
                    received=f"{tensor.dtype} of shape {tuple(tensor.shape)}",
                    remedy="spec=ModelSpec(inputs=(InputSpec(kind='tokens', blank=<id of the mask or padding token>),))",
                )
        self.dtypes = tuple(t.dtype for t in inputs.tensors)
        self.values = tuple(t if t.is_floating_point() else t.double() for t in inputs.tensors)
        self.embedded = (False,) * len(self.values)

    def expect(self, rows: int) -> None:
        """Nothing to prepare."""

    def entrance(self, remembered: object) -> None:
        """A function can be entered at its beginning only."""

    def trees(self) -> Forest | None:
        """Unknown."""
        return None

    def outputs(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The scores (batch, ...) as a tensor."""
        self.evaluated += len(rows)
        arrays = [
            t.to(dtype).cpu().numpy().copy() if dtype != t.dtype else t.cpu().numpy().copy()
            for t, dtype in zip(batch, self.dtypes, strict=True)
        ]
        given: list[Any] = [self.inputs.frame.decode(arrays[0])] if self.inputs.frame else arrays
        try:
            found = (
                self.model.function(**dict(zip(self.inputs.keywords, given, strict=True)))
                if self.inputs.keywords
                else self.model.function(*given)
            )
        except (PellucidError, MemoryError):
            raise
        except Exception as error:
            raise ModelError(
                f"{self.model.name} raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                received=f"{type(given[0]).__name__} of shape {tuple(given[0].shape)}",
                remedy=_remedy(error),
            ) from error
        scores = main_output(self._as_tensor(found), self.model.spec.select)
        return one_row_each(scores, len(rows), source="function", called="scores")

    def _as_tensor(self, found: Any) -> Any:  # noqa: ANN401
        if isinstance(found, (Tensor, dict, tuple)):
            return found.detach() if isinstance(found, Tensor) else found
        array = np.asarray(found)
        if array.dtype.kind not in "fiub":
            raise ModelError(
                "The function returns no numbers", received=f"{type(found).__name__} of dtype {array.dtype}", remedy="return scores"
            )
        return torch.from_numpy(np.array(array, np.float64 if array.dtype.kind != "f" else array.dtype))

    def gradients(self, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> tuple[Tensor, tuple[Tensor, ...]]:  # noqa: ARG002
        """Not possible for a function."""
        raise CapabilityError("A function has no gradient", received=self.model.name, remedy=self.model.why_not("gradient"))

    def under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> Ruled:  # noqa: ARG002
        """Not possible for a function."""
        raise CapabilityError("The operations of a function are not known", received=self.model.name, remedy=self.model.why_not("graph"))

    def outputs_under(self, rules: Rules, batch: tuple[Tensor, ...], rows: Tensor) -> RuledOutputs:  # noqa: ARG002
        """Not possible for a function."""
        raise CapabilityError("The operations of a function are not known", received=self.model.name, remedy=self.model.why_not("graph"))

    def looking_at(self, layer: str, look: Callable[[Tensor], None]) -> AbstractContextManager[None]:  # noqa: ARG002
        """Not possible for a function."""
        raise self._no_layers()

    @property
    def alone(self) -> bool:
        """A function takes what is varied, and nothing else."""
        return True

    def layer_gradients(
        self,
        batch: tuple[Tensor, ...],  # noqa: ARG002
        rows: Tensor,  # noqa: ARG002
        score: Score,  # noqa: ARG002
        *,
        layers: tuple[str, ...],  # noqa: ARG002
    ) -> tuple[LayerGradient, ...]:
        """Not possible for a function."""
        raise self._no_layers()

    def layer_outputs(
        self,
        batch: tuple[Tensor, ...],  # noqa: ARG002
        rows: Tensor,  # noqa: ARG002
        *,
        layers: tuple[str, ...],  # noqa: ARG002
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Not possible for a function."""
        raise self._no_layers()

    def gradients_through(  # noqa: PLR0913
        self,
        batch: tuple[Tensor, ...],  # noqa: ARG002
        rows: Tensor,  # noqa: ARG002
        score: Score,  # noqa: ARG002
        *,
        layer: str,  # noqa: ARG002
        keep: Callable[[Tensor], Tensor],  # noqa: ARG002
    ) -> tuple[Tensor, ...]:
        """Not possible for a function."""
        raise self._no_layers()

    def tail(self, layer: str) -> Tail:  # noqa: ARG002
        """Not possible for a function."""
        raise self._no_layers()

    def _no_layers(self) -> CapabilityError:
        return CapabilityError("A function has no layers", received=self.model.name, remedy=self.model.why_not("layers"))

    def module_names(self) -> dict[int, str]:
        """A function has no modules."""
        return {}

    def layer_shapes(self) -> dict[str, LayerShape]:
        """None are known."""
        return {}


def _remedy(error: Exception) -> str:
    """What to do about what a function raised."""
    if isinstance(error, AttributeError) and error.name == "predict_proba":
        kind = type(error.obj).__name__
        return f"{kind} has no predict_proba (Keras took it out; only scikit-learn classifiers have it): give the model itself"
    return "call the function on these inputs yourself; it must take a batch and return one row of scores per input row"
