"""PyTorch modules: the native adapter. It works on a shadow of the network (:mod:`pellucid.models.shadow`) and so leaves no trace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.errors import ModelError
from pellucid.explanation.spec import ModelSpec
from pellucid.models.borrowed_shadow import borrowed_shadow, tree
from pellucid.models.bound_torch import BoundTorch
from pellucid.models.inputs import RowInputs
from pellucid.models.protocol import Capability, Mode
from pellucid.models.random_state import fixed_random_state
from pellucid.models.shadow import shadow, unwrap


class TorchModel:
    """A ``torch.nn.Module`` behind the model interface."""

    def __init__(self, net: nn.Module, spec: ModelSpec) -> None:
        self.net = unwrap(net)
        self.spec = spec
        self.name = type(self.net).__name__
        reference = next((p for p in chain(self.net.parameters(), self.net.buffers()) if p.is_floating_point()), None)
        if reference is not None and reference.is_meta:
            raise ModelError(
                "The network's weights are on the meta device and hold no values",
                received=self.name,
                remedy="net.to_empty(device='cpu') and load_state_dict(...) give it weights",
            )
        # a quantized network has no floating-point weights left, and takes float32
        self.torch_dtype = reference.dtype if reference is not None else torch.float32 if self._quantized() else None
        self.torch_device = reference.device if reference is not None else torch.device("cpu")
        self.dtype = str(self.torch_dtype or "as given").removeprefix("torch.")
        self.device = str(self.torch_device)

    @property
    def mixed_dtypes(self) -> bool:
        """Whether the floating-point parameters are not all of one dtype."""
        return len({p.dtype for p in self.net.parameters() if p.is_floating_point()}) > 1

    @property
    def can(self) -> frozenset[Capability]:
        """Gradients, layers and the operations of its forward, unless quantized or scripted; parameters where it has some."""
        found: set[Capability] = {"layers"}
        kinds = set(map(type, tree(self.net)))
        if not any(map(_is_quantized, kinds)):
            found.add("gradient")
            if not any(map(_is_scripted, kinds)):
                found.update(("graph", "attention"))
        if any(p.is_floating_point() for p in self.net.parameters()):
            found.add("parameters")
        return frozenset(found)

    def why_not(self, capability: Capability) -> str:
        """Why a capability is missing, and what to do instead."""
        if capability == "gradient":
            return f"{self._quantized()} is quantized and has no gradient; use a black-box method such as 'occlusion', or the float network"
        if capability in ("graph", "attention"):
            hidden = self._scripted() or self._quantized()
            return f"{hidden} hides its operations; give the plain network, or use a method without rules, such as 'occlusion'"
        return "the network has no parameters"

    def _scripted(self) -> str | None:
        return self._first(_is_scripted)

    def _quantized(self) -> str | None:
        return self._first(_is_quantized)

    def _first(self, test: Callable[[type], bool]) -> str | None:
        """The name of the first module whose class passes the test."""
        return next((name or self.name for name, m in self.net.named_modules() if test(type(m))), None)

    def respecified(self, spec: ModelSpec) -> TorchModel:
        """The same network with another spec."""
        return TorchModel(self.net, spec)

    @contextmanager
    def open(self, inputs: RowInputs, *, mode: Mode) -> Iterator[BoundTorch]:
        """The network bound to these rows, its RNG use undone when the context closes."""
        with ExitStack() as stack:
            stack.enter_context(torch.inference_mode(mode=False))
            stack.enter_context(torch.no_grad())
            stack.enter_context(torch.autocast(self.torch_device.type, enabled=False))
            if self.torch_device.type != "cpu":
                stack.enter_context(torch.autocast("cpu", enabled=False))
            stack.enter_context(fixed_random_state())
            net = stack.enter_context(borrowed_shadow(self.net, training=False if mode == "eval" else None))
            modules = tree(net)
            kinds = set(map(type, modules))
            for module in modules if any(issubclass(kind, nn.TransformerEncoder) for kind in kinds) else ():
                if isinstance(module, nn.TransformerEncoder):
                    module.use_nested_tensor = False  # it zeroes padded positions, which the differentiable path does not
            yield BoundTorch(net, self, inputs, _of_batches(modules))

    def randomized(self, seed: int) -> TorchModel:
        """A copy with every parameter shuffled among its own entries, batch-norm statistics included, so that their distribution stays."""
        generator = torch.Generator().manual_seed(seed)
        with torch.inference_mode(mode=False), torch.no_grad():
            net = shadow(self.net, training=None)
            for tensor in _tensors(net):
                if tensor.is_floating_point() and tensor.numel() > 1:
                    order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                    # in the tensor object itself: recurrent layers and tied weights hold it in more than one place
                    tensor.data = tensor.reshape(-1)[order].reshape(tensor.shape)
        return TorchModel(net, self.spec)

    def fingerprint(self) -> str:
        """A hash over all parameters and buffers, kept until a version counter or a storage changes."""
        tensors = _tensors(self.net)
        inference = any(map(Tensor.is_inference, tensors))  # such a tensor has no version
        versions = [-1 if t.is_inference() else t._version for t in tensors] if inference else list(map(attrgetter("_version"), tensors))
        key = (list(map(Tensor.data_ptr, tensors)), versions, list(map(Tensor.numel, tensors)))
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


def _is_scripted(kind: type) -> bool:
    return issubclass(kind, torch.jit.ScriptModule)


def _is_quantized(kind: type) -> bool:
    return kind.__module__.startswith("torch.") and "quantized" in kind.__module__


def _tensors(net: nn.Module) -> list[Tensor]:
    """All parameters and buffers in a fixed order."""
    groups = [group.values() for module in tree(net) for group in (module._parameters, module._buffers) if group]
    return list({id(tensor): tensor for tensor in chain.from_iterable(groups) if tensor is not None}.values())


_FINGERPRINTS: Any = __import__("weakref").WeakKeyDictionary()


def _of_batches(modules: list[nn.Module]) -> tuple[str, ...]:
    """What in a network makes the rows of a batch depend on one another."""
    found: list[str] = []
    if any(m.training and isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules):
        found.append("batch normalization in training mode: the rows of a batch change one another's scores")
    if any("quantized.dynamic" in type(m).__module__ for m in modules):
        found.append("dynamic quantization takes its range from the whole batch: batch_size=1 keeps rows apart")
    return tuple(found)
