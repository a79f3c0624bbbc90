"""How good a network is on labeled rows: metrics with intervals, always beside what guessing gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
from torch import Tensor

from pellucid.errors import InputError, UnknownName
from pellucid.training import intervals
from pellucid.training.intervals import Metric
from pellucid.training.scoring import Outputs, Scorer, probabilities, run_rows
from pellucid.training.words import SUMMARY


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against what came true, in equal bins of the predicted class's probability; empty bins hold not-a-number.

    Attributes:
        edges: (bins + 1); the other arrays have one value per bin: ``counts`` rows, their mean ``confidence``, the share that was right
            (``accuracy``) and its Wilson interval ``low``, ``high``.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network is worth on the rows it was measured on.

    Attributes:
        metrics: for classes ``accuracy`` (Wilson interval), ``balanced_accuracy``, ``f1_macro``, ``log_loss`` and, for two classes,
            ``auc``; for values ``r2``, ``rmse``, ``mae`` (bootstrap intervals).
        base_rate: accuracy of always answering the most frequent class of these labels, or the root mean squared error of always answering
            their mean.
        better_than_base_rate: at 95 %, one-sided: for classes the exact McNemar (sign) test of the rows on which only one of the two is
            right; for values whether R² is above 0 in 95 % of the bootstrap draws.
        p_value: of that test.
        outputs: what the outputs were taken for.
        predicted: class indices or values, in row order.
        confusion: (true class, predicted class) counts; ``None`` for values.
        reliability, ece: calibration curve and expected calibration error (mean |confidence - accuracy| over rows); ``None`` for values.
    """

    task: Literal["classification", "regression"]
    samples: int
    class_names: tuple[str, ...]
    metrics: dict[str, Metric]
    base_rate: Metric
    better_than_base_rate: bool
    p_value: float
    outputs: Outputs
    predicted: np.ndarray
    confusion: np.ndarray | None = None
    reliability: Reliability | None = None
    ece: float | None = None

    def summary(self, language: str = "en") -> str:
        """Two sentences in English (``"en"``) or Simplified Chinese (``"zh-CN"``)."""
        if language not in SUMMARY:
            raise UnknownName("language", language, SUMMARY)
        words = SUMMARY[language]
        metric = self.metrics["accuracy" if self.task == "classification" else "rmse"]
        say = partial(_said, share=self.task == "classification", language=language)
        p = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.2g}"
        majority = self.class_names[int(self.confusion.sum(1).argmax())] if self.confusion is not None else ""
        return words[self.task].format(
            samples=self.samples,
            value=say(metric.value),
            low=say(metric.low),
            high=say(metric.high),
            base=say(self.base_rate.value),
            majority=majority,
            verdict=words["better" if self.better_than_base_rate else "equal"].format(p=p),
        )

    def __repr__(self) -> str:
        return f"Evaluation({self.summary()})"


def _said(number: float, *, share: bool, language: str) -> str:
    """A share in percent (with a space before the sign, except in Chinese), another number with four digits."""
    if not share:
        return f"{number:.4g}"
    return f"{100 * number:.1f}{'' if language == 'zh-CN' else chr(0xA0)}%"


def evaluate(
    scorer: Scorer,
    inputs: Any,  # noqa: ANN401
    labels: Any,  # noqa: ANN401
    *,
    class_names: Sequence[str] | None = None,
    outputs: Outputs | Literal["auto"] = "auto",
    batch_size: int = 256,
    bins: int = 10,
    seed: int = 0,
) -> Evaluation:
    """Measures a network or a function ``rows -> scores`` on rows whose labels are known.

    Args:
        scorer: a torch module (run in eval mode, left as it was) or a function from an array (sample, ...) to scores (sample, class),
            (sample, 1) or (sample); or a fitted estimator, which is asked for what is explained of it, with classes in its own order.
        inputs: (sample, ...); for an estimator also a DataFrame.
        labels: (sample); integers are classes, floats are values to be predicted, unless ``outputs`` says otherwise.
        class_names: in label order; by default the indices.
        outputs: ``"values"`` for a regression; ``"auto"`` guesses between logits and probabilities, and the result says which.
        bins: of the reliability curve.
        seed: of the bootstrap draws of a regression; the global random state is not touched.

    Raises:
        InputError: labels that do not fit the outputs.
        ModelError: outputs that are no array or not finite.

    It shows how the network does on rows like these; not why, and nothing about rows of another kind.
    """
    truth = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if truth.dtype.kind not in "iufb" or len(truth) != len(inputs) or len(truth) == 0 or not np.isfinite(truth).all():
        received = f"{len(inputs)} inputs, labels of shape {truth.shape}, {truth.dtype}"
        raise InputError(
            "Each row needs one finite number as its label", received=received, remedy="class indices as integers, or values as floats"
        )
    answers = run_rows(scorer, inputs, batch_size)
    if len(answers) != len(truth):
        raise InputError(
            "There must be one output per row",
            received=f"{len(answers)} outputs for {len(truth)} rows",
            remedy="check that the model keeps the rows of its input",
        )
    if outputs == "values" or (outputs == "auto" and truth.dtype.kind == "f"):
        return _evaluate_values(answers, truth.astype(float), seed)
    shares, taken = probabilities(answers, outputs)
    names = tuple(str(name) for name in class_names) if class_names is not None else tuple(str(i) for i in range(shares.shape[1]))
    _check_classes(truth, shares, names)
    return _evaluate_classes(shares, truth.astype(int), names, taken, bins=bins)


