"""The weights of a network as it applies them: effective, named once, of recurrent layers and attention part by part."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd as Convolution
from torch.nn.modules.conv import _ConvTransposeNd as TransposedConvolution
from torch.nn.utils import parametrize
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from pellucid.errors import InputError
from pellucid.explanation.contents.weights import WeightKind
from pellucid.models.shadow import shadow

GATES: dict[str, tuple[str, ...]] = {"LSTM": ("input", "forget", "cell", "output"), "GRU": ("reset", "update", "new")}
PROJECTIONS = ("q", "k", "v")  # rows of torch's in_proj_weight, in this order
Recurrent = (nn.RNNBase, nn.RNNCellBase)
Norms = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, *([nn.RMSNorm] if hasattr(nn, "RMSNorm") else []))


@dataclass(frozen=True, eq=False)
class ReadWeight:
    """One weight: see :class:`pellucid.explanation.contents.weights.Weight`; ``value`` lies where the network
    has it, ``path`` is that of its module."""

    name: str
    parameter: str
    type: str
    kind: WeightKind
    tied: tuple[str, ...]
    made: str
    value: Tensor
    path: str
    module: nn.Module

    @property
    def matrix(self) -> Tensor:
        """The weight on the CPU in single or double precision as (unit, input); a vector stays one."""
        return as_matrix(self.module, on_cpu(self.value)) if self.kind != "bias" else on_cpu(self.value).flatten()


def weights(net: nn.Module) -> list[ReadWeight]:
    """Every floating-point weight of a network that may be touched (a shadow), in order of definition; tied ones once."""
    names: dict[int, list[str]] = {}
    for name, value in net.named_parameters(remove_duplicate=False):
        names.setdefault(id(value), []).append(name)
    found: list[ReadWeight] = []
    for path, module in net.named_modules():
        if "parametrizations" in path.split("."):
            continue
        for own, value, made in effective(module):
            full = f"{path}.{own}" if path else own
            known = names.get(id(value), [full])
            if known[0] == full and value.is_floating_point() and value.numel():
                found += _parts(path, full, module, value, tied=tuple(known[1:]), made=made)
    return found


def effective(module: nn.Module) -> Iterator[tuple[str, Tensor, str]]:
    """A module's own tensors as it applies them, by name, with how each is made: parametrized, normalized or masked ones are computed."""
    found: dict[str, tuple[Tensor, str]] = {name: (value, "") for name, value in module._parameters.items() if value is not None}
    if parametrize.is_parametrized(module):
        for name, steps in module.parametrizations.items():  # type: ignore[union-attr, operator]
            made = ", ".join(type(step).__name__.lstrip("_") for step in steps)  # type: ignore[union-attr]
            found[name] = (getattr(module, name), made)
    for hook in module._forward_pre_hooks.values():
        name = getattr(hook, "_tensor_name", getattr(hook, "name", None))
        value = _computed(hook, module)
        if value is not None and isinstance(name, str):
            for part in ("_orig", "_g", "_v"):
                found.pop(name + part, None)
            found[name] = (value, type(hook).__name__)
    for name, (value, made) in found.items():
        yield name, value, made


def _computed(hook: Any, module: nn.Module) -> Tensor | None:  # noqa: ANN401
    """What one of torch's older hooks (weight norm, spectral norm, pruning) sets before the module runs."""
    with torch.no_grad():
        if isinstance(hook, SpectralNorm):
            return hook.compute_weight(module, do_power_iteration=False)
        if isinstance(hook, WeightNorm):
            return hook.compute_weight(module)
        if isinstance(hook, BasePruningMethod):
            return hook.apply_mask(module)
    return None


