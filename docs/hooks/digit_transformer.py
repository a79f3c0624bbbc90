"""A small vision transformer that is trained on handwritten digits, for the pictures of attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.demo.networks import Trained, one_thread

WIDTH, PATCHES = 32, 16


class DigitTransformer(nn.Module):
    """(sample, 1, 8, 8) in 0..1, cut into 4 x 4 patches, to ten logits that are read off a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, WIDTH, 2, 2)
        self.answer = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.places = nn.Parameter(torch.randn(1, 1 + PATCHES, WIDTH) * 0.3)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
        self.core = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (sample, digit)."""
        patches = self.patches(x).flatten(2).mT
        tokens = torch.cat([self.answer.expand(len(x), -1, -1), patches], 1) + self.places
        return self.head(self.core(tokens)[:, 0])


def train_digit_transformer() -> Trained:
    """The network with what explaining it needs."""
    digits = pl.datasets.digits()
    split = digits.split(seed=0)
    rows = [torch.from_numpy(part.inputs.astype("float32")) for part in (split.train, split.validation, split.test)]
    with one_thread(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        net = DigitTransformer()
        history = pl.fit(
            net,
            rows[0],
            split.train.labels,
            validation=(rows[1], split.validation.labels),
            learning_rate=2e-3,
            epochs=30,
            batch_size=32,
            seed=0,
        )
    evaluation = pl.evaluate(net, rows[2], split.test.labels, class_names=digits.class_names)
    return Trained(net.eval(), digits, split, None, history, evaluation)
