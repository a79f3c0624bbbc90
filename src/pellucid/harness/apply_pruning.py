"""apply_pruning(): the masks that an inspection suggests, put on the user's network."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import prune

from pellucid.errors import InputError
from pellucid.explanation.contents.pruning import Mask, Pruning
from pellucid.explanation.explanation import Explanation
from pellucid.models.shadow import unwrap

SAME = "give the network that was inspected"


def apply_pruning(model: nn.Module, explanation: Explanation, *, permanent: bool = False) -> nn.Module:
    """Sets the units to 0 that ``pl.inspect(model, "pruning", ...)`` suggests for removal. This changes the network.

    Args:
        model: the network that was inspected, or one of the same modules.
        explanation: with the masks; its score before and after was measured with exactly these.
        permanent: writes the zeros into the parameters. If not, they are masked by ``torch.nn.utils.prune``: the values that were there
            stay as ``weight_orig``, further training leaves the masks in force, and ``prune.remove`` makes them permanent.

    Returns:
        The same network.

    Raises:
        InputError: the explanation holds no masks of this kind, or they do not fit the network, which is then not changed.
    """
    content = explanation.content
    if not isinstance(content, Pruning):
        raise InputError("This holds no masks", received=repr(explanation), remedy="give what pl.inspect(net, 'pruning', x) returned")
    modules = dict(unwrap(model).named_modules())
    for mask in content.masks:
        _check(modules, mask)
    for mask in content.masks:
        module = modules[mask.path]
        value = module.get_parameter(mask.parameter)
        full = torch.from_numpy(mask.full()).to(value)
        if permanent:
            with torch.no_grad():
                value.mul_(full)
        else:
            prune.custom_from_mask(module, mask.parameter, full)
    return model


def _check(modules: dict[str, nn.Module], mask: Mask) -> None:
    """Raises where a mask does not fit."""
    name = f"{mask.path}.{mask.parameter}".lstrip(".")
    module = modules.get(mask.path)
    if module is None:
        raise InputError("A mask is for a module that the network does not have", received=name, remedy=SAME)
    own = dict(module.named_parameters(recurse=False))
    if mask.parameter not in own:
        if not hasattr(module, mask.parameter):
            raise InputError("A mask is for a parameter that the network does not have", received=name, remedy=SAME)
        remedy = f"make it one again: torch.nn.utils.prune.remove(module, {mask.parameter!r})"
        raise InputError("A parameter is already made of others, masked perhaps", received=name, remedy=remedy)
    shape = tuple(own[mask.parameter].shape)
    if shape != mask.shape:
        received = f"{name}: mask {mask.shape}, parameter {shape}"
        raise InputError("A mask has another shape than its parameter", received=received, remedy=SAME)
