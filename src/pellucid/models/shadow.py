"""A shadow of a torch module: the same parameters in new module objects, so that using it leaves no trace on the original.

Flags, buffers, hooks, attributes that ``forward`` sets, and gradients all live on the shadow. There is nothing to restore, and two threads
may each have one. Parameters share storage with the original (detached, so that no gradient can reach them); buffers and plain tensor
attributes are copied, since a forward may write them. Forward hooks are kept, they are part of what the model computes; backward
hooks are not, since they may replace the gradient.

Whatever leads from one module to another must lead to its shadow, or a part of the original would run: bound methods, lambdas and
hooks that hold modules in their closure, lists, weak references, and objects of the user's own classes are copied with it. What was one
object in the original is one object in the shadow, so that a list through which two modules speak still joins them.
"""

from __future__ import annotations

import collections
import copy
import functools
import random
import sys
import types
import weakref
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from pellucid.errors import ModelError

_BACKWARD = ("_backward_hooks", "_backward_pre_hooks")
_TABLES = frozenset(vars(nn.Module()))  # torch's own attributes, most of them empty tables of hooks
_SHARED = frozenset({bool, int, float, complex, str, bytes, type(None), type, torch.dtype, torch.device, torch.Size})
_GENERATORS = (torch.Generator, np.random.Generator, np.random.RandomState, random.Random)
_LIBRARIES = frozenset({*sys.stdlib_module_names, "torch", "numpy", "scipy", "pandas", "PIL", "safetensors", "pellucid"}) - {"__main__"}


def unwrap(module: nn.Module) -> nn.Module:
    """The network inside torch.compile, DataParallel and DistributedDataParallel wrappers.

    Raises:
        ModelError: forward hooks hang on the wrapper itself; they would be lost with it.
    """
    while True:
        children = module.__dict__.get("_modules", ())
        inner = children["_orig_mod"] if "_orig_mod" in children else None  # noqa: SIM401 (a scripted module has no get)
        if inner is None and type(module).__name__ in ("DataParallel", "DistributedDataParallel"):
            inner = module.module
        if not isinstance(inner, nn.Module):
            return module
        if module.__dict__.get("_forward_hooks") or module.__dict__.get("_forward_pre_hooks"):
            raise ModelError(
                "Forward hooks hang on a wrapper around the network",
                received=type(module).__name__,
                remedy="register them on the network inside the wrapper, and give that network",
            )
        module = inner


def shadow(module: nn.Module, *, training: bool | None) -> nn.Module:
    """A shadow of the module tree; ``training`` False puts every module in eval mode, None keeps each module's own flag."""
    return _Copier(training=training).module(module)


