"""A picture of every view, on real rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reversing import aligned  # while a hook is loaded its folder is searched, later it is not
from subjects import trained_digits, trained_patient

import pellucid as pl
from pellucid import paper, views

if TYPE_CHECKING:
    from pellucid.demo.networks import Trained
    from pellucid.scenes import Scene

VIEWS = {
    "feature_bars": "Attribution by feature, in the user's units, with the method's own error as whiskers.",
    "waterfall": "From the baseline's score to this row's score, feature by feature.",
    "image_overlay": "Input, signed map and overlay; a layer's map is shown in the cells it was computed in.",
    "faithfulness_curves": "The score while the strongest are removed or put back first, with the band of random orders.",
    "checks_table": "Every check beside its reference, with its interval.",
    "gallery": "Several rows side by side on one color scale.",
    "alignment_grid": "Which source token each produced token draws on. The network reverses strings, so the rising diagonal is right. "
    "Source tokens are removed for each produced token in the order of its own row, and its own score is looked at.",
    "beeswarm": "A point per row and feature: how much, which way, and for which values. Refused rows are left out and counted.",
    "importance_bars": "The mean size of the attributions by feature, with its interval over rows.",
    "dependence": "A feature's attribution against its value, colored by the feature that interacts most, where one does.",
    "decision_plot": "From the baseline's score to each row's score, all rows in one picture.",
    "permutation_bars": "How much worse a score gets when a feature is permuted over labelled rows (`pl.permutation_importance`).",
    "interaction_matrix": "What two features bring about together beyond what each does alone (`pl.interactions`), mean over rows.",
    "comparison": "Several methods on the same decisions (`pl.compare`), ranked by what the network confirms.",
    "training_history": "Loss and accuracy by epoch.",
    "confusion": "What was taken for what.",
    "reliability": "Is the confidence earned?",
}


def views_list() -> str:
    """Every picture under its name."""
    return "\n\n".join(f"## `{name}`\n\n{about}\n\n![{about}](views/{name}.png)" for name, about in VIEWS.items())


def pictures() -> dict[str, bytes]:
    """The gallery as PNG, from the two small networks of the demo."""
    patient, digits = trained_patient(), trained_digits()
    one = pl.explain(
        patient.net,
        patient.split.test.inputs[:1],
        "integrated_gradients",
        preparation=patient.preparation,
        background=patient.split.train.inputs,
        class_names=patient.dataset.class_names,
        labels=patient.split.test.labels[:1],
    )
    many = pl.explain(
        digits.net,
        digits.inputs(digits.split.test)[:6],
        "integrated_gradients",
        class_names=digits.dataset.class_names,
        labels=digits.split.test.labels[:6],
    )
    evaluation = digits.evaluation
    drawn: dict[str, Callable[[], Scene]] = {
        "feature_bars": lambda: views.feature_bars(one),
        "waterfall": lambda: views.waterfall(one),
        "image_overlay": lambda: views.image_overlay(many),
        "faithfulness_curves": lambda: views.faithfulness_curves(one),
        "checks_table": lambda: views.checks_table(one),
        "gallery": lambda: views.gallery(many),
        "alignment_grid": lambda: views.alignment_grid(aligned()),
        **_of_many_rows(patient),
        "training_history": lambda: views.training_history(digits.history.curves),
        "confusion": lambda: views.confusion(evaluation.confusion, evaluation.class_names),
        "reliability": lambda: views.reliability(evaluation.reliability),
    }
    return {name: paper.png_bytes(paper.draw(drawn[name]()), dpi=120) for name in VIEWS}


def _of_many_rows(patient: Trained) -> dict[str, Callable[[], Scene]]:
    """Summaries of all held-out patients, and several methods on three of them."""
    test, options = patient.split.test, {"preparation": patient.preparation, "class_names": patient.dataset.class_names}
    background = patient.split.train.inputs
    rows = pl.explain(patient.net, test.inputs, "integrated_gradients", target="malignant", background=background, **options)
    permuted = pl.permutation_importance(patient.net, test.inputs, test.labels, score="log_loss", **options)
    pairs = pl.interactions(
        patient.net, test.inputs[:6], target="malignant", background=background, value="baseline", samples=8192, **options
    )
    methods = ["integrated_gradients", "deeplift", "occlusion", "gradient", "random"]
    compared = pl.compare(patient.net, test.inputs[:3], methods, target="malignant", background=background, **options)
    return {
        "beeswarm": lambda: views.beeswarm(rows),
        "importance_bars": lambda: views.importance_bars(rows),
        "dependence": lambda: views.dependence(rows),
        "decision_plot": lambda: views.decision_plot(rows),
        "permutation_bars": lambda: views.permutation_bars(permuted),
        "interaction_matrix": lambda: views.interaction_matrix(pairs),
        "comparison": lambda: views.comparison(compared),
    }
