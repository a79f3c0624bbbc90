"""Where to place nodes on [0, 1], and which weights they get: arithmetic on (row, node) tables in float64, no gradients.

Every decision is made for a row by itself, and on rounded numbers, so that the rounding of a batch does not tip it.
"""

from __future__ import annotations

import torch
from torch import Tensor

DEGREES = (1, 3, 5, 7)  # of the interpolating polynomials; 1 for straight lines between the nodes
CURIOSITY = 0.02  # every gap counts as having at least this share of the mean roughness, so that no stretch stays unexplored
SMOOTHER = 0.5  # a higher degree must halve the error of prediction


def first_nodes(count: int) -> Tensor:
    """The midpoints of ``count`` equal cells, (1, node)."""
    return ((torch.arange(count, dtype=torch.float64) + 0.5) / count)[None]


def more_nodes(at: Tensor, changes: Tensor, count: int) -> Tensor:
    """``count`` new nodes per row (row, node), which divide gaps where that lowers the expected squared error most.

    Args:
        at: (row, node) the nodes in order.
        changes: (row, node - 1) how far the gradient moves across each gap between two nodes.
        count: how many to add.

    The change across a gap of width h is taken for the sum of many jumps at random places, of variance s per unit of the path: a gap
    between two nodes then leaves a variance of s h^3 / 12, an end gap, seen from one side only, of s g^3 / 3. Dividing the first into p
    equal parts leaves 1 / p^2 of it; the second, in cells of the midpoint rule, 1 / (2p - 1)^2.
    """
    edges = torch.cat([torch.zeros_like(at[:, :1]), at, torch.ones_like(at[:, :1])], 1)
    widths = edges[:, 1:] - edges[:, :-1]
    roughness = changes.nan_to_num(0, 0, 0).square() / widths[:, 1:-1]
    roughness = torch.cat([roughness[:, :1], roughness, roughness[:, -1:]], 1)
    mean = (roughness * widths).sum(1, keepdim=True)
    roughness = torch.where(mean > 0, roughness + CURIOSITY * mean, 1.0)
    shares = torch.full_like(widths, 1 / 12)
    shares[:, 0] = shares[:, -1] = 1 / 3
    variance = roughness * widths**3 * shares
    ends = torch.zeros_like(widths, dtype=torch.bool)
    ends[:, 0] = ends[:, -1] = True
    parts = _parts(variance, ends, count)
    return _inside(edges, widths, parts)


def _parts(variance: Tensor, ends: Tensor, count: int) -> Tensor:
    """Into how many parts each gap is divided (row, gap), ``count`` divisions in all: the best one next, the first of equals."""
    parts = torch.ones_like(variance, dtype=torch.long)
    rows = torch.arange(len(variance))
    for _ in range(count):
        now, then = torch.where(ends, 2 * parts - 1, parts), torch.where(ends, 2 * parts + 1, parts + 1)
        gain = variance * (1 / now**2 - 1 / then**2)
        parts[rows, _coarse(gain).argmax(1)] += 1
    return parts


def _coarse(values: Tensor) -> Tensor:
    """Logarithms in steps of a sixth of an octave, at an odd offset: rounding in the last places tips neither ties nor powers of two."""
    return (values.clamp(min=1e-300).log2() * 6 + 0.3719).floor()


