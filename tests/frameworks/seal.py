"""Whether the tests of all frameworks ran since the last change under ``models/``: ``python -m frameworks.seal [--write]``.

TensorFlow and JAX are too large for every run of the tests, so ``make frameworks`` runs apart and writes down for which files it passed;
``make check`` fails when they changed since.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = Path(__file__).with_name("passed.txt")


def fingerprint() -> str:
    """A hash of everything that the adapters are made of."""
    digest = hashlib.sha256()
    for path in sorted((ROOT / "src/pellucid/models").rglob("*.py")):
        digest.update(path.relative_to(ROOT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def main() -> None:
    """Writes the seal, or fails where it is broken."""
    if "--write" in sys.argv:
        PLACE.write_text(fingerprint() + "\n", encoding="utf-8")
    elif not PLACE.is_file() or PLACE.read_text(encoding="utf-8").strip() != fingerprint():
        sys.exit("models/ changed since the tests of all frameworks passed: run 'make frameworks' and commit tests/frameworks/passed.txt")


if __name__ == "__main__":
    main()
