"""A shadow that is used again for the next call, where it can be shown that a new one would be no different.

Making a shadow costs some microseconds for each module, and the thousands of objects it makes bring on garbage collections: a tenth of
a Grad-CAM. So the shadow of a *plain* tree (modules that hold nothing but numbers, words, tuples of these, parameters, buffers, children
and empty tables of hooks) is kept, without its tensors, and taken again only if every class, attribute, child and table of the original
is the very same object as when it was made, and no attribute of the shadow was touched while it was used. Tensors are taken anew for
every call, so that new values, shapes and ties are seen. Everything else gets a new shadow each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from pellucid.models.shadow import shadow, unwrap

_WORDS = frozenset({bool, int, float, str, type(None)})
_TENSORS = ("_parameters", "_buffers")
_HOLDERS = (*_TENSORS, "_modules")
_KINDS = (nn.Parameter, Tensor)
_HOOKS = frozenset(vars(nn.Module())) - set(_HOLDERS)
_LONGEST = 2  # shadows kept per network and mode, for threads that explain it at once


def tree(net: nn.Module) -> list[nn.Module]:
    """``net`` and all modules below, each once, in a fixed order; several times faster than ``net.modules()``."""
    found, known = [net], {id(net)}
    for module in found:
        children = module._modules
        if children:
            for child in children.values():
                if child is not None and id(child) not in known:
                    known.add(id(child))
                    found.append(child)
    return found


@contextmanager
def borrowed_shadow(net: nn.Module, *, training: bool | None) -> Iterator[nn.Module]:
    """The shadow of a network for the time of a call; see :func:`pellucid.models.shadow.shadow`."""
    kept = _take(net, training)
    if kept is None:
        copied = shadow(net, training=training)
        kept = _keep(net, copied)
        yield copied
    else:
        yield kept.modules[0]
    if kept is not None and kept.give_back():  # not after an error, which may have left anything behind
        shelf = _SHELVES.setdefault(net, {}).setdefault(training, [])
        if len(shelf) < _LONGEST:
            shelf.append(kept)


@dataclass(frozen=True, eq=False)
class _Look:
    """What modules look like: their classes, and every attribute, child and table by identity.

    Of an original, nothing is held that holds a tensor or a module. That suffices: what is not held (children and the dicts of parameters,
    buffers and children) is looked through anew each time, and a new object at the place of an old one is treated as what it is.
    """

    seen: tuple[list[Any], ...]
    held: list[object]  # an id stands for an object only while the object lives
    tables: list[Any]

    @classmethod
    def at(cls, modules: list[nn.Module]) -> _Look:
        """Looks at these modules."""
        held = [value for module in modules for name, value in module.__dict__.items() if name not in _HOLDERS]
        return cls(_seen(modules), held, [value for value in held if isinstance(value, (dict, set))])

    def still(self, modules: list[nn.Module]) -> bool:
        """Whether they look the same now."""
        return not any(self.tables) and _seen(modules) == self.seen


def _seen(modules: list[nn.Module]) -> tuple[list[Any], ...]:
    states = [module.__dict__ for module in modules]
    families = [state["_modules"] for state in states]
    return (
        list(map(type, modules)),
        list(chain.from_iterable(states)),
        list(map(id, chain.from_iterable(map(dict.values, states)))),
        list(map(len, families)),
        list(chain.from_iterable(families)),
        list(map(id, chain.from_iterable(map(dict.values, families)))),
    )


class _Kept:
    """A shadow between two calls, and what it and its original looked like."""

    def __init__(self, originals: list[nn.Module], modules: list[nn.Module]) -> None:
        self.modules = modules
        self.original, self.own = _Look.at(originals), _Look.at(modules)

    def fill(self, originals: list[nn.Module]) -> bool:
        """Takes the original's tensors: parameters share storage, buffers are copied, tied ones stay tied. False if one is of a class
        of its own, which a shadow may have to treat in another way."""
        memo: dict[int, Tensor] = {}
        for original, module in zip(originals, self.modules, strict=True):
            source, state = original.__dict__, module.__dict__
            for holder in _TENSORS:
                if not source[holder]:
                    continue
                taken = state[holder]
                for name, tensor in source[holder].items():
                    if tensor is not None and id(tensor) not in memo:
                        if type(tensor) not in _KINDS:
                            return False
                        plain = tensor.detach()
                        memo[id(tensor)] = plain.clone() if holder == "_buffers" or plain.is_inference() else plain
                    taken[name] = None if tensor is None else memo[id(tensor)]
        return True

    def give_back(self) -> bool:
        """Lets go of the tensors; tells whether nothing else was touched."""
        for module in self.modules:
            state = module.__dict__
            for holder in _TENSORS:
                if state.get(holder):
                    state[holder].clear()
        return self.own.still(self.modules)


_SHELVES: WeakKeyDictionary[nn.Module, dict[bool | None, list[_Kept]]] = WeakKeyDictionary()


def _take(net: nn.Module, training: bool | None) -> _Kept | None:
    shelf = _SHELVES.get(net, {}).get(training)
    try:
        kept = shelf.pop() if shelf else None
    except IndexError:  # another thread was faster
        return None
    if kept is None:
        return None
    originals = tree(net)
    if kept.original.still(originals) and kept.fill(originals):
        return kept
    shelf.clear()
    return None


def _keep(net: nn.Module, copied: nn.Module) -> _Kept | None:
    originals = tree(net)
    if not all(map(_plain, originals)):
        return None
    return _Kept(originals, tree(copied))


def _plain(module: nn.Module) -> bool:
    """Whether a module holds nothing that a shadow would have to follow."""
    if isinstance(module, torch.jit.ScriptModule) or unwrap(module) is not module or module.__dict__.get("max_norm") is not None:
        return False
    if any("__slots__" in vars(cls) for cls in type(module).__mro__):
        return False
    if any(tensor is not None and type(tensor) not in _KINDS for holder in _TENSORS for tensor in module.__dict__[holder].values()):
        return False
    for name, value in module.__dict__.items():
        kind = type(value)
        if kind in _WORDS or (name in _HOLDERS and kind is dict):
            continue
        if kind is tuple and _WORDS.issuperset(map(type, value)):
            continue
        if name not in _HOOKS or kind not in (dict, OrderedDict, set) or value:
            return False
    return True
