"""How a dense layer or a convolution divides relevance among its inputs.

All rules share one form. With contributions c_ij = a_i w_ij of input i to output j, positive ones c+ and negative ones c-, an output's
relevance R_j goes to the inputs as sum_j (c_ij R_j / normalizer_j); the rules differ in which contributions they count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from pellucid.errors import InputError
from pellucid.models.rules.ledger import BIASES, EPSILON, Ledger
from pellucid.models.rules.rows import RowAxis
from pellucid.models.rules.weighted import Weighted


@dataclass(frozen=True, eq=False)
class Passage:
    """One dense layer or convolution at the moment when relevance arrives.

    Attributes:
        layer: the map, a batch norm behind it included.
        given: what went in.
        made: what came out.
        at: where rows lie in ``made``.
    """

    layer: Weighted
    given: Tensor
    made: Tensor
    ledger: Ledger
    epsilon: Tensor
    at: RowAxis | None

    def divided(self, relevance: Tensor, normalizer: Tensor) -> Tensor:
        """Relevance over the stabilized normalizer; what the stabilizer absorbs is booked."""
        offset = torch.copysign(self.epsilon, normalizer)
        signal = relevance / (normalizer + offset)
        self.ledger.book_product(EPSILON, signal, offset, self.at)
        return signal

    def to_bias(self, signal: Tensor, bias: Tensor | None) -> None:
        """Books what a signal gives to a bias."""
        if bias is not None:
            self.ledger.book_channels(BIASES, signal, self.layer.channel, bias, self.at)


class WeightRule(Protocol):
    """One way to divide relevance."""

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """From the relevance of the outputs to that of the inputs."""
        ...


@dataclass(frozen=True)
class Epsilon:
    """Every contribution in proportion (Bach et al. 2015, eq. 58): c_ij / (z_j + epsilon sign z_j)."""

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """a * W^T (R / z)."""
        layer = passage.layer
        signal = passage.divided(relevance, passage.made)
        passage.to_bias(signal, layer.bias)
        return passage.given * layer.backward(signal, layer.weight, passage.given)


@dataclass(frozen=True)
class Gamma:
    """Contributions with the output's own sign count 1 + gamma times (Montavon et al. 2019; for outputs and inputs of both signs as in
    Andeol et al. 2023)."""

    gamma: float

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """(c + gamma c+) / (z + gamma z+) where z > 0, (c + gamma c-) / (z + gamma z-) where z < 0."""
        layer, made = passage.layer, passage.made
        positive = positive_part(passage)
        above = (made >= 0).to(made.dtype)
        favored = (2 * above - 1) * positive + (1 - above) * made
        signal = passage.divided(relevance, torch.add(made, favored, alpha=self.gamma))
        up = signal * above
        down = signal - up
        plus, minus = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
        weights = layer.weight + self.gamma * plus, layer.weight + self.gamma * minus
        for part, low, high in ((up, 0.0, None), (down, None, 0.0)):
            passage.to_bias(part, None if layer.bias is None else layer.bias + self.gamma * layer.bias.clamp(low, high))
        return divided_by_sign(passage, (up, down if bool(down.any()) else None), weights)


@dataclass(frozen=True)
class AlphaBeta:
    """Positive contributions alpha times, negative ones -(alpha - 1) times, each over their own sum (Bach et al. 2015, eq. 60).

    With ``alpha`` 1 it is the z-plus rule (Montavon et al. 2017): negative contributions do not count.
    """

    alpha: float = 1.0

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """alpha c+ / z+ - (alpha - 1) c- / z-."""
        layer = passage.layer
        positive = positive_part(passage)
        up = passage.divided(self.alpha * relevance if self.alpha != 1 else relevance, positive)
        passage.to_bias(up, None if layer.bias is None else layer.bias.clamp(min=0))
        down = None
        if self.alpha != 1:
            down = passage.divided((1 - self.alpha) * relevance, (passage.made - positive).clamp(max=-0.0))
            passage.to_bias(down, None if layer.bias is None else layer.bias.clamp(max=0))
        return divided_by_sign(passage, (up, down), (layer.weight.clamp(min=0), layer.weight.clamp(max=0)))


@dataclass(frozen=True)
class Box:
    """For inputs within known bounds (Montavon et al. 2017, z^B rule): c_ij - low_i w+_ij - high_i w-_ij.

    ``low`` and ``high`` are numbers, or one for each channel. Biases get nothing.
    """

    low: float | tuple[float, ...]
    high: float | tuple[float, ...]

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """(a - low) * W+^T s + (a - high) * W-^T s."""
        layer, given = passage.layer, passage.given
        over, under = given - self._bound(self.low, passage), given - self._bound(self.high, passage)
        slack = 1e-4 * float((over - under).max())
        if float(over.min()) < -slack or float(under.max()) > slack:
            raise InputError(
                "What enters the first layer lies outside the bounds of the z-box rule",
                received=f"values from {float(given.min()):.4g} to {float(given.max()):.4g}, bounds {self.low} to {self.high}",
                remedy="give low= and high=, the least and the largest value (or one for each channel) that the first layer can get",
            )
        plus, minus = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
        signal = passage.divided(relevance, layer.forward(over, plus) + layer.forward(under, minus))
        return over * layer.backward(signal, plus, given) + under * layer.backward(signal, minus, given)

    def _bound(self, bound: float | tuple[float, ...], passage: Passage) -> Tensor:
        entries = passage.given.new_tensor(bound)
        if entries.ndim == 0:
            return entries
        axis = passage.layer.channel % passage.given.ndim
        if len(entries) != passage.given.shape[axis]:
            raise InputError(
                "The bounds of the z-box rule do not fit the channels of the input",
                received=f"{len(entries)} bounds for {passage.given.shape[axis]} channels",
                remedy="give one number, or one for each channel",
            )
        return entries.reshape([-1 if a == axis else 1 for a in range(passage.given.ndim)])


@dataclass(frozen=True)
class Flat:
    """Every input of an output the same (Bach et al. 2016): neither weights nor values count. Biases get nothing."""

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """1^T (R / number of inputs)."""
        ones, one = torch.ones_like(passage.layer.weight), torch.ones_like(passage.given)
        signal = passage.divided(relevance, passage.layer.forward(one, ones))
        return passage.layer.backward(signal, ones, passage.given)


def positive_part(passage: Passage) -> Tensor:
    """The sum of each output's positive contributions, its bias included; it is not below the output itself, nor below 0."""
    layer, given = passage.layer, passage.given
    bias = None if layer.bias is None else layer.bias.clamp(min=0)
    if not negative(given):
        return layer.forward(given, layer.weight.clamp(min=0), bias)
    above = layer.forward(given.clamp(min=0), layer.weight.clamp(min=0), bias)
    return above + layer.forward(given.clamp(max=0), layer.weight.clamp(max=0))


def divided_by_sign(passage: Passage, signals: tuple[Tensor, Tensor | None], weights: tuple[Tensor, Tensor]) -> Tensor:
    """Relevance of the inputs from the signals to positive and to negative contributions, with the weights that these count with."""
    layer, given = passage.layer, passage.given
    up, down = signals
    positive, swapped = weights

    def back(first: Tensor, second: Tensor) -> Tensor:
        found = layer.backward(up, first, given)
        return found if down is None else found.add_(layer.backward(down, second, given))

    if not negative(given):
        return given * back(positive, swapped)
    return given.clamp(min=0) * back(positive, swapped) + given.clamp(max=0) * back(swapped, positive)


def negative(values: Tensor) -> bool:
    """Whether any value lies below zero."""
    return bool(values.amin() < 0)
