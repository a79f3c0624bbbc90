"""Runs a network or a function over rows and reads its answers as probabilities or values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.data.columns import is_frame
from pellucid.errors import InputError, ModelError
from pellucid.training.modes import modes_kept, seeded

Scorer: TypeAlias = "nn.Module | Callable[[np.ndarray], Any]"
Outputs: TypeAlias = Literal["logits", "probabilities", "values"]


def run_rows(scorer: Scorer, inputs: Any, batch_size: int) -> np.ndarray:  # noqa: ANN401
    """The outputs (sample, ...) in float64; a network is run in eval mode and left as it was."""
    if isinstance(scorer, nn.Module):
        outputs = _run_network(scorer, inputs, batch_size)
    else:
        rows = inputs.detach().cpu().numpy() if isinstance(inputs, Tensor) else inputs if is_frame(inputs) else np.asarray(inputs)
        if not callable(scorer):
            scorer = _of_estimator(scorer)
        outputs = np.concatenate([_array(scorer(rows[i : i + batch_size])) for i in range(0, len(rows), batch_size)])
    if not np.isfinite(outputs).all():
        bad = np.flatnonzero(~np.isfinite(outputs.reshape(len(outputs), -1)).all(1))
        raise ModelError("Some outputs are not finite", received=f"{len(bad)} rows, first row {bad[0]}", remedy="look at those inputs")
    return outputs


def _of_estimator(estimator: Any) -> Callable[[Any], np.ndarray]:  # noqa: ANN401
    """What a fitted estimator answers, as it is explained: probabilities, else distances, else predictions.

    Raises:
        ModelError: it is none, or not fitted.
    """
    from pellucid.models.sklearn_answers import answers
    from pellucid.models.wrap import wrap

    found: Any = getattr(wrap(estimator), "estimator", None)
    if found is None:
        raise ModelError("This is no scorer", received=type(estimator).__name__, remedy="give a module, a function, or a fitted estimator")
    return partial(answers, found)


def _run_network(net: nn.Module, inputs: Any, batch_size: int) -> np.ndarray:  # noqa: ANN401
    first = next((weight for weight in net.parameters() if weight.is_floating_point()), torch.zeros(0))
    rows = inputs.detach() if isinstance(inputs, Tensor) else torch.tensor(np.asarray(inputs))
    with modes_kept(net), torch.no_grad(), seeded(0, first.device):
        net.eval()
        rows = rows.to(first) if rows.is_floating_point() else rows.to(first.device)
        return np.concatenate([_array(net(part)) for part in rows.split(batch_size)])


def _array(outputs: Any) -> np.ndarray:  # noqa: ANN401
    if isinstance(outputs, Tensor):
        return outputs.detach().double().cpu().numpy()
    if isinstance(outputs, (tuple, list, dict)):
        raise ModelError(
            "The output is no single array", received=type(outputs).__name__, remedy="give a function that returns the scores alone"
        )
    return np.asarray(outputs, np.float64)


def probabilities(outputs: np.ndarray, kind: Outputs | Literal["auto"]) -> tuple[np.ndarray, Outputs]:
    """(sample, class) probabilities of classifier outputs, and what the outputs were taken for.

    ``"auto"`` takes rows of 0..1 with sum 1 (a single column: all in 0..1) for probabilities, all else for logits.
    """
    if outputs.ndim > 2:
        raise InputError("Outputs (sample, class) are needed", received=f"shape {outputs.shape}", remedy="flatten or pool the output")
    single = outputs.ndim == 1 or outputs.shape[1] == 1
    shares = bool(((outputs >= 0) & (outputs <= 1)).all()) and (single or bool(np.allclose(outputs.sum(1), 1, atol=1e-3)))
    taken: Outputs = ("probabilities" if shares else "logits") if kind == "auto" else kind
    if taken == "probabilities" and not shares:
        received = f"from {outputs.min():.4g} to {outputs.max():.4g}"
        raise InputError("These outputs are no probabilities", received=received, remedy='outputs="logits"')
    if single:
        column = outputs.reshape(-1)
        share = column if taken == "probabilities" else 0.5 * (1 + np.tanh(column / 2))  # the sigmoid, without overflow
        return np.stack([1 - share, share], axis=1), taken
    if taken == "probabilities":
        return outputs / outputs.sum(1, keepdims=True), taken
    powers = np.exp(outputs - outputs.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True), taken
