"""The loss at weights other than the network's own: a plane, lines, the way to another network; and the curvature at its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np
import torch

from pellucid.errors import CapabilityError, InputError, UnknownName
from pellucid.explanation.contents.loss_landscape import LossLandscape
from pellucid.methods.dynamics.loss_landscape_curvature import HessianProducts, Ritz, top_eigenpairs, trace
from pellucid.methods.dynamics.loss_landscape_directions import WeightPlane, hessian_plane, random_plane, trajectory_plane
from pellucid.methods.dynamics.loss_landscape_losses import Loss, judge
from pellucid.methods.dynamics.loss_landscape_points import PointLosses, affordable_passes, affordable_points, flops_of_a_row
from pellucid.methods.dynamics.loss_landscape_result import between, curvature, geometry, lines, surface, trajectory
from pellucid.models.moved_weights import MovedWeights
from pellucid.models.torch_model import TorchModel

if TYPE_CHECKING:
    from pellucid.methods.internals.protocol import Inside, Kind
    from pellucid.methods.run import Evaluator
    from pellucid.models.protocol import Capability

Shape = Literal["surface", "lines", "none"]
POINTS = 51  # along each axis where it is not said how many
STEPS, FEWEST_STEPS = 80, 20  # of Lanczos, likewise
PRODUCT = 6  # forward passes that a Hessian-vector product costs, about
PRODUCTS = 2  # of the Hessian, beside those of Lanczos and of the trace


@dataclass(frozen=True)
class LookAtLossLandscape:
    """The mean loss of the rows on a plane of weights through the trained ones, the Hessian there, and the way to another network.

    Random directions are filter-normalized (Li et al. 2018): every filter, or row of a weight, of a normal draw is scaled to the norm of
    the network's own; biases and the parameters of normalization layers stay. Directions of the Hessian are its two top eigenvectors,
    those of a trajectory the two along which its checkpoints lie farthest from the trained weights. The network runs in eval mode, its
    buffers as they are; the network itself is a point of every plane and line. Eigenvalues come from Lanczos with full
    reorthogonalization on Hessian-vector products, each with its residual; the trace is Hutchinson's estimate (1990) with its error.

    The first layer's products with the rows are linear in its weights, and so are made once for a whole plane: it costs less than a
    forward pass over all rows for each point.

    Attributes:
        directions: ``random``, ``hessian``, or the checkpoints of a trajectory: a list of state dicts, or an array (checkpoint, parameter).
        other: a network of the same architecture, or its state dict: the loss on the straight way to it (Goodfellow et al. 2015), buffers
            included, and the height of the barrier (Frankle et al. 2020).
        loss: ``cross_entropy`` for classes, ``mse`` for values, or a function of outputs and labels; by the outputs if not given.
        shape: the whole ``surface``, only the two ``lines`` through its middle, or ``none``.
        resolution: points along each axis; if not given 51, of networks of which that would take minutes fewer, at least 11.
        span: (left, right, low, high) on the plane, 0 between; in lengths of the directions.
        eigenvalues: how many; 0 for no curvature. ``steps``: of Lanczos at most; if not given 80, likewise fewer. ``probes``: of the trace.
        learning_rate: of the training, beside which sharpness is shown: gradient descent is stable up to 2 / learning rate.
        samples: how many rows at most; of more a draw.

    What it does not show: what lies off the plane; two random directions are a slice of a space of as many dimensions as there are
    parameters. A flat minimum does not prove that a network generalizes: the same function can be given weights of any sharpness
    (Dinh et al. 2017).

    Raises:
        InputError: no data, no labels or none that fit; checkpoints or another network of another architecture; a loss that is not finite.
        CapabilityError: weights of several dtypes; ``directions="hessian"`` of a network without gradients.
    """

    directions: Any = field(default="random", repr=False, compare=False)
    other: Any = field(default=None, repr=False, compare=False)
    loss: Loss = field(default="auto", repr=False)
    shape: Shape = "surface"
    resolution: int | None = None
    span: tuple[float, float, float, float] | None = None
    eigenvalues: int = 5
    steps: int | None = None
    probes: int = 16
    learning_rate: float | None = None
    samples: int | None = None

    id: ClassVar[str] = "loss_landscape"
    kind: ClassVar[Kind] = "regions"
    needs: ClassVar[frozenset[Capability]] = frozenset({"parameters"})
    labels_are: ClassVar[str] = "as given"

    def look(self, inside: Inside) -> LossLandscape:
        """What was measured."""
        if not isinstance(inside.model, TorchModel):
            remedy = "give the torch.nn.Module itself"
            raise CapabilityError("The weights of a torch module are moved", received=inside.model.name, remedy=remedy)
        self._check()
        evaluator = inside.rows("A loss landscape", need="the rows on which the loss is taken, with labels")
        judged, known = judge(evaluator, inside.given, self.loss)
        weights = MovedWeights(evaluator.bound)  # type: ignore[arg-type] (a torch model opens as BoundTorch)
        losses = PointLosses(evaluator, weights, judged, self._drawn(known, evaluator))
        points, steps = self._affordable(len(losses.rows) * self._cost(evaluator))
        losses.planned = self._planned(points, steps)
        with weights.moving():
            own = losses.at(weights.trained)
            if not np.isfinite(own[0]):
                received = f"{own[0]} over {len(losses.rows)} rows"
                raise InputError(
                    "The loss of the network itself is not finite", received=received, remedy="look for missing values in the rows"
                )
            ritz, curved, why = self._curvature(losses, evaluator, steps)
            plane = self._plane(weights, evaluator, ritz)
            seen = surface(losses, plane, self.span, points) if self.shape == "surface" else None
            lengths, cosine, still = geometry(weights, plane)
            return LossLandscape(
                directions=plane.kind,
                lengths=lengths,
                cosine=cosine,
                loss=judged.name,
                own=np.array(own),
                base=np.array([judged.base]),
                surface=seen,
                lines=lines(losses, plane, self.span, points, seen) if self.shape != "none" else (),
                trajectory=trajectory(losses, plane),
                between=None if self.other is None else between(losses, self.other, points),
                curvature=curved,
                no_curvature=why,
                parameters=weights.elements,
                still=still,
                shared=losses.shared,
                rows=len(losses.rows),
                left_out=evaluator.rows - len(known),
                evaluations=losses.count,
            )

    # ---- inside ------------------------------------------------------------------------------------------------------------

    @property
    def _along_hessian(self) -> bool:
        return isinstance(self.directions, str) and self.directions == "hessian"

    def _check(self) -> None:
        """Raises where an option makes no sense."""
        if isinstance(self.directions, str) and self.directions not in ("random", "hessian"):
            raise UnknownName("kind of directions", self.directions, ("random", "hessian"))
        if self.shape not in get_args(Shape):
            raise UnknownName("shape", self.shape, get_args(Shape))
        least = {"resolution": 3, "eigenvalues": 0, "steps": 1, "probes": 0, "samples": 1}
        for name, limit in least.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < limit):
                raise InputError(f"{name} is a whole number from {limit} on", received=f"{name}={value!r}", remedy="leave it out")
        if self.shape == "none" and self.other is None and not self.eigenvalues:
            received = "shape='none', other=None, eigenvalues=0"
            raise InputError("There is nothing left to look at", received=received, remedy="leave one of them as it is")
        if self._along_hessian and self.eigenvalues < 2:
            received = f"eigenvalues={self.eigenvalues}"
            raise InputError("Two directions of the Hessian need two eigenvalues", received=received, remedy="give eigenvalues=2 or more")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise InputError("A learning rate is above 0", received=f"learning_rate={self.learning_rate}", remedy="leave it out")

    def _drawn(self, known: np.ndarray, evaluator: Evaluator) -> np.ndarray:
        """The rows that are looked at, in order."""
        if self.samples is None or self.samples >= len(known):
            return known
        drawn = np.random.default_rng(evaluator.situation.seed).permutation(len(known))[: self.samples]
        return known[np.sort(drawn)]

    def _affordable(self, cost: float) -> tuple[int, int]:
        """How many points along each axis and how many steps of Lanczos, where a pass over all rows takes so many FLOPs."""
        points = self.resolution or affordable_points(cost, POINTS)
        return points, self.steps or int(np.clip(affordable_passes(cost) / PRODUCT, FEWEST_STEPS, STEPS))

    def _cost(self, evaluator: Evaluator) -> float:
        """FLOPs of one row; 0 where they are not asked for, or not known."""
        asked = (self.resolution is None and self.shape == "surface") or (self.steps is None and self.eigenvalues)
        return flops_of_a_row(evaluator) if asked else 0.0

    def _planned(self, resolution: int, steps: int) -> int:
        """About how many passes over all rows there will be."""
        points = {"surface": resolution**2, "lines": 2 * resolution, "none": 0}[self.shape]
        curved = steps + self.probes + self.eigenvalues + PRODUCTS if self.eigenvalues else 0
        return 1 + points + curved + (resolution if self.other is not None else 0)

    def _plane(self, weights: MovedWeights, evaluator: Evaluator, ritz: Ritz | None) -> WeightPlane:
        if not isinstance(self.directions, str):
            return trajectory_plane(weights, self.directions)
        if self._along_hessian and ritz is not None:
            return hessian_plane(weights, ritz.values, ritz.vectors)
        return random_plane(weights, evaluator.situation.seed)

    def _curvature(self, losses: PointLosses, evaluator: Evaluator, steps: int) -> tuple[Ritz | None, Any, str]:
        """The top eigenpairs and what is shown of the curvature; or why the loss has no gradient."""
        if not self.eigenvalues:
            return None, None, ""
        products = HessianProducts(losses)
        try:
            gradient = products.gradient()
        except (CapabilityError, RuntimeError) as error:
            if self._along_hessian or (self.shape == "none" and self.other is None):
                raise
            return None, None, str(error)
        start = torch.randn(len(gradient), generator=evaluator.generator(13), dtype=torch.float64).to(gradient.device)
        count, generator = min(self.eigenvalues, len(gradient)), evaluator.generator(14)
        ritz = top_eigenpairs(products.product, start, count=count, steps=steps, generator=generator)
        found = trace(products.product, gradient, probes=self.probes, generator=evaluator.generator(15))
        return ritz, curvature(products, ritz, gradient, found, probes=self.probes, learning_rate=self.learning_rate), ""
