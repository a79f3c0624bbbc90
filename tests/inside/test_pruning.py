"""What can be removed: every number against networks pruned by torch itself, planted units, slow twins."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, spearmanr
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

import pellucid as pl
from inside.pruning_cases import accuracy, content, halves, masked_by_torch, planted, seen
from inside.subjects import subject
from pellucid.methods.internals.pruning_importance import agreement

# ---- what is reported is measured -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits CNN", "patient MLP", "transformer encoder", "LSTM"])
def test_accuracies_are_those_of_torchs_own_pruning(name: str) -> None:
    one = subject(name)
    preparation = one.options.get("preparation")
    x = preparation.apply(one.data) if preparation else one.data
    x = x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x), dtype=torch.float32)
    found = content(pl.inspect(one.net, "pruning", x, labels=one.labels))
    choosing, measuring = halves(len(x)) if len(x) >= 40 else (np.arange(len(x)),) * 2
    assert found.apart == (len(x) >= 40) and (found.choosing, found.measuring) == (len(choosing), len(measuring))
    assert found.suggested and found.masks
    pruned = masked_by_torch(one.net, found)
    for rows, before, after in ((measuring, found.before[0], found.after[0]), (choosing, *found.chosen)):
        assert accuracy(one.net, x[rows], one.labels[rows]) == before
        assert accuracy(pruned, x[rows], one.labels[rows]) == after
    assert found.chosen[1] >= found.chosen[0] - found.tolerance - 1e-9
    with torch.no_grad():
        loss = functional.cross_entropy(pruned(x[measuring]).double(), torch.from_numpy(one.labels[measuring]))
        was, now = (net(x[measuring]).argmax(1).numpy() == one.labels[measuring] for net in (one.net, pruned))
    assert found.after[3] == pytest.approx(float(loss), rel=1e-4)  # the network's own rounding
    assert (found.lost, found.won) == (int((was & ~now).sum()), int((~was & now).sum()))
    changed = found.lost + found.won
    assert found.p[0] == pytest.approx(binomtest(found.lost, changed).pvalue if changed else 1.0)
    interval = binomtest(int(now.sum()), len(now)).proportion_ci(method="wilson")
    assert tuple(found.after[1:3]) == pytest.approx((interval.low, interval.high))
    zeros = sum(int((mask.full() == 0).sum()) for mask in found.masks)
    assert zeros == found.zeroed


def test_curves_are_those_of_torchs_own_pruning() -> None:
    net, x, labels = planted()
    found = content(seen())
    _, rows = halves(len(x))
    parts = {"conv": (("conv", "weight"), ("conv", "bias"), ("norm", "weight"), ("norm", "bias")), "hidden": ()}
    for layer in found.layers:
        for count, row in zip(layer.removed, layer.curve, strict=True):
            pruned = copy.deepcopy(net)
            stays = torch.ones(layer.units)
            stays[layer.order[:count].copy()] = 0
            for path, name in parts[layer.layer] or (("hidden", "weight"), ("hidden", "bias")):
                module = pruned.get_submodule(path)
                shape = getattr(module, name).shape
                prune.custom_from_mask(module, name, stays.reshape(-1, *(1,) * (len(shape) - 1)).expand(shape))
            assert row[0] == accuracy(pruned, x[rows], labels[rows])
    assert [int(count) for count in found.layers[0].removed] == [0, 1, 2, 4, 6, 7]
    for curve in (found.equal, found.ranked):
        assert np.array_equal(curve[0, :4], found.before) and curve[0, 4] == 0 and (np.diff(curve[:, 4]) > 0).all()


# ---- planted units ----------------------------------------------------------------------------------------------------------


def test_planted_units_are_found() -> None:
    conv, hidden = content(seen()).layers
    assert set(np.flatnonzero(conv.unchanged)) == {0, 1} and set(conv.order[:2]) == {0, 1}
    assert set(np.flatnonzero(hidden.unchanged)) >= {7}
    for layer in (conv, hidden):
        assert (layer.cost[layer.unchanged] == 0).all() and layer.suggested[layer.unchanged].all()
        assert (layer.taylor[layer.unchanged] == 0).all()
    assert conv.order[-1] == 2 and not conv.suggested[2]
    assert hidden.order[-1] == 5 and not hidden.suggested[5]
    assert content(seen()).after[0] == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_dead_units_go_first_in_random_networks(seed: int) -> None:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 3))
    x = torch.randn(90, 6)
    with torch.no_grad():
        labels = net(x).argmax(1).numpy()
        net[0].weight[4], net[0].bias[4] = 0, -1.0
        net[2].weight[:, 9] = 0
        net[4].weight[:, 3] = 0
    found = content(pl.inspect(net, "pruning", x, labels=labels, seed=seed))
    for layer, dead in zip(found.layers, ({4, 9}, {3}), strict=True):
        assert dead <= set(np.flatnonzero(layer.unchanged)) == set(layer.order[: layer.unchanged.sum()])
        assert layer.suggested[list(dead)].all() and (layer.cost[list(dead)] == 0).all()


# ---- slow twins -------------------------------------------------------------------------------------------------------------


def losses(net: nn.Module, x: Tensor, labels: np.ndarray) -> Tensor:
    return functional.cross_entropy(net(x).double(), torch.from_numpy(labels), reduction="none")


def test_cost_alone_is_that_of_a_hook() -> None:
    net, x, labels = planted()
    rows, _ = halves(len(x))
    x, labels = x[rows], labels[rows]
    with torch.no_grad():
        own, answers = losses(net, x, labels), net(x).argmax(1)
        for layer, last, axis in zip(content(seen()).layers, (net.norm, net.hidden), (1, 1), strict=True):  # type: ignore[union-attr]
            for unit in range(layer.units):

                def silence(_module: nn.Module, _inputs: object, output: Tensor, unit: int = unit, axis: int = axis) -> Tensor:
                    return output.index_fill(axis, torch.tensor([unit]), 0.0)

                handle = last.register_forward_hook(silence)
                moved, now = losses(net, x, labels) - own, net(x).argmax(1)
                handle.remove()
                right = [(given.numpy() == labels).mean() for given in (answers, now)]
                expected = (float(moved.mean()), right[1] - right[0], float(moved.abs().mean()))
                assert layer.cost[unit] == pytest.approx(expected, rel=1e-4, abs=1e-7)  # rounding of losses about 0.1


def test_recurrent_units_are_removed_with_all_their_gates() -> None:
    one = subject("LSTM")
    (layer,) = content(pl.inspect(one.net, "pruning", one.data, labels=one.labels)).layers
    truth = torch.from_numpy(one.labels)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

    def by_row(factor: float, unit: int) -> Tensor:
        scaled = copy.deepcopy(one.net)
        with torch.no_grad():
            for name in names:
                getattr(scaled.lstm, name)[unit::12] *= factor  # type: ignore[union-attr]
            scaled.lstm.flatten_parameters()  # type: ignore[union-attr, operator]
            return functional.cross_entropy(scaled(one.data).double(), truth, reduction="none")

    own = by_row(1.0, 0)
    for unit in range(12):
        moved = by_row(0.0, unit) - own
        assert layer.cost[unit, [0, 2]] == pytest.approx((float(moved.mean()), float(moved.abs().mean())), rel=1e-3, abs=1e-6)
        slope = (by_row(1.01, unit) - by_row(0.99, unit)) / 0.02  # float32 losses about 1: an error of 1e-5
        assert layer.taylor[unit] == pytest.approx(float(slope.abs().mean()), rel=1e-2, abs=3e-5)


def test_taylor_importance_is_output_times_gradient() -> None:
    net, x, labels = planted()
    rows, _ = halves(len(x))
    for layer, last in zip(content(seen()).layers, (net.norm, net.hidden), strict=True):  # type: ignore[union-attr]
        total = torch.zeros(layer.units)
        for row in rows:
            kept: list[Tensor] = []

            def keep(_module: nn.Module, _inputs: object, output: Tensor, kept: list[Tensor] = kept) -> None:
                output.retain_grad()
                kept.append(output)

            handle = last.register_forward_hook(keep)
            losses(net, x[row : row + 1], labels[row : row + 1]).sum().backward()
            handle.remove()
            product = (kept[0] * kept[0].grad).detach()[0]
            total += product.reshape(layer.units, -1).sum(1).abs()
        net.zero_grad()
        for parameter in net.parameters():
            parameter.grad = None
        assert layer.taylor == pytest.approx((total / len(rows)).numpy(), rel=1e-4, abs=1e-7)


def test_magnitudes_are_those_of_the_weights() -> None:
    net, _, _ = planted()
    conv, hidden = content(seen()).layers
    for layer, weight in ((conv, net.conv.weight), (hidden, net.hidden.weight)):  # type: ignore[union-attr]
        flat = weight.detach().double().flatten(1)
        assert layer.l1 == pytest.approx(flat.abs().mean(1).numpy()) and layer.l2 == pytest.approx(flat.square().mean(1).sqrt().numpy())


def test_rank_correlation_is_spearmans_and_its_interval_covers() -> None:
    random = np.random.default_rng(0)
    first = random.normal(size=30)
    second = np.round(first + random.normal(size=30))  # ties
    assert agreement([(first, second)])[0] == pytest.approx(spearmanr(first, second).statistic)
    covered = 0
    for _ in range(400):
        a, b = random.normal(size=(2, 25))
        _, low, high = agreement([(a, 0.6 * a + 0.8 * b)])
        covered += low <= 6 / np.pi * np.arcsin(0.6 / 2) <= high  # of the population (Pearson 1907)
    assert covered >= 364  # of 400 at 95 %: fewer has a chance of 1e-3
    assert np.isnan(agreement([(first[:3], second[:3])])).all()
