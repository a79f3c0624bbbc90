"""Zip archives from elsewhere, unpacked in memory within limits."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO

from pellucid.models.files.sandbox import Refused

ENTRIES = 5_000
EXPANSION = 10  # how many times its own size an archive may become, beside what is free
FREE = 64 << 20  # bytes
LONGEST = 500  # characters of a name
STORED, DEFLATED, ENCRYPTED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 1


def unpacked(data: bytes, what: str, *, free: int = FREE) -> dict[str, bytes]:
    """The files of an archive by their names; ``what`` it should be is for the errors. It may become ten times its size and
    ``free`` bytes more.

    Raises:
        Refused: it is no archive, damaged, becomes too large, or its names lead out of it.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            checked(archive, free + EXPANSION * len(data), what)
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except Refused:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, ValueError, OverflowError) as error:
        raise Refused(f"This is no {what}, or a damaged one", f"{len(data)} bytes ({str(error)[:100]})") from error


def checked(archive: zipfile.ZipFile, largest: int, what: str) -> None:
    """Nothing.

    Raises:
        Refused: see :func:`unpacked`.
    """
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if len(entries) > ENTRIES or len(set(names)) < len(names):
        raise Refused(f"The {what} has too many entries, or some twice", f"{len(entries)} entries, {len(set(names))} names")
    odd = next((name for name in names if _odd(name)), None)
    if odd is not None:
        raise Refused(f"A name in the {what} leads out of it", repr(odd[:80]))
    if any(entry.flag_bits & ENCRYPTED or entry.compress_type not in (STORED, DEFLATED) for entry in entries):
        raise Refused(f"The {what} is encrypted, or packed in an unusual way", f"{len(entries)} entries")
    total = sum(entry.file_size for entry in entries)
    if total > largest:
        raise Refused(f"The {what} becomes too large when it is unpacked", f"{total} bytes, over {largest}")


def _odd(name: str) -> bool:
    parts = name.removesuffix("/").split("/")
    return len(name) > LONGEST or not name.isprintable() or "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts)
