"""Estimators of Shapley values against slow twins, exact values and their own stated errors."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from pellucid.errors import BudgetError, InputError
from pellucid.methods.games import gaussian_process
from pellucid.methods.games.anytime import Limits, estimate
from pellucid.methods.games.coalitions import PairedSample
from pellucid.methods.games.exact import every_coalition, exact
from pellucid.methods.games.game import Game
from pellucid.methods.games.gaussian_process import kernel, section_values
from pellucid.methods.games.interactions import interactions
from pellucid.methods.games.owen import Group, correlated, owen_exact, owen_sample, regions, spans
from pellucid.methods.games.permutation import Orders
from pellucid.methods.games.sample import leverage, proxy

SAMPLES = {"leverage": leverage, "proxy": proxy, "permutation": Orders}


def table_game(players: int, rows: int = 2, seed: int = 0) -> Game:
    """Any value for any coalition: nothing is smooth about it."""
    values = np.random.default_rng(seed).normal(size=(rows, 2**players))
    return Game.of(lambda coalitions: values[:, coalitions @ (1 << np.arange(players))], players)


def network_game(players: int, rows: int = 6, seed: int = 0) -> Game:
    """A small ReLU network on rows against zero."""
    random = np.random.default_rng(seed)
    first, second = random.normal(size=(players, 24)) / np.sqrt(players), random.normal(size=24) / 5
    inputs = random.normal(size=(rows, players)) * 2
    bias = random.normal(size=24) / 2
    return Game.of(lambda coalitions: np.maximum((coalitions[None] * inputs[:, None]) @ first + bias, 0) @ second, players)


def linear_game(players: int) -> tuple[Game, np.ndarray]:
    weights = np.random.default_rng(3).normal(size=(3, players)) * 10.0 ** np.arange(3)[:, None]
    return Game.of(lambda coalitions: (coalitions[None] @ weights[..., None])[..., 0] + 7, players), weights


def by_orders(game: Game, orders: list[tuple[int, ...]]) -> np.ndarray:
    """The definition: the mean over orders of what a player adds."""
    total = np.zeros((game.rows, game.players))
    for order in orders:
        members = np.zeros((1, game.players), bool)
        before = game.value(members, np.arange(game.rows))[:, 0]
        for player in order:
            members[0, player] = True
            after = game.value(members, np.arange(game.rows))[:, 0]
            total[:, player] += after - before
            before = after
    return total / len(orders)


def relative(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return ((found - truth) ** 2).sum(1) / (truth**2).sum(1)


def test_enumeration_is_the_mean_over_all_orders() -> None:
    game = table_game(5)
    found = exact(game)
    np.testing.assert_allclose(found.values, by_orders(game, list(permutations(range(5)))), atol=1e-13)
    np.testing.assert_allclose(found.values.sum(1), game.total, atol=1e-13)
    assert found.exact
    assert found.coalitions.tolist() == [32, 32]


def test_enumeration_agrees_with_shap() -> None:
    shap = pytest.importorskip("shap")
    game = network_game(8, rows=2)
    masker = shap.maskers.Independent(np.zeros((1, 8)))
    for row, found in enumerate(exact(game).values[:1]):
        explainer = shap.explainers.Exact(lambda z, row=row: game.value(np.asarray(z) > 0.5, np.array([row]))[0], masker)
        np.testing.assert_allclose(found, explainer(np.ones((1, 8))).values[0], atol=1e-6 * np.linalg.norm(found))


@pytest.mark.parametrize("players", [2, 3, 6, 7])
@pytest.mark.parametrize("name", ["leverage", "proxy"])
def test_all_coalitions_give_the_exact_values(name: str, players: int) -> None:
    game = table_game(players)
    found = estimate(game, SAMPLES[name](players, 0), Limits(10**6))
    assert found.coalitions.max() == 2**players
    # the process has a jitter of 1e-6, the least squares a ridge of 1e-13
    np.testing.assert_allclose(found.values, exact(game).values, atol=1e-4 if name == "proxy" else 1e-9)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_linear_game_of_20_players_is_exact(name: str) -> None:
    game, weights = linear_game(20)
    found = estimate(game, SAMPLES[name](20, 0), Limits(200))
    np.testing.assert_allclose(found.values, weights, rtol=1e-9, atol=1e-9)
    assert (found.errors <= 1e-9 * np.abs(weights).max(1, keepdims=True)).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_values_sum_to_the_total_and_seeds_decide(name: str) -> None:
    game = network_game(12)
    first, again, other = (estimate(game, SAMPLES[name](12, seed), Limits(200)) for seed in (1, 1, 2))
    np.testing.assert_allclose(first.values.sum(1), game.total, atol=1e-12)
    assert first.values.tobytes() == again.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


@pytest.mark.parametrize("name", SAMPLES)
def test_intervals_cover_at_10n(name: str) -> None:
    inside = []
    for seed in range(8):
        game = network_game(12, rows=10, seed=seed)
        found, truth = estimate(game, SAMPLES[name](12, seed), Limits(120)), exact(game).values
        inside.append((np.abs(found.values - truth) <= 1.96 * found.errors).mean())
    # 960 values in 80 games; those of a game go together, so that the binomial error of .007 is at most a few times as large
    assert 0.88 <= np.mean(inside) <= 0.995


def test_the_process_errs_less_than_least_squares() -> None:
    ours, theirs = [], []
    for seed in range(6):
        game = network_game(14, seed=seed)
        truth = exact(game).values
        ours += relative(estimate(game, proxy(14, seed), Limits(280)).values, truth).tolist()
        theirs += relative(estimate(game, leverage(14, seed), Limits(280)).values, truth).tolist()
    assert np.median(ours) < 0.6 * np.median(theirs)


def test_pairs_beyond_what_the_process_interpolates_still_help(monkeypatch: pytest.MonkeyPatch) -> None:
    game = network_game(14)
    truth = exact(game).values
    monkeypatch.setattr(gaussian_process, "MOST", 300)
    few = relative(estimate(game, proxy(14, 0), Limits(602)).values, truth)
    many = estimate(game, proxy(14, 0), Limits(2000))
    plain = relative(estimate(game, leverage(14, 0), Limits(2000)).values, truth)
    assert np.median(relative(many.values, truth)) < np.median(few)
    assert np.median(relative(many.values, truth)) < np.median(plain)
    np.testing.assert_allclose(many.values.sum(1), game.total, atol=1e-12)


def test_sections_of_the_kernel_have_their_closed_form_values() -> None:
    random = np.random.default_rng(0)
    strengths, centers, dual = random.random(7) / 2, np.where(random.random((3, 7)) < 0.5, 1.0, -1.0), random.normal(size=3)
    game = Game.of(lambda c: kernel(np.where(c, 1.0, -1.0), centers, strengths) @ dual, 7)
    np.testing.assert_allclose(section_values(centers, strengths, dual), exact(game).values[0], atol=1e-14)


@pytest.mark.parametrize("players", [2, 5, 6, 11, 30, 61])
def test_pairs_are_distinct_nested_and_of_all_sizes(players: int) -> None:
    few, sample = PairedSample(players, 4), PairedSample(players, 4)
    few.grow(2 * players)
    for pairs in (players, 3 * players, 4 * players):
        sample.grow(pairs)
    names = {row.tobytes() for row in sample.signs > 0} | {row.tobytes() for row in sample.signs < 0}
    assert len(names) == 2 * len(sample)  # no coalition twice, nor as another's complement
    assert len(sample) == min(4 * players, 2 ** (players - 1) - 1)
    assert {row.tobytes() for row in few.signs > 0} <= names
    assert ((sample.signs > 0).sum(1) == sample.sizes).all()
    taken = np.bincount(sample.sizes, minlength=players // 2 + 1)[1:]
    open_sizes = sample.inclusion[np.searchsorted(np.sort(sample.sizes), sample.sizes)] < 1
    if players >= 30:
        assert open_sizes.any()
        assert taken[2:-1].max() - taken[2:-1].min() <= 1  # sizes with room left share alike


def test_owen_values_are_the_mean_over_orders_that_keep_groups_together() -> None:
    tree, game = spans(np.arange(5)), table_game(5)
    kept = [order for order in permutations(range(5)) if all(_together(order, group) for group in _groups(tree))]
    found = owen_exact(game, tree, 1000)
    assert found is not None
    # with two branches everywhere each such order is equally likely
    np.testing.assert_allclose(found.values, by_orders(game, kept), atol=1e-13)
    sampled = estimate(game, owen_sample(tree, 0), Limits(4000))
    assert (np.abs(sampled.values - found.values) <= 3.3 * sampled.errors).all()
    assert owen_exact(game, tree, 8) is None


def _groups(tree: Group) -> list[set[int]]:
    below = [] if tree.parts is None else [group for part in tree.parts for group in _groups(part)]
    return [set(tree.members.tolist()), *below]


def _together(order: tuple[int, ...], group: set[int]) -> bool:
    places = [order.index(player) for player in group]
    return max(places) - min(places) == len(group) - 1


def test_hierarchies_put_together_what_belongs_together() -> None:
    places = np.array([[y, x] for y in range(2) for x in range(4)], float)
    halves = regions(places).parts
    assert halves is not None
    assert sorted(map(sorted, (half.members.tolist() for half in halves))) == [[0, 1, 4, 5], [2, 3, 6, 7]]
    random = np.random.default_rng(0)
    base = random.normal(size=(200, 2))
    columns = np.stack([base[:, 0], base[:, 1], -base[:, 0] + random.normal(size=200) / 10, base[:, 1] * 2], 1)
    parts = correlated(columns).parts
    assert parts is not None
    assert sorted(sorted(part.members.tolist()) for part in parts) == [[0, 2], [1, 3]]
    assert sorted(correlated(np.zeros((5, 3))).members.tolist()) == [0, 1, 2]


def test_interactions_are_mean_second_differences() -> None:
    players, game = 5, table_game(5, rows=1)
    values = game.value(every_coalition(players), np.arange(1))[0]
    found = interactions(game)
    for i in range(players):
        for j in range(i):
            rest = [p for p in range(players) if p not in (i, j)]
            total = []
            for size in range(len(rest) + 1):
                inner = [c for c in range(2**players) if not c >> i & 1 and not c >> j & 1 and bin(c).count("1") == size]
                total.append(np.mean([values[c | 1 << i | 1 << j] - values[c | 1 << i] - values[c | 1 << j] + values[c] for c in inner]))
            np.testing.assert_allclose(found.values[0, i, j], np.mean(total), atol=1e-13)
    np.testing.assert_array_equal(found.values, found.values.transpose(0, 2, 1))


def test_sampled_interactions_cover_the_exact_ones() -> None:
    product = np.random.default_rng(0).normal(size=(16, 16))
    game = Game.of(lambda c: np.tanh((c @ np.triu(product, 1) * c).sum(1) / 4), 16)
    found = interactions(game, samples=20_000)
    inner = Game.of(lambda c: np.tanh((np.pad(c, ((0, 0), (0, 2))) @ np.triu(product, 1) * np.pad(c, ((0, 0), (0, 2)))).sum(1) / 4), 14)
    known, sampled = interactions(inner, samples=2**14), interactions(inner, samples=2**14 - 1)
    assert not known.errors.any()
    assert sampled.errors.any()
    pairs = np.triu_indices(14, 1)
    assert (np.abs(known.values - sampled.values)[0][pairs] <= 1.96 * sampled.errors[0][pairs]).mean() > 0.85
    assert found.coalitions <= 20_000
    with pytest.raises(BudgetError, match="too few samples"):
        interactions(game, samples=500)
    with pytest.raises(InputError, match="two players"):
        interactions(Game.of(lambda c: c[:, 0] * 1.0, 1))


def test_each_row_goes_on_until_it_is_sure() -> None:
    random = np.random.default_rng(0)
    weights, bend = random.normal(size=(2, 20)), np.array([[0.0], [1.0]])
    game = Game.of(lambda c: c @ weights[0] + bend * np.sin(5 * (c @ weights[1])), 20)
    seen: list[tuple[float, int]] = []
    found = estimate(game, proxy(20, 0), Limits(3000, 0.05, watch=lambda *told: seen.append(told)))
    assert found.coalitions[0] == 82  # the linear row is sure at once
    assert found.coalitions[1] > 100
    alone = Game(20, lambda c, r: game.value(c, r + 1), game.empty[1:], game.full[1:])
    single = estimate(alone, proxy(20, 0), Limits(3000, 0.05))
    np.testing.assert_allclose(single.values[0], found.values[1], rtol=1e-9)
    assert [told[0] for told in seen] == sorted((told[0] for told in seen), reverse=True)


def test_time_stops_the_rounds() -> None:
    left = iter([10.0, 0.0])
    found = estimate(network_game(12), proxy(12, 0), Limits(4000, seconds=lambda: next(left)))
    assert found.coalitions.max() < 4000
    assert (found.errors > 0).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_too_few_coalitions_are_refused(name: str) -> None:
    with pytest.raises(BudgetError, match="one pass"):
        estimate(network_game(12), SAMPLES[name](12, 0), Limits(20))


def test_malformed_games_are_refused() -> None:
    with pytest.raises(InputError, match="needs players"):
        Game.of(lambda c: c.sum(1), 0)
    with pytest.raises(InputError, match="number of values"):
        Game.of(lambda c: np.zeros(3), 4)
    with pytest.raises(BudgetError, match=r"21 players.*proxy"):
        exact(Game.of(lambda c: c.sum(1), 21))
