"""What is masked and what is not, outputs of other kinds, options, archives, and masks that are applied."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

import pellucid as pl
from inside.pruning_cases import Planted, accuracy, content, halves, masked_by_torch, planted, seen
from inside.subjects import Encoder, subject
from inside.test_no_trace import same, state

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
