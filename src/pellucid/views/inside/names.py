"""Names of layers beside the rows of a picture."""

from __future__ import annotations

LETTERS = 21  # the end of a path tells more than its beginning


def tail(name: str, letters: int = LETTERS) -> str:
    """A name of at most so many letters: its end."""
    return name if len(name) <= letters else f"…{name[1 - letters :]}"
