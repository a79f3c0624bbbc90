"""A shadow that is used again for the next call, where it can be shown that a new one would be no different.

Making a shadow costs some microseconds for each module, and the thousands of objects it makes bring on garbage collections. So the
shadow of a *plain* tree (modules that hold nothing but numbers, words, tuples of these, parameters, buffers, children and empty tables
of hooks) is kept, without its tensors, and taken again only if original and shadow still agree in every class, attribute and child, and
every table of hooks is still empty: then a new shadow would be the same. Tensors are taken anew for every call, so that new values,
shapes and ties are seen. Every other network, and a shadow that its forward pass wrote to, gets a new one each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import chain, compress
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from pellucid.models.shadow import global_modules, shadow, unwrap

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


def structure(net: nn.Module) -> Hashable:
    """Which modules a network is made of and under which names; another value once one of them is replaced."""
    modules = tree(net)
    return tuple(map(id, modules)), tuple(chain.from_iterable(m._modules for m in modules))


@contextmanager
def borrowed_shadow(net: nn.Module, *, training: bool | None) -> Iterator[nn.Module]:
    """The shadow of a network for the time of a call; see :func:`pellucid.models.shadow.shadow`."""
    kept = _take(net, training)
    if kept is None:
        copied = shadow(net, training=training)
        kept = _keep(net, copied, training)
        yield copied
    else:
        yield kept.modules[0]
    if kept is not None:  # not after an error, which may have left anything behind
        kept.empty()
        shelf = _SHELVES.setdefault(net, {}).setdefault(training, [])
        if len(shelf) < _LONGEST:
            shelf.append(kept)


class _Kept:
    """A shadow between two calls, and in which places it differs from its original when both are as they should be."""

    def __init__(self, originals: list[nn.Module], modules: list[nn.Module], training: bool | None) -> None:
        self.modules, self.training = modules, training
        names, self.same = list(chain.from_iterable(_states(modules))), _same(originals, modules)
        self.tables = [name in _HOOKS and not same and name != "training" for name, same in zip(names, self.same, strict=True)]
        self.children = _children(modules)

    def fits(self, originals: list[nn.Module]) -> bool:
        """Whether a new shadow of these modules would be no different: no class, attribute, child or table of either side changed."""
        mine, others = _states(self.modules), _states(originals)
        return (
            list(map(type, originals)) == list(map(type, self.modules))
            and list(chain.from_iterable(others)) == list(chain.from_iterable(mine))
            and _same(originals, self.modules) == self.same
            and not any(compress(_values(others), self.tables))
            and not any(compress(_values(mine), self.tables))
            and (self.training is None or all(state["training"] is self.training for state in mine))
            and _children(originals) == self.children
            and _children(self.modules) == self.children
        )

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

    def empty(self) -> None:
        """Lets go of the tensors."""
        for module in self.modules:
            for holder in _TENSORS:
                if module.__dict__.get(holder):
                    module.__dict__[holder].clear()


def _states(modules: list[nn.Module]) -> list[dict[str, Any]]:
    return [module.__dict__ for module in modules]


def _values(states: list[dict[str, Any]]) -> Iterator[Any]:
    return chain.from_iterable(map(dict.values, states))


def _same(originals: list[nn.Module], modules: list[nn.Module]) -> list[bool]:
    """For each attribute in turn whether both sides hold the same object: so it is with numbers and words, not with tables."""
    return list(map(is_, _values(_states(originals)), _values(_states(modules))))


def _children(modules: list[nn.Module]) -> tuple[list[Any], ...]:
    """Whose children stand where, by their place in the tree."""
    place = {id(module): i for i, module in enumerate(modules)}
    families = [module.__dict__["_modules"] for module in modules]
    places = [None if child is None else place.get(id(child)) for family in families if family for child in family.values()]
    return list(map(len, families)), list(chain.from_iterable(families)), places


_SHELVES: WeakKeyDictionary[nn.Module, dict[bool | None, list[_Kept]]] = WeakKeyDictionary()


def _take(net: nn.Module, training: bool | None) -> _Kept | None:
    shelf = _SHELVES.get(net, {}).get(training)
    if not shelf:
        return None
    try:
        kept = shelf.pop()
    except IndexError:  # another thread was faster
        return None
    originals = tree(net)
    if kept.fits(originals) and kept.fill(originals):
        return kept
    shelf.clear()
    return None


def _keep(net: nn.Module, copied: nn.Module, training: bool | None) -> _Kept | None:
    originals = tree(net)
    if not all(map(_plain, originals)):
        return None
    modules = tree(copied)
    names = chain.from_iterable(_states(modules))
    if not all(same or name in _HOOKS or name in _HOLDERS for name, same in zip(names, _same(originals, modules), strict=True)):
        return None
    return _Kept(originals, modules, training)


def _plain(module: nn.Module) -> bool:
    """Whether a module holds nothing that a shadow would have to follow."""
    if isinstance(module, torch.jit.ScriptModule) or unwrap(module) is not module or module.__dict__.get("max_norm") is not None:
        return False
    if global_modules(type(module).forward):
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