def _check_classes(truth: np.ndarray, shares: np.ndarray, names: tuple[str, ...]) -> None:
    classes = shares.shape[1]
    whole = truth.dtype.kind != "f" or bool((truth == np.round(truth)).all())
    if truth.ndim != 1 or not whole or truth.min() < 0 or truth.max() >= classes or len(names) != classes:
        received = f"labels {truth.min()} to {truth.max()} of shape {truth.shape}, {classes} classes, {len(names)} class names"
        remedy = f'labels 0 to {classes - 1} and as many names; outputs="values" for a regression'
        raise InputError("Labels or class names do not fit the outputs", received=received, remedy=remedy)


def _evaluate_classes(shares: np.ndarray, truth: np.ndarray, names: tuple[str, ...], taken: Outputs, *, bins: int) -> Evaluation:
    rows, classes = shares.shape
    predicted = shares.argmax(1)
    right = predicted == truth
    confusion = np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)
    counts = confusion.sum(1)
    by_majority = truth == counts.argmax()
    only_network, only_majority = int((right & ~by_majority).sum()), int((by_majority & ~right).sum())
    p_value = intervals.binomial_tail(only_network, only_network + only_majority)
    # 1e-15 as scikit-learn once had it for float64: a probability of exactly 0 for what came true would make the mean infinite
    surprise = -np.log(np.clip(shares[np.arange(rows), truth], 1e-15, 1))
    log_loss = intervals.mean(surprise)
    metrics = {
        "accuracy": intervals.wilson(right.sum(), rows),
        "balanced_accuracy": intervals.balanced_accuracy(confusion),
        "f1_macro": intervals.f1_macro(confusion),
        "log_loss": Metric(log_loss.value, max(log_loss.low, 0.0), log_loss.high),
    }
    if classes == 2 and 0 < truth.sum() < rows:
        metrics["auc"] = intervals.area_under_curve(shares[:, 1], truth == 1)
    reliability = _reliability(shares.max(1), right, bins)
    gaps = np.abs(reliability.confidence - reliability.accuracy) * reliability.counts / rows
    return Evaluation(
        task="classification",
        samples=rows,
        class_names=names,
        metrics=metrics,
        base_rate=intervals.wilson(by_majority.sum(), rows),
        better_than_base_rate=p_value <= 0.05,
        p_value=p_value,
        outputs=taken,
        predicted=predicted,
        confusion=confusion,
        reliability=reliability,
        ece=float(np.nansum(gaps)),
    )


def _reliability(confidence: np.ndarray, right: np.ndarray, bins: int) -> Reliability:
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    shares = [intervals.wilson(float(right[place == bin_].sum()), float(n)) for bin_, n in enumerate(counts)]
    with np.errstate(invalid="ignore"):
        means = np.bincount(place, confidence, minlength=bins) / counts
    accuracy, low, high = (np.array([getattr(share, name) for share in shares]) for name in ("value", "low", "high"))
    return Reliability(np.linspace(0, 1, bins + 1), counts, means, accuracy, low, high)


def _evaluate_values(answers: np.ndarray, truth: np.ndarray, seed: int) -> Evaluation:
    if answers.size != truth.size:
        received = f"outputs {answers.shape}, labels {truth.shape}"
        raise InputError("One value per label is needed", received=received, remedy="integer labels if these are classes")
    answers, truth = answers.reshape(-1), truth.reshape(-1)
    errors = answers - truth

    def r2(index: np.ndarray) -> float:
        total = np.square(truth[index] - truth[index].mean()).sum()
        return 1 - float(np.square(errors[index]).sum() / total) if total else float("nan")

    measures: dict[str, Callable[[np.ndarray], float]] = {
        "r2": r2,
        "rmse": lambda index: float(np.sqrt(np.square(errors[index]).mean())),
        "mae": lambda index: float(np.abs(errors[index]).mean()),
        "base_rate": lambda index: float(truth[index].std()),
    }
    whole = np.arange(len(truth))
    drawn = {name: intervals.bootstrap(measure, len(truth), seed=seed) for name, measure in measures.items()}
    metrics = {name: intervals.percentile(measure(whole), drawn[name]) for name, measure in measures.items()}
    base_rate = metrics.pop("base_rate")
    p_value = float((1 + np.count_nonzero(~(drawn["r2"] > 0))) / (1 + len(drawn["r2"])))
    return Evaluation(
        task="regression",
        samples=len(truth),
        class_names=(),
        metrics=metrics,
        base_rate=base_rate,
        better_than_base_rate=p_value <= 0.05,
        p_value=p_value,
        outputs="values",
        predicted=answers,
    )
