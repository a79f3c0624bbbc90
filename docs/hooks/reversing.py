"""A transformer that learns to reverse strings of letters, for the picture of an alignment."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import pellucid as pl

LETTERS = ("·", *"abcdefghijk")
LENGTH, STEPS = 8, 400


class Reversing(nn.Module):
    """An encoder-decoder transformer of one layer each."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(len(LETTERS), 32), nn.Embedding(len(LETTERS), 32)
        self.places = nn.Parameter(torch.randn(2, LENGTH, 32) * 0.3)
        self.core = nn.Transformer(32, 4, 1, 1, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(32, len(LETTERS))

    def forward(self, source: Tensor, so_far: Tensor) -> Tensor:
        """Scores (sample, token, letter)."""
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        return self.head(self.core(self.source(source) + self.places[0], self.target(so_far) + self.places[1], tgt_mask=mask))


def strings(rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Strings, what the decoder is given of their reverse, and the reverse."""
    source = torch.randint(1, len(LETTERS), (rows, LENGTH), generator=generator)
    return source, torch.cat([torch.zeros(rows, 1, dtype=torch.long), source.flip(1)[:, :-1]], 1), source.flip(1)


def aligned() -> pl.Explanation:
    """Value-weighted cross-attention of the trained network on one string it has not seen."""
    torch.manual_seed(0)
    net, generator = Reversing(), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(STEPS):
        source, so_far, wanted = strings(64, generator)
        loss = nn.functional.cross_entropy(net(source, so_far).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    named = tuple(pl.InputSpec(name, kind="tokens", names=LETTERS) for name in ("source", "so far"))
    spec = pl.ModelSpec(inputs=named, class_names=LETTERS)
    source, so_far, _ = strings(1, generator)
    return pl.explain(net.eval(), (source, so_far), "attention_gradient", target=pl.Token(), spec=spec)