def _inside(edges: Tensor, widths: Tensor, parts: Tensor) -> Tensor:
    """The nodes that divide each gap into its parts, (row, node) in order."""
    flat = (parts - 1).reshape(-1)
    gap = torch.repeat_interleave(torch.arange(len(flat)), flat)
    number = torch.arange(len(gap)) - (flat.cumsum(0) - flat)[gap]
    many, column, last = parts.reshape(-1)[gap], gap % parts.shape[1], parts.shape[1] - 1
    even = (number + 1) / many.double()
    from_border = (2 * number + 1) / (2 * many - 1).double()
    to_border = (2 * number + 2) / (2 * many - 1).double()
    share = torch.where(column == 0, from_border, torch.where(column == last, to_border, even))
    return (edges.reshape(-1)[gap // parts.shape[1] * edges.shape[1] + column] + widths.reshape(-1)[gap] * share).reshape(len(parts), -1)


def end_gaps(at: Tensor) -> Tensor:
    """The widths (row, 2) that count for the two ends beyond the outer nodes.

    The change out there is not seen. It is taken to be as much per square root of length as in the gap beside it, and all of it to be
    missed, which is twice what is missed of a gap between two nodes.
    """
    outer = torch.stack([at[:, 0], 1 - at[:, -1]], 1)
    beside = torch.stack([at[:, 1] - at[:, 0], at[:, -1] - at[:, -2]], 1)
    return 2 * outer * (outer / beside).sqrt()


def chosen_degree(at: Tensor, slopes: Tensor) -> Tensor:
    """The degree (row,) with which each row's slopes are best foretold from their neighbors; 1 unless a higher one is clearly better."""
    found = torch.full((len(at),), DEGREES[0])
    going = torch.ones(len(at), dtype=torch.bool)
    scale = slopes.square().mean(1)
    before = _surprise(at, slopes, DEGREES[0])
    for degree in DEGREES[1:]:
        if at.shape[1] < 2 * degree + 2:
            break
        now = _surprise(at, slopes, degree)
        going &= (now < before * SMOOTHER**2) & (before > 1e-24 * scale)
        found[going] = degree
        before = now
    return found


def _surprise(at: Tensor, slopes: Tensor, degree: int) -> Tensor:
    """The mean squared error (row,) of foretelling each inner slope by the polynomial through its nearest neighbors, itself left out."""
    half = (degree + 1) // 2
    inner = range(half, at.shape[1] - half)
    beside = torch.tensor([[*range(k - half, k), *range(k + 1, k + half + 1)] for k in inner])
    nodes, values, here = at[:, beside], slopes[:, beside], at[:, half : at.shape[1] - half]
    foretold = sum(values[..., j] * _basis(nodes, j, here) for j in range(2 * half))
    return (slopes[:, half : at.shape[1] - half] - foretold).square().mean(1)


def _basis(nodes: Tensor, j: int, here: Tensor) -> Tensor:
    """The Lagrange polynomial of node ``j`` of the last axis of ``nodes``, at ``here``."""
    value = torch.ones_like(here)
    for i in range(nodes.shape[-1]):
        if i != j:
            value = value * (here - nodes[..., i]) / (nodes[..., j] - nodes[..., i])
    return value


def quadrature(at: Tensor, degrees: Tensor) -> Tensor:
    """The weights (row, node) that integrate over [0, 1] the piecewise polynomial of each row's degree through its nodes."""
    weights = torch.empty_like(at)
    for degree in degrees.unique().tolist():
        rows = degrees == degree
        weights[rows] = _straight(at[rows]) if degree == DEGREES[0] else _curved(at[rows], degree)
    return weights


def _straight(at: Tensor) -> Tensor:
    """Each node counts for what lies nearest to it; on equal cells this is the midpoint rule."""
    borders = (at[:, 1:] + at[:, :-1]) / 2
    edges = torch.cat([torch.zeros_like(at[:, :1]), borders, torch.ones_like(at[:, :1])], 1)
    return edges[:, 1:] - edges[:, :-1]


def _curved(at: Tensor, degree: int) -> Tensor:
    """Between two neighbors the polynomial through the degree + 1 nodes around them; the outer ones go on to the ends."""
    count = at.shape[1]
    low = (torch.arange(count - 1) - (degree - 1) // 2).clamp(0, count - 1 - degree)
    used = low[:, None] + torch.arange(degree + 1)
    nodes = at[:, used]
    left, right = at[:, :-1].clone(), at[:, 1:].clone()
    left[:, 0], right[:, -1] = 0, 1
    places, shares = _legendre((degree + 1) // 2 + 1)
    here = (left[..., None] + right[..., None]) / 2 + (right - left)[..., None] / 2 * places
    weights = torch.zeros_like(at)
    for j in range(degree + 1):
        part = (_basis(nodes[:, :, None], j, here) * shares).sum(-1) * (right - left) / 2
        weights.index_add_(1, used[:, j], part)
    return weights


def _legendre(count: int) -> tuple[Tensor, Tensor]:
    from numpy.polynomial.legendre import leggauss

    return tuple(torch.from_numpy(a) for a in leggauss(count))  # type: ignore[return-value]
