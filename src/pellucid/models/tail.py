"""What lies above a layer, run again with other outputs of that layer; what lies below is computed once per row.

A pass over the rows keeps the output of every module that has finished when the layer's output is made: the outermost ones, all but
those that contain the layer. When the network runs again they are served instead of computed, so that only what follows the layer,
and what the containers of the layer compute between their modules, costs anything. Nothing is assumed about how modules are joined.

That this is right is not believed but measured, for every row: with the layer's own output put back, twice in one batch, it must give
the network's own output. Where it does not (outputs without a row axis, modules that act by side effects, draws of random numbers), the
whole network is run again for every edit, and the result says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from pellucid.errors import LayerError, ModelError
from pellucid.models.borrowed_shadow import tree
from pellucid.models.watched_layers import not_called, row_each, single_tensor

Forward = Callable[..., Any]
Outputs = Callable[[tuple[Tensor, ...], Tensor], Tensor]  # (batch, rows) -> outputs
PASSES = 4  # at most this many are needed to find out how often the layer is called and whether outputs are written to
ROUNDING = 256  # times the resolution of the dtype: how far the tail may lie from the network's own output


@dataclass(frozen=True)
class Serving:
    """How kept outputs are handed out again.

    Attributes:
        views: one row's output for many edits as a view that can not be written to; else as a copy.
        folded: a first axis of several times the rows (windows, frames) belongs to the rows; else it is the same for every row.
    """

    views: bool
    folded: bool


_WAYS = (Serving(views=True, folded=True), Serving(views=False, folded=True), Serving(views=False, folded=False))


@dataclass(frozen=True, eq=False)
class Recorded:
    """One pass over some rows.

    Attributes:
        batch, rows: what went in.
        outputs: what came out, (row, ...).
        activations: the layer's own output, (row, ...).
        kept: the outputs of finished modules, in the order of their calls.
        calls: how often the layer was called; the last one counts.
    """

    batch: tuple[Tensor, ...]
    rows: Tensor
    outputs: Tensor
    activations: Tensor
    kept: dict[nn.Module, list[Any]]
    calls: int


class Tail:
    """The part of a network above one layer. A layer that is called several times is edited at its last call."""

    def __init__(self, net: nn.Module, layer: nn.Module, outputs: Outputs, *, name: str) -> None:
        self._net, self._layer, self._outputs, self._name = net, layer, outputs, name
        self._modules = [m for m in tree(net) if not isinstance(m, torch.jit.ScriptModule)]
        self._calls = 1  # of the layer in one pass
        self._copying = any(getattr(m, "inplace", False) for m in self._modules)
        self._ways = list(_WAYS)
        self.guess = ""

    @property
    def whole(self) -> bool:
        """Whether the whole network has to be run again for every edit."""
        return not self._ways

    def record(self, batch: tuple[Tensor, ...], rows: Tensor) -> Recorded:
        """Runs the network on these rows and keeps what an edit needs.

        Raises:
            LayerError: the layer returns no single tensor, is not reached, or does not keep rows apart.
        """
        recorded = next((found for _ in range(PASSES) if (found := self._pass(batch, rows)) is not None), None)
        if recorded is None:
            raise LayerError(
                "This layer is called another number of times in every forward pass", received=self._name, remedy="choose another layer"
            )
        row_each(self._name, recorded.activations, len(rows))
        while self._ways and not self._proven(recorded):
            self._ways.pop(0)
        if self.whole and not self.guess:
            self.guess = (
                f"layer {self._name}: what lies above it could not be run alone with the same result, so the whole network was run again"
            )
        return recorded

    def outputs(self, recorded: Recorded, edited: Tensor, at: Tensor) -> Tensor:
        """The network's outputs (batch, ...) with the layer's output replaced; ``at`` says which recorded row each edit belongs to."""
        one = bool((at == at[0]).all())
        batch = tuple(self._spread(t, at, one=one, rows=len(recorded.rows)) for t in recorded.batch)
        served = {} if self.whole else recorded.kept
        at_call = dict.fromkeys(served, 0)

        def serve(module: nn.Module, forward: Forward) -> Forward:
            def served_forward(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
                place = at_call[module]
                at_call[module] += 1
                if place >= len(served[module]):  # a call after the layer's
                    return forward(*arguments, **options)
                return tree_map(lambda leaf: self._spread(leaf, at, one=one, rows=len(recorded.rows)), served[module][place])

            return served_forward

        calls = _Calls(recorded.calls, lambda _: edited)

        def restart() -> None:
            calls.count = 0
            at_call.update(dict.fromkeys(served, 0))

        with _other_forwards(served, serve), _hooked(self._layer, calls, self._name), _before(self._net, restart):
            return self._outputs(batch, recorded.rows[at])

    # ---- inside ------------------------------------------------------------------------------------------------------------

    def _pass(self, batch: tuple[Tensor, ...], rows: Tensor) -> Recorded | None:
        """One recording pass; None if it has to be repeated, since the layer is called more often than was thought, or something that
        was kept has been written to since."""
        log: list[tuple[nn.Module, Any, list[int]]] = []
        found: list[Tensor] = []

        def note(module: nn.Module, forward: Forward) -> Forward:
            def noted_forward(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
                mark = len(log)
                result = forward(*arguments, **options)
                if not found:
                    del log[mark:]  # what finished inside comes with it
                    kept = tree_map(_copied, result) if self._copying else result
                    log.append((module, kept, _versions(kept)))
                return result

            return noted_forward

        calls = _Calls(self._calls, lambda output: found.append(output.clone()))

        def restart() -> None:
            calls.count = 0
            log.clear()
            found.clear()

        noted = [] if self.whole else self._modules
        with _other_forwards(noted, note), _hooked(self._layer, calls, self._name), _before(self._net, restart):
            outputs = self._outputs(tuple(t.clone() for t in batch), rows)
        if not calls.count:
            raise not_called(self._name)
        if calls.count != self._calls:
            self._calls = calls.count
            return None
        if not self._copying and any(versions != _versions(kept) for _, kept, versions in log):
            self._copying = True
            return None
        kept: dict[nn.Module, list[Any]] = {}
        for module, result, _ in log:
            kept.setdefault(module, []).append(result)
        return Recorded(batch, rows, outputs, found[0], kept, calls.count)

    def _proven(self, recorded: Recorded) -> bool:
        """Whether every row's own output comes back when nothing is edited."""
        for row in range(len(recorded.rows)):
            at = torch.full((2,), row, device=recorded.activations.device)
            try:
                again = self.outputs(recorded, recorded.activations[at], at)
            except ModelError:  # of the way of serving; if it is the network's own, running all of it will raise it again
                return False
            if not _same(again, recorded.outputs[at], recorded.activations.dtype):
                return False
        return True

    def _spread(self, leaf: Any, at: Tensor, *, one: bool, rows: int) -> Any:  # noqa: ANN401
        """What was kept for the recorded rows, once for every edit."""
        if not isinstance(leaf, Tensor):
            return leaf
        way = self._ways[0] if self._ways else _WAYS[1]
        if leaf.ndim == 0 or len(leaf) % rows or not (way.folded or len(leaf) == rows):
            return leaf if way.views else leaf.clone()
        each = len(leaf) // rows
        grouped = leaf.unflatten(0, (rows, each))
        if one and way.views:
            return grouped[int(at[0])].expand(len(at), *grouped.shape[1:]).flatten(0, 1)
        return grouped[at].flatten(0, 1)


