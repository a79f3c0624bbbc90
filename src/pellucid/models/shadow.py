"""A shadow of a torch module: the same parameters in new module objects, so that using it leaves no trace on the original.

Flags, buffers, hooks, attributes that ``forward`` sets, and gradients all live on the shadow. There is nothing to restore, and two threads
may each have one. Parameters share storage with the original (detached, so that no gradient can reach them); buffers and plain tensor
attributes are copied, since a forward may write them. Forward hooks are kept, they are part of what the model computes; backward
hooks are not, since they may replace the gradient.
"""

from __future__ import annotations

import copy
import functools
import types
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

_BACKWARD = ("_backward_hooks", "_backward_pre_hooks")
_SHARED = frozenset({bool, int, float, str, type(None)})
_CONTAINERS = frozenset({dict, OrderedDict, set, list, tuple})


def unwrap(module: nn.Module) -> nn.Module:
    """The network inside torch.compile, DataParallel and DistributedDataParallel wrappers."""
    while True:
        inner = module.__dict__.get("_modules", {}).get("_orig_mod")
        if inner is None and type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        module = inner


def shadow(module: nn.Module, *, training: bool | None) -> nn.Module:
    """A shadow of the module tree; ``training`` False puts every module in eval mode, None keeps each module's own flag."""
    return _Copier(training=training).module(module)


class _Copier:
    def __init__(self, *, training: bool | None) -> None:
        self.training = training
        self.memo: dict[int, Any] = {}
        self.kept: list[object] = []  # what the memo's ids refer to must stay alive

    def module(self, module: nn.Module) -> nn.Module:
        """The shadow of one module, the same one each time it is met."""
        if id(module) in self.memo:
            return self.memo[id(module)]
        if isinstance(module, torch.jit.ScriptModule):
            self.memo[id(module)] = self.scripted(module)
            return self.memo[id(module)]
        copied = object.__new__(type(module))
        self.memo[id(module)] = copied
        self.kept.append(module)
        state = module.__dict__.copy()
        object.__setattr__(copied, "__dict__", state)
        for name, value in module.__dict__.items():
            kind = type(value)
            if kind in _SHARED:
                continue
            if kind in _CONTAINERS and not value:  # most tables of hooks
                state[name] = kind()
            elif name == "_parameters":
                state[name] = {key: self.tensor(p, clone=False) for key, p in value.items()}
            elif name == "_buffers":
                state[name] = {key: self.tensor(b, clone=True) for key, b in value.items()}
            elif name == "_modules":
                state[name] = {key: None if child is None else self.module(child) for key, child in value.items()}
            elif name in _BACKWARD:
                state[name] = kind()
            else:
                state[name] = self.value(value)
        if self.training is not None:
            state["training"] = self.training
        return copied

    def scripted(self, module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
        """A deep copy: scripted modules live in C++ and can not share parameters with a shadow."""
        copied = copy.deepcopy(module).requires_grad_(requires_grad=False)
        return copied if self.training is None else copied.train(self.training)

    def tensor(self, tensor: Tensor | None, *, clone: bool) -> Tensor | None:
        """A detached tensor: sharing storage, or a copy; tied tensors stay tied."""
        if tensor is None:
            return None
        known = self.memo.get(id(tensor))
        if known is None:
            self.kept.append(tensor)
            known = tensor.detach()
            if clone or known.is_inference():
                known = known.clone()
            self.memo[id(tensor)] = known
        return known

    def value(self, value: Any) -> Any:  # noqa: ANN401, PLR0911
        """An attribute's value: containers are copied, modules and bound methods inside them replaced by their shadows."""
        kind = type(value)
        if kind in _SHARED:
            return value
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, Tensor):
            return self.tensor(value, clone=not isinstance(value, nn.Parameter))
        if kind in (list, tuple, set):
            if _SHARED.issuperset(map(type, value)):
                return value if kind is tuple else kind(value)
            return kind(self.value(entry) for entry in value) if value else kind()
        if isinstance(value, dict):
            return self.mapping(value)
        if isinstance(value, types.MethodType) and isinstance(value.__self__, nn.Module):
            return types.MethodType(value.__func__, self.module(value.__self__))
        if isinstance(value, functools.partial):
            return functools.partial(self.value(value.func), *map(self.value, value.args), **self.mapping(value.keywords))
        return value

    def mapping(self, value: dict[Any, Any]) -> dict[Any, Any]:
        """A copy of a dict of the same class, its order kept."""
        if not value:
            return type(value)() if type(value).__name__ in ("dict", "OrderedDict") else value.copy()
        if type(value).__name__ in ("dict", "OrderedDict"):
            return type(value)((key, self.value(entry)) for key, entry in value.items())
        return value.copy()
