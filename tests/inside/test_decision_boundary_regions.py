"""The exact polygons of a piecewise-linear network, against autograd and against points that were drawn."""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pellucid.errors import BudgetError, UnsupportedOperation
from pellucid.methods.internals.decision_boundary_cells import COLORS, FINER, boundary, changing, colors, distances, located, refined
from pellucid.methods.internals.decision_boundary_exact import Exact, Regions
from pellucid.methods.internals.decision_boundary_mesh import Mesh, Patch, grid, least_parts, rectangle, shared_edges, welded
from pellucid.methods.internals.decision_boundary_plane import Plane, plane_of
from pellucid.models.inputs import collect
from pellucid.models.widened import Widened
from pellucid.models.wrap import wrap

INPUTS = Plane("inputs", np.zeros(2), np.eye(2), (2,))
CLOSE = 1e-9  # to an edge: a point may lie on its other side


class Residual(nn.Module):
    """Branches that are added, multiplied by a constant and picked from; every kind of bend in one network."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.norm = nn.BatchNorm1d(8)
        self.slope = nn.PReLU(8)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = F.leaky_relu(self.norm(self.first(x)), 0.1)
        x = x + 0.5 * self.slope(self.second(x))
        x = torch.maximum(F.hardtanh(x), 0.3 * x.abs())
        x = x * (x > -0.2) + 0.1 * torch.where(x > -0.2, torch.zeros_like(x), (x + 0.2).clamp(max=0.0)) - 0.2 * (x <= -0.2)
        return self.third(F.relu6(4 * x))


class Pooled(nn.Module):
    """A convolutional network: (sample, 1, 6, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1), nn.Linear(27, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Log-probabilities."""
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.avg_pool2d(F.pad(x + self.second(x).relu(), (0, 1, 0, 1)), 2, stride=1)
        return F.log_softmax(self.last(x.flatten(1)), dim=1)


def mlp(seed: int, width: int = 16, depth: int = 3, inputs: int = 2) -> nn.Sequential:
    """A ReLU network with biases drawn as torch draws them, its outputs moved so that every class wins somewhere."""
    torch.manual_seed(seed)
    sizes = [inputs, *[width] * depth]
    layers = [part for a, b in pairwise(sizes) for part in (nn.Linear(a, b), nn.ReLU())]
    net = nn.Sequential(*layers, nn.Linear(width, 3))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    with torch.no_grad():
        net[-1].bias -= net(2 * torch.rand(500, inputs) - 1).mean(0)
    return net.eval()


def widened(net: nn.Module, plane: Plane) -> Widened:
    """The network in float64."""
    model = wrap(net)
    with model.open(collect(torch.zeros(2, *plane.shape), model.spec), mode="eval") as bound:
        return Widened(bound)


def cut(net: nn.Module, plane: Plane = INPUTS, half: float = 1.0, most: int = 100_000) -> Regions:
    """The regions of a square around the plane's origin."""
    return Exact(widened(net, plane), plane, most=most, report=lambda *_: None).regions(rectangle(-half, half, -half, half))


def drawn_inside(mesh: Mesh, seed: int = 0) -> np.ndarray:
    """(polygon, 2) a point drawn inside each."""
    there = np.arange(mesh.corners.shape[1]) < mesh.counts[:, None]
    weights = np.random.default_rng(seed).dirichlet(np.ones(there.shape[1]), len(mesh)) * there
    return (mesh.points[mesh.corners] * (weights / weights.sum(1, keepdims=True))[..., None]).sum(1)


def from_edges(mesh: Mesh, points: np.ndarray) -> np.ndarray:
    """(polygon,) how far a point in each is from the polygon's nearest edge."""
    place = mesh.points[mesh.corners]
    way, aside = np.roll(place, -1, 1) - place, points[:, None] - place
    length = np.maximum((way**2).sum(-1), 1e-300)
    part = np.clip((way * aside).sum(-1) / length, 0, 1)
    return np.linalg.norm(aside - part[..., None] * way, axis=-1).min(1)


def slopes_by_autograd(net: nn.Module, plane: Plane, points: np.ndarray) -> np.ndarray:
    """(point, output, 2) gradients along the plane, the final softmax left out."""
    place = torch.from_numpy(points).requires_grad_()
    rows = (torch.from_numpy(plane.origin) + place @ torch.from_numpy(plane.along)).reshape(len(points), *plane.shape)
    outputs = net.double()(rows)
    found = [torch.autograd.grad(outputs[:, k].sum(), place, retain_graph=True)[0].numpy() for k in range(outputs.shape[1])]
    return np.stack(found, 1)


@pytest.mark.parametrize("seed", range(4))
def test_every_polygon_of_a_relu_network_has_one_pattern_and_one_function(seed: int) -> None:
    net = mlp(seed)
    found = cut(net)
    assert abs(found.mesh.areas().sum() - 4) <= 1e-12
    assert len(found.mesh) > 300
    points = drawn_inside(found.mesh, seed)
    clear = from_edges(found.mesh, points) > CLOSE
    assert clear.mean() > 0.99

    def pattern(at: np.ndarray) -> np.ndarray:
        signs, x = [], torch.from_numpy(at)
        for layer in net.double():
            x = layer(x)
            signs += [(x > 0).numpy()] if isinstance(layer, nn.Linear) else []
        return np.concatenate(signs[:-1], 1)

    there = np.arange(found.mesh.corners.shape[1]) < found.mesh.counts[:, None]
    inside = pattern(points)
    assert (inside == pattern(found.mesh.middles())).all(1)[clear].all()
    assert len(np.unique(inside[clear], axis=0)) == clear.sum()  # and every polygon its own
    # towards each corner it stays the same
    for place in range(there.shape[1]):
        near = 0.999 * found.mesh.points[found.mesh.corners[:, place]] + 0.001 * found.mesh.middles()
        safe = from_edges(found.mesh, near) > CLOSE
        assert (pattern(near) == inside).all(1)[clear & safe].all()
    exact = slopes_by_autograd(net, INPUTS, points)
    height = np.sqrt(found.mesh.areas())  # rounding of outputs over the extent of a polygon
    assert (np.abs(exact - found.slopes).max((1, 2)) <= 1e-13 * np.abs(found.corners).max() / height**2 + 1e-12)[clear].all()


@pytest.mark.parametrize("seed", range(3))
def test_residual_graphs_with_every_kind_of_bend(seed: int) -> None:
    torch.manual_seed(seed)
    net = Residual()
    net.norm.running_mean += 0.3 * torch.randn(8)
    found = cut(net.eval(), half=3.0)
    points = drawn_inside(found.mesh, seed)
    clear = from_edges(found.mesh, points) > 1e-7
    assert abs(found.mesh.areas().sum() - 36) <= 1e-11
    assert len(found.mesh) > 100
    assert np.abs(slopes_by_autograd(net, INPUTS, points) - found.slopes)[clear].max() <= 1e-6


def test_a_slice_through_a_convolutional_network_with_max_pooling() -> None:
    torch.manual_seed(3)
    net, rows = Pooled().eval(), torch.randn(3, 1, 6, 6)
    plane = plane_of(rows.double().flatten(1).numpy(), (1, 6, 6), through=(0, 1, 2), pca=False)
    assert np.allclose(plane.along @ plane.along.T, np.eye(2), atol=1e-14)
    found = cut(net, plane, half=6.0)
    assert abs(found.mesh.areas().sum() - 144) <= 1e-10
    assert found.final == "log_softmax"
    points = drawn_inside(found.mesh)
    clear = from_edges(found.mesh, points) > 1e-7
    net.forward = lambda x: _without_softmax(net, x)  # type: ignore[method-assign]
    assert np.abs(slopes_by_autograd(net, plane, points) - found.slopes)[clear].max() <= 1e-6


def _without_softmax(net: Pooled, x: Tensor) -> Tensor:
    x = F.max_pool2d(F.relu(net.first(x)), 2)
    x = F.avg_pool2d(F.pad(x + net.second(x).relu(), (0, 1, 0, 1)), 2, stride=1)
    return net.last(x.flatten(1))


@pytest.mark.parametrize("seed", range(3))
def test_the_boundary_parts_the_classes_of_a_fine_grid(seed: int) -> None:
    net = mlp(seed)
    found = cut(net)
    lines = boundary(found.mesh, found.corners)
    axis = (np.arange(400) + 0.5) / 200 - 1
    region = located(found.mesh, axis, axis)
    assert (region >= 0).all()
    points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    outputs = net.double()(torch.from_numpy(points)).detach().numpy()
    of = region.reshape(-1)
    foretold = found.levels[of] + ((points - found.mesh.middles()[of])[:, None] * found.slopes[of]).sum(-1)
    asked, said = outputs.argmax(1), foretold.argmax(1)
    assert len(np.unique(asked)) == 3
    assert (asked == said).mean() > 0.999
    assert (asked == said)[distances(points, lines.ends) > CLOSE].all()
    # two neighbors of different classes have the boundary between them, and it lies nowhere else
    grid, step = asked.reshape(400, 400), axis[1] - axis[0]
    change = np.argwhere(grid[:, 1:] != grid[:, :-1])
    assert (distances(np.stack([axis[change[:, 1]], axis[change[:, 0]]], 1), lines.ends) <= step).all()
    middles, across = lines.ends.mean(1), np.diff(lines.ends, axis=1)[:, 0] @ np.array([[0, 1], [-1, 0]])
    length = np.linalg.norm(across, axis=1, keepdims=True)
    long = length[:, 0] > 1e-6
    sides = [net(torch.from_numpy(middles + sign * 1e-8 * across / length)).argmax(1).numpy()[long] for sign in (-1, 1)]
    assert np.array_equal(np.sort(np.stack(sides, 1), 1), lines.classes[long])


def test_neighbors_are_colored_differently_with_few_colors() -> None:
    for seed in range(3):
        mesh = cut(mlp(seed, width=32)).mesh
        found, (pairs, _) = colors(mesh), shared_edges(mesh)
        assert len(pairs) > len(mesh)
        assert (found[pairs[:, 0]] != found[pairs[:, 1]]).all()
        assert found.max() < COLORS


def test_polygons_that_are_cut_in_many_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cut(mlp(5, width=32))
    monkeypatch.setattr(sys.modules[Exact.__module__], "BYTES", 1)
    parts = cut(mlp(5, width=32))
    assert len(parts.mesh) == len(whole.mesh)
    assert len(parts.mesh.points) == len(whole.mesh.points)
    assert np.allclose(np.sort(parts.mesh.areas()), np.sort(whole.mesh.areas()), atol=1e-12)


def test_many_lines_through_one_point() -> None:
    net = nn.Sequential(nn.Linear(2, 12, bias=False), nn.ReLU(), nn.Linear(12, 2, bias=False))
    with torch.no_grad():
        angle = torch.arange(12) * torch.pi / 12 + 0.05
        net[0].weight[:] = torch.stack([angle.cos(), angle.sin()], 1)
    found = cut(net)
    assert len(found.mesh) == 24
    assert np.isclose(np.linalg.norm(found.mesh.points, axis=1).min(), 0, atol=1e-15)


def test_units_that_say_the_same_cut_once() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight[:] = torch.tensor([[1.0, 0.5], [2.0, 1.0], [-1.0, -0.5]])
        net[0].bias[:] = torch.tensor([0.1, 0.2, -0.1])
    assert len(cut(net).mesh) == 2


def test_a_slice_keeps_distances() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 7))
    for plane in (plane_of(rows, (7,), through=(4, 0, 2), pca=False), plane_of(rows, (7,), through=None, pca=False)):
        places, off = plane.places(rows)
        assert np.allclose(np.linalg.norm(rows - plane.origin, axis=1) ** 2, (places**2).sum(1) + off**2)
        assert np.allclose(plane.rows(places).numpy() + 0, plane.origin + places @ plane.along)
        if plane.kind == "samples":
            assert (off[[4, 0, 2]] == 0).all() and (np.delete(off, [4, 0, 2]) > 0).all()


