"""How far LIME's answers agree from seed to seed, what it refuses, and what it costs: ``python -m benchmarks.lime``.

Fifty rows of the breast-cancer data, a network and a forest, at most 1,000 samples a row, ten seeds. An explanation is *accepted*
where LIME itself does not refuse it; *forced* means that the values of a refused one are read all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

import pellucid as pl
from benchmarks.machine import described
from benchmarks.pairing import Ratio, alternate, ratio

ROWS, SEEDS, TOP, ROUNDS = 50, 10, 5, 12
Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Subject:
    """A model in the three forms that are needed: for Pellucid, as a function to probabilities for the peer, and as bare calls."""

    name: str
    model: Any
    probabilities: Predict
    bare: Predict
    rows: Any


@dataclass(frozen=True)
class Answers:
    """What a method said about every row with every seed.

    Attributes:
        values: (seed, row, feature).
        refused: (seed, row).
        r2, samples, widths: (seed, row).
    """

    values: np.ndarray
    refused: np.ndarray
    r2: np.ndarray
    samples: np.ndarray
    widths: np.ndarray


def subjects() -> tuple[list[Subject], np.ndarray]:
    """The two models, trained on standardized columns, with the rows to explain; and the training rows."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    x, y = load_breast_cancer(return_X_y=True)
    train, test, labels, _ = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
    mean, scale = train.mean(0), train.std(0)
    train, rows = (train - mean) / scale, ((test - mean) / scale)[:ROWS]
    net = network(train, labels)
    forest = RandomForestClassifier(random_state=0).fit(train, labels)

    def bare(points: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(points)).numpy()

    def soft(points: np.ndarray) -> np.ndarray:
        return torch.from_numpy(bare(points.astype(np.float32))).double().softmax(1).numpy()

    tensors = torch.from_numpy(rows.astype(np.float32))
    return [
        Subject("MLP 30-64-64-2", net, soft, bare, tensors),
        Subject("forest of 100 trees", forest.predict_proba, forest.predict_proba, forest.predict_proba, rows),
    ], train


