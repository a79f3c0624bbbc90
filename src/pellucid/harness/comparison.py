"""What several methods say of the same decisions: who is most faithful, where they agree, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from pellucid.explanation import renderers
from pellucid.explanation.explanation import Explanation

TOP = 5
CLEAR = 1.96  # standard deviations of random orders beyond which an order is clearly better than chance


@dataclass(frozen=True, eq=False)
class Compared:
    """One method of a comparison.

    Attributes:
        name: the method's id, numbered where it is compared with other options of itself.
        explanation: what it found, with its own checks and verdicts.
        strengths: the same on the players that all methods share, (sample, player).
        lead: how far its order beats random order when players are removed and when they are brought back, in standard deviations of
            the random orders, mean of both, (sample,); not-a-number where it could not be measured.
    """

    name: str
    explanation: Explanation
    strengths: np.ndarray
    lead: np.ndarray

    @property
    def faithfulness(self) -> float:
        """The median lead over the rows."""
        known = self.lead[np.isfinite(self.lead)]
        return float(np.median(known)) if len(known) else float("nan")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Methods ranked by measured faithfulness, all measured on the same players with the same in-fill.

    Attributes:
        ranked: most faithful first; a control that guesses is ranked like any other.
        players: the label of every element of one row, in the shape of the model's input.
        infill: what took the place of removed players.
        failed: methods that could not explain this model, with the reason.
        evaluations: model rows spent, measuring included.
    """

    ranked: tuple[Compared, ...]
    players: np.ndarray
    infill: str
    failed: tuple[tuple[str, str], ...]
    evaluations: int

    def __len__(self) -> int:
        return len(self.ranked)

    def __getitem__(self, name: str | int) -> Explanation:
        """The explanation of a method by its name, or by its rank."""
        if isinstance(name, int):
            return self.ranked[name].explanation
        from pellucid.errors import UnknownName

        for one in self.ranked:
            if one.name == name:
                return one.explanation
        raise UnknownName("compared method", name, [one.name for one in self.ranked])

    @property
    def names(self) -> tuple[str, ...]:
        """The methods, most faithful first."""
        return tuple(one.name for one in self.ranked)

    @property
    def best(self) -> Explanation:
        """The explanation of the most faithful method."""
        return self.ranked[0].explanation

    @property
    def contenders(self) -> tuple[int, ...]:
        """The places of the methods that claim something: all but the random control, unless fewer than two are left."""
        found = tuple(i for i, one in enumerate(self.ranked) if one.explanation.provenance.method != "random")
        return found if len(found) > 1 else tuple(range(len(self.ranked)))

    @cached_property
    def rank_correlation(self) -> np.ndarray:
        """Spearman's correlation of players' strengths for each pair of methods, (method, method, sample)."""
        from scipy.stats import rankdata

        ranks = np.array([rankdata(one.strengths, axis=1) for one in self.ranked])
        ranks -= ranks.mean(2, keepdims=True)
        size = np.sqrt((ranks**2).sum(2))
        return np.einsum("asp,bsp->abs", ranks, ranks) / np.maximum(size[:, None] * size[None], 1e-300)

    @cached_property
    def top_overlap(self) -> np.ndarray:
        """The share of common players among the strongest by size (Jaccard) for each pair of methods, (method, method, sample)."""
        count = self.ranked[0].strengths.shape[1]
        top = max(1, min(TOP, count // 3))
        chosen = np.array([np.argsort(-np.abs(one.strengths), axis=1, kind="stable")[:, :top] for one in self.ranked])
        member = np.zeros((len(self), *self.ranked[0].strengths.shape), bool)
        np.put_along_axis(member, chosen, True, axis=2)
        both = np.einsum("asp,bsp->abs", member.astype(float), member.astype(float))
        return both / (2 * top - both)

    @cached_property
    def disagreement(self) -> np.ndarray:
        """How far the methods differ about each player, (sample, player): the standard deviation over the contenders of the player's
        strength, each method's strengths scaled to a sum of sizes of one."""
        strengths = [self.ranked[i].strengths for i in self.contenders]
        return np.array([one / np.maximum(np.abs(one).sum(1, keepdims=True), 1e-300) for one in strengths]).std(0)

    def plot(self, **options: Any) -> Any:  # noqa: ANN401 (matplotlib's Figure, which this layer does not know)
        """Draws the comparison of one row; ``row=``, ``language=``, ``theme=`` are understood."""
        return renderers.find("plot", "comparison")(self, **options)

    def narrate(self, language: Literal["en", "zh-CN"] = "en") -> str:
        """Who is most faithful, where the methods agree and where not, in plain words."""
        return renderers.find("narrate", "comparison")(self, language=language)
