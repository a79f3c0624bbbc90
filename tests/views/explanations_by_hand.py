"""Explanations made by hand, with real inputs where a picture needs them; no model is involved."""

from __future__ import annotations

from functools import cache

import numpy as np

from pellucid.explanation import Check, Decision, Explanation, LabelledArray, Provenance, Reason, ShownInput, Verdict
from pellucid.methods.registry import METHODS, method_class

LEVELS = ("supported", "weak", "refused", "unchecked")
REASONS = {
    "supported": (),
    "weak": (Reason("interval_includes_random", "deletion", 0.412, 0.447), Reason("unstable_over_seeds", "seed_stability", 0.71, 0.8)),
    "refused": (Reason("identity_broken", "completeness", 0.831, 0.0123), Reason("not_better_than_random", "deletion", 0.61, 0.58)),
    "unchecked": (Reason("unchecked", "", None, None),),
}


def provenance(method: str = "integrated_gradients", *, target: str = "0", baseline: str = "the background's mean") -> Provenance:
    return Provenance(
        method=method,
        parameters={"steps": "50"},
        target=target,
        scale="logit",
        baseline={"x": baseline} if baseline else {},
        mode="eval",
        dtype="float32",
        device="cpu",
        batch=50,
        seed=0,
        versions={"pellucid": "0"},
        model="Net",
        model_fingerprint="m",
        input_fingerprint="i",
        evaluations=50,
        check_evaluations=64,
        seconds=0.1,
        check_seconds=0.1,
        meaning=method_class(method).meaning if method in METHODS else "map",
    )


def decision(names: tuple[str, ...], rows: int = 1, *, complete: bool = True, truth: str = "") -> Decision:
    scores = np.linspace(4.2, 2.0, rows)
    shares = np.full((rows, len(names)), 0.05 / max(len(names) - 1, 1))
    shares[:, 0] = 0.95
    return Decision(
        output_kind="logits",
        outputs=None,
        probabilities=LabelledArray("probabilities", shares, ("sample", "class"), {"class": names}),
        class_names=names,
        predicted=np.zeros(rows, int),
        target=(names[0],) * rows,
        target_class=np.zeros(rows, int),
        scores=scores,
        baseline_scores=np.full(rows, -0.8) if complete else np.full(rows, np.nan),
        truth=(truth,) * rows if truth else (),
    )


def checks(rows: int = 1) -> tuple[Check, ...]:
    x = np.linspace(0, 1, 21)
    fall = 4.2 * np.exp(-4 * x)
    mean = 4.2 * (1 - x) ** 0.8

    def labelled(name: str, values: np.ndarray) -> LabelledArray:
        return LabelledArray(name, np.tile(values, (rows, 1)), ("sample", "fraction"), {})

    def one(value: float) -> np.ndarray:
        return np.full(rows, value)

    deletion = (
        labelled("curve", fall),
        labelled("random_mean", mean),
        labelled("random_low", mean * 0.8),
        labelled("random_high", mean * 1.15),
    )
    insertion = tuple(labelled(c.name, c.values[0][::-1] if c.name != "curve" else 4.2 - fall) for c in deletion)
    fraction = LabelledArray("fraction", x, ("fraction",), {})
    note = "30 players, in-fill: the background's mean; 20 points, 13 random orders"
    return (
        Check("completeness", "identity", "lower", one(0.0021), one(0.0123), one(0.0021), one(0.0021), one(np.nan), 2),
        Check("deletion", "faithfulness", "lower", one(1.03), one(2.31), one(0.97), one(1.11), one(0.004), 42, (*deletion, fraction), note),
        Check(
            "insertion", "faithfulness", "higher", one(3.11), one(2.29), one(2.2), one(3.2), one(0.004), 42, (*insertion, fraction), note
        ),
        Check("seed_stability", "stability", "higher", one(0.91), one(0.8), one(np.nan), one(np.nan), one(np.nan), 100),
        Check("parameter_randomization", "sensitivity", "lower", one(0.11), one(0.5), one(0.05), one(0.18), one(np.nan), 100),
    )


def explanation(
    arrays, inputs, told, level="supported", *, method="integrated_gradients", rows=1, errors=(), kind="attribution", layer=""
) -> Explanation:
    """The parts as an explanation whose rows all have this verdict."""
    return Explanation(
        kind=kind,
        arrays=arrays,
        inputs=inputs,
        decision=told,
        provenance=provenance(method),
        checks=checks(rows) if level != "unchecked" else (),
        verdicts=(Verdict(level, REASONS[level]),) * rows,
        errors=errors,
        error_kind="standard_error" if errors else "none",
        layer=layer,
    )


