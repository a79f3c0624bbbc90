"""What can be removed: every number against networks pruned by torch itself, planted units, slow twins."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest, spearmanr
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

import pellucid as pl
from inside.subjects import Encoder, subject
from inside.test_no_trace import same, state
from pellucid.explanation.contents import Pruning
from pellucid.methods.internals.pruning_importance import agreement


class Planted(nn.Module):
    """A convolution with normalization, and a dense head: channels 0 and 1 can never matter, channel 2 carries the class."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.hidden, self.head = nn.Linear(8, 10), nn.Linear(10, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.conv(x))).mean((2, 3))
        return self.head(functional.relu(self.hidden(x)))


@cache
def planted() -> tuple[nn.Module, Tensor, np.ndarray]:
    """The network, rows and labels that it answers rightly by channel 2 and hidden unit 5."""
    torch.manual_seed(0)
    net = Planted()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(0.1)
        net.norm.weight.fill_(1.0)
        net.norm.running_var.fill_(1.0)
        net.norm.bias.normal_(0.2, 0.1)
        net.conv.weight[2], net.conv.weight[2, 0, 1, 1] = 0, 4.0
        net.norm.bias[1] = -50.0  # always off
        net.hidden.weight[:, 0] = 0  # nothing goes out
        net.hidden.weight[5], net.hidden.weight[5, 2], net.hidden.bias[5] = 0, 4.0, -8.0
        net.head.weight[:, 7] = 0
        net.head.weight[:, 5] = torch.tensor([-2.0, 2.0])
    x = torch.rand(120, 1, 6, 6) * 0.4
    labels = np.arange(120) % 2
    x[labels == 1] += 0.6
    return net.eval(), x, labels


@cache
def seen() -> pl.Explanation:
    net, x, labels = planted()
    return pl.inspect(net, "pruning", x, labels=labels)


def content(explanation: pl.Explanation) -> Pruning:
    assert isinstance(explanation.content, Pruning)
    return explanation.content


def halves(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The rows that choose and those that measure, as the documentation says: half each, by the seed."""
    drawn = np.random.default_rng(seed + 2).permutation(rows)
    return np.sort(drawn[: rows // 2]), np.sort(drawn[rows // 2 :])


def masked_by_torch(net: nn.Module, found: Pruning) -> nn.Module:
    """A copy of the network with the masks put on by torch's own function."""
    pruned = copy.deepcopy(net)
    for mask in found.masks:
        prune.custom_from_mask(pruned.get_submodule(mask.path), mask.parameter, torch.from_numpy(mask.full()))
    return pruned


def accuracy(net: nn.Module, x: Tensor, labels: np.ndarray) -> float:
    with torch.no_grad():
        return float((net(x).argmax(1).numpy() == labels).mean())


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


# ---- what is masked ---------------------------------------------------------------------------------------------------------


def test_a_masked_channel_is_silent_behind_its_normalization() -> None:
    net, x, _ = planted()
    found = content(seen())
    assert found.layers[0].joined == ("norm",)
    assert {(mask.path, mask.parameter) for mask in found.masks} >= {
        (path, name) for path in ("conv", "norm") for name in ("weight", "bias")
    }
    pruned, kept = masked_by_torch(net, found), []
    pruned.norm.register_forward_hook(lambda _m, _i, output: kept.append(output))  # type: ignore[union-attr]
    with torch.no_grad():
        pruned(x[:4])
    assert (kept[0][:, found.layers[0].suggested] == 0).all()


def test_depthwise_filters_go_with_the_units_that_they_filter() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6(),
        nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6), nn.ReLU6(),
        nn.Conv2d(6, 4, 1), nn.Flatten(), nn.Linear(4 * 16, 3),
    ).eval()  # fmt: skip
    found = content(pl.inspect(net, "pruning", torch.randn(12, 1, 6, 6)))
    assert [layer.layer for layer in found.layers] == ["0", "6"] and found.layers[0].joined == ("1", "3", "4")
    assert found.layers[0].parameters == 1 + 2 + 9 + 1 + 2
    with torch.no_grad():
        silent = masked_by_torch(net, found)[:6](torch.randn(3, 1, 6, 6))
    assert (silent[:, found.layers[0].suggested] == 0).all()


