"""The weights of a network: as they are applied, as slow twins count them, without a trace; and pictures of large ones."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import pellucid as pl
from paper.extents import cut_off, overlaps
from pellucid.demo.networks import digits_network, patient_network
from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.contents import Weights
from pellucid.explanation.contents.weights import QUANTILES, Weight
from pellucid.methods.internals import weights_spectrum
from pellucid.methods.internals.weights import CELLS
from pellucid.paper import draw
from pellucid.scenes.sampling import drawn
from pellucid.views.inside import inside, inside_views


def seen(net: nn.Module, **options: Any) -> Weights:
    found = pl.inspect(net, pl.LookAtWeights(**options)).content
    assert isinstance(found, Weights)
    return found


def by_name(net: nn.Module, **options: Any) -> dict[str, Weight]:
    return {one.name: one for one in seen(net, **options).weights}


def shown(one: Weight) -> np.ndarray:
    """The whole matrix of a small weight."""
    assert one.block == (1, 1)
    return one.map


# ---- what is read -----------------------------------------------------------------------------------------------------------


def test_numbers_are_those_of_a_slow_count() -> None:
    torch.manual_seed(0)
    net = nn.Linear(40, 30)
    one, values = by_name(net)["weight"], net.weight.detach().numpy().astype(float)
    assert np.array_equal(one.map, values.astype(np.float32))
    assert np.allclose([one.mean, one.deviation, one.norm], [values.mean(), values.std(), np.sqrt((values**2).sum())], rtol=1e-12)
    assert np.allclose(one.quantiles, [np.sort(values.ravel())[round(share * 1199)] for share in QUANTILES], atol=0.01)
    assert one.counts.sum() == 1200 and one.counts[0] == ((values >= one.edges[0]) & (values < one.edges[1])).sum()
    singular = np.linalg.svd(values, compute_uv=False)
    assert one.spectrum is not None and one.spectrum.exact
    # squares are off by the rounding of a Gram matrix: eps times the largest square times its side
    assert np.allclose(one.spectrum.values.astype(float) ** 2, singular**2, atol=2**-22 * singular[0] ** 2)
    assert one.spectrum.stable_rank == pytest.approx((singular**2).sum() / singular[0] ** 2)
    assert one.spectrum.edge == pytest.approx(math.sqrt((values**2).mean()) * (math.sqrt(40) + math.sqrt(30)))


def test_random_weights_stay_below_the_edge_and_a_planted_direction_does_not() -> None:
    torch.manual_seed(0)
    net = nn.Linear(300, 200, bias=False)
    one = by_name(net)["weight"].spectrum
    assert one is not None and one.values[0] < 1.02 * one.edge
    with torch.no_grad():
        net.weight += 0.02 * torch.randn(200, 1) * torch.randn(300)
    one = by_name(net)["weight"].spectrum
    assert one is not None and (one.values > one.edge).sum() == 1


def test_large_matrices_give_their_leading_singular_values_and_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    net = nn.Linear(150, 120, bias=False)
    with torch.no_grad():
        net.weight += torch.randn(120, 3) @ torch.diag(torch.tensor([1.0, 0.7, 0.5])) @ torch.randn(3, 150)
    exact = by_name(net)["weight"]
    monkeypatch.setattr(weights_spectrum, "SIDE", 20)
    monkeypatch.setattr(weights_spectrum, "LEADING", 3)
    leading = by_name(net)["weight"]
    assert exact.spectrum is not None and leading.spectrum is not None and exact.layout is not None and leading.layout is not None
    assert (leading.spectrum.exact, len(leading.spectrum.values), leading.spectrum.full) == (False, 3, 120)
    assert np.allclose(leading.spectrum.values, exact.spectrum.values[:3], rtol=1e-4)
    assert np.allclose(leading.layout.points, exact.layout.points, atol=1e-3 * np.abs(exact.layout.points).max())


def test_rows_lie_on_the_principal_axes() -> None:
    torch.manual_seed(0)
    for shape in ((30, 12), (12, 30)):
        net = nn.Embedding(*shape)
        layout, rows = by_name(net)["weight"].layout, net.weight.detach().double().numpy()
        left, values, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
        assert layout is not None
        assert np.allclose(np.abs(layout.points), np.abs(left[:, :2] * values[:2]), atol=1e-5)
        assert np.allclose(layout.explained, values[:2] ** 2 / (values**2).sum())


def test_blocks_are_means() -> None:
    net = nn.Linear(1500, 700, bias=False)
    one, values = by_name(net)["weight"], net.weight.detach().numpy()
    high, wide = one.block
    assert one.map.size <= CELLS < values.size
    assert one.map.shape == (-(-700 // high), -(-1500 // wide))
    assert np.allclose(one.map[-1, -1], values[(one.map.shape[0] - 1) * high :, (one.map.shape[1] - 1) * wide :].mean(), atol=1e-6)
    assert np.allclose(one.map[3, 5], values[3 * high : 4 * high, 5 * wide : 6 * wide].mean(), atol=1e-6)


def test_kernels_and_transposed_convolutions_have_their_units_first() -> None:
    plain = by_name(nn.Conv3d(2, 3, (2, 3, 4)))["weight"]
    assert plain.kernels.shape == (3, 4, 3, 4)
    net = nn.ConvTranspose2d(6, 4, 3, groups=2, bias=False)
    one = by_name(net)["weight"]
    assert (one.units, one.inputs, one.kernels.shape) == (4, 27, (4, 3, 3, 3))
    assert np.array_equal(one.kernels[3, 1], net.weight[3 + 1, 1].detach().numpy())  # unit 3 is the second of the second group
    assert by_name(nn.Conv2d(3, 5, 1))["weight"].kernels.size == 0


def test_of_very_many_kernels_the_largest_are_kept() -> None:
    net = nn.Conv2d(300, 200, 3, bias=False)
    with torch.no_grad():
        net.weight[17] *= 10
        net.weight[:, 150] *= 10
    one = by_name(net)["weight"]
    assert 17 in one.kernel_units and 150 in one.kernel_inputs
    assert one.kernels.shape[0] * one.kernels.shape[1] * 16 <= CELLS
    scene = inside(pl.inspect(net, "weights"), view="kernels")
    assert f"of {60_000:,} kernels shown" in scene.panels[0].subtitle


class Parts(nn.Module):
    """Recurrent layers, attention, an embedding whose weight is used again, normalizations, a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.lstm, self.gru = nn.Embedding(20, 8), nn.LSTM(8, 6, proj_size=3), nn.GRU(3, 5)
        self.cell, self.attention = nn.LSTMCell(5, 4), nn.MultiheadAttention(8, 2)
        self.norm, self.groups, self.scale = nn.BatchNorm1d(8), nn.GroupNorm(2, 8), nn.Parameter(torch.ones(1, 4, 8))
        self.out = nn.Linear(8, 20, bias=False)
        self.out.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.words(x).mean(1))


