"""A linear regression, a support-vector machine and a small network on one table: how good each is, and whether they have the same reasons.

``python examples/table_three_models.py [FOLDER]`` runs without a screen in some seconds. The first two are scikit-learn pipelines, the
third is a torch network; all are explained by the same method on the same rows, in the units of the table.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from torch import nn

import pellucid as pl
from pellucid.paper import save_png
from pellucid.scenes import Axis, Bars, ColorScale, Image, LegendEntry, Line, Panel, Points, Scene, Table, Text
from pellucid.scenes.numbers import number
from pellucid.views import beeswarm
from pellucid.views.importance_bars import half_intervals

ROLES = ("series1", "series2", "series3")
SHORT = {"linear regression": "linear", "support-vector machine": "SVM", "small network": "network"}
OUTCOME = "disease progression"


@dataclass(frozen=True)
class Told:
    """One model: how good it is on the test rows, and why it says what it says of them."""

    name: str
    quality: Any
    explanation: pl.Explanation

    @property
    def sizes(self) -> np.ndarray:
        """Mean |attribution| of every feature."""
        return np.abs(self.explanation.arrays[0].values).mean(0)


def network(rows: np.ndarray, labels: np.ndarray) -> nn.Module:
    """Ten standardized features, twelve hidden units; trained on standardized labels, it answers in their own unit."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(rows.shape[1], 12), nn.Tanh(), nn.Linear(12, 1))
    middle, spread = labels.mean(), labels.std()
    pl.fit(net, rows, ((labels - middle) / spread)[:, None], loss="mse", epochs=60, learning_rate=5e-3, l2=0.02, seed=0)
    with torch.no_grad():
        net[2].weight *= spread
        net[2].bias.mul_(spread).add_(middle)
    return net


def models(data: Any) -> list[Told]:
    """Fits the three, measures them and explains every test row, compared with the mean training row."""
    parts = data.split(seed=0)
    train, test, truth = parts.train.inputs, parts.test.inputs, parts.test.labels
    table = pl.TablePreparation.fit(train, names=data.feature_names, units=data.units)
    spec = pl.ModelSpec(inputs=(pl.InputSpec(kind="tabular", names=tuple(data.feature_names)),))
    asked: dict[str, Any] = {"target": pl.Output(0), "background": train, "class_names": [OUTCOME]}
    found = []
    for name, estimator in (("linear regression", LinearRegression()), ("support-vector machine", SVR(C=50, epsilon=10))):
        pipeline = make_pipeline(StandardScaler(), estimator).fit(train, parts.train.labels)
        reasons = pl.explain(pipeline, test, "integrated_gradients", spec=spec, **asked)
        found.append(Told(name, pl.evaluate(pipeline, test, truth, outputs="values"), reasons))
    net = network(table.apply(train), parts.train.labels)
    reasons = pl.explain(net, test, "integrated_gradients", preparation=table, **asked)
    return [*found, Told("small network", pl.evaluate(net, table.apply(test), truth, outputs="values"), reasons)]


def quality_scene(told: list[Told]) -> Scene:
    """The error of each model with its interval, beside that of always answering the mean."""
    metrics = [*(one.quality.metrics["rmse"] for one in told), told[0].quality.base_rate]
    names = [*(one.name for one in told), "always the mean"]
    value, low, high = (np.array([getattr(metric, side) for metric in metrics]) for side in ("value", "low", "high"))
    place = np.arange(len(names), dtype=float)
    best = int(value.argmin())
    beaten = all(one.quality.better_than_base_rate for one in told)
    overlap = "overlap" if low[:-1].max() <= high[:-1].min() else "differ"
    told_in_words = f"{names[best]} is off by {number(value[best])} on average, always answering the mean by {number(value[-1])}"
    panel = Panel(
        "quality",
        f"{'All three beat' if beaten else 'Not all beat'} the mean; their intervals {overlap}",
        told_in_words,
        Table(
            ("model", "root mean squared error", "low", "high"),
            tuple(zip(names, *(map(float, v) for v in (value, low, high)), strict=True)),
        ),
        (Bars("", place, np.zeros(len(names)), value, (*ROLES, "random"), tuple(names), low=low, high=high, thickness=0.6),),
        x=Axis(f"root mean squared error ({OUTCOME})", (0.0, float(high.max()) * 1.05)),
        y=Axis("", (-0.6, len(names) - 0.4), tuple(place), tuple(names), "category", reverse=True),
        subtitle=f"{told[0].quality.samples} patients that none of them was trained on",
    )
    return Scene("How good are they?", (panel,), told_in_words, notes=("Whiskers: 95 % interval of the error over patients",))


