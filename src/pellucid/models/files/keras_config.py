"""Which configurations of Keras are built: layers and what they are made of, all of them Keras' own, and nothing that carries code.

A configuration names classes, and Keras looks them up and calls them. Here every name is looked up first, by the same names, and what
comes out has to be of a known kind; what is read is written anew without optimizers, losses and metrics.
"""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import keras

from pellucid.models.files.sandbox import Refused

DEEPEST = 100
ENTRIES = 1_000_000
LONGEST = 10_000  # characters of a text

CARRY = {
    "Lambda": "a Lambda layer is Python code that is run",
    "__lambda__": "it holds Python code that is run",
    "TorchModuleWrapper": "a wrapped torch module is a pickle, which can run any program",
    "TFSMLayer": "the layer loads another file",
    "JaxLayer": "the layer is Python code that is run",
    "FlaxLayer": "the layer is Python code that is run",
    "__typespec__": "it names types that are not Keras' own",
    "TypeSpec": "it names types that are not Keras' own",
    "CompositeTensor": "it names types that are not Keras' own",
}
VALUES = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__", "TensorShape")
PATHS = ("vocabulary", "idf_weights")  # settings that may name a file
LEFT_OUT = ("compile_config",)
PUBLIC = (
    "keras.layers", "keras.models", "keras", "keras.initializers", "keras.regularizers", "keras.constraints", "keras.dtype_policies",
    "keras.random", "keras.quantizers",
)  # fmt: skip
OWN = ("layers", "models", "ops", "initializers", "regularizers", "constraints", "dtype_policies", "random", "quantizers")
FUNCTIONS = ("builtins", "keras.activations", "keras.ops", "keras.src.activations.activations", "keras.src.ops.nn")
KINDS: tuple[type, ...] = tuple(
    found
    for found in (
        keras.Layer, keras.Operation, keras.Initializer, keras.Regularizer, keras.constraints.Constraint, keras.DTypePolicy,
        getattr(keras.dtype_policies, "DTypePolicyMap", None), keras.random.SeedGenerator, keras.Quantizer, keras.layers.InputSpec,
    )
    if found is not None
)  # fmt: skip


def canonical(text: str | bytes) -> str:
    """The configuration of a network, written anew.

    Raises:
        Refused: it is no configuration, or one that names what is not Keras' own or carries code.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused("The configuration of the Keras model can not be read", str(error).splitlines()[0][:120]) from error
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise Refused("The configuration of the Keras model names no network", str(text[:80]))
    count = [0]
    found = _checked(config, 0, count)
    cls = _class(config["class_name"], config.get("module"))
    if not issubclass(cls, keras.Layer):
        raise Refused("The configuration of the Keras model names no network", config["class_name"][:80])
    return json.dumps(found)


def _checked(value: Any, depth: int, count: list[int]) -> Any:  # noqa: ANN401 (JSON)
    count[0] += 1
    if depth > DEEPEST or count[0] > ENTRIES:
        raise Refused("The configuration of the Keras model is too large", f"over {DEEPEST} deep, or {ENTRIES} entries")
    if isinstance(value, str) and len(value) > LONGEST:
        raise Refused("The configuration of the Keras model is too large", f"a text of {len(value)} characters")
    if isinstance(value, list):
        return [_checked(one, depth + 1, count) for one in value]
    if not isinstance(value, dict):
        return value
    if "class_name" in value:
        _named(value)
    for name in PATHS:
        if isinstance(value.get(name), str):
            raise Refused("A layer of the Keras model reads another file", f"{name} {value[name][:80]!r}")
    return {name: _checked(one, depth + 1, count) for name, one in value.items() if name not in LEFT_OUT}


def _named(value: dict[str, Any]) -> None:
    """Nothing; what an entry names is refused where it is not Keras' own, or carries code."""
    name, module, registered = value["class_name"], value.get("module"), value.get("registered_name")
    if not isinstance(name, str) or not isinstance(module, str | None) or not isinstance(registered, str | None):
        raise Refused("The Keras model names no class", f"{name!r} of {module!r}"[:120])
    if name in CARRY:
        raise Refused(f"The Keras model can not be loaded safely: {CARRY[name]}", name)
    if name in VALUES:
        return
    if name == "function":
        _function(value.get("config"), module, registered)
        return
    cls = _class(name, module)
    if cls.__name__ in CARRY:  # under another name
        raise Refused(f"The Keras model can not be loaded safely: {CARRY[cls.__name__]}", name)
    if registered and registered not in (name, cls.__name__):
        raise Refused("The Keras model has classes of its own", registered[:80])


def _class(name: str, module: str | None) -> type:
    """The class that Keras would take, if it is Keras' own and of a known kind."""
    found = _exported(name, module) if module else next(filter(None, (_exported(name, one) for one in PUBLIC)), None)
    if name == "Functional" and not module:
        found = keras.Model
    if found is None:
        raise Refused("The Keras model has classes of its own", f"{module or 'unknown'}.{name}"[:120])
    if not inspect.isclass(found) or not issubclass(found, KINDS) or not found.__module__.startswith("keras.src."):
        raise Refused("The Keras model names something that is no layer", f"{module}.{name}"[:120])
    return found


def _exported(name: str, module: str) -> Any:  # noqa: ANN401
    """What a module of Keras that is loaded holds under a name; None if the module is not of those that hold layers."""
    own = module.startswith("keras.src.") and module.split(".")[2] in OWN
    if not (module in PUBLIC or own) or module not in sys.modules:
        return None
    return vars(sys.modules[module]).get(name)


def _function(name: object, module: str | None, registered: str | None) -> None:
    public = vars(keras.activations).get(str(name)) or vars(keras.ops).get(str(name))
    plain = inspect.isfunction(public) and name not in ("get", "serialize", "deserialize")
    if module not in FUNCTIONS or not plain or registered not in (None, name):
        raise Refused("The Keras model calls functions that are not Keras' own activations", f"{module}.{name}"[:120])
