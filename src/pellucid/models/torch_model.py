"""PyTorch modules: the native adapter. It works on a shadow of the network (:mod:`pellucid.models.shadow`) and so leaves no trace."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.errors import CapabilityError, InputError, LayerError, ModelError, PellucidError, UnknownName
from pellucid.explanation.spec import InputSpec, ModelSpec
from pellucid.models.inputs import RowInputs
from pellucid.models.outputs import main_output
from pellucid.models.protocol import Capability, LayerGradient, Mode, Score
from pellucid.models.shadow import shadow, unwrap

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class TorchModel:
    """A ``torch.nn.Module`` behind the model interface."""

    def __init__(self, net: nn.Module, spec: ModelSpec) -> None:
        self.net = unwrap(net)
        self.spec = spec
        self.name = type(self.net).__name__
        reference = next((p for p in chain(self.net.parameters(), self.net.buffers()) if p.is_floating_point()), None)
        self.torch_dtype = reference.dtype if reference is not None else None
        self.torch_device = reference.device if reference is not None else torch.device("cpu")
        self.dtype = str(self.torch_dtype or "as given").removeprefix("torch.")
        self.device = str(self.torch_device)

    @property
    def can(self) -> frozenset[Capability]:
        """Gradients and layers, unless the network is quantized; parameters where it has some."""
        found: set[Capability] = {"layers"}
        if self._quantized() is None:
            found.add("gradient")
        if any(p.is_floating_point() for p in self.net.parameters()):
            found.add("parameters")
        return frozenset(found)

    def why_not(self, capability: Capability) -> str:
        """Why a capability is missing, and what to do instead."""
        if capability == "gradient":
            return f"{self._quantized()} is quantized and has no gradient; use a black-box method such as 'occlusion', or the float network"
        return "the network has no parameters"

    def _quantized(self) -> str | None:
        if not any("quantized" in kind.__module__ for kind in set(map(type, _modules(self.net)))):
            return None
        return next((name or self.name for name, m in self.net.named_modules() if "quantized" in type(m).__module__), None)

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundTorch]:
        """The network bound to these rows, its RNG use undone when the context closes."""
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(mode=False))
            stack.enter_context(torch.no_grad())
            stack.enter_context(torch.autocast(self.torch_device.type, enabled=False))
            if self.torch_device.type != "cpu":
                stack.enter_context(torch.autocast("cpu", enabled=False))
            stack.enter_context(_untouched_rng())
            net = shadow(self.net, training=False if mode == "eval" else None)
            yield BoundTorch(net, self, inputs)

    def randomized(self, seed: int) -> TorchModel:
        """A copy with every parameter shuffled among its own entries, batch-norm statistics included, so that their distribution stays."""
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode(mode=False), torch.no_grad():
            net = shadow(self.net, training=None)
            for module in net.modules():
                for group in (module._parameters, module._buffers):
                    for name, tensor in group.items():
                        if tensor is not None and tensor.is_floating_point() and tensor.numel() > 1:
                            order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                            group[name] = tensor.reshape(-1)[order].reshape(tensor.shape)
        return TorchModel(net, self.spec)

    def fingerprint(self) -> str:
        """A hash over all parameters and buffers, kept until a version counter or a storage changes."""
        tensors = _tensors(self.net)
        inference = any(map(Tensor.is_inference, tensors))  # such a tensor has no version
        versions = [-1 if t.is_inference() else t._version for t in tensors] if inference else list(map(attrgetter("_version"), tensors))
        key = (list(map(Tensor.data_ptr, tensors)), versions, list(map(attrgetter("shape"), tensors)))
        known = _FINGERPRINTS.get(self.net)
        if known is None or known[0] != key:
            digest = hashlib.sha256()
            for tensor in tensors:
                flat = tensor.detach().cpu().contiguous().reshape(-1)
                digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
            known = key, digest.hexdigest()[:16]
            _FINGERPRINTS[self.net] = known
        return known[1]

    def last_module(self) -> str:
        """The class name of the last leaf module in definition order, where the network is a plain sequence."""
        module = self.net
        while isinstance(module, nn.Sequential) and len(module):
            module = module[-1]
        return type(module).__name__ if module is not self.net else ""


class BoundTorch:
    """A shadow network bound to the rows being explained; see :class:`pellucid.models.protocol.BoundModel`."""

    def __init__(self, net: nn.Module, model: TorchModel, inputs: RowInputs) -> None:
        self.net, self.model, self.keywords = net, model, inputs.keywords
        self.fixed = tuple(self._fit(t, s, cast=inputs.cast) for t, s in zip(inputs.tensors, inputs.specs, strict=True))
        self.feed_dtypes = tuple(t.dtype for t in self.fixed)
        self.guesses: tuple[str, ...] = ()
        self._embeddings: dict[int, tuple[nn.Module, int]] = {}
        self.slots = tuple(i for i, t in enumerate(self.fixed) if t.is_floating_point())
        integers = [i for i, t in enumerate(self.fixed) if t.dtype in (torch.int64, torch.int32)]
        embedded = self._find_embeddings(integers) if integers else {}
        if not self.slots and not embedded:
            raise InputError(
                "There is no input whose values can be varied",
                received=", ".join(f"{s.name}: {t.dtype}" for s, t in zip(inputs.specs, self.fixed, strict=True)),
                remedy="give floating-point inputs, or integer tokens that feed an nn.Embedding",
            )
        self.slots = tuple(sorted((*self.slots, *embedded)))
        half = (torch.float16, torch.bfloat16)
        wide = {i: embedded.get(i, self.fixed[i]) for i in self.slots}
        # paths and noise are formed in float32 where the network itself is half precision
        self.values = tuple(t.float() if t.dtype in half else t for t in wide.values())
        self.narrow = tuple(t.dtype for t in wide.values())
        self.embedded = tuple(i in embedded for i in self.slots)
        self.specs: tuple[InputSpec, ...] = tuple(inputs.specs[i] for i in self.slots)

    def _fit(self, tensor: Tensor, spec: InputSpec, *, cast: bool) -> Tensor:
        """The tensor on the model's device and in its dtype. Plain data are moved; a torch tensor of another device or dtype is an error."""
        device, dtype = self.model.torch_device, self.model.torch_dtype
        if cast:
            tensor = tensor.to(device)
        elif tensor.device != device:
            raise InputError(
                f"{spec.name} and the model are on different devices",
                received=f"{tensor.device} and {device}",
                remedy=f"x.to({str(device)!r})",
            )
        if not tensor.is_floating_point() or dtype is None or tensor.dtype == dtype:
            return tensor
        if cast or (tensor.dtype == torch.float32 and dtype in (torch.float16, torch.bfloat16)):
            return tensor.to(dtype)
        wanted = str(dtype).removeprefix("torch.")
        raise InputError(
            f"{spec.name} and the model have different dtypes", received=f"{tensor.dtype} and {dtype}", remedy=f"x.to(torch.{wanted})"
        )

    def _find_embeddings(self, integers: list[int]) -> dict[int, Tensor]:
        """The embedding output for each integer input that feeds an nn.Embedding as it is."""
        found: dict[int, Tensor] = {}
        calls: dict[nn.Module, int] = {}

        def look(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
            call = calls[module] = calls.get(module, -1) + 1
            for i in integers:
                ids = arguments[0] if arguments else None
                if i not in found and isinstance(ids, Tensor) and ids.shape == self.fixed[i].shape and torch.equal(ids, self.fixed[i]):
                    found[i] = output.detach().clone()
                    self._embeddings[i] = (module, call)
                    return

        handles = [m.register_forward_hook(look) for m in self.net.modules() if isinstance(m, nn.Embedding)]
        try:
            self._call([t.clone() for t in self.fixed])
        finally:
            for handle in handles:
                handle.remove()
        for i in found:
            self.guesses += (f"input {i + 1}: integer tokens are explained at the output of the embedding they feed",)
        return found

    def outputs(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        """The main output (batch, ...), without gradient."""
        with torch.no_grad():
            return self._forward(tuple(batch), rows)

    def gradients(self, batch: tuple[Tensor, ...], rows: Tensor, score: Score) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Scores (batch,) and their gradients with respect to each tensor of the batch."""
        with torch.enable_grad():
            leaves = tuple(t.detach().requires_grad_() for t in batch)
            scores = score(self._forward(tuple(leaf.clone() for leaf in leaves), rows), rows)
            if not scores.requires_grad:
                raise CapabilityError(
                    "The score does not depend on the input in a way that torch can differentiate",
                    received=self.model.name,
                    remedy="look for .detach(), no_grad, argmax or numpy in the forward; or use a black-box method such as 'occlusion'",
                )
            found = torch.autograd.grad(scores.sum(), leaves, allow_unused=True)
        gradients = tuple(torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True))
        return scores.detach(), gradients

    def layer_gradient(self, batch: tuple[Tensor, ...], rows: Tensor, score: Score, *, layer: str) -> LayerGradient:
        """Forward to the end, backward to ``layer`` and no further: what comes before the layer runs without gradient."""
        kept: list[Tensor] = []

        def cut(_module: nn.Module, _arguments: Any, output: Any) -> Any:  # noqa: ANN401
            if not isinstance(output, Tensor):
                raise LayerError(
                    "This layer returns no single tensor", received=f"{layer}: {type(output).__name__}", remedy="choose another layer"
                )
            torch.set_grad_enabled(True)  # from here on; the context around the call restores it
            kept.append(output.detach().requires_grad_())
            return kept[-1].clone()  # an in-place op that follows must not write over what we keep

        handle = self._layer(layer).register_forward_hook(cut)
        try:
            with torch.no_grad():
                outputs = self._forward(tuple(batch), rows)
                torch.set_grad_enabled(True)
                scores = score(outputs, rows)
                if not kept or not scores.requires_grad:
                    raise LayerError(
                        "The score does not depend on this layer", received=layer, remedy="choose a layer that the forward pass uses"
                    )
                gradients = torch.autograd.grad(scores.sum(), kept[-1], allow_unused=True)[0]
        finally:
            handle.remove()
        gradients = torch.zeros_like(kept[-1]) if gradients is None else gradients
        return LayerGradient(scores.detach(), kept[-1].detach(), gradients)

    def layer_shapes(self) -> dict[str, tuple[int, ...]]:
        """The output shape without the sample axis of every layer that returns a tensor, in order of execution."""
        shapes: dict[str, tuple[int, ...]] = {}

        def note(name: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _arguments: Any, output: Any) -> None:  # noqa: ANN401
                if isinstance(output, Tensor):
                    shapes.pop(name, None)
                    shapes[name] = tuple(output.shape[1:])

            return hook

        handles = [m.register_forward_hook(note(name)) for name, m in self.net.named_modules() if name]
        try:
            self.outputs(tuple(v[:1] for v in self.values), torch.zeros(1, dtype=torch.long))
        finally:
            for handle in handles:
                handle.remove()
        return shapes

    def _layer(self, name: str) -> nn.Module:
        try:
            if name:
                return self.net.get_submodule(name)
        except AttributeError:
            pass
        raise UnknownName("layer", name, [n for n, _ in self.net.named_modules() if n])

    def _forward(self, batch: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        rows = rows.to(self.model.torch_device)
        values: list[Tensor | None] = [None] * len(self.fixed)
        replaced: dict[int, Tensor] = {}
        for slot, tensor, dtype in zip(self.slots, batch, self.narrow, strict=True):
            narrow = tensor.to(dtype) if tensor.dtype != dtype else tensor
            if slot in self._embeddings:
                replaced[slot] = narrow
            else:
                values[slot] = narrow
        full = [self.fixed[i][rows] if value is None else value for i, value in enumerate(values)]
        handles = [self._replace_embedding(i, tensor) for i, tensor in replaced.items()]
        try:
            output = main_output(self._call(full), self.model.spec.select)
        finally:
            for handle in handles:
                handle.remove()
        if output.ndim == 0 or len(output) != len(rows):
            raise ModelError(
                "The model does not return one row for each input row",
                received=f"{len(rows)} rows in, output of shape {tuple(output.shape)}",
                remedy="the first axis of input and output must be the row (add it with x[None] if you gave a single row)",
            )
        return output

    def _replace_embedding(self, slot: int, tensor: Tensor) -> Any:  # noqa: ANN401
        module, wanted = self._embeddings[slot]
        count = [-1]

        def hook(_module: nn.Module, _arguments: Any, _output: Any) -> Tensor | None:  # noqa: ANN401
            count[0] += 1
            return tensor if count[0] == wanted else None

        return module.register_forward_hook(hook)

    def _call(self, values: list[Tensor]) -> Any:  # noqa: ANN401
        try:
            return self.net(**dict(zip(self.keywords, values, strict=True))) if self.keywords else self.net(*values)
        except (PellucidError, torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:
            if any(words in str(error) for words in _OUT_OF_MEMORY):
                raise
            shapes = ", ".join(f"{tuple(v.shape)} {str(v.dtype).removeprefix('torch.')}" for v in values)
            raise ModelError(
                f"{self.model.name} raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
                received=f"inputs of shape {shapes}",
                remedy="call the model on these inputs yourself; if that fails too, check shape (rows first), dtype and layout",
            ) from error


def _modules(net: nn.Module) -> list[nn.Module]:
    """``net`` and all modules below, each once; several times faster than ``net.modules()``."""
    found, waiting = {id(net): net}, [net]
    while waiting:
        for child in waiting.pop()._modules.values():
            if child is not None and id(child) not in found:
                found[id(child)] = child
                waiting.append(child)
    return list(found.values())


def _tensors(net: nn.Module) -> list[Tensor]:
    """All parameters and buffers in a fixed order."""
    groups = chain.from_iterable((m._parameters.values(), m._buffers.values()) for m in _modules(net))
    return list({id(t): t for t in chain.from_iterable(groups) if t is not None}.values())


_FINGERPRINTS: Any = __import__("weakref").WeakKeyDictionary()


@contextmanager
def _untouched_rng() -> Iterator[None]:
    """The global RNGs of torch, numpy and Python as they were, whatever the model draws from them."""
    cuda = torch.cuda.is_initialized()
    states = torch.get_rng_state(), np.random.get_state(), random.getstate(), torch.cuda.get_rng_state_all() if cuda else []  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])
        if cuda:
            torch.cuda.set_rng_state_all(states[3])
