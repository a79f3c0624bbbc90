"""The JSON Schema and what is generated from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pellucid.explanation import schema
from pellucid.explanation.codec import Packer
from pellucid.explanation.explanation import Explanation
from pellucid.report import Report
from pellucid.scenes import Scene
from web import golden

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def content() -> Any:
    return Packer().pack(golden.scene())


def test_generated_files_are_fresh() -> None:
    assert schema.stale(CHECKOUT) == []
    assert golden.PLACE.read_text(encoding="utf-8") == golden.golden(), "run python tests/web/golden.py"


def test_a_stale_file_is_found(tmp_path: Path) -> None:
    made = schema.files(tmp_path)
    assert set(schema.stale(tmp_path)) == set(made)
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert schema.stale(tmp_path) == []
    changed = tmp_path / "web" / "src" / "schema.gen.ts"
    changed.write_text(changed.read_text(encoding="utf-8").replace("readonly title: string", "readonly title: number"), encoding="utf-8")
    assert schema.stale(tmp_path) == [changed]


def test_the_command_says_fresh_or_how_it_is_used() -> None:
    run = [sys.executable, "-m", "pellucid.explanation.schema"]
    source = {**os.environ, "PYTHONPATH": str(CHECKOUT / "src")}
    assert subprocess.run([*run, "--check"], capture_output=True, env=source).returncode == 0
    used = subprocess.run(run, capture_output=True, text=True, env=source)
    assert used.returncode == 2
    assert "--check|--write" in used.stderr


@pytest.mark.parametrize("cls", [Explanation, Scene, Report])
def test_schemas_are_valid_and_deterministic(cls: type) -> None:
    made = schema.json_schema(cls)
    Draft202012Validator.check_schema(made)
    assert json.dumps(made) == json.dumps(schema.json_schema(cls))


@pytest.mark.parametrize(("cls", "value"), [(Scene, golden.scene()), (Report, golden.report())])
def test_what_is_written_fits_its_schema(cls: type, value: object) -> None:
    Draft202012Validator(schema.json_schema(cls)).validate(Packer().pack(value))


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.update(surprise=1),
        lambda c: c.pop("title"),
        lambda c: c.update(language="de"),
        lambda c: c.update(columns="two"),
        lambda c: c["panels"][0]["marks"][0].update(mark="sculpture"),
        lambda c: c["panels"][0]["marks"][0].update(values=[[1, 2]]),
        lambda c: c["panels"][0]["x"].update(domain=[0, 1, 2]),
    ],
)
def test_what_does_not_fit_is_refused(content: Any, damage: Any) -> None:
    validator = Draft202012Validator(schema.json_schema(Scene))
    assert validator.is_valid(content)
    damage(content)
    assert not validator.is_valid(content)
