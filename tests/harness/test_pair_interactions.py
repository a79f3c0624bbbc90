"""interactions(): closed forms, sampling errors, names, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import pellucid as pl

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(3, 4))


def products(x: torch.Tensor) -> torch.Tensor:
    return (x[:, :1] * x[:, 1:2] - 2 * x[:, 2:3] * x[:, 3:4] + x.sum(1, keepdim=True)).double()


class Products(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return products(x)


SPEC = pl.ModelSpec(outputs="values")


def test_of_products_the_interaction_is_the_product_beyond_the_baseline() -> None:
    found = pl.interactions(Products(), torch.from_numpy(ROWS), target=pl.Output(0), spec=SPEC, value="baseline")
    wanted = np.zeros((3, 4, 4))  # the baseline is zero, so that each pair's second difference is its product
    wanted[:, 0, 1] = wanted[:, 1, 0] = ROWS[:, 0] * ROWS[:, 1]
    wanted[:, 2, 3] = wanted[:, 3, 2] = -2 * ROWS[:, 2] * ROWS[:, 3]
    np.testing.assert_allclose(found.values, wanted, atol=1e-12)
    assert not found.errors.any()
    assert set(found.ranked[0][:2]) == {"feature 2", "feature 3"}
    assert 3 * 2**4 <= found.evaluations <= 3 * 2**4 + 3  # the first batch may be looked at twice


def test_above_fourteen_features_the_errors_cover() -> None:
    x = torch.from_numpy(DRAW.normal(size=(2, 16)))

    def net(rows: np.ndarray) -> np.ndarray:
        return np.tanh(rows[:, :2].sum(1, keepdims=True)) + rows[:, 2:3] * rows[:, 3:4] + rows[:, 4:].sum(1, keepdims=True)

    found = pl.interactions(net, x, target=pl.Output(0), spec=SPEC)
    np.testing.assert_allclose(found.values[:, 2, 3], x[:, 2] * x[:, 3], atol=4 * found.errors[:, 2, 3].max() + 1e-9)
    a, b = x[:, 0].numpy(), x[:, 1].numpy()
    truth = np.tanh(a + b) - np.tanh(a) - np.tanh(b)
    np.testing.assert_allclose(found.values[:, 0, 1], truth, atol=4 * found.errors[:, 0, 1].max() + 1e-9)
    np.testing.assert_allclose(found.values[:, 5, 6], 0, atol=1e-9)


def test_one_hot_columns_are_one_player() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"size": ROWS[:, 0], "kind": ["a", "b", "a"], "age": ROWS[:, 1]})
    preparation = pl.TablePreparation.fit(table)
    found = pl.interactions(lambda x: x.sum(1, keepdims=True), table, preparation=preparation, target=pl.Output(0), spec=SPEC)
    assert found.names == ("size", "kind", "age")
    np.testing.assert_allclose(found.values, 0, atol=1e-6)


def test_images_and_single_features_are_refused() -> None:
    with pytest.raises(pl.PellucidError, match="features of a table"):
        pl.interactions(torch.nn.Flatten(), torch.rand(1, 1, 3, 3), target=pl.Output(0), spec=SPEC)
    with pytest.raises(pl.PellucidError, match="two players"):
        pl.interactions(lambda x: x, ROWS[:, :1], target=pl.Output(0), spec=SPEC)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_it_is_drawn(language: Any) -> None:
    found = pl.interactions(Products(), torch.from_numpy(ROWS), target=pl.Output(0), spec=SPEC)
    assert len(found.plot(language=language, row=1).axes) >= 1
    assert len(found.plot(language=language, theme="dark").axes) >= 1
    with pytest.raises(pl.PellucidError, match="no such row"):
        found.plot(row=3)
