"""LIME takes what people have: frames with categories, pipelines, one-hot columns, grey pictures, photos, one sigmoid, tokens, series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.data.players import superpixels


def explained(model: Any, x: Any, method: pl.LIME | None = None, **options: Any) -> pl.Explanation:
    return pl.explain(model, x, method or pl.LIME(), checks="none", **options)


def table() -> tuple[pd.DataFrame, np.ndarray]:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"age": draw.integers(20, 70, 200), "city": draw.choice(["Bonn", "Kyiv", "Oslo"], 200), "income": draw.normal(3, 1, 200)}
    )
    return frame, ((frame["age"] > 45) ^ (frame["city"] == "Kyiv")).to_numpy()


def test_a_pipeline_on_a_frame_with_categories() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, y = table()
    columns = ColumnTransformer([("one-hot", OneHotEncoder(), ["city"]), ("scaled", StandardScaler(), ["age", "income"])])
    pipeline = make_pipeline(columns, LogisticRegression()).fit(frame, y)
    found = explained(pipeline.predict_proba, frame.iloc[[1, 5]], background=frame)
    assert found.arrays[0].coordinates["feature"] == ("age", "city", "income")
    kept, mean = frame.iloc[[1]].copy(), frame.iloc[[1]].copy()
    mean[["age", "income"]] = frame[["age", "income"]].mean().to_numpy()
    mean["city"] = frame["city"].mode()[0]
    explains = found.arrays[0].values[0].sum()
    column = int(found.decision.predicted[0])
    apart = (pipeline.predict_proba(kept) - pipeline.predict_proba(mean))[0, column]
    assert abs(explains - apart) < 0.1  # a nearly linear model is nearly complete


def test_one_hot_columns_of_a_preparation_are_one_player() -> None:
    frame, _ = table()
    preparation = pl.TablePreparation.fit(frame)
    net = nn.Linear(len(preparation.names), 2)
    found = explained(net, frame.iloc[:2], preparation=preparation, background=frame)
    assert found.arrays[0].values.shape == (2, 3)
    weights, encoded = net.weight.detach().numpy(), preparation.apply(frame)
    column = int(found.decision.predicted[0])
    moved = (weights[column] - 0) * (encoded[0] - encoded.mean(0))
    groups = [moved[preparation.groups == k].sum() for k in range(3)]
    np.testing.assert_allclose(found.arrays[0].values[0], groups, atol=1e-5)


def test_a_grey_picture_and_one_sigmoid() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 16), nn.Tanh(), nn.Linear(16, 1), nn.Sigmoid())
    found = explained(net, torch.rand(2, 28, 28), spec=pl.ModelSpec(inputs=(pl.InputSpec(kind="image"),)))
    assert found.arrays[0].values.shape == (2, 28, 28)
    assert len(np.unique(found.arrays[0].values[0])) == 64  # a grid of 8 x 8 cells
    assert found.provenance.scale == "log-odds"


def test_a_photo_is_cut_into_patches_of_like_color() -> None:
    torch.manual_seed(0)
    x = torch.zeros(2, 3, 48, 48)
    x[0, 0, :, 24:], x[1, 2, 30:, :] = 1.0, 1.0
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    found = explained(net, x, pl.LIME(segments=12))
    values = found.arrays[0].values
    np.testing.assert_array_equal(values[:, 0], values[:, 2])  # the channels of a player share
    for row in range(2):
        assert 4 <= len(np.unique(values[row])) <= 24


def test_superpixels_follow_the_edges() -> None:
    picture = np.zeros((40, 40, 3))
    picture[:, 17:] = (0.2, 0.8, 0.3)
    labels = superpixels(picture, ("y", "x", "channel"), 16)[..., 0]
    assert sorted(np.unique(labels)) == list(range(labels.max() + 1))
    assert not set(labels[:, :17].ravel()) & set(labels[:, 17:].ravel())
    grey = superpixels(picture[..., 0], ("y", "x"), 16)
    assert not set(grey[:, :17].ravel()) & set(grey[:, 17:].ravel())


def test_tokens_of_a_black_box_and_time_windows() -> None:
    def count(tokens: np.ndarray) -> np.ndarray:
        return (tokens == 7).sum(1).astype(float)

    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tokens", blank=0),), outputs="values")
    found = explained(count, np.array([[7, 1, 7, 3, 4, 2]]), spec=spec)
    np.testing.assert_allclose(found.arrays[0].values[0], [1, 0, 1, 0, 0, 0], atol=1e-12)

    def level(series: np.ndarray) -> np.ndarray:
        return series[:, 10:20].sum((1, 2))

    found = explained(level, np.random.default_rng(0).normal(size=(1, 30, 2)), spec=pl.ModelSpec(outputs="values"))
    assert np.abs(found.arrays[0].values[0, :10]).max() < 1e-9


def test_several_inputs_number_their_players_together() -> None:
    class Two(nn.Module):
        def forward(self, picture: torch.Tensor, row: torch.Tensor) -> torch.Tensor:
            total = picture.flatten(1).sum(1) + 10 * row[:, 1]
            return torch.stack([total, -total], 1)

    torch.manual_seed(0)
    picture, row = torch.rand(2, 3, 40, 40), torch.rand(2, 4)
    found = explained(Two(), (picture, row), pl.LIME(segments=10), target=0)
    np.testing.assert_allclose(found.arrays[1].values[:, [0, 2, 3]], 0, atol=1e-3)
    np.testing.assert_allclose(found.arrays[1].values[:, 1], 10 * row[:, 1], rtol=1e-4)
    assert [reason.code for verdict in found.verdicts for reason in verdict.reasons if reason.code == "poor_fit"] == []


@pytest.mark.parametrize("missing", [False, True])
def test_missing_values_are_kept_or_replaced(missing: bool) -> None:
    def score(x: np.ndarray) -> np.ndarray:
        return np.nan_to_num(x, nan=5.0).sum(1)

    x = np.array([[1.0, np.nan if missing else 2.0, 3.0]])
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", missing=True),), outputs="values")
    found = explained(score, x, spec=spec, background=np.zeros((4, 3)))
    np.testing.assert_allclose(found.arrays[0].values[0], [1, 5 if missing else 2, 3], atol=1e-12)
