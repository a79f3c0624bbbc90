"""watch(): records any torch training loop."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from pellucid.errors import FileError, InputError, ModelError
from pellucid.harness.result import own_versions
from pellucid.methods.attribution.integrated_gradients import IntegratedGradients
from pellucid.training.recording.looks import Pace
from pellucid.training.recording.mirror import Host
from pellucid.training.recording.pinned import Pinned
from pellucid.training.recording.process import rank
from pellucid.training.recording.recorder import Plan, Recorder
from pellucid.training.runs.upkeep import Retention


def watch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer | Sequence[torch.optim.Optimizer] | None,
    folder: str | os.PathLike[str],
    *,
    data: Any = None,  # noqa: ANN401
    attribution: Any = "integrated_gradients",  # noqa: ANN401
    budget: float = 0.02,
    every: int | None = None,
    snapshots: int | None = None,
    retention: Retention | None = None,
) -> Recorder:
    """Records a training into a folder, at a bounded cost, and lets it be steered from outside.

    ::

        with pl.watch(net, optimizer, "runs/first", data=(x[:64], y[:64])) as run:
            for batch, labels in loader:
                loss = F.cross_entropy(net(batch), labels)
                optimizer.zero_grad(); loss.backward(); optimizer.step()
                run.step(loss=loss)

    The sequence of losses is bit by bit that of the loop without it. ``pl.Run("runs/first")`` reads while it goes on and afterwards.

    Args:
        net: any torch module; it, its gradients and the random state are left alone.
        optimizer: whose steps are watched, or several; None where the loop has another way: then updates are not recorded.
        folder: of the run; made if there is none. One that holds a run already gets a new attempt.
        data: rows to be pinned, or ``(rows, labels)``: their predictions (up to 256), attributions (6) and, where they have two features,
            the decision over the plane are recorded again and again.
        attribution: the method, an id or an object; None for none. ``"integrated_gradients"`` takes 16 steps.
        budget: the share of the training time that recording may take, its own thread included; frames are made as often as that pays for.
        every: record weights, gradients and updates of all layers at every so many steps instead, whatever that costs.
        snapshots: record all parameters at every so many steps, for the trajectory in pictures of the loss; whatever that costs.
        retention: how many frames of a kind stay; of more, every second of the older half is left out.

    Returns:
        A recorder: a context manager with ``step``, ``log``, ``note`` and what steers the training. In ranks above 0 it does nothing.

    Raises:
        InputError: the budget, ``every`` or the pinned rows are not usable.
        ModelError: no torch module.
        FileError: the folder can not be written, holds something else, or another recorder holds it.

    What it does not show: what happens between two frames; a loss that is never told; functions without a module (``F.relu``) apart from
    what follows them.
    """
    if not isinstance(net, nn.Module):
        raise ModelError(
            "Only a torch module can be watched", received=type(net).__name__, remedy="give the torch.nn.Module that is trained"
        )
    if any(is_lazy(p) for p in net.parameters()):
        raise ModelError("Some parameters have no shape yet", received=type(net).__name__, remedy="run one batch through the network first")
    if not 0 < budget <= 1:
        raise InputError("The budget is a share of the training time", received=repr(budget), remedy="such as 0.02")
    for name, count in (("every", every), ("snapshots", snapshots)):
        if count is not None and (isinstance(count, bool) or count < 1):
            raise InputError(f"{name} counts steps", received=repr(count), remedy="such as 10")
    return begun(
        net, optimizer, folder, data=data, attribution=attribution, budget=budget, every=every, snapshots=snapshots, retention=retention
    )


def begun(
    net: nn.Module,
    optimizer: Any,  # noqa: ANN401
    folder: str | os.PathLike[str],
    *,
    host: Host | None = None,
    data: Any = None,  # noqa: ANN401
    attribution: Any = "integrated_gradients",  # noqa: ANN401
    budget: float = 0.02,
    every: int | None = None,
    snapshots: int | None = None,
    retention: Retention | None = None,
) -> Recorder:
    """The recorder of :func:`watch`, also of a network that is a mirror of what another framework trains."""
    optimizers = _optimizers(optimizer, net)
    place = Path(folder)
    if rank() > 0:
        return Recorder(net, optimizers, place, pinned=None, plan=None)
    method = IntegratedGradients(steps=16, rule="adaptive") if attribution == "integrated_gradients" else attribution
    pinned = None if data is None else Pinned((lambda: net) if host is None else host.model, data, method, hosted=host is not None)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            "The run folder can not be made", received=f"{place} ({error})", remedy="choose a place that can be written"
        ) from error
    plan = Plan(Pace(budget, every, snapshots), retention or Retention(), _facts(net, optimizers, pinned, budget, every, host))
    return Recorder(net, optimizers, place, pinned=pinned, plan=plan)


def _optimizers(optimizer: Any, net: nn.Module) -> tuple[torch.optim.Optimizer, ...]:  # noqa: ANN401
    """The optimizers as a tuple, refused where they train nothing of this network."""
    given = () if optimizer is None else tuple(optimizer) if isinstance(optimizer, (list, tuple)) else (optimizer,)
    for one in given:
        if not isinstance(one, torch.optim.Optimizer):
            received = f"{type(one).__name__} as the second argument"
            raise InputError(
                "An optimizer is needed", received=received, remedy="pl.watch(net, optimizer, folder); None where there is none"
            )
    own = {id(p) for p in net.parameters()}
    if given and not any(id(p) in own for one in given for group in one.param_groups for p in group["params"]):
        raise InputError(
            "This optimizer trains nothing of this network",
            received=f"{type(given[0]).__name__} of other parameters",
            remedy="make it from net.parameters(), after the network was moved or replaced",
        )
    return given


def _facts(
    net: nn.Module,
    optimizers: tuple[torch.optim.Optimizer, ...],
    pinned: Pinned | None,
    budget: float,
    every: int | None,
    host: Host | None,
) -> dict[str, object]:
    parameters = list(net.parameters())
    return {
        "model": type(net).__name__ if host is None else host.name,
        "parameters": sum(p.numel() for p in parameters),
        "frozen": [name for name, p in net.named_parameters() if not p.requires_grad],
        "trained": sum(p.numel() for p in parameters if p.requires_grad),
        "device": str(parameters[0].device) if parameters else "cpu",
        "optimizers": [type(one).__name__ if host is None else host.optimizer for one in optimizers],
        "learning_rates": [float(group["lr"]) for one in optimizers for group in one.param_groups if "lr" in group],
        "pinned": 0 if pinned is None else pinned.rows.rows,
        "attribution": "" if pinned is None or pinned.method is None else pinned.method.id,
        "budget": budget,
        "every": every,
        "process": os.getpid(),
        "python": platform.python_version(),
        "versions": dict(own_versions()),
    }