def test_savings_are_those_of_a_network_without_the_units() -> None:
    _, x, _ = planted()
    found = content(seen())
    conv, hidden = (int((~layer.suggested).sum()) for layer in found.layers)
    smaller = Planted()
    smaller.conv, smaller.norm = nn.Conv2d(1, conv, 3, padding=1), nn.BatchNorm2d(conv)
    smaller.hidden, smaller.head = nn.Linear(conv, hidden), nn.Linear(hidden, 2)
    count = sum(parameter.numel() for parameter in smaller.parameters())
    assert found.parameters - found.cut == count
    with torch.no_grad():
        structure = pl.inspect(smaller.eval(), "structure", x).content
    assert found.flops - found.saved == sum(one.flops for one in structure.operations)  # type: ignore[union-attr]


def test_an_added_branch_is_not_counted_as_cut_out() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.inner, self.back, self.head = nn.Linear(4, 8), nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.tanh(self.enter(x))
            return self.head(x + self.back(torch.tanh(self.inner(x))))

    torch.manual_seed(0)
    found = content(pl.inspect(Residual(), "pruning", torch.randn(60, 4), labels=np.arange(60) % 3))
    gone = {layer.layer: int(layer.suggested.sum()) for layer in found.layers}
    rows = gone["enter"] * 5 + gone["inner"] * 9 + gone["back"] * 17
    columns = gone["inner"] * (8 - gone["back"])  # of back; those of inner and head get more than enter's or back's units
    assert found.cut == rows + columns


def test_layers_that_are_left_out_say_why() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
            self.normed = parametrizations.weight_norm(nn.Linear(8, 8))
            self.first, self.second, self.never = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
            self.second.weight = self.first.weight
            self.one, self.back, self.head = nn.Linear(8, 1), nn.Linear(1, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.attend(x, x, x)[0].mean(1)
            x = self.second(torch.tanh(self.first(torch.tanh(self.normed(x)))))
            return self.head(torch.tanh(self.back(self.one(torch.tanh(x)))))

    torch.manual_seed(0)
    found = content(pl.inspect(Net().eval(), "pruning", torch.randn(20, 5, 8)))
    assert [layer.layer for layer in found.layers] == ["back"]
    assert {one.layer: one.why for one in found.left_out} == {
        "attend": "attention", "attend.out_proj": "attention", "normed": "made", "first": "tied", "second": "tied",
        "never": "unreached", "one": "single", "head": "output",
    }  # fmt: skip


def test_units_before_a_matrix_that_is_no_module_are_inner_units() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.matrix = nn.Linear(4, 8), nn.Parameter(torch.randn(8, 3))

        def forward(self, x: Tensor) -> Tensor:
            return torch.tanh(self.body(x)) @ self.matrix

    torch.manual_seed(0)
    found = content(pl.inspect(Net(), "pruning", torch.randn(20, 4)))
    assert [layer.layer for layer in found.layers] == ["body"] and not found.left_out


def test_normalization_without_weights_leaves_a_layer_out() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, affine=False), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)).eval()
    found = content(pl.inspect(net, "pruning", torch.randn(20, 4)))
    assert ("0", "normalization") in {(one.layer, one.why) for one in found.left_out} and [one.layer for one in found.layers] == ["3"]


# ---- other outputs ----------------------------------------------------------------------------------------------------------


def test_without_labels_agreement_with_the_networks_own_answers_is_measured() -> None:
    net, x, _ = planted()
    found = content(pl.inspect(net, "pruning", x))
    assert (found.measure, found.before[0]) == ("agreement", 1.0)
    rows = halves(len(x))[1]
    with torch.no_grad():
        assert found.after[0] == accuracy(masked_by_torch(net, found), x[rows], net(x[rows]).argmax(1).numpy())


