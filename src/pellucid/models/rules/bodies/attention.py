"""Attention in one piece, written out."""

from __future__ import annotations

import torch
from torch import Tensor

_BLOCKED = -1e30  # not -inf: a difference of two -inf is not a number


def scaled_dot_product_attention(  # noqa: D103 (torch's own signature)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    if enable_gqa:
        times = query.size(-3) // key.size(-3)
        key, value = key.repeat_interleave(times, -3), value.repeat_interleave(times, -3)
    weights = query.matmul(key.transpose(-2, -1)) * (query.size(-1) ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool, device=query.device).tril()
    if attn_mask is not None:
        weights = weights.masked_fill(~attn_mask, _BLOCKED) if attn_mask.dtype == torch.bool else weights + attn_mask.clamp(min=_BLOCKED)
    weights = weights.softmax(-1)
    if dropout_p:
        weights = torch.dropout(weights, dropout_p, train=True)
    return weights.matmul(value)
