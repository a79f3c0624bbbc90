"""Attributions computed elsewhere: taken in as they are, and measured where the network is given."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import pellucid as pl
from interop.subjects import CLASSES, NAMES, image_net, image_rows, table, table_net, table_rows
from pellucid.errors import InputError, UnknownName


class TwoInputs(torch.nn.Module):
    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return torch.stack([first.sum(1) * 3 + second[:, 0], second.sum(1)], 1)


class Words(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = torch.nn.Embedding(20, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.embedding(ids).sum(1))


def test_our_own_values_are_judged_as_ours() -> None:
    spec = pl.ModelSpec((pl.InputSpec(kind="tabular", names=NAMES),))
    again = pl.interop.from_arrays(
        table().arrays[0].values, table_rows(), model=table_net(), target=0, spec=spec, class_names=CLASSES, meaning="contribution"
    )
    assert [check.name for check in again.checks] == ["deletion", "insertion"]
    for ours, theirs in zip(table().checks[1:], again.checks, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value)
        np.testing.assert_array_equal(ours.p_value, theirs.p_value)
    assert again.verdict == table().verdict != "unchecked"
    assert again.decision.target == ("a",) * 8


def test_noise_is_refused() -> None:
    right = table_net()[0].weight[0].detach() * table_rows()
    good = pl.interop.from_arrays(right, table_rows(), model=table_net(), target=0)
    bad = pl.interop.from_arrays(-right.abs(), table_rows(), model=table_net(), target=0)
    refused = [sum(one.level == "refused" for one in e.verdicts) for e in (good, bad)]
    assert refused[0] < refused[1]
    assert bad.verdict == "refused"


@pytest.mark.parametrize("name", ["IntegratedGradients", "Saliency", "InputXGradient", "DeepLift"])
def test_captum(name: str) -> None:
    methods = pytest.importorskip("captum.attr", reason="captum is not installed")
    rows = table_rows().requires_grad_()
    values = getattr(methods, name)(table_net()).attribute(rows, target=0)
    made = pl.interop.from_arrays(values, rows.detach(), method=name, model=table_net(), target=0, feature_names=NAMES)
    assert made.provenance.method == f"{name} (imported)"
    assert made.arrays[0].coordinates["feature"] == NAMES
    assert len(made.checks) == 2 and made.verdict != "unchecked"
    np.testing.assert_array_equal(made.arrays[0].values, values.detach().numpy())
    assert f"{name} (imported)".lower() in made[0].narrate().lower()
    (back,) = pl.interop.to_captum(made)
    assert torch.equal(back, values.detach())


def test_several_inputs() -> None:
    first, second = torch.randn(3, 5), torch.randn(3, 4)
    values = (first * 3, torch.nn.functional.one_hot(torch.zeros(3, dtype=int), 4) * second)
    made = pl.interop.from_arrays(values, (first, second), model=TwoInputs(), target=0)
    assert len(made.arrays) == 2 and len(made.checks) == 2
    parts = pl.interop.to_captum(made)
    assert all(torch.equal(one, two) for one, two in zip(parts, values, strict=True))
    alone = pl.interop.from_arrays(values, (first, second))
    assert alone.verdict == "unchecked"
    assert [one.values.shape for one in alone.arrays] == [(3, 5), (3, 4)]


def test_tokens_with_and_without_their_embedding() -> None:
    ids = torch.randint(0, 20, (2, 7), generator=torch.Generator().manual_seed(0))
    deep = torch.randn(2, 7, 4, generator=torch.Generator().manual_seed(1))
    whole = pl.interop.from_arrays(deep, ids, model=Words(), target=1)
    summed = pl.interop.from_arrays(deep.sum(-1), ids, model=Words(), target=1)
    assert whole.arrays[0].axes == summed.arrays[0].axes == ("sample", "token")
    np.testing.assert_allclose(whole.arrays[0].values, summed.arrays[0].values, atol=1e-6)
    unchecked = pl.interop.from_arrays(deep.sum(-1), ids)
    assert unchecked.inputs[0].data.values.tolist() == ids.tolist()


def test_maps_of_images() -> None:
    maps = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(3))
    plain = pl.interop.from_arrays(maps, image_rows(), model=image_net(), target=0)
    single = pl.interop.from_arrays(maps[:, None], image_rows(), model=image_net(), target=0)
    np.testing.assert_allclose(plain.arrays[0].values, single.arrays[0].values, rtol=1e-6)
    np.testing.assert_allclose(plain.arrays[0].values.sum((1, 2, 3)), maps.sum((1, 2)), rtol=1e-5)
    layer = pl.interop.from_arrays(maps[:, None], image_rows(), model=image_net(), target=0, layer="0", method="LayerGradCam")
    assert (layer.kind, layer.arrays[0].values.shape) == ("layer_attribution", (2, 6, 5))
    assert len(layer.checks) == 2


def test_without_a_network_nothing_is_claimed_about_it() -> None:
    made = pl.interop.from_arrays(np.ones((2, 3)), np.zeros((2, 3)), target=1, class_names=CLASSES)
    assert made.decision.target == ("b", "b")
    assert made.decision.outputs is None and np.isnan(made.decision.scores).all()
    assert (made.provenance.model, made.provenance.evaluations, made.verdict) == ("not given", 0, "unchecked")
    assert not re.search(r"\bnan\b", made[0].narrate())
    assert not re.search(r"nan(?![a-z])", made[0].narrate("zh-CN"))
    assert pl.interop.from_arrays(np.ones((2, 3)), np.full((2, 3), np.nan)).inputs[0].cells[0][0] == "missing"


def test_values_that_are_not_finite_are_refused() -> None:
    assert pl.interop.from_arrays(np.array([[np.nan, 1.0]]), np.zeros((1, 2))).verdict == "refused"


def test_whole_numbers_bfloat_and_lists() -> None:
    assert pl.interop.from_arrays([[1, 2]], [[0.5, 0.5]]).arrays[0].values.dtype == np.float64
    assert pl.interop.from_arrays(torch.ones(1, 2).bfloat16(), [[0.5, 0.5]]).arrays[0].values.dtype == np.float32


def test_values_given_are_not_touched_by_who_takes_them() -> None:
    values = np.ones((2, 3))
    made = pl.interop.from_arrays(values, np.zeros((2, 3)))
    pl.interop.to_arrays(made)[0][:] = 7
    pl.interop.to_captum(made)[0][:] = 7
    values[:] = 5
    assert (made.arrays[0].values == 1).all()


@pytest.mark.parametrize(
    ("values", "inputs", "options", "error", "told"),
    [
        (np.ones((2, 4)), np.ones((2, 3)), {}, InputError, r"\(2, 4\) for inputs of shape \(2, 3\)"),
        (np.ones((3, 3)), np.ones((2, 3)), {}, InputError, "do not fit"),
        ((np.ones((2, 3)),) * 2, np.ones((2, 3)), {}, InputError, "one array per input"),
        (np.ones(3), np.ones((1, 3)), {}, InputError, "row axis first"),
        (np.array([["a"]]), np.ones((1, 1)), {}, InputError, "arrays of numbers"),
        ([[1.0], [1.0, 2.0]], np.ones((2, 2)), {}, InputError, "rectangular"),
        (np.ones((2, 3)), np.ones((2, 3)), {"checks": "full"}, UnknownName, "fast"),
        (np.ones((2, 3)), np.ones((2, 3)), {"target": [0, 1]}, InputError, "only named"),
    ],
    ids=["columns", "rows", "inputs", "axes", "text", "ragged", "checks", "target"],
)
def test_what_does_not_fit(values, inputs, options, error, told: str) -> None:
    with pytest.raises(error, match=told):
        pl.interop.from_arrays(values, inputs, **options)
