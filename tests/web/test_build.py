"""The front-end build: what it skips, what it refuses, and that it leaves the checkout as it was."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from web.front import CHECKOUT, load_build


@pytest.fixture
def build(tmp_path: Path) -> ModuleType:
    """The build module, working on a copy of the sources."""
    module = load_build()
    shutil.copytree(CHECKOUT / "web", tmp_path / "web", ignore=shutil.ignore_patterns("node_modules", "dist"))
    module.ROOT, module.WEB, module.OUTPUT = tmp_path, tmp_path / "web", tmp_path / "front"
    return module


def test_builds_self_contained_files_and_leaves_the_sources_alone(build: ModuleType) -> None:
    before = build.fingerprint(), sorted(build.WEB.rglob("*"))
    assert any("gzipped" in line for line in build.build())
    assert (build.fingerprint(), sorted(build.WEB.rglob("*"))) == before
    assert sorted(p.name for p in build.OUTPUT.iterdir()) == sorted([*build.OUTPUTS, "stamp"])
    for name in build.OUTPUTS:
        assert (build.OUTPUT / name).read_bytes() == (load_build().OUTPUT / name).read_bytes(), "the same sources give the same bytes"
    assert build.build() == ["front end: up to date"]
    (build.WEB / "src" / "style.css").write_text("p{}")
    assert build.fingerprint() != before[0]


def test_skips_when_told_and_in_an_unpacked_source_distribution(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "npm", lambda *_: pytest.fail("npm was run"))
    monkeypatch.setenv("PELLUCID_FRONT", "skip")
    assert "skipped" in build.build()[0]
    monkeypatch.delenv("PELLUCID_FRONT")
    (build.ROOT / "PKG-INFO").touch()
    build.OUTPUT.mkdir()
    for name in build.OUTPUTS:
        (build.OUTPUT / name).touch()
    assert "source distribution" in build.build()[0]


def test_a_failure_shows_npms_last_lines_and_what_to_do(build: ModuleType) -> None:
    (build.WEB / "package-lock.json").write_text("{}")
    with pytest.raises(build.FrontEndError, match=r"(?s)npm ci .*failed.*What to do: check that the npm registry"):
        build.build()
    assert not build.OUTPUT.exists()


def _run(build: ModuleType) -> subprocess.CompletedProcess[str]:
    """The build script alone, with the packages of the cached workspace."""
    (build.WEB / "node_modules").symlink_to(load_build().workspace() / "node_modules")
    return subprocess.run([str(build._node()[0]), "build.mjs"], cwd=build.WEB, capture_output=True, text=True)


def test_a_missing_word_fails_the_build(build: ModuleType) -> None:
    path = build.WEB / "src" / "i18n" / "zh-CN.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    del words["fullScreen"]
    path.write_text(json.dumps(words), encoding="utf-8")
    done = _run(build)
    assert done.returncode
    assert "zh-CN: fullScreen" in done.stderr


def test_a_module_that_grew_too_large_fails_the_build(build: ModuleType) -> None:
    script = build.WEB / "build.mjs"
    script.write_text(script.read_text().replace("LARGEST = 150_000", "LARGEST = 1_500"))
    done = _run(build)
    assert done.returncode
    assert "more than 1500" in done.stderr


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    packages = json.loads((CHECKOUT / "web" / "package-lock.json").read_text())["packages"]
    assert len(packages) > 20
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert not name or entry.get("integrity", "").startswith("sha512-"), name


def test_vite_is_all_that_an_installation_fetches() -> None:
    assert list(json.loads((CHECKOUT / "web" / "package.json").read_text())["dependencies"]) == ["vite"]
