"""Keeps values of a forward pass for its backward."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


class Keeper:
    """Keeps tensors for later without copying them, unless something writes over them first."""

    def __init__(self) -> None:
        self._places: dict[int, list[tuple[list[Tensor], int]]] = {}

    def keep(self, given: Iterable[Tensor]) -> list[Tensor]:
        """A list of these tensors as they are now."""
        kept = [t.detach() for t in given]
        for place, tensor in enumerate(kept):
            self._places.setdefault(tensor.untyped_storage().data_ptr(), []).append((kept, place))
        return kept

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(entries[0][0][entries[0][1]].untyped_storage().nbytes() for entries in self._places.values())

    def copy_before_writing(self, tensor: Tensor) -> None:
        """Copies whatever is kept of the tensor's memory."""
        for entries, place in self._places.pop(tensor.untyped_storage().data_ptr(), ()):
            entries[place] = entries[place].clone()
