"""One pass of relevance, how far its ledger is from closing, and networks on which that is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.models.rules.interceptor import Interceptor
from pellucid.models.rules.ledger import Ledger
from pellucid.models.rules.relevance.propagation import Relevance, Rulebook
from pellucid.models.rules.relevance.weight_rules import AlphaBeta, Box, Epsilon, Flat, Gamma

EPSILON = 1e-12
BOOKS = {
    "epsilon": Rulebook(Epsilon(), Epsilon(), None, EPSILON),
    "gamma": Rulebook(Gamma(0.25), Gamma(0.25), None, EPSILON),
    "z_plus": Rulebook(AlphaBeta(), AlphaBeta(), None, EPSILON),
    "alpha_beta": Rulebook(AlphaBeta(2.0), AlphaBeta(2.0), None, EPSILON),
    "z_box": Rulebook(Epsilon(), Gamma(0.25), Box(-6.0, 6.0), EPSILON),
    "flat": Rulebook(Epsilon(), AlphaBeta(), Flat(), EPSILON),
}


@dataclass(frozen=True, eq=False)
class Passed:
    """What a pass gave: relevance of the input (row, ...), the scores (row,) and the ledger."""

    relevance: Tensor
    scores: Tensor
    ledger: Ledger

    @property
    def inputs(self) -> Tensor:
        """The sum over each row's input, (row,)."""
        return self.relevance.flatten(1).sum(1)

    @property
    def booked(self) -> Tensor:
        """The sum of each row's ledger, (row,)."""
        return torch.stack([torch.zeros(len(self.scores), dtype=torch.float64), *self.ledger.booked.values()]).sum(0)


def relevance_pass(net: Callable[[Tensor], Tensor], x: Tensor, book: Rulebook = BOOKS["epsilon"], output: int = 0) -> Passed:
    """Relevance of ``x`` for one output of a network, beginning with the output itself."""
    rules = Relevance(book, len(x))
    interceptor = Interceptor(rules, len(x))
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        entered = interceptor.enter(leaf.clone())
        with interceptor:
            scores = net(entered).flatten(1)[:, output]
        rules.finish()
        found = torch.autograd.grad(scores, leaf, scores.detach())[0]
    return Passed(found, scores.detach(), rules.ledger)


def ledger_score(net: Callable[[Tensor], Tensor], x: Tensor, book: Rulebook = BOOKS["epsilon"], output: int = 0) -> float:
    """How far the ledger is from closing in the worst row: |score - inputs - booked| over max(|score|, 1e-3 sum |relevance|)."""
    found = relevance_pass(net, x, book, output)
    size = torch.maximum(found.scores.abs().double(), 1e-3 * found.relevance.double().abs().flatten(1).sum(1))
    return float(((found.scores.double() - found.inputs.double() - found.booked).abs() / size).max())


def conservation_score(net: Callable[[Tensor], Tensor], x: Tensor, output: int = 0) -> float:
    """How far the inputs alone are from the score in the worst row, for networks where nothing else should get anything."""
    found = relevance_pass(net, x, BOOKS["epsilon"], output)
    size = torch.maximum(found.scores.abs(), 1e-3 * found.relevance.abs().flatten(1).sum(1))
    return float(((found.scores - found.inputs).abs() / size).max())


