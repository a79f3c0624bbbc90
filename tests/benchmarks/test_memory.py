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
pl.explain(net, x, pl.Occlusion(window={window}), target=0, checks="none", batch_size=8)
print(peak() - before)
"""
ROW = 3 * 256 * 256 * 4  # bytes of one image; the convolution's output is 4 / 3 of it


def added(window: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(window=window)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "OMP_NUM_THREADS": "1", "PATH": ""},
    )
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak can be reset on Linux only")
def test_two_hundred_windows_take_no_more_memory_than_sixteen() -> None:
    few, many = added(64), added(18)  # 16 and 225 windows
    # a batch holds 8 images before and after the mask, and two activations: some 45 MB; all 225 images would be 177 MB
    assert many < few + 12 * ROW
    assert many < 225 * ROW / 2
