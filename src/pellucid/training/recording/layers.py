"""Weights, gradients and updates around one optimizer step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from pellucid.training.recording.spreads import Sampler, norms, spread
from pellucid.training.runs.contents import LayerFrame

Put = Callable[
    [Callable[[], object], int], None
]  # what makes a frame, and whether it is of the step that is not told yet (1) or of the last (0)


class LayerWatch:
    """Looks at the parameters just before and just after an optimizer's step, when it is armed.

    The hooks are those of all optimizers and are there for one step only: nothing is left on the user's objects, also when a
    checkpoint of them is written in between.

    Attributes:
        spent: seconds of the last look. ``done``: whether it was made. ``failed``: what stood against it.

    Args:
        net: whose parameters. ``optimizers``: whose steps; without any, :meth:`now` looks between two steps of the loop.
        put: takes what makes the frame. ``clock``: in which its own time is told.
    """

    def __init__(self, net: nn.Module, optimizers: tuple[torch.optim.Optimizer, ...], put: Put, clock: Callable[[], float]) -> None:
        found = [(name, p) for name, p in net.named_parameters() if p.is_floating_point() and p.numel()]
        self.names = tuple(name for name, _ in found)
        self.parameters = [p for _, p in found]
        self.sizes = np.array([p.numel() for p in self.parameters], np.int64)
        self.optimizers, self.put, self._clock = optimizers, put, clock
        self.device = self.parameters[0].device if self.parameters else torch.device("cpu")
        self.sampler = Sampler(self.sizes.tolist(), self.device)
        self.spent = 0.0
        self.done = False
        self.failed: Exception | None = None
        self._hooks: list[Any] = []
        self._before: tuple[Tensor, Tensor, Tensor | None, Tensor | None, list[int]] | None = None

    @property
    def armed(self) -> bool:
        """Whether the next step is looked at."""
        return bool(self._hooks)

    def arm(self) -> None:
        """Looks at the next step."""
        self.spent, self.done = 0.0, False
        self._hooks = [register_optimizer_step_pre_hook(self._ahead), register_optimizer_step_post_hook(self._after)]

    def disarm(self) -> None:
        """Takes the hooks away."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._before = [], None

    def now(self) -> None:
        """Looks at weights and gradients as they are: for loops without an optimizer that has hooks."""
        self._look()
        self._send(None, ahead=0)

    def _ahead(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:  # noqa: ANN401
        if self._before is None and self.failed is None and any(optimizer is one for one in self.optimizers):
            started = self._clock()
            self._guarded(self._look)
            self.spent += self._clock() - started

    def _after(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:  # noqa: ANN401
        if self._before is None or not any(optimizer is one for one in self.optimizers):
            return
        started = self._clock()
        self._guarded(self._compare)
        self.disarm()
        self.spent += self._clock() - started

    @torch.no_grad()
    def _compare(self) -> None:
        self._send(self.sampler(self.parameters), ahead=1)

    def _guarded(self, look: Callable[[], None]) -> None:
        """Looks; what goes wrong is kept to be told, since the user's own step is going on."""
        try:
            look()
        except Exception as error:  # looking must not end a training
            self.failed = error

    @torch.no_grad()
    def _look(self) -> None:
        with_gradient = [i for i, p in enumerate(self.parameters) if p.grad is not None and p.grad.layout == torch.strided]
        gradients = [g for i in with_gradient if (g := self.parameters[i].grad) is not None]
        sample = self.sampler(gradients, with_gradient) if gradients else None
        weights = self.sampler(self.parameters)
        self._before = weights, norms(self.parameters), sample, norms(gradients) if gradients else None, with_gradient

    def _send(self, after: Tensor | None, *, ahead: int) -> None:
        if self._before is None:
            return
        weights, weight_norms, gradients, gradient_norms, places = self._before
        self._before, self.done = None, True
        rates = _learning_rates(self.optimizers, self.parameters)
        moved = None if after is None else after - weights
        arrays = [None if t is None else t.cpu().numpy() for t in (weights, weight_norms, gradients, gradient_norms, moved)]
        self.put(lambda: self._frame(arrays, places, rates), ahead)

    def _frame(self, arrays: list[np.ndarray | None], places: list[int], rates: np.ndarray) -> LayerFrame:
        weights, weight_norms, gradients, gradient_norms, moved = arrays
        taken = self.sampler.taken
        if weights is None or weight_norms is None:
            raise RuntimeError("weights were not taken")
        seen = spread(self.names, self.sizes, taken, weights, weight_norms)
        slopes = None
        if gradients is not None and gradient_norms is not None:
            names = tuple(self.names[i] for i in places)
            slopes = spread(names, self.sizes[places], taken[places], gradients, gradient_norms)
        if moved is None:
            nothing = np.zeros(0)
            return LayerFrame(seen, slopes, None, nothing, nothing.astype(bool), rates)
        squares = np.add.reduceat(moved.astype(np.float64) ** 2, np.concatenate([[0], np.cumsum(taken)[:-1]]))
        norm = np.sqrt(squares * self.sizes / taken)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(seen.norm > 0, norm / seen.norm, np.nan)
        updates = spread(self.names, self.sizes, taken, moved, norm)
        return LayerFrame(seen, slopes, updates, ratio, taken < self.sizes, rates)


def _learning_rates(optimizers: tuple[torch.optim.Optimizer, ...], parameters: list[nn.Parameter]) -> np.ndarray:
    rates = {id(p): float(group["lr"]) for one in optimizers for group in one.param_groups if "lr" in group for p in group["params"]}
    return np.array([rates.get(id(p), np.nan) for p in parameters])
