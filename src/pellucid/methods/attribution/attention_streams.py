"""Which tokens attend to which: the sequences of a network, and how attention carries what is at one of them to another.

A *stream* is a sequence of tokens that a network works on: the tokens of an input, those of a second one, or learned queries.
Self-attention relates a stream to itself, cross-attention and attention pooling one to another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pellucid.errors import InputError, LayerError, UnknownName
from pellucid.models.rules.attention.heads import Attention

Query = int | Literal["mean"] | None
Matrix = Callable[[Attention], Tensor]  # one layer's attention to (sample, query, key)


@dataclass(eq=False)
class Stream:
    """A sequence of ``length`` tokens; ``origin`` are the inputs that it began with (none: learned), ``inputs`` all that went in so far."""

    length: int
    origin: frozenset[int]
    inputs: frozenset[int]


@dataclass(frozen=True, eq=False)
class Relation:
    """One layer's attention, of the queries' stream to the keys'."""

    attention: Attention
    query: Stream
    key: Stream


@dataclass(frozen=True, eq=False)
class Reading:
    """What the attention of a batch says.

    Attributes:
        relations: every layer in order of execution.
        reader: the stream that the score reads at the end.
        source: the stream whose tokens are explained: the reader itself, or what it attends to.
        rows: (sample, row, query): where the score reads, as shares; one row, or one for each produced token.
        aligned: whether the rows are tokens of another input than the source.
    """

    relations: tuple[Relation, ...]
    reader: Stream
    source: Stream
    rows: Tensor
    aligned: bool

    @property
    def direct(self) -> tuple[Relation, ...]:
        """The layers in which the reader attends to the source."""
        return tuple(r for r in self.relations if r.query is self.reader and r.key is self.source)


def read(attentions: tuple[Attention, ...], query: Query) -> Reading:
    """Puts the layers' attention into streams, and finds what is read.

    Raises:
        LayerError: two streams of equal length that attend to one another, or no way from the score's reader to an input.
        InputError: a query that does not exist.
    """
    relations = _relations(attentions)
    reader = relations[-1].query
    others = [r.key for r in relations if r.query is reader and r.key is not reader and r.key.origin]
    if not others and not reader.origin:
        raise LayerError(
            "What the score reads attends to no token of an input in a way that can be followed",
            received=f"{len(relations)} layers with attention, the last in {relations[-1].attention.module}",
            remedy="use 'deeplift' or 'integrated_gradients', which do not read attention",
        )
    aligned = bool(others and reader.origin)
    source = others[0] if others else reader
    rows = _rows(relations[-1].attention.read, query, apart=aligned).to(relations[-1].attention.weights)
    return Reading(relations, reader, source, rows, aligned)


def _relations(attentions: tuple[Attention, ...]) -> tuple[Relation, ...]:
    streams: list[Stream] = []
    found: list[Relation] = []
    for one in attentions:
        queries, keys = one.weights.shape[-2:]
        key = _known(streams, keys, one.key_inputs) or _new(streams, keys, one.key_inputs)
        if queries == keys and one.query_inputs == one.key_inputs:
            query = key
        else:
            own = one.query_inputs - one.key_inputs
            query = _asking(streams, queries, own, key) or _new(streams, queries, own)
            query.inputs |= one.query_inputs | one.key_inputs
        found.append(Relation(one, query, key))
    return tuple(found)


def _known(streams: list[Stream], length: int, inputs: frozenset[int]) -> Stream | None:
    same = [s for s in streams if s.length == length and s.inputs == inputs]
    if len(same) > 1:
        raise LayerError(
            "Two sequences of equal length attend to one another, and can not be told apart",
            received=f"two sequences of {length} tokens",
            remedy="give inputs of different lengths, or use 'integrated_gradients', which does not read attention",
        )
    return same[0] if same else None


def _new(streams: list[Stream], length: int, inputs: frozenset[int]) -> Stream:
    streams.append(Stream(length, inputs, inputs))
    return streams[-1]


def _asking(streams: list[Stream], length: int, own: frozenset[int], key: Stream) -> Stream | None:
    """The stream that queries belong to: by the inputs that only they depend on, or, for learned ones, by length."""
    return next((s for s in streams if s is not key and s.length == length and (s.inputs & own if own else not s.origin)), None)


def _rows(reads: Tensor, query: Query, *, apart: bool) -> Tensor:
    """(sample, row, query): the queries that the score reads, one by one or their mean; the chosen one otherwise."""
    count = reads.shape[1]
    if isinstance(query, str) and query != "mean":
        raise UnknownName("query", query, ("mean", *map(str, range(count))))
    if isinstance(query, int):
        if isinstance(query, bool) or not 0 <= query < count:
            raise InputError("There is no such query", received=repr(query), remedy=f"give 0 to {count - 1}, 'mean', or leave query out")
        reads = torch.arange(count, device=reads.device).expand_as(reads) == query
    elif query == "mean":
        reads = torch.ones_like(reads)
    reads = torch.where(reads.any(1, keepdim=True), reads, torch.ones_like(reads)).double()
    return torch.diag_embed(reads) if apart else (reads / reads.sum(1, keepdim=True))[:, None]


def averaged(reading: Reading, matrix: Matrix, layer: int | str | None = None) -> Tensor:
    """The mean of ``matrix`` over the layers in which the reader attends to the source, (sample, row, key)."""
    chosen = with_name_or_number(reading.direct, layer)
    total = sum((reading.rows @ matrix(one.attention) for one in chosen[1:]), reading.rows @ matrix(chosen[0].attention))
    return total / len(chosen)


def with_name_or_number(direct: tuple[Relation, ...], layer: int | str | None) -> tuple[Relation, ...]:
    """The relations of the layer that a user chose; all where none was chosen."""
    if layer is None:
        return direct
    names = [one.attention.module for one in direct]
    if isinstance(layer, str):
        if layer not in names:
            raise UnknownName("layer with attention", layer, names)
        return tuple(one for one in direct if one.attention.module == layer)
    if isinstance(layer, bool) or not 0 <= layer < len(direct):
        raise InputError(
            "There is no such layer with attention", received=repr(layer), remedy=f"give 0 to {len(direct) - 1}: {', '.join(names)[:200]}"
        )
    return (direct[layer],)


def accumulated(reading: Reading, matrix: Matrix, *, keep: float) -> Tensor:
    """Carries the rows back through all layers, (sample, row, key): each adds ``matrix``, and passes ``keep`` of a token on to itself.

    The product over layers of (keep + matrix), from the last to the first and so with vectors where rows are few.
    """
    at: dict[int, Tensor] = {id(reading.reader): reading.rows}
    for one in reversed(reading.relations):
        here = at.get(id(one.query))
        if here is None:
            continue
        moved = here @ matrix(one.attention)
        at[id(one.query)] = keep * here
        at[id(one.key)] = at[id(one.key)] + moved if id(one.key) in at else moved
    return at[id(reading.source)]


def one_head(given: Tensor, head: int | None) -> Tensor:
    """All heads (sample, head, ...), or the chosen one alone."""
    if head is None:
        return given
    if isinstance(head, bool) or not 0 <= head < given.shape[1]:
        raise InputError("There is no such head", received=repr(head), remedy=f"give 0 to {given.shape[1] - 1}")
    return given[:, head : head + 1]
