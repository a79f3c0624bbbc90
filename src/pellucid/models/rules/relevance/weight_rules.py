"""How a dense layer or a convolution divides relevance among its inputs.

All rules share one form. With contributions c_ij = a_i w_ij of input i to output j, positive ones c+ and negative ones c-, an output's
relevance R_j goes to the inputs as sum_j (c_ij R_j / normalizer_j); the rules differ in which contributions they count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

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

    @cached_property
    def mixed(self) -> bool:
        """Whether any input lies below zero."""
        return bool(self.given.amin() < 0)

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
        layer, made, more = passage.layer, passage.made, 1 + self.gamma
        behind_relu = not _meets_below_zero(relevance, made)
        parts = Parts(
            functional.leaky_relu(layer.weight, 1 / more).mul_(more),
            None if behind_relu and not passage.mixed else functional.leaky_relu(layer.weight, more),
        )
        bias = layer.bias
        favored = None if bias is None else bias + self.gamma * bias.clamp(min=0)
        normalizer = parts.sum(passage, favored)
        if behind_relu:
            signal = passage.divided(relevance, normalizer)
            passage.to_bias(signal, favored)
            return parts.spread(passage, signal)
        above = (made >= 0).to(made.dtype)
        normalizer = torch.lerp((2 + self.gamma) * made - normalizer, normalizer, above)
        signal = passage.divided(relevance, normalizer)
        up = signal * above
        down = signal - up
        passage.to_bias(up, favored)
        passage.to_bias(down, None if bias is None else bias + self.gamma * bias.clamp(max=0))
        return parts.spread(passage, up, down)


@dataclass(frozen=True)
class AlphaBeta:
    """Positive contributions alpha times, negative ones -(alpha - 1) times, each over their own sum (Bach et al. 2015, eq. 60).

    With ``alpha`` 1 it is the z-plus rule (Montavon et al. 2017): negative contributions do not count.
    """

    alpha: float = 1.0

    def relevance(self, passage: Passage, relevance: Tensor) -> Tensor:
        """alpha c+ / z+ - (alpha - 1) c- / z-."""
        layer, bias = passage.layer, passage.layer.bias
        parts = Parts(layer.weight.clamp(min=0), layer.weight.clamp(max=0) if passage.mixed or self.alpha != 1 else None)
        bonus = None if bias is None else bias.clamp(min=0)
        positive = parts.sum(passage, bonus)
        up = passage.divided(relevance if self.alpha == 1 else self.alpha * relevance, positive)
        passage.to_bias(up, bonus)
        if self.alpha == 1:
            return parts.spread(passage, up)
        malus = None if bias is None else bias.clamp(max=0)
        # summed by themselves: the output less the positive ones would be mostly rounding where there are few
        down = passage.divided((1 - self.alpha) * relevance, parts.opposite(passage, malus))
        passage.to_bias(down, malus)
        return parts.spread(passage, up, down)


@dataclass(frozen=True, eq=False)
class Parts:
    """The weights that positive contributions count with, and those that negative ones count with where there are any.

    Where inputs have both signs, the positive contributions are those of positive inputs to ``positive`` and of negative inputs to
    ``negative``.
    """

    positive: Tensor
    negative: Tensor | None

    def sum(self, passage: Passage, bias: Tensor | None) -> Tensor:
        """The sum of each output's contributions as positive ones count, with this bias."""
        layer, given = passage.layer, passage.given
        if not passage.mixed or self.negative is None:
            return layer.forward(given, self.positive, bias)
        return layer.forward(given.clamp(min=0), self.positive, bias) + layer.forward(given.clamp(max=0), self.negative)

    def opposite(self, passage: Passage, bias: Tensor | None) -> Tensor:
        """The sum of each output's contributions as negative ones count, with this bias."""
        layer, given = passage.layer, passage.given
        found = torch.zeros_like(passage.made) if self.negative is None else layer.forward(given.clamp(min=0), self.negative, bias)
        return found + layer.forward(given.clamp(max=0), self.positive) if passage.mixed else found

    def spread(self, passage: Passage, up: Tensor, down: Tensor | None = None) -> Tensor:
        """The relevance of the inputs from the signals to positive and to negative contributions."""
        given = passage.given
        if not passage.mixed or self.negative is None:
            return given * self._back(passage, (up, self.positive), (down, self.negative))
        above = given.clamp(min=0) * self._back(passage, (up, self.positive), (down, self.negative))
        return above + given.clamp(max=0) * self._back(passage, (up, self.negative), (down, self.positive))

    def _back(self, passage: Passage, *signals: tuple[Tensor | None, Tensor | None]) -> Tensor:
        found = [passage.layer.backward(s, w, passage.given) for s, w in signals if s is not None and w is not None]
        return found[0] if len(found) == 1 else found[0] + found[1]


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
        layer = replace(passage.layer, factor=None)
        ones, one = torch.ones_like(layer.weight), torch.ones_like(passage.given)
        signal = passage.divided(relevance, layer.forward(one, ones))
        return layer.backward(signal, ones, passage.given)


def _meets_below_zero(relevance: Tensor, made: Tensor) -> bool:
    """Whether an output below zero has relevance, as it never has behind a ReLU."""
    return bool(torch.dot(made.clamp(max=0).reshape(-1), relevance.abs().reshape(-1)))
