"""A small transformer that learns to reverse strings, so that the true alignment is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import pellucid as pl

LENGTH, VOCABULARY = 8, ("<s>", *"abcdefghijk")
SPEC = pl.ModelSpec(
    inputs=(pl.InputSpec("source", kind="tokens", names=VOCABULARY), pl.InputSpec("so far", kind="tokens", names=VOCABULARY)),
    class_names=VOCABULARY,
)


class Reversing(nn.Module):
    """An encoder-decoder transformer."""

    def __init__(self, layers: int = 1, width: int = 32) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(12, width), nn.Embedding(12, width)
        self.places = nn.Parameter(torch.randn(2, LENGTH, width) * 0.3)
        self.core = nn.Transformer(width, 4, layers, layers, 64, dropout=0.0, batch_first=True)
        self.head = nn.Linear(width, 12)

    def forward(self, source: Tensor, so_far: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(so_far.shape[1], dtype=self.places.dtype)
        source, so_far = self.source(source) + self.places[0, : source.shape[1]], self.target(so_far) + self.places[1, : so_far.shape[1]]
        return self.head(self.core(source, so_far, tgt_mask=mask, tgt_is_causal=True))


def strings(rows: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Strings, what the decoder has seen of their reverse, and the reverse."""
    source = torch.randint(1, 12, (rows, LENGTH), generator=generator)
    wanted = source.flip(1)
    return source, torch.cat([torch.zeros(rows, 1, dtype=torch.long), wanted[:, :-1]], 1), wanted
