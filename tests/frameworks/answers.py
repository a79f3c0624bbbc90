"""What the tests of adapters ask of every network."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import pellucid as pl
from pellucid.explanation.spec import ModelSpec
from pellucid.models.inputs import collect
from pellucid.models.twin_model import TwinModel
from pellucid.models.wrap import wrap


def read(model: Any, x: Any) -> TwinModel:
    """The network as it is read for these rows."""
    return wrap(model).model(collect(x, ModelSpec()))  # type: ignore[union-attr]


def gap(model: Any, x: Any) -> float:
    """The largest difference between what is read and what the framework answers, over several numbers of rows."""
    found = 0.0
    for count in (1, 2, len(_first(x))):
        rows = {k: v[:count] for k, v in x.items()} if isinstance(x, dict) else x[:count]
        twin = read(model, x)
        given = list(rows.values()) if isinstance(rows, dict) else [rows]
        with torch.no_grad():
            tensors = [torch.as_tensor(one) for one in given]
            dtype = twin.torch_dtype or torch.float32
            ours = twin.net(*(one.to(dtype) if one.is_floating_point() else one for one in tensors))
        found = max(found, float((ours - wrap(model).source.evaluate(*given)).abs().max()))
    return found


def layers(model: Any, x: Any) -> list[str]:
    """The names of its layers."""
    return [name for name, module in read(model, x).net.named_modules() if name and type(module).__name__ in ("Layer", "Embedding")]


def incomplete(model: Any, x: Any, *, methods: tuple[str, ...] = ("integrated_gradients", "deeplift"), within: float = 1e-4) -> list[str]:
    """Methods whose attributions do not sum to the difference of scores, up to (twice, it is an estimate) the error that they state."""
    found = []
    for method in methods:
        e = pl.explain(model, x, method, target=1)
        check = next(one for one in e.checks if one.name == "completeness")
        if not np.all(np.abs(check.value) <= np.maximum(within, 2 * check.reference)):
            found.append(method)
    return found


def _first(x: Any) -> Any:
    return next(iter(x.values())) if isinstance(x, dict) else x
