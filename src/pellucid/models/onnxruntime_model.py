"""ONNX Runtime: ``onnxruntime.InferenceSession``. The session is asked for answers only; what it runs is read from its model."""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.function_model import FunctionModel
from pellucid.models.read_model import ReadModel

Run = Callable[[dict[str, np.ndarray]], Any]
_SOURCES: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


def adapt(model: Any, spec: ModelSpec | None) -> ReadModel | FunctionModel | None:  # noqa: ANN401
    """The model interface of a session; None if it is none."""
    if not isinstance(model, onnxruntime.InferenceSession):
        return None
    from pellucid.models.onnx_model import behind_interface

    return behind_interface(replace(_SOURCES.get(model) or _source(model), holder=model), spec)


def _source(session: onnxruntime.InferenceSession) -> Any:  # noqa: ANN401
    import onnx
    from google.protobuf.message import DecodeError

    from pellucid.models.onnx_model import OnnxSource, Owner

    held: bytes | None = getattr(session, "_model_bytes", None)
    path: str = getattr(session, "_model_path", None) or ""
    try:
        model = onnx.load_model_from_string(held) if held else onnx.load(path)
    except (DecodeError, OSError, TypeError, ValueError) as error:
        problem = "The model of this session can not be read again"
        raise ModelError(
            problem, received=path, remedy="give onnx.load(path), or a function x -> session.run(None, {name: x})[0]"
        ) from error
    key = hashlib.sha256(held or Path(path).read_bytes()).hexdigest()[:16]
    found = weakref.ref(session)

    def run(arrays: dict[str, np.ndarray]) -> Any:  # noqa: ANN401
        alive = found()
        if alive is None:
            raise ModelError("The session is gone", received="InferenceSession", remedy="keep it while it is explained")
        return alive.run(None, arrays)

    _SOURCES[session] = source = OnnxSource(model, run, version(), Owner(), key)
    return source


def runner(data: bytes) -> tuple[Run, tuple[str, str]]:
    """What evaluates the model in these bytes; the session is made when it is first asked."""
    made: list[onnxruntime.InferenceSession] = []

    def run(arrays: dict[str, np.ndarray]) -> Any:  # noqa: ANN401
        if not made:
            made.append(session(data))
        return made[0].run(None, arrays)

    return run, version()


def session(data: bytes) -> onnxruntime.InferenceSession:
    """A quiet session on the processor."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions have no common class
        told = str(error).splitlines()[0][:160]
        raise ModelError("ONNX Runtime does not take this model", received=told, remedy="check it with onnx.checker.check_model") from error


def version() -> tuple[str, str]:
    """ONNX Runtime and its version."""
    return "ONNX Runtime", onnxruntime.__version__
