"""Leaves a network's train/eval flags, module by module, and the random state as they were."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def modes_kept(net: nn.Module) -> Generator[None]:
    """Gives every module its own train/eval flag back at the end, however the block ends."""
    flags = [(module, module.training) for module in net.modules()]
    try:
        yield
    finally:
        for module, flag in flags:
            module.training = flag


@contextmanager
def seeded(seed: int, device: torch.device) -> Generator[None]:
    """Within the block torch's generators of the CPU and of ``device`` start from ``seed``; after it they are where they were."""
    cuda = device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if cuda else []):
        torch.default_generator.manual_seed(seed)
        if cuda:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
