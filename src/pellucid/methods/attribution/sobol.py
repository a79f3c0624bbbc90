"""Sobol attribution: the share of the score's variance, over random blends with the in-fill, that a part is involved in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.errors import InputError
from pellucid.methods.attribution.local_players import local_players
from pellucid.methods.attribution.removal import Removal
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class Sobol:
    """Total Sobol indices of players that are blended with the in-fill by a random share each (Fel et al. 2021, eq. 4).

    Players are cells of a grid of at most 8 x 8 on images, features, tokens, time windows. Blends are scrambled Sobol points A and B;
    for each player a second set has its column of A from B, and the index is E[(f(A) - f(A_B))^2] / 2 Var f (Jansen 1999): 0 for a player
    that does nothing, 1 for one that is involved in everything. ``designs`` x (players + 2) evaluations per row.

    Shapes: like the input; no unit: a player's index is shared equally between its elements. Errors are standard errors over the designs;
    the points are more even than random ones, so they are rather too large.

    What it does not show: whether a part speaks for or against the target, since an index has no sign; and where a player acts alone or
    with others, since the total index counts both.

    Raises:
        InputError: fewer than 4 designs, or integer tokens, of which there is no blend.
    """

    designs: int = 32
    baseline: Baseline | None = None

    id: ClassVar[str] = "sobol"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "magnitude"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The total indices of every row."""
        if self.designs < 4:
            raise InputError("Sobol needs at least 4 designs", received=str(self.designs), remedy="use designs=32")
        for spec, embedded in zip(evaluator.specs, evaluator.bound.embedded, strict=True):
            if spec.blank is not None and not embedded:
                raise InputError("There is no blend of two tokens", received=spec.name, remedy="use 'lime', 'shap' or 'occlusion'")
        filled = evaluator.baseline(self.baseline)
        _ = evaluator.selection
        removal = Removal.of(evaluator, filled, lambda i: local_players(evaluator.values[i], evaluator.specs[i], "grid", 1))
        players = int(removal.counts.max())
        designs = max(4, min(self.designs, evaluator.affordable(self.designs * (players + 2)) // (players + 2)))
        blends = _blends(designs, players, evaluator.situation.seed)
        scores = evaluator.scores(removal.blends(blends), len(blends)).reshape(evaluator.rows, designs, players + 2)
        index, errors = _total(scores)
        return Attribution(removal.spread(index), removal.spread(errors), "standard_error", filled)


def _blends(designs: int, players: int, seed: int) -> Tensor:
    """Shares kept, float (design x (player + 2), player): for each design A, B, then A with each player's share from B."""
    engine = torch.quasirandom.SobolEngine(2 * players, scramble=True, seed=seed)
    first, second = engine.draw(designs, dtype=torch.float64).split(players, 1)
    mixed = torch.where(torch.eye(players, dtype=torch.bool), second[:, None], first[:, None])
    return torch.cat([first[:, None], second[:, None], mixed], 1).reshape(-1, players)


def _total(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Total indices and their standard errors (sample, player) from scores (sample, design, player + 2); zero where nothing varies."""
    both = scores[:, :, :2].reshape(len(scores), -1)
    variance = both.var(1)[:, None]
    parts = (scores[:, :, :1] - scores[:, :, 2:]).square() / 2  # (sample, design, player)
    varies = variance > 1e-18 * both.square().mean(1, keepdim=True)
    safe = torch.where(varies, variance, 1.0)
    index = torch.where(varies, parts.mean(1) / safe, 0.0)
    # the ratio's error by its first-order expansion in numerator and variance
    around = (scores[:, :, :2] - both.mean(1)[:, None, None]).square().mean(2, keepdim=True)
    residual = parts - index[:, None] * around
    errors = residual.std(1) / residual.shape[1] ** 0.5 / safe
    return index, torch.where(varies, errors, 0.0)