# ---- networks -------------------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """x + f(x), three times, without biases; the function is called, not a module."""

    def __init__(self, *, bias: bool = False) -> None:
        super().__init__()
        self.inside, self.head = nn.Linear(8, 8, bias=bias), nn.Linear(8, 4, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = x + F.relu(self.inside(x))
        return self.head(x)


class Pictures(nn.Module):
    """Convolutions with batch norms, in-place sums and ReLUs, a max-pool with padding, concatenation, an average pool."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.second, self.turned = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.up = nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1)
        self.head = nn.Linear(3 + 4, 3)
        with torch.no_grad():
            for norm in (self.norm, self.turned):
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
                norm.weight.normal_()  # some factors are negative
                norm.bias.normal_()

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.norm(self.first(x)))
        y = self.turned(self.second(x))
        y += x
        y = y.relu_()
        pooled = F.max_pool2d(y, 3, 2, padding=1, ceil_mode=True)
        wide = F.adaptive_avg_pool2d(F.silu(self.up(pooled)), 1).flatten(1)
        return self.head(torch.cat([wide, pooled.amax((2, 3))], 1))


class Gates(nn.Module):
    """Squeeze and excite, a gated product, softplus, a quotient, a log-softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.squeeze, self.gate, self.head = nn.Conv1d(8, 6, 2), nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.hardswish(self.first(x.transpose(1, 2)))
        x = x * torch.sigmoid(self.squeeze(x.mean(2)))[:, :, None]
        x = x.mean(2)
        x = F.silu(self.gate(x)) * x
        return F.log_softmax(self.head(x / (1 + F.softplus(x).sum(1, keepdim=True))), -1)


class Attends(nn.Module):
    """A class token, position embeddings, multi-head attention over (token, sample, feature), a layer norm, GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.start, self.places = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 6, 8))
        self.attention, self.norm, self.head = nn.MultiheadAttention(8, 2), nn.LayerNorm(8), nn.Linear(8, 3)
        nn.init.normal_(self.norm.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.start.expand(len(x), -1, -1), x], 1) + self.places
        x = x.transpose(0, 1)
        return self.head(F.gelu(self.norm(x + self.attention(x, x, x)[0])[0]))


class Recurrent(nn.Module):
    """An LSTM or GRU in both directions, read at its last step."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inside, self.head = getattr(nn, kind)(8, 5, 2, batch_first=True, bidirectional=True), nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inside(x)[0][:, -1])


class Writes(nn.Module):
    """Writing into a tensor of constants, over what was written, through a view; where and maximum with constants."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        made = torch.zeros(len(x), 5, 8, dtype=x.dtype) + 0.3
        hidden = self.first(x)
        for step in range(3):
            made[:, step] = F.gelu(hidden[:, step])
        made[:, 1, 2] = 1.5
        made[:, 2].mul_(2)
        mean = made.mean(1)
        mean = torch.where(mean > 0, mean, torch.ones(8, dtype=x.dtype))
        return self.head(torch.maximum(F.pad(mean, (1, 0), value=0.5)[:, 1:], torch.full((8,), 0.2, dtype=x.dtype)))


def einsums(x: Tensor) -> Tensor:
    """Products of two and three varying values, and log-sum-exp."""
    scores = torch.einsum("btf,buf->btu", x, x)
    return scores.softmax(-1).matmul(x).logsumexp(-1) - torch.einsum("bij,bjk,bkl->bil", scores, scores, x).sum(-1) * 0.01


ROWS, PICTURES, SERIES = (3, 8), (3, 2, 6, 6), (3, 5, 8)
NETWORKS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "mlp": (lambda: nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4)), ROWS),
    "residual": (lambda: Residual(bias=True), ROWS),
    "pictures": (Pictures, PICTURES),
    "gates": (Gates, SERIES),
    "attends": (Attends, SERIES),
    "encoder": (
        lambda: nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True), nn.Flatten(), nn.Linear(40, 2)),
        SERIES,
    ),
    "lstm": (lambda: Recurrent("LSTM"), SERIES),
    "gru": (lambda: Recurrent("GRU"), SERIES),
    "writes": (Writes, SERIES),
    "einsums": (lambda: einsums, SERIES),
}
# no biases, no softmax, no normalization: the inputs get everything
BARE: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "mlp": (lambda: nn.Sequential(nn.Linear(8, 6, bias=False), nn.ReLU(), nn.Linear(6, 4, bias=False)), ROWS),
    "residual": (Residual, ROWS),
    "gelu": (lambda: nn.Sequential(nn.Linear(8, 6, bias=False), nn.GELU(), nn.Linear(6, 4, bias=False)), ROWS),
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3, bias=False)),
        PICTURES,
    ),
}


def made(name: str, networks: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = NETWORKS) -> tuple[Any, Tensor]:
    """The network of this name in float64 and eval mode, and its rows."""
    kept = torch.get_rng_state()
    torch.manual_seed(3)
    make, shape = networks[name]
    net = make()
    if isinstance(net, nn.Module):
        net = net.double().eval().requires_grad_(requires_grad=False)
    x = torch.randn(shape, dtype=torch.float64)
    torch.set_rng_state(kept)
    return net, x
