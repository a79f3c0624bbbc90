"""What crosses from torch to another framework."""

from __future__ import annotations

import numpy as np
import torch

from pellucid.models.bridge import ALIGNMENT, aligned


def test_numbers_are_handed_over_where_the_widest_kernels_take_them() -> None:
    room = np.arange(64, dtype=np.float32)
    offset = (-room.ctypes.data // 4) % 16  # of the first number at a multiple of 64 bytes
    for start in (offset, offset + 4):
        rows = torch.from_numpy(room[start : start + 8]).requires_grad_()
        found = aligned(rows)
        assert found.data_ptr() % ALIGNMENT == 0
        assert (found.data_ptr() == rows.data_ptr()) == (start == offset)
        assert torch.equal(found, rows.detach())
        assert not found.requires_grad
    assert aligned(torch.arange(32.0).reshape(4, 8).T).is_contiguous()