@pytest.mark.parametrize(
    "net",
    [
        nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)),
        nn.Sequential(nn.Linear(2, 4), nn.Softmax(dim=1), nn.Linear(4, 2)),
    ],
)
def test_what_is_not_piecewise_linear_is_refused(net: nn.Module) -> None:
    with pytest.raises(UnsupportedOperation, match=r"piecewise linear|last operation"):
        cut(net)


def test_a_network_that_jumps_is_refused() -> None:
    class Jumps(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + (x > 0.25).float()

    with pytest.raises(UnsupportedOperation, match="do not fit together"):
        cut(Jumps())


def test_the_cap_says_what_to_do() -> None:
    with pytest.raises(BudgetError, match="most=500") as raised:
        cut(mlp(0), most=50)
    assert "more linear regions" in str(raised.value)


@pytest.mark.parametrize("lines", [5, 60, 400])
def test_there_are_never_fewer_parts_than_foretold(lines: int) -> None:
    drawn = np.random.default_rng(lines).normal(size=(lines, 3)) * [1, 1, 0.5]
    again, through_one, outside = -2 * drawn[:3], [[1, 2, 0], [2, -1, 0], [0.3, 1, 0]], [[9, 9, 100]]
    drawn = np.concatenate([drawn, again, through_one, outside])
    square = rectangle(-1, 1, -1, 1)
    values = square.points @ drawn[:, :2].T + drawn[:, 2]
    patch = Patch(square, values)
    assert patch.cut_at_zero() == len(drawn)
    foretold = least_parts(square.points, values)
    assert len(patch.mesh) - 2 <= foretold <= len(patch.mesh)  # three lines through one point make one part more than is foretold


def test_too_many_parts_are_foretold_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    net = nn.Sequential(nn.Linear(2, 3000), nn.ReLU(), nn.Linear(3000, 2))
    monkeypatch.setattr(Patch, "_halved", lambda *_: pytest.fail("it was cut"))
    with pytest.raises(BudgetError, match="over 5,000 at operation 1 of 1"):
        cut(net, most=5000)


def test_changing_squares_are_refined_to_where_it_changes() -> None:
    axis = np.linspace(0, 1, 11)

    def said(points: np.ndarray) -> np.ndarray:
        return (points[:, 1] > 0.52).astype(int)

    squares = changing(axis, axis, said(grid(axis, axis).points).reshape(11, 11))
    assert len(squares) == 10
    smaller = refined(squares, said)
    assert len(smaller) == 10 * FINER
    assert np.allclose(smaller.areas(), (0.1 / FINER) ** 2)
    assert smaller.points[:, 1].min() == 0.5 and np.isclose(smaller.points[:, 1].max(), 0.525)


def test_welding_joins_rounding_and_nothing_else() -> None:
    left, right = rectangle(0, 0.3, 0, 1), rectangle(0.3 + 1e-16, 1, 0, 1)
    points = np.concatenate([left.points, right.points + np.array([3e-16, -2e-16])])
    mesh = welded(Mesh(points, np.concatenate([left.corners, right.corners + 4]), np.array([4, 4])))
    assert len(mesh.points) == 6
    assert len(shared_edges(mesh)[0]) == 1
