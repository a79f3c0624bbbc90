"""The Hessian of the loss, held against the dense one, and planes along its eigenvectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from dynamics.landscape_twins import Convolutional, Recurrent, Transformer, case, dense_hessian
from pellucid.errors import CapabilityError
from pellucid.explanation.contents.loss_landscape import LossCurvature, LossLandscape
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape
from pellucid.methods.dynamics.loss_landscape_curvature import top_eigenpairs


def curved(net: nn.Module, x: Tensor, labels: np.ndarray, **options: Any) -> LossCurvature:
    look = LookAtLossLandscape(**{"shape": "none", **options})
    content = pl.inspect(net, look, x, labels=labels, batch_size=8, spec=pl.ModelSpec(outputs="logits")).content
    assert isinstance(content, LossLandscape) and content.curvature is not None
    return content.curvature


def tiny() -> tuple[nn.Module, Tensor, np.ndarray]:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    return net, torch.randn(20, 3, dtype=torch.float64), np.arange(20) % 3


def hessian(net: nn.Module, x: Tensor, labels: np.ndarray) -> np.ndarray:
    return dense_hessian(net, lambda one: functional.cross_entropy(one(x), torch.from_numpy(labels)))


def test_eigenvalues_are_those_of_the_dense_hessian() -> None:
    net, x, labels = tiny()
    values = np.linalg.eigvalsh(hessian(net, x, labels))
    found = curved(net, x, labels, eigenvalues=6)
    assert found.how == "double_backward" and found.why == ""
    assert np.allclose(found.values, values[::-1][:6], atol=1e-8, rtol=0)
    assert (found.residuals < 1e-8).all()
    assert abs(found.lowest[0] - values[0]) <= found.lowest[1] + 1e-8


def test_a_residual_bounds_the_error_of_its_eigenvalue() -> None:
    net, x, labels = tiny()
    values = np.linalg.eigvalsh(hessian(net, x, labels))
    found = curved(net, x, labels, eigenvalues=3, steps=5)
    assert found.steps == 5 and (found.residuals > 1e-8).any()
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.abs(values - value).min() <= residual + 1e-12


def test_the_trace_is_within_its_error() -> None:
    net, x, labels = tiny()
    found = curved(net, x, labels, probes=64)
    assert abs(found.trace[0] - np.trace(hessian(net, x, labels))) < 3 * found.trace[1]
    assert np.isnan(curved(net, x, labels, probes=0).trace).all()


def test_the_gradient_is_that_of_the_mean_loss() -> None:
    net, x, labels = tiny()
    loss = functional.cross_entropy(net(x), torch.from_numpy(labels))
    flat = torch.cat([one.reshape(-1) for one in torch.autograd.grad(loss, tuple(net.parameters()))])
    assert curved(net, x, labels).gradient == pytest.approx(float(flat.norm()), rel=1e-12)


@pytest.mark.parametrize("kind", [Convolutional, Transformer, Recurrent])
def test_products_hold_for_real_layers(kind: type[nn.Module]) -> None:
    net, x, labels = case(kind, torch.float64)
    values = np.linalg.eigvalsh(hessian(net, x, labels))
    found = curved(net, x, labels, eigenvalues=2, steps=60)
    close = 1e-8 if found.how == "double_backward" else 1e-4
    assert np.allclose(found.values, values[::-1][:2], atol=close * abs(values).max(), rtol=0)


class Halved(torch.autograd.Function):
    """Has a gradient, and no second one."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value)
        return torch.tanh(value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * (1 - torch.tanh(ctx.saved_tensors[0]) ** 2)


def test_without_a_second_derivative_gradients_are_differenced_and_it_is_said() -> None:
    class Once(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(3, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(Halved.apply(self.first(x)))

    net, x, labels = tiny()
    once = Once().double()
    once.load_state_dict(
        {f"{to}.{name}": net.state_dict()[f"{at}.{name}"] for at, to in ((0, "first"), (2, "last")) for name in ("weight", "bias")}
    )
    plain, found = (curved(one, x, labels, eigenvalues=3) for one in (net, once))
    assert found.how == "differences" and "Halved is an autograd function of its own" in found.why
    assert np.allclose(found.values, plain.values, rtol=1e-5)
    said = pl.inspect(once, LookAtLossLandscape(shape="none"), x, labels=labels, spec=pl.ModelSpec(outputs="logits")).narrate("en")
    assert "differences of gradients" in said


def test_a_network_without_gradients_has_a_surface_and_says_why_there_is_no_curvature() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.body(x).detach()

    x, labels = torch.randn(9, 3), np.arange(9) % 3
    spec = pl.ModelSpec(outputs="logits")
    found = pl.inspect(Detached(), LookAtLossLandscape(resolution=3), x, labels=labels, spec=spec)
    assert isinstance(found.content, LossLandscape)
    assert found.content.curvature is None and "torch can differentiate" in found.content.no_curvature
    assert "There is no curvature" in found.narrate("en")
    with pytest.raises(CapabilityError, match="torch can differentiate"):
        pl.inspect(Detached(), LookAtLossLandscape(directions="hessian"), x, labels=labels, spec=spec)


def test_a_loss_that_is_linear_in_the_weights_has_no_curvature() -> None:
    net, x = nn.Linear(3, 1).double(), torch.randn(8, 3, dtype=torch.float64)
    look = LookAtLossLandscape(shape="none", loss=lambda outputs, truth: outputs[:, 0] - truth)
    content = pl.inspect(net, look, x, labels=np.zeros(8), spec=pl.ModelSpec(outputs="values")).content
    assert isinstance(content, LossLandscape) and content.curvature is not None
    assert np.abs(content.curvature.values).max() == 0


def test_along_eigenvectors_the_loss_bends_by_the_eigenvalues() -> None:
    net, x, labels = tiny()
    look = LookAtLossLandscape(directions="hessian", resolution=5, span=(-2e-3, 2e-3, -2e-3, 2e-3))
    content = pl.inspect(net, look, x, labels=labels, spec=pl.ModelSpec(outputs="logits")).content
    assert isinstance(content, LossLandscape) and content.curvature is not None
    assert content.lengths == pytest.approx([1.0, 1.0], rel=1e-12) and abs(content.cosine) < 1e-8
    for line, value in zip(content.lines, content.curvature.values, strict=False):
        bend = (line.loss[1] - 2 * line.loss[2] + line.loss[3]) / (line.positions[1] - line.positions[2]) ** 2
        assert bend == pytest.approx(value, rel=1e-3)


def test_lanczos_finds_equal_eigenvalues_and_exhausted_spaces() -> None:
    matrix = torch.diag(torch.tensor([4.0, 4.0, 1.0, 0.0, 0.0, -3.0], dtype=torch.float64))
    start = torch.tensor([1.0, 0, 0, 0, 0, 0])
    found = top_eigenpairs(lambda v: matrix @ v, start, count=3, steps=10, generator=torch.Generator().manual_seed(0))
    assert np.allclose(found.values, [4.0, 4.0, 1.0]) and (found.residuals < 1e-12).all() and found.lowest[0] == pytest.approx(-3.0)
    assert torch.allclose(found.vectors @ found.vectors.T, torch.eye(3, dtype=torch.float64), atol=1e-12)
