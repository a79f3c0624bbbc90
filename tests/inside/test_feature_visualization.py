"""Feature visualization: closed forms of linear units and planted templates, exact magnitudes, receptive fields by perturbation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from inside.test_no_trace import same, state
from pellucid.errors import InputError, UnknownName
from pellucid.explanation.contents import FeatureVisualization
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.methods.internals.feature_visualization import LookAtFeatureVisualization
from pellucid.methods.internals.feature_visualization_canvas import Canvas
from pellucid.methods.internals.feature_visualization_ways import Spectrum, magnitudes

GENERATOR = np.random.default_rng(0)


def explained(net: nn.Module, x: Any, *, told: dict[str, Any] | None = None, **options: Any) -> pl.Explanation:
    return pl.inspect(net, LookAtFeatureVisualization(**options), x, **(told or {}))


def look(net: nn.Module, x: Any, *, told: dict[str, Any] | None = None, **options: Any) -> FeatureVisualization:
    found = explained(net, x, told=told, **options).content
    assert isinstance(found, FeatureVisualization)
    return found


class Small(nn.Module):
    """Two convolutions, batch norm, a functional pooling and dropout; float64."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)
        self.second, self.drop, self.head = nn.Conv2d(4, 3, 3, padding=1), nn.Dropout(0.5), nn.Linear(3 * 5 * 5, 3)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.max_pool2d(torch.relu(self.norm(self.first(x))), 2)
        return self.head(self.drop(self.second(x).flatten(1)))


@pytest.fixture(scope="module")
def small() -> tuple[Small, Tensor]:
    torch.manual_seed(0)
    net = Small()
    net(torch.randn(20, 2, 12, 12, dtype=torch.float64))  # batch norm has seen something
    return net.eval(), torch.rand(12, 2, 12, 12, dtype=torch.float64) * 3 - 1


def bumps(side: int, waves: float) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side
    return np.sin(2 * np.pi * waves * x + 1) * np.cos(2 * np.pi * y) + 0.3 * np.sin(4 * np.pi * y)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_the_optimum_of_a_linear_unit_is_the_sign_of_its_weights() -> None:
    weights = np.stack([np.sign(bumps(12, 1)), bumps(12, 2)])
    net = nn.Sequential(nn.Flatten(), nn.Linear(144, 2, bias=False)).double()
    with torch.no_grad():
        net[1].weight.copy_(torch.from_numpy(weights.reshape(2, -1)))
    x = torch.rand(30, 1, 12, 12, dtype=torch.float64) * 5 - 2
    low, high = float(x.min()), float(x.max())
    found = look(net, x, layers="outputs", ways="fourier", moved=False, steps=500)
    layer = found.layers[0]
    best = (np.maximum(weights * low, weights * high)).sum((1, 2))
    assert (layer.reached[0] > 0.97 * best).all() and (layer.reached[0] <= best + 1e-9).all()
    assert correlation(layer.inputs[0, 0], weights[0]) > 0.95
    large = np.abs(weights[1]) > 0.3  # where a weight hardly counts the way up is long
    assert correlation(layer.inputs[0, 1, 0][large], np.sign(weights[1][large])) > 0.95
    assert layer.inputs.min() >= low and layer.inputs.max() <= high
    assert (layer.height > 1).all()


def test_a_planted_template_is_given_back_where_the_unit_sees_it() -> None:
    template = np.where(np.hypot(*(np.mgrid[:5, :5] - 2)) < 1.6, 1.0, -1.0)
    net = nn.Sequential(nn.Conv2d(1, 1, 5, bias=False), nn.Flatten(), nn.Linear(144, 2)).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.from_numpy(template)[None, None])
    x = torch.rand(30, 1, 16, 16, dtype=torch.float64)
    for moved, least in ((False, 0.99), (True, 0.9)):
        layer = look(net, x, layers=("0",), ways="fourier", moved=moved).layers[0]
        top, bottom, left, right = layer.boxes[0, 0]
        assert (bottom - top, right - left) == (5, 5)
        assert correlation(layer.inputs[0, 0, 0, top:bottom, left:right], template) > least
        outside = np.delete(layer.inputs[0, 0, 0], np.s_[top:bottom], axis=0)
        assert np.abs(outside - float(x.mean())).max() < np.abs(layer.inputs[0, 0, 0] - float(x.mean())).max()
        assert layer.reached[0, 0] > layer.top_values[0, 0]
        assert (layer.touched[0, 0, top:bottom, left:right].mean() > 5 * layer.touched[0, 0].mean()) or moved


