"""The Hessian of the loss with respect to the weights: its top eigenvalues by Lanczos, its trace by Hutchinson, products by autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pellucid.errors import CapabilityError
from pellucid.models.memory import out_of_memory
from pellucid.models.torch_run import first_line

if TYPE_CHECKING:
    from pellucid.methods.dynamics.loss_landscape_points import PointLosses

BASIS = 512 * 2**20  # bytes that the vectors of Lanczos may take
TOLERANCE = 1e-6  # of the largest eigenvalue, within which residuals have converged
EVERY = 4  # steps between looks at whether they have
LOST = 1e-12  # of the largest entry so far, below which a step found nothing new


class HessianProducts:
    """Gradients and Hessian-vector products of the mean loss at the trained weights; inside ``weights.moving()``.

    Attributes:
        how: ``double_backward`` until that is seen not to be possible.
        why: what torch said then.
        count: products so far.
    """

    def __init__(self, losses: PointLosses) -> None:
        self.losses, self.weights = losses, losses.weights
        self.how: Literal["double_backward", "differences"] = "double_backward"
        self.why = ""
        self.count = 0
        self._size = losses.size

    def gradient(self, vector: Tensor | None = None) -> Tensor:
        """The gradient (parameter,) in float64 at these weights; at the trained ones if none are given."""
        self.weights.here.copy_(self.weights.trained if vector is None else vector)
        return self._mean(lambda rows, own: torch.autograd.grad(self._loss(rows), own, allow_unused=True))

    def product(self, direction: Tensor) -> Tensor:
        """The Hessian times a direction (parameter,), in float64."""
        self.count += 1
        if self.how == "double_backward":
            self.weights.here.copy_(self.weights.trained)
            try:
                return self._mean(lambda rows, own: self._twice(rows, own, direction))
            except RuntimeError as error:  # NotImplementedError, which torch raises too, is one
                if out_of_memory(error) or self.count > 1 or isinstance(error, CapabilityError):
                    raise
                self.how, self.why = "differences", first_line(error)
        return self._difference(direction)

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _difference(self, direction: Tensor) -> Tensor:
        """Central differences of gradients; the step balances rounding and curvature."""
        weights = self.weights
        size = max(1.0, float(torch.linalg.vector_norm(weights.packed(weights.trained).double())))
        step = torch.finfo(weights.dtype).eps ** (1 / 3) * size / (float(torch.linalg.vector_norm(direction)) or 1.0)
        aside = weights.unpacked(step * direction)
        ahead, back = (self.gradient(weights.trained + sign * aside) for sign in (1, -1))
        return (ahead - back) / (2 * step)

    def _loss(self, rows: Tensor) -> Tensor:
        found = self.losses.judge.each(self.losses.forward(rows), rows).sum()
        if not found.requires_grad:
            raise CapabilityError(
                "The loss does not depend on the weights in a way that torch can differentiate",
                received=self.losses.bound.model.name,
                remedy="look for .detach(), no_grad, argmax or numpy in the forward; or ask for eigenvalues=0",
            )
        return found

    def _twice(self, rows: Tensor, own: tuple[Tensor, ...], direction: Tensor) -> tuple[Tensor | None, ...]:
        loss = self._loss(rows)
        if self.count == 1 and (custom := _custom_function(loss)):
            # one that is differentiable once can drop out of the second derivative without an error
            raise RuntimeError(f"{custom} is an autograd function of its own, whose second derivative can not be relied on")
        first = torch.autograd.grad(loss, own, create_graph=True, allow_unused=True)
        parts = direction.to(self.weights.dtype).split([value.numel() for value in own])
        along = [(g * part.view_as(g)).sum() for g, part in zip(first, parts, strict=True) if g is not None and g.requires_grad]
        if not along:  # the loss is linear in the weights
            return (None,) * len(own)
        return torch.autograd.grad(torch.stack(along).sum(), own, allow_unused=True)

    def _mean(self, call: Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor | None, ...]]) -> Tensor:
        """The mean over all rows of sums over batches, (parameter,)."""
        rows, start = self.losses.rows, 0
        total = torch.zeros(self.weights.elements, dtype=torch.float64, device=self.weights.device)
        with self.weights.differentiated() as own, sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
            while start < len(rows):
                some = rows[start : start + self._size]
                try:
                    parts = call(some, own)
                except Exception as error:
                    if not out_of_memory(error) or len(some) < 2:
                        raise
                    self._size = len(some) // 2
                    continue
                flat = [torch.zeros_like(value) if part is None else part for part, value in zip(parts, own, strict=True)]
                total += torch.cat([part.detach().reshape(-1) for part in flat]).double()
                start += len(some)
        self.losses.tick(1)
        return total / len(rows)


def _custom_function(made: Tensor) -> str:
    """The name of an autograd function that is not torch's own, from which a tensor was made; "" where there is none."""
    waiting, known = [made.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in known:
            continue
        known.add(node)
        forward = getattr(type(node), "_forward_cls", None)
        if forward is not None:
            return forward.__name__
        waiting.extend(following for following, _ in node.next_functions)
    return ""


@dataclass(frozen=True, eq=False)
class Ritz:
    """Approximate eigenpairs: the largest ``values`` (k,), ``vectors`` (k, parameter) of length 1, the norms of H v - value * v (k,); the
    lowest value with the bound of its residual; and the steps taken."""

    values: np.ndarray
    vectors: Tensor
    residuals: np.ndarray
    lowest: np.ndarray
    steps: int


def top_eigenpairs(product: Callable[[Tensor], Tensor], start: Tensor, *, count: int, steps: int, generator: torch.Generator) -> Ritz:
    """The largest eigenvalues of a symmetric matrix that is known by its products, by Lanczos with full reorthogonalization.

    Args:
        product: the matrix times a vector, in float64.
        start: (parameter,) a vector to start from, also where the matrix lives.
        count: of eigenvalues.
        steps: at most; fewer where residuals converge before, or where the basis would not fit.
        generator: of new vectors where the space of the first is exhausted.
    """
    elements = len(start)
    most = min(max(min(steps, BASIS // (8 * elements)), count + 1), elements)
    basis = torch.zeros(most, elements, dtype=torch.float64, device=start.device)
    diagonal, beside = np.zeros(most), np.zeros(most)
    vector, taken = start.double() / torch.linalg.vector_norm(start.double()), 0
    while taken < most:
        basis[taken] = vector
        new = product(vector)
        diagonal[taken] = float(new @ vector)
        taken += 1
        new = _orthogonal(new, basis[:taken])
        beside[taken - 1] = float(torch.linalg.vector_norm(new))
        if taken == most or (taken >= count and taken % EVERY == 0 and _converged(diagonal, beside, taken, count)):
            break
        if beside[taken - 1] <= LOST * max(np.abs(diagonal[:taken]).max(), beside[: taken - 1].max(initial=0.0)):
            beside[taken - 1] = 0.0
            new = _orthogonal(torch.randn(elements, generator=generator, dtype=torch.float64).to(start.device), basis[:taken])
        vector = new / torch.linalg.vector_norm(new)
    values, within = _small(diagonal, beside, taken)
    chosen = np.arange(taken)[::-1][: min(count, taken)]
    vectors = torch.from_numpy(within[:, chosen].T.copy()).to(start.device) @ basis[:taken]
    vectors = vectors / torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    residuals = [float(torch.linalg.vector_norm(product(one) - value * one)) for one, value in zip(vectors, values[chosen], strict=True)]
    end = 0.0 if taken == elements else beside[taken - 1]
    return Ritz(values[chosen], vectors, np.array(residuals), np.array([values[0], abs(end * within[-1, 0])]), taken)


def trace(product: Callable[[Tensor], Tensor], like: Tensor, *, probes: int, generator: torch.Generator) -> np.ndarray:
    """(2,) the trace as the mean of z H z over random sign vectors z (Hutchinson 1990), and its standard error."""
    found = []
    for _ in range(probes):
        signs = (2 * torch.randint(0, 2, (len(like),), generator=generator) - 1).to(like)
        found.append(float(signs @ product(signs)))
    error = float(np.std(found, ddof=1)) / probes**0.5 if probes > 1 else np.nan
    return np.array([np.mean(found), error]) if probes else np.full(2, np.nan)


def _orthogonal(vector: Tensor, basis: Tensor) -> Tensor:
    """What is left of a vector beside a basis; taken twice, for the first time leaves rounding behind."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def _small(diagonal: np.ndarray, beside: np.ndarray, taken: int) -> tuple[np.ndarray, np.ndarray]:
    off = beside[: taken - 1]
    return np.linalg.eigh(np.diag(diagonal[:taken]) + np.diag(off, 1) + np.diag(off, -1))


def _converged(diagonal: np.ndarray, beside: np.ndarray, taken: int, count: int) -> bool:
    values, within = _small(diagonal, beside, taken)
    return bool((np.abs(beside[taken - 1] * within[-1, -count:]) <= TOLERANCE * np.abs(values).max()).all())
