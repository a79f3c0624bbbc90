"""The networks on which what a method promises must hold: every way of writing a forward pass that hooks on modules do not see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from wall.modules import MODULES, Recipe
from wall.operations import OPERATIONS

ROWS = 5


class OneOperation(nn.Module):
    """A linear layer, the operation, a linear layer."""

    def __init__(self, operation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.operation = operation
        self.first, self.last = nn.Linear(6, 8), nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.operation(self.first(x)).flatten(1))


class WithHead(nn.Module):
    """A network whose outputs are made into three scores."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.inner, self.run = recipe.make(), recipe.run
        self.last = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.run(self.inner, x).flatten(1))


@dataclass(frozen=True)
class Case:
    """One network with its inputs.

    Attributes:
        group: the row of the table.
        make: the network, untrained.
        shape: of one input.
        apart: whether a row's score is the same at any place in a batch.
    """

    name: str
    group: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    apart: bool = True

    def network(self, dtype: torch.dtype = torch.float64) -> nn.Module:
        """The network in eval mode; the same weights every time, up to the dtype."""
        kept = torch.get_rng_state()
        torch.manual_seed(1)
        net = self.make()
        with torch.no_grad():
            net.double().eval()(torch.randn(ROWS, *self.shape, dtype=torch.float64))  # lazy layers take their shape
        for parameter in net.parameters():
            if parameter.ndim < 2:
                nn.init.normal_(parameter, std=0.3)  # biases and gains that are not nothing
        torch.set_rng_state(kept)
        return net.double().to(dtype).eval()

    def rows(self, count: int = ROWS, dtype: torch.dtype = torch.float64, *, seed: int = 2) -> Tensor:
        """Inputs (row, ...)."""
        return torch.randn(count, *self.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)

    def baselines(self, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
        """Nothing, one row for all, and one for each."""
        each = self.rows(dtype=dtype, seed=3)
        return {"zero": torch.zeros_like(each), "shared": each[:1].expand_as(each).clone(), "own": each}


CASES: dict[str, Case] = {
    **{name: Case(name, group, lambda f=f: OneOperation(f), (6,)) for group, made in OPERATIONS.items() for name, f in made.items()},
    **{
        name: Case(name, group, lambda recipe=recipe: WithHead(recipe), recipe.shape, recipe.apart)
        for group, made in MODULES.items()
        for name, recipe in made.items()
    },
}
