"""Units that can never matter, and units that are there twice: from the weights alone, with limits that chance sets.

Two units are near-duplicates where, scaled to incoming weights of norm 1, they differ by at most :data:`NEAR`, biases included and batch
normalization folded in. (A cosine of weights and bias together would call units alike that share nothing but a large bias.) In few
dimensions chance brings units as near. The directions that lie within a distance t of a given one are at most half of t^(d - 1) of all
in d dimensions (a cap lies within a ball of that radius; biases only make it rarer), so that with n units the limit is lowered to where
one of them has a neighbor by chance with probability :data:`CHANCE` at most. The dimension is not the number of weights but that of the
directions that the layer's units do take: one over the mean squared cosine of two of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.explanation.contents.weights import LayerUnits
from pellucid.methods.internals.weights_flow import Course
from pellucid.models.effective_weights import Convolution, Recurrent, TransposedConvolution, as_matrix, effective, on_cpu

NEAR = 0.1
CHANCE = 1e-3
WORK = 1 << 36  # multiplications that comparing the units of one layer may take: of more units a draw is compared
BLOCK = 512
CANDIDATES = 4  # for the nearest unit, found in the weights' own precision and then compared in double
ACTIVATIONS = {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish"} | {
    "hardsigmoid", "sigmoid", "tanh", "softplus", "softsign"
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Incoming:
    """Units with their incoming weights (unit, input) and biases (unit, bias); only units of one of ``groups`` can be compared.

    ``path`` is that of the module, "" for recurrent layers, whose units have weights and biases for several gates.
    """

    layer: str
    type: str
    weights: Tensor
    biases: Tensor
    groups: int
    dtype: torch.dtype
    path: str


def units(net: nn.Module, chosen: frozenset[str], courses: dict[str, Course], generator: torch.Generator) -> list[LayerUnits]:
    """What can be said of the units of the dense, convolutional and recurrent layers among the ``chosen`` paths."""
    modules = dict(net.named_modules())
    return [
        _judged(one, modules, courses.get(one.path, Course(whole=False)), generator)
        for path, module in modules.items()
        if path in chosen
        for one in _incoming(path, module)
    ]


def limit(units: int, dimension: float, precision: float) -> float:
    """The difference up to which two of ``units`` count as near-duplicates; never less than rounding needs."""
    if dimension <= 1:
        return 2 * precision
    chance = (2 * CHANCE / max(units - 1, 1)) ** (1 / (dimension - 1))
    return min(NEAR, max(chance, 2 * precision))


def _incoming(path: str, module: nn.Module) -> Iterator[Incoming]:
    tensors = {name: value for name, value, _ in effective(module) if value.is_floating_point()}
    kind = type(module).__name__
    if isinstance(module, (nn.Linear, nn.Bilinear, Convolution)) and "weight" in tensors:
        weights = as_matrix(module, on_cpu(tensors["weight"]))
        biases = on_cpu(tensors["bias"])[:, None] if "bias" in tensors else weights[:, :0]
        yield Incoming(path, kind, weights, biases, getattr(module, "groups", 1), tensors["weight"].dtype, path)
    elif isinstance(module, Recurrent):
        for end in sorted(name.removeprefix("weight_ih") for name in tensors if name.startswith("weight_ih")):
            # a unit's rows of all gates, one after another
            weights, biases = (
                torch.cat([_by_unit(on_cpu(tensors[part + end]), module.hidden_size) for part in parts if part + end in tensors], 1)
                if parts[0] + end in tensors
                else torch.zeros(module.hidden_size, 0)
                for parts in (("weight_ih", "weight_hh"), ("bias_ih", "bias_hh"))
            )
            name = f"{path}{end.replace('_', '.')}" if path else end.strip("_").replace("_", ".")
            yield Incoming(name or path or kind, kind, weights, biases, 1, tensors[f"weight_ih{end}"].dtype, "")


def _by_unit(rows: Tensor, units: int) -> Tensor:
    """(unit, gate and input) of the rows of all gates (gate and unit, input)."""
    return rows.reshape(len(rows) // units, units, -1).transpose(0, 1).flatten(1)


def _judged(one: Incoming, modules: dict[str, nn.Module], course: Course, generator: torch.Generator) -> LayerUnits:
    one = _folded(one, modules[course.normalization]) if course.normalization else one
    smallest = float(torch.finfo(torch.float64 if one.dtype == torch.float64 else torch.float32).eps)
    norms, biases = one.weights.double().norm(dim=1), one.biases.double().norm(dim=1)
    known = torch.isfinite(norms) & torch.isfinite(biases)
    largest = norms[known].max() if known.any() else norms.new_zeros(())
    still = known & ((norms <= smallest * largest) | (norms <= smallest * biases))
    off = still & (_given(one, modules, course) == 0) if still.any() else still
    outgoing = _outgoing(course, modules, len(norms))
    compared = Compared.of(one, norms, known & ~still, generator)
    return LayerUnits(
        layer=one.layer,
        type=one.type,
        fan_in=one.weights.shape[1] + one.biases.shape[1],
        compared=compared.count,
        norms=norms.numpy(),
        outgoing=outgoing.norm(dim=1).numpy() if outgoing is not None else np.full(len(norms), np.nan),
        nearest=compared.nearest.numpy(),
        difference=compared.difference.numpy(),
        outgoing_cosine=_outgoing_cosines(outgoing, compared.nearest),
        dimension=compared.dimension,
        limit=compared.limit,
        by_chance=compared.limit < NEAR,
        smallest=smallest,
        silent=_silent(outgoing, smallest),
        off=_places(off),
        constant=_places(still & ~off),
        normalization=course.normalization,
        activation=course.activation,
        next=tuple(course.next) if course.whole else (),
    )


def _folded(one: Incoming, norm: nn.Module) -> Incoming:
    """The incoming weights with the batch normalization that follows them: what the activation really gets."""
    mean, variance = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    if mean is None or variance is None or len(mean) != len(one.weights):
        return one
    scale = (on_cpu(variance) + norm.eps).rsqrt()  # type: ignore[operator, arg-type]
    scale = scale * on_cpu(norm.weight) if getattr(norm, "weight", None) is not None else scale  # type: ignore[arg-type]
    bias = (one.biases.sum(1) - on_cpu(mean)) * scale
    bias = bias + on_cpu(norm.bias) if getattr(norm, "bias", None) is not None else bias  # type: ignore[arg-type]
    return replace(one, weights=one.weights * scale[:, None], biases=bias[:, None])


def _outgoing(course: Course, modules: dict[str, nn.Module], count: int) -> Tensor | None:
    """Every unit's outgoing weights (unit, weight), in double precision; None where not all are known."""
    if not course.whole or not course.next:
        return None
    parts = [_columns(modules[path], inner) for path, inner in course.next.items()]
    return torch.cat(parts, 1) if all(len(part) == count for part in parts) else None


