"""Which process records: the one that trains, of the first rank, and none that was forked from it."""

from __future__ import annotations

import os


def rank() -> int:
    """The rank of this process among those that train together; 0 where it trains alone."""
    import torch.distributed as together

    if together.is_available() and together.is_initialized():
        return together.get_rank()
    launched = "TORCHELASTIC_RUN_ID" in os.environ  # before the group is made, but under torchrun
    return int(os.environ.get("RANK", "0")) if launched else 0
