"""The operations that a forward pass may use: every torch callable by its canonical name and kind.

A rule belongs to an operation, however it is spelled: ``F.relu``, ``nn.ReLU``, ``x.relu_()`` and ``torch.relu`` are one. The *kind* says
what an operation does to values; it decides which rule applies:

=============  ==========================================================================================
structural     outputs are copies of input elements: views, indexing, concatenation, padding, casts
linear         linear in its first operand, and in each of several where the others are constant
product        at most linear in each operand taken alone: products, matrix products, convolutions, division
elementwise    one function applied to every element
max            picks the largest (or smallest) of several elements
comparison     answers true or false; piecewise constant
softmax, norm  what torch computes in one piece and has rules of its own
composite      opened: our own body computes it from the operations above (:mod:`bodies`)
leaving        hands values to Python; what is computed from them is invisible to torch
query          shapes, dtypes, devices, and new tensors that hold none of the values
random         draws random numbers
foreign        no operation of torch (:mod:`foreign`); it can be watched, and no rule applies
=============  ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.models.rules.foreign import NAME

Kind = Literal[
    "structural",
    "linear",
    "product",
    "elementwise",
    "max",
    "comparison",
    "softmax",
    "norm",
    "composite",
    "leaving",
    "query",
    "random",
    "discrete",
    "foreign",
]


@dataclass(frozen=True)
class Operation:
    """A canonical operation."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Spelling:
    """One way to call an operation.

    Attributes:
        operation: what it does.
        call: the callable that computes it out of place.
        inplace: whether this spelling overwrites its first argument.
        reflected: whether the operands come in reversed order (``2 - x``).
    """

    operation: Operation
    call: Callable[..., Any]
    inplace: bool = False
    reflected: bool = False


NAMES: dict[Kind, str] = {
    "structural": """view reshape view_as reshape_as flatten unflatten squeeze unsqueeze permute transpose t movedim moveaxis swapaxes
        swapdims expand expand_as repeat repeat_interleave tile broadcast_to broadcast_tensors cat concat concatenate stack hstack
        vstack dstack split split_with_sizes chunk tensor_split unbind select narrow index_select gather take take_along_dim
        masked_select getitem setitem diagonal diag tril triu flip fliplr flipud roll rot90 unfold contiguous clone detach to type float
        double half bfloat16 cpu cuda type_as pad pixel_shuffle pixel_unshuffle channel_shuffle masked_fill index_fill index_copy
        index_put scatter select_scatter slice_scatter copy where atleast_1d atleast_2d atleast_3d ravel alias requires_grad adjoint
        meshgrid hsplit vsplit native_channel_shuffle zero fill embedding long int short byte char bool diag_embed diagflat block_diag
        column_stack row_stack dsplit constant_pad_nd as_strided""",
    "linear": """add sub subtract rsub neg negative positive sum mean nansum cumsum avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d
        adaptive_avg_pool2d adaptive_avg_pool3d interpolate upsample upsample_bilinear upsample_nearest trace index_add scatter_add lerp
        fold grid_sample diff batch_norm affine_grid""",
    "product": """mul multiply matmul mm bmm mv dot inner outer ger vdot einsum tensordot kron linear bilinear conv1d conv2d conv3d
        conv_transpose1d conv_transpose2d conv_transpose3d div divide true_divide addmm addmv addbmm baddbmm addr addcmul cross
        conv_tbc""",
    "elementwise": """relu relu6 leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid expit logsigmoid tanh
        softplus softsign tanhshrink hardshrink softshrink threshold exp expm1 exp2 log log1p log2 log10 sqrt rsqrt square abs absolute
        sign sin cos tan asin acos atan arcsin arccos arctan sinh cosh asinh acosh atanh erf erfc erfinv reciprocal clamp clip clamp_min
        clamp_max pow float_power round floor ceil trunc fix frac logit rrelu prelu heaviside nan_to_num sinc lgamma digamma ndtr
        log_ndtr erfcx i0 atan2 deg2rad rad2deg sgn""",
    "max": """max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices adaptive_max_pool1d
        adaptive_max_pool2d adaptive_max_pool3d adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
        adaptive_max_pool3d_with_indices amax amin max min maximum minimum fmax fmin""",
    "comparison": """gt ge lt le eq ne greater greater_equal less less_equal not_equal logical_and logical_or logical_not logical_xor
        bitwise_and bitwise_or bitwise_not bitwise_xor isnan isinf isfinite isclose any all""",
    "softmax": "softmax log_softmax logsumexp softmin",
    "norm": "layer_norm group_norm instance_norm rms_norm",
    "composite": """addcdiv remainder fmod xlogy cdist multi_dot chain_matmul _pack_padded_sequence _pad_packed_sequence
        scaled_dot_product_attention lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell glu var std var_mean
        std_mean norm vector_norm prod logaddexp cosine_similarity floor_divide multi_head_attention_forward normalize pairwise_distance
        local_response_norm dist cumprod hypot""",
    "leaving": """item tolist numpy __float__ __int__ __index__ __complex__ __array__ __contains__ equal allclose""",
    "query": """size dim ndimension numel nelement stride is_contiguous is_floating_point is_complex storage_offset element_size
        get_device is_tensor is_same_size new_zeros new_ones new_empty new_full new_tensor zeros_like ones_like empty_like full_like
        result_type can_cast __len__ __repr__ __format__ __hash__ is_nonzero __bool__ __reduce_ex__ __deepcopy__ register_hook
        retain_grad broadcast_shapes is_signed has_names is_inference is_set_to sym_size is_pinned data_ptr untyped_storage storage
        dense_dim _is_view""",
    "random": """dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout rand_like randn_like randint_like bernoulli
        multinomial normal gumbel_softmax uniform random exponential poisson""",
    "discrete": """argmax argmin argsort sort msort topk kthvalue median nanmedian mode quantile unique nonzero bincount histc
        searchsorted bucketize one_hot""",
}
# operators of exported programs that take what the function of torch of their name takes
EXPORTED = """linear relu conv1d conv2d conv3d add sub mul div matmul bmm mm addmm flatten transpose permute unsqueeze squeeze
    select cat mean sum tanh sigmoid exp log sqrt rsqrt abs clamp softmax log_softmax max_pool1d max_pool2d avg_pool1d
    adaptive_avg_pool1d dropout
    neg"""
