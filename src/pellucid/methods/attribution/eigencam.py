"""Eigen-CAM: what a layer's channels have most in common, whatever the class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from pellucid.methods.attribution.layer_maps import from_outputs

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.explanation.provenance import Caution, Meaning
    from pellucid.methods.attribution.layer_grids import Layers
    from pellucid.methods.protocol import Attribution
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability


@dataclass(frozen=True)
class EigenCAM:
    """Activations projected on their first right singular vector (Muhammad and Yeasin 2020).

    With A the matrix (cell, channel) of one row's activations, the map is A v for the unit vector v that makes it largest.
    ``centered`` takes each channel's mean over the cells away first, as principal components do; the paper does not.
    A singular vector has no sign of its own: it is chosen so that the map is large where activations are.

    Shapes: (sample, y, x) or (sample, time) at the layer's own resolution, signed; units: activation. ``layer`` as in
    :class:`GradCAM`. One forward per row, no gradient.

    What it does not show: anything about the explained class or score; it is the same for every target, so that its verdict is
    ``weak`` at best. It says where the layer responds, and the checks say whether that has to do with the score.

    Raises:
        UnknownName: no layer of that name (the nearest are listed).
        LayerError: the layer has no space, or the network has no layer with space; usable layers are named.
    """

    layer: Layers = None
    centered: bool = False

    id: ClassVar[str] = "eigencam"
    needs: ClassVar[frozenset[Capability]] = frozenset({"layers"})
    sampled: ClassVar[bool] = False
    meaning: ClassVar[Meaning] = "magnitude"
    caution: ClassVar[Caution] = "ignores_target"

    def attribute(self, evaluator: Evaluator) -> Attribution:
        """The map of every row."""
        return from_outputs(evaluator, self.layer, self._project)

    def _project(self, activations: Tensor) -> Tensor:
        """Row by row, since a batched decomposition would let the rows' rounding touch one another."""
        return torch.stack([self._first(row.flatten(1).T).to(activations).reshape(row.shape[1:]) for row in activations])

    def _first(self, cells: Tensor) -> Tensor:
        """The projection of (cell, channel) on its first right singular vector."""
        wide = cells if cells.device.type == "mps" else cells.double()
        if self.centered:
            wide = wide - wide.mean(0)
        left, sizes, _ = torch.linalg.svd(wide, full_matrices=False)
        projected = left[:, 0] * sizes[0]
        return -projected if (projected * cells.to(wide).norm(dim=1)).sum() < 0 else projected