def _columns(module: nn.Module, inner: int) -> Tensor:
    """The weights by which a layer reads each of its input units (unit, weight)."""
    weight = on_cpu(next(value for name, value, _ in effective(module) if name == "weight")).double()
    if isinstance(module, TransposedConvolution):
        return weight.flatten(1)
    if isinstance(module, Convolution):
        split = weight.reshape(module.groups, weight.shape[0] // module.groups, weight.shape[1], -1)
        return split.transpose(1, 2).reshape(module.groups * weight.shape[1], -1)
    return weight.T.reshape(weight.shape[1] // inner, -1)


def _silent(outgoing: Tensor | None, smallest: float) -> tuple[int, ...]:
    if outgoing is None:
        return ()
    norms = outgoing.norm(dim=1)
    return _places(norms <= smallest * norms.max())


def _places(chosen: Tensor) -> tuple[int, ...]:
    return tuple(torch.nonzero(chosen).flatten().tolist())


def _given(one: Incoming, modules: dict[str, nn.Module], course: Course) -> Tensor:
    """What each unit gives when it gets nothing (unit,): its activation of its bias; not-a-number where the activation is not known."""
    if not one.path:
        return one.biases.norm(dim=1)  # a recurrent unit without weights and biases keeps the 0 that it starts from
    bias = one.biases.sum(1)
    if not course.activation:
        return bias
    module = modules[course.activated]
    if not any(module.children()) and not any(module.parameters()):
        return module(bias)
    if course.activation in ACTIVATIONS:
        return getattr(torch.nn.functional, course.activation)(bias)
    return torch.full_like(bias, torch.nan)


def _outgoing_cosines(outgoing: Tensor | None, nearest: Tensor) -> np.ndarray:
    found = torch.full((len(nearest),), torch.nan, dtype=torch.float64)
    there = nearest >= 0
    if outgoing is not None:
        ours, theirs = outgoing[there], outgoing[nearest[there]]
        found[there] = (ours * theirs).sum(1) / (ours.norm(dim=1) * theirs.norm(dim=1))
    return found.numpy()


@dataclass(frozen=True, eq=False)
class Compared:
    """Every unit's nearest other one and the difference from it, and the limit of the layer."""

    nearest: Tensor
    difference: Tensor
    count: int
    dimension: float
    limit: float

    @staticmethod
    def of(one: Incoming, norms: Tensor, there: Tensor, generator: torch.Generator) -> Compared:
        """Compares the units that are ``there``, a draw of them where they are very many."""
        total = len(there)
        rows = torch.nonzero(there).flatten()
        most = math.isqrt(WORK // (one.weights.shape[1] + BLOCK // 8))  # what is done with each product counts as well
        if len(rows) > most:
            rows = rows[torch.randperm(len(rows), generator=generator)[:most].sort().values]
        group = rows // (total // one.groups)
        scale = (1 / norms[rows]).to(one.weights.dtype)[:, None]
        best, apart, squares, pairs = _nearest(one.weights[rows] * scale, one.biases[rows] * scale, group)
        nearest = torch.full((total,), -1, dtype=torch.long)
        nearest[rows] = torch.where(best >= 0, rows[best.clamp_min(0)], -1)
        difference = torch.full((total,), torch.nan, dtype=torch.float64)
        difference[rows] = torch.where(best >= 0, apart, torch.nan)
        fan_in = one.weights.shape[1]
        dimension = min(max(pairs / squares, 1.0), float(fan_in)) if squares > 0 else float(fan_in)
        together = int(torch.bincount(group).max()) if len(group) else 0
        return Compared(nearest, difference, len(rows), dimension, limit(together, dimension, torch.finfo(one.dtype).eps))


def _nearest(directions: Tensor, biases: Tensor, group: Tensor) -> tuple[Tensor, Tensor, float, int]:
    """The place of each row's nearest other row of its group, -1 where there is none, and the distance; sum and number of squared cosines.

    Pairs of directions that are near whatever chance says are left out of the sum.
    """
    count = len(directions)
    best, apart = torch.full((count,), -1, dtype=torch.long), torch.full((count,), torch.nan, dtype=torch.float64)
    squares, pairs = 0.0, 0
    for start in range(0, count if count > 1 else 0, BLOCK):
        rows = torch.arange(start, min(start + BLOCK, count))
        cosines = directions[rows] @ directions.T
        others = group[rows, None] == group[None]
        others[rows - start, rows] = False
        plain = others & (cosines < 1 - NEAR**2 / 2)
        squares += float(cosines[plain].double().square().sum())
        pairs += int(plain.sum())
        distances = (2 - 2 * cosines).clamp_min(0) + torch.cdist(biases[rows], biases).square()
        near = distances.masked_fill_(~others, torch.inf).topk(min(CANDIDATES, count), largest=False).indices
        exact = _distances(directions, rows, near) + _distances(biases, rows, near)
        least, at = exact.masked_fill(~others.gather(1, near), torch.inf).min(1)
        best[rows] = torch.where(least < torch.inf, near.gather(1, at[:, None])[:, 0], -1)
        apart[rows] = least.sqrt()
    return best, apart, squares, pairs


def _distances(values: Tensor, rows: Tensor, near: Tensor) -> Tensor:
    """The squared distances (row, candidate) in double precision, a candidate at a time."""
    ours = values[rows].double()
    return torch.stack([(ours - values[place].double()).square().sum(1) for place in near.T], 1)
