"""Who estimates Shapley values of a game: ours and other libraries, each with the same number of calls, called as documented."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from pellucid.methods.games.anytime import Limits, estimate
from pellucid.methods.games.game import Game
from pellucid.methods.games.permutation import Orders
from pellucid.methods.games.sample import Sample, leverage, proxy

OURS, LEVERAGE = "pellucid proxy", "pellucid leverage"
Found = tuple[np.ndarray, np.ndarray | None]  # values and, where they are stated, standard errors, (row, player)
Contender = Callable[[Game, int, int], Found]  # (game, calls, seed)


def contenders() -> dict[str, Contender]:
    """All that are installed, by name."""
    found: dict[str, Contender] = {OURS: _own(proxy), LEVERAGE: _own(leverage), "pellucid permutation": _own(Orders)}
    if find_spec("shap"):
        found |= {
            "shap Kernel": lambda game, calls, seed: _each(game, lambda f: _shap_kernel(f, game.players, calls, seed, "num_features(10)")),
            "shap Kernel, no l1": lambda game, calls, seed: _each(game, lambda f: _shap_kernel(f, game.players, calls, seed, 0)),
            "shap Permutation": lambda game, calls, seed: _each(game, lambda f: _shap_permutation(f, game.players, calls, seed)),
        }
    if find_spec("shapiq"):
        found["shapiq Kernel, paired"] = lambda game, calls, seed: _each(game, lambda f: _shapiq_kernel(f, game.players, calls, seed))
    return found


def _own(sample: Callable[[int, int], Sample]) -> Contender:
    def run(game: Game, calls: int, seed: int) -> Found:
        found = estimate(game, sample(game.players, seed), Limits(calls))
        if found.coalitions.max() > calls:
            raise RuntimeError(f"{found.estimator} took {found.coalitions.max()} calls instead of {calls}")
        return found.values, found.errors

    return run


def _each(game: Game, run: Callable[[Callable[[np.ndarray], np.ndarray]], np.ndarray]) -> Found:
    """Row by row, as these libraries explain."""
    rows = [run(lambda members, row=row: game.value(np.asarray(members) > 0.5, np.array([row]))[0]) for row in range(game.rows)]
    return np.array(rows), None


def _shap_kernel(function: Callable[[np.ndarray], np.ndarray], players: int, calls: int, seed: int, l1: object) -> np.ndarray:
    import shap

    np.random.seed(seed)  # noqa: NPY002 (it draws from the global state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        explainer = shap.KernelExplainer(function, np.zeros((1, players)))
        return explainer.shap_values(np.ones((1, players)), nsamples=calls - 2, l1_reg=l1, silent=True)[0]


def _shap_permutation(function: Callable[[np.ndarray], np.ndarray], players: int, calls: int, seed: int) -> np.ndarray:
    import shap

    masker = shap.maskers.Independent(np.zeros((1, players)))
    explainer = shap.explainers.Permutation(function, masker, seed=seed)
    return explainer(np.ones((1, players)), max_evals=max(calls, 2 * players + 1), silent=True).values[0]


def _shapiq_kernel(function: Callable[[np.ndarray], np.ndarray], players: int, calls: int, seed: int) -> np.ndarray:
    from shapiq.approximator import KernelSHAP

    base = float(function(np.zeros((1, players)))[0])
    found = KernelSHAP(players, pairing_trick=True, random_state=seed).approximate(calls, lambda members: function(members) - base)
    return np.asarray(found.get_n_order_values(1))
