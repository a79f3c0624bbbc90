"""Units that can never matter, and units that are there twice: from the weights alone, with limits that chance sets.

Two units are near-duplicates where the angle between their incoming weights (bias included, batch normalization folded in) has a sine of
at most :data:`NEAR`: after scaling they differ by a tenth. In few dimensions chance brings units as near. The directions within an angle
of a given one are at most half of sin(angle)^(d - 1) of all in d dimensions (a cap lies within a ball of that radius), so that with n
units the limit is lowered to where one of them has a neighbor by chance with probability :data:`CHANCE` at most. The dimension is not
the number of weights but that of the directions that the layer's units do take: one over the mean squared cosine of two of them.
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
COMPARED = 8192  # units of one layer that are compared with one another
BLOCK = 512
ACTIVATIONS = {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish"} | {
    "hardsigmoid", "sigmoid", "tanh", "softplus", "softsign"
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Incoming:
    """Units with their incoming weights (unit, input), the bias last; only units of one of ``groups`` can be compared."""

    layer: str
    type: str
    weights: Tensor
    biased: bool
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
    """The sine of the angle up to which two of ``units`` count as near-duplicates; never less than rounding needs."""
    if dimension <= 1:
        return 2 * precision
    chance = (2 * CHANCE / max(units - 1, 1)) ** (1 / (dimension - 1))
    return min(NEAR, max(chance, 2 * precision))


def _incoming(path: str, module: nn.Module) -> Iterator[Incoming]:
    tensors = {name: value for name, value, _ in effective(module) if value.is_floating_point()}
    kind = type(module).__name__
    if isinstance(module, (nn.Linear, nn.Bilinear, Convolution)) and "weight" in tensors:
        weight = as_matrix(module, on_cpu(tensors["weight"]))
        bias = on_cpu(tensors["bias"]) if "bias" in tensors else torch.zeros(len(weight), dtype=weight.dtype)
        joined = torch.cat([weight, bias[:, None]], 1)
        yield Incoming(path, kind, joined, "bias" in tensors, getattr(module, "groups", 1), tensors["weight"].dtype, path)
    elif isinstance(module, Recurrent):
        for end in sorted(name.removeprefix("weight_ih") for name in tensors if name.startswith("weight_ih")):
            names = [f"{part}{end}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            rows = [on_cpu(tensors[name]) for name in names if name in tensors]
            gates = rows[0].shape[0] // module.hidden_size
            # a unit's rows of all gates, one after another
            parts = [row.reshape(gates, module.hidden_size, -1).transpose(0, 1).flatten(1) for row in rows]
            name = f"{path}{end.replace('_', '.')}" if path else end.strip("_").replace("_", ".")
            yield Incoming(name or path or kind, kind, torch.cat(parts, 1), names[2] in tensors, 1, rows[0].dtype, "")


def _judged(one: Incoming, modules: dict[str, nn.Module], course: Course, generator: torch.Generator) -> LayerUnits:
    one = _folded(one, modules[course.normalization], one.weights) if course.normalization else one
    smallest = float(torch.finfo(torch.float64 if one.dtype == torch.float64 else torch.float32).eps)
    plain = one.weights[:, :-1] if one.path or not one.biased else one.weights
    norms, known = plain.double().norm(dim=1), torch.isfinite(one.weights).all(1)
    largest = float(norms[known].max()) if known.any() else 0.0
    still = known & (norms <= smallest * largest)
    outgoing = _outgoing(course, modules, len(norms))
    silent = _silent(outgoing, smallest)
    off = still & (_given(one, modules, course) == 0) if still.any() else still
    compared = Compared.of(one, known & ~still, generator)
    return LayerUnits(
        layer=one.layer,
        type=one.type,
        fan_in=one.weights.shape[1] - (bool(one.path) and not one.biased),
        compared=compared.count,
        norms=norms.numpy(),
        outgoing=outgoing.norm(dim=1).numpy() if outgoing is not None else np.full(len(norms), np.nan),
        nearest=compared.nearest.numpy(),
        angle=compared.angle.numpy(),
        outgoing_angle=_outgoing_angles(outgoing, compared.nearest),
        dimension=compared.dimension,
        limit=math.degrees(math.asin(compared.limit)),
        by_chance=compared.limit < NEAR,
        smallest=smallest,
        silent=silent,
        off=_places(off),
        constant=_places(still & ~off),
        normalization=course.normalization,
        activation=course.activation,
        next=tuple(course.next) if course.whole else (),
    )


def _folded(one: Incoming, norm: nn.Module, weights: Tensor) -> Incoming:
    """The incoming weights with the batch normalization that follows them: what the activation really gets."""
    mean, variance = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    if mean is None or variance is None or len(mean) != len(weights):
        return one
    scale = (on_cpu(variance) + norm.eps).rsqrt()  # type: ignore[operator, arg-type]
    scale = scale * on_cpu(norm.weight) if getattr(norm, "weight", None) is not None else scale  # type: ignore[arg-type]
    folded = weights * scale[:, None].to(weights.dtype)
    folded[:, -1] -= (on_cpu(mean) * scale).to(weights.dtype)
    if getattr(norm, "bias", None) is not None:
        folded[:, -1] += on_cpu(norm.bias).to(weights.dtype)  # type: ignore[arg-type]
    return replace(one, weights=folded, biased=True)


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
    bias = one.weights[:, -1]
    if not course.activation:
        return bias
    module = modules[course.activated]
    if not any(module.children()) and not any(module.parameters()):
        return module(bias)
    if course.activation in ACTIVATIONS:
        return getattr(torch.nn.functional, course.activation)(bias)
    return torch.full_like(bias, torch.nan)


def _outgoing_angles(outgoing: Tensor | None, nearest: Tensor) -> np.ndarray:
    angles = torch.full((len(nearest),), torch.nan, dtype=torch.float64)
    if outgoing is not None:
        there = nearest >= 0
        angles[there] = _angles(outgoing[there], outgoing[nearest[there]])
    return angles.numpy()


def _angles(one: Tensor, other: Tensor) -> Tensor:
    """The angle in degrees between rows, exact for small ones too; not-a-number where a row is 0."""
    one, other = (rows.double() / rows.double().norm(dim=1, keepdim=True) for rows in (one, other))
    return torch.rad2deg(2 * torch.asin(((one - other).norm(dim=1) / 2).clamp(max=1)))


@dataclass(frozen=True, eq=False)
class Compared:
    """Every unit's nearest other one, and the limit of the layer."""

    nearest: Tensor
    angle: Tensor
    count: int
    dimension: float
    limit: float

    @staticmethod
    def of(one: Incoming, there: Tensor, generator: torch.Generator) -> Compared:
        """Compares the units that are ``there``, a draw of them where they are very many."""
        total = len(there)
        rows = torch.nonzero(there).flatten()
        if len(rows) > COMPARED:
            rows = rows[torch.randperm(len(rows), generator=generator)[:COMPARED].sort().values]
        group = rows // (total // one.groups)
        directions = torch.nn.functional.normalize(one.weights[rows], dim=1)
        best, squares, pairs = _nearest(directions, group)
        nearest = torch.full((total,), -1, dtype=torch.long)
        nearest[rows] = torch.where(best >= 0, rows[best.clamp_min(0)], -1)
        angle = torch.full((total,), torch.nan, dtype=torch.float64)
        paired = nearest >= 0
        angle[paired] = _angles(one.weights[paired], one.weights[nearest[paired]])
        fan_in = one.weights.shape[1]
        dimension = min(max(pairs / squares, 1.0), float(fan_in)) if squares > 0 else float(fan_in)
        most = int(torch.bincount(group).max()) if len(group) else 0
        return Compared(nearest, angle, len(rows), dimension, limit(most, dimension, torch.finfo(one.dtype).eps))


def _nearest(directions: Tensor, group: Tensor) -> tuple[Tensor, float, int]:
    """The place of each row's nearest other row of its group, -1 where there is none; the sum of squared cosines and their number.

    Pairs that are near-duplicates whatever chance says are left out of the sum.
    """
    best = torch.full((len(directions),), -1, dtype=torch.long)
    squares, pairs = 0.0, 0
    for start in range(0, len(directions), BLOCK):
        stop = min(start + BLOCK, len(directions))
        cosines = directions[start:stop] @ directions.T
        others = group[start:stop, None] == group[None]
        others[torch.arange(stop - start), torch.arange(start, stop)] = False
        near, place = cosines.masked_fill(~others, -2.0).max(1)
        best[start:stop] = torch.where(near >= -1.5, place, -1)
        plain = others & (cosines < math.sqrt(1 - NEAR**2))
        squares += float(cosines[plain].double().square().sum())
        pairs += int(plain.sum())
    return best, squares, pairs
