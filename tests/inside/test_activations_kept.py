"""What is kept of activations: the same in whatever batches rows come, bounded, without a trace; and what may be chosen."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from inside.activation_twins import Convolutions, Plain, layer_of, seen_in
from pellucid.errors import InputError, UnknownName
from pellucid.explanation.contents import Activations
from pellucid.methods.internals.activations import LookAtActivations, selectivity
from pellucid.methods.internals.activations_sketch import BINS, Sketch
from pellucid.views.inside import inside, inside_views


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e5])
def test_a_sketch_is_numpy_s_histogram_and_moments(scale: float) -> None:
    values = scale * np.random.default_rng(0).normal(0.3, 1.0, (50, 40)).astype(np.float32)
    values[values < 0] = 0.0
    values[3, 3] = np.nan
    sketch = Sketch()
    sketch.add(torch.from_numpy(values))
    spread, kept = sketch.spread(), values[np.isfinite(values)].astype(float)
    assert (spread.count, spread.missing, spread.zeros) == (1999, 1, int((kept == 0).sum()))
    assert (spread.mean, spread.deviation) == pytest.approx((kept.mean(), kept.std()), rel=1e-12)
    assert (spread.low, spread.high) == (kept.min(), kept.max())
    edges = (spread.first + np.arange(len(spread.counts) + 1)) * spread.width
    assert len(spread.counts) <= BINS and (spread.high - spread.low) / spread.width > BINS / 2 - 2
    assert np.array_equal(np.histogram(kept[kept != 0], edges)[0], spread.counts)
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    assert np.abs(spread.quantiles(shares) - np.quantile(kept, shares)).max() <= 2 * spread.width + np.diff(np.sort(kept)).max()


def test_sketches_do_not_depend_on_the_batches() -> None:
    values = torch.randn(64, 30) * torch.logspace(-4, 3, 64)[:, None]
    whole, parts = Sketch(), Sketch()
    whole.add(values)
    for part in values.split(5):
        one = Sketch()
        one.add(part)
        parts.join(one)
    a, b = whole.spread(), parts.spread()
    assert (a.first, a.width, a.low, a.high) == (b.first, b.width, b.low, b.high)
    assert np.array_equal(a.counts, b.counts)
    assert (a.mean, a.deviation) == pytest.approx((b.mean, b.deviation), rel=1e-12)


def test_the_same_is_seen_in_whatever_batches() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).double(), torch.randn(23, 1, 6, 6).double()
    labels = np.arange(23) % 3
    first, second = (seen_in(net, x, labels=labels, batch_size=size) for size in (23, 4))
    for a, b in zip(first.functions, second.functions, strict=True):
        assert np.array_equal(a.zero, b.zero) and np.array_equal(a.spread.counts, b.spread.counts)
    for a, b in zip(first.layers, second.layers, strict=True):
        assert np.array_equal(a.top_rows, b.top_rows) and np.array_equal(a.chosen, b.chosen)
        assert np.allclose(a.class_means, b.class_means, rtol=1e-12) and np.allclose(a.deviation, b.deviation, rtol=1e-10)


def test_classes_features_and_strongest_rows() -> None:
    torch.manual_seed(0)
    net, x = Plain("relu", 6), torch.randn(90, 5)
    labels = np.random.default_rng(0).integers(0, 3, 90)
    seen = seen_in(net, x, LookAtActivations(top=4), labels=labels)
    layer = layer_of(seen, "first/relu")
    with torch.no_grad():
        values = net.first(x).relu().double().numpy()
    means = np.stack([values[labels == label].mean(0) for label in range(3)])
    assert np.allclose(layer.class_means, means)
    best = means.max(0)
    others = (means.sum(0) - best) / 2
    assert np.allclose(layer.selectivity, (best - others) / (best + others))
    between = sum((labels == label).sum() * (means[label] - values.mean(0)) ** 2 for label in range(3))
    assert np.allclose(layer.explained, between / ((values - values.mean(0)) ** 2).sum(0))
    assert np.allclose(layer.related, np.corrcoef(values.T, x.T.numpy())[:6, 6:], atol=1e-9)
    assert np.array_equal(layer.top_rows, np.argsort(-values, 0, kind="stable")[:4].T)
    assert np.allclose(layer.scatter, values[:, layer.chosen], atol=1e-6) and len(layer.scatter_rows) == 90
    assert np.array_equal(seen.shown.table, x.double().numpy())
    assert np.isnan(layer_of(seen, "last").selectivity).any()  # it has negative means


def test_only_classes_that_have_rows_are_kept_and_few_rows_say_nothing() -> None:
    torch.manual_seed(0)
    net, x = Plain("relu", 6), torch.randn(12, 5)
    labels = np.where(np.arange(12) < 7, 3, 900)
    labels[0] = -1
    layer = layer_of(seen_in(net, x, labels=labels), "first/relu")
    with torch.no_grad():
        values = net.first(x).relu().double().numpy()
    assert layer.classes.tolist() == [3, 900] and layer.class_means.shape == (2, 6)
    assert np.allclose(layer.class_means[0], values[1:7].mean(0))
    assert set(layer.preferred.tolist()) <= {3, 900}
    crowded = seen_in(net, x, labels=np.arange(12) // 1.5)  # eight classes
    assert np.isnan(layer_of(crowded, "first/relu").explained).all()
    assert np.isfinite(layer.explained).any()


def test_of_very_many_classes_those_are_drawn_that_units_prefer() -> None:
    torch.manual_seed(0)
    explanation = pl.inspect(Plain("relu", 6), "activations", torch.randn(400, 5), labels=np.arange(400) % 100)
    panel = inside(explanation, view="selectivity", layer="first/relu").panels[0]
    assert panel.y is not None and len(panel.y.ticks) <= 6 and "of 100 classes" in panel.subtitle


def test_the_selectivity_of_morcos() -> None:
    assert selectivity(np.array([[4.0, 1.0, 0.0], [0.0, 1.0, 0.0], [2.0, 1.0, 0.0]])).tolist()[:2] == [3 / 5, 0.0]
    assert np.isnan(selectivity(np.array([[1.0], [-1.0]]))).all() and np.isnan(selectivity(np.array([[1.0]]))).all()


# ---- what is chosen, and errors ----------------------------------------------------------------------------------------------


def test_a_layer_units_and_rows_that_are_chosen() -> None:
    net, x = Convolutions().eval(), torch.randn(9, 1, 6, 6)
    seen = seen_in(net, x, LookAtActivations(layer="two", units=(3, 1), rows=(5, 0)))
    detailed = [one.layer for one in seen.layers if len(one.chosen)]
    assert detailed == ["two"]
    layer = layer_of(seen, "two")
    assert layer.chosen.tolist() == [3, 1] and layer.rows.tolist() == [5, 0]
    with torch.no_grad():
        expected = net.two(net.norm(net.one(x)).relu())[[5, 0]][:, [3, 1]]
    assert np.allclose(layer.maps, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        (LookAtActivations(layer="three"), UnknownName, "two"),
        (LookAtActivations(rows=(9,)), InputError, "from 0 to 8"),
        (LookAtActivations(layer="two", units=(4,)), InputError, "from 0 to 3"),
    ],
)
def test_what_does_not_exist_is_said(what: LookAtActivations, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        seen_in(Convolutions().eval(), torch.randn(9, 1, 6, 6), what)


def test_data_are_needed() -> None:
    with pytest.raises(InputError, match="give data"):
        pl.inspect(Plain("relu"), "activations")


def test_a_picture_names_the_layers_that_it_can_show() -> None:
    explanation = pl.inspect(Plain("relu"), "activations", torch.randn(8, 5))
    with pytest.raises(UnknownName, match="first/relu"):
        inside(explanation, view="feature_maps", layer="nowhere")
    with pytest.raises(UnknownName, match="against_input"):
        inside(explanation, view="attention")
    assert "selectivity" not in inside_views(explanation) and "hidden_states" not in inside_views(explanation)


def test_of_very_many_rows_some_are_drawn_and_it_is_said() -> None:
    explanation = pl.inspect(Plain("relu"), "activations", torch.randn(30_000, 5), batch_size=5000)
    scene = inside(explanation, view="against_input")
    marks = [mark for panel in scene.panels for mark in panel.marks if mark.mark == "points"]
    assert sum(mark.sample.first for mark in marks if mark.sample) <= 5000
    assert all(mark.sample and mark.sample.count == 15_000 for mark in marks)
    assert "15,000 of 30,000 rows" in scene.subtitle


def test_what_is_kept_does_not_grow_with_the_rows() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))

    def size(rows: int) -> int:
        explanation = pl.inspect(net, "activations", torch.randn(rows, 1, 6, 6))
        content = explanation.content
        assert isinstance(content, Activations)
        arrays = [value for one in content.layers for value in vars(one).values() if isinstance(value, np.ndarray)]
        return sum(array.size for array in arrays) + content.shown.pixels.size // 36 // 3

    assert size(2000) <= 1.5 * size(100)


def test_no_trace_is_left() -> None:
    net, x = Convolutions().train(), torch.randn(6, 1, 6, 6)
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    before = x.clone()
    seen_in(net, x)
    assert all(torch.equal(state[name], tensor) for name, tensor in net.state_dict().items())
    assert hooks == [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    assert net.training and net.norm.training and all(p.grad is None and p.requires_grad for p in net.parameters())
    assert torch.equal(drawn[0], torch.get_rng_state()) and drawn[1] == random.getstate()
    assert np.array_equal(drawn[2], np.random.get_state()[1])  # noqa: NPY002
    assert torch.equal(before, x) and not hasattr(x, "_pellucid_site")
