"""LIME's list form, and what the lime package found."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pellucid as pl
from interop.subjects import CLASSES, NAMES, image_net, image_rows, images, table, table_net, table_rows
from pellucid.errors import InputError


def test_the_list_is_sorted_by_size() -> None:
    found = pl.interop.to_lime_list(table(), 2)
    values = table().arrays[0].values[2]
    assert [weight for _, weight in found] == sorted(values.tolist(), key=abs, reverse=True)
    cells = table().inputs[0].cells[2]
    assert {text for text, _ in found} == {f"{name} = {cell}" for name, cell in zip(NAMES, cells, strict=True)}


def test_an_image_has_no_list() -> None:
    with pytest.raises(InputError, match="one weight per feature"):
        pl.interop.to_lime_list(images())


def predict(rows: np.ndarray) -> np.ndarray:
    return table_net()(torch.from_numpy(np.asarray(rows, np.float32))).softmax(1).detach().numpy()


def test_a_table_of_lime() -> None:
    tabular = pytest.importorskip("lime.lime_tabular", reason="lime is not installed")
    rows = table_rows().numpy()
    explainer = tabular.LimeTabularExplainer(
        rows, feature_names=list(NAMES), class_names=list(CLASSES), discretize_continuous=False, random_state=0
    )
    found = explainer.explain_instance(rows[0], predict, labels=(0, 2), num_features=6, num_samples=500)
    with pytest.raises(InputError, match=r"label= one of \[0, 2\]"):
        pl.interop.from_lime(found, rows[0])
    taken = pl.interop.from_lime(found, rows[0], label=2)
    expected = dict(found.local_exp[2])
    assert taken.arrays[0].values[0].tolist() == [expected[k] for k in range(6)]
    assert taken.decision.target == ("c",) and taken.verdict == "unchecked"
    assert [weight for _, weight in pl.interop.to_lime_list(taken)] == [weight for _, weight in found.as_list(2)]
    assert "score" in taken.provenance.parameters
    measured = pl.interop.from_lime(found, rows[0], label=2, model=table_net())
    assert measured.verdict != "unchecked" and measured.decision.target == ("c",)


def test_features_that_lime_left_out_have_no_weight() -> None:
    tabular = pytest.importorskip("lime.lime_tabular", reason="lime is not installed")
    rows = table_rows().numpy()
    explainer = tabular.LimeTabularExplainer(rows, mode="regression", feature_names=list(NAMES), random_state=0)
    found = explainer.explain_instance(rows[1], lambda x: predict(x)[:, 0], num_features=2, num_samples=300)
    taken = pl.interop.from_lime(found, rows[1])
    assert np.count_nonzero(taken.arrays[0].values) == 2
    assert taken.decision.target == ("the output",)
    for text, weight in found.as_list():
        name = next(one for one in NAMES if one in text)
        assert taken.arrays[0].values[0, NAMES.index(name)] == weight


@pytest.mark.parametrize("first", ["channels last", "as the network takes it"])
def test_an_image_of_lime(first: str) -> None:
    lime_image = pytest.importorskip("lime.lime_image", reason="lime is not installed")
    net, image = image_net(), image_rows()[0]

    def classify(batch: np.ndarray) -> np.ndarray:
        return net(torch.from_numpy(batch.transpose(0, 3, 1, 2)).float()).softmax(1).detach().numpy()

    segments = np.add.outer(np.arange(12) // 4 * 2, np.arange(10) // 5)
    explainer = lime_image.LimeImageExplainer(random_state=0)
    found = explainer.explain_instance(
        image.permute(1, 2, 0).double().numpy(),
        classify,
        labels=(1,),
        top_labels=None,
        num_samples=60,
        segmentation_fn=lambda _: segments,
    )
    last = first == "channels last"
    taken = pl.interop.from_lime(found, None if last else image, model=None if last else net)
    shape = (1, 12, 10, 3) if last else (1, 3, 12, 10)
    assert taken.arrays[0].values.shape == shape
    plane = taken.arrays[0].values[0].sum(-1 if last else 0)
    for segment, weight in found.local_exp[1]:
        assert plane[segments == segment].sum() == pytest.approx(weight, rel=1e-5)
    assert (taken.verdict == "unchecked") == last


def test_what_is_not_taken_in() -> None:
    tabular = pytest.importorskip("lime.lime_tabular", reason="lime is not installed")
    text = pytest.importorskip("lime.lime_text", reason="lime is not installed")
    rows = table_rows().numpy()
    found = tabular.LimeTabularExplainer(rows, random_state=0).explain_instance(rows[0], predict, num_samples=50)
    with pytest.raises(InputError, match="give the explained row"):
        pl.interop.from_lime(found)
    with pytest.raises(InputError, match="6 values"):
        pl.interop.from_lime(found, rows[0][:4])
    words = text.LimeTextExplainer(random_state=0).explain_instance("a good film", lambda x: np.full((len(x), 2), 0.5), num_samples=20)
    with pytest.raises(InputError, match="tables and images"):
        pl.interop.from_lime(words, rows[0])
