"""What predictions of pinned rows give away, on both sides of each threshold."""

from __future__ import annotations

import numpy as np

from pellucid.training.diagnoses import predictions
from training.diagnoses.made import predicted

DRAW = np.random.default_rng(0)
LABELS = np.arange(100) % 2
NOISE = DRAW.normal(size=(100, 2))


def scores(share: float) -> np.ndarray:
    """Two scores a row, right in this share of rows."""
    right = np.arange(100) < share * 100
    return np.stack([np.where(right, LABELS == 0, LABELS == 1), np.where(right, LABELS == 1, LABELS == 0)], 1).astype(float)


def test_a_network_that_guesses():
    finding = predictions.base_rate(predicted(scores(0.5), LABELS))
    assert finding is not None
    assert finding.id == "no_better_than_base_rate"
    assert finding.severity == "warning"
    assert dict(finding.numbers)["base_share"] == 0.5
    assert predictions.base_rate(predicted(scores(0.7), LABELS)) is None
    assert predictions.base_rate(predicted(scores(0.5), LABELS, frames=2)) is None
    assert predictions.base_rate(predicted(scores(0.5), LABELS, step=1)) is None  # it has had no time
    assert predictions.base_rate(predicted(scores(0.5)[:29], LABELS[:29])) is None
    assert predictions.base_rate(predicted(np.full((100, 2), np.nan), LABELS)) is None


def test_it_is_a_note_while_the_loss_falls():
    finding = predictions.base_rate(predicted(scores(0.5), LABELS, loss=np.linspace(1, 0.9, 100)))
    assert finding is not None
    assert finding.severity == "note"


def test_scores_that_favor_the_labels_are_learned_though_no_answer_is_right_yet():
    common = np.where(np.arange(100) % 10 == 0, 1, 0)
    leaning = np.stack([np.full(100, 2.0), common * 1.0 + 0.1 * NOISE[:, 0]], 1)
    assert (leaning.argmax(1) == 0).all()
    assert predictions.base_rate(predicted(leaning, common)) is None
    assert predictions.base_rate(predicted(np.stack([np.full(100, 2.0), 0.1 * NOISE[:, 0]], 1), common)) is not None


def test_scores_that_favor_the_labels_a_little_are_a_note():
    rare = np.where(np.arange(100) % 10 == 0, 1, 0)
    for strength, severity in ((0.0, "warning"), (1.0, "note")):
        hardly = np.stack([np.full(100, 9.0), strength * rare + NOISE[:, 0]], 1)
        finding = predictions.base_rate(predicted(hardly, rare))
        assert finding is not None
        assert finding.severity == severity
        assert np.isclose(dict(finding.numbers)["correlation"], np.corrcoef(hardly[:, 1], rare)[0, 1])


def test_labels_of_one_output_are_classes_also_as_floats():
    odds = np.where(LABELS == 1, 3.0, -3.0)
    for labels in (LABELS, LABELS.astype(float), LABELS.astype(float)[:, None]):
        assert predictions.base_rate(predicted(odds[:, None], labels)) is None
        assert predictions.base_rate(predicted(NOISE[:, :1], labels)) is not None


def test_values_no_nearer_than_the_mean():
    truth = DRAW.normal(size=100)
    finding = predictions.base_rate(predicted(NOISE[:, :1], truth))
    assert finding is not None
    assert finding.id == "no_better_than_mean"
    assert predictions.base_rate(predicted((truth + 0.3 * NOISE[:, 0])[:, None], truth)) is None
    assert predictions.base_rate(predicted(NOISE, truth)) is None  # two outputs for one value: not known what they mean


def test_one_class_for_all():
    same = np.stack([np.ones(100), 0.1 * LABELS], 1)
    finding = predictions.collapse(predicted(same, LABELS))
    assert finding is not None
    assert (finding.severity, dict(finding.numbers)["share"]) == ("error", 0.5)
    mixed = same.copy()
    mixed[3] = [0, 1]
    assert predictions.collapse(predicted(mixed, LABELS)) is None
    assert predictions.collapse(predicted(same, (np.arange(100) < 15).astype(int))) is None  # it may be right
    assert predictions.collapse(predicted(same, LABELS, frames=2)) is None


def test_one_output_collapses_only_where_both_readings_agree():
    assert predictions.collapse(predicted(np.full((100, 1), 0.9), LABELS)) is not None
    assert predictions.collapse(predicted(np.where(LABELS, 0.9, 0.1)[:, None], LABELS)) is None  # probabilities, not log-odds above 0
