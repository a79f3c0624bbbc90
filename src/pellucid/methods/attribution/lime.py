"""LIME: a linear model of what the network does when parts of the row are replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pellucid.errors import InputError, UnknownName
from pellucid.methods.attribution.local_players import PLAYERS, local_players
from pellucid.methods.attribution.local_search import SURE, WIDTHS, Search, Wanted
from pellucid.methods.attribution.removal import Removal
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class LIME:
    """The coefficients of a linear model of the score, fitted around the row to who is kept and who is replaced (Ribeiro et al. 2016).

    Players are features (one-hot columns together), ``segments`` superpixels of like color (grids of at most 8 x 8 cells on images up to
    32 x 32, or with ``players="grid"``), tokens, time windows. In a sample each player is replaced by the in-fill with probability
    ``width``, independently: samples are *drawn* from the neighborhood instead of drawn uniformly and weighted, which gives the same limit
    without the bias and variance of the weights (GLIME, Tan et al. 2023). They come in antithetic pairs.

    Without a ``width`` the widest of .5, .3, .2 and .1 is taken at which the linear model reaches the R2 ``fit``; if none does, the
    best. Samples are added until another draw would name the same ``top`` strongest players (S-LIME, Zhou et al. 2021, here as the expected
    overlap), up to ``samples`` in all. The explanation is refused where R2 stays under ``fit``, or the overlap under ``stable``.

    Shapes: like the input; units: score; a player's coefficient is shared equally between its elements. Errors are standard errors that
    allow for a score that is not linear.

    It differs from the paper: tables are not cut into quartile bins, nor moved by noise: a feature is its value or the in-fill's, as
    everywhere else here. On a forest over breast-cancer data that is linear to R2 .93, Gaussian noise to .6, and its ranking
    stands where that of noise changed with the seed.

    What it does not show: what happens between a value and its in-fill; interactions; and inputs unlike both the row and the in-fill.

    Raises:
        InputError: a width, fit or stable outside 0..1, or too few samples for so many players.
        MissingExtra: superpixels without scikit-image.
    """

    samples: int = 1000
    width: float | None = None
    fit: float = 0.5
    stable: float = 0.8
    top: int = 5
    players: Literal["auto", "superpixels", "grid"] = "auto"
    segments: int = 50
    baseline: Baseline | None = None

    id: ClassVar[str] = "lime"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The local linear model of every row, with the checks of its fit and of its ranking."""
        self._check()
        filled = evaluator.baseline(self.baseline)
        _ = evaluator.selection
        removal = Removal.of(
            evaluator, filled, lambda i: local_players(evaluator.values[i], evaluator.specs[i], self.players, self.segments)
        )
        players = int(removal.counts.max())
        first = max(32, 2 * players)
        if 2 * first > self.samples:
            raise InputError(
                "There are too few samples for so many players",
                received=f"{self.samples} samples, {players} players",
                remedy=f"allow samples={4 * players}, or fewer players with segments= or players='grid'",
            )
        widths = WIDTHS if self.width is None else (self.width,)
        found = Search(evaluator, removal, Wanted(widths, self.fit, self.top, self.samples, first, max(SURE, self.stable))).run()
        return Attribution(
            removal.spread(found.model.coefficients),
            removal.spread(found.model.errors),
            "standard_error",
            filled,
            checks=found.checks(self.fit, self.stable, self.top),
        )

    def _check(self) -> None:
        given = {"fit": self.fit, "stable": self.stable} | ({} if self.width is None else {"width": self.width})
        wrong = {name: value for name, value in given.items() if not 0 < value < 1}
        if wrong or (self.width is not None and self.width > WIDTHS[0]) or min(self.samples, self.top, self.segments) < 1:
            raise InputError(
                "LIME's options are out of range",
                received=f"{wrong or self}",
                remedy="fit and stable lie between 0 and 1, width between 0 and 0.5; samples, top and segments are positive",
            )
        if self.players not in PLAYERS:
            raise UnknownName("kind of players", self.players, PLAYERS)
