"""Runs a torch network on rows: counts them, names what the network raises, and finds out how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from pellucid.errors import ModelError, PellucidError
from pellucid.models.final_activation import FinalActivation
from pellucid.models.memory import out_of_memory
from pellucid.models.outputs import count_parts, main_output

if TYPE_CHECKING:
    from pellucid.models.torch_model import TorchModel

BLACK_BOX = "use a black-box method such as 'occlusion'"
_ENDS_IN_PROBABILITIES: WeakSet[nn.Module] = WeakSet()  # networks seen to end in a softmax or sigmoid: watched from the start


class TorchRun:
    """The runs of one network.

    Attributes:
        evaluated: rows that went through it so far.
        ends_in: ``"Softmax"`` or ``"Sigmoid"`` once a forward pass was seen to end in one.
        guess: which of several outputs is taken, "" where there is one.
    """

    def __init__(self, net: nn.Module, model: TorchModel, keywords: tuple[str, ...] | None) -> None:
        self.net, self.model, self.keywords = net, model, keywords
        self.evaluated = 0
        self.ends_in = self.guess = ""
        self._watches = True

    def output(self, values: list[Tensor], *, embedded: bool) -> Tensor:
        """The main output; in float64 where it comes out of a softmax or sigmoid, which saturate."""
        if not self._watches:
            return main_output(self.call(values), self.model.spec.select)
        if not embedded and self.model.net not in _ENDS_IN_PROBABILITIES:
            # watching costs some microseconds for each operation, and only what lies in 0..1 can be a probability
            returned = self.call([value.clone() for value in values])
            output = main_output(returned, self.model.spec.select)
            if output.numel() and (bool(output.detach().amin() < 0) or bool(output.detach().amax() > 1)):
                self._note_parts(returned)
                self._watches = False
                return output
        with FinalActivation() as watcher:
            returned = self.call(values)
            output = main_output(returned, self.model.spec.select)
        self._note_parts(returned)
        ended = watcher.of(output)
        self._watches = ended is not None
        if ended is None:
            return output
        _ENDS_IN_PROBABILITIES.add(self.model.net)
        self.ends_in = ended[0]
        return ended[1]

    @contextmanager
    def by(self, net: nn.Module) -> Iterator[None]:
        """Inside, another module that computes the same is run."""
        before, self.net = self.net, net
        try:
            yield
        finally:
            self.net = before

    @contextmanager
    def unwatched(self) -> Iterator[None]:
        """Inside, the network runs with nothing around it: somebody writes down its operations."""
        before, self._watches = self._watches, False
        try:
            yield
        finally:
            self._watches = before

    def call(self, values: list[Tensor]) -> Any:  # noqa: ANN401
        """Whatever the network returns.

        Raises:
            ModelError: it raised something.
        """
        self.evaluated += len(values[0])
        try:
            return self.net(**dict(zip(self.keywords, values, strict=True))) if self.keywords else self.net(*values)
        except (PellucidError, torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            if out_of_memory(error):
                raise
            raise self._raised(error, values) from error

    def _note_parts(self, returned: Any) -> None:  # noqa: ANN401
        """Says which of several outputs is explained."""
        parts = count_parts(returned) if self.model.spec.select is None else 1
        if parts > 1:
            self.guess = f"outputs: the first of {parts} tensors is explained; ModelSpec(select=1) takes the second"

    def _raised(self, error: Exception, values: list[Tensor]) -> ModelError:
        shapes = ", ".join(f"{tuple(v.shape)} {str(v.dtype).removeprefix('torch.')}" for v in values)
        remedy = "call the model on these inputs yourself; if that fails too, check shape (rows first), dtype and layout"
        if torch.is_grad_enabled() and "grad" in str(error):
            remedy = f"the forward leaves torch, so that it has no gradient: {BLACK_BOX}"
        elif "more than 1 value per channel" in str(error):
            remedy = "batch normalization in training mode needs several rows in a batch: use mode='eval', or give batch_size=8"
        return ModelError(
            f"{self.model.name} raised {type(error).__name__}: {first_line(error)}", received=f"inputs of shape {shapes}", remedy=remedy
        )


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return str(error).splitlines()[0] if str(error) else ""
