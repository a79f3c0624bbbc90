"""Pictures of many rows: what is drawn, what is left out, and that they say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from pellucid import views
from pellucid.errors import InputError, PellucidError, UnknownName
from pellucid.explanation import LabelledArray, ShownInput
from pellucid.scenes import Bars, Line, Points
from pellucid.views.beeswarm import places, rank_correlation, spread
from pellucid.views.decision_plot import LINES
from pellucid.views.dependence import partner
from pellucid.views.importance_bars import half_intervals
from pellucid.views.many_rows import MOST, sampled
from views import explanations_by_hand as made

DRAW = np.random.default_rng(0)


def marks_of(scene, kind):
    return [mark for mark in scene.panels[0].marks if isinstance(mark, kind)]


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
    np.testing.assert_allclose(points.x.reshape(12, -1), kept[:, order].T)
    assert list(scene.panels[0].y.tick_labels) == [one.arrays[0].coordinates["feature"][k] for k in order]
    np.testing.assert_array_equal(np.round(points.y).reshape(12, -1), np.repeat(np.arange(12)[:, None], len(kept), 1))
    assert f"{(~believed(one)).sum()} of 200 rows are refused and left out" in scene.subtitle
    assert len(kept) + (~believed(one)).sum() == 200


def test_colors_are_percentiles_of_the_values_and_labels_name_row_and_value():
    one = made.patients()
    (points,) = marks_of(views.beeswarm(one), Points)
    strongest = int(np.argmax(np.abs(one.arrays[0].values[believed(one)]).mean(0)))
    data = one.inputs[0].data.values[believed(one)][:, strongest]
    np.testing.assert_allclose(points.values[: len(data)], 100 * (stats.rankdata(data) - 0.5) / len(data), rtol=1e-6)
    name = one.arrays[0].coordinates["feature"][strongest]
    assert points.labels[5] == f"row 7: {name} = {one.inputs[0].cells[6][strongest]}"  # row 5 is refused


def test_a_missing_value_is_gray_and_so_is_a_category():
    data = DRAW.normal(size=(30, 3))
    data[4, 0] = np.nan
    one = with_values(DRAW.normal(size=(30, 3)) * [3, 2, 1], data)
    cells = tuple((f"{a:.3f}" if np.isfinite(a) else "missing", "red" if b > 0 else "blue", f"{c:.2f} mm") for a, b, c in data)
    scene = views.beeswarm(replace(one, inputs=(replace(one.inputs[0], cells=cells),)))
    (points,) = marks_of(scene, Points)
    gray = np.isnan(points.values)
    assert gray[:30].sum() == 1
    assert gray[30:60].all()
    assert not gray[60:].any()
    assert any("Gray" in note for note in scene.notes)


def test_all_rows_refused_are_drawn_hatched_and_praised_by_nothing():
    scene = views.beeswarm(made.patients(40, "refused"))
    assert scene.badge.level == "refused"
    assert scene.panels[0].hatched
    assert "weighs most" not in scene.panels[0].title


def test_of_more_marks_than_may_be_drawn_the_extremes_stay_and_it_is_said():
    values = DRAW.normal(size=(3000, 5))
    scene = views.beeswarm(with_values(values))
    (points,) = marks_of(scene, Points)
    assert len(points.x) == MOST
    assert "1000 of 3000 rows shown" in scene.panels[0].subtitle
    drawn = points.x.reshape(5, -1)
    order = np.argsort(-np.abs(values).mean(0))
    np.testing.assert_array_equal(drawn.min(1), values.min(0)[order])
    np.testing.assert_array_equal(drawn.max(1), values.max(0)[order])
    again = marks_of(views.beeswarm(with_values(values)), Points)[0]
    assert again.x.tobytes() == points.x.tobytes()
    np.testing.assert_allclose([row[1] for row in scene.panels[0].table.rows], np.abs(values).mean(0)[order])  # of all rows


def test_a_sample_is_all_rows_where_they_fit():
    values = DRAW.normal(size=(50, 2))
    assert sampled(values, 50).tolist() == list(range(50))
    some = sampled(values, 10)
    assert len(some) == len(set(some.tolist())) == 10
    assert set(np.concatenate([values.argmin(0), values.argmax(0)]).tolist()) <= set(some.tolist())


def test_points_near_one_another_are_set_apart_and_stay_on_their_line():
    x = np.concatenate([np.full(7, 0.5), [3.0]])
    shift = spread(x, 0.1)
    assert len(set(shift[:7].tolist())) == 7
    assert shift[7] == 0
    assert np.abs(spread(np.zeros(500), 0.1)).max() <= 0.42


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
    np.testing.assert_allclose(points.x, data[kept, 1])
    np.testing.assert_allclose(points.y, values[kept, 1])
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
    lines = [line for line in marks_of(views.decision_plot(one), Line) if line.thin]
    kept = np.flatnonzero(believed(one))
    assert len(lines) == len(kept)
    np.testing.assert_allclose([line.x[-1] for line in lines], one.decision.baseline_scores[kept])
    np.testing.assert_allclose([line.x[0] for line in lines], one.decision.scores[kept])
    strongest = np.argsort(-np.abs(one.arrays[0].values[kept]).mean(0), kind="stable")
    labels = views.decision_plot(one).panels[0].y.tick_labels
    at = labels.index(one.arrays[0].coordinates["feature"][strongest[0]])
    np.testing.assert_allclose([line.x[at] - line.x[at + 1] for line in lines], one.arrays[0].values[kept, strongest[0]])


def test_what_is_not_accounted_for_is_a_step_of_its_own():
    one = made.patients(30)
    told = replace(one, decision=replace(one.decision, scores=one.decision.scores + 3))
    assert views.decision_plot(told).panels[0].y.tick_labels[0] == "not accounted for"


def test_of_many_rows_some_paths_are_drawn_with_the_highest_and_the_lowest():
    one = made.patients()
    scene = views.decision_plot(one)
    lines = [line for line in marks_of(scene, Line) if line.thin]
    kept = one.decision.scores[believed(one)]
    assert len(lines) == LINES
    ends = [line.x[0] for line in lines]
    assert (min(ends), max(ends)) == (pytest.approx(kept.min()), pytest.approx(kept.max()))
    assert f"{LINES} of {len(kept)} rows shown" in scene.panels[0].subtitle


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
