"""What can be asked of a training: done between two steps, by the thread that trains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import InputError, LayerError, UnknownName
from pellucid.explanation.frame import write_whole
from pellucid.training.runs.contents import Event

COMMANDS = ("pause", "resume", "advance", "learning_rate", "freeze", "unfreeze", "edit", "checkpoint", "stop", "note")


class Controls:
    """Carries out what changes a network or an optimizer, and says what was done.

    Args:
        net, optimizers: of the training. ``folder``: where checkpoints go.
    """

    def __init__(self, net: nn.Module, optimizers: tuple[torch.optim.Optimizer, ...], folder: Path) -> None:
        self.net, self.optimizers, self.folder = net, optimizers, folder
        self._frozen: dict[str, list[nn.Parameter]] = {}

    def carry_out(self, what: str, details: Mapping[str, Any], step: int) -> Event:
        """One command.

        Raises:
            PellucidError: it can not be done; nothing was changed.
        """
        match what:
            case "learning_rate":
                return self._learning_rate(details)
            case "freeze":
                return self._freeze(str(details.get("layer", "")))
            case "unfreeze":
                return self._unfreeze(str(details.get("layer", "")))
            case "edit":
                return self._edit(details)
            case "checkpoint":
                return self._checkpoint(step)
            case "note":
                return Event("note", {"text": str(details.get("text", ""))})
            case _:
                raise UnknownName("command", what, COMMANDS)

    def _learning_rate(self, details: Mapping[str, Any]) -> Event:
        value, group = details.get("value"), details.get("group")
        if not isinstance(value, (int, float)) or not (value >= 0 and math.isfinite(value)):
            raise InputError("A learning rate is a number of 0 or more", received=repr(value), remedy="such as 1e-3")
        if not self.optimizers:
            raise InputError("The learning rate is not known here", received="optimizer=None", remedy="give pl.watch the optimizer")
        groups = [one for optimizer in self.optimizers for one in optimizer.param_groups]
        if group is not None and not (isinstance(group, int) and 0 <= group < len(groups)):
            raise InputError("There is no such group of parameters", received=repr(group), remedy=f"0 to {len(groups) - 1}")
        chosen = groups if group is None else [groups[group]]
        before = float(chosen[0]["lr"])
        for one in chosen:
            if isinstance(one["lr"], Tensor):
                one["lr"].fill_(value)
            else:
                one["lr"] = float(value)
        return Event("learning_rate", {"before": before, "value": float(value), "group": group})

    def _freeze(self, layer: str) -> Event:
        module = self._module(layer)
        stopped = [p for p in module.parameters() if p.requires_grad]
        for p in stopped:
            p.requires_grad_(False)
            p.grad = None  # an optimizer leaves alone what has no gradient, its momentum too
        self._frozen.setdefault(layer, []).extend(stopped)
        return Event("freeze", {"layer": layer, "parameters": sum(p.numel() for p in stopped)})

    def _unfreeze(self, layer: str) -> Event:
        known = self._frozen.pop(layer, None)
        parameters = known if known is not None else [p for p in self._module(layer).parameters() if not p.requires_grad]
        for p in parameters:
            p.requires_grad_(True)
        return Event("unfreeze", {"layer": layer, "parameters": sum(p.numel() for p in parameters)})

    def _edit(self, details: Mapping[str, Any]) -> Event:
        name, index, value = str(details.get("parameter", "")), details.get("index", []), details.get("value")
        parameters = dict(self.net.named_parameters())
        if name not in parameters:
            raise UnknownName("parameter", name, parameters)
        place = tuple(index) if isinstance(index, (list, tuple)) else (index,)
        shape = tuple(parameters[name].shape)
        legal = len(place) == len(shape) and all(isinstance(i, int) and 0 <= i < n for i, n in zip(place, shape, strict=True))
        if not legal or not isinstance(value, (int, float)):
            received = f"{name}{list(place)} = {value!r}, shape {shape}"
            raise InputError("One weight and a number are needed", received=received, remedy="index=[row, column], value=0.5")
        with torch.no_grad():
            before = float(parameters[name][place])
            parameters[name][place] = float(value)
        return Event("edit", {"parameter": name, "index": str(list(place)), "before": before, "value": float(value)})

    def _checkpoint(self, step: int) -> Event:
        from safetensors.torch import save

        tensors = {name: t.detach().cpu().contiguous().clone() for name, t in self.net.state_dict().items() if isinstance(t, Tensor)}
        place = self.folder / "checkpoints"
        place.mkdir(exist_ok=True)
        path = write_whole(place / f"step-{step}.safetensors", save(tensors))
        return Event("checkpoint", {"file": str(path.relative_to(self.folder))})

    def _module(self, layer: str) -> nn.Module:
        modules = dict(self.net.named_modules())
        if layer not in modules or not layer:
            raise UnknownName("layer", layer, [name for name in modules if name])
        if not any(True for _ in modules[layer].parameters()):
            raise LayerError("This layer has no parameters", received=layer, remedy="name one that has")
        return modules[layer]
