"""Representations: similarity and maps against slow twins, probes on what can and what can not be read."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.errors import InputError, UnknownName
from pellucid.explanation.contents import Representations
from pellucid.methods.internals.representations import LookAtRepresentations, cka, kernel, principal, probe


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
