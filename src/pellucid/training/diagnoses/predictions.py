"""What the predictions of pinned rows give away: nothing learned, or one class for all."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtrc

from pellucid.training.diagnoses.evidence import Evidence
from pellucid.training.diagnoses.finding import Finding, Severity
from pellucid.training.diagnoses.trends import falling, warming

ROWS = 30  # pinned, fewer than which can not tell a weak network from a guessing one
FRAMES = 3  # in a row
LONG = 50  # steps, before which a network need not have learned anything
CHANCE = 0.01  # of calling a guessing network better: it is asked at many steps
CLEAR = 2.33  # standard errors by which scores favor the labels: the same level, one-sided
FOLLOWED = 0.4  # correlation of scores and labels from which the answers will follow
COMMON = 0.8  # of the pinned rows: where one class is more common than that, answering it alone may be right


def base_rate(evidence: Evidence) -> Finding | None:
    """Pinned rows that the network predicts no better than their most common class, or their mean, does."""
    if not _enough(evidence):
        return None
    seen, labels = evidence.predictions.last(FRAMES), classes(evidence)
    judged = [_estimated(f.outputs, evidence.labels) if labels is None else _classified(f.outputs, labels) for f in seen.frames]
    latest = judged[-1]
    if latest is None or any(one is None or one[1] < CHANCE for one in judged):
        return None
    leaning = () if labels is None else (("correlation", correlation(seen.frames[-1].outputs, labels)),)
    clear = CLEAR / (len(evidence.labels) - 1) ** 0.5
    if any(value > max(FOLLOWED, clear) for _, value in leaning):
        return None  # learned, although no answer may be right yet
    hits, chance, base = latest
    name = "no_better_than_mean" if labels is None else "no_better_than_base_rate"
    numbers = (("share", hits), ("base_share", base), ("p", chance), ("rows", float(len(evidence.labels))), *leaning)
    weak = any(value > clear for _, value in leaning)
    return Finding(name, "note" if weak else _on_its_way(evidence) or "warning", seen.span, numbers)


def collapse(evidence: Evidence) -> Finding | None:
    """One class for all pinned rows, though their labels differ."""
    labels = classes(evidence)
    if not _enough(evidence) or labels is None or np.bincount(labels).max() > COMMON * len(labels):
        return None
    seen = evidence.predictions.last(FRAMES)
    answers = [answer for frame in seen.frames for answer in _answers(frame.outputs)]
    told = np.unique(np.concatenate(answers))
    if len(told) > 1 or not all(np.isfinite(frame.outputs).all() for frame in seen.frames):
        return None
    numbers = (("class", float(told[0])), ("share", float((labels == told[0]).mean())), ("rows", float(len(labels))))
    return Finding("class_collapse", _on_its_way(evidence) or "error", seen.span, numbers)


def _enough(evidence: Evidence) -> bool:
    """Whether the network has had time to learn, and enough pinned rows and frames to show it."""
    steps = evidence.predictions.last(FRAMES).steps
    return len(steps) == FRAMES and steps[0] > 0 and steps[-1] >= LONG and len(evidence.labels) >= ROWS and not warming(evidence)


def _on_its_way(evidence: Evidence) -> Severity | None:
    """A note only, while the loss still falls."""
    return "note" if falling(evidence.loss.values) else None


def classes(evidence: Evidence) -> np.ndarray | None:
    """Labels as whole numbers where they are classes of the outputs, also where they were given as 0.0 and 1.0; else None."""
    labels, outputs = evidence.labels, evidence.predictions.frames[-1].outputs if len(evidence.predictions) else np.zeros(0)
    if labels.size != len(labels) or labels.dtype.kind not in "iubf" or outputs.ndim not in (1, 2) or len(outputs) != len(labels):
        return None
    flat = labels.reshape(-1)
    columns = outputs.size // max(len(outputs), 1)
    whole = bool(np.isfinite(flat).all()) and bool((flat == np.round(flat)).all())
    return flat.astype(np.int64) if whole and flat.min(initial=0) >= 0 and flat.max(initial=0) < max(columns, 2) else None


def _answers(outputs: np.ndarray) -> list[np.ndarray]:
    """The class of each row; one output is read in two ways, as log-odds and as a probability, since it may be either."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return [outputs.argmax(1)]
    return [(outputs.reshape(-1) > level).astype(np.int64) for level in (0.0, 0.5)]


def _classified(outputs: np.ndarray, labels: np.ndarray) -> tuple[float, float, float] | None:
    """Share of rows that are right, the chance of as many by guessing, and the base rate."""
    if not np.isfinite(outputs).all():
        return None
    base = float(np.bincount(labels).max() / len(labels))
    right = max(int((answers == labels).sum()) for answers in _answers(outputs))
    chance = 1.0 if right == 0 or base == 1 else float(bdtrc(right - 1, len(labels), base))
    return right / len(labels), chance, base


def correlation(outputs: np.ndarray, labels: np.ndarray) -> float:
    """How far rows score higher for their own class than others do, in -1..1.

    The sum of the scores that rows give to their class, each class less its mean, over the standard deviation that it has when labels are
    dealt to rows anew (Hoeffding 1951), and over the root of the rows: with two classes the correlation of scores and labels.
    """
    scores = outputs if outputs.ndim == 2 and outputs.shape[1] > 1 else np.stack([-outputs.reshape(-1), outputs.reshape(-1)], 1)
    scores = scores.astype(np.float64) - scores.mean(0)
    rows, counts = len(labels), np.bincount(labels, minlength=scores.shape[1])
    spread = ((scores - (scores @ counts / rows)[:, None]) ** 2 @ counts).sum() ** 0.5
    return float(scores[np.arange(rows), labels].sum() / spread) if spread else 0.0


def _estimated(outputs: np.ndarray, labels: np.ndarray) -> tuple[float, float, float] | None:
    """Share of rows nearer to the truth than the mean of all is, its chance by guessing, and one half."""
    if outputs.size != labels.size or outputs.size != len(outputs) or not np.isfinite(outputs).all() or labels.dtype.kind not in "fiu":
        return None
    truth, told = labels.reshape(-1).astype(np.float64), outputs.reshape(-1).astype(np.float64)
    nearer = int((np.abs(told - truth) < np.abs(truth.mean() - truth)).sum())
    return nearer / len(truth), 1.0 if nearer == 0 else float(bdtrc(nearer - 1, len(truth), 0.5)), 0.5