def test_values_are_compared_by_r2() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1)), torch.randn(80, 3)
    spec = pl.ModelSpec(outputs="values")
    e = pl.inspect(net, pl.LookAtPruning(tolerance=0.05), x, spec=spec)
    found, rows = content(e), halves(80)[1]
    with torch.no_grad():
        own, now = net(x)[:, 0].double(), masked_by_torch(net, found)(x)[:, 0].double()
    assert found.measure == "r2" and found.suggested
    r2 = 1 - float((own - now)[rows].square().mean() / own.var(correction=0))
    assert found.after[0] == pytest.approx(r2, abs=1e-5) and found.difference[0] == pytest.approx(r2 - 1, abs=1e-5)
    assert np.isnan(found.p).all() and "R2" in e.narrate("en") and "nan" not in e.narrate("zh-CN")
    for view in ("sensitivity", "units", "before_after", "criteria"):
        assert e.plot(view=view) is not None
    with pytest.raises(pl.PellucidError, match="outputs of this network are none"):
        pl.inspect(net, "pruning", x, labels=np.zeros(80, int), spec=spec)


def test_a_single_logit_is_two_classes() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(3, 12), nn.ReLU(), nn.Linear(12, 1)), torch.randn(60, 3)
    with torch.no_grad():
        labels = (net(x)[:, 0] > 0).long().numpy()
    found = content(pl.inspect(net, "pruning", x, labels=labels, spec=pl.ModelSpec(outputs="logits")))
    rows = halves(60)[1]
    with torch.no_grad():
        now = masked_by_torch(net, found)(x[rows])[:, 0]
    assert found.before[0] == 1.0 and found.after[0] == float(((now > 0).long().numpy() == labels[rows]).mean())
    expected = functional.binary_cross_entropy_with_logits(now.double(), torch.from_numpy(labels[rows]).double())
    assert found.after[3] == pytest.approx(float(expected), rel=1e-4)


def test_without_a_score_to_keep_only_units_that_move_nothing_are_suggested() -> None:
    net, x, labels = planted()
    e = pl.inspect(net, "pruning", x, labels=1 - labels)
    found = content(e)
    assert found.before[0] == 0.0 and found.base[0] > 0.4 and found.suggested
    for layer in found.layers:
        assert np.array_equal(layer.suggested, layer.unchanged)
    assert np.array_equal(found.before, found.after) and "can not tell what may go" in e.narrate("en")


def test_without_a_gradient_taylor_importance_is_unknown() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(torch.tanh(self.first(x)).detach())

    torch.manual_seed(0)
    found = content(pl.inspect(Detached(), pl.LookAtPruning(ablations=2), torch.randn(20, 4)))
    assert np.isnan(found.layers[0].taylor).all() and found.criterion == "l1" and np.isnan(found.agreement).all()


# ---- options, errors, archives ----------------------------------------------------------------------------------------------


def test_a_draw_of_units_ranks_by_taylor() -> None:
    net, x, labels = planted()
    found = content(pl.inspect(net, pl.LookAtPruning(ablations=9), x, labels=labels))
    assert (found.criterion, found.ablated, found.units) == ("taylor", 9, 18)
    assert sum(int(np.isfinite(layer.cost[:, 0]).sum()) for layer in found.layers) == 9
    asked = content(pl.inspect(net, pl.LookAtPruning(criterion="l2", layers=("hidden",), samples=50), x, labels=labels))
    assert (asked.criterion, [layer.layer for layer in asked.layers], asked.known) == ("l2", ["hidden"], 2)
    assert (asked.choosing, asked.measuring, asked.given) == (25, 25, 120)
    one = asked.layers[0]
    matter = [unit for unit in np.argsort(one.l2) if not one.unchanged[unit]]
    assert 1 <= one.unchanged.sum() < 10 and list(one.order[one.unchanged.sum() :]) == matter


