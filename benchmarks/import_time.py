"""How long ``import pellucid`` takes in a fresh process, and what it loads: ``python -m benchmarks.import_time``."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
from rich.console import Console

REPEATS = 15
LIMIT = 0.3  # seconds
HEAVY = ("torch", "matplotlib", "pandas", "xarray", "sklearn", "scipy", "rich", "typer")
_CODE = """
import json, sys, time
started = time.perf_counter()
import pellucid
seconds = time.perf_counter() - started
print(json.dumps([seconds, [name for name in {heavy} if name in sys.modules]]))
"""


def import_once() -> tuple[float, list[str]]:
    """Seconds of the import in a fresh process, and the heavy modules that are loaded after it."""
    command = [sys.executable, "-c", _CODE.format(heavy=repr(HEAVY))]
    seconds, loaded = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, loaded


def main() -> None:
    """Prints the median, the spread and the heavy modules."""
    found = [import_once() for _ in range(REPEATS)]
    seconds = np.array([s for s, _ in found])
    loaded = sorted({name for _, names in found for name in names})
    low, median, high = np.percentile(seconds, [5, 50, 95])
    Console().print(
        f"import pellucid: median {median:.3f} s, 5 % to 95 %: {low:.3f} to {high:.3f} s over {REPEATS} fresh processes "
        f"(limit {LIMIT} s); heavy modules loaded: {', '.join(loaded) or 'none'}"
    )


if __name__ == "__main__":
    main()
