"""SHAP: Shapley values of the score, by the estimator that suits players, model and budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from pellucid.errors import BudgetError, InputError, UnknownName
from pellucid.methods.games.anytime import Limits, estimate
from pellucid.methods.games.chosen_value import Comparison, Value
from pellucid.methods.games.exact import USUAL, exact
from pellucid.methods.games.game import Estimate, Game
from pellucid.methods.games.model_game import model_game
from pellucid.methods.games.model_players import Players, find_elements, hierarchy
from pellucid.methods.games.model_trees import tree_values
from pellucid.methods.games.owen import owen_exact, owen_sample
from pellucid.methods.games.permutation import Orders
from pellucid.methods.games.sample import Sample, leverage, proxy
from pellucid.methods.games.value_functions import Elements
from pellucid.methods.protocol import Attribution

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.data.baselines import Baseline
    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

Estimator = Literal["auto", "exact", "leverage", "permutation", "proxy", "partition"]
ESTIMATORS = ("auto", "exact", "leverage", "permutation", "proxy", "partition")
EACH, MOST = 20, 2048  # coalitions for each player, and at most, where samples are not given
CHEAP = 50_000  # parameters x points of a coalition of a network on a table, below which many coalitions cost less than a Gaussian process
MORE = 32  # so many times as many


@dataclass(frozen=True)
class SHAP:
    """Shapley values (Shapley 1953; Lundberg & Lee 2017): what a player adds to the score, averaged over all orders of coming in.

    Shapes: like the input, a player's value shared equally between its elements; units: score. The values sum to the score less that
    of no player. ``players`` are features (one-hot columns together), tokens, time windows, pixels up to 32 x 32 and a 7 x 7 grid of
    patches above; ``"superpixels"`` (``segments`` of them), ``"patches"``, or a label for every element.

    ``value`` says what absent players are replaced by, and each answers another question: ``"baseline"`` one row; ``"marginal"``
    background rows, at most ``references`` of them; ``"nearest"`` and ``"gaussian"`` what is usual beside the players present
    (conditional). ``"auto"``: marginal for tables with a background, else baseline; marginal without a background is baseline too.

    ``estimator``: ``"exact"`` enumerates all coalitions; ``"leverage"`` is KernelSHAP on pairs drawn by leverage score without
    replacement (Musco & Witter 2025); ``"proxy"`` interpolates the same pairs by a Gaussian process; ``"permutation"`` draws orders, each
    with its reverse; ``"partition"`` gives Owen values over a hierarchy (blocks of an image, correlated features, spans). ``"auto"``:
    for a sum of decision trees beside fixed rows what the trees themselves say, exactly (interventional TreeSHAP, Lundberg et al. 2020);
    else exact up to 14 players, leverage with many coalitions where the network is tiny, else proxy.

    ``samples`` coalitions are evaluated for each row (20 for each player if not given, at most 2048), at 1 point each for baseline, as many
    as background rows for marginal, 16 for nearest, 32 for gaussian; all rows share them. Errors are standard errors: 1.96 of them make
    a 95 % interval. A budget's calls, seconds or error (largest standard error over the root mean square value) may stop it earlier.

    What it does not show: interactions (they are shared out), and any other value function.

    Raises:
        BudgetError: too many players to enumerate, or too few samples or calls for one pass.
        InputError: no players, or a value function that lacks its background.
    """

    estimator: Estimator = "auto"
    value: Value = "auto"
    players: Players | Sequence[int] | np.ndarray = "auto"
    samples: int | None = None
    baseline: Baseline | None = None
    references: int = 100
    segments: int = 50

    id: ClassVar[str] = "shap"
    needs: ClassVar[frozenset[Capability]] = frozenset()
    sampled: ClassVar[bool] = True
    meaning: ClassVar[Meaning] = "contribution"
    caution: ClassVar[Caution] = ""

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """Shapley values of every row, with their standard errors."""
        self._check()
        _ = evaluator.selection
        comparison = Comparison(evaluator, self.value, self.baseline, self.references)
        device = evaluator.device
        values = tuple(torch.zeros(v.shape, dtype=torch.float64, device=device) for v in evaluator.values)
        errors = tuple(torch.zeros_like(v) for v in values)
        empty = torch.zeros(evaluator.rows, dtype=torch.float64)
        used: list[Estimate] = []
        for rows, elements in find_elements(evaluator, self.players, self.segments):
            found, nobody = self._play(evaluator, comparison, rows, elements)
            used.append(found)
            empty[rows.cpu()] = torch.from_numpy(nobody)
            for whole, source in ((values, found.values), (errors, found.errors)):
                for slot, part in zip(whole, elements.spread(torch.from_numpy(source).to(device)), strict=True):
                    slot[rows] = part
        return Attribution(
            tuple(v.to(like.dtype) for v, like in zip(values, evaluator.values, strict=True)),
            tuple(e.to(like.dtype) for e, like in zip(errors, evaluator.values, strict=True)),
            "exact" if all(found.read for found in used) else "standard_error",
            comparison.start,
            torch.zeros(evaluator.rows, dtype=torch.float64),
            baseline_scores=empty,
            compared=comparison.names,
            choices=_choices(comparison, used),
        )

    def _play(self, evaluator: Evaluator, comparison: Comparison, rows: Tensor, elements: Elements) -> tuple[Estimate, np.ndarray]:
        """The values of some rows and that of no player, read from the model's own trees where that is possible."""
        functions = comparison.of(evaluator, rows)
        read = tree_values(evaluator, elements, functions[0]) if self.estimator == "auto" and comparison.fixed else None
        if read is not None:
            return read
        game = model_game(evaluator, rows, elements, *functions)
        return self._estimate(evaluator, game, elements, functions[0].fills), game.empty

    def _check(self) -> None:
        if self.estimator not in ESTIMATORS:
            raise UnknownName("estimator", self.estimator, ESTIMATORS)
        for name, given, least in (("samples", self.samples, 4), ("segments", self.segments, 2)):
            if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < least):
                raise InputError(
                    f"SHAP needs at least {least} {name}", received=repr(given), remedy=f"leave {name} out, or give a whole number"
                )

    def _estimate(self, evaluator: Evaluator, game: Game, elements: Elements, fills: int) -> Estimate:
        """By the estimator that was asked for, or that suits."""
        players = game.players
        cheap = self._many(evaluator, fills)
        wanted = self.samples or max(min(EACH * players, MOST), 4 * players + 4) * (MORE if cheap else 1)
        samples = _affordable(evaluator, wanted, fills)
        chosen = self.estimator
        if chosen == "auto":
            whole = 2**USUAL if self.samples is None else self.samples
            fits = players <= USUAL and 2**players <= min(whole, _affordable(evaluator, 2**players, fills))
            chosen = "exact" if fits or players == 1 else "leverage" if cheap else "proxy"
        if chosen == "exact":
            _afford_all(evaluator, players, fills)
            return exact(game)
        if players == 1:
            return exact(game)
        seed, watching = evaluator.situation.seed, evaluator.situation.progress is not None and evaluator.stage != "checks"
        limits = Limits(samples, evaluator.situation.budget.error, evaluator.seconds_left, _watch(evaluator, self.id) if watching else None)
        if chosen == "partition":
            tree = hierarchy(evaluator, elements)
            return owen_exact(game, tree, samples) or estimate(game, owen_sample(tree, seed), limits)
        sample: Sample = Orders(players, seed) if chosen == "permutation" else {"leverage": leverage, "proxy": proxy}[chosen](players, seed)
        return estimate(game, sample, limits)

    def _many(self, evaluator: Evaluator, fills: int) -> bool:
        """Whether many coalitions of this model cost less than a Gaussian process, and nothing limits them."""
        owner, budget = evaluator.situation.owner, evaluator.situation.budget
        table = all(spec.kind == "tabular" for spec in evaluator.specs) and self.estimator == "auto" and self.samples is None
        if not table or budget.calls is not None or not isinstance(owner, nn.Module):
            return False
        return fills * sum(parameter.numel() for parameter in owner.parameters()) <= CHEAP