@pytest.mark.parametrize(
    ("options", "labels", "said"),
    [
        ({"layers": ("hiden",)}, None, "hidden"),
        ({"ablations": 4, "criterion": "measured"}, None, "not known of all"),
        ({"shares": (0.5, 0.1)}, None, "from 0 to 1 that rise"),
        ({"tolerance": -0.1}, None, "too small"),
        ({}, np.full(120, -1), "No row has a label"),
        ({}, np.full(120, 2), "no class of the network"),
    ],
)
def test_errors_say_what_to_do(options: dict[str, object], labels: np.ndarray | None, said: str) -> None:
    net, x, _ = planted()
    with pytest.raises(pl.PellucidError, match=said):
        pl.inspect(net, pl.LookAtPruning(**options), x, labels=labels)  # type: ignore[arg-type]


def test_a_network_without_inner_units_is_refused() -> None:
    with pytest.raises(pl.PellucidError, match="No layer has units"):
        pl.inspect(nn.Linear(3, 2), "pruning", torch.randn(30, 3))


def test_same_bytes_again_and_archives_hold_all(tmp_path: Path) -> None:
    net, x, labels = planted()
    again = pl.inspect(net, "pruning", x, labels=labels)
    one, two = (e.save(tmp_path / f"{k}.safetensors") for k, e in enumerate((seen(), replace(again, provenance=seen().provenance))))
    assert one.read_bytes() == two.read_bytes()
    loaded = content(pl.load(one))
    for mine, theirs in zip(content(seen()).masks, loaded.masks, strict=True):
        assert (mine.path, mine.parameter) == (theirs.path, theirs.parameter) and np.array_equal(mine.full(), theirs.full())
    assert np.array_equal(loaded.equal, content(seen()).equal) and loaded.left_out == content(seen()).left_out


def test_stopped_by_hand_the_network_is_as_it_was() -> None:
    class Stopped(Encoder):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            Stopped.calls += 1
            if Stopped.calls == 60:
                raise KeyboardInterrupt
            return super().forward(x)

    net, x = Stopped().eval(), torch.randn(20, 9, 5)
    before = state(net)
    with pytest.raises(KeyboardInterrupt):
        pl.inspect(net, "pruning", x)
    assert same(before, state(net))


# ---- applying ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["planted", "LSTM"])
def test_masks_are_applied_when_asked_for_and_can_be_made_permanent(name: str) -> None:
    net, x = planted()[:2] if name == "planted" else (subject(name).net, subject(name).data)
    explanation = seen() if name == "planted" else pl.inspect(net, "pruning", x, labels=subject(name).labels)
    found = content(explanation)
    masked, permanent = copy.deepcopy(net), copy.deepcopy(net)
    assert pl.apply_pruning(masked, explanation) is masked
    pl.apply_pruning(permanent, explanation, permanent=True)
    with torch.no_grad():
        expected = masked_by_torch(net, found)(x)
        assert torch.equal(masked(x), expected) and torch.equal(permanent(x), expected)
        assert not torch.equal(net(x), expected)
    mask = found.masks[0]
    own = net.get_submodule(mask.path).get_parameter(mask.parameter)
    assert torch.equal(masked.get_submodule(mask.path).get_parameter(f"{mask.parameter}_orig"), own)
    for one in found.masks:
        prune.remove(masked.get_submodule(one.path), one.parameter)
    with torch.no_grad():
        assert torch.equal(masked(x), expected)
    assert masked.state_dict().keys() == permanent.state_dict().keys() == net.state_dict().keys()


def test_masks_that_do_not_fit_change_nothing() -> None:
    net, x, _ = planted()
    other = copy.deepcopy(net)
    other.hidden = nn.Linear(8, 11)  # type: ignore[assignment]
    before = state(other)
    for wrong in (other, nn.Sequential(nn.Linear(2, 2))):
        with pytest.raises(pl.PellucidError, match=r"another shape|does not have"):
            pl.apply_pruning(wrong, seen())
    assert same(before, state(other))
    twice = pl.apply_pruning(copy.deepcopy(net), seen())
    with pytest.raises(pl.PellucidError, match=r"prune\.remove"):
        pl.apply_pruning(twice, seen())
    with pytest.raises(pl.PellucidError, match="no masks"):
        pl.apply_pruning(net, pl.inspect(net, "structure", x))