class _Calls:
    """Counts the calls of the layer; at the wanted one its output is shown to ``act``, whose tensor, if it returns one, takes its place."""

    def __init__(self, wanted: int, act: Callable[[Tensor], Tensor | None]) -> None:
        self.wanted, self.act, self.count = wanted, act, 0

    def __call__(self, output: Tensor) -> Tensor | None:
        self.count += 1
        return self.act(output) if self.count == self.wanted else None


@contextmanager
def _other_forwards(modules: Iterable[nn.Module], make: Callable[[nn.Module, Forward], Forward]) -> Iterator[None]:
    """Modules of a shadow with other forward functions; hooks run as they always do."""
    changed: list[tuple[dict[str, Any], bool, Any]] = []
    try:
        for module in modules:
            state = module.__dict__
            changed.append((state, "forward" in state, state.get("forward")))
            state["forward"] = make(module, module.forward)
        yield
    finally:
        for state, own, before in changed:
            if own:
                state["forward"] = before
            else:
                state.pop("forward", None)


@contextmanager
def _hooked(layer: nn.Module, calls: _Calls, name: str) -> Iterator[None]:
    """The layer's output as it leaves its last hook."""

    def hook(_module: nn.Module, _arguments: Any, output: Any) -> Tensor | None:  # noqa: ANN401
        output = single_tensor(name, output)
        if not output.is_floating_point():
            raise LayerError(
                "This layer's output can not be edited", received=f"{name}: {output.dtype}", remedy="use 'scorecam' or 'occlusion'"
            )
        return calls(output)

    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _before(net: nn.Module, restart: Callable[[], None]) -> Iterator[None]:
    """Starts counting anew with every call of the network: one evaluation may need two."""
    handle = net.register_forward_pre_hook(lambda _module, _arguments: restart())
    try:
        yield
    finally:
        handle.remove()


def _copied(leaf: Any) -> Any:  # noqa: ANN401
    return leaf.clone() if isinstance(leaf, Tensor) else leaf


def _versions(result: Any) -> list[int]:  # noqa: ANN401
    """How often each tensor of a result has been written to."""
    return [leaf._version for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]


def _same(again: Tensor, own: Tensor, dtype: torch.dtype) -> bool:
    """Whether two outputs of a network that computes in ``dtype`` differ by rounding only."""
    if again.shape != own.shape or again.dtype != own.dtype:
        return False
    scale = float(own.abs().nan_to_num(posinf=0.0).max()) if own.numel() else 0.0
    resolution = max(torch.finfo(own.dtype).eps, torch.finfo(dtype).eps)
    return torch.allclose(again, own, rtol=0, atol=ROUNDING * resolution * scale, equal_nan=True)
