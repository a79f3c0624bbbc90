"""Keras 3 on each of its backends: read through TensorFlow's graph, JAX's jaxpr or ``torch.export``."""

from __future__ import annotations

from typing import Any

import keras

from pellucid.errors import ModelError
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.models.keras_torch import KerasTorchSource, packed
from pellucid.models.read_model import ReadModel
from pellucid.models.twin_model import completed

CALLS = ("predict", "__call__", "call")  # methods in whose place the model itself says more


def adapt(model: Any, spec: ModelSpec | None) -> ReadModel | None:  # noqa: ANN401
    """The model interface of a Keras model or layer, also where one of its methods was given; None if it is none."""
    if not isinstance(model, keras.Layer):
        owner = getattr(model, "__self__", None)
        if not isinstance(owner, keras.Layer) or getattr(model, "__name__", "") not in CALLS:
            return None
        model = owner
    if not model.built:
        raise ModelError(
            "The Keras model has no weights yet", received=model.name, remedy="call it once on a batch, or give it a keras.Input"
        )
    return ReadModel(_source(model), completed(spec, ModelSpec(inputs=_inputs(model))))


def _source(model: Any) -> Any:  # noqa: ANN401
    backend = keras.backend.backend()
    if backend == "tensorflow":
        from pellucid.models.tensorflow_model import TensorflowSource

        def call(*inputs: Any, **named: Any) -> Any:  # noqa: ANN401
            return model(named or packed(inputs, ()), training=False)

        return TensorflowSource(call, model, model.name, tuple(model.variables), _paths(model.variables))
    if backend == "jax":
        from pellucid.models.jax_model import JaxSource

        def apply(values: Any, *inputs: Any, **named: Any) -> Any:  # noqa: ANN401
            return model.stateless_call(*values, named or packed(inputs, ()), training=False)[0]

        trained, other = model.trainable_variables, model.non_trainable_variables
        values = tuple(v.value for v in trained), tuple(v.value for v in other)
        return JaxSource(apply, values, model, model.name, paths=_paths((*trained, *other)))
    return KerasTorchSource(model, model.name)


def _paths(variables: Any) -> tuple[str, ...]:  # noqa: ANN401
    return tuple(variable.path.replace("/", ".") for variable in variables)


def _inputs(model: Any) -> tuple[InputSpec, ...]:  # noqa: ANN401
    """What Keras knows of the inputs: pictures have their channels where its image format says, if that can be told from the shape."""
    found = getattr(model, "inputs", None) or ()
    if len(found) != 1 or len(found[0].shape) != 4:
        return ()
    last = keras.config.image_data_format() == "channels_last"
    return (InputSpec(kind="image", axes=("y", "x", "channel") if last else ("channel", "y", "x")),)