_CANONICAL = {
    "concat": "cat",
    "concatenate": "cat",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "subtract": "sub",
    "negative": "neg",
    "expit": "sigmoid",
    "absolute": "abs",
    "clip": "clamp",
    "greater": "gt",
    "greater_equal": "ge",
    "less": "lt",
    "less_equal": "le",
    "not_equal": "ne",
    "moveaxis": "movedim",
    "swapaxes": "transpose",
    "swapdims": "transpose",
    "fix": "trunc",
    "ger": "outer",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
}
_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "div": "div", "matmul": "matmul", "pow": "pow", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "floordiv": "floor_divide", "mod": "remainder",
}  # fmt: skip
_UNARY = {"__neg__": "neg", "__pos__": "positive", "__abs__": "abs", "__invert__": "bitwise_not"}
_COMPARE = ("gt", "ge", "lt", "le", "eq", "ne")
_PROPERTIES = {"T": "t", "mT": "t", "H": "t", "mH": "t", "data": "detach"}
_C: Any = torch._C
_HOLDERS: tuple[Any, ...] = (torch, functional, Tensor, _C._nn, torch.special, torch.linalg, _C._VariableFunctions)


def spelling(function: Callable[..., Any]) -> Spelling | None:
    """What a torch callable does; None if this table does not know it."""
    name = getattr(function, NAME, None)
    if isinstance(name, str):
        return Spelling(Operation(name, "foreign"), function)
    found = _table().get(function)
    return _exported(function) if found is None and isinstance(function, torch._ops.OpOverload) else found


@cache
def _exported(function: Any) -> Spelling | None:  # noqa: ANN401
    """What an operator of an exported program does: the function of torch that takes the same arguments in the same places."""
    name = function._schema.name.removeprefix("aten::")
    outplace = name.removesuffix("_")
    if outplace not in EXPORTED.split():
        return None
    call = getattr(torch, outplace, None) or getattr(functional, outplace)
    known = _table().get(call)
    return None if known is None else Spelling(known.operation, call, inplace=name != outplace)


@cache
def operations() -> dict[str, Operation]:
    """Every canonical operation by name."""
    return {
        _CANONICAL.get(name, name): Operation(_CANONICAL.get(name, name), kind) for kind, names in NAMES.items() for name in names.split()
    }


@cache
def _table() -> dict[Callable[..., Any], Spelling]:
    known = operations()
    table: dict[Callable[..., Any], Spelling] = {}
    for names in NAMES.values():
        for name in names.split():
            operation = known[_CANONICAL.get(name, name)]
            for plain in _found(name):
                table.setdefault(plain, Spelling(operation, plain))
            outplace = next(iter(_found(name)), None)
            for inplace in _found(f"{name}_"):
                if outplace is not None:
                    table.setdefault(inplace, Spelling(operation, getattr(Tensor, name, outplace), inplace=True))
    table.update(_dunders(known))
    return table


def _found(name: str) -> Iterator[Callable[..., Any]]:
    for holder in _HOLDERS:
        one = getattr(holder, name, None)
        if callable(one):
            yield one


def _dunders(known: dict[str, Operation]) -> Iterator[tuple[Callable[..., Any], Spelling]]:
    for short, name in _OPERATORS.items():
        call = getattr(torch, name)
        for prefix in ("", "r", "i"):
            written = getattr(Tensor, f"__{prefix}{short}__", None)
            if written is not None:
                yield written, Spelling(known[name], call, inplace=prefix == "i", reflected=prefix == "r")
    for written, name in _UNARY.items():
        yield getattr(Tensor, written), Spelling(known[name], getattr(Tensor, name))
    for name in _COMPARE:
        yield getattr(Tensor, f"__{name}__"), Spelling(known[name], getattr(Tensor, name))
    yield Tensor.__getitem__, Spelling(known["getitem"], Tensor.__getitem__)
    yield Tensor.__setitem__, Spelling(known["setitem"], Tensor.__setitem__, inplace=True)
    yield torch.rsub, Spelling(known["sub"], torch.sub, reflected=True)
    yield Tensor.copy_, Spelling(known["copy"], Tensor.copy_, inplace=True)
    for name, operation in _PROPERTIES.items():
        getter: Callable[..., Any] = getattr(Tensor, name).__get__
        yield getter, Spelling(known[operation], getter)