def test_units_in_one_batch_are_as_each_alone(small: tuple[Small, Tensor]) -> None:
    net, x = small
    options: dict[str, Any] = {"layers": ("second", "outputs"), "steps": 20}
    together = look(net, x, units=(2, 0, 1), **options)
    alone = look(net, x, units=(0,), told={"batch_size": 1}, **options)
    for both, one in zip(together.layers, alone.layers, strict=True):
        np.testing.assert_allclose(both.inputs[:, 1], one.inputs[:, 0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(both.touched[:, 1], one.touched[:, 0], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 7), (6, 9)])
def test_a_spectrum_picture_has_the_given_magnitudes(height: int, width: int) -> None:
    rows = torch.from_numpy(GENERATOR.random((20, 3, height, width)))
    flat = rows.transpose(0, 1).flatten(1)
    values, vectors = torch.linalg.eigh(torch.cov(flat))
    ends = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    canvas = Canvas(("channel", "y", "x"), *ends, "data", flat.mean(1), vectors @ values.sqrt().diag() @ vectors.T)
    way = Spectrum(canvas, height, width, magnitudes(rows, canvas).mean(0))
    phases = torch.stack([way.start(torch.Generator().manual_seed(i), rows) for i in range(3)])
    for at in (phases, phases + torch.from_numpy(GENERATOR.normal(size=phases.shape))):
        waves = way.waves(at)
        seen = np.abs(np.fft.fft2(waves.numpy()))  # all of them, the mirrored ones too
        np.testing.assert_allclose(seen[..., : width // 2 + 1], np.broadcast_to(way.magnitudes, (3, *way.magnitudes.shape)), atol=1e-9)
        back = canvas.unmixed(torch.logit(way.picture(at)) / 5 + 0.5 - canvas.mean[:, None, None])
        np.testing.assert_allclose(back, waves, atol=1e-9)
    np.testing.assert_allclose(way.waves(phases[:1]).mean((2, 3)), 0, atol=1e-12)


def test_magnitudes_are_those_of_the_periodic_part() -> None:
    """Moisan 2011: the part whose periodic Laplacian is the Laplacian of the picture without its edges; here by a dense system."""
    one, height, width = torch.ones(1, dtype=torch.float64), 5, 6
    canvas = Canvas(("y", "x"), 0 * one, one, "data", 0 * one, one[None])
    row = GENERATOR.random((height, width))
    periodic, inner = np.zeros((2, height * width, height * width))
    for y, x in np.ndindex(height, width):
        for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            for matrix, there in ((periodic, True), (inner, 0 <= y + down < height and 0 <= x + right < width)):
                if there:
                    matrix[y * width + x, (y + down) % height * width + (x + right) % width] += 1
                    matrix[y * width + x, y * width + x] -= 1
    part = np.linalg.lstsq(periodic, inner @ row.ravel(), rcond=None)[0].reshape(height, width)
    found = magnitudes(torch.from_numpy(row)[None, None], canvas)[0, 0]
    np.testing.assert_allclose(found, np.abs(np.fft.rfft2(part - part.mean())), atol=1e-9)


def test_what_a_place_sees_is_what_changes_it(small: tuple[Small, Tensor]) -> None:
    net, x = small
    layer = look(net, x, layers=("second",), steps=1, top=3).layers[0]
    with torch.no_grad():
        for line, unit in enumerate(layer.units):
            for rank, row in enumerate(layer.top_rows[line]):
                place = int(_second(net, x[[row]])[0, unit].flatten().argmax())
                seen = np.zeros((12, 12), bool)
                for base in torch.rand(12, 2, 12, 12, dtype=torch.float64) * 3 - 1:
                    changed = base.repeat(144, 1, 1, 1)
                    changed.view(144, 2, 144)[torch.arange(144), :, torch.arange(144)] += 2
                    before, after = (_second(net, at)[:, unit].flatten(1)[:, place] for at in (base[None], changed))
                    seen |= (after != before).reshape(12, 12).numpy()
                ys, xs = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
                assert layer.top_boxes[line, rank].tolist() == [ys[0], ys[-1] + 1, xs[0], xs[-1] + 1]


def _second(net: Small, x: Tensor) -> Tensor:
    return net.second(torch.max_pool2d(torch.relu(net.norm(net.first(x))), 2))


def test_everything_is_measured_on_the_pictures_and_rows_as_they_are(small: tuple[Small, Tensor]) -> None:
    net, x = small
    found = look(net, x, layers=("second", "outputs"), steps=5, top=3)
    assert found.shift == 1 and found.rows == found.given == len(x)
    with torch.no_grad():
        for layer, run in zip(found.layers, (lambda x: _second(net, x).amax((2, 3)), net), strict=True):
            rows = run(x).numpy()
            for line, unit in enumerate(layer.units):
                order = np.argsort(-rows[:, unit])[:3]
                assert layer.top_rows[line].tolist() == order.tolist()
                np.testing.assert_allclose(layer.top_values[line], rows[order, unit], rtol=1e-12)
                np.testing.assert_allclose(layer.quantiles[line], np.quantile(rows[:, unit], [0.05, 0.25, 0.5, 0.75, 0.95]), rtol=1e-12)
                for way in range(2):
                    picture = torch.from_numpy(layer.inputs[way, line])
                    np.testing.assert_allclose(layer.reached[way, line], run(picture[None])[0, unit], rtol=1e-12)
                    wide = torch.from_numpy(np.pad(picture, ((0, 0), (1, 1), (1, 1)), mode="edge"))
                    moved = [wide[:, y : y + 12, x_ : x_ + 12] for y in range(3) for x_ in range(3) if (y, x_) != (1, 1)]
                    np.testing.assert_allclose(layer.shifted[way, line], run(torch.stack(moved))[:, unit].mean(), rtol=1e-12)
    assert set(found.shown) == {int(row) for layer in found.layers for row in layer.top_rows.ravel()}


@pytest.mark.parametrize("axes", [("y", "x", "channel"), ("y", "x")])
def test_other_layouts_other_sizes_and_probabilities(axes: tuple[str, ...]) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3 if "channel" in axes else 1, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = x.permute(0, 3, 1, 2) if "channel" in axes else x[:, None]
            return self.conv(x).relu().mean((2, 3)).softmax(1)

    torch.manual_seed(0)
    shape = (10, 14, 3) if "channel" in axes else (10, 14)
    x = torch.rand(20, *shape)
    spec = ModelSpec((InputSpec(kind="image", axes=axes, value_range=(0.0, 1.0)),))
    found = look(Net().eval(), x, told={"spec": spec}, steps=4)
    assert (found.scale, found.bounds, found.layers[0].inputs.shape) == ("log-odds", "spec", (2, 3, *shape))
    assert found.layers[-1].pixels.shape == (2, 4, 10, 14, 3) and found.layers[-1].top_values.max() < 0
    assert all(layer.inputs.min() >= 0 and layer.inputs.max() <= 1 for layer in found.layers)
    other = look(Net().eval(), x, told={"spec": spec}, steps=2, size=16, layers="conv")
    assert other.layers[0].pixels.shape == (2, 3, 16, 16, 3) and other.shown_pixels.shape[1:] == (10, 14, 3)


def test_a_unit_without_gradient_begins_anew() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 1, bias=False), nn.ReLU(), nn.Linear(1, 1))
    with torch.no_grad():
        net[1].weight.copy_(torch.from_numpy(bumps(8, 1) - bumps(8, 1).mean()).reshape(1, -1) - 0.05)  # off at the mean of the rows
    found = look(net, torch.rand(40, 1, 8, 8), layers=("2",), steps=150, moved=False)
    assert (found.layers[0].reached > 0).all() and found.layers[0].reached[0, 0] > found.layers[0].top_values[0, 0]


