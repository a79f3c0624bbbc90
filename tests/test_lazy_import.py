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


def test_type_checkers_see_what_is_public() -> None:
    import ast
    from pathlib import Path

    import pellucid
    from pellucid.methods.internals.registry import INSPECTIONS
    from pellucid.methods.registry import METHODS

    tree = ast.parse(Path(pellucid.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    classes = {place.split(":")[1] for place in (*METHODS.values(), *INSPECTIONS.values())}
    assert seen | classes == set(pellucid.__all__)
    assert all(getattr(pellucid, name) is not None for name in pellucid.__all__)


def test_functions_are_not_hidden_by_subpackages_of_the_same_name() -> None:
    loads = "import pellucid as pl, pellucid.methods.run, pellucid.report.page"
    assert "torch" in loaded_by(f"{loads}; assert pl.methods()[0].id == 'random' and callable(pl.report)")
