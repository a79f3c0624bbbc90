"""Which run folders lie below a folder."""

from __future__ import annotations

import os
from pathlib import Path

from pellucid.errors import FileError
from pellucid.training.runs.schema import FILE


def runs_below(folder: str | os.PathLike[str]) -> list[Path]:
    """All run folders at or below ``folder``, by name; links are not followed, and hidden folders are left out.

    Raises:
        FileError: no such folder.
    """
    top = Path(folder)
    if not top.is_dir():
        raise FileError("There is no such folder", received=str(folder), remedy="give one that holds runs")
    found: list[Path] = []
    for place, below, files in os.walk(top):
        below[:] = [name for name in below if not name.startswith(".")]
        if FILE in files:
            found.append(Path(place))
    return sorted(found)