def test_nothing_is_left_and_the_same_seed_gives_the_same(small: tuple[Small, Tensor], tmp_path: Path) -> None:
    net, x = Small().train(), small[1]
    before, draws = state(net), torch.get_rng_state()
    first, second = (explained(net, x, steps=6, told={"seed": 3, "batch_size": 4}) for _ in range(2))
    assert same(before, state(net)) and torch.equal(draws, torch.get_rng_state())
    one, two = first.content, second.content
    assert isinstance(one, FeatureVisualization) and isinstance(two, FeatureVisualization)
    assert all(np.array_equal(a.inputs, b.inputs) and np.array_equal(a.boxes, b.boxes) for a, b in zip(one.layers, two.layers, strict=True))
    path = first.save(tmp_path / "one.safetensors")
    again = pl.load(path)
    assert again.save(tmp_path / "two.safetensors").read_bytes() == path.read_bytes()
    assert again.narrate("zh-CN") == first.narrate("zh-CN")


def test_an_interrupt_leaves_everything_whole(small: tuple[Small, Tensor]) -> None:
    net, x = Small().train(), small[1]
    before, steps = state(net), []

    def stop(stage: str, done: int, whole: int) -> None:
        steps.append((stage, done, whole))
        if len(steps) > 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explained(net, x, steps=50, told={"progress": stop})
    assert same(before, state(net)) and steps[-1][0] == "feature_visualization" and steps[-1][1] <= steps[-1][2]
    seen: list[tuple[int, int]] = []
    explained(net, x, steps=3, told={"progress": lambda _, done, whole: seen.append((done, whole))})
    climbed = [one for one in seen if one[1] == seen[-1][1]]
    assert climbed[-1][0] == climbed[-1][1] and climbed == sorted(climbed)


