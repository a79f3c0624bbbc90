"""Other libraries, called as their documentation says, with their best batch size."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

# torchvision's compiled operators do not load beside a CPU build of torch. pytorch-grad-cam and zennit import torchvision but use
# none of them for a classifier, so it is enough that their names are known before.
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def missing(peer: str) -> tuple[str, ...]:
    """The packages that a peer needs and that are not installed."""
    needed = {
        "captum": ("captum",),
        "loss-landscapes": ("loss_landscapes",),
        "pytorch-grad-cam": ("pytorch_grad_cam", "torchvision", "cv2", "ttach"),
        "timm": ("timm", "torchvision", "huggingface_hub", "yaml"),
    }
    return tuple(name for name in needed[peer] if find_spec(name) is None)


def know_torchvision() -> None:
    """Makes torchvision importable beside a CPU build of torch."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:  # operator torchvision::nms does not exist
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        _KEPT.append(library)


def import_grad_cam() -> Any:
    """The module ``pytorch_grad_cam``."""
    know_torchvision()
    import pytorch_grad_cam

    return pytorch_grad_cam


def import_timm() -> Any:
    """The module ``timm``."""
    know_torchvision()
    import timm

    return timm


_KEPT: list[object] = []


def captum_integrated_gradients(net: nn.Module, x: Tensor, baseline: Tensor, target: int, *, steps: int, size: int) -> Tensor:
    """captum's IntegratedGradients by the midpoint rule."""
    from captum.attr import IntegratedGradients

    return IntegratedGradients(net).attribute(
        x, baseline, target=target, n_steps=steps, method="riemann_middle", internal_batch_size=max(size, len(x))
    )


def captum_grad_cam(net: nn.Module, layer: nn.Module, x: Tensor, target: int) -> Tensor:
    """captum's LayerGradCam, without its ReLU, like ours."""
    from captum.attr import LayerGradCam

    return LayerGradCam(net, layer).attribute(x, target=target)


def captum_occlusion(net: nn.Module, x: Tensor, baseline: Tensor, target: int, *, window: int, size: int) -> Tensor:
    """captum's Occlusion with windows side by side."""
    from captum.attr import Occlusion

    shape = (x.shape[1], window, window)
    return Occlusion(net).attribute(
        x, shape, strides=shape, baselines=baseline, target=target, perturbations_per_eval=size, show_progress=False
    )


class GradCamPeer:
    """pytorch-grad-cam's GradCAM, or its AblationCAM with so many channels ``ablated``; built once and called many times."""

    def __init__(self, net: nn.Module, layer: nn.Module, *, ablated: int = 0) -> None:
        package = import_grad_cam()
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

        self.target = ClassifierOutputTarget
        if not ablated:
            self.cam = package.GradCAM(model=net, target_layers=[layer])
            return
        channels = next(m.num_features for m in layer.modules() if isinstance(m, nn.BatchNorm2d))
        self.cam = package.AblationCAM(model=net, target_layers=[layer], batch_size=8, ratio_channels_to_ablate=ablated / channels)

    def __call__(self, x: Tensor, target: int) -> object:
        """Maps (sample, y, x) as numpy."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return self.cam(x, targets=[self.target(target)] * len(x))
