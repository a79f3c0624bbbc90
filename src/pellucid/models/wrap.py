"""One network, whatever it is, behind the model interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.function_model import FunctionModel

if TYPE_CHECKING:
    from torch import nn

    from pellucid.models.protocol import Model


def wrap(model: nn.Module | Callable[..., Any] | Model, spec: ModelSpec | None = None) -> Model:
    """The model interface of a torch module or of any function ``x -> scores``.

    Args:
        model: a ``torch.nn.Module`` (compiled and data-parallel ones are unwrapped), or a function that takes a batch and returns scores
            (sample,) or (sample, class). A model that was wrapped already comes back as it is, with ``spec`` if one is given.
        spec: what goes in and comes out; what it leaves open is guessed, and the guesses are shown in the provenance.

    Raises:
        ModelError: neither a module nor a function.
    """
    from torch import nn

    from pellucid.models.torch_model import TorchModel

    if isinstance(model, (TorchModel, FunctionModel)):
        if spec is None:
            return model
        return TorchModel(model.net, spec) if isinstance(model, TorchModel) else FunctionModel(model.function, spec)
    if isinstance(model, nn.Module):
        return TorchModel(model, spec or ModelSpec())
    if isinstance(model, type):
        raise ModelError("This is a class, not a model", received=model.__name__, remedy=f"give an instance: {model.__name__}(...)")
    if hasattr(model, "predict_proba") or hasattr(model, "predict"):
        raise ModelError(
            "An estimator object is not a function",
            received=type(model).__name__,
            remedy=f"give its method: model.{'predict_proba' if hasattr(model, 'predict_proba') else 'predict'}",
        )
    if callable(model):
        return FunctionModel(model, spec or ModelSpec())
    raise ModelError("This is no model", received=type(model).__name__, remedy="give a torch.nn.Module or a function x -> scores")