def test_parts_are_named_and_tied_weights_are_there_once() -> None:
    net = Parts()
    found = by_name(net)
    assert found["words"].tied == ("out.weight",) and "out" not in found
    assert sum(one.size for one in found.values()) == sum(parameter.numel() for parameter in net.parameters())
    forget = net.lstm.weight_ih_l0[6:12].detach().numpy()
    assert np.array_equal(shown(found["lstm.weight_ih_l0.forget"]), forget)
    assert np.array_equal(shown(found["gru.weight_hh_l0.new"]), net.gru.weight_hh_l0[10:].detach().numpy())
    assert np.array_equal(shown(found["attention.k"]), net.attention.in_proj_weight[8:16].detach().numpy())
    assert found["attention.k"].parameter == "attention.in_proj_weight.k"
    assert "cell.weight_ih.output" in found and "lstm.weight_hr_l0" in found
    kinds = {name: one.kind for name, one in found.items()}
    assert [kinds[name] for name in ("norm", "groups", "norm.bias", "scale", "attention.q")] == [
        "gain",
        "gain",
        "bias",
        "other",
        "attention",
    ]
    assert shown(found["scale"]).shape == (4, 8)


def parametrized(how: str) -> nn.Module:
    torch.manual_seed(0)
    layer = nn.Linear(6, 5)
    made = {
        "weight_norm": lambda: parametrizations.weight_norm(layer),
        "old weight_norm": lambda: weight_norm(layer),
        "spectral_norm": lambda: parametrizations.spectral_norm(layer),
        "old spectral_norm": lambda: spectral_norm(layer),
        "pruned": lambda: prune.l1_unstructured(layer, "weight", 0.5),
        "orthogonal": lambda: parametrizations.orthogonal(layer),
    }
    return made[how]().eval()


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("how", ["weight_norm", "old weight_norm", "spectral_norm", "old spectral_norm", "pruned", "orthogonal"])
def test_the_weight_that_is_applied_is_shown(how: str) -> None:
    net = parametrized(how)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)  # what an older hook keeps is stale until the next forward pass
    state = copy.deepcopy(net.state_dict())
    found = by_name(net)
    applied = net(torch.eye(6)).T - net(torch.zeros(1, 6)).T
    assert {"weight", "bias"} == set(found)
    assert found["weight"].made
    assert np.allclose(shown(found["weight"]), applied.detach().numpy(), atol=1e-6)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert by_name(net, initial=state)["weight"].change.relative == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision(dtype: torch.dtype) -> None:
    net = patient_network().to(dtype)
    found = pl.inspect(net, "weights").content
    assert found.followed == "guess"
    assert found.weights[0].dtype == str(dtype).removeprefix("torch.")
    assert np.array_equal(shown(found.weights[0]), net.first.weight.detach().float().numpy())


