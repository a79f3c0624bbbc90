"""Memory does not grow with the number of windows: one batch of occluded images is held at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_CODE = """
import torch
from torch import nn
import pellucid as pl
from benchmarks.memory import peak, reset_peak
torch.set_num_threads(1)
net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()
x = torch.randn(1, 3, 256, 256)
pl.explain(net, x, pl.Occlusion(window=128), target=0, checks="none", batch_size=8)
before = reset_peak()
pl.explain(net, x, pl.Occlusion(window={window}), target=0, checks="none", batch_size={batch})
print(peak() - before)
"""
ROW = 3 * 256 * 256 * 4  # bytes of one image; the convolution's output is 4 / 3 of it


def added(*, batch: int) -> int:
    """Bytes that 225 windows add to the peak."""
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(window=18, batch=batch)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1", "PATH": ""},
    )
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak can be reset on Linux only")
def test_occlusion_holds_one_batch_at_a_time() -> None:
    limit = 225 * ROW / 2  # half of what all occluded images would take; a batch of 8 takes some 45 MB with its activations
    assert added(batch=8) < limit
    assert added(batch=225) > limit  # the test can fail