def agreement_scene(told: list[Told], features: tuple[str, ...]) -> Scene:
    """How much each feature matters to each model, and how alike the orders are."""
    return Scene(
        "Do they have the same reasons?",
        (importance_panel(told, features), correlation_panel(told), pair_panel(told, features)),
        said(told, features),
        subtitle=f"Integrated gradients from the mean training row, {len(told[0].explanation)} test rows",
        columns=2,
        notes=("Whiskers: 95 % interval of the mean over patients", "What a model uses is no cause in the world"),
    )


def importance_panel(told: list[Told], features: tuple[str, ...]) -> Panel:
    """Mean |attribution| by feature, three bars each."""
    order = np.argsort(-np.mean([one.sizes for one in told], 0))
    place, wide = np.arange(len(features), dtype=float), 0.26
    bars, most = [], 0.0
    for k, (one, role) in enumerate(zip(told, ROLES, strict=True)):
        sizes, half = one.sizes[order], half_intervals(np.abs(one.explanation.arrays[0].values))[order]
        labels = tuple(f"{one.name}, {features[f]}" for f in order)
        bars.append(
            Bars(one.name, place + (k - 1) * wide, np.zeros(len(place)), sizes, (role,) * len(place), labels,
                 thickness=wide * 0.9, low=sizes - half, high=sizes + half)
        )  # fmt: skip
        most = max(most, float((sizes + half).max()))
    names = tuple(features[f] for f in order)
    sizes = np.stack([one.sizes for one in told])
    odd = int(np.ptp(sizes, 0).argmax())
    ends = [f"{number(sizes[k, odd])} in the {told[k].name}" for k in (int(sizes[:, odd].argmax()), int(sizes[:, odd].argmin()))]
    title = f"{features[odd]} sets them apart: {', '.join(ends)}"
    rows = tuple((name, *(float(one.sizes[f]) for one in told)) for name, f in zip(names, order, strict=True))
    return Panel(
        "importance",
        title,
        f"Mean size of the attributions by feature; {names[0]} first.",
        Table(("feature", *(one.name for one in told)), rows),
        tuple(bars),
        x=Axis(f"mean |attribution| ({OUTCOME})", (0.0, most * 1.05)),
        y=Axis("", (-0.6, len(place) - 0.4), tuple(place), names, "category", reverse=True),
        legend=tuple(LegendEntry(one.name, role) for one, role in zip(told, ROLES, strict=True)),
    )


def correlation_panel(told: list[Told]) -> Panel:
    """Spearman's correlation of the mean sizes, each model with each."""
    ranks = correlations(told)
    count, names = len(told), tuple(one.name for one in told)
    scale = ColorScale("diverging", (-1.0, 1.0), "rank correlation")
    texts = tuple(
        Text(x, y, f"{ranks[y, x]:.2f}", "middle", "ink" if abs(ranks[y, x]) < 0.6 else "surface")
        for y in range(count)
        for x in range(count)
    )
    low = ranks[~np.eye(count, dtype=bool)].min()
    axis = Axis("", (-0.5, count - 0.5), tuple(map(float, range(count))), tuple(SHORT[name] for name in names), "category")
    return Panel(
        "correlation",
        f"Orders {'agree' if low >= 0.7 else 'differ'}: rank correlation from {low:.2f}",
        "Spearman's correlation between the models' mean attribution sizes.",
        Table(("", *names), tuple((name, *map(float, row)) for name, row in zip(names, ranks, strict=True))),
        (Image("rank correlation", (-0.5, count - 0.5, -0.5, count - 0.5), ranks, scale), *texts),
        x=axis,
        y=Axis("", (-0.5, count - 0.5), axis.ticks, axis.tick_labels, "category", reverse=True),
        scale=scale,
        equal=True,
    )


