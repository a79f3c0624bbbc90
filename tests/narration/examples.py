"""Hand-made explanations with known facts, to be put into words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pellucid.explanation import Check, Decision, Explanation, LabelledArray, Provenance, Reason, ShownInput, Verdict
from pellucid.methods.registry import METHODS, method_class

NAN = float("nan")
FEATURES = ("pressure", "pulse", "weight", "height")
CELLS = ("142 mmHg", "88 /min", "70.5 kg", "1.81 m")


def labelled(name: str, values, axes: str, **coordinates: tuple[str, ...]) -> LabelledArray:
    return LabelledArray(name, np.asarray(values), tuple(axes.split()), coordinates)


def provenance(method: str = "integrated_gradients", **changes) -> Provenance:
    made = Provenance(
        method, {}, "Predicted()", "logit", {"input": "zero"}, "eval", "float32", "cpu", 8, 0, {}, "Net", "m", "i", 50, 30, 0.1, 0.1, ()
    )
    if method in METHODS:
        made = replace(made, meaning=method_class(method).meaning)
    return replace(made, **changes)


def deletion(*, rows: int = 1, value: float = 0.2, p: float = 0.001, curve=(5.0, 1.0, 0.5, 0.0)) -> Check:
    def full(number: float) -> np.ndarray:
        return np.full(rows, float(number))

    names = {"curve": curve, "random_mean": (5.0, 4.0, 3.0, 0.0), "random_low": (5.0, 3.0, 1.0, 0.0), "random_high": (5.0, 4.8, 4.0, 0.0)}
    curves = (
        labelled("fraction", [0.0, 0.1, 0.5, 1.0], "fraction"),
        *(labelled(name, [values] * rows, "sample fraction") for name, values in names.items()),
    )
    return Check("deletion", "faithfulness", "lower", full(value), full(0.55), full(value - 0.05), full(value + 0.05), full(p), 40, curves)


def completeness(*, rows: int = 1, value: float = 0.001) -> Check:
    def full(number: float) -> np.ndarray:
        return np.full(rows, float(number))

    return Check("completeness", "identity", "lower", full(value), full(0.01), full(NAN), full(NAN), full(NAN), 0)


def seed_stability(value: float) -> Check:
    one = np.ones(1)
    return Check("seed_stability", "stability", "higher", value * one, 0.8 * one, NAN * one, NAN * one, NAN * one, 10)


def parameter_randomization(value: float) -> Check:
    one = np.ones(1)
    return Check("parameter_randomization", "sensitivity", "lower", value * one, 0.5 * one, NAN * one, NAN * one, NAN * one, 10)


def decision(probabilities=(0.7, 0.25, 0.05), *, names=("sick", "well", "unknown"), truth=(), target: int | None = None) -> Decision:
    shares = np.array([probabilities])
    predicted = int(shares.argmax())
    explained = predicted if target is None else target
    return Decision(
        "logits",
        labelled("outputs", np.log(shares), "sample class"),
        labelled("probabilities", shares, "sample class"),
        names,
        np.array([predicted]),
        (names[explained],),
        np.array([explained]),
        np.array([5.0]),
        np.array([0.0]),
        truth,
    )


def table(
    values=(3.0, -1.5, 0.4, 0.1),
    *,
    level="supported",
    reasons=(),
    checks=None,
    method="integrated_gradients",
    errors=(),
    said=None,
    **changes,
) -> Explanation:
    made = checks if checks is not None else (completeness(), deletion())
    return Explanation(
        "attribution",
        (labelled("input", [values], "sample feature", feature=FEATURES),),
        (ShownInput("input", "tabular", labelled("input", [[61.0, 88.0, 70.5, 1.81]], "sample feature", feature=FEATURES), (CELLS,)),),
        said or decision(),
        provenance(method, **changes),
        made,
        (Verdict(level, tuple(reasons)),),
        tuple(labelled("input", [e], "sample feature", feature=FEATURES) for e in errors),
        "standard_error" if errors else "none",
    )


def regression() -> Explanation:
    none, score, baseline = np.array([-1]), np.array([152.3]), np.array([100.0])
    said = Decision("values", None, None, (), none, ("the output",), none, score, baseline, ("149",))
    return table(said=said, scale="value")


def picture(mass: np.ndarray, *, method="gradcam", layer="features.7", level="supported") -> Explanation:
    shown = ShownInput("image", "image", labelled("image", np.zeros((1, 30, 30, 3)), "sample y x channel"))
    return Explanation(
        "layer_attribution",
        (labelled("image", mass[None], "sample y x"),),
        (shown,),
        decision((0.39, 0.36, 0.25), names=("tiger cat", "Egyptian cat", "tabby")),
        provenance(method, baseline={}),
        (deletion(),),
        (Verdict(level),),
        layer=layer,
    )


def tokens() -> Explanation:
    words = ("the", "film", "is", "great", "<pad>")
    attribution = LabelledArray(
        "text", np.array([[0.1, 0.2, 0.0, 2.0, 9.0]]), ("sample", "token"), {}, np.array([[True, True, True, True, False]])
    )
    shown = ShownInput("text", "tokens", labelled("text", [[4, 8, 15, 16, 0]], "sample token"), (words,))
    return replace(table(), arrays=(attribution,), inputs=(shown,))


def several(levels=("supported", "supported", "weak", "refused")) -> Explanation:
    rows = len(levels)
    reasons = {
        "refused": (Reason("not_better_than_random", "deletion", 0.6, 0.55),),
        "weak": (Reason("interval_includes_random", "deletion", 0.5, 0.55),),
    }
    values = np.array([[3.0, -1.5, 0.4, 0.1], [0.1, 2.0, 1.0, 0.5], [4.0, 1.0, 0.9, 0.0], [0.0, 0.0, 0.0, 9.0]])[:rows]
    shares = np.tile([0.7, 0.25, 0.05], (rows, 1))
    said = Decision(
        "logits",
        labelled("outputs", np.log(shares), "sample class"),
        labelled("probabilities", shares, "sample class"),
        ("sick", "well", "unknown"),
        np.zeros(rows, int),
        ("sick",) * rows,
        np.zeros(rows, int),
        np.full(rows, 5.0),
        np.zeros(rows),
        ("sick", "well", "sick", "sick")[:rows],
    )
    shown = ShownInput("input", "tabular", labelled("input", np.zeros((rows, 4)), "sample feature", feature=FEATURES), (CELLS,) * rows)
    return Explanation(
        "attribution",
        (labelled("input", values, "sample feature", feature=FEATURES),),
        (shown,),
        said,
        provenance(),
        (deletion(rows=rows),),
        tuple(Verdict(level, reasons.get(level, ())) for level in levels),
    )