def test_what_is_not_finite_is_left_out_and_said() -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    with torch.no_grad():
        net[0].weight[1, 2], net[2].weight[:] = torch.inf, torch.nan
    explanation = pl.inspect(net, "weights")
    first, _, second, _ = explanation.content.weights
    assert (first.strange, second.strange, first.spectrum, first.layout) == (1, 12, None, None)
    assert math.isfinite(first.norm) and second.norm == 0
    assert "not finite" in explanation.narrate("en")
    assert any("not finite" in note for note in inside(explanation, view="layers").notes)
    for make in inside_views(explanation).values():
        draw(make(explanation))


# ---- initial and trained ------------------------------------------------------------------------------------------------------


def test_change_in_closed_form() -> None:
    net = nn.Linear(4, 3)
    initial = copy.deepcopy(net.state_dict())
    with torch.no_grad():
        net.weight[1] *= -1
        net.bias *= 3
    before, found = initial["weight"].double().numpy(), by_name(net, initial=initial)
    one = found["weight"].change
    whole, row = np.linalg.norm(before), np.linalg.norm(before[1])
    assert np.allclose(one.relative, 2 * row / whole)
    assert np.allclose(one.angle, np.degrees(np.arccos((whole**2 - 2 * row**2) / whole**2)))
    assert np.allclose(one.moved, [0, 2 * row / (whole / math.sqrt(3)), 0])
    assert np.allclose([found["bias"].change.relative, found["bias"].change.angle], [2, 0], atol=1e-5)


def test_an_initial_state_that_does_not_fit_is_refused_and_kept_out_of_the_archive(tmp_path: Path) -> None:
    net = patient_network()
    with pytest.raises(InputError, match=r"6 of 6 parameters are missing.*such as 'first.weight'.*deepcopy"):
        seen(net, initial={})
    with pytest.raises(InputError, match="another shape"):
        seen(net, initial={name: value[:1] for name, value in net.state_dict().items()})
    explanation = pl.inspect(net, pl.LookAtWeights(initial=patient_network(1).state_dict()))
    assert "initial" not in explanation.provenance.parameters
    again = pl.load(explanation.save(tmp_path / "weights.safetensors"))
    assert np.array_equal(again.content.weights[0].change.moved, explanation.content.weights[0].change.moved)


# ---- what is asked for ----------------------------------------------------------------------------------------------------------


def test_chosen_layers_and_unknown_ones() -> None:
    net = digits_network()
    found = seen(net, layers=("deep",))
    assert [one.name for one in found.weights] == ["deep", "deep.bias"]
    assert [one.layer for one in found.units] == ["deep"]
    with pytest.raises(UnknownName, match=r"layer of that name.*'dep'.*did you mean 'deep'"):
        seen(net, layers=("dep",))


def test_networks_without_weights_are_refused() -> None:
    for net in (nn.Sequential(nn.ReLU(), nn.Flatten()), lambda x: x):
        with pytest.raises(CapabilityError):
            pl.inspect(net, "weights")


def test_layers_of_pictures() -> None:
    explanation = pl.inspect(digits_network(), "weights")
    assert inside(explanation, view="matrix").title == "The weights of deep"  # most parameters
    assert inside(explanation, view="kernels").title == "The kernels of stem"  # the first convolution
    assert inside(explanation, view="matrix", layer="classifier.weight").title == "The weights of classifier"
    with pytest.raises(UnknownName, match=r"'head'.*legal: classifier, deep, stem, wide"):
        inside(explanation, view="matrix", layer="head")
    with pytest.raises(InputError, match="not about one layer"):
        inside(explanation, view="norms", layer="deep")
    lstm = pl.inspect(nn.LSTM(3, 4), "weights")
    assert inside(lstm, view="matrix", layer="weight_hh_l0").title == "The weights of weight_hh_l0.input"
    assert not {"kernels", "change"} & set(inside_views(lstm))
    assert "change" in inside_views(pl.inspect(nn.Linear(2, 2), pl.LookAtWeights(initial=nn.Linear(2, 2).state_dict())))


