"""Networks put together at random from every operation of the wall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from hypothesis import strategies
from torch import Tensor, nn

from wall.operations import OPERATIONS

WIDTH = 8
ONE: dict[str, Callable[[Tensor], Tensor]] = {name: f for group in OPERATIONS.values() for name, f in group.items()}
TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda p, q: p + q,
    "sub": lambda p, q: p - q,
    "mul": lambda p, q: p * q,
    "div": lambda p, q: p / (1 + q * q),
    "gate of two": lambda p, q: torch.sigmoid(p) * q,
    "maximum of two": torch.maximum,
    "minimum of two": torch.minimum,
    "where p > q": lambda p, q: torch.where(p > q, p * 0.5, q),
    "masked by the other": lambda p, q: p.masked_fill(q < 0, 0.25),
    "cat and linear": lambda p, q: torch.cat([p, q], 1)[:, ::2],
    "attention of two": lambda p, q: (p.reshape(-1, 4, 2) @ q.reshape(-1, 2, 4)).softmax(-1).flatten(1)[:, ::2],
    "einsum of both": lambda p, q: torch.einsum("bi,bj->bij", p, q).mean(1),
    "pow of two": lambda p, q: (p * p + 0.5) ** q.tanh(),
    "lerp of two": lambda p, q: torch.lerp(p, q, 0.3),
    "hypot of two": torch.hypot,
    "softmax weights": lambda p, q: p.softmax(1) * q,
    "written into": lambda p, q: _written(p, q),
}


def _written(p: Tensor, q: Tensor) -> Tensor:
    y = p.clone()
    y[:, 2:5] = q[:, :3]
    y[:, 0] += q[:, 7]
    return y


@dataclass(frozen=True)
class Step:
    """One operation on values made before (numbered from 0, the input)."""

    name: str
    operands: tuple[int, ...]


class RandomGraph(nn.Module):
    """The input, then one value per step, each brought to the same width and range; the scores come from the last and the first value."""

    def __init__(self, steps: tuple[Step, ...], seed: int) -> None:
        super().__init__()
        self.steps, self.seed = steps, seed
        made = torch.Generator().manual_seed(seed)
        self.first = nn.Parameter(torch.randn(6, WIDTH, generator=made, dtype=torch.float64) / 2)
        self.mixed = nn.ParameterList(torch.randn(64, WIDTH, generator=made, dtype=torch.float64) / 3 for _ in steps)
        # so that no value is a zero that rounding alone tells from a little less, where floor and masks jump
        self.shifts = nn.ParameterList(torch.randn(WIDTH, generator=made, dtype=torch.float64) / 10 for _ in steps)
        self.last = nn.Parameter(torch.randn(2 * WIDTH, 3, generator=made, dtype=torch.float64) / 3)

    def __repr__(self) -> str:
        return f"RandomGraph({self.steps}, seed={self.seed})"

    def forward(self, x: Tensor) -> Tensor:
        values = [x @ self.first]
        for step, mixed, shift in zip(self.steps, self.mixed, self.shifts, strict=True):
            function = ONE.get(step.name) or TWO[step.name]
            # operations in place must not write over a value that is used again
            made = function(*(values[i].clone() for i in step.operands)).flatten(1)
            if made.shape[1] != WIDTH:
                made = made @ mixed[: made.shape[1]]
            values.append(3 * torch.tanh(made / 3) + shift)
        return torch.cat([values[-1], values[0]], 1) @ self.last


@strategies.composite
def graphs(draw: strategies.DrawFn) -> RandomGraph:
    """Graphs of two to six steps."""
    steps = []
    for place in range(draw(strategies.integers(2, 6))):
        name = draw(strategies.sampled_from([*ONE, *TWO]))
        # rather one of the last values, so that graphs are deep
        operands = tuple(max(0, place - draw(strategies.integers(0, 2))) for _ in range(1 if name in ONE else 2))
        steps.append(Step(name, operands))
    return RandomGraph(tuple(steps), draw(strategies.integers(0, 1000)))
