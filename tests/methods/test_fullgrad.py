"""FullGrad: its account closes on any network, and its map is the paper's, written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.errors import InputError, UnsupportedOperation
from pellucid.models.rules.gradients import full_gradient


class Pictures(nn.Module):
    """Everything that is not homogeneous: normalization, GELU, gates, ReLU6, padding with a number, attention, a log-softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.gate = nn.Conv2d(2, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.Linear(4, 4)
        self.second, self.attention, self.head = nn.Conv2d(4, 4, 3), nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm(self.first(x)))
        x = x * torch.sigmoid(self.gate(x.mean((2, 3))))[..., None, None]
        x = F.relu6(self.second(x)) * 3
        x = F.max_pool2d(F.pad(x, (1, 0, 1, 0), value=0.5), 2)
        tokens = x.flatten(2).transpose(1, 2)
        tokens = tokens + self.attention(tokens, tokens, tokens)[0]
        return F.log_softmax(self.head(tokens.mean(1) / (1 + tokens.std((1, 2))[:, None])), 1)


class Chain(nn.Module):
    """Two convolutions, a batch norm and a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3, stride=2)
        self.head = nn.Linear(4, 3)
        with torch.no_grad():
            self.norm.running_mean.normal_()
            self.norm.bias.normal_()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.first(x)))
        return self.head(F.relu_(self.second(x)).mean((2, 3)))


def built(make: Any) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    return make().double().eval(), torch.randn(3, 2, 9, 9, dtype=torch.float64)


def entries(explanation: pl.Explanation) -> dict[str, np.ndarray]:
    (table,) = explanation.check("conservation").curves
    return {name: table.values[:, n] for n, name in enumerate(table.coordinates["entry"])}


@pytest.mark.parametrize("make", [Pictures, Chain])
def test_gradient_times_input_and_bias_gradients_are_the_score(make: Any) -> None:
    net, x = built(make)
    found = pl.explain(net, x, "fullgrad", target=1, checks="none")
    account, scores = entries(found), found.decision.scores
    assert np.abs(sum(account.values()) - scores).max() <= 1e-12 * np.abs(scores).max()
    gradients = pl.explain(net, x, "gradient_times_input", target=1, checks="none").arrays[0].values
    np.testing.assert_allclose(account["inputs"], gradients.sum((1, 2, 3)), rtol=1e-9, atol=1e-12)
    assert np.abs(account["biases"]).min() > 0


@pytest.mark.parametrize("forgotten", ["has_constants", "beside_tangent", "constant_elements"])
def test_a_forgotten_bias_is_an_error(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x = built(Pictures)
    empty = {"has_constants": lambda _: False, "beside_tangent": lambda _, output: output.detach() * 0, "constant_elements": lambda _: None}
    monkeypatch.setattr(full_gradient, forgotten, empty[forgotten])
    with pytest.raises(UnsupportedOperation, match="does not close"):
        pl.explain(net, x, "fullgrad", target=1, checks="none")


def stretched(values: Tensor) -> Tensor:
    return torch.stack([(v.abs() - v.abs().min()) / (v.abs().max() - v.abs().min()) for v in values])


def test_the_map_is_the_sum_over_layers_written_out() -> None:
    net, x = built(Chain)
    x = x.clone().requires_grad_()
    first = net.first(x)
    norm = net.norm(first)
    second = net.second(F.relu(norm))
    score = net.head(F.relu(second).mean((2, 3)))[:, 1].sum()
    to_x, to_first, to_norm, to_second = torch.autograd.grad(score, [x, first, norm, second])
    shift = net.norm.bias - net.norm.running_mean * net.norm.weight / (net.norm.running_var + net.norm.eps).sqrt()
    expected = stretched(to_x * x.detach()).sum(1)
    for bias, gradient in ((net.first.bias, to_first), (shift, to_norm), (net.second.bias, to_second)):
        plane = stretched(gradient * bias.detach()[:, None, None]).sum(1, keepdim=True)
        expected = expected + F.interpolate(plane, (9, 9), mode="bilinear", align_corners=True)[:, 0]
    found = pl.explain(net, x.detach(), "fullgrad", target=1, checks="none").arrays[0]
    assert found.axes == ("sample", "y", "x")
    np.testing.assert_allclose(found.values, expected.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_channels_may_come_last() -> None:
    net, x = built(Chain)

    class Last(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return net(x.permute(0, 3, 1, 2))

    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="image", axes=("y", "x", "channel")),))
    turned = pl.explain(Last(), x.permute(0, 2, 3, 1).contiguous(), "fullgrad", target=1, checks="none", spec=spec)
    np.testing.assert_allclose(
        turned.arrays[0].values, pl.explain(net, x, "fullgrad", target=1, checks="none").arrays[0].values, rtol=1e-9, atol=1e-12
    )


def test_a_series_has_a_map_over_time() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)).double()
    x = torch.randn(2, 2, 12, dtype=torch.float64).requires_grad_()
    first = net[0](x)
    to_x, to_first = torch.autograd.grad(net[1:](first)[:, 1].sum(), [x, first])
    plane = stretched(to_first * net[0].bias.detach()[:, None]).sum(1, keepdim=True)
    expected = stretched(to_x * x.detach()).sum(1) + F.interpolate(plane, 12, mode="linear", align_corners=True)[:, 0]
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="series", axes=("channel", "time")),))
    found = pl.explain(net, x.detach(), "fullgrad", target=1, checks="none", spec=spec).arrays[0]
    assert found.axes == ("sample", "time")
    np.testing.assert_allclose(found.values, expected.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_a_table_is_refused() -> None:
    with pytest.raises(InputError, match="map of an image"):
        pl.explain(nn.Linear(3, 2), torch.randn(2, 3), "fullgrad", target=0)
