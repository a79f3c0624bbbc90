"""The weights of a network: what they look like, how they are distributed, what they can do, which units are dead or there twice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import CapabilityError, UnknownName
from pellucid.explanation.contents.weights import QUANTILES, Weight, WeightChange, Weights
from pellucid.methods.internals.weights_flow import followed
from pellucid.methods.internals.weights_spectrum import layout, spectrum
from pellucid.methods.internals.weights_units import units
from pellucid.models.effective_weights import ReadWeight, initial_net, kernels, weights
from pellucid.models.shadow import shadow
from pellucid.models.torch_model import TorchModel

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.models.protocol import Capability

CELLS = 1 << 18  # of the map of one weight; larger ones are means of blocks
ALL_CELLS = 1 << 22  # of the maps of all weights together
FEWEST_CELLS = 1 << 12
BINS = 60  # at most


@dataclass(frozen=True)
class LookAtWeights:
    """Every weight of a network as it applies it, and the units that they make; no data are needed.

    Of a parametrized, normalized or pruned layer the weight that results is shown; of recurrent layers each gate, of attention queries,
    keys and values; tied weights once. Where the next layers of a unit are to be known, the forward pass has to run: on the given
    data, else on rows of zeros of a shape that the first layer takes.

    Memory: besides the network, one weight at a time is copied in single precision; maps hold 4 million cells in all at most.

    Attributes:
        layers: paths of the layers or blocks to look at; empty: all.
        initial: a state dict from before the training, with which the weights are compared.
        projection: how the rows of a matrix are laid out in the plane: ``pca``, or ``tsne`` (scikit-learn; slow with many layers).
        seed: of the draws for very large layers, and of t-SNE.

    Raises:
        CapabilityError: the network has no floating-point parameters.
        UnknownName: no such layer.
        InputError: the initial state does not fit.
    """

    layers: tuple[str, ...] = ()
    initial: Mapping[str, Tensor] | None = field(default=None, repr=False, compare=False)
    projection: Literal["pca", "tsne"] = "pca"
    seed: int = 0

    id: ClassVar[str] = "weights"
    kind: ClassVar[Kind] = "layers"
    needs: ClassVar[frozenset[Capability]] = frozenset({"parameters"})

    def look(self, inside: Inside) -> Weights:
        """The weights and the units."""
        # a network of another framework is read once rows say what it takes
        model = inside.model if inside.evaluator is None else getattr(inside.evaluator.bound, "model", inside.model)
        if not isinstance(model, TorchModel):
            remedy = "give rows, or the torch.nn.Module itself"
            raise CapabilityError(
                "Weights are read from a torch module, or from a network that was run", received=model.name, remedy=remedy
            )
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(mode=False))
            stack.enter_context(torch.no_grad())
            stack.enter_context(torch.autocast(model.torch_device.type, enabled=False))
            stack.enter_context(torch.autocast("cpu", enabled=False))
            net = shadow(model.net, training=False)
            paths = _chosen(net, self.layers)
            read = [one for one in weights(net) if one.path in paths]
            before = self._before(model.net)
            cells = _cells([one.value.numel() for one in read])
            seen = tuple(self._weight(one, before.get(one.parameter), cells) for one in read)
            flow = followed(inside, net)
            made = units(net, paths, flow.courses, self._generator())
        return Weights(seen, tuple(made), sum(weight.size for weight in seen), flow.by, flow.shape)

    def _before(self, net: nn.Module) -> dict[str, ReadWeight]:
        if self.initial is None:
            return {}
        return {one.parameter: one for one in weights(initial_net(net, self.initial))}

    def _generator(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)

    def _weight(self, one: ReadWeight, before: ReadWeight | None, cells: int) -> Weight:
        matrix = one.matrix
        wide = matrix.ndim == 2
        values = matrix.flatten()
        finite = values[torch.isfinite(values)]
        counted = finite if len(finite) else torch.zeros(1, dtype=values.dtype)
        low, high = float(counted.min()), float(counted.max())
        bins = min(BINS, math.ceil(2 * np.cbrt(len(counted))))  # Rice's rule
        edges = np.linspace(low, high, bins + 1) if low < high else np.array([low - 0.5, high + 0.5])
        pictured, block = _map(matrix, cells) if wide else (np.empty((0, 0), np.float32), (1, 1))
        tiles, rows, columns = _kernels(one, cells)
        exact = counted.double()
        return Weight(
            name=one.name,
            parameter=one.parameter,
            type=one.type,
            kind=one.kind,
            tied=one.tied,
            made=one.made,
            shape=tuple(one.value.shape),
            dtype=str(one.value.dtype).removeprefix("torch."),
            units=matrix.shape[0],
            inputs=matrix.shape[1] if wide else 0,
            mean=float(exact.mean()),
            deviation=float(exact.std(correction=0)),
            norm=float(exact.norm()),
            strange=len(values) - len(finite),
            zeros=int((finite == 0).sum()),
            quantiles=np.quantile(counted.numpy(), QUANTILES),
            edges=edges,
            counts=np.histogram(finite.numpy(), edges)[0],
            map=pictured,
            block=block,
            kernels=tiles,
            kernel_units=rows,
            kernel_inputs=columns,
            spectrum=spectrum(matrix, self._generator()) if wide else None,
            layout=layout(matrix, self.projection, self._generator(), self.seed) if wide else None,
            change=_change(matrix, before.matrix) if before is not None else None,
        )


def _cells(sizes: list[int]) -> int:
    """How many cells the map of one weight may have, so that all together keep within their limit."""
    cells = CELLS
    while cells > FEWEST_CELLS and sum(min(size, cells) for size in sizes) > ALL_CELLS:
        cells //= 2
    return cells


def _chosen(net: nn.Module, layers: tuple[str, ...]) -> frozenset[str]:
    """The paths of the modules that are, or lie in, the named ones; all where none is named."""
    paths = [path for path, _ in net.named_modules()]
    for layer in layers:
        if layer not in paths:
            raise UnknownName("layer", layer, [path for path in paths if path])
    return frozenset(path for path in paths if not layers or any(path == one or path.startswith(f"{one}.") for one in layers))


def _map(matrix: Tensor, cells: int) -> tuple[np.ndarray, tuple[int, int]]:
    """The matrix, or the means of blocks of it where it has more than ``cells``."""
    high, wide = 1, 1
    while -(-matrix.shape[0] // high) * -(-matrix.shape[1] // wide) > cells:
        if matrix.shape[0] / high >= matrix.shape[1] / wide:
            high *= 2
        else:
            wide *= 2
    values = matrix.numpy()
    for axis, size in ((0, high), (1, wide)):
        if size > 1:
            starts = np.arange(0, values.shape[axis], size)
            counts = np.diff([*starts, values.shape[axis]])
            values = np.add.reduceat(values, starts, axis=axis) / (counts[:, None] if axis == 0 else counts)
    return np.array(values, np.float32), (high, wide)


def _kernels(one: ReadWeight, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The kernels of a convolution with their units and inputs: all that have room in ``cells``, else those with the largest norms."""
    found = kernels(one)
    if found is None:
        return np.empty((0, 0, 0, 0), np.float32), np.empty(0, np.int64), np.empty(0, np.int64)
    tiles = max(cells // ((found.shape[2] + 1) * (found.shape[3] + 1)), 1)
    sizes = torch.nan_to_num(found).square().sum((2, 3))
    columns = _largest(sizes.sum(0), found.shape[1] if sizes.numel() <= tiles else int(tiles**0.5))
    rows = _largest(sizes.sum(1), tiles // len(columns))
    return found[rows][:, columns].float().numpy(), rows.numpy(), columns.numpy()


def _largest(sizes: Tensor, most: int) -> Tensor:
    """The places of the ``most`` largest, in order of place."""
    return sizes.argsort(descending=True, stable=True)[: max(most, 1)].sort().values


def _change(now: Tensor, before: Tensor) -> WeightChange:
    """How far a weight is from its initial value, as a whole and unit by unit."""
    now, before = now.double(), before.double()
    moved = (now - before).reshape(len(now), -1).norm(dim=1)
    usual = before.norm() / len(now) ** 0.5
    cosine = (now.flatten() @ before.flatten()) / (now.norm() * before.norm())
    angle = torch.rad2deg(torch.acos(cosine.clamp(-1, 1)))
    return WeightChange(((now - before).norm() / before.norm()).numpy(), angle.numpy(), (moved / usual).numpy())
