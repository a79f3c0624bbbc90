"""Names of layers beside the rows of a picture."""

from __future__ import annotations

LETTERS = 21  # the end of a path tells more than its beginning
NARROW = 17  # where a picture has half of the width, or less


def tail(name: str, letters: int = LETTERS) -> str:
    """A name of at most so many letters: its end, from the beginning of a part where that leaves at least half of them."""
    if len(name) <= letters:
        return name
    end = name[1 - letters :]
    whole = end if name[-letters] == "." else end.partition(".")[2]
    return f"…{whole if 2 * len(whole) >= letters else end}"
