"""Pictures of many rows: what is drawn, what is left out, and that they say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pellucid import views
from pellucid.errors import InputError, PellucidError, UnknownName
from pellucid.explanation import LabelledArray, ShownInput
from pellucid.explanation.frame import to_frame
from pellucid.scenes import Bars, Line, Lines, Points
from pellucid.scenes.sampling import MOST
from pellucid.views.beeswarm import places, rank_correlation, spread
from pellucid.views.decision_plot import LINES
from pellucid.views.dependence import partner
from pellucid.views.importance_bars import half_intervals
from views import explanations_by_hand as made

DRAW = np.random.default_rng(0)


def marks_of(scene, kind):
    return [mark for mark in scene.panels[0].marks if isinstance(mark, kind)]


def name_of(mark, element):
    """What hovering calls an element of a mark, as the screen writes it from rows and columns."""
    labels = mark.labels
    row, at = divmod(element, len(labels.columns))
    column = labels.columns[at]
    value = column.texts[int(column.values[row])] if column.texts else f"{column.values[row]:.4g} {column.unit}".strip()
    return labels.pattern.format(row=labels.rows[row], label=f"{column.name} = {value}" if column.name else value)


def believed(explanation):
    return np.array([verdict.level != "refused" for verdict in explanation.verdicts])


def with_values(values, data=None):
    """Supported rows with these attributions (row, feature), and data, which are the same if not given."""
    names = {"feature": tuple(f"f{i}" for i in range(values.shape[1]))}
    shown = ShownInput("x", "tabular", LabelledArray("x", values if data is None else data, ("sample", "feature"), names))
    array = LabelledArray("x", values, ("sample", "feature"), names)
    return made.explanation((array,), (shown,), made.decision(("yes", "no"), len(values)), rows=len(values))


# the beeswarm


def test_a_point_per_believed_row_and_strongest_feature():
    one = made.patients()
    kept = one.arrays[0].values[believed(one)]
    order = np.argsort(-np.abs(kept).mean(0), kind="stable")[:12]
    scene = views.beeswarm(one)
    (points,) = marks_of(scene, Points)
    assert points.sample is None
    np.testing.assert_array_equal(points.x.reshape(-1, 12), kept[:, order].astype(np.float32))
    assert list(scene.panels[0].y.tick_labels) == [one.arrays[0].coordinates["feature"][k] for k in order]
    np.testing.assert_array_equal(np.round(points.y).reshape(-1, 12), np.repeat(np.arange(12)[None], len(kept), 0))
    assert f"{(~believed(one)).sum()} of 200 rows are refused and left out" in scene.subtitle
    assert len(kept) + (~believed(one)).sum() == 200


def test_colors_are_percentiles_of_the_values_and_labels_name_row_and_value():
    one = made.patients()
    (points,) = marks_of(views.beeswarm(one), Points)
    strongest = int(np.argmax(np.abs(one.arrays[0].values[believed(one)]).mean(0)))
    data = one.inputs[0].data.values[believed(one)][:, strongest]
    np.testing.assert_array_equal(points.values.reshape(-1, 12)[:, 0], np.round(100 * (stats.rankdata(data) - 0.5) / len(data)))
    name = one.arrays[0].coordinates["feature"][strongest]
    assert name_of(points, 5 * 12) == f"row 7: {name} = {one.inputs[0].cells[6][strongest]}"  # row 5 is refused


def test_a_missing_value_is_gray_and_so_is_a_category():
    data = DRAW.normal(size=(30, 3))
    data[4, 0] = np.nan
    one = with_values(DRAW.normal(size=(30, 3)) * [3, 2, 1], data)
    cells = tuple((f"{a:.3f}" if np.isfinite(a) else "missing", "red" if b > 0 else "blue", f"{c:.2f} mm") for a, b, c in data)
    scene = views.beeswarm(replace(one, inputs=(replace(one.inputs[0], cells=cells),)))
    (points,) = marks_of(scene, Points)
    gray = np.isnan(points.values.reshape(-1, 3))
    assert gray.sum(0).tolist() == [1, 30, 0]
    assert name_of(points, 2 * 3 + 1) == f"row 3: f1 = {cells[2][1]}"
    assert name_of(points, 2 * 3 + 2) == f"row 3: f2 = {data[2, 2]:.4g} mm"
    assert any("Gray" in note for note in scene.notes)


def test_all_rows_refused_are_drawn_hatched_and_praised_by_nothing():
    scene = views.beeswarm(made.patients(40, "refused"))
    assert scene.badge.level == "refused"
    assert scene.panels[0].hatched
    assert "weighs most" not in scene.panels[0].title


def test_of_more_marks_than_may_be_drawn_the_extremes_are_drawn_first_and_it_is_said():
    values = DRAW.normal(size=(3000, 5))
    scene = views.beeswarm(with_values(values))
    (points,) = marks_of(scene, Points)
    order = np.argsort(-np.abs(values).mean(0))
    x = points.x.reshape(-1, 5)
    rows = points.labels.rows - 1
    assert sorted(rows.tolist()) == list(range(3000)), "all of them are there"
    np.testing.assert_array_equal(x, values[rows][:, order].astype(np.float32))
    assert (points.sample.first, points.sample.count) == (MOST, 15_000)
    assert points.sample.said == "5,000 of 15,000 points shown, the extremes among them"
    np.testing.assert_array_equal(x[:1000].min(0), values.min(0)[order].astype(np.float32))
    np.testing.assert_array_equal(x[:1000].max(0), values.max(0)[order].astype(np.float32))
    again = marks_of(views.beeswarm(with_values(values)), Points)[0]
    assert again.x.tobytes() == points.x.tobytes()
    assert again.labels.rows.tobytes() == points.labels.rows.tobytes()
    np.testing.assert_allclose([row[1] for row in scene.panels[0].table.rows], np.abs(values).mean(0)[order])  # of all rows
    chinese = marks_of(views.beeswarm(with_values(values), language="zh-CN"), Points)[0]
    assert chinese.sample.said == "画出 15,000 个点中的 5,000 个点，含极端值"  # noqa: RUF001 (Chinese punctuation)


def test_texts_do_not_grow_with_the_rows():
    few, many = (len(to_frame(views.beeswarm(with_values(DRAW.normal(size=(rows, 12)))))) for rows in (1000, 5000))
    assert (many - few) / (4000 * 12) < 14, "bytes a point: two places and a value of four each, a percentile of one, a row's number"


def test_padding_has_no_place_and_is_not_counted():
    values = DRAW.normal(size=(2600, 2))
    one = with_values(values)
    array = replace(one.arrays[0], valid=np.arange(5200).reshape(2600, 2) % 4 != 0)
    (points,) = marks_of(views.beeswarm(replace(one, arrays=(array,))), Points)
    assert np.isfinite(points.x).sum() == np.isfinite(points.y).sum() == points.sample.count == 3900


def test_points_near_one_another_are_set_apart_and_stay_on_their_line():
    x = np.concatenate([np.full(7, 0.5), [3.0]])
    shift = spread(x, 0.1)
    assert len(set(shift[:7].tolist())) == 7
    assert shift[7] == 0
    assert np.abs(spread(np.zeros(500), 0.1)).max() <= 0.42


def test_the_first_points_of_a_crowd_are_spread_as_evenly_as_all():
    shift = spread(np.zeros(4096), 0.1)
    for first in (16, 100, 1000):
        gaps = np.diff(np.sort(shift[:first]))
        assert gaps.max() <= 2 * 0.84 / first, "no gap is wider than two even ones"
        assert gaps.max() <= 2.1 * gaps.min()


def test_percentiles_of_equal_values_are_equal_and_gaps_stay_gaps():
    found = places(np.array([[1.0], [1.0], [np.nan], [5.0]]))[:, 0]
    np.testing.assert_allclose(found, [100 / 3, 100 / 3, np.nan, 250 / 3])


def test_the_rank_correlation_is_spearmans():
    a, b = DRAW.normal(size=(2, 30))
    assert rank_correlation(a, b + a) == pytest.approx(stats.spearmanr(a, b + a).statistic)
    assert np.isnan(rank_correlation(np.ones(30), b))


def test_images_are_refused_and_told_what_there_is():
    for view in (views.beeswarm, views.importance_bars, views.dependence, views.decision_plot):
        with pytest.raises(InputError, match="gallery"):
            view(made.digits())


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("features", [1, 2, 60])
def test_few_rows_few_features_and_many(rows, features):
    one = with_values(DRAW.normal(size=(rows, features)))
    for view in (views.beeswarm, views.importance_bars, views.dependence, views.decision_plot):
        scene = view(one)
        assert scene.panels[0].table.rows
        assert all(np.isfinite(mark.x).all() for mark in scene.panels[0].marks if isinstance(mark, (Points, Line)))


# the means


def test_intervals_of_the_mean_are_students():
    values = np.abs(DRAW.normal(size=(12, 3)))
    low, high = stats.t.interval(0.95, 11, values.mean(0), stats.sem(values))
    np.testing.assert_allclose(half_intervals(values), (high - low) / 2)
    gone = np.where(np.arange(12)[:, None] == 3, np.nan, values)
    np.testing.assert_allclose(half_intervals(gone), half_intervals(np.delete(values, 3, 0)))
    assert np.isnan(half_intervals(values[:1])).all()


def test_bars_are_means_over_the_believed_rows():
    one = made.patients()
    sizes = np.sort(np.abs(one.arrays[0].values[believed(one)]).mean(0))[::-1]
    (bars,) = marks_of(views.importance_bars(one), Bars)
    np.testing.assert_allclose(bars.length, sizes[:12])
    np.testing.assert_allclose((bars.high - bars.low)[0] / 2, bars.high[0] - bars.length[0])
    assert len(views.importance_bars(one).panels[0].table.rows) == 30


# dependence


def test_the_partner_is_the_feature_that_interacts():
    data = DRAW.normal(size=(300, 6))
    values = 2 * data[:, 1] + data[:, 1] * data[:, 4]
    found = partner(data, values, 1)
    assert found is not None
    assert found.part == 4
    assert found.share > 0.9


def test_a_correlated_feature_is_no_partner():
    data = DRAW.normal(size=(300, 4))
    data[:, 2] = data[:, 0] + 0.1 * data[:, 2]  # nearly a copy
    assert partner(data, 3 * data[:, 0], 0) is None  # nothing is left open
    noisy = 3 * data[:, 0] + DRAW.normal(size=300)
    assert partner(data, noisy, 0) is None


def test_chance_finds_a_partner_as_rarely_as_stated():
    draw = np.random.default_rng(1)
    found = [partner(draw.normal(size=(60, 8)), draw.normal(size=60), 0) is not None for _ in range(400)]
    assert np.mean(found) <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / 400)


def test_too_few_rows_have_no_partner():
    assert partner(DRAW.normal(size=(9, 3)), DRAW.normal(size=9), 0) is None


def test_dependence_draws_the_feature_asked_for_and_leaves_missing_values_out():
    data = DRAW.normal(size=(40, 3))
    data[7, 1] = np.nan
    values = DRAW.normal(size=(40, 3))
    scene = views.dependence(with_values(values, data), feature="f1")
    (points,) = marks_of(scene, Points)
    kept = np.arange(40) != 7
    np.testing.assert_array_equal(points.x, data[kept, 1].astype(np.float32))
    np.testing.assert_array_equal(points.y, values[kept, 1].astype(np.float32))
    assert "1 rows without a value left out" in scene.panels[0].subtitle
    with pytest.raises(UnknownName, match="f1"):
        views.dependence(with_values(values, data), feature="f12")


def test_categories_stand_side_by_side():
    one = with_values(DRAW.normal(size=(20, 2)) * [3, 1], np.repeat([[0.0, 1.0], [1.0, 2.0]], 10, 0))
    cells = tuple(("red" if row < 10 else "blue", str(row)) for row in range(20))
    scene = views.dependence(replace(one, inputs=(replace(one.inputs[0], cells=cells),)), feature="f0")
    assert scene.panels[0].x.tick_labels == ("blue", "red")
    (points,) = marks_of(scene, Points)
    assert np.round(points.x).tolist() == [1.0] * 10 + [0.0] * 10


def test_units_have_no_values_of_their_own():
    one = made.patients()
    units = replace(one, arrays=(LabelledArray("x", one.arrays[0].values, ("sample", "unit"), {}),))
    assert views.beeswarm(units).panels[0].scale is None
    with pytest.raises(InputError, match="own values"):
        views.dependence(units)


# decisions


def test_paths_lead_from_the_baseline_to_the_score():
    one = made.patients(30)
    (lines,) = marks_of(views.decision_plot(one), Lines)
    kept = np.flatnonzero(believed(one))
    assert lines.sample is None
    np.testing.assert_allclose(lines.x[:, -1], one.decision.baseline_scores[kept], rtol=1e-6)
    np.testing.assert_allclose(lines.x[:, 0], one.decision.scores[kept], rtol=1e-6)
    np.testing.assert_array_equal(lines.role, one.decision.scores[kept] < one.decision.baseline_scores[kept])
    strongest = np.argsort(-np.abs(one.arrays[0].values[kept]).mean(0), kind="stable")
    labels = views.decision_plot(one).panels[0].y.tick_labels
    at = labels.index(one.arrays[0].coordinates["feature"][strongest[0]])
    np.testing.assert_allclose(lines.x[:, at] - lines.x[:, at + 1], one.arrays[0].values[kept, strongest[0]], atol=1e-5)
    assert name_of(lines, 6) == f"row 8: {one.decision.scores[7]:.4g}"  # row 5 is refused


def test_what_is_not_accounted_for_is_a_step_of_its_own():
    one = made.patients(30)
    told = replace(one, decision=replace(one.decision, scores=one.decision.scores + 3))
    assert views.decision_plot(told).panels[0].y.tick_labels[0] == "not accounted for"


def test_of_many_rows_the_highest_and_the_lowest_paths_are_drawn_first():
    one = made.patients()
    (lines,) = marks_of(views.decision_plot(one), Lines)
    kept = one.decision.scores[believed(one)]
    assert len(lines.x) == len(kept)
    assert lines.sample.first == LINES
    ends = lines.x[:LINES, 0]
    assert (ends.min(), ends.max()) == (pytest.approx(kept.min(), rel=1e-6), pytest.approx(kept.max(), rel=1e-6))
    assert lines.sample.said.startswith(f"{LINES} of {len(kept)} rows shown")


def test_values_that_are_no_parts_of_a_whole_have_no_paths():
    one = made.patients(30)
    without = replace(one, decision=replace(one.decision, baseline_scores=np.full(30, np.nan)))
    with pytest.raises(PellucidError, match="add up"):
        views.decision_plot(without)


def test_rows_explained_for_different_targets_are_told_apart_in_words():
    one = made.patients(30)
    classes = np.arange(30) % 2
    scene = views.beeswarm(replace(one, decision=replace(one.decision, target_class=classes)))
    assert any("different targets (" in note and "malignant 1" in note and "benign 1" in note for note in scene.notes)
    assert "different targets" not in " ".join(views.beeswarm(one).notes)


def test_they_are_reached_by_name_and_a_feature_only_where_it_is_drawn():
    from pellucid.paper import scene_of

    one = made.patients(30)
    for name in ("beeswarm", "importance_bars", "dependence", "decision_plot"):
        assert scene_of(one, view=name).panels[0].marks
    assert scene_of(one, view="dependence", feature="mean area").panels[0].x.label == "mean area"
    with pytest.raises(InputError, match="leave feature out"):
        scene_of(one, view="beeswarm", feature="mean area")
