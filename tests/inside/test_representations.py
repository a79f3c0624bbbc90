"""Representations: similarity and maps against slow twins, probes on what can and what can not be read."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

import pellucid as pl
from pellucid.demo.networks import train_digits
from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.contents import Representations
from pellucid.methods.internals.layouts import principal
from pellucid.methods.internals.representations import LookAtRepresentations, probe
from pellucid.methods.internals.representations_relations import interval, spearman
from pellucid.methods.internals.representations_similarity import chance, cka, kernel
from pellucid.views.inside import inside_views


def look(net: nn.Module, x: torch.Tensor, labels: object = None, **options: object) -> Representations:
    found = pl.inspect(net.eval(), LookAtRepresentations(**options), x, labels=labels)  # type: ignore[arg-type]
    assert isinstance(found.content, Representations)
    return found.content


def hsic(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al. 2012, equation 5, term by term."""
    n = len(k)
    k, m, one = k - np.diag(np.diag(k)), m - np.diag(np.diag(m)), np.ones(n)
    found = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ k @ m @ one)
    return found / (n * (n - 3))


def twin(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(0), b - b.mean(0)
    k, m = a @ a.T, b @ b.T
    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def test_similarity_is_the_formula_and_knows_what_it_must_not_see() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(40, 7))
    turned = a @ np.linalg.qr(rng.normal(size=(7, 7)))[0] * 3 + 5
    b = np.tanh(a @ rng.normal(size=(7, 5)))
    assert cka(kernel(a), kernel(b)) == pytest.approx(twin(a, b), rel=1e-12)
    assert cka(kernel(a), kernel(turned)) == pytest.approx(1, abs=1e-12)
    wide = [cka(kernel(rng.normal(size=(40, 500))), kernel(rng.normal(size=(40, 500)))) for _ in range(20)]
    assert abs(np.mean(wide)) < 4 * np.std(wide) / np.sqrt(20) + 1e-3  # plain CKA would say .9: more units than rows
    assert np.isnan(cka(kernel(np.ones((40, 3))), kernel(a)))


def test_maps_are_principal_components() -> None:
    decomposition = pytest.importorskip("sklearn.decomposition")
    values = np.random.default_rng(1).normal(size=(30, 9)) * np.arange(1, 10)
    places, shares = principal(values, 2)
    expected = decomposition.PCA(2).fit(values)
    np.testing.assert_allclose(np.abs(places), np.abs(expected.transform(values)), rtol=1e-9)
    np.testing.assert_allclose(shares, expected.explained_variance_ratio_, rtol=1e-9)


def test_a_probe_reads_what_is_there_and_nothing_else() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(300) % 3
    there = np.eye(3)[labels] * 4 + rng.normal(size=(300, 3))
    value, low, high = probe(there, labels, 0)
    assert value > 0.95 and low < value < high
    value, low, high = probe(rng.normal(size=(300, 200)), labels, 0)
    assert low < 1 / 3 < high


class Forgetting(nn.Module):
    """The class can be read from the first layer, and no more from the second."""

    def __init__(self) -> None:
        super().__init__()
        self.keep, self.drop, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        with torch.no_grad():
            self.keep.weight.copy_(torch.eye(4))
            self.drop.weight.copy_(torch.diag(torch.tensor([0.0, 1, 1, 1])))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.keep(x)))


def test_where_the_class_is_lost_is_found() -> None:
    torch.manual_seed(0)
    x, labels = torch.randn(200, 4), np.arange(200) % 2
    x[:, 0] = torch.from_numpy(labels * 6.0 - 3)
    found = look(Forgetting(), x, labels)
    assert found.layers == ("keep", "drop", "head")
    assert found.probes[0, 0] > 0.99
    assert (found.probes[1:, 1] < 0.5).all() and (found.probes[1:, 2] > 0.5).all()  # the intervals hold what guessing gives
    assert found.base[0] == 0.5


