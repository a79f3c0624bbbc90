"""How the layers of a network represent rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from pellucid.errors import InputError, MissingExtra, UnknownName
from pellucid.explanation.contents.representations import Representations
from pellucid.methods.layers import layer_shapes

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability, LayerShape

MOST = 12  # layers that are looked at where none are named
WIDE = 4096  # numbers of a row from which on maps and tokens are averaged over their places
FEWEST = 8  # rows
FOLDS, AXES = 5, 32  # of the probes: folds, and principal axes that a probe may use


@dataclass(frozen=True)
class LookAtRepresentations:
    """Maps, linear probes and similarities of layers, on at most ``samples`` of the given rows.

    A layer's representation of a row is all that it gives, or, where that is more than 4,096 numbers, the mean over places (pixels,
    tokens, steps) of each channel. Maps are the first two principal axes. A probe is a logistic regression on the layer's first 32
    principal axes, its accuracy cross-validated in 5 folds with a score interval (Wilson 1927): what can be read *linearly*, not what
    the network uses (Alain & Bengio 2016). Similarity is linear CKA (Kornblith et al. 2019, equation 6) with the unbiased estimate
    of HSIC (Song et al. 2012), which does not grow with the number of units.

    Raises:
        InputError: no data, or fewer than 8 rows.
        UnknownName: no such layer.
        MissingExtra: labels without scikit-learn.
    """

    layers: Sequence[str] | None = None
    samples: int = 1000

    id: ClassVar[str] = "representations"
    kind: ClassVar[Kind] = "layers"
    needs: ClassVar[frozenset[Capability]] = frozenset({"layers"})

    def look(self, inside: Inside) -> Representations:
        """What each layer makes of the rows."""
        evaluator = inside.rows("The representation of rows", need=f"at least {FEWEST} rows")
        if evaluator.rows < FEWEST:
            raise InputError("Too few rows are given to compare layers", received=str(evaluator.rows), remedy=f"give at least {FEWEST}")
        shapes = layer_shapes(evaluator)
        names = self._chosen(list(shapes))
        sizes = [int(np.prod(shapes[name].sizes)) for name in names]
        pooled = tuple(size > WIDE and len(shapes[name].sizes) > 1 for name, size in zip(names, sizes, strict=True))
        places = [places_of(shapes[name]) for name in names]
        chosen = np.sort(np.random.default_rng(evaluator.situation.seed).permutation(evaluator.rows)[: self.samples])
        found, outputs = gather(evaluator, names, [p if pool else () for p, pool in zip(places, pooled, strict=True)], chosen)
        labels = inside.labels[chosen] if inside.labels is not None else np.full(len(chosen), -1)
        predicted = outputs.argmax(1) if outputs.ndim == 2 and outputs.shape[1] > 1 else np.full(len(chosen), -1)
        maps, explained = zip(*(principal(one, 2) for one in found), strict=True)
        known = labels >= 0
        several = bool(known.any()) and len(np.unique(labels[known])) > 1
        probes = [probe(one[known], labels[known], evaluator.situation.seed) if several else (np.nan,) * 3 for one in found]
        kernels = [kernel(one) for one in found]
        base = np.bincount(labels[known]).max() / known.sum() if known.any() else np.nan
        right = (predicted[known] == labels[known]).mean() if known.any() and (predicted >= 0).all() else np.nan
        return Representations(
            layers=tuple(names),
            sizes=tuple((size, one.shape[1]) for size, one in zip(sizes, found, strict=True)),
            pooled=pooled,
            maps=np.stack(maps).astype(np.float32),
            explained=np.array([share[:2] for share in explained]),
            probes=np.array(probes, float),
            base=np.array([base]),
            own=np.array([right]),
            similarity=np.array([[cka(a, b) for b in kernels] for a in kernels]),
            labels=labels.astype(np.int64),
            predicted=predicted.astype(np.int64),
            class_names=evaluator.situation.spec.class_names,
            rows=len(chosen),
            given=evaluator.rows,
        )

    def _chosen(self, known: list[str]) -> list[str]:
        """The layers that were named, or up to :data:`MOST` of all, first and last among them."""
        if self.layers is None:
            return [known[i] for i in np.unique(np.linspace(0, len(known) - 1, MOST).round().astype(int))]
        for name in self.layers:
            if name not in known:
                raise UnknownName("layer", name, known)
        return list(self.layers)


def places_of(shape: LayerShape) -> tuple[int, ...]:
    """The axes of a layer's output along which the same units lie."""
    return tuple(range(1, len(shape.sizes))) if shape.channels_last else tuple(range(2, 1 + len(shape.sizes)))


