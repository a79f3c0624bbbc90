"""The weights of another framework as torch parameters: what records torch networks records these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.models.programs.program import module_name
from pellucid.training.recording.controls import Controls
from pellucid.training.runs.contents import Event

UNPINNED = "without pinned rows there is nothing to see them on: give data="  # why activations are left out

Numbers = Mapping[str, Any]  # arrays of the framework, by dotted path


class Mirror(nn.Module):
    """Parameters by dotted path, copied when they are looked at; ``paths`` says which path a name stands for."""

    def __init__(self, values: Numbers) -> None:
        super().__init__()
        self.paths = {".".join(_parts(path)): path for path in values}
        for path, value in values.items():
            *above, last = _parts(path)
            at: nn.Module = self
            for part in above:
                if part not in at._modules:
                    at.add_module(part, nn.Module())
                at = at.get_submodule(part)
            at.register_parameter(last, nn.Parameter(numbers(value), requires_grad=True))

    @torch.no_grad()
    def sync(self, values: Numbers) -> None:
        """Takes these values."""
        for path, value in values.items():
            self.of(path).copy_(numbers(value))

    @torch.no_grad()
    def differentiated(self, gradients: Numbers) -> None:
        """Takes these gradients; those that are None, or not given, are unknown."""
        for parameter in self.parameters():
            parameter.grad = None
        for path, gradient in gradients.items():
            if gradient is not None:
                parameter = self.of(path)
                parameter.grad = numbers(gradient).view(parameter.shape)

    def of(self, path: str) -> nn.Parameter:
        """The parameter at this path."""
        return self.get_parameter(".".join(_parts(path)))


class Standing(torch.optim.Optimizer):
    """Stands where torch has an optimizer: its step takes what the framework's did, so that what looks at steps sees it."""

    def __init__(self, mirror: Mirror, rate: float, values: Callable[[], Numbers]) -> None:
        super().__init__(mirror.parameters(), {"lr": rate})
        self.mirror, self.values = mirror, values

    def step(self, closure: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Takes the weights as they are after the batch."""
        self.mirror.sync(self.values())


class MirrorControls(Controls):
    """What can be asked of a training whose weights another framework keeps.

    Attributes:
        reached: what can be carried out, beside pause, resume, advance and stop. ``place``: of what else can not.
    """

    reached: tuple[str, ...] = ("checkpoint", "note")
    place = "here"

    def carry_out(self, what: str, details: Mapping[str, Any], step: int) -> Event:
        """One command.

        Raises:
            InputError: the framework does not let it be done while it trains.
        """
        if what not in self.reached:
            raise InputError(f"This can not be done {self.place}", received=what, remedy="stop the training, change the model, go on")
        for one in self.optimizers:
            if isinstance(one, Standing):
                one.mirror.sync(one.values())
        return super().carry_out(what, details, step)


@dataclass(frozen=True, eq=False)
class Host:
    """What is trained, where a mirror holds only its weights: the model as it is now, and names."""

    model: Callable[[], Any]
    name: str
    optimizer: str


def numbers(value: Any) -> Tensor:  # noqa: ANN401
    """A copy of an array of any framework."""
    return value.detach().cpu().clone() if isinstance(value, Tensor) else torch.from_numpy(np.array(value))


def _parts(path: str) -> list[str]:
    return [module_name(part) for part in path.split(".")]
