"""The torch networks that are exported."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """Two paths that meet, the second of them normalized."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.relu, self.pool, self.head = nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.relu(self.stem(x))
        return self.head(self.pool(self.relu(self.norm(self.conv(h)) + h)).flatten(1))


class Transformer(nn.Module):
    """Two layers of attention over a short series."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, dropout=0.0, activation="gelu")
        self.embed, self.encoder = nn.Linear(6, 16), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x)).mean(1))


class Recurrent(nn.Module):
    """Two layers in both directions."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(4, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Tokens(nn.Module):
    """Words by number."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(20, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.embed(x)).mean(1))


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.SiLU(), nn.Linear(8, 3))


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 2), nn.GELU(), nn.Flatten(), nn.Linear(32, 5),
    )  # fmt: skip


class UNet(nn.Module):
    """Down and up again, in two ways, with three normalizations."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.down = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.up, self.larger = nn.ConvTranspose2d(8, 4, 2, stride=2), nn.Upsample(scale_factor=2, mode="bilinear")
        self.join, self.groups, self.each = nn.Conv2d(12, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.InstanceNorm2d(8, affine=True)
        self.slope, self.head = nn.PReLU(4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = F.hardswish(self.enter(x))
        low = F.leaky_relu(self.each(self.down(h)))
        joined = self.join(torch.cat([self.up(low), self.larger(low)], 1))
        return self.head(self.slope(self.groups(joined + h)).mean((2, 3)))


class Decoder(nn.Module):
    """Words by number, a mask of padded ones, attention to what came before; the output layer has the weights of the embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.norm = nn.Embedding(30, 16), nn.Embedding(12, 16), nn.LayerNorm(16)
        self.three, self.one, self.head = nn.Linear(16, 48), nn.Linear(16, 16), nn.Linear(16, 30, bias=False)
        self.head.weight = self.words.weight

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        rows, length = ids.shape
        x = self.words(ids) + self.places(torch.arange(length, device=ids.device))
        q, k, v = self.three(self.norm(x)).view(rows, length, 3, 2, 8).permute(2, 0, 3, 1, 4)
        seen = torch.tril(torch.ones(length, length, dtype=torch.bool)) & mask[:, None, None, :].bool()
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).reshape(rows, length, 16)
        return self.head(x + self.one(mixed))[:, -1]
