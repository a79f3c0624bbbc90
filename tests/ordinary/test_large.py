"""A large photo and a long sequence, each by every method that applies, within two gigabytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import pellucid as pl

LIMIT = 2 * 2**30

PROGRAM = """
import json, resource, sys
import numpy as np, torch
from torch import nn
import pellucid as pl

torch.set_num_threads(1)
torch.manual_seed(0)
kind, methods, fewer = sys.argv[1], *map(json.loads, sys.argv[2:])

def head(pool):
    return pool, nn.Flatten(), nn.Linear(8, 3)

class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.cell(x)[0][:, -1])

if kind == "image":
    net = nn.Sequential(nn.Conv2d(3, 8, 7, 4), nn.ReLU(), nn.Conv2d(8, 8, 3, 4), nn.ReLU(), *head(nn.AdaptiveAvgPool2d(1)))
    x = torch.rand(1, 3, 1411, 1411)
elif kind == "conv":
    net = nn.Sequential(nn.Conv1d(1, 8, 9, 2), nn.ReLU(), nn.Conv1d(8, 8, 9, 2), nn.ReLU(), *head(nn.AdaptiveAvgPool1d(1)))
    x = torch.randn(1, 1, 4096)
else:
    net, x = Last(), torch.randn(1, 4096, 4)
for method in methods:
    asked = eval("pl." + fewer[method]) if kind == "image" and method in fewer else method
    found = pl.explain(net.eval(), x, asked, target=1, checks="fast" if method == "gradcam" else "none")
    assert np.isfinite(found.arrays[0].values).all() and found.arrays[0].values.any(), method
    axes = ("sample", "channel", "y", "x") if kind == "image" else ("sample", "channel", "time") if kind == "conv" else found.arrays[0].axes
    kept = tuple(size for size, axis in zip(x.shape, axes) if axis in found.arrays[0].axes)  # some maps have no channels
    assert found.layer or found.kind != "attribution" or found.arrays[0].values.shape == kept, method
if sys.platform == "linux":  # here ru_maxrss begins with the peak of the process that started this one
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    peak = int(line.split()[1]) * 1024
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps(peak))
"""

# none of these networks has attention, and sensitivity is about the features of tables
EVERY = [row.id for row in pl.methods() if "attention" not in row.needs and row.id != "sensitivity"]
# as many draws as show that memory is bounded; the default counts take minutes on two megapixels
FEWER = {
    "shap": "SHAP(samples=102)",
    "rise": "RISE(masks=16)",
    "sobol": "Sobol(designs=4)",
    "mask": "Mask(steps=4)",
    "lime": "LIME(samples=100)",
    "occlusion": "Occlusion(window=353)",
    "smoothgrad": "SmoothGrad(samples=8)",
    "integrated_gradients": "IntegratedGradients(steps=20)",
    "expected_gradients": "ExpectedGradients(samples=32)",
}
# a gradient of 4,096 LSTM steps takes a second: fewer steps are asked of the methods that take many
CASES = {"image": EVERY, "conv": [m for m in EVERY if m != "fullgrad"], "lstm": ["random", "gradient", "gradient_times_input", "occlusion"]}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say its peak memory")
@pytest.mark.parametrize("kind", list(CASES))
def test_peak_memory(kind):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, json.dumps(CASES[kind]), json.dumps(FEWER)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) < LIMIT
