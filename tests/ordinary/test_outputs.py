"""What networks return: tuples, dicts, one value, many labels, probabilities, pixels."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from ordinary.twins import FEATURES, check_right, close, each_pixel, gradient, images, table, table_net
from pellucid.errors import ModelError, TargetError


class Returning(nn.Module):
    """A network that packs its output."""

    def __init__(self, net: nn.Module, pack) -> None:
        super().__init__()
        self.net, self.pack = net, pack

    def forward(self, x: Tensor):
        return self.pack(self.net(x))


@dataclass
class Answer:
    logits: Tensor
    hidden: Tensor


Pair = namedtuple("Pair", ["logits", "extra"])


@pytest.mark.parametrize(
    "pack",
    [
        lambda y: (y, "text"),
        lambda y: [y, None],
        lambda y: {"logits": y, "hidden": y * 3},
        lambda y: {"scores": y},
        lambda y: Answer(y, y * 3),
        lambda y: Pair(y, y * 3),
        lambda y: (torch.zeros(len(y), dtype=torch.int64), y),
    ],
    ids=["tuple", "list", "dict with logits", "dict", "dataclass", "named tuple", "integers first"],
)
def test_packed_outputs(pack):
    net, x = Returning(table_net(), pack), table()
    check_right(net, x, lambda row: net.net(row)[:, 1], FEATURES, target=1)


def test_several_outputs_without_a_known_name_are_asked_for():
    net = Returning(table_net(), lambda y: {"first": y, "second": y * 2})
    with pytest.raises(ModelError, match=r"several outputs.*first, second.*select"):
        pl.explain(net, table(), "gradient", target=1)
    check_right(net, table(), lambda row: net.net(row)[:, 1] * 2, FEATURES, target=1, spec=pl.ModelSpec(select="second"))


def test_the_first_of_several_tensors_is_named_as_a_guess():
    net = Returning(table_net(), lambda y: (y, y * 2))
    found = pl.explain(net, table(), "gradient", target=1)
    assert any("first of 2 tensors" in guess for guess in found.provenance.guesses)
    check_right(net, table(), lambda row: net.net(row)[:, 1] * 2, FEATURES, target=1, spec=pl.ModelSpec(select=1))


@pytest.mark.parametrize("squeeze", [True, False], ids=["(n,)", "(n, 1)"])
def test_regression(squeeze):
    net = Returning(table_net(1), lambda y: y[:, 0] if squeeze else y)
    check_right(net, table(), lambda row: net.net(row)[:, 0], FEATURES)
    check_right(net, table(), lambda row: net.net(row)[:, 0], FEATURES, target=pl.Output(0))
    with pytest.raises(TargetError, match=r"value or a logit.*Output\(0\).*outputs='logits'"):
        pl.explain(net, table(), "gradient", target=1)


def test_single_logit():
    net, logits = table_net(1), pl.ModelSpec(outputs="logits")
    check_right(net, table(), lambda row: net(row)[:, 0], FEATURES, target=1, spec=logits)
    check_right(net, table(), lambda row: -net(row)[:, 0], FEATURES, target=0, spec=logits)
    signs = torch.where(net(table())[:, 0] > 0, 1.0, -1.0)
    predicted = pl.explain(net, table(), "gradient", spec=logits)
    close(predicted.arrays[0].values, gradient(lambda row: net(row)[:, 0], table()) * signs[:, None], 1e-9)


def test_multi_label_logits():
    net = table_net(4)
    check_right(net, table(), lambda row: net(row)[:, 2], FEATURES, target=pl.Output(2), spec=pl.ModelSpec(outputs="values"))


@pytest.mark.parametrize("shift", [0.0, 60.0], ids=["moderate", "saturated"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_softmax_at_the_end_gives_the_log_odds(shift, dtype):
    net = table_net()
    net[2].bias.data[0] += shift
    net, x = net.to(dtype), table().to(dtype)
    ended = nn.Sequential(net, nn.Softmax(1))

    def score(row: Tensor) -> Tensor:
        logits = net(row).double()
        return logits[:, 1] - torch.logsumexp(logits[:, [0, 2]], 1)

    tolerance = 1e-9 if dtype == torch.float64 else 1e-4
    check_right(ended, x, score, FEATURES, target=1, tolerance=tolerance)
    inside = Returning(net, lambda y: torch.nn.functional.softmax(y, dim=-1))
    check_right(inside, x, score, FEATURES, target=1, tolerance=tolerance)
    assert pl.explain(ended, x, "gradient", target=1).provenance.scale == "log-odds"


@pytest.mark.parametrize("shift", [0.0, 20.0], ids=["moderate", "saturated"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_sigmoid_at_the_end_gives_the_logit(shift, dtype):
    net = table_net(1)
    net[2].bias.data += shift  # float32 knows no probability between that and 1
    net, x = net.to(dtype), table().to(dtype)
    tolerance = 1e-6 if dtype == torch.float64 else 1e-4  # 1 - p = 2e-9 is known to 1e-16 in float64, its logarithm to 5e-8
    check_right(nn.Sequential(net, nn.Sigmoid()), x, lambda row: net(row)[:, 0], FEATURES, target=1, tolerance=tolerance)
    inside = Returning(net, lambda y: torch.sigmoid(y).squeeze(1))
    check_right(inside, x, lambda row: -net(row)[:, 0], FEATURES, target=0, tolerance=tolerance)


def test_sigmoids_of_many_labels_are_labels_of_their_own():
    net = table_net(4)
    ended = Returning(net, torch.sigmoid)
    check_right(ended, table(), lambda row: net(row)[:, 2], FEATURES, target=2)
    found = pl.explain(ended, table(), "gradient", target=2)
    np.testing.assert_allclose(found.decision.probabilities.values, torch.sigmoid(net(table())).detach().numpy(), rtol=1e-12)


def test_a_margin_of_probabilities_is_the_margin_of_logits():
    net = table_net()
    check_right(nn.Sequential(net, nn.Softmax(1)), table(), lambda row: net(row)[:, 1] - net(row)[:, 2], FEATURES, target=pl.Margin(1, 2))
    check_right(net, table(), lambda row: net(row)[:, 1] - net(row)[:, 2], FEATURES, target=pl.Margin(1, 2))


def test_a_black_box_that_says_exactly_one_is_explained_as_it_is():
    def forest(x: np.ndarray) -> np.ndarray:
        first = (x[:, 0] > 0).astype(float)
        return np.stack([first, 1 - first], 1)

    for target in (0, pl.Output(0)):
        found = pl.explain(forest, table().numpy(), pl.Occlusion(baseline=pl.Constant(-1.0)), target=target)
        np.testing.assert_allclose(found.arrays[0].values[:, 0], (table()[:, 0] > 0).double())
        assert found.provenance.scale == "probability"


def test_a_network_that_says_exactly_one_is_refused_with_the_way_out():
    class Certain(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            first = (x[:, 0] > 0).to(x) + 0 * x.sum(1)
            return torch.stack([first, 1 - first], 1)

    with pytest.raises(TargetError, match=r"exactly 0 or 1.*infinite.*Output\(k\)"):
        pl.explain(Certain(), table(), "occlusion", target=0)


def test_segmentation_by_a_pixel_mask():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 1)).double().eval(), images()
    mask = torch.zeros(6, 6, dtype=torch.bool)
    mask[1:3, 2:5] = True
    parts = each_pixel(1, 6)
    check_right(net, x, lambda row: net(row)[:, 1][:, mask].mean(1), parts, target=pl.Pixels(1, mask.numpy()))
    per_row = torch.stack([mask, mask.roll(2, 0)])
    found = pl.explain(net, x, "gradient", target=pl.Pixels(1, per_row.numpy()), batch_size=1)
    for i in range(2):
        alone = gradient(lambda row, i=i: net(row)[:, 1][:, per_row[i]].mean(1), x[i : i + 1])
        close(found.arrays[0].values[i : i + 1], alone, 1e-9)

    def odds(row: Tensor) -> Tensor:
        logits = net(row)
        return (logits[:, 1] - torch.logsumexp(logits[:, [0, 2]], 1))[:, mask].mean(1)

    check_right(nn.Sequential(net, nn.Softmax(1)), x, odds, parts, target=pl.Pixels(1, mask.numpy()))
    with pytest.raises(TargetError, match="Pixels"):
        pl.explain(net, x, "gradient", target=1)


@pytest.mark.parametrize("ended", [False, True], ids=["logits", "sigmoid"])
def test_segmentation_of_two_classes_in_one_channel(ended):
    torch.manual_seed(0)
    net, x = nn.Conv2d(1, 1, 3, padding=1).double().eval(), images()
    whole = nn.Sequential(net, nn.Sigmoid()) if ended else net
    mask = np.zeros((6, 6), bool)
    mask[2, 2:4] = True
    spec = pl.ModelSpec(outputs="probabilities" if ended else "logits")
    for which, sign in ((0, -1), (1, 1)):
        check_right(
            whole,
            x,
            lambda row, sign=sign: sign * net(row)[:, 0, 2, 2:4].mean(1),
            each_pixel(1, 6),
            target=pl.Pixels(which, mask),
            spec=spec,
        )


def test_targets_per_row():
    net, x = table_net(), table()
    for targets in ([2, 0, 1], torch.tensor([2, 0, 1]), np.array([2, 0, 1])):
        found = pl.explain(net, x, "gradient", target=targets, batch_size=2)
        alone = torch.cat([gradient(lambda row, k=k: net(row)[:, k], x[i : i + 1]) for i, k in enumerate([2, 0, 1])])
        close(found.arrays[0].values, alone, 1e-9)
    named = pl.explain(net, x, "gradient", target=["c", "a", "b"], class_names=["a", "b", "c"])
    close(named.arrays[0].values, alone, 1e-9)


def test_predicted_and_any_function_of_the_outputs():
    net, x = table_net(), table()
    with torch.no_grad():
        classes = net(x).argmax(1).tolist()
    alone = torch.cat([gradient(lambda row, k=k: net(row)[:, k], x[i : i + 1]) for i, k in enumerate(classes)])
    close(pl.explain(net, x, "gradient").arrays[0].values, alone, 1e-9)
    check_right(net, x, lambda row: net(row).square().sum(1), FEATURES, target=lambda y: y.square().sum(1))
