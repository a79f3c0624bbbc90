"""``shap.Explanation`` to and from: bit by bit, and shap's own plots run on it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import pellucid as pl
from interop.subjects import NAMES, images, same, table, table_net, table_rows
from pellucid.errors import InputError, MissingExtra, UnknownName

shap = pytest.importorskip("shap", reason="shap is not installed")


def test_a_table_there_and_back_is_the_same_bit_by_bit() -> None:
    there = pl.interop.to_shap(table())
    back = pl.interop.from_shap(there)
    assert same(table(), back)
    assert back.inputs[0].cells == table().inputs[0].cells
    assert back.decision.target == table().decision.target
    again = pl.interop.to_shap(back)
    for name in ("values", "data", "base_values", "display_data"):
        assert np.asarray(getattr(again, name)).tobytes() == np.asarray(getattr(there, name)).tobytes(), name
    assert again.feature_names == there.feature_names == list(NAMES)
    assert again.output_names == there.output_names == "a"


def test_where_it_comes_from_is_said_and_nothing_is_claimed() -> None:
    back = pl.interop.from_shap(pl.interop.to_shap(table()))
    assert back.provenance.method == "SHAP (imported)"
    assert (back.verdict, back.checks) == ("unchecked", ())
    assert back.decision.predicted.tolist() == [-1] * 8
    np.testing.assert_allclose(back.decision.scores, table().decision.scores, atol=1e-5)
    assert pl.load is not None and "another tool" in back.narrate() and "另一个工具" in back.narrate("zh-CN")


def test_an_imported_one_is_archived(tmp_path) -> None:
    back = pl.interop.from_shap(pl.interop.to_shap(table()))
    assert same(pl.load(back.save(tmp_path / "e.safetensors")), back)


def test_with_the_network_it_is_measured() -> None:
    measured = pl.interop.from_shap(pl.interop.to_shap(table()), model=table_net(), target=0)
    assert {check.name for check in measured.checks} == {"deletion", "insertion"}
    assert measured.arrays[0].values.tobytes() == table().arrays[0].values.tobytes()
    for ours, theirs in zip(table().checks[1:], measured.checks, strict=True):
        np.testing.assert_array_equal(ours.value, theirs.value)


def test_what_shap_itself_found() -> None:
    net, rows = table_net(), table_rows().numpy()

    def predict(x: np.ndarray) -> np.ndarray:
        return net(torch.from_numpy(np.asarray(x, np.float32))).detach().numpy()

    found = shap.Explainer(predict, rows, feature_names=list(NAMES), algorithm="permutation", seed=0)(rows)
    with pytest.raises(InputError, match="output=0 to 2"):
        pl.interop.from_shap(found)
    taken = pl.interop.from_shap(found, output=2, model=net)
    assert taken.decision.target == ("class 2",) * 8
    np.testing.assert_array_equal(taken.arrays[0].values, found.values[:, :, 2])
    np.testing.assert_array_equal(taken.decision.baseline_scores, found.base_values[:, 2])
    assert taken.verdict in ("supported", "weak", "refused")
    one = pl.interop.from_shap(found[3, :, 2])
    assert len(one) == 1
    np.testing.assert_array_equal(one.arrays[0].values[0], found.values[3, :, 2])
    assert one.decision.scores[0] == pytest.approx(float(predict(rows[3:4])[0, 2]), abs=1e-4)


def test_images_lie_as_shap_has_them() -> None:
    there = pl.interop.to_shap(images())
    assert there.values.shape == there.data.shape == (2, 12, 10, 3)
    np.testing.assert_array_equal(there.values, images().arrays[0].values.transpose(0, 2, 3, 1))
    back = pl.interop.from_shap(there)
    assert back.arrays[0].axes == ("sample", "y", "x", "channel")
    again = pl.interop.to_shap(back)
    assert again.values.tobytes() == np.ascontiguousarray(there.values).tobytes()
    assert again.data.tobytes() == there.data.tobytes()
    assert there.base_values is None or np.isfinite(there.base_values).all()


def test_standard_errors_go_along() -> None:
    sampled = pl.explain(table_net(), table_rows(), pl.SHAP(estimator="permutation"), target=0)
    there = pl.interop.to_shap(sampled)
    back = pl.interop.from_shap(there)
    assert (there.error_std is None) == (sampled.error_kind != "standard_error")
    if sampled.error_kind == "standard_error":
        assert back.errors[0].values.tobytes() == sampled.errors[0].values.tobytes()


def test_text_in_a_table() -> None:
    data = np.array([["red", 1.5], ["blue", 2.5]], object)
    made = pl.interop.from_shap(shap.Explanation(np.array([[0.5, -1.0], [0.1, 0.2]]), 0.25, data, feature_names=["color", "size"]))
    assert [cells[0] for cells in made.inputs[0].cells] == ["red", "blue"]
    assert made.decision.scores.tolist() == pytest.approx([-0.25, 0.55])
    assert made.arrays[0].coordinates["feature"] == ("color", "size")


@pytest.mark.parametrize("plot", ["beeswarm", "waterfall", "bar", "heatmap"])
def test_shap_draws_it(plot: str, tmp_path) -> None:
    from matplotlib import pyplot

    there = pl.interop.to_shap(table())
    pyplot.close("all")
    getattr(shap.plots, plot)(there[0] if plot == "waterfall" else there, show=False)
    axes = pyplot.gcf().axes[0]
    told = " ".join(text.get_text() for text in [*axes.get_yticklabels(), *axes.texts])
    pyplot.gcf().savefig(tmp_path / "plot.png", bbox_inches="tight")
    pyplot.close("all")
    assert "age" in told and (tmp_path / "plot.png").stat().st_size > 5_000


def test_shap_draws_an_image() -> None:
    from matplotlib import pyplot

    there = pl.interop.to_shap(images())
    shap.image_plot(there.values, there.data, show=False)  # of an Explanation it wants names in an array
    assert len(pyplot.gcf().axes) >= 4
    pyplot.close("all")


def test_what_can_not_be_handed_over_or_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = pl.explain(image_net_of(), torch.rand(1, 3, 12, 10), "gradcam")
    with pytest.raises(InputError, match="do not lie on the elements"):
        pl.interop.to_shap(coarse)
    with pytest.raises(UnknownName, match="explained input"):
        pl.interop.to_shap(table(), input="other")
    with pytest.raises(InputError, match="has no data"):
        pl.interop.from_shap(shap.Explanation(np.ones((2, 3)), 0.0))
    with pytest.raises(InputError, match="do not fit the data"):
        pl.interop.from_shap(shap.Explanation(np.ones((2, 3)), 0.0, np.ones((2, 4))))
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(MissingExtra, match=r"pellucid\[shap\]"):
        pl.interop.to_shap(table())


def image_net_of() -> torch.nn.Module:
    from interop.subjects import image_net

    return image_net()
