"""What can not be followed is refused in words that name the line, and never passes in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import pellucid as pl
from pellucid.errors import UnsupportedOperation
from wall.cases import OneOperation
from wall.promises import PROMISES


def network(operation: Callable[[Tensor], Tensor]) -> nn.Module:
    net = OneOperation(operation).double()
    kept = torch.get_rng_state()
    torch.manual_seed(0)
    with torch.no_grad():
        net(torch.randn(4, 6, dtype=torch.float64))
        for parameter in net.parameters():
            parameter.normal_()
    torch.set_rng_state(kept)
    return net.eval()


def points() -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(1)
    return tuple(torch.randn(4, 6, dtype=torch.float64, generator=made) for _ in range(2))  # type: ignore[return-value]


def left_torch(x: Tensor) -> Tensor:
    return x * x.abs().sum().item()


def by_numpy(x: Tensor) -> Tensor:
    return x + torch.from_numpy(x.detach().numpy() ** 2)


class Hidden(torch.autograd.Function):
    """An operation of the user's own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * 3 * ctx.saved_tensors[0] ** 2


REFUSED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "item": (left_torch, r"do not add up.*values left torch at test_refusals\.py"),
    "rows mix": (lambda x: x - x.mean(0), "do not add up|which row"),
    "an index that changes": (lambda x: x.gather(1, x.argsort(1)[:, :3].flip(1)) * x[:, :3], r"another one at the baseline.*gather at"),
    "a mask as an index": (lambda x: torch.stack([row[row > 0].mean() for row in x]).unsqueeze(1), "another one at the baseline"),
    "one hot": (lambda x: F.one_hot(x.argmax(1), 8).to(x) * x, "another one at the baseline"),
    "fft": (lambda x: torch.fft.fft(x).real, r"No rule covers.*fft.* at test_refusals\.py"),
    "an inverse": (lambda x: torch.linalg.inv(x[:, :4].reshape(-1, 2, 2)), "No rule covers"),
    "dropout that drops": (lambda x: F.dropout(x, 0.5), "draws random numbers"),
    "noise": (lambda x: x + torch.randn_like(x), "draws random numbers"),
    "a custom function": (Hidden.apply, "can not be followed"),
    "sampled places": (
        lambda x: F.grid_sample(x.reshape(-1, 1, 2, 4), x[:, :4].reshape(-1, 1, 2, 2), align_corners=False),
        "places where an image is sampled",
    ),
    "written by an index": (lambda x: x.clone().index_put_((torch.arange(len(x)), x.argmax(1)), x.new_zeros(1)), "another one|depend on"),
    "a compressed write": (lambda x: _compressed(x), "torch.where"),
}


def _compressed(x: Tensor) -> Tensor:
    y = x.clone()
    y[y > 0] = y[y > 0] * 2
    return y


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("method", ["deeplift", "deepshap"])
def test_it_is_refused(method: str, name: str) -> None:
    operation, words = REFUSED[name]
    net, (x, baseline) = network(operation), points()
    with pytest.raises(UnsupportedOperation, match=f"(?s){words}"):
        PROMISES[method](net, x, baseline)


def test_another_branch_is_refused() -> None:
    class Branched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, :2].exp() if x.sum() > 0 else x[:, :2] * 2 + 1

    with pytest.raises(UnsupportedOperation, match="another branch"):
        pl.explain(Branched(), torch.ones(3, 4), pl.DeepLIFT(baseline=-torch.ones(3, 4)), target=0)


def test_batch_norm_in_training_mode_is_refused() -> None:
    net = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).train()
    with pytest.raises(UnsupportedOperation, match="neighbors"):
        pl.explain(net, torch.randn(3, 6), pl.DeepLIFT(baseline=torch.randn(3, 6)), target=0, mode="as_is", batch_size=3)


def test_the_same_index_at_both_ends_is_followed() -> None:
    def sorted_by_the_first(x: Tensor) -> Tensor:
        order = (x.detach() * 0 + torch.arange(8.0, dtype=x.dtype)).argsort(1, descending=True)
        return x.gather(1, order).tanh()

    net, (x, baseline) = network(sorted_by_the_first), points()
    assert PROMISES["deeplift"](net, x, baseline).scores().max() <= 1e-9


def test_a_long_order_that_changes_is_refused() -> None:
    net = nn.Sequential(nn.Linear(6, 200), Sorted(), nn.Linear(200, 2)).double().eval()
    x, baseline = points()
    with pytest.raises(UnsupportedOperation, match="order of more than 128"):
        pl.explain(net, x, pl.DeepLIFT(baseline=baseline), target=0)


class Sorted(nn.Module):
    """Values in order."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sort(1)[0]


def test_a_scripted_network_says_what_works_instead() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)))
    with pytest.raises(pl.PellucidError, match=r"hides its operations.*occlusion"):
        pl.explain(scripted, torch.randn(2, 6), "deeplift", target=0)
