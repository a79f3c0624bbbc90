"""Occlusion: how far the score falls when a part of the input is taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch

from pellucid.data.baselines import several
from pellucid.data.players import players
from pellucid.errors import InputError
from pellucid.explanation.provenance import BETWEEN
from pellucid.methods.attribution.imputation import NAME, Imputation
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.explanation.spec import InputSpec
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

NOISY = "noisy"


@dataclass(frozen=True)
class Occlusion:
    """The fall of the score when one player (feature, pixel or window, token) is replaced by the in-fill (Zeiler & Fergus 2014).

    Shapes: like the input; units: score. On tables, tokens and series every player is removed once and its fall is shared
    equally between its elements. On
    images a square window slides: ``window`` and ``stride`` in pixels (default: single pixels up to 32 x 32, a 14 x 14 grid
    of patches above); all channels go together, and a
    pixel's values summed over channels are the mean fall over the windows that cover it. One forward evaluation per window
    and one for the input.

    ``baseline`` is the in-fill: ``"mean"``, ``"blur"``, ``"zero"``, ``"patches"`` (of the background), any baseline, or ``"noisy"``: noisy
    linear imputation from the pixels around a window of an image (Rong et al. 2022). A tuple of several gives their mean, and ``spread``
    of the explanation says how far apart they are.

    What it does not show: interactions (two copies of a feature hide one another), and anything that the in-fill, named in the result, does
    not remove. Another in-fill gives another answer.

    Raises:
        InputError: a window that is larger than the image or not positive; imputation of anything but an image.
    """

    window: int | None = None
    stride: int | None = None
    baseline: Baseline | str | Sequence[Baseline | str] | None = None

    id: ClassVar[str] = "occlusion"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The falls of every row."""
        covers = [self._cover(tuple(v.shape[1:]), spec) for v, spec in zip(evaluator.values, evaluator.specs, strict=True)]
        chosen = several(self.baseline)
        fills: list[tuple[Tensor, ...] | None] = []
        names: list[dict[str, str]] = []
        for one in reversed(chosen):  # the evaluator keeps the names of the first, which is the checks' in-fill
            fills.append(None if _noisy(one) else evaluator.baseline(cast("Baseline | None", one)))
            names.append({spec.name: NAME for spec in evaluator.specs} if _noisy(one) else dict(evaluator.baseline_names))
        found = [self._falls(evaluator, covers, fill) for fill in reversed(fills)]
        compared = {name: BETWEEN.join(dict.fromkeys(of[name] for of in reversed(names))) for name in names[0]}
        if len(found) == 1:
            return Attribution(found[0], baseline=fills[0], compared=compared)
        mean = tuple(torch.stack(parts).mean(0) for parts in zip(*found, strict=True))
        return Attribution(mean, baseline=fills[-1], alternatives=tuple(found), compared=compared)

    def _falls(self, evaluator: Evaluator, covers: list[_Cover], filled: tuple[Tensor, ...] | None) -> tuple[Tensor, ...]:
        """The falls with one in-fill; None imputes."""
        scores = evaluator.scores_at_inputs()
        found = []
        for i, cover in enumerate(covers):
            imputed = _imputation(cover, evaluator.specs[i]) if filled is None else None

            def points(
                rows: Tensor, samples: Tensor, *, i: int = i, cover: _Cover = cover, imputed: Imputation | None = imputed
            ) -> tuple[Tensor, ...]:
                batch = [v[rows] for v in evaluator.values]
                if imputed is not None:
                    batch[i] = imputed.fill(batch[i], samples)
                elif filled is not None:
                    batch[i] = torch.where(cover.mask(samples), filled[i][rows], batch[i])
                return tuple(batch)

            falls = scores.cpu()[:, None] - evaluator.scores(points, cover.count)
            found.append(cover.spread(falls).to(evaluator.values[i]))
        return tuple(found)

    def _cover(self, shape: tuple[int, ...], spec: InputSpec) -> _Cover:
        if "y" not in spec.axes or "x" not in spec.axes:
            return _Players(torch.from_numpy(players(shape, spec)))
        y, x = spec.axes.index("y"), spec.axes.index("x")
        size = (shape[y], shape[x])
        windows = [self.window] * 2 if self.window is not None else [1 if size[0] * size[1] <= 1024 else -(-side // 14) for side in size]
        strides = [self.stride] * 2 if self.stride is not None else windows
        if (
            min(*windows, *strides) < 1
            or windows[0] > size[0]
            or windows[1] > size[1]
            or strides[0] > windows[0]
            or strides[1] > windows[1]
        ):
            raise InputError(
                "The window does not fit the image",
                received=f"window {self.window}, stride {self.stride}, image {size[0]} x {size[1]}",
                remedy="choose 1 <= stride <= window <= the image's side",
            )
        return _Windows(shape, (y, x), (windows[0], windows[1]), (strides[0], strides[1]))


class _Players:
    """Players by label: each element belongs to one."""

    def __init__(self, labels: Tensor) -> None:
        self.labels, self.count = labels, int(labels.max()) + 1

    def mask(self, samples: Tensor) -> Tensor:
        """The elements to replace, (batch, ...)."""
        return self.labels.to(samples.device) == samples.reshape(-1, *[1] * self.labels.ndim)

    def spread(self, falls: Tensor) -> Tensor:
        """Each element's share of its player's fall."""
        shares = falls / torch.bincount(self.labels.reshape(-1), minlength=self.count)
        return shares[:, self.labels]


class _Windows:
    """Square windows on a grid of strides, the last ones moved inside so that the whole image is covered."""

    def __init__(self, shape: tuple[int, ...], at: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]) -> None:
        self.shape, self.at, self.window = shape, at, window
        self.starts = [self._starts(shape[a], w, s) for a, w, s in zip(at, window, stride, strict=True)]
        self.count = len(self.starts[0]) * len(self.starts[1])

    @staticmethod
    def _starts(side: int, window: int, stride: int) -> Tensor:
        starts = list(range(0, side - window + 1, stride))
        return torch.tensor(starts if starts[-1] + window == side else [*starts, side - window])

    def _inside(self, axis: int, samples: Tensor) -> Tensor:
        number = samples // len(self.starts[1]) if axis == 0 else samples % len(self.starts[1])
        low = self.starts[axis].to(samples.device)[number][:, None]
        place = torch.arange(self.shape[self.at[axis]], device=samples.device)
        return (place >= low) & (place < low + self.window[axis])

    def mask(self, samples: Tensor) -> Tensor:
        """The pixels to replace, (batch, ...) with 1 along the channels."""
        masks = []
        for axis in (0, 1):
            form = [1] * len(self.shape)
            form[self.at[axis]] = -1
            masks.append(self._inside(axis, samples).reshape(len(samples), *form))
        return masks[0] & masks[1]

    def spread(self, falls: Tensor) -> Tensor:
        """The mean fall over the windows that cover each pixel, shared between the channels."""
        numbers = torch.arange(self.count)
        down, across = self._inside(0, numbers).double(), self._inside(1, numbers).double()
        total = torch.einsum("nw,wy,wx->nyx", falls, down, across) / torch.einsum("wy,wx->yx", down, across)
        form = [1] * len(self.shape)
        form[self.at[0]], form[self.at[1]] = total.shape[1], total.shape[2]
        if self.at[0] > self.at[1]:
            total = total.transpose(1, 2)
        channels = 1
        for axis, side in enumerate(self.shape):
            channels *= 1 if axis in self.at else side
        return (total.reshape(len(falls), *form) / channels).expand(len(falls), *self.shape)


_Cover = _Players | _Windows


def _noisy(chosen: object) -> bool:
    return isinstance(chosen, str) and chosen == NOISY


def _imputation(cover: _Cover, spec: InputSpec) -> Imputation:
    if isinstance(cover, _Players):
        raise InputError(
            "Noisy linear imputation needs the neighbors of a pixel", received=f"{spec.name}, {spec.kind}", remedy="use 'mean' or 'patches'"
        )
    down, across = torch.meshgrid(*cover.starts, indexing="ij")
    return Imputation(cover.shape, spec, cover.window, torch.stack([down.reshape(-1), across.reshape(-1)], 1))
