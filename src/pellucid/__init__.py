"""Pellucid: see into a neural network, and believe what you see.

Everything public is found here and loaded at first use: ``import pellucid`` itself loads no framework.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from pellucid.explanation import renderers

_PUBLIC = {
    "explain": "harness.explain",
    "judge": "harness.judge",
    "report": "report.explained",
    "wrap": "models.wrap",
    "methods": "methods.registry",
    "Budget": "methods.run",
    "load": "explanation.explanation",
    "Explanation": "explanation.explanation",
    "Check": "explanation.check",
    "InputSpec": "explanation.spec",
    "ModelSpec": "explanation.spec",
    "Class": "explanation.target",
    "Margin": "explanation.target",
    "Output": "explanation.target",
    "Pixels": "explanation.target",
    "Predicted": "explanation.target",
    "PellucidError": "errors",
    "Constant": "data.baselines",
    "BackgroundMean": "data.baselines",
    "MeanColor": "data.baselines",
    "Blur": "data.baselines",
    "Rows": "data.baselines",
    "TablePreparation": "data.table",
    "ImagePreparation": "data.image",
    "fit": "training.fit",
    "evaluate": "training.evaluate",
    "Random": "methods.attribution.random",
    "Gradient": "methods.attribution.gradient",
    "GradientTimesInput": "methods.attribution.gradient",
    "SmoothGrad": "methods.attribution.smoothgrad",
    "IntegratedGradients": "methods.attribution.integrated_gradients",
    "GradCAM": "methods.attribution.gradcam",
    "Occlusion": "methods.attribution.occlusion",
}
_MODULES = {"datasets": "data.datasets"}

renderers.register("plot", "history", "pellucid.paper:plot_history")
for _kind in ("attribution", "layer_attribution"):
    renderers.register("plot", _kind, "pellucid.paper:plot")
    renderers.register("display", _kind, "pellucid.report.notebook:display")
    renderers.register("narrate", _kind, "pellucid.narration:narrate")

__all__ = [*_PUBLIC, *_MODULES]  # pyright: ignore[reportUnsupportedDunderAll]  (one table, that can not drift from another)


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name in _PUBLIC:
        found = getattr(import_module(f"pellucid.{_PUBLIC[name]}"), name)
    elif name in _MODULES:
        found = import_module(f"pellucid.{_MODULES[name]}")
    else:
        raise AttributeError(f"module 'pellucid' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


class _Face(ModuleType):
    """The package, whose public functions are not hidden by subpackages of the same name (``methods``, ``report``)."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in _PUBLIC):  # the import system binds every subpackage it loads
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
