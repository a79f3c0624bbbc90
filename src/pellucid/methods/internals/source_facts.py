"""What is to be said of an operation beside its name: sizes, kernel, stride, axis, as text by the name of the fact.

For every operation that is listed here all of its facts are known; the sentences (``scenes/operations_*.py``) rely on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from pellucid.models.rules.call import Call, tensors

Facts = dict[str, str]


def facts(call: Call, output: Any) -> Facts:  # noqa: ANN401
    """The facts of one operation."""
    about = _ABOUT.get(call.operation.name)
    return about(call, output) if about else {}


def _linear(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    weight: Tensor = call.argument("weight", 1)
    return {"outputs": f"{weight.shape[0]:,}", "inputs": f"{weight.shape[-1]:,}"}


def _convolution(call: Call, output: Tensor) -> Facts:
    weight: Tensor = call.argument("weight", 1)
    groups = int(call.argument("groups", 6, 1))
    channels = weight.shape[1] * groups if "transpose" not in call.operation.name else weight.shape[0]
    made = output.shape[-len(weight.shape) + 1]
    return {"outputs": f"{made:,}", "inputs": f"{channels:,}", "kernel": _size(weight.shape[2:]), "groups": f"{groups:,}"}


def _pool(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    kernel = call.argument("kernel_size", 1)
    count = int(call.operation.name.split("pool")[1][0])
    return {"kernel": _size(kernel if isinstance(kernel, (tuple, list)) else [kernel] * count)}


def _adaptive(call: Call, output: Any) -> Facts:  # noqa: ANN401
    made = output if isinstance(output, Tensor) else output[0]
    count = int(call.operation.name.split("pool")[1][0])
    return {"size": _size(made.shape[-count:])}


def _axis(place: int = 1) -> Callable[[Call, Any], Facts]:
    def about(call: Call, _output: Any) -> Facts:  # noqa: ANN401
        axis = call.argument("dim", place, call.kwargs.get("axis"))
        listed = axis if isinstance(axis, (tuple, list)) else [axis]
        dims = call.operands[0].ndim
        return {
            "axis": ", ".join(str(a % dims if dims else a) for a in listed) if axis is not None and not isinstance(axis, Tensor) else ""
        }

    return about


def _joined(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    parts = list(tensors(call.args[:1], {}))
    axis = call.argument("dim", 1, 0)
    dims = call.operands[0].ndim + (call.operation.name == "stack")
    return {"count": f"{len(parts):,}", "axis": str(axis % dims)}


def _recurrent(call: Call, output: Any) -> Facts:  # noqa: ANN401
    last = output[0] if isinstance(output, (tuple, list)) else output
    return {"inputs": f"{call.operands[0].shape[-1]:,}", "outputs": f"{last.shape[-1]:,}"}


def _attention(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    return {"heads": str(call.argument("num_heads", 4)), "inputs": str(call.argument("embed_dim_to_check", 3))}


def _products(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    return {"heads": f"{call.operands[0].shape[-3] if call.operands[0].ndim > 3 else 1:,}"}


def _embedding(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    table = call.args[1] if len(call.args) > 1 else call.kwargs["weight"]
    return {"rows": f"{table.shape[0]:,}", "size": f"{table.shape[1]:,}"}


def _normalized(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    shape = call.argument("normalized_shape", 1)
    return {"size": _size([shape] if isinstance(shape, int) else shape)}


def _grouped(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    return {"groups": str(call.argument("num_groups", 1))}


def _dropout(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    training = bool(call.argument("training", 2, True)) and float(call.argument("p", 1, 0.5)) > 0
    return {"share": f"{float(call.argument('p', 1, 0.5)):.3g}", "acts": "yes" if training else "no"}


def _batch_normalized(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    return {"size": f"{call.operands[0].shape[1]:,}"}


def _other(call: Call, _output: Any) -> Facts:  # noqa: ANN401
    """The number that stands beside the operand; with two tensors none."""
    if len(list(tensors(call.args, call.kwargs))) > 1:
        plain = [t for t in tensors(call.args, call.kwargs) if not any(t is o for o in call.operands)]
        if plain and plain[0].numel() == 1:
            return {"number": f"{float(plain[0]):.4g}"}
        return {"second": "fixed" if plain else "value"}
    numbers = [a for a in (*call.args, *call.kwargs.values()) if isinstance(a, (int, float)) and not isinstance(a, bool)]
    return {"number": f"{numbers[0]:.4g}"} if numbers else {}


def _size(sizes: Any) -> str:  # noqa: ANN401
    return "x".join(str(int(s)) for s in sizes)


_ABOUT: dict[str, Callable[[Call, Any], Facts]] = {
    "linear": _linear,
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _convolution for n in (1, 2, 3)},
    **{f"{k}_pool{n}d": _pool for k in ("max", "avg") for n in (1, 2, 3)},
    **{f"max_pool{n}d_with_indices": _pool for n in (1, 2, 3)},
    **{f"adaptive_{k}_pool{n}d": _adaptive for k in ("max", "avg") for n in (1, 2, 3)},
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp", "cumsum", "argmax"), _axis()),
    **dict.fromkeys(("mean", "sum", "max", "min", "amax", "amin", "std", "var"), _axis()),
    "cat": _joined,
    "stack": _joined,
    "embedding": _embedding,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"), _recurrent),
    "multi_head_attention_forward": _attention,
    "scaled_dot_product_attention": _products,
    "layer_norm": _normalized,
    "rms_norm": _normalized,
    "group_norm": _grouped,
    "batch_norm": _batch_normalized,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"), _dropout),
    **dict.fromkeys(("add", "sub", "mul", "div", "pow"), _other),
}  # fmt: skip
