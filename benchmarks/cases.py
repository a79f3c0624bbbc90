"""The cases: one network, some methods, and for each the floor, Pellucid and the peers as calls without arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor, nn

import pellucid as pl
from benchmarks import floor, peers
from benchmarks.pairing import best_size
from pellucid.demo.efficientnet import efficientnet_lite0
from pellucid.errors import MissingExtra

TARGET = 282  # tiger cat
STEPS = 50
WINDOW = 16  # a 14 x 14 grid on 224 pixels, Pellucid's default
ABLATED, MASKED = 128, 64  # channels, Pellucid's defaults
SEEN = 128  # masks of RISE
FLOOR, OURS = "floor", "pellucid"
Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """One method at one number of explained rows.

    Attributes:
        rounds: how many rounds are timed.
        forward, gradient: model rows that the mathematics needs.
        tail: rows that it needs of what lies above the layer alone.
    """

    id: str
    title: str
    method: object
    explained: int
    rounds: int
    forward: int
    gradient: int
    tail: int = 0


CASES = (
    Case("ig", "integrated gradients, 50 steps", pl.IntegratedGradients(steps=STEPS, rule="midpoint"), 1, 10, 0, STEPS),
    Case("gradcam-1", "Grad-CAM, one photo", pl.GradCAM(), 1, 150, 0, 1),
    Case("gradcam-16", "Grad-CAM, 16 photos", pl.GradCAM(), 16, 20, 0, 16),
    Case("scorecam", f"Score-CAM, {MASKED} channels", pl.ScoreCAM(channels=MASKED), 1, 20, 1 + MASKED, 0),
    Case("ablationcam", f"Ablation-CAM, {ABLATED} channels", pl.AblationCAM(channels=ABLATED), 1, 8, 1, 0, ABLATED),
    Case("rise", f"RISE, {SEEN} masks", pl.RISE(masks=SEEN), 1, 8, 1 + SEEN, 0),
    Case("occlusion", "occlusion, 14 x 14 windows", pl.Occlusion(window=WINDOW), 1, 10, 14 * 14 + 1, 0),
)


class Bench:
    """The contenders of one case on EfficientNet-Lite0 at 224 pixels."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.net = network()
        torch.manual_seed(0)
        self.x = torch.randn(case.explained, 3, 224, 224)
        self.baseline = self.x.mean((2, 3), keepdim=True).expand_as(self.x).clone()

    @property
    def layer(self) -> nn.Module:
        """The last layer with space."""
        return self.net.get_submodule("head")

    def ours(self) -> object:
        """One explanation without checks."""
        return pl.explain(self.net, self.x, self.case.method, target=TARGET, checks="none")

    @cached_property
    def points(self) -> Tensor:
        """As many points as the mathematics needs."""
        if self.case.id.startswith("gradcam"):
            return self.x
        if self.case.tail:
            with torch.no_grad():
                hidden = self._before(self.x).repeat(self.case.tail, 1, 1, 1)
            hidden[torch.arange(self.case.tail), torch.arange(self.case.tail)] = 0
            return hidden
        parts = torch.linspace(0, 1, max(self.case.forward, self.case.gradient))[:, None, None, None]
        return self.baseline + parts * (self.x - self.baseline)

    @cached_property
    def bare(self) -> nn.Module:
        """The network that the floor runs."""
        return floor.frozen(self.net)

    def floor_at(self, points: Tensor, size: int) -> None:
        """The bare evaluations of these points in batches of this size."""
        if self.case.tail:
            floor.tail_rows((self._before, self._after), self.x, points, size)
        elif not self.case.gradient:
            floor.forward_rows(self.bare, points, size)
        elif self.case.id == "ig":
            floor.gradient_rows(self.bare, points, size, TARGET)
        else:
            floor.layer_gradient_rows((self._before, self._after), points, size, TARGET)

    def _before(self, x: Tensor) -> Tensor:
        net = self.bare
        return net.head(net.blocks(net.stem(x)))  # type: ignore[operator]

    def _after(self, hidden: Tensor) -> Tensor:
        return self.bare.classifier(self.bare.dropout(hidden.mean((2, 3))))  # type: ignore[operator]

    def peer_at(self, name: str, size: int) -> object:
        """One call of a peer with this batch size."""
        if name == "pytorch-grad-cam":
            return self._peer_cam(self.x, TARGET)
        if self.case.id == "ig":
            return peers.captum_integrated_gradients(self.net, self.x, self.baseline, TARGET, steps=STEPS, size=size)
        if self.case.id == "occlusion":
            return peers.captum_occlusion(self.net, self.x, self.baseline, TARGET, window=WINDOW, size=size)
        return peers.captum_grad_cam(self.net, self.layer, self.x, TARGET)

    @cached_property
    def _peer_cam(self) -> peers.GradCamPeer:
        return peers.GradCamPeer(self.net, self.layer, ablated=ABLATED if self.case.tail else 0)

    @property
    def peer_names(self) -> tuple[str, ...]:
        """Who else does this, of those that are installed."""
        names = {"gradcam-1": ("captum", "pytorch-grad-cam"), "gradcam-16": ("captum", "pytorch-grad-cam"), "scorecam": (), "rise": ()}
        names |= {"ablationcam": ("pytorch-grad-cam",)}
        names = names.get(self.case.id, ("captum",))
        return tuple(name for name in names if not peers.missing(name))

    def floor_size(self) -> int:
        """The floor's best batch size, by measurement."""
        most = 128 if self.case.tail else 16  # what lies above the last layer is small
        sizes = tuple(s for s in (1, 2, 4, 8, 16, 32, 64, 128) if s <= min(most, len(self.points)))
        some = self.points[:most]
        return best_size(lambda size: self.floor_at(some, size), sizes, len(some), repeats=5) if len(sizes) > 1 else 1

    def peer_size(self, name: str) -> int:
        """The peer's best batch size, by measurement; 0 where it has no such option."""
        if self.case.id.startswith("gradcam") or name != "captum":
            return 0
        return best_size(partial(self.peer_at, name), (2, 4, 8), 1, repeats=2)


def network() -> nn.Module:
    """EfficientNet-Lite0, with its ImageNet weights where they are installed; they make no difference to the time."""
    try:
        return efficientnet_lite0()
    except MissingExtra:
        torch.manual_seed(0)
        return efficientnet_lite0(pretrained=False)
