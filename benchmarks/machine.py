"""What a table of measurements must say about where it comes from."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def processor() -> str:
    """The name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def described(command: str, packages: tuple[str, ...]) -> tuple[str, ...]:
    """The command, date, machine and versions, one line each."""
    return (
        f"- command: `{command}`",
        f"- date: {datetime.now(UTC):%Y-%m-%d}",
        f"- machine: {os.cpu_count()} cores, {processor()}, {platform.system()}",
        f"- versions: Python {platform.python_version()}, " + ", ".join(f"{name} {_version(name)}" for name in packages),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "from the source tree" if package == "pellucid" else "not installed"
