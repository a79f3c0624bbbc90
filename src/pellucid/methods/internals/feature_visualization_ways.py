"""Two ways to write a picture so that climbing gives no noise: scaled Fourier coefficients, and phases beside fixed magnitudes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pellucid.methods.internals.feature_visualization_canvas import Canvas

EDGE = 1e-3  # how near the ends of the range a mean may lie: its logit stays finite
SWING = 5.0  # of the logistic curve: its slope is 1.25 in its middle, for what it takes from the ends


@dataclass(frozen=True, eq=False)
class Fourier:
    """Coefficients over frequency, through a logistic curve into the range (Olah, Mordvintsev & Schubert 2017).

    A step changes every wave by 1 / frequency, as strong as waves are in photos. Colors are mixed as those of the rows; all
    coefficients 0 are their mean color.
    """

    canvas: Canvas
    height: int
    width: int

    rate: ClassVar[float] = 0.03
    whole: ClassVar[bool] = True
    size: ClassVar[float] = 0.01  # of the first coefficients

    def start(self, draw: torch.Generator, like: Tensor) -> Tensor:
        """Small coefficients (channel, y, x / 2 + 1, part)."""
        shape = (len(self.canvas.low), self.height, self.width // 2 + 1, 2)
        return self.size * torch.randn(shape, generator=draw, dtype=torch.float64).to(like)

    def picture(self, coefficients: Tensor) -> Tensor:
        """Planes (picture, channel, y, x) in 0..1 of coefficients (picture, ...)."""
        waves = torch.view_as_complex(coefficients.contiguous()) * self._weights.to(coefficients)
        planes = torch.fft.irfft2(waves, s=(self.height, self.width), norm="ortho")
        colors = self.canvas.colors / self.canvas.colors.norm(dim=0).max()
        mean = torch.logit(self.canvas.mean.clamp(EDGE, 1 - EDGE))
        return torch.sigmoid(mean[:, None, None] + torch.einsum("cd,ndyx->ncyx", colors, planes))

    @cached_property
    def _weights(self) -> Tensor:
        frequencies = _frequencies(self.height, self.width)
        return 1 / (4 * frequencies.clamp_min(1 / max(self.height, self.width)))


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Phases beside the rows' mean magnitudes (MACO; Fel et al. 2023): only where waves lie is optimized, never how strong they are.

    Magnitudes are of colors that vary on their own; the mean stays that of the rows. The paper measures
    them on ImageNet; here they are those of the rows.

    Attributes:
        magnitudes: (channel, y, x / 2 + 1).
    """

    canvas: Canvas
    height: int
    width: int
    magnitudes: Tensor

    rate: ClassVar[float] = 0.1
    whole: ClassVar[bool] = False

    def start(self, draw: torch.Generator, like: Tensor) -> Tensor:
        """The phases of noise (channel, y, x / 2 + 1)."""
        shape = (len(self.canvas.low), self.height, self.width)
        return torch.fft.rfft2(torch.randn(shape, generator=draw, dtype=torch.float64)).angle().to(like)

    def waves(self, phases: Tensor) -> Tensor:
        """Planes (picture, channel, y, x) of the given magnitudes, their mean 0, before colors are mixed and squashed."""
        both = self._real(phases)
        return torch.fft.irfft2(torch.polar(self.magnitudes.to(both).expand_as(both), both), s=(self.height, self.width))

    def picture(self, phases: Tensor) -> Tensor:
        """Planes in 0..1."""
        planes = self.canvas.mean[:, None, None] + self.canvas.mixed(self.waves(phases))
        return torch.sigmoid(SWING * (planes - 0.5))

    def _real(self, phases: Tensor) -> Tensor:
        """Phases of a real picture: in the columns that hold a wave and its mirror image these are opposite."""
        mirrored = [0] + ([self.width // 2] if self.width % 2 == 0 else [])
        columns = phases[..., mirrored]
        back = columns.flip(-2).roll(1, -2)
        own = torch.arange(self.height)
        alone = ((-own) % self.height == own)[:, None].to(phases.device)
        fixed = torch.where(columns.detach().cos() < 0, torch.pi, 0.0).to(phases)
        found = phases.clone()
        found[..., mirrored] = torch.where(alone, fixed, (columns - back) / 2)
        return found


def _frequencies(height: int, width: int) -> Tensor:
    """(y, x / 2 + 1) cycles a pixel."""
    return torch.hypot(torch.fft.fftfreq(height, dtype=torch.float64)[:, None], torch.fft.rfftfreq(width, dtype=torch.float64)[None])


def magnitudes(planes: Tensor, canvas: Canvas) -> Tensor:
    """(row, channel, y, x / 2 + 1) the size of every wave of rows (row, channel, y, x), their colors unmixed; that of the mean is 0.

    Of the periodic part (Moisan 2011): the jump from one edge of a photo to the opposite one is no content, and would be seen as a cross.
    """
    about = canvas.unmixed(planes - canvas.mean[:, None, None])
    height, width = about.shape[2:]
    jumps = torch.zeros_like(about)
    for axis in (2, 3):
        jump = about.select(axis, -1) - about.select(axis, 0)
        jumps.select(axis, 0).add_(jump)
        jumps.select(axis, -1).sub_(jump)
    down, right = (
        2 * torch.pi * torch.fft.fftfreq(height, dtype=torch.float64),
        2 * torch.pi * torch.fft.rfftfreq(width, dtype=torch.float64),
    )
    bent = 2 * down.cos()[:, None] + 2 * right.cos() - 4
    bent[0, 0] = 1
    found = (torch.fft.rfft2(about) - torch.fft.rfft2(jumps) / bent.to(about)).abs()
    found[..., 0, 0] = 0
    return found