def test_running_out_of_memory_takes_fewer_pictures_at_once(small: tuple[Small, Tensor]) -> None:
    net, x = small

    class Tight(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = net

        def forward(self, x: Tensor) -> Tensor:
            if len(x) > 2:
                raise RuntimeError("out of memory")
            return self.inner(x)

    tight, plain = (look(one, x, layers="outputs", steps=6) for one in (Tight().eval(), net))
    np.testing.assert_allclose(tight.layers[0].inputs, plain.layers[0].inputs, rtol=0, atol=1e-9)


def test_what_is_no_image_is_refused_and_names_are_checked(small: tuple[Small, Tensor]) -> None:
    net, x = small
    table, series = nn.Sequential(nn.Linear(5, 2)), nn.Sequential(nn.Flatten(), nn.Linear(45, 2))
    for other, rows in ((table, torch.rand(9, 5)), (series, torch.rand(9, 9, 5))):
        with pytest.raises(InputError, match="takes one image"):
            explained(other, rows)
    for error, match, options in (
        (UnknownName, "layer", {"layers": "third"}),
        (UnknownName, "way", {"ways": "wavelets"}),
        (InputError, "no such unit", {"units": (99,)}),
        (InputError, "steps", {"steps": 0}),
        (InputError, "two pixels", {"size": 1}),
    ):
        with pytest.raises(error, match=match):
            explained(net, x, **options)
    with pytest.raises(InputError, match="are the same"):
        explained(net, torch.ones_like(x))
    with pytest.raises(InputError, match="rows"):
        pl.inspect(net, "feature_visualization")
