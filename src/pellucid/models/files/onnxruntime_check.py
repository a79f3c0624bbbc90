"""Runs an ONNX model once in a process of its own (:mod:`pellucid.models.files.sandbox`), so that what crashes or grows does so there."""

from __future__ import annotations

import numpy as np
import onnxruntime

KINDS = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16, "tensor(int64)": np.int64,
    "tensor(int32)": np.int32, "tensor(int16)": np.int16, "tensor(int8)": np.int8, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_,
}  # fmt: skip
OPEN = 2  # how long an axis without a length is taken to be
MOST = 1 << 28  # numbers of an input


def rehearsed(data: bytes) -> None:
    """Nothing.

    Raises:
        ValueError: the model can not be loaded, or asks for too much memory.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # its own exceptions have no common class
        raise ValueError(f"ONNX Runtime does not take this model\n{str(error).splitlines()[0][:200]}") from error
    arrays: dict[str, np.ndarray] = {}
    for one in session.get_inputs():
        shape = [size if isinstance(size, int) and size > 0 else OPEN for size in one.shape]
        if one.type not in KINDS:
            return
        if float(np.prod(np.array(shape, np.float64))) > MOST:
            raise ValueError(f"An input of the ONNX model is too large\n{one.name[:80]}: {shape[:8]}")
        arrays[one.name] = np.zeros(shape, KINDS[one.type])
    try:
        session.run(None, arrays)
    except Exception as error:  # these lengths may be wrong; what counts is that it came back
        if "alloc" in str(error).lower():
            raise ValueError(f"The ONNX model asks for too much memory\n{str(error).splitlines()[0][:200]}") from error
