"""Keras 3 on each of its backends: read through TensorFlow's graph or JAX's jaxpr; on torch it is a torch network already."""

from __future__ import annotations

from typing import Any

import keras

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.protocol import Model
from pellucid.models.read_model import ReadModel


def adapt(model: Any, spec: ModelSpec | None) -> Model | None:  # noqa: ANN401
    """The model interface of a Keras model or layer; None if it is none."""
    if not isinstance(model, keras.Layer):
        return None
    if not model.built:
        raise ModelError(
            "The Keras model has no weights yet", received=model.name, remedy="call it once on a batch, or give it a keras.Input"
        )
    backend = keras.backend.backend()
    variables = tuple(model.variables)
    paths = tuple(variable.path.replace("/", ".") for variable in variables)

    def call(*inputs: Any) -> Any:  # noqa: ANN401
        return model(inputs[0] if len(inputs) == 1 else list(inputs), training=False)

    if backend == "tensorflow":
        from pellucid.models.tensorflow_model import TensorflowSource

        return ReadModel(TensorflowSource(call, model, model.name, variables, paths), spec or ModelSpec())
    if backend == "jax":
        from pellucid.models.jax_model import JaxSource

        def apply(values: Any, *inputs: Any) -> Any:  # noqa: ANN401
            trainable, other = values
            given = inputs[0] if len(inputs) == 1 else list(inputs)
            return model.stateless_call(trainable, other, given, training=False)[0]

        parts = (tuple(v.value for v in model.trainable_variables), tuple(v.value for v in model.non_trainable_variables))
        named = (*model.trainable_variables, *model.non_trainable_variables)
        paths = tuple(variable.path.replace("/", ".") for variable in named)
        return ReadModel(JaxSource(apply, parts, model, model.name, paths=paths), spec or ModelSpec())
    from pellucid.models.keras_torch import KerasTorchSource

    return ReadModel(KerasTorchSource(model, model.name), spec or ModelSpec())
