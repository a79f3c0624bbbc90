"""Every view's scene on realistic results, by name: what the tests of views and of paper go through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pellucid import views
from pellucid.harness.importance import Importance
from pellucid.harness.pair_interactions import PairInteractions
from pellucid.scenes import Scene
from pellucid.scenes.words import Language
from views import explanations_by_hand as made

LAYERS = [
    ("conv_stem", "Conv2d", "(1, 32, 112, 112)", 864),
    ("blocks.0.0.conv_depthwise_with_a_long_name_that_goes_on_and_on_for_quite_a_while", "Conv2d", "(1, 32, 112, 112)", 288),
    ("blocks.1.0.bn1", "BatchNorm2d", "(1, 96, 112, 112)", 192),
    ("classifier", "Linear", "(1, 1000)", 1_281_000),
]


def _history(language: Language) -> Scene:
    epochs = np.arange(1, 31)
    return views.training_history(
        {
            "train_loss": 2.2 * np.exp(-epochs / 6),
            "valid_loss": 2.2 * np.exp(-epochs / 6) + 0.004 * epochs + 0.1,
            "valid_accuracy": 1 - 0.9 * np.exp(-epochs / 4),
        },
        language=language,
    )


def _confusion(language: Language) -> Scene:
    counts = np.random.default_rng(0).poisson(0.4, (10, 10))
    np.fill_diagonal(counts, np.arange(30, 40))
    counts[3, 5] = 21
    return views.confusion(counts, [str(i) for i in range(10)], language=language)


def _confusion_named(language: Language) -> Scene:
    counts = np.array([[61, 3, 0], [2, 100, 40], [0, 1, 12]])
    return views.confusion(counts, ["malignant tumor", "benign", "not determined 未定"], language=language)


def _reliability(language: Language) -> Scene:
    confidence = np.linspace(0.15, 0.98, 8)
    accuracy = confidence**1.4
    bins = views.ReliabilityBins(
        confidence, accuracy, np.maximum(accuracy - 0.08, 0), np.minimum(accuracy + 0.07, 1), np.array([0, 9, 12, 20, 31, 40, 66, 180])
    )
    return views.reliability(bins, language=language)


def _histogram(language: Language) -> Scene:
    draw = np.random.default_rng(0)
    return views.histogram(
        {"fc1.weight": draw.normal(0, 0.05, 4000), "fc2.weight": np.append(draw.normal(0, 0.11, 900), np.nan)}, language=language
    )


def _importance() -> Importance:
    draw = np.random.default_rng(3)
    names = tuple(made.patient().arrays[0].coordinates["feature"])
    rows = draw.normal(0.02, 0.1, (120, 30)) * np.linspace(2, 0, 30) + np.linspace(0.06, -0.01, 30)
    return Importance(names, rows.mean(0) + draw.normal(0, 0.004, (10, 30)), rows, "accuracy", 0.94, "PatientNetwork", 0, 36120)


def _interactions(features: int) -> PairInteractions:
    values = np.random.default_rng(4).normal(0, 0.2, (6, features, features)) * np.linspace(2, 0.1, features)
    values += values.transpose(0, 2, 1)
    values[:, np.arange(features), np.arange(features)] = 0
    names = tuple(made.patient().arrays[0].coordinates["feature"])[:features]
    return PairInteractions(names, values, values * 0 + 0.03, ("malignant",) * 6, "logit", "the background's mean", "PatientNetwork", 99)


SCENES: dict[str, Callable[[Language], Scene]] = {
    "patient": lambda lang: views.attribution(made.patient(), language=lang),
    "patient_refused": lambda lang: views.attribution(made.patient("refused"), language=lang),
    "waterfall": lambda lang: views.waterfall(made.patient("weak"), language=lang),
    "digit": lambda lang: views.attribution(made.digits(), row=2, language=lang),
    "digit_refused": lambda lang: views.attribution(made.digits(), row=3, language=lang),
    "photo": lambda lang: views.attribution(made.photo(), language=lang),
    "photo_refused": lambda lang: views.attribution(made.photo("refused"), language=lang),
    "coarse": lambda lang: views.attribution(made.coarse("weak"), language=lang),
    "coarse_cells": lambda lang: views.image_overlay(made.coarse("unchecked"), language=lang, cells=True),
    "gallery": lambda lang: views.gallery(made.digits(), language=lang),
    "tokens": lambda lang: views.attribution(made.tokens(), language=lang),
    "alignment": lambda lang: views.attribution(made.translation(), language=lang),
    "alignment_refused": lambda lang: views.attribution(made.translation("refused"), language=lang),
    "signal": lambda lang: views.attribution(made.signal(), language=lang),
    "long_signal": lambda lang: views.attribution(made.signal("refused", 4096), language=lang),
    "mixed": lambda lang: views.attribution(made.mixed("weak"), language=lang),
    "anything": lambda lang: views.attribution(made.anything("unchecked"), language=lang),
    "beeswarm": lambda lang: views.beeswarm(made.patients(), language=lang),
    "beeswarm_refused": lambda lang: views.beeswarm(made.patients(40, "refused"), language=lang),
    "beeswarm_two_rows": lambda lang: views.beeswarm(made.patients(2), language=lang),
    "importance": lambda lang: views.importance_bars(made.patients(), language=lang),
    "dependence": lambda lang: views.dependence(made.patients(), language=lang),
    "dependence_alone": lambda lang: views.dependence(made.patients(), feature="mean smoothness", language=lang),
    "interactions": lambda lang: views.interaction_matrix(_interactions(30), language=lang),
    "interactions_few": lambda lang: views.interaction_matrix(_interactions(5), row=1, language=lang),
    "permuted": lambda lang: views.permutation_bars(_importance(), language=lang),
    "decision": lambda lang: views.decision_plot(made.patients(), language=lang),
    "faithfulness": lambda lang: views.faithfulness_curves(made.patient(), language=lang),
    "checks": lambda lang: views.checks_table(made.patient(), language=lang),
    "histogram": _histogram,
    "layers": lambda lang: views.layer_table(LAYERS, language=lang),
    "history": _history,
    "confusion": _confusion,
    "confusion_named": _confusion_named,
    "reliability": _reliability,
}