def _affordable(evaluator: Evaluator, samples: int, fills: int) -> int:
    """How many coalitions the budget's calls allow, those of no and of all players included; these have been evaluated."""
    return 2 + evaluator.affordable((samples - 2) * fills) // fills


def _afford_all(evaluator: Evaluator, players: int, fills: int) -> None:
    """Refuses to enumerate what the budget's calls do not allow, before anything is spent."""
    calls = evaluator.situation.budget.calls
    if calls is not None and players <= 62 and (2**players - 2) * fills > calls:
        raise BudgetError(
            "The budget does not allow all coalitions",
            received=f"{players} players, {fills} model rows for each of 2^{players} coalitions; budget.calls is {calls}",
            remedy="allow more calls, or use estimator='proxy'",
        )


def _choices(comparison: Comparison, used: list[Estimate]) -> tuple[str, ...]:
    """What was chosen where the fields leave it open."""
    over = f" over {comparison.references} background rows" if comparison.references else ""
    if all(found.read for found in used):
        return (f"value function: {comparison.kind}{over}", f"estimator: {used[0].estimator}")
    counts = [int(count) for found in used for count in found.coalitions]
    span = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    estimators = "; ".join(dict.fromkeys(found.estimator for found in used))
    return (f"value function: {comparison.kind}{over}", f"estimator: {estimators}, {span} coalitions for each row")


def _watch(evaluator: Evaluator, name: str):  # noqa: ANN202
    """Writes the interval of the worst row into the name of the stage that progress shows."""

    def told(relative: float, _: int) -> None:
        evaluator.stage = f"{name} ± {1.96 * relative:.1%}"

    return told