def network(rows: np.ndarray, labels: np.ndarray) -> nn.Module:
    """A small ReLU network, trained."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    x, y = torch.from_numpy(rows.astype(np.float32)), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, weight_decay=1e-4)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net.eval()


def explained(subject: Subject, train: np.ndarray, seed: int) -> pl.Explanation:
    """All rows at once."""
    return pl.explain(subject.model, subject.rows, pl.LIME(), background=train, seed=seed, checks="none")


def ours(subject: Subject, train: np.ndarray) -> Answers:
    """Pellucid with its defaults."""
    found = [explained(subject, train, seed) for seed in range(SEEDS)]
    fits = [one.check("local_fit") for one in found]
    return Answers(
        np.stack([one.arrays[0].values for one in found]),
        np.array([[verdict.level == "refused" for verdict in one.verdicts] for one in found]),
        np.stack([fit.value for fit in fits]),
        np.stack([fit.curves[1].values for fit in fits]),
        np.stack([fit.curves[0].values for fit in fits]),
    )


def theirs(subject: Subject, train: np.ndarray) -> Answers:
    """The lime package with its defaults, but 1,000 samples."""
    from lime.lime_tabular import LimeTabularExplainer

    rows = np.asarray(subject.rows, np.float64)
    column = subject.probabilities(rows).argmax(1)
    values, r2 = np.zeros((SEEDS, ROWS, rows.shape[1])), np.zeros((SEEDS, ROWS))
    for seed in range(SEEDS):
        explainer = LimeTabularExplainer(train, mode="classification", random_state=seed)
        for number, row in enumerate(rows):
            label = int(column[number])
            found = explainer.explain_instance(row, subject.probabilities, labels=(label,), num_features=rows.shape[1], num_samples=1000)
            values[seed, number, [k for k, _ in found.as_map()[label]]] = [v for _, v in found.as_map()[label]]
            r2[seed, number] = found.score[label] if isinstance(found.score, dict) else found.score
    width = 0.75 * np.sqrt(rows.shape[1])  # its kernel's, in standard deviations
    return Answers(values, np.zeros((SEEDS, ROWS), bool), r2, np.full((SEEDS, ROWS), 1000.0), np.full((SEEDS, ROWS), width))


def overlap(values: np.ndarray) -> float:
    """Mean pairwise Jaccard of the strongest features of one row over seeds (seed, feature); not-a-number for fewer than two."""
    chosen = [set(np.argsort(-np.abs(one), kind="stable")[:TOP].tolist()) for one in values]
    pairs = [len(a & b) / len(a | b) for i, a in enumerate(chosen) for b in chosen[i + 1 :]]
    return float(np.mean(pairs)) if pairs else float("nan")


HEADINGS = (
    "model",
    "method",
    "samples, median (most)",
    "width",
    "R2, median [least]",
    "refused",
    "top-5 Jaccard, accepted",
    "forced, all rows",
)


def line(subject: Subject, method: str, found: Answers) -> tuple[str, ...]:
    """One row of the table."""
    accepted = [overlap(found.values[~found.refused[:, row], row]) for row in range(ROWS)]
    forced = [overlap(found.values[:, row]) for row in range(ROWS)]
    widths = ", ".join(f"{width:g}" for width in np.unique(found.widths))
    return (
        subject.name,
        method,
        f"{np.median(found.samples):.0f} ({found.samples.max():.0f})",
        widths,
        f"{np.median(found.r2):.2f} [{found.r2.min():.2f}]",
        f"{found.refused.mean():.1%}" if method == "pellucid" else "never",
        f"{np.nanmean(accepted):.3f}",
        f"{np.mean(forced):.3f}",
    )


def refusals(subject: Subject, found: Answers) -> list[str]:
    """Every row that was refused with any seed: how often, and how its strongest features agree when it is forced."""
    said = [f"{subject.name}, rows refused with at least one of {SEEDS} seeds (times refused; top-5 Jaccard over all seeds when forced):"]
    refused = np.flatnonzero(found.refused.any(0))
    said += [f"- row {row}: {found.refused[:, row].sum()}; {overlap(found.values[:, row]):.3f}" for row in refused]
    return said if len(said) > 1 else [f"{subject.name}: no row was refused"]


def cost(subject: Subject, train: np.ndarray) -> tuple[Ratio, Ratio, int]:
    """CPU time over that of the bare evaluations of as many rows, in their best batches; the floor over itself; and how many rows."""
    for _ in range(4):  # the batch size settles
        rows = explained(subject, train, 0).provenance.evaluations
    points = np.random.default_rng(0).normal(size=(rows, train.shape[1])).astype(np.asarray(subject.rows).dtype)
    sizes = {size: partial(floor, subject.bare, points, size) for size in (512, 1024, 2048, 4096, 16384)}
    best = min(sizes, key=lambda size: alternate({"floor": sizes[size]}, 3)["floor"].min())
    seconds = alternate({"floor": sizes[best], "ours": partial(explained, subject, train, 0), "again": sizes[best]}, ROUNDS)
    return ratio(seconds["ours"], seconds["floor"]), ratio(seconds["again"], seconds["floor"]), rows


def floor(bare: Predict, points: np.ndarray, size: int) -> None:
    """The evaluations and nothing else."""
    for start in range(0, len(points), size):
        bare(points[start : start + size])


def main() -> None:
    """Measures, prints and writes ``results/lime.md``."""
    torch.set_num_threads(1)
    console = Console(width=max(150, Console().width))
    made, train = subjects()
    table = Table(*HEADINGS)
    lines: list[tuple[str, ...]] = []
    notes: list[str] = []
    for subject in made:
        found = ours(subject, train)
        lines.append(line(subject, "pellucid", found))
        notes += ["", *refusals(subject, found)]
        if find_spec("lime") is not None:
            lines.append(line(subject, "lime", theirs(subject, train)))
        whole, again, rows = cost(subject, train)
        notes.append(
            f"\n{subject.name}: {ROWS} rows at once, {rows:,} evaluations: {whole} of the bare evaluations' CPU time (A/A {again})"
        )
    for cells in lines:
        table.add_row(*cells)
    console.print(table)
    console.print("\n".join(notes), markup=False, highlight=False)
    text = ["# LIME on 50 rows of the breast-cancer data", "", *described("python -m benchmarks.lime", PACKAGES), "", *CAPTION]
    text += [
        "| " + " | ".join(HEADINGS) + " |",
        "|---" * len(HEADINGS) + "|",
        *("| " + " | ".join(cells) + " |" for cells in lines),
        *notes,
    ]
    (Path(__file__).parent / "results" / "lime.md").write_text("\n".join(text) + "\n", encoding="utf-8")


PACKAGES = ("torch", "numpy", "scikit-learn", "lime", "pellucid")
CAPTION = (
    "Ten seeds; at most 1,000 samples a row. The peer explains the probability with its defaults (quartile bins, kernel width",
    ".75 times the root of the number of features), 1,000 samples; Pellucid the logit of the network and the probability of the",
    "forest. The peer's R2 is that of its weighted fit, not adjusted. A width is the probability that a feature is replaced.",
    "",
)

if __name__ == "__main__":
    main()
