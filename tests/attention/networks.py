"""Networks whose attention can be computed by hand, in all the ways that people write it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

TOKENS, WIDTH, HEADS, WORDS = 6, 8, 2, 11
Way = Callable[[Tensor, Tensor, Tensor], Tensor]  # (q, k, v), each (sample, token, width), to what is gathered (sample, token, width)


def heads(t: Tensor) -> Tensor:
    """(sample, token, width) to (sample, head, token, unit)."""
    return t.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def softmax_product(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = heads(q), heads(k), heads(v)
    weights = (q @ k.mT / (q.shape[-1] ** 0.5)).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def sdpa(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return nn.functional.scaled_dot_product_attention(heads(q), heads(k), heads(v)).transpose(1, 2).flatten(2)


def einsum(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    q, k, v = (t.unflatten(-1, (HEADS, -1)) for t in (q, k, v))
    weights = nn.functional.softmax(torch.einsum("bqhd,bkhd->bhqk", q, k) / (q.shape[-1] ** 0.5), dim=-1)
    return torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2)


def folded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Samples and heads in one axis, samples first."""
    rows = len(q)
    q, k, v = (heads(t).flatten(0, 1) for t in (q, k, v))
    weights = torch.softmax(torch.bmm(q, k.transpose(1, 2)) / (q.shape[-1] ** 0.5), 2)
    return torch.bmm(nn.functional.dropout(weights, 0.5, training=False), v).unflatten(0, (rows, HEADS)).transpose(1, 2).flatten(2)


def heads_first(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Samples and heads in one axis, heads first."""
    q, k, v = (torch.cat(t.split(WIDTH // HEADS, -1), 0) for t in (q, k, v))
    weights = torch.softmax(q @ k.mT / (q.shape[-1] ** 0.5), -1)
    return torch.cat((weights @ v).chunk(HEADS, 0), -1)


def one_by_one(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every head for itself, then side by side."""
    found = []
    for a, b, c in zip(*(t.split(WIDTH // HEADS, -1) for t in (q, k, v)), strict=True):
        found.append((a @ b.mT / (a.shape[-1] ** 0.5)).softmax(-1) @ c)
    return torch.cat(found, -1)


def columns(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Tokens last: values times weights whose columns are the queries."""
    q, k, v = (heads(t).mT for t in (q, k, v))
    weights = (k.mT @ q / (q.shape[-2] ** 0.5)).softmax(-2)
    return (v @ weights).flatten(1, 2).mT


def tokens_first(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The token axis before the sample axis, as nn.MultiheadAttention has it."""
    q, k, v = (t.transpose(0, 1).unflatten(-1, (HEADS, -1)) for t in (q, k, v))
    weights = (torch.einsum("qbhd,kbhd->hbqk", q, k) / (q.shape[-1] ** 0.5)).softmax(-1)
    return torch.einsum("hbqk,kbhd->qbhd", weights, v).flatten(2).transpose(0, 1)


def viewed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Samples and tokens in one axis for the layer that follows, by a view, as GPT-2 has it."""
    mixed = softmax_product(q, k, v)
    return mixed.contiguous().view(-1, WIDTH).view(*mixed.shape)


WAYS: dict[str, Way] = {
    way.__name__: way for way in (softmax_product, sdpa, einsum, folded, heads_first, one_by_one, columns, tokens_first, viewed)
}


class Block(nn.Module):
    """Attention in one of these ways, with a residual sum and a feed-forward part."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.way = way
        self.query, self.key, self.value, self.mix = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.norm, self.up, self.down = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 16), nn.Linear(16, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mix(self.way(self.query(x), self.key(x), self.value(x)))
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


class Reader(nn.Module):
    """Tokens to class scores; ``reads`` says how: a class token of its own, the mean, or the last token under a causal mask."""

    def __init__(self, blocks: list[nn.Module], reads: str = "class") -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.places = nn.Parameter(torch.randn(TOKENS + 1, WIDTH))
        self.start = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.blocks = nn.ModuleList(blocks)
        self.head, self.reads = nn.Linear(WIDTH, 3), reads

    def embed(self, tokens: Tensor) -> Tensor:
        """What goes into the first block."""
        x = self.words(tokens)
        if self.reads == "class":
            x = torch.cat([self.start.expand(len(x), -1, -1), x], 1)
        return x + self.places[: x.shape[1]]

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head({"class": x[:, 0], "mean": x.mean(1), "last": x[:, -1]}[self.reads])


def reader(blocks: Callable[[], list[nn.Module]], reads: str = "class", seed: int = 0) -> Reader:
    """A float64 network in eval mode; the same seed gives the same weights whatever way its attention is written."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Reader(blocks(), reads).double().eval()


def sentences(rows: int = 3, seed: int = 1) -> Tensor:
    """Token ids."""
    return torch.randint(0, WORDS, (rows, TOKENS), generator=torch.Generator().manual_seed(seed))


def by_hand(net: Reader, tokens: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Weights (sample, head, query, key) and values (sample, head, key, unit) of every block, computed line by line; with a graph."""
    x, found = net.embed(tokens), []
    for block in net.blocks:
        assert isinstance(block, Block)
        q, k, v = (heads(m(x)) for m in (block.query, block.key, block.value))
        weights = torch.stack(
            [torch.stack([(a @ b.T / 2).softmax(-1) for a, b in zip(m, n, strict=True)]) for m, n in zip(q, k, strict=True)]
        )
        found.append((weights, v))
        x = x + block.mix((weights @ v).transpose(1, 2).flatten(2))
        x = x + block.down(nn.functional.gelu(block.up(block.norm(x))))
    return found