class _Copier:
    def __init__(self, *, training: bool | None) -> None:
        self.training = training
        self.memo: dict[int, Any] = {}
        self.declared: dict[type, list[types.MemberDescriptorType]] = {}
        self.kept: list[object] = []  # what the memo's ids refer to must stay alive

    def note(self, original: object, copied: Any) -> Any:  # noqa: ANN401
        """Remembers the copy of an object."""
        self.memo[id(original)] = copied
        self.kept.append(original)
        return copied

    def module(self, module: nn.Module) -> nn.Module:
        """The shadow of one module, the same one each time it is met."""
        module = unwrap(module)
        if id(module) in self.memo:
            return self.memo[id(module)]
        if isinstance(module, torch.jit.ScriptModule):
            return self.note(module, self.scripted(module))
        copied = self.note(module, object.__new__(type(module)))
        state = module.__dict__.copy()
        object.__setattr__(copied, "__dict__", state)
        for name, value in module.__dict__.items():
            kind = type(value)
            if kind in _SHARED:
                continue
            if name in _TABLES and not value:
                state[name] = kind()
            elif name == "_parameters":
                # a bounded embedding renormalizes its weights whenever it is called
                bounded = state.get("max_norm") is not None
                state[name] = self.tensors(value, clone=bounded)
            elif name == "_buffers":
                state[name] = self.tensors(value, clone=True)
            elif name == "_modules":
                state[name] = {key: None if child is None else self.module(child) for key, child in value.items()}
            elif name in _BACKWARD:
                state[name] = kind()
            elif name == "_compiled_call_impl":
                state[name] = None  # it would run the original
            elif kind is not tuple or not _SHARED.issuperset(map(type, value)):
                state[name] = self.value(value)
        if self.members(type(module)):
            self.slots(module, copied)
        reached = global_modules(type(module).forward)
        if reached and "forward" not in state:
            state["forward"] = types.MethodType(self.function(type(module).forward, reached), copied)
        if self.training is not None:
            state["training"] = self.training
        return copied

    def scripted(self, module: torch.jit.ScriptModule) -> torch.jit.ScriptModule:
        """A deep copy: scripted modules live in C++ and can not share parameters with a shadow."""
        copied = copy.deepcopy(module)
        for parameter in copied.parameters():
            parameter.requires_grad = False
        return copied if self.training is None else copied.train(self.training)

    def tensors(self, group: dict[str, Tensor | None], *, clone: bool) -> dict[str, Tensor | None]:
        """Parameters or buffers by name."""
        memo = self.memo
        return {
            key: None if one is None else memo[id(one)] if id(one) in memo else self.tensor(one, clone=clone) for key, one in group.items()
        }

    def tensor(self, tensor: Tensor, *, clone: bool) -> Tensor:
        """A detached tensor: sharing storage, or a copy; tied tensors stay tied."""
        if is_lazy(tensor):
            raise ModelError(
                "The network holds lazy parameters that have no shape yet",
                received=type(tensor).__name__,
                remedy="call the network once on a batch, then explain it",
            )
        plain = tensor.detach()
        if clone or plain.is_inference():
            plain = plain.clone()
        self.memo[id(tensor)] = plain
        self.kept.append(tensor)
        return plain

    def value(self, value: Any) -> Any:  # noqa: ANN401
        """An attribute's value, with all that it leads to copied, so that nothing in it leads back to the original."""
        if type(value) in _SHARED:
            return value
        if id(value) in self.memo:
            return self.memo[id(value)]
        if type(value) in weakref.ProxyTypes:
            return self.value(value.__repr__.__self__)
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, Tensor):
            return self.tensor(value, clone=not isinstance(value, nn.Parameter))
        if isinstance(value, (list, tuple, set, dict, collections.deque)):
            return self.container(value)
        if isinstance(value, (types.FunctionType, types.MethodType, functools.partial)):
            return self.callable(value)
        return self.object(value)

    def container(self, value: Any) -> Any:  # noqa: ANN401
        """A copy of the same class with copied entries."""
        if isinstance(value, tuple):
            if _SHARED.issuperset(map(type, value)):
                return value
            entries = [self.value(entry) for entry in value]
            if all(new is old for new, old in zip(entries, value, strict=True)):
                return value
            return self.note(value, type(value)(*entries) if hasattr(value, "_fields") else type(value)(entries))
        copied = self.note(value, copy.copy(value))
        if isinstance(value, dict):
            for key, entry in value.items():
                dict.__setitem__(copied, key, self.value(entry))
        elif isinstance(value, set):
            copied.clear()
            copied.update(self.value(entry) for entry in value)
        else:
            for place, entry in enumerate(value):
                copied[place] = self.value(entry)
        return copied

    def callable(self, value: Any) -> Any:  # noqa: ANN401
        """A method, partial or function that reaches what the original reaches, in the shadow."""
        if isinstance(value, types.MethodType):
            return types.MethodType(value.__func__, self.value(value.__self__))
        if isinstance(value, functools.partial):
            return functools.partial(self.value(value.func), *map(self.value, value.args), **self.value(value.keywords))
        if "_torchdynamo_orig_callable" in value.__dict__:  # the function inside torch.compile
            return self.value(value.__dict__["_torchdynamo_orig_callable"])
        if self.library(value.__module__):
            return value
        reached = global_modules(value)
        if not (reached or value.__closure__ or value.__defaults__ or value.__kwdefaults__):
            return value
        return self.function(value, reached)

    def function(self, value: types.FunctionType, reached: dict[str, nn.Module]) -> types.FunctionType:
        """A function with its closure, its defaults and the modules that it reaches by a global name in the shadow."""
        names = {**value.__globals__, **{name: self.module(module) for name, module in reached.items()}} if reached else value.__globals__
        cells = tuple(self.cell(cell) for cell in value.__closure__ or ())
        copied = self.note(value, types.FunctionType(value.__code__, names, value.__name__, None, cells))
        copied.__defaults__, copied.__kwdefaults__ = self.value(value.__defaults__), self.value(value.__kwdefaults__)
        copied.__dict__.update(value.__dict__)
        for cell, old in zip(cells, value.__closure__ or (), strict=True):
            if not _empty(old) and _empty(cell):
                cell.cell_contents = self.value(old.cell_contents)
        return copied

    def cell(self, cell: types.CellType) -> types.CellType:
        """The copy of a closure's cell, filled later: its function may be inside."""
        return self.memo[id(cell)] if id(cell) in self.memo else self.note(cell, types.CellType())

    def object(self, value: Any) -> Any:  # noqa: ANN401
        """A copy of an object of the user's own class, or of a generator of random numbers; anything else as it is."""
        if isinstance(value, weakref.ref):
            referent = value()
            return weakref.ref(self.module(referent)) if isinstance(referent, nn.Module) else value
        if isinstance(value, torch.Generator):
            copied = torch.Generator(value.device)
            copied.set_state(value.get_state())
            return self.note(value, copied)
        if isinstance(value, (*_GENERATORS, np.ndarray)):
            return self.note(value, copy.deepcopy(value))
        if self.library(type(value).__module__) and not isinstance(value, types.SimpleNamespace):
            return value
        try:
            copied = copy.copy(value)
        except Exception:
            return value
        if copied is value:
            return value
        self.note(value, copied)
        for name, entry in getattr(value, "__dict__", {}).items():
            copied.__dict__[name] = self.value(entry)
        self.slots(value, copied)
        return copied

    def slots(self, original: Any, copied: Any) -> None:  # noqa: ANN401
        """Copies what lies in ``__slots__``."""
        for member in self.members(type(original)):
            try:
                member.__set__(copied, self.value(member.__get__(original)))
            except AttributeError:  # an empty slot
                continue

    def members(self, kind: type) -> list[types.MemberDescriptorType]:
        """The slots that the user's own classes declare, looked up once per class."""
        if kind not in self.declared:
            self.declared[kind] = [
                member
                for cls in kind.__mro__
                if not self.library(cls.__module__)
                for member in vars(cls).values()
                if isinstance(member, types.MemberDescriptorType) and member.__objclass__ is cls
            ]
        return self.declared[kind]

    @staticmethod
    def library(name: str | None) -> bool:
        """Whether a module of this name is a library, whose objects do not hold the user's modules."""
        return (name or "").partition(".")[0] in _LIBRARIES


def global_modules(function: Any) -> dict[str, nn.Module]:  # noqa: ANN401
    """The modules that a function of the user's reaches by a global name, as is usual in notebooks."""
    code = getattr(function, "__code__", None)
    if code is None or (function.__module__ or "").partition(".")[0] in _LIBRARIES:
        return {}
    names, waiting = set(code.co_names), list(code.co_consts)
    while waiting:  # functions inside it
        inner = waiting.pop()
        if isinstance(inner, types.CodeType):
            names.update(inner.co_names)
            waiting.extend(inner.co_consts)
    known = function.__globals__
    return {name: known[name] for name in names if isinstance(known.get(name), nn.Module)}


def _empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return True
    return False
