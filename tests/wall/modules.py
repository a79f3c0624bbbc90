"""Networks made of modules: reused and in-place ones, residual sums, recurrent layers, attention, transformers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

WIDTH, LENGTH = 8, 5


@dataclass(frozen=True)
class Recipe:
    """How a network is made, how it is run, the shape of one input; whether rows may change places."""

    make: Callable[[], nn.Module]
    run: Callable[[Any, Tensor], Tensor] = lambda inner, x: inner(x)
    shape: tuple[int, ...] = (LENGTH, WIDTH)
    apart: bool = True


class Residual(nn.Module):
    """Convolutions with batch norm, one in-place ReLU used three times, an addition in place, a pooling, a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1)
        self.act, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.first(x)))
        y = self.second(x)
        y += x
        y = self.pool(self.act(y))
        return self.act(y * torch.sigmoid(y.mean((2, 3), keepdim=True)) - 0.1)


class Mixer(nn.Module):
    """Einsum, chunk, layer norm, GELU and a gate over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.wide = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        self.mix = nn.Parameter(torch.randn(LENGTH, LENGTH) / 3)

    def forward(self, x: Tensor) -> Tensor:
        signal, gate = self.wide(self.norm(x)).chunk(2, -1)
        return x + F.gelu(signal) * torch.einsum("btc,st->bsc", gate, self.mix)


class SqueezeExcite(nn.Module):
    """Channels scaled by what the whole image says of them; batch norm, SiLU."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.down, self.up = nn.Conv2d(6, 2, 1), nn.Conv2d(2, 6, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm(self.first(x)))
        return x * torch.sigmoid(self.up(F.silu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class VisionTransformer(nn.Module):
    """Patches, a class token, positions, attention written out, all heads folded into the batch axis."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.token = nn.Conv2d(3, WIDTH, 4, 4), nn.Parameter(torch.randn(1, 1, WIDTH))
        self.place = nn.Parameter(torch.randn(1, 5, WIDTH))
        self.qkv, self.norm, self.last = nn.Linear(WIDTH, 3 * WIDTH), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.wide, self.back = nn.Linear(WIDTH, 16), nn.Linear(16, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.place
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).reshape(3, b * 2, n, c // 2)
        x = x + (torch.bmm(q, k.transpose(1, 2)) / 2).softmax(-1).bmm(v).reshape(b, 2, n, c // 2).transpose(1, 2).reshape(b, n, c)
        return self.last(x + self.back(F.gelu(self.wide(x))))[:, 0]


class Cells(nn.Module):
    """GRU, LSTM and RNN cells, stepped by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.lstm, self.rnn = nn.GRUCell(WIDTH, 6), nn.LSTMCell(6, 5), nn.RNNCell(5, 4, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        h, states, end = None, None, None
        for time in range(x.size(1)):
            h = self.gru(x[:, time], h)
            states = self.lstm(h, states)
            end = self.rnn(states[0], end)
        return torch.cat([end, states[0]], 1)


class Decoder(nn.Module):
    """A transformer decoder over a memory that depends on the input."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.TransformerDecoder(nn.TransformerDecoderLayer(WIDTH, 2, 16, batch_first=True), 2)
        self.memory = nn.Parameter(torch.randn(1, 4, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH, dtype=x.dtype)
        return self.inner(x, self.memory.expand(len(x), -1, -1) * x.mean(1, keepdim=True), tgt_mask=mask, tgt_is_causal=True).mean(1)


def packed(inner: Any, x: Tensor) -> Tensor:
    lengths = (torch.arange(len(x)) * 3) % LENGTH + 1
    outputs, state = inner(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=LENGTH)
    return torch.cat([padded.mean(1), (state[0] if isinstance(state, tuple) else state)[-1]], 1)


def padding(x: Tensor) -> Tensor:
    """The last tokens of all rows are padding."""
    return (torch.arange(LENGTH) > 2).expand(len(x), LENGTH)


def causal(x: Tensor) -> Tensor:
    return torch.full((LENGTH, LENGTH), float("-inf"), dtype=x.dtype).triu(1)


def modulated(inner: Any, x: Tensor) -> Tensor:
    scale, shift = inner(x[:, :1]).chunk(2, -1)
    return (F.layer_norm(x, (WIDTH,)) * (1 + scale) + shift).tanh().mean(1)


def attend(**options: Any) -> Callable[[Any, Tensor], Tensor]:
    return lambda inner, x: inner(x, x, x, **{k: v(x) if callable(v) else v for k, v in options.items()})[0].mean(1)


def heads(**options: Any) -> Callable[[], nn.Module]:
    return lambda: nn.MultiheadAttention(WIDTH, 2, batch_first=True, **options)


def encoder_layer(**options: Any) -> nn.Module:
    return nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True, **options)


MODULES: dict[str, dict[str, Recipe]] = {
    "ways between modules": {
        "residual CNN, one in-place ReLU": Recipe(Residual, shape=(3, 8, 8)),
        "one nn.ReLU used twice": Recipe(
            lambda: nn.Sequential(nn.Linear(8, 8), relu := nn.ReLU(), nn.Linear(8, 8), relu), lambda inner, x: inner(x).mean(1)
        ),
        "gated mixer": Recipe(Mixer),
        "squeeze-excite": Recipe(SqueezeExcite, shape=(3, 8, 8)),
        "vision transformer": Recipe(VisionTransformer, shape=(3, 8, 8)),
        "max-pool and softmax in a batch": Recipe(
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Softmax(1)), shape=(3, 8, 8)
        ),
        "data parallel": Recipe(lambda: nn.DataParallel(nn.Linear(8, 4)), lambda inner, x: inner(x).relu().mean(1)),
        "weight norm": Recipe(lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 4)), lambda inner, x: inner(x).relu().mean(1)),
        "spectral norm": Recipe(lambda: nn.utils.spectral_norm(nn.Linear(8, 4)), lambda inner, x: inner(x).relu().mean(1)),
        "a lambda": Recipe(nn.Identity, lambda _, x: (lambda t: t * torch.sigmoid(1.702 * t))(x).mean(1)),
        "adaptive layer norm": Recipe(lambda: nn.Linear(8, 16), modulated),
        "bilinear layer": Recipe(lambda: nn.Bilinear(8, 8, 4), lambda inner, x: inner(x[:, 0], x[:, 1])),
        "PReLU layer": Recipe(lambda: nn.PReLU(5), lambda inner, x: inner(x).mean(2)),
        "batch norm": Recipe(lambda: nn.Sequential(nn.BatchNorm1d(5), nn.ReLU(inplace=True)), lambda inner, x: inner(x).mean(1)),
        "instance norm": Recipe(lambda: nn.InstanceNorm1d(5, affine=True), lambda inner, x: inner(x).square().mean(1)),
        "instance norm, running": Recipe(lambda: nn.InstanceNorm1d(5, affine=True, track_running_stats=True), lambda i, x: i(x).relu()),
        "3-d convolution and pool": Recipe(
            lambda: nn.Sequential(nn.Conv3d(1, 2, 2), nn.ReLU(), nn.MaxPool3d((2, 1, 2), ceil_mode=True)),
            lambda inner, x: inner(x.reshape(-1, 1, 5, 2, 4)),
        ),
        "1-d convolution, group norm": Recipe(
            lambda: nn.Sequential(nn.Conv1d(5, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.GELU(), nn.MaxPool1d(3, 2, 1))
        ),
        "upsampling, transposed convolution": Recipe(
            lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.ConvTranspose1d(5, 3, 3), nn.Mish(), nn.AdaptiveMaxPool1d(3))
        ),
        "channel shuffle": Recipe(
            lambda: nn.ChannelShuffle(2), lambda i, x: F.pixel_unshuffle(i(x[:, :4].unsqueeze(-1)).reshape(-1, 1, 4, 8), 2).relu()
        ),
    },
    "recurrent": {
        "biLSTM, 2 layers": Recipe(
            lambda: nn.LSTM(WIDTH, 6, 2, bidirectional=True, batch_first=True), lambda inner, x: inner(x)[0].softmax(-1)[:, -1]
        ),
        "LSTM, projected": Recipe(lambda: nn.LSTM(WIDTH, 6, proj_size=4), lambda inner, x: inner(x.transpose(0, 1))[1][0][-1]),
        "GRU, 2 layers": Recipe(lambda: nn.GRU(WIDTH, 6, 2, batch_first=True, dropout=0.3), lambda inner, x: inner(x)[1][-1]),
        "RNN, ReLU": Recipe(lambda: nn.RNN(WIDTH, 6, nonlinearity="relu"), lambda inner, x: inner(x.transpose(0, 1))[0].mean(0)),
        "RNN without batch": Recipe(lambda: nn.RNN(WIDTH, 6, bias=False), lambda inner, x: torch.stack([inner(row)[0][-1] for row in x])),
        "cells": Recipe(Cells),
        "LSTM, packed": Recipe(lambda: nn.LSTM(WIDTH, 6, 2, batch_first=True, bidirectional=True), packed, apart=False),
        "GRU, packed": Recipe(lambda: nn.GRU(WIDTH, 6, batch_first=True), packed, apart=False),
    },
    "attention": {
        "MultiheadAttention": Recipe(heads(), attend()),
        "its weights": Recipe(heads(), lambda inner, x: inner(x, x, x, need_weights=True)[1]),
        "sequence first": Recipe(
            lambda: nn.MultiheadAttention(WIDTH, 2),
            lambda inner, x: inner(*(x.transpose(0, 1),) * 3, need_weights=False)[0][0],
        ),
        "with bias and zero tokens": Recipe(heads(add_bias_kv=True, add_zero_attn=True), attend(need_weights=False)),
        "with padding": Recipe(heads(), attend(key_padding_mask=padding)),
        "causal": Recipe(heads(), attend(attn_mask=causal, is_causal=True, need_weights=False)),
        "other keys": Recipe(heads(kdim=4, vdim=4), lambda inner, x: inner(x, x[..., :4], x[..., 4:])[0].mean(1)),
        "TransformerEncoder, GELU": Recipe(
            lambda: nn.TransformerEncoder(encoder_layer(activation="gelu"), 2), lambda inner, x: inner(x).mean(1)
        ),
        "encoder layer, norm first, padded": Recipe(
            lambda: encoder_layer(norm_first=True), lambda inner, x: inner(x, src_key_padding_mask=padding(x)).mean(1)
        ),
        "encoder layer, causal": Recipe(encoder_layer, lambda inner, x: inner(x, src_mask=causal(x), is_causal=True)[:, -1]),
        "TransformerDecoder": Recipe(Decoder),
        "Transformer": Recipe(lambda: nn.Transformer(WIDTH, 2, 1, 1, 16, batch_first=True), lambda inner, x: inner(x, x[:, :3]).mean(1)),
    },
}