def gather(
    evaluator: Evaluator, names: list[str], places: list[tuple[int, ...]], chosen: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """What each layer gives for the chosen rows, (row, number) in float64, averaged over ``places``; and the outputs."""
    parts: list[list[Tensor]] = [[] for _ in names]
    outputs: list[Tensor] = []
    index = torch.from_numpy(chosen).to(evaluator.device)

    def look(rows: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        batch = tuple(value[rows] for value in evaluator.values)
        return evaluator.bound.layer_outputs(batch, rows, layers=tuple(names))

    for at, _ in evaluator.pairs(1, "layers", rows=len(chosen)):
        rows = index[at]
        out, layers = evaluator.run("layers", look, rows)
        outputs.append(out.double().cpu())
        for kept, one, over in zip(parts, layers, places, strict=True):
            kept.append((one.double().mean(over) if over else one.double()).flatten(1).cpu())
    return [torch.cat(kept).numpy() for kept in parts], torch.cat(outputs).numpy()


def principal(values: np.ndarray, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (row, axis) on the first principal axes, the sign such that the largest is positive; and the shares of variance."""
    centered = values - values.mean(0)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    total = float((sizes**2).sum())
    found = np.zeros((len(values), axes))
    count = min(axes, len(sizes))
    found[:, :count] = left[:, :count] * sizes[:count]
    signs = np.where(np.abs(found.max(0)) >= np.abs(found.min(0)), 1.0, -1.0)
    shares = np.zeros(max(axes, len(sizes)))
    shares[: len(sizes)] = sizes**2 / total if total else 0.0
    return found * signs, shares[:axes]


def probe(values: np.ndarray, labels: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The accuracy of a linear probe on rows that it was not fitted to, with its 95 % interval."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import KFold
    except ImportError as error:
        raise MissingExtra("scikit-learn", "data") from error
    hits = 0
    folds = KFold(min(FOLDS, len(labels)), shuffle=True, random_state=seed)
    for train, test in folds.split(values):
        if len(np.unique(labels[train])) < 2:
            hits += int((labels[test] == labels[train][0]).sum())
            continue
        mean, scale = values[train].mean(0), values[train].std(0)
        own, other = ((values[part] - mean) / np.where(scale > 0, scale, 1) for part in (train, test))
        _, sizes, axes = np.linalg.svd(own, full_matrices=False)
        used = axes[:AXES][sizes[:AXES] > 1e-9 * max(sizes[0], 1e-300)]
        spread = np.sqrt(len(own)) / sizes[: len(used)]
        fitted = LogisticRegression(max_iter=1000).fit(own @ used.T * spread, labels[train])
        hits += int((fitted.predict(other @ used.T * spread) == labels[test]).sum())
    interval = binomtest(hits, len(labels)).proportion_ci(method="wilson")
    return hits / len(labels), float(interval.low), float(interval.high)


def kernel(values: np.ndarray) -> np.ndarray:
    """Inner products of rows (row, row) about their mean, the diagonal left out."""
    centered = values - values.mean(0)
    found = centered @ centered.T
    np.fill_diagonal(found, 0)
    return found


def cka(first: np.ndarray, second: np.ndarray) -> float:
    """Debiased linear CKA of two kernels without diagonal; not-a-number where a layer does not vary."""
    size = _hsic(first, first) * _hsic(second, second)
    return float(_hsic(first, second) / np.sqrt(size)) if size > 0 else float("nan")


def _hsic(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimate (Song et al. 2012, equation 5), up to a factor that cancels."""
    n = len(first)
    both = float((first * second).sum())
    ends = float(first.sum() * second.sum()) / ((n - 1) * (n - 2))
    return both + ends - 2 / (n - 2) * float(first.sum(0) @ second.sum(0))
