"""Whose order is measured: one row of strengths by the whole score, or a row for each produced token by that token's own score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pellucid.checks.evidence import Evidence
    from pellucid.explanation.scores import Score


@dataclass(frozen=True, eq=False)
class Rows:
    """Strengths (sample, row, player) and the score by which the order of each row is measured.

    ``apart`` gives the scores of all that the network produced, (batch, produced), and ``positions`` those that the rows are about;
    without it there is one row, of the whole score.
    """

    evidence: Evidence
    strengths: np.ndarray
    positions: np.ndarray
    apart: Score | None

    def some(self, chosen: np.ndarray) -> Rows:
        """These rows only."""
        return replace(self, strengths=self.strengths[:, chosen], positions=self.positions[chosen])

    def score(self, outputs: Any, rows: Any) -> Any:  # noqa: ANN401
        """The scores (batch, row)."""
        if self.apart is None:
            return self.evidence.evaluator.selection.score(outputs, rows)[:, None]
        return self.apart(outputs, rows)[:, self.positions.tolist()]

    def without(self, removed: np.ndarray) -> np.ndarray:
        """Scores (sample, mask, row) with players removed; ``removed`` is boolean (sample or 1, mask, player)."""
        return self.evidence.scores_without(removed, self.score)

    def full(self) -> np.ndarray:
        """The mean over rows of the scores at the inputs, (sample,)."""
        return self.evidence.evaluator.scores_at_inputs(self.score).mean(1).cpu().numpy()

    def empty(self) -> np.ndarray:
        """The mean over rows of the scores with every player removed, (sample,)."""
        if self.apart is None:
            return self.evidence.empty_scores
        return self.without(np.ones((1, 1, self.strengths.shape[2]), bool))[:, 0].mean(1)

    def note(self, draws: int) -> str:
        """Which produced tokens are measured, and of how many random orders theirs are; empty where there is one score."""
        if self.apart is None:
            return ""
        measured, produced = len(self.positions), self.evidence.strengths.shape[1]
        return f"; {measured} of {produced} produced tokens, each in its own order; random ones mixed of {draws}"


def rows_of(evidence: Evidence) -> Rows:
    """The produced tokens that the score reads and of which the values say anything; one row where their scores are not told apart."""
    evaluator, strengths = evidence.evaluator, evidence.strengths
    selection, produced = evaluator.selection, strengths.shape[1]
    if selection.apart is None or "produced" not in evidence.attribution.axes or produced != evaluator.space.outputs.shape[1]:
        return Rows(evidence, strengths.sum(1, keepdims=True), np.zeros(1, int), None)
    stated = np.intersect1d(selection.positions, evidence.stated)
    positions = stated if len(stated) else np.array(selection.positions)
    return Rows(evidence, strengths[:, positions], positions, selection.apart)
