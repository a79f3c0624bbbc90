"""The numbers in pictures are those of the result."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from pellucid import views
from pellucid.errors import InputError
from pellucid.explanation import Explanation, LabelledArray, Reason, Verdict
from pellucid.explanation.provenance import Meaning
from pellucid.scenes import Bars, Image, Line, Table
from pellucid.views.checks_table import outcome_of
from pellucid.views.entries import Entry, strongest
from pellucid.views.framing import badge, check_note
from pellucid.views.rasters import blocks, enlarged, limit_of, photo, richest_region
from views import explanations_by_hand as made


def bars_of(panel) -> Bars:
    return next(mark for mark in panel.marks if isinstance(mark, Bars))


def column(table: Table, name: str) -> list[float | str]:
    return [row[table.columns.index(name)] for row in table.rows]


def test_bars_are_the_strongest_values_and_together_the_whole():
    values = made.patient().arrays[0].values[0]
    panel = views.feature_bars(made.patient()).panels[0]
    bars = bars_of(panel)
    assert np.allclose(np.abs(bars.length[:12]), np.sort(np.abs(values))[::-1][:12])
    assert bars.length.sum() == pytest.approx(values.sum())
    assert [r == "positive" for r in bars.colors] == [v >= 0 for v in bars.length]
    assert np.allclose(column(panel.table, "attribution"), values)


def test_whiskers_are_the_95_percent_interval_and_the_sum_of_others_has_none():
    bars = bars_of(views.feature_bars(made.patient()).panels[0])
    worst = made.patient().errors[0].values[0][29]
    at = next(i for i, label in enumerate(bars.labels) if label.startswith("worst fractal"))
    assert bars.high[at] - bars.low[at] == pytest.approx(2 * 1.96 * worst)
    assert np.isnan(bars.high[-1])


def test_cells_are_shown_in_the_users_words():
    labels = column(views.feature_bars(made.patient()).panels[0].table, "feature")
    assert labels[0] == "mean radius = 13.54"
    assert "mean area = missing" in labels


def test_the_waterfall_ends_at_the_score_and_shows_what_is_unaccounted_for():
    one = made.patient()
    panel = views.waterfall(one).panels[0]
    assert panel.table.rows[0][2] == pytest.approx(-0.8)
    assert panel.table.rows[-1][3] == pytest.approx(float(one.decision.scores[0]))
    gap = 5.0 - one.arrays[0].values.sum()
    assert panel.table.rows[-1][:2] == ("not accounted for", pytest.approx(gap))


def test_strongest_keeps_order_and_sum():
    entries = [Entry("a", 1.0), Entry("b", -3.0), Entry("c", 2.0), Entry("d", 0.5)]
    kept = strongest(entries, 2, "{count} others")
    assert [(e.label, e.value) for e in kept] == [("b", -3.0), ("c", 2.0), ("2 others", 1.5)]
    assert strongest(entries, 3, "") == sorted(entries, key=lambda e: -abs(e.value))  # a sum of one entry would hide its name


def test_colors_end_at_the_stated_percentile_only_where_pixels_are_many():
    heavy = np.random.default_rng(0).standard_t(2, (100, 100))
    limit = limit_of(heavy)
    assert limit.cut
    assert limit.value == pytest.approx(np.percentile(np.abs(heavy), 99.5))
    assert limit_of(heavy[:7, :7]).value == np.abs(heavy[:7, :7]).max()
    assert limit_of(np.zeros((3, 3))).value == 1
    sparse = np.zeros((100, 100))
    sparse[0, 0] = 2.0
    assert limit_of(sparse).value == 2  # a percentile of zero would color nothing
    label = views.image_overlay(made.photo()).panels[1].scale.label
    assert "99.5th percentile" in label
    assert "largest" in label


def meant(explanation: Explanation, meaning: Meaning) -> Explanation:
    return replace(explanation, provenance=replace(explanation.provenance, meaning=meaning, baseline={}))


def test_sizes_have_a_sequential_scale_from_zero_and_are_not_said_to_speak_for_the_target():
    sizes = replace(made.coarse(), arrays=(replace(made.coarse().arrays[0], values=np.abs(made.coarse().arrays[0].values)),))
    for view in (views.image_overlay(meant(sizes, "magnitude")), views.gallery(meant(sizes, "magnitude"))):
        scale = next(mark.scale for panel in view.panels for mark in panel.marks if isinstance(mark, Image) and mark.scale)
        assert (scale.kind, scale.domain[0]) == ("sequential", 0)
        assert "without a sign" in scale.label
        assert "±" not in scale.label
    assert "of |value|" in views.image_overlay(meant(sizes, "magnitude")).panels[2].subtitle
    for signed in (meant(sizes, "map"), meant(made.coarse(), "magnitude")):  # a singular vector may be negative
        assert views.image_overlay(signed).panels[1].scale.kind == "diverging"
    assert "speaks for it" in views.image_overlay(meant(sizes, "map")).panels[2].subtitle


@pytest.mark.parametrize(
    ("meaning", "words", "start"),
    [
        ("contribution", ["raises the score", "lowers the score"], "+"),
        ("slope", ["a higher value would raise the score", "a higher value would lower the score"], "+"),
        ("magnitude", [], ""),
    ],
)
def test_bars_say_what_a_sign_means_only_where_it_means_something(meaning, words, start):
    panel = views.feature_bars(meant(made.patient(), meaning)).panels[0]
    assert [entry.label for entry in panel.legend] == words
    largest = max(v for v in made.patient().arrays[0].values[0])
    assert f"({start}{largest:.3g}" in panel.title


def test_what_passes_a_unit_is_not_called_explained_at_a_layer():
    through = replace(made.patient(), layer="second, unit 3")
    assert "Only what passes through second, unit 3" in views.feature_bars(through).notes
    assert "仅计经过 second, unit 3 的部分" in views.feature_bars(through, language="zh-CN").notes
    assert "Explained at layer features.7" in views.image_overlay(replace(made.coarse(), layer="features.7")).notes


def test_a_coarse_map_is_shown_as_its_cells_and_smoothed_only_over_the_photo():
    _, cells, overlay = views.image_overlay(made.coarse()).panels
    assert cells.marks[0].values.shape == (7, 7)
    assert cells.marks[0].extent == (0, 224, 0, 224)
    assert overlay.marks[1].values.shape == (224, 224)
    assert "smoothed" in overlay.subtitle
    assert views.image_overlay(made.coarse(), cells=True).panels[2].marks[1].values.shape == (7, 7)


def test_enlarging_agrees_with_torch():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=(7, 5))
    peer = torch.nn.functional.interpolate(torch.tensor(values)[None, None], size=(60, 33), mode="bilinear", align_corners=False)
    assert np.allclose(enlarged(values, 60, 33), peer[0, 0].numpy())
    assert np.allclose(enlarged(np.array([[3.0]]), 4, 4), 3)


def test_blocks_add_up_and_small_maps_are_listed_cell_by_cell():
    values = np.random.default_rng(0).normal(size=(100, 37))
    assert sum(b[4] for b in blocks(values)) == pytest.approx(values.sum())
    assert len(blocks(values)) == 14 * 14
    small = [(t, left, total) for t, _, left, _, total in blocks(values[:3, :2])]
    assert small == [(y, x, pytest.approx(values[y, x])) for y in range(3) for x in range(2)]


def test_the_richest_region():
    values = np.zeros((9, 9))
    values[7, 1], values[0, 0] = 3.0, 1.0
    assert richest_region(values) == (6, 0.75)
    assert richest_region(np.zeros((4, 4)))[1] == 0


@pytest.mark.parametrize(("channels", "gray"), [(1, True), (2, True), (3, False), (4, False), (6, True)])
def test_photos_of_any_channels(channels, gray):
    values = np.random.default_rng(0).random((1, 4, 5, channels))
    pixels = photo(LabelledArray("x", values, ("sample", "y", "x", "channel"), {}))
    assert pixels.shape == (4, 5, 3)
    assert (np.ptp(pixels, axis=2) == 0).all() == gray
    flat = photo(LabelledArray("x", values[..., 0], ("sample", "y", "x"), {}))
    assert np.array_equal(flat[..., 0], np.round(255 * values[0, ..., 0]).astype(np.uint8))


def test_a_single_channel_is_not_called_a_sum():
    assert "summed over channels" in views.attribution(made.photo()).panels[1].subtitle
    assert "summed" not in views.attribution(made.digits()).panels[1].subtitle


def test_padding_is_left_out_and_embeddings_are_summed():
    panel = views.token_bars(made.tokens()).panels[0]
    assert "[PAD]" not in column(panel.table, "token")
    assert "summed over features" in panel.subtitle
    assert np.allclose(column(panel.table, "attribution"), made.tokens().arrays[0].values[0, :-2].sum(axis=1))


def test_long_texts_keep_the_strongest_in_reading_order():
    bars = bars_of(views.token_bars(made.tokens(), top=5).panels[0])
    whole = views.token_bars(made.tokens()).panels[0].table
    places = [column(whole, "token").index(label) for label in bars.labels]
    assert places == sorted(places)
    assert len(places) == 5


def test_a_long_series_is_summed_into_bars_and_says_so():
    panel = views.series(made.signal("supported", 4096)).panels[1]
    bars = bars_of(panel)
    assert len(bars.length) <= 160
    assert bars.length.sum() == pytest.approx(made.signal("supported", 4096).arrays[0].values.sum())
    assert "sums over 26 steps" in panel.subtitle


def test_several_channels_show_the_strongest_three():
    one = made.signal()
    values = one.arrays[0].values * np.array([0.1, 1.0, 0.5, 2.0, 0.2])
    data = replace(
        one.inputs[0], data=LabelledArray("x", np.repeat(one.inputs[0].data.values, 5, axis=2), ("sample", "time", "feature"), {})
    )
    scene = views.series(replace(one, arrays=(LabelledArray("x", values, one.arrays[0].axes, {}),), inputs=(data,)))
    assert [p.id for p in scene.panels if p.id.startswith("series")] == ["series0_3", "series0_1", "series0_2"]
    assert "3 strongest of 5" in scene.panels[1].subtitle


def test_galleries_share_one_color_range():
    scene = views.gallery(made.digits())
    scales = {mark.scale.domain for panel in scene.panels for mark in panel.marks if isinstance(mark, Image) and mark.scale}
    assert len(scales) == 1
    assert scales.pop()[1] == pytest.approx(np.abs(made.digits().arrays[0].values).max())
    assert [p.title[0] for p in scene.panels] == list("✓~✓✕✓✓")
    assert "predicted 0, true 9" in scene.panels[0].title
    assert len(views.gallery(made.digits(), rows=(1, 4)).panels) == 2
    with pytest.raises(InputError, match="images"):
        views.gallery(made.patient())


@pytest.mark.parametrize("code", ["not_finite", "identity_broken", "not_better_than_random", "interval_includes_random"])
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_reasons_in_words(code, language):
    one = replace(made.patient(), verdicts=(Verdict("refused", (Reason(code, "deletion", 0.5, None),)),))
    (reason,) = badge(one, language).reasons
    assert code not in reason
    assert "{" not in reason


def test_a_reason_of_a_newer_version_is_shown_as_it_is():
    one = replace(made.patient(), verdicts=(Verdict("weak", (Reason("brand_new", "deletion", 0.5, 0.25),)),))
    assert badge(one, "en").reasons == ("brand_new: Deletion 0.500 (0.250)",)


def test_outcomes_of_checks():
    completeness, deletion, insertion, stability, randomization = made.checks()
    assert [outcome_of(c) for c in made.checks()] == ["holds", "better", "unclear", "stable", "sensitive"]
    high, nan = np.array([9.0]), np.array([np.nan])
    assert outcome_of(replace(completeness, value=high)) == "broken"
    assert outcome_of(replace(deletion, value=high)) == "worse"
    assert outcome_of(replace(insertion, p_value=np.array([0.2]))) == "worse"
    assert outcome_of(replace(stability, value=np.array([0.1]))) == "unstable"
    assert outcome_of(replace(randomization, value=high)) == "insensitive"
    assert outcome_of(replace(deletion, value=nan)) == "unmeasured"


def test_curves_and_their_tables_are_the_checks_own():
    panel = views.faithfulness_curves(made.patient()).panels[0]
    line = next(m for m in panel.marks if isinstance(m, Line) and not m.dashed)
    assert np.allclose(line.y, made.checks()[1].curves[0].values[0])
    assert np.allclose(column(panel.table, "this explanation"), line.y)
    with pytest.raises(InputError, match="no faithfulness curves"):
        views.faithfulness_curves(made.patient("unchecked"))


def test_histograms_count_everything_finite():
    panel = views.histogram({"w": np.array([[0.0, 1.0], [np.nan, 1.0]])}).panels[0]
    assert sum(column(panel.table, "count")) == 3
    assert "1 values" in panel.subtitle
    with pytest.raises(InputError, match="nothing to count"):
        views.histogram({"w": np.array([np.nan])})


def test_training_history_names_the_best_epoch_of_the_held_out_part():
    scene = views.training_history({"train_loss": [3, 2, 1], "valid_loss": [3.0, 1.5, 2.0], "valid_accuracy": [0.1, 0.9, 0.8]})
    assert [p.subtitle for p in scene.panels] == ["best validation loss: 1.50 in epoch 2", "best validation accuracy: 0.900 in epoch 2"]
    with pytest.raises(InputError, match="epoch"):
        views.training_history({})


def test_confusion_counts_and_errors():
    scene = views.confusion(np.array([[8, 2], [0, 10]]), ["cat", "dog"])
    assert scene.panels[0].title == "18 of 20 right (90.0\u00a0%)"
    assert "cat was called dog (2 times)" in scene.summary
    assert views.confusion(np.eye(2, dtype=int), ["a", "b"]).summary == "all 2 right"
    with pytest.raises(InputError, match="square"):
        views.confusion(np.ones((2, 3)), ["a", "b"])
    many = views.confusion(np.eye(30, dtype=int), [str(i) for i in range(30)]).panels[0]
    assert len(many.marks) == 1
    assert many.scale is not None


def test_reliability_leaves_empty_bins_out():
    half = np.array([0.5, 0.9])
    bins = views.ReliabilityBins(half, half - 0.1, half - 0.2, half, np.array([10, 0]))
    panel = views.reliability(bins).panels[0]
    assert len(panel.table.rows) == 1
    assert panel.title == "Too confident by 10 percentage points on average"
    with pytest.raises(InputError, match="empty"):
        views.reliability(replace(bins, counts=np.zeros(2)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_drawn_as_unknown_and_not_as_zero(bad):
    one = made.patient("refused")
    values = one.arrays[0].values.copy()
    values[0, 3] = bad
    scene = views.attribution(replace(one, arrays=(replace(one.arrays[0], values=values),)))
    assert column(scene.panels[0].table, "attribution")[3] in ("–", "∞")  # noqa: RUF001


@pytest.mark.parametrize("shape", [(1, 120), (1, 10, 30, 2)])
def test_the_strongest_elements_and_the_rest_are_the_whole(shape):
    values = np.random.default_rng(0).normal(size=shape)
    axes = ("sample", "unit") if len(shape) == 2 else ("sample", "layer", "head", "unit")
    one = replace(made.anything(), arrays=(LabelledArray("x", values, axes, {}),))
    panel = views.strongest_elements(one).panels[0]
    bars = bars_of(panel)
    assert len(bars.length) == 13
    assert bars.length.sum() == pytest.approx(values.sum())
    assert sum(column(panel.table, "attribution")) == pytest.approx(values.sum())
    flat = np.argmax(np.abs(values))
    assert all(str(at) in bars.labels[0] for at in np.unravel_index(flat, values.shape)[1:])
    assert f"of {values.size} elements" in panel.subtitle
    positive = views.strongest_elements(replace(one, arrays=(LabelledArray("x", np.abs(values) + 1, axes, {}),))).panels[0]
    assert f"smallest +{(np.abs(values) + 1).min():.3g}" in positive.summary


def test_notes_are_put_into_the_language_where_they_are_known():
    notes = views.attribution(made.patient(), language="zh-CN").notes
    assert notes[0] == "对比基线：背景数据的均值（logit −0.800）"  # noqa: RUF001
    assert notes[-1].endswith("30 个部分，填充：背景数据的均值；20 个点，13 个随机顺序")  # noqa: RUF001
    assert check_note("measured in another way", "zh-CN") == "measured in another way"


def test_the_pattern_of_notes_is_the_one_that_checks_write():
    from pathlib import Path

    import pellucid

    source = (Path(pellucid.__file__).parent / "checks" / "faithfulness.py").read_text()
    assert re.search(r'note = f"{.*} players, in-fill: {.*}; {.*} points, {.*} random orders"', source)


def test_the_code_beside_a_picture_is_a_call_that_can_be_typed():
    written = views.attribution(made.patient()).code
    compile(written, "code", "exec")
    target = made.patient().provenance.target
    assert f"target=pl.{target}" in written or f"target={target}" in written
    assert written.startswith("import pellucid as pl\n")


def test_a_map_of_fused_layers_claims_no_units_and_no_cells_of_its_own():
    fused = replace(made.coarse(), layer="blocks.2 + head")
    panel = next(p for p in views.image_overlay(fused).panels if p.id == "map0")
    assert panel.subtitle == "7 × 7 cells, coarser layers brought to them"  # noqa: RUF001
    assert panel.scale.label.startswith("part of each layer's largest attribution for the logit")
    plain = next(p for p in views.image_overlay(made.coarse()).panels if p.id == "map0")
    assert "as computed" in plain.subtitle
    assert plain.scale.label.startswith("attribution for the logit")