def test_large_maps_are_averaged_over_places_and_say_so() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    x = torch.randn(10, 1, 40, 40)
    found = look(net, x)
    assert found.pooled[0] and found.sizes[0] == (6400, 4) and not found.pooled[-1]
    with torch.no_grad():
        expected, _ = principal(net[0](x).mean((2, 3)).double().numpy(), 2)
    np.testing.assert_allclose(found.maps[0], expected, rtol=1e-4, atol=1e-6)
    assert np.isnan(found.probes).all() and np.isnan(found.base).all()


def test_rows_are_sampled_and_layers_chosen() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    x = torch.randn(50, 3)
    found = look(net, x, samples=20, layers=("1",))
    assert (found.rows, found.given, found.layers, found.maps.shape) == (20, 50, ("1",), (1, 20, 2))
    with pytest.raises(UnknownName, match="layer"):
        look(net, x, layers=("7",))
    with pytest.raises(InputError, match="Too few rows"):
        look(net, x[:5])
    with pytest.raises(InputError, match="no layers"):
        look(nn.Linear(3, 2), x)


def test_random_pairings_have_exactly_the_stated_spread() -> None:
    """Over all 6! pairings of six rows the mean is 0 and the deviation that of the formula, for any two kernels."""
    rng = np.random.default_rng(3)
    a, b = kernel(rng.normal(size=(6, 2)) ** 3), kernel(rng.normal(size=(6, 4)))
    found = np.array([cka(a, b[np.ix_(order, order)]) for order in itertools.permutations(range(6))])
    assert found.mean() == pytest.approx(0, abs=1e-12)
    assert found.std() == pytest.approx(chance(6), rel=1e-10)


class Turned(nn.Module):
    """Two linear layers; the second network's are the first's, rotated and scaled."""

    def __init__(self, first: torch.Tensor, second: torch.Tensor) -> None:
        super().__init__()
        self.first, self.second = (nn.Linear(*weight.shape[::-1], bias=False, dtype=weight.dtype) for weight in (first, second))
        with torch.no_grad():
            self.first.weight.copy_(first)
            self.second.weight.copy_(second)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x))


def test_two_networks_are_compared_up_to_rotation_and_scale() -> None:
    torch.manual_seed(0)
    first, second, x = torch.randn(6, 5).double(), torch.randn(4, 6).double(), torch.randn(50, 5).double()
    turn, other_turn = (torch.linalg.qr(torch.randn(size, size).double()).Q for size in (6, 4))
    net, turned = Turned(first, second), Turned(3 * turn @ first, 0.1 * other_turn @ second @ turn.T)
    own = look(net, x).similarity
    for other in (net, turned):
        found = look(net, x, other=other).other
        assert found is not None and found.layers == ("first", "second")
        np.testing.assert_allclose(found.similarity, own, atol=1e-9)
        np.testing.assert_allclose(found.similarity.diagonal(), 1, atol=1e-9)
        assert found.counterparts == [(0, 0), (1, 1)]


