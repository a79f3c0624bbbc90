"""Loads a SavedModel and runs it once in a process of its own (:mod:`pellucid.models.files.sandbox`), so that a crash is one there."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pellucid.models.files.sandbox import Refused
from pellucid.models.files.tensorflow_file import signature

OPEN = 2  # how long an axis without a length is taken to be
MOST = 1 << 26  # numbers of an input


def warmed() -> None:
    """Has TensorFlow start its threads before there are limits."""
    call: Any = tf.function(lambda x: x + 1)
    call(tf.zeros(OPEN))


def loaded(folder: bytes) -> bytes:
    """Nothing.

    Raises:
        Refused: TensorFlow does not take it, or it asks for too much memory.
    """
    function = signature(folder.decode())
    specs: Any = function.structured_input_signature[1]
    given: dict[str, Any] = {}
    for name, spec in specs.items():
        shape = [OPEN if size is None else int(size) for size in (spec.shape if spec.shape.rank is not None else ())]
        if tf.TensorShape(shape).num_elements() > MOST or not (spec.dtype.is_floating or spec.dtype.is_integer or spec.dtype.is_bool):
            raise Refused("An input of the SavedModel is too large, or holds no numbers", f"{name[:80]}: {shape} of {spec.dtype.name}")
        given[name] = tf.zeros(shape, spec.dtype)
    try:
        function(**given)
    except tf.errors.ResourceExhaustedError as error:
        raise Refused("The SavedModel asks for too much memory", str(error).splitlines()[0][:160]) from error
    except (tf.errors.OpError, ValueError, TypeError):
        pass  # these lengths may be wrong; what counts is that it came back
    return b""
