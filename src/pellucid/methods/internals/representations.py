"""How the layers of a network represent rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from pellucid.errors import InputError, MissingExtra, UnknownName
from pellucid.explanation.contents.representations import Neighborhoods, OtherNetwork, Representations
from pellucid.methods.internals.layouts import principal
from pellucid.methods.internals.representations_neighbors import neighborhoods
from pellucid.methods.internals.representations_relations import relations
from pellucid.methods.internals.representations_similarity import chance, kernel, matrix
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
    """Maps, linear probes and similarities of layers, on at most ``samples`` rows; of a table how features and outputs go together.

    A layer's representation of a row is all that it gives, or, where that is more than 4,096 numbers, the mean over places (pixels,
    tokens, steps) of each channel. Maps are the first two principal axes, and for the layers in ``tsne`` also a t-SNE of at most 500 rows
    with its trustworthiness (Venna & Kaski 2001): that near rows are near there too. A probe is a logistic regression on the layer's
    first 32 principal axes, its accuracy cross-validated in 5 folds with a score interval (Wilson 1927): what can be read *linearly*, not
    what the network uses (Alain & Bengio 2016). Similarity is linear CKA (Kornblith et al. 2019, equation 6) with the unbiased estimate
    of HSIC (Song et al. 2012), which does not grow with the number of units; with ``other`` also between the layers of two networks on
    the same rows, beside what chance would give. Of flat inputs of at most 100 features: Spearman's rank correlation of each with each
    output, with a 95 % interval (Bonett & Wright 2000), and the mean gradient.

    What it does not show: sizes of clusters in a t-SNE and distances between them mean little (Wattenberg et al. 2016). A relation over
    rows is no cause: a feature that the network never reads is related to the output if it goes together with one that it reads, and one
    that acts in both directions may have a correlation of 0.

    Attributes:
        layers: that are looked at; twelve at even depths, the first and the last among them, if not given.
        samples: rows.
        tsne: layers of which there is a t-SNE; the last before the outputs if not given (where scikit-learn is installed).
        other: another network that takes the same rows.

    Raises:
        InputError: no data, fewer than 8 rows, or a network without layers.
        UnknownName: no such layer.
        MissingExtra: labels, or ``tsne``, without scikit-learn.
    """

    layers: Sequence[str] | None = None
    samples: int = 1000
    tsne: Sequence[str] | None = None
    other: Any = field(default=None, repr=False, compare=False)

    id: ClassVar[str] = "representations"
    kind: ClassVar[Kind] = "layers"
    needs: ClassVar[frozenset[Capability]] = frozenset({"layers"})

    def look(self, inside: Inside) -> Representations:
        """What each layer makes of the rows."""
        evaluator = inside.rows("The representation of rows", need=f"at least {FEWEST} rows")
        if evaluator.rows < FEWEST:
            raise InputError("Too few rows are given to compare layers", received=str(evaluator.rows), remedy=f"give at least {FEWEST}")
        seed = evaluator.situation.seed
        chosen = np.sort(np.random.default_rng(seed).permutation(evaluator.rows)[: self.samples])
        seen = represented(evaluator, chosen, self.layers)
        outputs = seen.outputs
        labels = inside.labels[chosen] if inside.labels is not None else np.full(len(chosen), -1)
        predicted = outputs.argmax(1) if outputs.ndim == 2 and outputs.shape[1] > 1 else np.full(len(chosen), -1)
        maps, explained = zip(*(principal(one, 2) for one in seen.values), strict=True)
        known = labels >= 0
        several = bool(known.any()) and len(np.unique(labels[known])) > 1
        probes = [probe(one[known], labels[known], seed) if several else (np.nan,) * 3 for one in seen.values]
        kernels = [kernel(one) for one in seen.values]
        base = np.bincount(labels[known]).max() / known.sum() if known.any() else np.nan
        right = (predicted[known] == labels[known]).mean() if known.any() and (predicted >= 0).all() else np.nan
        return Representations(
            layers=seen.layers,
            sizes=tuple((size, one.shape[1]) for size, one in zip(seen.sizes, seen.values, strict=True)),
            pooled=seen.pooled,
            maps=np.stack(maps).astype(np.float32),
            explained=np.array([share[:2] for share in explained]),
            probes=np.array(probes, float),
            base=np.array([base]),
            own=np.array([right]),
            similarity=matrix(kernels, kernels),
            labels=labels.astype(np.int64),
            predicted=predicted.astype(np.int64),
            class_names=evaluator.situation.spec.class_names,
            rows=len(chosen),
            given=evaluator.rows,
            neighborhoods=self._neighborhoods(seen, seed),
            other=self._beside(inside, kernels, chosen) if self.other is not None else None,
            relations=relations(evaluator, outputs, chosen),
        )

    def _neighborhoods(self, seen: Represented, seed: int) -> tuple[Neighborhoods, ...]:
        names = seen.layers[max(-2, -len(seen.layers)) :][:1] if self.tsne is None else self.tsne
        found = []
        for name in names:
            if name not in seen.layers:
                raise UnknownName("layer", name, seen.layers)
            try:
                found.append(neighborhoods(name, seen.values[seen.layers.index(name)], seed))
            except MissingExtra:
                if self.tsne is not None:
                    raise
        return tuple(one for one in found if one is not None)

    def _beside(self, inside: Inside, kernels: list[np.ndarray], chosen: np.ndarray) -> OtherNetwork:
        model, evaluator = inside.another(self.other)
        named = self.layers if self.layers is not None and set(self.layers) <= set(layer_shapes(evaluator)) else None
        theirs = represented(evaluator, chosen, named)
        similar = matrix(kernels, [kernel(one) for one in theirs.values])
        return OtherNetwork(model.name, model.fingerprint(), theirs.layers, similar, chance(len(chosen)))


@dataclass(frozen=True, eq=False)
class Represented:
    """Layers in order of execution, what each gives for the rows as (row, number), of how many numbers, and the outputs."""

    layers: tuple[str, ...]
    values: list[np.ndarray]
    sizes: tuple[int, ...]
    pooled: tuple[bool, ...]
    outputs: np.ndarray


def represented(evaluator: Evaluator, chosen: np.ndarray, layers: Sequence[str] | None) -> Represented:
    """The chosen rows as ``layers`` represent them, or as up to :data:`MOST` of all layers, the first and the last among them."""
    shapes = layer_shapes(evaluator)
    known = list(shapes)
    if not known:
        remedy = "give the network that it is a part of, or nn.Sequential(it)"
        raise InputError("This network has no layers to look at", received="a module without modules inside", remedy=remedy)
    names = list(layers) if layers is not None else [known[i] for i in np.unique(np.linspace(0, len(known) - 1, MOST).round().astype(int))]
    for name in names:
        if name not in shapes:
            raise UnknownName("layer", name, known)
    sizes = tuple(int(np.prod(shapes[name].sizes)) for name in names)
    pooled = tuple(size > WIDE and len(shapes[name].sizes) > 1 for name, size in zip(names, sizes, strict=True))
    places = [places_of(shapes[name]) if pool else () for name, pool in zip(names, pooled, strict=True)]
    values, outputs = gather(evaluator, names, places, chosen)
    return Represented(tuple(names), values, sizes, pooled, outputs)


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
