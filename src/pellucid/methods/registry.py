"""Every method by its id. A new method is one file and one line here; tests, docs and menus follow from it."""

from __future__ import annotations

import dataclasses
import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from pellucid.errors import InputError, UnknownName

if TYPE_CHECKING:
    from pellucid.methods.protocol import Method

METHODS: dict[str, str] = {
    "random": "attribution.random:Random",
    "gradient": "attribution.gradient:Gradient",
    "gradient_times_input": "attribution.gradient:GradientTimesInput",
    "smoothgrad": "attribution.smoothgrad:SmoothGrad",
    "integrated_gradients": "attribution.integrated_gradients:IntegratedGradients",
    "deeplift": "attribution.deeplift:DeepLIFT",
    "deepshap": "attribution.deepshap:DeepSHAP",
    "expected_gradients": "attribution.expected_gradients:ExpectedGradients",
    "conductance": "attribution.conductance:Conductance",
    "lrp": "attribution.lrp:LRP",
    "guided_backprop": "attribution.guided_backprop:GuidedBackprop",
    "deconvolution": "attribution.deconvolution:Deconvolution",
    "fullgrad": "attribution.fullgrad:FullGrad",
    "gradcam": "attribution.gradcam:GradCAM",
    "gradcam++": "attribution.gradcam_plus_plus:GradCAMPlusPlus",
    "hirescam": "attribution.hirescam:HiResCAM",
    "layercam": "attribution.layercam:LayerCAM",
    "scorecam": "attribution.scorecam:ScoreCAM",
    "ablationcam": "attribution.ablationcam:AblationCAM",
    "eigencam": "attribution.eigencam:EigenCAM",
    "attention": "attribution.attention:Attention",
    "attention_norm": "attribution.attention_norm:AttentionNorm",
    "attention_rollout": "attribution.attention_rollout:AttentionRollout",
    "attention_gradient": "attribution.attention_gradient:AttentionGradient",
    "occlusion": "attribution.occlusion:Occlusion",
    "shap": "attribution.shap:SHAP",
    "sensitivity": "attribution.sensitivity:Sensitivity",
    "sobol": "attribution.sobol:Sobol",
    "mask": "attribution.mask:Mask",
    "rise": "attribution.rise:RISE",
    "lime": "attribution.lime:LIME",
}
ALIASES = {
    "ig": "integrated_gradients",
    "deep_lift": "deeplift",
    "deep_shap": "deepshap",
    "deep_explainer": "deepshap",
    "grad-cam": "gradcam",
    "grad_cam": "gradcam",
    "grad_cam++": "gradcam++",
    "gradcam_plus_plus": "gradcam++",
    "hires_cam": "hirescam",
    "layer_cam": "layercam",
    "score_cam": "scorecam",
    "ablation_cam": "ablationcam",
    "eigen_cam": "eigencam",
    "gradient_shap": "expected_gradients",
    "gradientshap": "expected_gradients",
    "saliency": "gradient",
    "kernel_shap": "shap",
    "kernelshap": "shap",
    "shapley": "shap",
    "input_x_gradient": "gradient_times_input",
}


@dataclasses.dataclass(frozen=True)
class MethodRow:
    """One row of ``pl.methods()``: the id, the class, what it needs of a model, its fields with their defaults, one line about it."""

    id: str
    name: str
    needs: tuple[str, ...]
    fields: dict[str, str]
    summary: str


def method_class(name: str) -> type[Method]:
    """The class of a method id or alias."""
    plain = name.strip().lower().replace(" ", "_")
    plain = ALIASES.get(plain, ALIASES.get(plain.replace("-", "_"), plain.replace("-", "_")))
    if plain not in METHODS:
        raise UnknownName("method", name, METHODS, also=ALIASES, shown=len(METHODS))
    module, cls = METHODS[plain].split(":")
    return getattr(import_module(f"pellucid.methods.{module}"), cls)


def as_method(method: str | Method | type[Method]) -> Method:
    """A method object from an id, an alias, a class or an object."""
    if isinstance(method, str):
        return method_class(method)()
    if inspect.isclass(method) and hasattr(method, "attribute"):
        return method()
    if hasattr(method, "attribute"):
        return method  # type: ignore[return-value]
    raise InputError(
        "This is no method", received=repr(method)[:80], remedy=f"give one of {', '.join(METHODS)} or an object such as GradCAM()"
    )


def methods() -> tuple[MethodRow, ...]:
    """All methods that this Pellucid has."""
    rows = []
    for name in METHODS:
        cls = method_class(name)
        fields = {f.name: repr(f.default) for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        rows.append(MethodRow(name, cls.__name__, tuple(sorted(cls.needs)), fields, (inspect.getdoc(cls) or "").splitlines()[0]))
    return tuple(rows)
