"""One network, whatever it is, behind the model interface.

An adapter is one file, ``<framework>_model.py``, with a function ``adapt(model, spec)`` that returns None for what is not its own, and one
line here. It is asked only once the user has imported the framework, so nothing is loaded that is not in use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.function_model import FunctionModel

if TYPE_CHECKING:
    from torch import nn

    from pellucid.models.protocol import Model


# a module that is loaded wherever such a network can be -> its adapter, in the order in which they are asked
ADAPTERS = {
    "sklearn": "sklearn_model",
    "keras": "keras_model",
    "jax": "jax_model",
    "onnx": "onnx_model",
    "onnxruntime": "onnxruntime_model",
    "tensorflow": "tensorflow_model",
}


def wrap(model: nn.Module | Callable[..., Any] | Model, spec: ModelSpec | None = None) -> Model:
    """The model interface of a network of any framework, or of any function ``x -> scores``.

    Args:
        model: a ``torch.nn.Module`` (compiled and data-parallel ones are unwrapped), a network of another framework (see
            :data:`ADAPTERS`), a fitted estimator or pipeline of scikit-learn, or a function that takes a batch and returns scores
            (sample,) or (sample, class). A model that was wrapped already comes back as it is, with ``spec`` if one is given.
        spec: what goes in and comes out; what it leaves open is guessed, and the guesses are shown in the provenance.

    Raises:
        ModelError: neither a network nor a function.
    """
    from torch import nn

    from pellucid.models.read_model import ReadModel
    from pellucid.models.torch_model import TorchModel

    if isinstance(model, (TorchModel, FunctionModel, ReadModel)):
        if spec is None:
            return model
        return model.respecified(spec)
    for framework, adapter in ADAPTERS.items():
        if framework in sys.modules:
            adapted = import_module(f"pellucid.models.{adapter}").adapt(model, spec)
            if adapted is not None:
                return adapted
    if isinstance(model, nn.Module):
        return TorchModel(model, spec or ModelSpec())
    if isinstance(model, type):
        raise ModelError("This is a class, not a model", received=model.__name__, remedy=f"give an instance: {model.__name__}(...)")
    if hasattr(model, "predict_proba") or hasattr(model, "predict"):
        raise ModelError(
            "This object predicts, and no adapter knows it",
            received=type(model).__name__,
            remedy=f"give its method: model.{'predict_proba' if hasattr(model, 'predict_proba') else 'predict'}",
        )
    if callable(model):
        return FunctionModel(model, spec or ModelSpec())
    raise ModelError(
        "This is no model",
        received=type(model).__name__,
        remedy="give a torch.nn.Module, a network of another framework that is imported, or a function x -> scores",
    )
