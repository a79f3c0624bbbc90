"""``import pellucid`` is quick because it loads none of the heavy libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HEAVY = ["torch", "matplotlib", "pandas", "xarray", "sklearn"]
SOURCE = Path(__file__).resolve().parents[1] / "src"


def loaded_by(statement: str) -> set[str]:
    """The heavy libraries in ``sys.modules`` of a fresh interpreter after a statement."""
    report = f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    program = f"import json, sys; sys.path.insert(0, {str(SOURCE)!r}); {statement}; {report}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_by("import pellucid") == set()


def test_listing_the_public_names_loads_nothing_heavy():
    assert loaded_by("import pellucid; dir(pellucid)") == set()


def test_the_look_at_sys_modules_can_fail():
    assert loaded_by("import xarray") >= {"xarray", "pandas"}
