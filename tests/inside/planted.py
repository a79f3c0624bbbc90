"""Networks with units that were made dead or double on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.conv import _ConvNd

from pellucid.demo.networks import train_digits, train_patient


class FunctionalCNN(nn.Module):
    """Normalized convolutions with a shortcut, functional activations, and a dense head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24)
        self.deep, self.head = nn.Conv2d(24, 24, 3, padding=1), nn.Linear(24 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.norm(self.stem(x))), 2)
        x = x + functional.relu(self.deep(x))
        return self.head(x.flatten(1))


def mlp(seed: int) -> nn.Module:
    """A random MLP: width, depth, activation and initialization depend on the seed."""
    torch.manual_seed(seed)
    width, start = (24, 48, 96, 64)[seed % 4], (4, 13, 30)[seed % 3]
    act = (nn.ReLU, nn.Tanh, nn.GELU)[seed % 3]
    layers: list[nn.Module] = [nn.Linear(start, width), act(), nn.Linear(width, width), act(), nn.Linear(width, width), act()]
    net = nn.Sequential(*layers, nn.Linear(width, 5))
    if seed % 2:
        for module in net.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight)
                nn.init.zeros_(module.bias)
    return net


def cnn(seed: int) -> nn.Module:
    """A random CNN."""
    torch.manual_seed(seed)
    if seed % 2:
        return FunctionalCNN()
    body = [nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU6(), nn.Conv2d(16, 32, 3, groups=2), nn.ReLU(), nn.AdaptiveAvgPool2d(2)]
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, 4))


def trained_mlp(seed: int) -> nn.Module:
    """An MLP that has learned a noisy rule on random rows."""
    net = mlp(seed)
    first = next(module for module in net.modules() if isinstance(module, nn.Linear))
    x = torch.randn(400, first.in_features)
    y = (x[:, 0] * x[:, 1] > 0).long() + 2 * (x[:, 2] + 0.3 * torch.randn(400) > 0).long()
    return _trained(net, x, y)


def trained_cnn(seed: int) -> nn.Module:
    """A CNN that has learned where a random picture is brighter."""
    net = cnn(seed)
    x = torch.randn(300, 3 if seed % 2 else 1, 8, 8)
    y = (x[:, :, :4].mean((1, 2, 3)) > x[:, :, 4:].mean((1, 2, 3))).long() + 2 * (x[..., :4].mean((1, 2, 3)) > 0).long()
    return _trained(net, x, y).eval()


def _trained(net: nn.Module, x: Tensor, y: Tensor) -> nn.Module:
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(100):
        optimizer.zero_grad()
        functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return net


def networks() -> dict[str, nn.Module]:
    """Ten MLPs and ten CNNs, half of them trained."""
    made: dict[str, nn.Module] = {}
    for seed in range(5):
        made[f"random MLP {seed}"], made[f"random CNN {seed}"] = mlp(seed), cnn(seed)
        made[f"trained CNN {seed}"] = train_digits(seed=seed).net if seed < 1 else trained_cnn(seed)
        made[f"trained MLP {seed}"] = train_patient(seed=seed).net if seed < 2 else trained_mlp(seed)
    return made


@dataclass
class Planted:
    """What was planted, by layer."""

    dead: dict[str, set[int]] = field(default_factory=dict)
    doubled: dict[str, set[int]] = field(default_factory=dict)


def plant(net: nn.Module, follows: dict[str, tuple[str, ...]], generator: torch.Generator) -> Planted:
    """Makes units of every layer but the last dead (nothing comes in, or nothing goes out) or copies of another, some scaled or noisy."""
    modules, planted, muted = dict(net.named_modules()), Planted(), {}
    with torch.no_grad():
        for path in follows:
            layer = modules[path]
            units = torch.randperm(len(layer.weight) // getattr(layer, "groups", 1), generator=generator).tolist()
            mute, off, copy, scaled, noisy, first, second, third = units[:8]
            norm = _norm_behind(modules, path)
            layer.weight[off] = 0
            if norm is not None:
                norm.weight[off], norm.bias[off] = 0, 0
            elif layer.bias is not None:
                layer.bias[off] = 0
            for to, source, scale, noise in ((copy, first, 1.0, 0.0), (scaled, second, 3.7, 0.0), (noisy, third, 1.0, 0.003)):
                row = layer.weight[source]
                layer.weight[to] = scale * (row + noise * row.norm() / row.numel() ** 0.5 * torch.randn(row.shape, generator=generator))
                if layer.bias is not None:
                    layer.bias[to] = scale * layer.bias[source]
                if norm is not None:
                    for name in ("weight", "bias", "running_mean", "running_var"):
                        getattr(norm, name)[to] = getattr(norm, name)[source]
                    norm.running_mean[to] *= scale
                    norm.running_var[to] *= scale**2
            planted.dead[path] = {mute, off}
            planted.doubled[path] = {copy, scaled, noisy, first, second, third}
            muted[path] = mute
        for path, unit in muted.items():  # last, since noise in a copy's row would let a muted unit through
            for reader in follows[path]:
                _columns(modules[reader], unit, len(modules[path].weight)).zero_()
            for other, readers in follows.items():  # a shortcut: another layer's unit of that number goes the same way
                if set(readers) <= set(follows[path]):
                    planted.dead[other].add(unit)
    return planted


def _columns(reader: nn.Module, unit: int, units: int) -> Tensor:
    """The weights by which a layer reads a unit."""
    if isinstance(reader, _ConvNd):
        share = reader.weight.shape[0] // reader.groups
        group, place = divmod(unit, reader.weight.shape[1])
        return reader.weight[group * share : (group + 1) * share, place]
    inner = reader.weight.shape[1] // units
    return reader.weight[:, unit * inner : (unit + 1) * inner]


def _norm_behind(modules: dict[str, nn.Module], path: str) -> nn.Module | None:
    """The batch normalization of the networks above behind a layer."""
    beside = {"stem": "norm"}.get(path) or (str(int(path) + 1) if path.isdigit() else "")
    return modules[beside] if isinstance(modules.get(beside), nn.BatchNorm2d) else None
