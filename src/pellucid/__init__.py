"""Pellucid: see into a neural network, and believe what you see.

Everything public is found here and loaded at first use: ``import pellucid`` itself loads no framework.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pellucid.explanation import renderers
from pellucid.methods.internals.registry import INSPECTIONS
from pellucid.methods.registry import METHODS

if TYPE_CHECKING:  # what editors and type checkers see; method classes come from the registry
    from pellucid import interop as interop
    from pellucid.data import datasets as datasets
    from pellucid.data.baselines import BackgroundMean as BackgroundMean
    from pellucid.data.baselines import BackgroundPatches as BackgroundPatches
    from pellucid.data.baselines import Blur as Blur
    from pellucid.data.baselines import Constant as Constant
    from pellucid.data.baselines import MeanColor as MeanColor
    from pellucid.data.baselines import Rows as Rows
    from pellucid.data.image import ImagePreparation as ImagePreparation
    from pellucid.data.table import TablePreparation as TablePreparation
    from pellucid.errors import PellucidError as PellucidError
    from pellucid.explanation.check import Check as Check
    from pellucid.explanation.explanation import Explanation as Explanation
    from pellucid.explanation.explanation import load as load
    from pellucid.explanation.spec import InputSpec as InputSpec
    from pellucid.explanation.spec import ModelSpec as ModelSpec
    from pellucid.explanation.target import Class as Class
    from pellucid.explanation.target import Margin as Margin
    from pellucid.explanation.target import Output as Output
    from pellucid.explanation.target import Pixels as Pixels
    from pellucid.explanation.target import Predicted as Predicted
    from pellucid.explanation.target import Token as Token
    from pellucid.harness.apply_pruning import apply_pruning as apply_pruning
    from pellucid.harness.compare import compare as compare
    from pellucid.harness.comparison import Comparison as Comparison
    from pellucid.harness.explain import explain as explain
    from pellucid.harness.importance import Importance as Importance
    from pellucid.harness.inspect import inspect as inspect
    from pellucid.harness.judge import judge as judge
    from pellucid.harness.pair_interactions import PairInteractions as PairInteractions
    from pellucid.harness.pair_interactions import interactions as interactions
    from pellucid.harness.permutation_importance import permutation_importance as permutation_importance
    from pellucid.methods.registry import methods as methods
    from pellucid.methods.run import Budget as Budget
    from pellucid.models.wrap import wrap as wrap
    from pellucid.report.annotated import annotated_source as annotated_source
    from pellucid.report.annotated import write_annotated as write_annotated
    from pellucid.report.explained import report as report
    from pellucid.training.evaluate import evaluate as evaluate
    from pellucid.training.fit import fit as fit
    from pellucid.training.jax_watch import JaxWatch as JaxWatch
    from pellucid.training.keras_callback import KerasWatch as KerasWatch
    from pellucid.training.lightning_callback import WatchLightning as WatchLightning
    from pellucid.training.recording.recorder import Recorder as Recorder
    from pellucid.training.recording.steering import TrainingStopped as TrainingStopped
    from pellucid.training.runs.run import Run as Run
    from pellucid.training.transformers_callback import WatchTransformers as WatchTransformers
    from pellucid.training.watch import watch as watch

_PUBLIC = {
    "explain": "harness.explain",
    "inspect": "harness.inspect",
    "apply_pruning": "harness.apply_pruning",
    "judge": "harness.judge",
    "compare": "harness.compare",
    "Comparison": "harness.comparison",
    "permutation_importance": "harness.permutation_importance",
    "Importance": "harness.importance",
    "interactions": "harness.pair_interactions",
    "PairInteractions": "harness.pair_interactions",
    "report": "report.explained",
    "annotated_source": "report.annotated",
    "write_annotated": "report.annotated",
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
    "Token": "explanation.target",
    "PellucidError": "errors",
    "Constant": "data.baselines",
    "BackgroundMean": "data.baselines",
    "BackgroundPatches": "data.baselines",
    "MeanColor": "data.baselines",
    "Blur": "data.baselines",
    "Rows": "data.baselines",
    "TablePreparation": "data.table",
    "ImagePreparation": "data.image",
    "fit": "training.fit",
    "evaluate": "training.evaluate",
    "watch": "training.watch",
    "KerasWatch": "training.keras_callback",
    "JaxWatch": "training.jax_watch",
    "WatchLightning": "training.lightning_callback",
    "WatchTransformers": "training.transformers_callback",
    "Run": "training.runs.run",
    "Recorder": "training.recording.recorder",
    "TrainingStopped": "training.recording.steering",
    **{place.split(":")[1]: f"methods.{place.split(':')[0]}" for place in METHODS.values()},
    **{place.split(":")[1]: f"methods.{place.split(':')[0]}" for place in INSPECTIONS.values()},
}
_MODULES = {"datasets": "data.datasets", "interop": "interop"}

renderers.register("plot", "history", "pellucid.paper:plot_history")
renderers.register("plot", "run", "pellucid.paper:plot_run")
renderers.register("export", "run", "pellucid.report.exports:export_run")
renderers.register("plot", "comparison", "pellucid.paper:plot_comparison")
renderers.register("plot", "interactions", "pellucid.paper:plot_interactions")
renderers.register("plot", "importance", "pellucid.paper:plot_importance")
renderers.register("narrate", "importance", "pellucid.narration:narrate_importance")
renderers.register("narrate", "comparison", "pellucid.narration:narrate_comparison")
renderers.register("narrate", "diagnosis", "pellucid.narration:narrate_finding")
for _kind in ("attribution", "layer_attribution", "curve", "surface"):
    renderers.register("plot", _kind, "pellucid.paper:plot")
    renderers.register("display", _kind, "pellucid.report.notebook:display")
    renderers.register("narrate", _kind, "pellucid.narration:narrate")
for _kind in ("graph", "text", "regions", "layers"):
    renderers.register("plot", _kind, "pellucid.paper:plot_inspection")
    renderers.register("display", _kind, "pellucid.report.notebook:display_inspection")
    renderers.register("narrate", _kind, "pellucid.narration:narrate_inspection")

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
globals().pop("methods", None)  # the import of the registry above bound the subpackage before this class stood guard