class Noise(nn.Module):
    """Gives for each row, named by its number, numbers that have nothing to do with it."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.table = nn.Linear(200, 30, bias=False)
        with torch.no_grad():
            self.table.weight.copy_(torch.randn(30, 200, generator=torch.Generator().manual_seed(seed)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.table(x)


def test_unrelated_layers_are_within_what_chance_gives() -> None:
    found = look(Noise(0), torch.eye(200), other=Noise(1)).other
    assert found is not None
    assert abs(found.similarity[0, 0]) < found.limit < 0.05


def test_two_digits_networks_are_alike_in_what_they_see_and_leave_no_trace() -> None:
    digits = train_digits()
    x, labels = digits.inputs(digits.split.test)[:120], digits.split.test.labels[:120]
    torch.manual_seed(7)
    other = type(digits.net)()
    before = {name: value.clone() for name, value in other.state_dict().items()}
    explanation = pl.inspect(digits.net, LookAtRepresentations(other=other), x, labels=labels)
    found = explanation.content.other  # type: ignore[union-attr]
    assert found.similarity.shape == (len(explanation.content.layers),) * 2  # type: ignore[union-attr]
    assert found.similarity[0, 0] > 0.8 > found.similarity[-1, -1] > found.limit  # untrained: alike at the input, less at the outputs
    assert explanation.provenance.evaluations >= 240  # the rows of both
    assert all(torch.equal(before[name], value) for name, value in other.state_dict().items())
    assert other.training and not any(module._forward_hooks for module in other.modules())
    assert "models" in inside_views(explanation)
    assert "0.0" in explanation.narrate("en") and found.model in explanation.narrate("en")
    with pytest.raises(CapabilityError, match="other network"):
        pl.inspect(digits.net, LookAtRepresentations(other=lambda rows: rows), x)


def test_one_layer_is_not_compared_with_itself() -> None:
    one = pl.inspect(nn.Sequential(nn.Linear(4, 3)), "representations", torch.randn(20, 4))
    assert "similarity" not in inside_views(one)
    assert "1 layer of" in one.narrate("en")


def test_neighbors_stay_together_and_the_trust_is_measured() -> None:
    manifold = pytest.importorskip("sklearn.manifold")
    torch.manual_seed(0)
    groups = np.arange(90) % 3
    x = torch.randn(90, 6) + 12 * torch.eye(6)[groups]
    net = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 2))
    (near,) = look(net, x).neighborhoods
    assert near.layer == "0" and near.places.shape == (90, 2) and near.perplexity == pytest.approx(89 / 3)
    with torch.no_grad():
        values = net[0](x).double().numpy()
    assert near.trust == pytest.approx(manifold.trustworthiness(values, near.places, n_neighbors=near.nearest), abs=1e-6)
    assert near.trust > 0.9
    apart = np.linalg.norm(near.places[:, None] - near.places[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert (groups[apart.argmin(1)] == groups).all()
    assert look(net, x, tsne=()).neighborhoods == ()
    assert [one.layer for one in look(net, x[:9], tsne=("1", "0")).neighborhoods] == ["1", "0"]
    with pytest.raises(UnknownName, match="layer"):
        look(net, x, tsne=("7",))


def test_relations_are_those_of_scipy_and_of_the_weights() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 3)), torch.randn(40, 4)
    x[:, 1] = x[:, 1].round()  # ties
    x[:, 3] = 2.0  # does not vary
    found = look(net, x).relations
    assert found is not None
    outputs = net(x).detach().double().numpy()
    for i, j in itertools.product(range(3), range(3)):
        assert found.correlation[i, j] == pytest.approx(stats.spearmanr(x[:, i].numpy(), outputs[:, j]).statistic, abs=1e-12)
    assert np.isnan(found.correlation[3]).all() and found.order(0)[-1] == 3
    np.testing.assert_allclose(found.gradient, net[0].weight.detach().T.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(found.rising, net[0].weight.detach().T.numpy() > 0)
    strongest = np.nanargmax(np.abs(found.correlation))
    assert found.strongest == divmod(int(strongest), 3)
    assert look(nn.Sequential(nn.Linear(101, 2)), torch.randn(20, 101)).relations is None


def test_intervals_of_rank_correlations_cover() -> None:
    """Of 2,000 draws of 40 rows 95 % cover the correlation of all rows, within three standard errors and what the formula is off by."""
    rng, true, hits = np.random.default_rng(0), 6 / np.pi * np.arcsin(0.6 / 2), 0
    for _ in range(2000):
        a = rng.normal(size=(40, 1))
        found = spearman(a, 0.6 * a + 0.8 * rng.normal(size=(40, 1)))
        low, high = interval(found, 40)
        hits += int(low[0, 0] < true < high[0, 0])
    assert hits / 2000 == pytest.approx(0.95, abs=0.015 + 0.01)
    assert all(end == 1 for end in (part[0] for part in interval(np.ones(1), 40)))
