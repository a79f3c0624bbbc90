"""Guided backpropagation and deconvolution: against captum, on functional and smooth rectifiers, and with their permanent label."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.errors import UnsupportedOperation
from pellucid.models.rules.gradients.rectified import Rectified

METHODS = ("guided_backprop", "deconvolution")


def chain() -> tuple[nn.Sequential, Tensor]:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.Flatten(),
        nn.Linear(8 * 16, 16), nn.ReLU(), nn.Linear(16, 4),
    )  # fmt: skip
    return net.double().eval(), torch.randn(4, 2, 12, 12, dtype=torch.float64)


class Written(nn.Module):
    """The same network with its rectifiers written in other ways."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.first, self.second, self.third, self.last = net[0], net[3], net[6], net[8]

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.first(x).relu_(), 2)
        x = torch.maximum(self.second(x), torch.zeros((), dtype=x.dtype))
        return self.last(self.third(x.flatten(1)).clamp(min=0))


def values(net: nn.Module, x: Tensor, method: Any) -> np.ndarray:
    return pl.explain(net, x, method, target=2, checks="none").arrays[0].values


def captum_s(net: nn.Module, x: Tensor, method: str) -> np.ndarray:
    captum = pytest.importorskip("captum.attr")
    kind = {"guided_backprop": captum.GuidedBackprop, "deconvolution": captum.Deconvolution}[method]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(copy.deepcopy(net)).attribute(x.clone().requires_grad_(), target=2).detach().numpy()


@pytest.mark.parametrize("method", METHODS)
def test_it_is_captum_s_on_modules_and_the_same_however_a_rectifier_is_written(method: str) -> None:
    net, x = chain()
    expected = captum_s(net, x, method)
    np.testing.assert_allclose(values(net, x, method), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(values(Written(net).double(), x, method), expected, rtol=1e-9, atol=1e-12)


def test_that_it_is_captum_s_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = chain()
    expected = captum_s(net, x, "guided_backprop")
    monkeypatch.setattr(Rectified, "apply", lambda self, call: setattr(self, "rectifiers", 1) or call.run(*call.operands))
    assert np.abs(values(net, x, "guided_backprop") - expected).max() > 1e-3


@pytest.mark.parametrize(
    "activation", [nn.GELU(), nn.SiLU(), nn.ELU(), nn.Softplus(), nn.LeakyReLU(0.2), nn.PReLU(), nn.ReLU6(), nn.Hardswish()]
)
def test_kin_of_the_relu_keep_their_slope_or_do_not_matter(activation: nn.Module) -> None:
    torch.manual_seed(1)
    first, last = nn.Linear(5, 6).double(), nn.Linear(6, 3).double()
    net, x = nn.Sequential(first, activation.double(), last).eval(), torch.randn(3, 5, dtype=torch.float64)
    signal = last.weight[2].detach().clamp(min=0)
    hidden = first(x).detach().requires_grad_()
    slope = torch.autograd.grad(activation(hidden).sum(), hidden)[0]
    np.testing.assert_allclose(
        values(net, x, "deconvolution"), (signal.expand(3, -1) @ first.weight.detach()).numpy(), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(values(net, x, "guided_backprop"), ((signal * slope) @ first.weight.detach()).numpy(), rtol=1e-9, atol=1e-12)


class Reads(nn.Module):
    """A recurrent layer read at its last step; ``unrolled``: step by step, in functions."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inside, self.head = nn.RNN(4, 12, batch_first=True, nonlinearity=kind), nn.Linear(12, 3)
        self.unrolled = False

    def forward(self, x: Tensor) -> Tensor:
        if not self.unrolled:
            return self.head(self.inside(x)[0][:, -1])
        state, (w_in, w_state, b_in, b_state) = torch.zeros(len(x), 12), self.inside.all_weights[0]
        for step in x.unbind(1):
            state = F.relu(F.linear(step, w_in, b_in) + F.linear(state, w_state, b_state))
        return self.head(state)


def test_a_recurrent_relu_is_a_rectifier() -> None:
    torch.manual_seed(2)
    net, x = Reads("relu"), torch.randn(2, 6, 4)
    whole = values(net, x, "guided_backprop")
    net.unrolled = True
    assert np.abs(whole).max() > 0
    np.testing.assert_allclose(whole, values(net, x, "guided_backprop"), rtol=1e-4, atol=1e-7)
    with pytest.raises(UnsupportedOperation, match="no rectifier"):
        values(Reads("tanh"), x, "guided_backprop")


@pytest.mark.parametrize("method", METHODS)
def test_the_verdict_is_never_better_than_weak_and_says_why(method: str) -> None:
    torch.manual_seed(3)
    # a network that the method is right about: what speaks for class 0 is the first half, all weights positive
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.diag(torch.arange(8.0, 0, -1).double()))
        net[2].weight.copy_(torch.stack([torch.ones(8), torch.zeros(8)]))
    x = torch.ones(1, 8, dtype=torch.float64)
    gradient, own = (pl.explain(net, x, name, target=0, background=torch.zeros(2, 8, dtype=torch.float64)) for name in ("gradient", method))
    assert gradient.verdict == "supported"
    assert own.verdict == "weak"
    assert [reason.code for reason in own.verdicts[0].reasons] == ["fails_randomization"]
    assert "learned nothing" in own.narrate()
    assert "什么都没学到" in own.narrate("zh-CN")
    assert own.provenance.caution == "fails_randomization"


@pytest.mark.parametrize("method", METHODS)
def test_the_label_stays_on_refused_rows(method: str) -> None:
    net, x = chain()
    found = pl.explain(net, x, method, target=2)
    assert found.verdict == "refused"
    assert all(verdict.reasons[-1].code == "fails_randomization" for verdict in found.verdicts)
