"""What the tests over every registered method share: a network with everything that could be disturbed, and a record of its state."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.registry import method_class

METHODS = tuple(row.id for row in pl.methods())


class Busy(nn.Module):
    """A CNN in train mode with batch norm, dropout, an in-place op, a counter buffer, an attribute set by forward, and a list it grows."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(6, 8, 3, padding=1, stride=2)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(8 * 3 * 3, 4)
        self.register_buffer("calls", torch.zeros(1))
        self.seen: list[int] = []
        self.settings = {"scale": 1.0}
        self.last_mean: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(len(x))
        self.settings["rows"] = len(x)
        x = x.mul_(self.settings["scale"])
        x = self.act(self.norm(self.first(x)))
        self.last_mean = x.mean()
        x = torch.nn.functional.relu(self.second(x))
        return self.head(self.drop(x).flatten(1))


def busy(seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Busy, Tensor]:
    """The CNN in train mode, with user hooks, a frozen layer and gradients of its own; and five rows."""
    return _in_use(Busy, seed, dtype)


def _in_use(make: Callable[[], Any], seed: int, dtype: torch.dtype) -> tuple[Any, Tensor]:
    kept = torch.get_rng_state()
    torch.manual_seed(seed)
    net, x = make().to(dtype), torch.randn(5, 2, 6, 6, dtype=dtype)
    if isinstance(net.norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
        net.norm.running_mean += torch.randn(net.norm.num_features, dtype=dtype) / 4
    net.first.weight.requires_grad_(False)
    net.head.weight.grad = torch.randn_like(net.head.weight)
    net.second.register_forward_hook(lambda _m, _a, output: output * 1.0)
    net.head.register_full_backward_hook(lambda _m, _i, _o: None)
    net.train()
    net.drop.eval()
    torch.set_rng_state(kept)
    return net, x


class BusyAttention(nn.Module):
    """A vision transformer in train mode: a block by hand, an encoder layer, an in-place op, and what else forward may disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 8, 2, stride=2)
        self.start = nn.Parameter(torch.randn(1, 1, 8))
        self.places = nn.Parameter(torch.randn(1, 10, 8))
        self.qkv, self.second = nn.Linear(8, 24), nn.Linear(8, 8)
        self.norm, self.drop, self.act = nn.LayerNorm(8), nn.Dropout(0.3), nn.ReLU(inplace=True)
        self.layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.head = nn.Linear(8, 4)
        self.register_buffer("calls", torch.zeros(1))
        self.seen: list[int] = []
        self.settings = {"scale": 1.0}
        self.last_mean: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(len(x))
        self.settings["rows"] = len(x)
        x = x.mul_(self.settings["scale"])
        patches = self.first(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.start.expand(len(x), -1, -1), patches], 1) + self.places
        q, k, v = self.qkv(self.norm(x)).reshape(len(x), 10, 3, 2, 4).permute(2, 0, 3, 1, 4)
        weights = self.drop((q @ k.transpose(-2, -1) / 2).softmax(-1))
        x = x + self.second((weights @ v).transpose(1, 2).reshape(len(x), 10, 8))
        self.last_mean = x.mean()
        return self.head(self.act(self.layer(x))[:, 0])


class BusyTable(nn.Module):
    """A network for tables in train mode, with what forward may disturb."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.act = nn.Linear(72, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True)
        self.second, self.drop, self.head = nn.Linear(8, 8), nn.Dropout(0.3), nn.Linear(8, 4)
        self.register_buffer("calls", torch.zeros(1))
        self.seen: list[int] = []
        self.settings = {"scale": 1.0}
        self.last_mean: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(len(x))
        self.settings["rows"] = len(x)
        x = self.act(self.norm(self.first(x.mul_(self.settings["scale"]))))
        self.last_mean = x.mean()
        return self.head(self.drop(torch.nn.functional.relu(self.second(x))))


FOR_TABLES = ("sensitivity",)  # methods that have no meaning for a picture


def subject(method: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor]:
    """A busy network that has what the method needs, and five rows: a CNN, or a transformer for methods that read attention."""
    if method in FOR_TABLES:
        net, x = _in_use(BusyTable, seed, dtype)
        return net, x.flatten(1)
    if "attention" in method_class(method).needs:
        return _in_use(BusyAttention, seed, dtype)
    return busy(seed, dtype)


FEWER: dict[str, dict[str, Any]] = {
    "lime": {"samples": 150},
    "rise": {"masks": 200},
    "sobol": {"designs": 8},
    "mask": {"steps": 10},
}  # methods whose usual numbers are meant for real inputs


def asked(method: str) -> Any:
    """The method with as few samples as show the same."""
    return method_class(method)(**FEWER.get(method, {}))


def record(net: nn.Module, inputs: Tensor) -> dict[str, Any]:
    """Everything that an explanation must leave as it was."""
    state: dict[str, Any] = {
        "input": inputs.detach().numpy().tobytes(),
        "input.requires_grad": inputs.requires_grad,
        "input.grad": inputs.grad,
    }
    for name, module in net.named_modules():
        state[f"{name}.training"] = module.training
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks"):
            state[f"{name}.{kind}"] = list(getattr(module, kind).items())
        for key, value in vars(module).items():
            if not key.startswith("_"):
                state[f"{name}.{key}"] = repr(value) if not isinstance(value, Tensor) else value.detach().numpy().tobytes()
    for kind, tensors in (("parameter", net.named_parameters()), ("buffer", net.named_buffers())):
        for name, tensor in tensors:
            grad = None if tensor.grad is None else tensor.grad.numpy().tobytes()
            state[f"{kind} {name}"] = (id(tensor), tensor.detach().numpy().tobytes(), tensor.requires_grad, grad, tensor._version)
    return state | surroundings()


def surroundings() -> dict[str, Any]:
    """Random states, grad modes and backend settings of this thread and process."""
    return {
        "torch rng": torch.get_rng_state().numpy().tobytes(),
        "numpy rng": repr(np.random.get_state()),  # noqa: NPY002
        "python rng": random.getstate(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "dtype": torch.get_default_dtype(),
        "backends": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.mkldnn.enabled),
    }


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what is not as it was."""
    return sorted(k for k in before.keys() | after.keys() if before.get(k, "absent") != after.get(k, "absent"))


def live_tensors() -> int:
    """How many tensors exist in this process."""
    gc.collect()
    return sum(isinstance(thing, Tensor) for thing in gc.get_objects())


class Interrupting(nn.Module):
    """Passes its input on and raises at the n-th call."""

    def __init__(self, inner: nn.Module, at: int, error: Callable[[], BaseException]) -> None:
        super().__init__()
        self.inner, self.at, self.error = inner, at, error
        self.count = [0]

    def forward(self, x: Tensor) -> Tensor:
        INTERRUPTS.append(1)
        if len(INTERRUPTS) >= self.at:
            raise self.error()
        return self.inner(x)


INTERRUPTS: list[int] = []  # outside the network, since whatever forward stores on the network is undone
