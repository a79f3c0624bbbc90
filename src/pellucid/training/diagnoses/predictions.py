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
CLEAR = 2.33  # standard errors: the same level, one-sided
COMMON = 0.8  # of the pinned rows: where one class is more common than that, answering it alone may be right


def base_rate(evidence: Evidence) -> Finding | None:
    """Pinned rows that the network predicts no better than their most common class, or their mean, does."""
    seen = evidence.predictions.last(FRAMES)
    if not _enough(evidence):
        return None
    judged = [_classified(frame.outputs, evidence.labels) for frame in seen.frames] if _classes(evidence) else None
    judged = [_estimated(frame.outputs, evidence.labels) for frame in seen.frames] if judged is None else judged
    if any(one is None or one[1] < CHANCE for one in judged) or judged[-1] is None:
        return None
    hits, chance, base = judged[-1]
    name = "no_better_than_base_rate" if _classes(evidence) else "no_better_than_mean"
    numbers = (("share", hits), ("base_share", base), ("p", chance), ("rows", float(len(evidence.labels))))
    return Finding(name, _on_its_way(evidence) or "warning", seen.span, numbers)


def collapse(evidence: Evidence) -> Finding | None:
    """One class for all pinned rows, though their labels differ."""
    seen = evidence.predictions.last(FRAMES)
    if not _enough(evidence) or not _classes(evidence):
        return None
    answers = [_answers(frame.outputs) for frame in seen.frames]
    if not all(np.isfinite(frame.outputs).all() for frame in seen.frames) or len({int(a) for one in answers for a in np.unique(one)}) > 1:
        return None
    told = int(answers[-1][0])
    share = float((evidence.labels == told).mean())
    if np.bincount(evidence.labels.astype(np.int64)).max() > COMMON * len(evidence.labels):
        return None
    numbers = (("class", float(told)), ("share", share), ("rows", float(len(evidence.labels))))
    return Finding("class_collapse", _on_its_way(evidence) or "error", seen.span, numbers)


def _enough(evidence: Evidence) -> bool:
    """Whether the network has had time to learn, and enough pinned rows and frames to show it."""
    steps = evidence.predictions.last(FRAMES).steps
    return len(steps) == FRAMES and steps[0] > 0 and steps[-1] >= LONG and len(evidence.labels) >= ROWS and not warming(evidence)


def _on_its_way(evidence: Evidence) -> Severity | None:
    """A note only, while the loss still falls."""
    return "note" if falling(evidence.loss.values) else None


def _classes(evidence: Evidence) -> bool:
    """Whether labels are classes of the outputs."""
    labels = evidence.labels
    if labels.dtype.kind not in "iub" or labels.ndim != 1 or not len(evidence.predictions):
        return False
    outputs = evidence.predictions.frames[-1].outputs
    columns = outputs.shape[1] if outputs.ndim == 2 else 1
    return outputs.ndim <= 2 and labels.min(initial=0) >= 0 and labels.max(initial=0) < max(columns, 2)


def _answers(outputs: np.ndarray) -> np.ndarray:
    """The class of each row; one output is read as a probability where all lie between 0 and 1, else as log-odds."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(1)
    column = outputs.reshape(-1)
    return (column > (0.5 if column.min() >= 0 and column.max() <= 1 else 0.0)).astype(np.int64)


def _classified(outputs: np.ndarray, labels: np.ndarray) -> tuple[float, float, float] | None:
    """Share of rows that are right, the chance of as many or of scores so much in favor of the labels by guessing, and the base rate."""
    if not np.isfinite(outputs).all():
        return None
    base = float(np.bincount(labels.astype(np.int64)).max() / len(labels))
    right = int((_answers(outputs) == labels).sum())
    chance = 1.0 if right == 0 or base == 1 else float(bdtrc(right - 1, len(labels), base))
    return right / len(labels), 0.0 if _favored(outputs, labels) else chance, base


def _favored(outputs: np.ndarray, labels: np.ndarray) -> bool:
    """Whether rows score higher for their class than others do: learned, although no answer may be right yet."""
    scores = outputs if outputs.ndim == 2 and outputs.shape[1] > 1 else np.stack([-outputs.reshape(-1), outputs.reshape(-1)], 1)
    scores = scores.astype(np.float64) - scores.mean(0)
    own = scores[np.arange(len(labels)), labels.astype(np.int64)]
    error = own.std() / np.sqrt(len(own))
    return bool(own.mean() > CLEAR * error)


def _estimated(outputs: np.ndarray, labels: np.ndarray) -> tuple[float, float, float] | None:
    """Share of rows nearer to the truth than the mean of all is, its chance by guessing, and one half."""
    if outputs.size != labels.size or not np.isfinite(outputs).all() or labels.dtype.kind not in "fiu":
        return None
    truth, told = labels.reshape(-1).astype(np.float64), outputs.reshape(-1).astype(np.float64)
    nearer = int((np.abs(told - truth) < np.abs(truth.mean() - truth)).sum())
    return nearer / len(truth), 1.0 if nearer == 0 else float(bdtrc(nearer - 1, len(truth), 0.5)), 0.5