def initial_net(net: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """A network of the same modules with other values; neither the network nor ``state`` is written to.

    Raises:
        InputError: a parameter is missing, or has another shape.
    """
    own = dict(net.named_parameters(remove_duplicate=False))
    wrong = [name for name, value in own.items() if name not in state or state[name].shape != value.shape]
    if wrong:
        raise InputError(
            "The initial state does not fit the network",
            received=f"{len(wrong)} of {len(own)} parameters are missing or have another shape, such as {wrong[0]!r}",
            remedy="give copy.deepcopy(net.state_dict()), taken before the training",
        )
    copied = shadow(net, training=False)
    for path, module in copied.named_modules(remove_duplicate=False):
        for group in cast("tuple[dict[str, Tensor | None], ...]", (module._parameters, module._buffers)):
            for name, value in group.items():
                full = f"{path}.{name}" if path else name
                if value is not None and full in state:
                    group[name] = state[full].detach().to(value.dtype)
    return copied


def on_cpu(value: Tensor) -> Tensor:
    """A copy or view on the CPU in double precision where it is that, else in single."""
    return value.detach().to("cpu", torch.float64 if value.dtype == torch.float64 else torch.float32)


def unit_first(module: nn.Module, value: Tensor) -> Tensor:
    """A weight with its units along the first axis, as all are but those of transposed convolutions."""
    if not isinstance(module, TransposedConvolution):
        return value
    groups = module.groups
    split = value.reshape(groups, value.shape[0] // groups, *value.shape[1:])
    return split.transpose(1, 2).reshape(groups * value.shape[1], value.shape[0] // groups, *value.shape[2:])


def as_matrix(module: nn.Module, value: Tensor) -> Tensor:
    """(unit, input) of any tensor with two axes or more that are longer than 1; leading axes of length 1 are left out."""
    value = unit_first(module, value)
    while value.ndim > 2 and value.shape[0] == 1 and not isinstance(module, Convolution):
        value = value[0]
    return value.reshape(value.shape[0], -1) if value.ndim > 1 else value


def kernels(read: ReadWeight) -> Tensor | None:
    """(unit, input, y, x) of a convolution; the slices of a volume are inputs of their own. None where a kernel has one cell."""
    if read.kind != "convolution" or read.value[0, 0].numel() == 1:
        return None
    value = unit_first(read.module, on_cpu(read.value))
    if value.ndim == 3:
        return value[:, :, None]
    return value.flatten(1, value.ndim - 3)


def _parts(path: str, full: str, module: nn.Module, value: Tensor, *, tied: tuple[str, ...], made: str) -> list[ReadWeight]:
    own, kind = full.rpartition(".")[2], kind_of(module, full.rpartition(".")[2])
    names: tuple[str, ...] = ()
    if isinstance(module, Recurrent) and not own.startswith("weight_hr"):
        names = next((gates for cell, gates in GATES.items() if type(module).__name__.startswith(cell)), ())
        names = names or GATES.get(getattr(module, "mode", ""), ())
    elif isinstance(module, nn.MultiheadAttention) and own.startswith("in_proj"):
        names = PROJECTIONS
    name = full.removesuffix(".in_proj_weight").removesuffix(".weight")
    if not names:
        return [ReadWeight(name, full, type(module).__name__, kind, tied, made, value, path, module)]
    return [
        ReadWeight(f"{name}.{part}", f"{full}.{part}", type(module).__name__, kind, tied, made, chunk, path, module)
        for part, chunk in zip(names, value.chunk(len(names)), strict=True)
    ]


def kind_of(module: nn.Module, own: str) -> WeightKind:
    """What a module's tensor of this name is for."""
    if own.startswith("bias") or own.endswith("bias"):
        return "bias"
    kinds: tuple[tuple[Any, WeightKind], ...] = (
        (Recurrent, "recurrent"),
        (nn.MultiheadAttention, "attention"),
        (Convolution, "convolution"),
        ((nn.Linear, nn.Bilinear), "dense"),
        ((nn.Embedding, nn.EmbeddingBag), "embedding"),
        (Norms, "gain"),
    )
    for cls, kind in kinds:
        if isinstance(module, cls):
            return kind
    return "other"