def test_tsne_places_near_rows_near() -> None:
    pytest.importorskip("sklearn")
    net = nn.Embedding(40, 6)
    with torch.no_grad():
        net.weight[:20] += 30
    explanation = pl.inspect(net, pl.LookAtWeights(projection="tsne"))
    points = explanation.content.weights[0].layout.points
    centers = points[:20].mean(0), points[20:].mean(0)
    spread = max(points[:20].std(), points[20:].std())
    assert np.linalg.norm(centers[0] - centers[1]) > 2 * spread
    assert "distances" in inside(explanation, view="embedding").panels[0].title
    again = pl.inspect(net, pl.LookAtWeights(projection="tsne"))
    assert np.array_equal(points, again.content.weights[0].layout.points)


# ---- no trace -------------------------------------------------------------------------------------------------------------------


def test_no_trace_is_left() -> None:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), parametrizations.spectral_norm(nn.Linear(144, 3)))
    net.train()
    net(torch.randn(2, 1, 8, 8)).sum().backward()
    initial = copy.deepcopy(net.state_dict())
    state, grads = copy.deepcopy(net.state_dict()), [parameter.grad.clone() for parameter in net.parameters()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    random = torch.get_rng_state().clone(), np.random.get_state()[1].copy()  # noqa: NPY002 (the global state is what is looked at)
    seen(net, initial=initial)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(value, state[name]) for name, value in initial.items())
    assert all(torch.equal(parameter.grad, grad) for parameter, grad in zip(net.parameters(), grads, strict=True))
    assert hooks == [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    assert torch.equal(torch.get_rng_state(), random[0]) and np.array_equal(np.random.get_state()[1], random[1])  # noqa: NPY002


def test_autocast_and_inference_mode_around_the_call_change_nothing() -> None:
    net = patient_network()
    plain = seen(net)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        other = seen(net)
    assert [one.norm for one in plain.weights] == [one.norm for one in other.weights]
    assert [one.norms.tolist() for one in plain.units] == [one.norms.tolist() for one in other.units]


# ---- pictures of what is large, dead or double ------------------------------------------------------------------------------------


class Large(nn.Module):
    """Many words, many units, some of which are dead or double; a long name."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9000, 16)
        self.a_rather_long_name_of_a_layer, self.head = nn.Linear(16, 6000), nn.Linear(6000, 3)
        with torch.no_grad():
            layer = self.a_rather_long_name_of_a_layer
            layer.weight[:40], layer.bias[:40] = 0, -1
            layer.weight[40:50], layer.bias[40:50] = 0, 1
            layer.weight[50:60], layer.bias[50:60] = layer.weight[60:70], layer.bias[60:70]
            self.head.weight[:, 80:90] = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.a_rather_long_name_of_a_layer(self.words(x).mean(1))))


@pytest.fixture(scope="module")
def large() -> pl.Explanation:
    torch.manual_seed(0)
    net = Large()
    return pl.inspect(net, pl.LookAtWeights(initial=Large().state_dict()))


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-CN")])
def test_pictures_of_large_networks_can_be_read(large: pl.Explanation, theme: Any, language: Any) -> None:
    views = inside_views(large)
    assert set(views) == {"layers", "matrix", "distribution", "spectrum", "norms", "embedding", "units", "change"}
    for view, make in views.items():
        figure = draw(make(large, language=language), theme=theme)
        assert (overlaps(figure), cut_off(figure)) == ([], []), view


def test_pictures_of_large_networks_say_what_they_leave_out(large: pl.Explanation) -> None:
    rows = inside(large, view="embedding").panels[0].marks[0]
    assert rows.sample is not None and (len(rows.x), len(drawn(rows).x)) == (9000, 5000)
    units = inside(large, view="units")
    plain = next(mark for mark in units.panels[0].marks if mark.mark == "points" and mark.sample is not None)
    assert plain.sample.count == 6000 - 40 - 10 - 20 - 10
    words = large.narrate("en")
    assert "50 of 6,003 units are dead" in words and "10 of 6,003 units get nothing" in words and "20 of 6,003" in words
    assert "40 of 6000" not in units.title
    blocks = inside(pl.inspect(nn.Linear(1500, 700), "weights"), view="matrix").panels[0]
    assert "each the mean of" in blocks.title and f"of {1500 * 700:,} weights" in blocks.title