@cache
def patient(level: str = "supported", rows: int = 1) -> Explanation:
    """A table of 30 features with long names; attributions add up but for a small rest."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    names = (
        *(str(n) for n in data.feature_names[:-1]),
        "worst fractal dimension of all the nuclei that were found in the whole image, 细胞核",
    )
    draw = np.random.default_rng(0)
    values = draw.normal(0, 0.4, (rows, 30)) * np.linspace(2, 0.05, 30)
    values += (5.0 - values.sum(axis=1, keepdims=True)) / 30
    values[:, 29] = 1.4
    cells = tuple(tuple(f"{v:.4g}" if i != 3 else "missing" for i, v in enumerate(row)) for row in data.data[19 : 19 + rows])
    shown = ShownInput("x", "tabular", LabelledArray("x", data.data[19 : 19 + rows], ("sample", "feature"), {"feature": names}), cells)
    array = LabelledArray("x", values, ("sample", "feature"), {"feature": names})
    error = LabelledArray("x", np.abs(values) * 0.1 + 0.02, ("sample", "feature"), {"feature": names})
    return explanation((array,), (shown,), decision(("malignant", "benign"), rows, truth="malignant"), level, rows=rows, errors=(error,))


@cache
def patients(rows: int = 200, level: str = "supported") -> Explanation:
    """Many rows of the same table, whose attributions depend on the values, for one feature on another one too; every ninth is refused."""
    from dataclasses import replace

    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer().data[:rows]
    one = patient(level, rows)
    places = (data - data.mean(0)) / data.std(0)
    values = places * np.linspace(1.2, 0.02, 30)[None]
    values[:, 0] += 0.9 * np.clip(places[:, 0], -1.5, 1.5) * places[:, 2 + 7]
    scores = values.sum(1) - 0.8 + np.random.default_rng(7).normal(0, 0.02, rows)
    texts = tuple(tuple(f"{v:.4g}" for v in row) for row in data)
    told = replace(one.decision, scores=scores, baseline_scores=np.full(rows, -0.8))
    refused = Verdict("refused", REASONS["refused"])
    return replace(
        one,
        arrays=(replace(one.arrays[0], values=values),),
        inputs=(replace(one.inputs[0], data=replace(one.inputs[0].data, values=data), cells=texts),),
        decision=told,
        errors=(),
        error_kind="none",
        verdicts=tuple(refused if k % 9 == 4 else verdict for k, verdict in enumerate(one.verdicts)),
    )


@cache
def digits(level: str = "supported", rows: int = 6) -> Explanation:
    """Digits of 8 x 8 pixels with a signed map each."""
    from sklearn.datasets import load_digits

    images = load_digits().images[:rows] / 16
    shown = ShownInput("x", "image", LabelledArray("x", images[..., None], ("sample", "y", "x", "channel"), {}))
    draw = np.random.default_rng(1)
    values = (images * draw.normal(0.05, 0.12, images.shape))[:, :, :, None].transpose(0, 3, 1, 2)
    names = tuple(str(i) for i in range(10))
    made = explanation(
        (LabelledArray("x", values, ("sample", "channel", "y", "x"), {}),), (shown,), decision(names, rows, truth="9"), level, rows=rows
    )
    from dataclasses import replace

    mixed = tuple(Verdict(lv, REASONS[lv]) for lv in (level, "weak", level, "refused", level, level))[:rows]
    return replace(made, verdicts=mixed) if rows > 1 else made


@cache
def photo_input() -> ShownInput:
    from skimage.data import chelsea
    from skimage.transform import resize

    cat = chelsea()[20:290, 80:350]
    small = resize(cat, (224, 224), anti_aliasing=True)
    return ShownInput("x", "image", LabelledArray("x", small[None], ("sample", "y", "x", "channel"), {}))


CATS = ("tiger cat", "tabby, tabby cat", "Egyptian cat")


@cache
def photo(level: str = "supported") -> Explanation:
    """A noisy pixel map over a photo of a cat: (sample, channel, y, x), with heavy tails, strongest at the face."""
    draw = np.random.default_rng(2)
    y, x = np.mgrid[:224, :224]
    face = np.exp(-(((y - 100) / 50) ** 2) - ((x - 90) / 45) ** 2)
    values = draw.standard_t(3, (1, 3, 224, 224)) * 0.002 * (0.15 + face) + 0.0015 * face
    return explanation(
        (LabelledArray("x", values, ("sample", "channel", "y", "x"), {}),), (photo_input(),), decision(CATS, truth="tiger cat"), level
    )


@cache
def coarse(level: str = "supported") -> Explanation:
    """A layer map of 7 x 7 cells over the photo."""
    y, x = np.mgrid[:7, :7]
    values = (np.exp(-(((y - 3) / 1.6) ** 2) - ((x - 2.5) / 1.4) ** 2) - 0.15)[None] * 2.1
    array = LabelledArray("x", values, ("sample", "y", "x"), {})
    told = decision(CATS, complete=False)
    return explanation((array,), (photo_input(),), told, level, method="gradcam", kind="layer_attribution", layer="blocks.6.0.conv_pwl")


@cache
def tokens(level: str = "supported") -> Explanation:
    """A sentence with padding, explained at an embedding of four features."""
    words = [
        "The",
        "film",
        "is",
        "far",
        "too",
        "long",
        ",",
        "but",
        "the",
        "ending",
        "—",
        "真的很好",
        "—",
        "makes",
        "up",
        "for",
        "every",
        "unbelievablyslowlymovingscene",
        "of",
        "it",
        ".",
        "[PAD]",
        "[PAD]",
    ]
    values = np.random.default_rng(3).normal(0, 0.3, (1, len(words), 4))
    valid = np.array([[[w != "[PAD]"] * 4 for w in words]])
    shown = ShownInput("x", "tokens", LabelledArray("x", np.arange(len(words))[None], ("sample", "token"), {}), (tuple(words),))
    array = LabelledArray("x", values, ("sample", "token", "feature"), {}, valid)
    return explanation((array,), (shown,), decision(("positive", "negative"), complete=False), level, method="occlusion")


@cache
def translation(level: str = "supported") -> Explanation:
    """What each Chinese word draws on in an English sentence; one of the values is negative."""
    source, produced = (
        ("The", "agreement", "on", "the", "European", "Economic", "Area", "was", "signed", "."),
        ("欧洲", "经济", "区", "协定", "已", "签署", "。"),
    )
    found = [4, 5, 6, 1, 7, 8, 9]
    values = np.random.default_rng(6).gamma(0.4, 0.04, (1, len(produced), len(source)))
    values[0, np.arange(len(produced)), found] += 0.6
    values[0, 4, 0] = -0.2
    ids = {name: np.arange(len(texts))[None] for name, texts in (("x", source), ("produced", produced))}
    shown = tuple(
        ShownInput(name, "tokens", LabelledArray(name, ids[name], ("sample", "token"), {}), (texts,))
        for name, texts in (("x", source), ("produced", produced))
    )
    array = LabelledArray("x", values, ("sample", "produced", "token"), {})
    return explanation((array,), shown, decision(("positive", "negative"), complete=False), level, method="attention_gradient")


@cache
def signal(level: str = "supported", steps: int = 120) -> Explanation:
    """A wave with a bump that carries the decision."""
    t = np.arange(steps)
    wave = np.sin(t / 7) + 2 * np.exp(-(((t - 0.6 * steps) / (0.04 * steps)) ** 2))
    values = 0.1 * np.random.default_rng(4).normal(0, 0.2, steps) + np.exp(-(((t - 0.6 * steps) / (0.04 * steps)) ** 2))
    shown = ShownInput("x", "series", LabelledArray("x", wave[None, :, None], ("sample", "time", "feature"), {}))
    array = LabelledArray("x", values[None, :, None], ("sample", "time", "feature"), {})
    return explanation((array,), (shown,), decision(("arrhythmia", "normal")), level)


@cache
def anything(level: str = "supported") -> Explanation:
    """An array of three axes for which there is no picture of its own."""
    values = np.random.default_rng(5).standard_t(2, (1, 4, 6, 5))
    shown = ShownInput("x", "array", LabelledArray("x", values, ("sample", "layer", "head", "unit"), {}))
    return explanation((LabelledArray("x", values, ("sample", "layer", "head", "unit"), {}),), (shown,), decision(("yes", "no")), level)


@cache
def mixed(level: str = "supported") -> Explanation:
    """A table and a photo explained together."""
    from dataclasses import replace

    table, picture = patient(level), photo(level)
    renamed = [replace(table.arrays[0], name="table"), replace(picture.arrays[0], name="image")]
    inputs = (replace(picture.inputs[0], name="image"), replace(table.inputs[0], name="table"))  # in another order than the arrays
    return replace(table, arrays=tuple(renamed), inputs=inputs, errors=())