def pair_panel(told: list[Told], features: tuple[str, ...]) -> Panel:
    """Two features of which a model may take one for the other: what it gives to each of them in every row."""
    first, second = features.index("s1"), features.index("s2")
    shown = [(told[0], ROLES[0]), (told[2], ROLES[2])]
    marks, rows, most = [], [], 0.0
    for one, role in shown:
        values = one.explanation.arrays[0].values[:, [first, second]]
        together = float(np.corrcoef(values.T)[0, 1])
        marks.append(Points(one.name, values[:, 0], values[:, 1], role, radius=2.4))
        rows.append((one.name, *map(float, np.abs(values).mean(0)), together, float(np.abs(values.sum(1)).mean())))
        most = max(most, float(np.abs(values).max()) * 1.05)
    lines = (Line("", np.array([-most, most]), np.zeros(2), "line"), Line("", np.zeros(2), np.array([-most, most]), "line"))
    return Panel(
        "pair",
        f"In the linear regression s1 and s2 undo each other: {number(rows[0][1])} and {number(rows[0][2])}, together {number(rows[0][4])}",
        f"Attributions of s1 and s2 correlate by {rows[0][3]:.2f} in the linear regression.",
        Table(("model", "mean |s1|", "mean |s2|", "correlation", "mean |s1 + s2|"), tuple(rows)),
        (*lines, *marks),
        x=Axis("attribution of s1", (-most, most)),
        y=Axis("attribution of s2", (-most, most)),
        legend=tuple(LegendEntry(one.name, role, "point") for one, role in shown),
        equal=True,
    )


def correlations(told: list[Told]) -> np.ndarray:
    """Rank correlations of mean |attribution|, (model, model)."""
    return np.asarray(spearmanr(np.stack([one.sizes for one in told], 1)).statistic)


def row_agreement(first: Told, second: Told) -> float:
    """The mean over rows of the rank correlation of two models' signed attributions of one row."""
    pairs = zip(first.explanation.arrays[0].values, second.explanation.arrays[0].values, strict=True)
    return float(np.mean([spearmanr(*pair).statistic for pair in pairs]))


def said(told: list[Told], features: tuple[str, ...]) -> str:
    """The agreement in words."""
    ranks, sentences = correlations(told), []
    for i in range(len(told)):
        for j in range(i + 1, len(told)):
            same = row_agreement(told[i], told[j])
            pair = f"{told[i].name} and {told[j].name}"
            sentences.append(
                f"Between {pair} the rank correlation is {ranks[i, j]:.2f} over all rows and {same:.2f} within a row on average."
            )
    top = [", ".join(features[f] for f in np.argsort(-one.sizes)[:3]) for one in told]
    return " ".join([*(f"The {one.name} uses {three} most." for one, three in zip(told, top, strict=True)), *sentences])


def main(folder: Path) -> list[Told]:
    """Fits, measures, explains, draws and tells."""
    folder.mkdir(parents=True, exist_ok=True)
    data = pl.datasets.diabetes()
    told = models(data)
    features = tuple(data.feature_names)
    pictures = {"quality": quality_scene(told), "agreement": agreement_scene(told, features)}
    pictures |= {f"reasons-{one.name.replace(' ', '-')}": beeswarm(one.explanation) for one in told}
    for name, scene in pictures.items():
        sys.stdout.write(f"{save_png(scene, folder / f'{name}.png')}\n")
    for one in told:
        sys.stdout.write(f"\n{one.name}: {one.quality.summary()}\n{one.explanation.narrate('en', quality=one.quality)}\n")
    sys.stdout.write(f"\n{said(told, features)}\n")
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "table-three-models"))
