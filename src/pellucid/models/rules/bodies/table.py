"""Which composite operation is computed by which body, so that every rule set covers it.

Each body takes what the torch function takes and computes the same values. It runs under the interceptor, so each line of it meets its
rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from pellucid.models.rules.bodies import arithmetic, attention, recurrent, statistics

BODIES: dict[str, Callable[..., Any]] = {
    "scaled_dot_product_attention": attention.scaled_dot_product_attention,
    "glu": arithmetic.glu,
    **{kind: recurrent.recurrent(kind) for kind in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    "lstm_cell": recurrent.lstm_cell,
    "gru_cell": recurrent.gru_cell,
    "rnn_tanh_cell": recurrent.rnn_tanh_cell,
    "rnn_relu_cell": recurrent.rnn_relu_cell,
    "_pack_padded_sequence": recurrent.pack,
    "_pad_packed_sequence": recurrent.unpack,
    "var": statistics.var,
    "std": statistics.std,
    "var_mean": statistics.var_mean,
    "std_mean": statistics.std_mean,
    "norm": statistics.norm,
    "vector_norm": statistics.norm,
    "cosine_similarity": statistics.cosine_similarity,
    "pairwise_distance": statistics.pairwise_distance,
    "dist": statistics.dist,
    "cdist": statistics.cdist,
    "prod": arithmetic.prod,
    "cumprod": arithmetic.cumprod,
    "floor_divide": lambda given, other: torch.div(given, other).floor(),
    "remainder": arithmetic.remainder,
    "fmod": arithmetic.fmod,
    "addcdiv": arithmetic.addcdiv,
    "chain_matmul": arithmetic.chain,
    "multi_dot": arithmetic.chain,
    "xlogy": arithmetic.xlogy,
    "logaddexp": arithmetic.logaddexp,
    "hypot": arithmetic.hypot,
}
