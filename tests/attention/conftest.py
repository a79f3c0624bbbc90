"""What the tests of attention share."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from attention.reversing import Reversing, strings


@pytest.fixture(scope="session")
def reversing() -> tuple[Reversing, tuple[Tensor, Tensor]]:
    """The network after 400 steps (three seconds), and strings it has not seen; it reverses all of them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Reversing()
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(400):
        source, so_far, wanted = strings(64, generator)
        loss = nn.functional.cross_entropy(net(source, so_far).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    source, so_far, wanted = strings(32, generator)
    assert bool((net(source, so_far).argmax(-1) == wanted).all())
    return net, (source, so_far)
