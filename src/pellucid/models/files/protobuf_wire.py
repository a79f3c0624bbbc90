"""The wire format of protocol buffers, read and written without knowing what the fields mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pellucid.models.files.sandbox import Refused

VARINT, LONG, BYTES, SHORT = 0, 1, 2, 5
FIXED = {LONG: 8, SHORT: 4}
LONGEST = 10  # bytes of a whole number


class Field(NamedTuple):
    """One field: its number, its value (bytes where it is text, a message or fixed in size), and both as they stand in the message."""

    number: int
    value: int | memoryview
    raw: memoryview

    @property
    def message(self) -> memoryview:
        """The value of a field that is text or a message.

        Raises:
            Refused: it is a number.
        """
        if isinstance(self.value, int):
            raise Refused("This is no protocol buffer of that kind, or a damaged one", f"field {self.number} is a number")
        return self.value

    @property
    def text(self) -> str:
        """The value as text; bytes that are none are replaced."""
        return bytes(self.message).decode("utf-8", "replace")


def fields(message: bytes | memoryview) -> Iterator[Field]:
    """The fields of a message, in their order.

    Raises:
        Refused: it is cut short or damaged.
    """
    data = memoryview(message)
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        value: int | memoryview
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind == BYTES:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        elif kind in FIXED:
            value, at = data[at : at + FIXED[kind]], at + FIXED[kind]
        else:
            raise Refused("This is no protocol buffer, or a damaged one", f"wire type {kind} at byte {start}")
        if at > len(data) or number == 0:
            raise Refused("This is no protocol buffer, or a damaged one", f"field {number} at byte {start} of {len(data)}")
        yield Field(number, value, data[start:at])


def field(number: int, message: bytes) -> bytes:
    """A field that is text or a message, as it stands in a message."""
    return varint(number << 3 | BYTES) + varint(len(message)) + message


def varint(value: int) -> bytes:
    """A whole number that is not negative."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i in range(LONGEST):
        if at + i >= len(data):
            break
        value |= (data[at + i] & 0x7F) << 7 * i
        if not data[at + i] & 0x80:
            return value, at + i + 1
    raise Refused("This is no protocol buffer, or a damaged one", f"a number without end at byte {at} of {len(data)}")
