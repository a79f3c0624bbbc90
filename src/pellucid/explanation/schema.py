"""JSON Schema and TypeScript of what travels in frames, made from the same type hints as the codec.

``python -m pellucid.explanation.schema --write`` writes ``docs/schema/*.json``, ``web/src/schema.gen.ts`` and ``web/src/palette.gen.ts``
of a checkout; ``--check`` exits with status 1 when one of them is stale.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import PellucidError
from pellucid.explanation.codec import hints, tag
from pellucid.explanation.frame import FORMAT

# Named as text: this layer describes whatever is given to it, and imports nothing above itself.
ROOTS = ("pellucid.explanation.explanation:Explanation", "pellucid.scenes.marks:Scene", "pellucid.report.report:Report")
PALETTE = "pellucid.scenes.palette"
MADE = "Made by python -m pellucid.explanation.schema --write; do not edit."


def json_schema(cls: type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of the ``content`` of a frame that holds a ``cls``; an array is ``{"array": name}``."""
    definitions: dict[str, Any] = {
        "Array": {"type": "object", "properties": {"array": {"type": "string"}}, "required": ["array"], "additionalProperties": False}
    }
    for found in reachable([cls]):
        definitions[found.__name__] = _object(found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": MADE,
        "title": f"{cls.__name__}, frame format {FORMAT}",
        "$ref": f"#/$defs/{cls.__name__}",
        "$defs": definitions,
    }


def typescript(classes: Iterable[type]) -> str:
    """TypeScript interfaces of these classes and all that they hold; arrays are the reader's ``Tensor``."""
    blocks = [f"// {MADE}", 'import type { Tensor } from "./frame";', f"export const FORMAT = {FORMAT};"]
    for cls in reachable(classes):
        fields = "\n".join(f"  readonly {name}: {_ts(hint)};" for name, hint in hints(cls).items())
        blocks.append(f"export interface {cls.__name__} {{\n{fields}\n}}")
    return "\n\n".join(blocks) + "\n"


def palette_typescript(module: types.ModuleType) -> str:
    """The color roles and maps of a palette module as TypeScript constants."""
    roles = json.dumps(module.ROLES, indent=2)
    maps = json.dumps(module.MAPS, indent=2)
    return f"// {MADE}\nexport const ROLES = {roles} as const;\n\nexport const MAPS = {maps} as const;\n"


def reachable(classes: Iterable[type]) -> list[type]:
    """The dataclasses that these hold, themselves included, by name."""
    found: dict[str, type] = {}
    waiting = list(classes)
    while waiting:
        cls = waiting.pop()
        if found.setdefault(cls.__name__, cls) is not cls:
            raise PellucidError(
                "Two classes of one name can not share a schema", received=f"{cls} and {found[cls.__name__]}", remedy="rename one of them"
            )
        waiting += [c for hint in hints(cls).values() for c in _classes(hint) if c.__name__ not in found]
    return [found[name] for name in sorted(found)]


def files(checkout: Path) -> dict[Path, str]:
    """Every generated file of a checkout with its right content."""
    roots = [getattr(import_module(module), name) for module, name in (root.split(":") for root in ROOTS)]
    made = {checkout / "docs" / "schema" / f"{cls.__name__.lower()}.json": json.dumps(json_schema(cls), indent=2) + "\n" for cls in roots}
    made[checkout / "web" / "src" / "schema.gen.ts"] = typescript(roots)
    made[checkout / "web" / "src" / "palette.gen.ts"] = palette_typescript(import_module(PALETTE))
    return made


def stale(checkout: Path) -> list[Path]:
    """The generated files that are missing or differ from what they should hold."""
    return [path for path, content in files(checkout).items() if not path.exists() or path.read_text(encoding="utf-8") != content]


def _object(cls: type) -> dict[str, Any]:
    marker = tag(cls)
    fields = dataclasses.fields(cls)
    optional = {f.name for f in fields if f.default is not dataclasses.MISSING or f.default_factory is not dataclasses.MISSING}
    if marker:  # the field by which a union is told apart is always written
        optional.discard(marker[0])
    return {
        "type": "object",
        "properties": {name: _schema(hint) for name, hint in hints(cls).items()},
        "required": [f.name for f in fields if f.name not in optional],
        "additionalProperties": False,
    }


def _schema(hint: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 (one line per kind of type)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is np.ndarray:
        return {"$ref": "#/$defs/Array"}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_schema(a) for a in arguments]}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is tuple:
        return {"type": "array", "prefixItems": [_schema(a) for a in arguments], "items": False, "minItems": len(arguments)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    return {"type": _PLAIN[hint][0]}


def _ts(hint: Any) -> str:  # noqa: ANN401, PLR0911 (one line per kind of type)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is np.ndarray:
        return "Tensor"
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return hint.__name__
    if origin is typing.Literal:
        return " | ".join(json.dumps(a) for a in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_ts(a) for a in arguments)
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"readonly ({_ts(arguments[0])})[]"
    if origin is tuple:
        return f"readonly [{', '.join(_ts(a) for a in arguments)}]"
    if origin is dict:
        return f"Readonly<Record<string, {_ts(arguments[1])}>>"
    return _PLAIN[hint][1]


_PLAIN: dict[Any, tuple[str, str]] = {
    float: ("number", "number"),
    int: ("integer", "number"),
    str: ("string", "string"),
    bool: ("boolean", "boolean"),
    types.NoneType: ("null", "null"),
}


def _classes(hint: Any) -> list[type]:  # noqa: ANN401
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return [hint]
    return [cls for argument in typing.get_args(hint) if argument is not Ellipsis for cls in _classes(argument)]


def main(arguments: list[str]) -> int:
    """Writes the generated files, or says which are stale."""
    checkout = Path(__file__).resolve().parents[3]
    if arguments not in (["--check"], ["--write"]) or not (checkout / "web").is_dir():
        sys.stderr.write("usage, in a checkout: python -m pellucid.explanation.schema --check|--write\n")
        return 2
    if arguments == ["--write"]:
        for path, content in files(checkout).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return 0
    wrong = stale(checkout)
    for path in wrong:
        sys.stderr.write(f"stale: {path.relative_to(checkout)}; run python -m pellucid.explanation.schema --write\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
