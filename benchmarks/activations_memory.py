"""Peak memory of looking at activations, by the number of rows: ``python -m benchmarks.activations_memory [ROWS ...]`` (64 and 1,000).

EfficientNet-Lite0 on random images of 224 px, each number of rows in a process of its own. The images themselves lie in memory before the
call; what is printed is what the call adds. It does not grow with the rows but for what is kept of a row itself (its decision and a
fingerprint), so that the last column goes to nothing.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.memory import peak, reset_peak

SIZE, MIB = 224, 2**20


def measure(rows: int) -> tuple[int, float]:
    """Bytes that the call adds, and its seconds."""
    import torch

    import pellucid as pl
    from pellucid.demo.efficientnet import efficientnet_lite0

    torch.set_num_threads(1)
    net, draw = efficientnet_lite0(pretrained=False), torch.Generator().manual_seed(0)
    pl.inspect(net, "activations", torch.randn(1, 3, SIZE, SIZE, generator=draw))  # loads what is loaded once
    images = torch.empty(rows, 3, SIZE, SIZE)
    for image in images:
        image.normal_(generator=draw)
    before = reset_peak()
    seen = pl.inspect(net, "activations", images, labels=[row % 10 for row in range(rows)])
    return peak() - before, seen.provenance.seconds


def main() -> None:
    """A line for each number of rows."""
    print("| rows | MiB of images | MiB added by the call | s a row | MiB added for each row more |\n|---|---|---|---|---|")
    last: tuple[int, float] | None = None
    for rows in [int(one) for one in sys.argv[1:]] or [64, 1000]:
        command = [sys.executable, "-m", "benchmarks.activations_memory", "--measure", str(rows)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        added, seconds = float(told[0]) / MIB, float(told[1])
        more = f"{(added - last[1]) / (rows - last[0]):.3f}" if last else ""
        print(f"| {rows:,} | {rows * 3 * SIZE * SIZE * 4 / MIB:.0f} | {added:.0f} | {seconds / rows:.2f} | {more} |", flush=True)
        last = rows, added


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(*measure(int(sys.argv[2])))
    else:
        main()
