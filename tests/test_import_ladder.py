"""Who may import whom: lower storeys never import higher ones, siblings never each other (ARCHITECTURE.md).

Every import is read from the source: those inside functions, those for type checking only, relative ones, and
``import_module("...")`` with the name written out.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "src" / "pellucid"

FACE = "<face>"  # pellucid/__init__.py: re-exports everything lazily, so only what stands above the library may use it
LADDER = [
    ["errors"],
    ["explanation"],
    ["data", "models"],
    ["methods"],
    ["checks"],
    ["harness"],
    ["training", "scenes"],
    ["views"],
    ["paper", "narration"],
    ["report"],
    ["interop"],
    [FACE],
    ["demo"],
    ["cli"],
    ["__main__"],
]
HEIGHT = {name: height for height, names in enumerate(LADDER) for name in names}

KNOW_RESULTS_ONLY = {"scenes", "views", "paper", "narration"}  # a picture or a sentence is made from a result, never from a model
MODEL_SIDE = {"models", "methods"}

NAMES = ["tensorflow", "keras", "jax", "flax", "onnx", "onnxruntime", "xgboost", "lightgbm", "lightning", "transformers", "ray"]
NAMES += ["shap", "lime", "captum", "mlflow", "wandb"]
FRAMEWORKS = {**dict(zip(NAMES, NAMES, strict=True)), "jaxlib": "jax", "pytorch_lightning": "lightning"}
SERVERS = {"starlette", "uvicorn", "fastapi", "flask", "aiohttp", "tornado", "websockets", "anywidget", "http.server", "socketserver"}


def modules(root: Path) -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join((root.name, *(parts[:-1] if parts[-1] == "__init__" else parts)))] = path
    return found


def imports(tree: ast.AST, module: str, is_package: bool) -> list[tuple[int, str]]:
    """(line, dotted name) of all that a module imports; ``from a import b`` gives ``a.b``."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = parts[: len(parts) - node.level + (1 if is_package else 0)]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("import_module", "__import__"):
                found.append((node.lineno, node.args[0].value))
    return found


def storey(module: str) -> str:
    """The storey that an imported dotted name belongs to; a name of the face (``pellucid.explain``) belongs to the face."""
    first = module.split(".")[1:2]
    on_disk = first and ((ROOT / first[0]).is_dir() or (ROOT / f"{first[0]}.py").is_file())
    return first[0] if first and (first[0] in HEIGHT or on_disk) else FACE


def faults(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What in this source breaks a rule of the ladder, one sentence each."""
    here, stem = (module.split(".")[1] if "." in module else FACE), module.rsplit(".", 1)[-1]
    found = []
    if here not in HEIGHT:
        return [f"{module}: the storey {here!r} has no place on the ladder"]
    for line, name in imports(ast.parse(source), module, is_package):
        where, top = f"{module}:{line}", name.split(".")[0]
        if top == "pellucid" and here != FACE:
            there = storey(name)
            if there not in HEIGHT:
                found.append(f"{where} imports {there}, which has no place on the ladder")
            elif there != here and HEIGHT[there] >= HEIGHT[here]:
                found.append(f"{where} imports {name}: {here} stands {'beside' if HEIGHT[there] == HEIGHT[here] else 'below'} {there}")
            elif here in KNOW_RESULTS_ONLY and there in MODEL_SIDE:
                found.append(f"{where} imports {name}: {here} knows results, never models")
        if top in FRAMEWORKS and FRAMEWORKS[top] not in stem:
            found.append(f"{where} imports {top} in a file that does not carry its name")
        if top in ("matplotlib", "mpl_toolkits") and here != "paper":
            found.append(f"{where} imports {top} outside paper/")
        if (top in SERVERS or any(name.startswith(server) for server in SERVERS if "." in server)) and here != "studio":
            found.append(f"{where} imports {top} outside studio/")
    return found


def test_no_import_runs_up_the_ladder():
    found = []
    for module, path in modules(ROOT).items():
        found += faults(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
    assert not found, "\n".join(found)


def test_the_whole_package_is_read():
    names = set(modules(ROOT))
    assert {"pellucid", "pellucid.errors", "pellucid.explanation.explanation", "pellucid.scenes.marks"} <= names
    assert not {storey(name) for name in names} - set(HEIGHT)


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("pellucid.errors", "from pellucid.explanation import Check", "stands below explanation"),
        ("pellucid.explanation.frame", "def f():\n    from pellucid.views import bars", "stands below views"),
        ("pellucid.explanation.frame", "def f():\n    from ..views.bars import draw", "stands below views"),
        ("pellucid.models.torch_model", "from pellucid import data", "stands beside data"),
        ("pellucid.data.tables", "import pellucid.models.spec", "stands beside models"),
        ("pellucid.paper.draw", "from pellucid.narration import narrate", "stands beside narration"),
        ("pellucid.methods.run", "if TYPE_CHECKING:\n    from pellucid.harness.explain import explain", "stands below harness"),
        ("pellucid.checks.deletion", "from importlib import import_module\nimport_module('pellucid.cli')", "stands below cli"),
        ("pellucid.report.page", "import pellucid as pl", f"stands below {FACE}"),
        ("pellucid.harness.explain", "from pellucid import explain_everything", f"stands below {FACE}"),
        ("pellucid.narration.sentences", "from pellucid.models import wrap", "knows results, never models"),
        ("pellucid.models.torch_model", "def f():\n    import tensorflow as tf", "does not carry its name"),
        ("pellucid.models.keras_model", "import jax.numpy as jnp", "does not carry its name"),
        ("pellucid.views.bars", "import matplotlib.pyplot as plt", "outside paper/"),
        ("pellucid.report.page", "from http.server import HTTPServer", "outside studio/"),
        ("pellucid.report.page", "import starlette.routing", "outside studio/"),
        ("pellucid.interop.arrays", "from importlib import import_module\nimport_module('shap')", "does not carry its name"),
        ("pellucid.report.page", "from pellucid.interop import to_shap", "stands below interop"),
        ("pellucid.helpers", "import json", "has no place on the ladder"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, fault: str):
    found = faults(source, module)
    assert len(found) == 1, found
    assert fault in found[0]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pellucid.harness.explain", "from pellucid.checks import deletion\nfrom pellucid.errors import InputError\nimport torch"),
        ("pellucid.models.keras_model", "import keras"),
        ("pellucid.paper.draw", "import matplotlib"),
        ("pellucid.interop.shap", "import shap\nfrom pellucid.harness.explain import explain"),
        ("pellucid.explanation.frame", "from .check import Check\nfrom . import arrays"),
        ("pellucid.cli", "import pellucid as pl"),
        ("pellucid", "from pellucid.cli import main"),
    ],
)
def test_a_right_import_is_let_through(module: str, source: str):
    assert faults(source, module) == []
