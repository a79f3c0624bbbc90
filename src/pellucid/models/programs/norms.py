"""Layer and RMS normalization, which some frameworks write in a dozen operations, as the one that each is in torch.

What is found is proven: ``y`` is multiplied out into a sum of products of ``x``, its mean, ``1 / sqrt(variance + eps)`` and constants, and
has to be ``(x - mean) / sqrt(variance + eps) * weight + bias``, in whatever order it was written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import isclose, prod

from torch import Tensor
from torch.nn import functional

from pellucid.models.programs.operation import Constant, Listing, Operation, exponent, number_of, with_constant

Shapes = dict[int, tuple[int, ...]]
Ref = int | Constant | None
VIEWS = ("expand", "reshape", "unsqueeze", "squeeze")  # between a mean and where it is used
X, MEAN, ROOT, INVERSE = "x", "mean", "root", "inverse"
DEEP = 3  # operations between an input of a sum and the mean in it
LONG = 4  # products in a sum


@dataclass(frozen=True)
class Term:
    """A product of values and constants, with its sign."""

    sign: int
    values: tuple[str, ...]
    constants: tuple[Constant, ...] = ()

    def __mul__(self, other: Term) -> Term:
        values = tuple(sorted((*self.values, *other.values)))
        return Term(self.sign * other.sign, values, (*self.constants, *other.constants))

    def __neg__(self) -> Term:
        return replace(self, sign=-self.sign)


Sum = tuple[Term, ...] | None  # None: not of the kind that is looked for
Affine = tuple[Constant | None, Constant | None]  # weight and bias


@dataclass(frozen=True)
class Spread:
    """``1 / sqrt(variance + eps)`` of a value, or its inverse: what a normalization is recognized by.

    Attributes:
        x: the number of the value.
        count: of its last axes, over which it is normalized.
        centered: whether its mean is taken away.
    """

    x: int
    count: int
    eps: float
    centered: bool


def with_norms(listing: Listing, shapes: Shapes) -> Listing:
    """The listing with every normalization over last axes as one operation; ``shapes`` are those of all values."""
    found: dict[Operation, Operation] = {}
    finder = Finder(listing, shapes)
    for place, operation in enumerate(listing.operations):
        spread = finder.spread(operation)
        if spread is not None:
            found.update(_normalized(finder, spread, listing.operations[place:]))
    return replace(listing, operations=tuple(found.get(one, one) for one in listing.operations))


def _normalized(finder: Finder, spread: Spread, operations: tuple[Operation, ...]) -> dict[Operation, Operation]:
    """Operations behind a spread whose result is a normalization, each with what it becomes."""
    root = Term(1, (ROOT if operations[0].name == "sqrt" else INVERSE,))
    sums: dict[int, tuple[Term, ...]] = {operations[0].outputs[0]: (root,)}
    found: dict[Operation, Operation] = {}
    for operation in operations[1:]:
        if sums.keys().isdisjoint(operation.values) or len(operation.outputs) != 1:
            continue
        made = finder.expanded(operation, spread, sums)
        if made is None:
            continue
        sums[operation.outputs[0]] = made
        affine = finder.affine(made, spread)
        if affine is not None and finder.shapes[operation.outputs[0]] == finder.shapes[spread.x]:
            found[operation] = _norm(operation, spread, affine, finder.shapes[spread.x][-spread.count :])
    return found


def _norm(operation: Operation, spread: Spread, affine: Affine, over: tuple[int, ...]) -> Operation:
    given = tuple(Constant(one.value.reshape(over), one.path) for one in affine if one is not None and isinstance(one.value, Tensor))
    name, call = ("layer_norm", _layer_norm) if spread.centered else ("rms_norm", _rms_norm)
    whole = partial(call, over=over, eps=spread.eps, scaled=affine[0] is not None)
    about = {**operation.about, "channels_last": True}
    return replace(operation, name=name, call=whole, inputs=(spread.x, *given), sized=False, structural=False, affine=False, about=about)


def _layer_norm(x: Tensor, *affine: Tensor, over: tuple[int, ...], eps: float, scaled: bool) -> Tensor:
    weight, *bias = affine if scaled else (None, *affine)
    return functional.layer_norm(x, over, weight, bias[0] if bias else None, eps)


def _rms_norm(x: Tensor, *affine: Tensor, over: tuple[int, ...], eps: float, scaled: bool) -> Tensor:
    return functional.rms_norm(x, over, affine[0] if scaled else None, eps)


class Finder:
    """Looks backwards from a value."""

    def __init__(self, listing: Listing, shapes: Shapes) -> None:
        self.shapes = shapes
        self._maker = {number: operation for operation in listing.operations for number in operation.outputs}

    def spread(self, operation: Operation) -> Spread | None:
        """Of what an operation is the (inverse) root of variance and eps, if it is that."""
        power = exponent(operation)
        if operation.name not in ("sqrt", "rsqrt") and (power is None or not isclose(power, -0.5)):
            return None
        found = self._spread(operation)
        # the root lies beside the elements that it is of
        return found if found is not None and self._lies(operation.outputs[0], found.x, found.count) else None

    def _spread(self, operation: Operation) -> Spread | None:
        total = self._before(operation.inputs[0])
        if total is None or total.name != "add" or not with_constant(total) or (eps := number_of(total.constants[0])) is None or eps < 0:
            return None
        at: Ref = total.values[0]
        clamped = self._before(at)
        if clamped is not None and clamped.name == "relu":  # a variance is never below zero
            at = clamped.inputs[0]
        variance = self._mean(at)
        if variance is not None:
            return self._of_squares(*variance, eps)
        difference = self._before(at)
        if difference is None or difference.name != "sub" or len(difference.values) != 2:
            return None
        left, right = difference.values
        squares, mean = self._mean(left), self._squared(self._source(right))
        x = self._squared(squares[0]) if squares is not None else None
        if squares is None or x is None or self._mean(mean) != (x, squares[1]) or self.shapes[left] != self.shapes[right]:
            return None
        return Spread(x, squares[1], eps, centered=True)

    def _of_squares(self, what: int, count: int, eps: float) -> Spread | None:
        """Where the variance is a mean of squares, of differences from the mean or of the value itself."""
        squared = self._maker.get(what)
        inner = self._squared(what)
        difference = (
            squared if squared is not None and squared.name == "square" and len(squared.values) == 2 else self._maker.get(inner or -1)
        )
        if difference is not None and difference.name in ("sub", "square") and len(difference.values) == 2:
            for x, mean in (difference.values, difference.values[::-1]):
                # the mean may be detached: a variance does not change with it to first order
                if self._mean(mean, detached=True) == (x, count) and self._beside(mean, x, count):
                    return Spread(x, count, eps, centered=True)
        return None if inner is None else Spread(inner, count, eps, centered=False)

    def expanded(self, operation: Operation, spread: Spread, sums: dict[int, tuple[Term, ...]]) -> Sum:
        """What an operation makes, as a sum of products."""

        def of(one: Ref, deep: int) -> Sum:
            if isinstance(one, Constant) or one is None:
                return (Term(1, (), (one,)),) if one is not None and isinstance(one.value, Tensor) else None
            if one in sums:
                return sums[one]
            if one == spread.x:
                return (Term(1, (X,)),)
            if spread.centered and self._mean(one) == (spread.x, spread.count):
                return (Term(1, (MEAN,)),)
            made = self._maker.get(one)
            return None if made is None or deep == DEEP else opened(made, deep + 1)

        def opened(made: Operation, deep: int) -> Sum:
            if self._is_view(made):
                lies = all(self._lies(one, spread.x, spread.count) for one in (made.values[0], made.outputs[0]))
                return of(made.values[0], deep) if lies else None
            aligned = all(self._beside(one, spread.x, spread.count) for one in made.values)
            return _combined(made.name, [of(one, deep) for one in made.inputs]) if aligned else None

        return opened(operation, 0)

    def affine(self, made: tuple[Term, ...], spread: Spread) -> Affine | None:
        """The weight and the bias, None for none, of a sum that is a normalization; None if it is none, or its constants do not fit."""
        scaled = next((one for one in made if one.values == (INVERSE, X)), None)
        if scaled is None or scaled.sign != 1 or len(scaled.constants) > 1:
            return None
        wanted = {scaled, Term(-1, (INVERSE, MEAN), scaled.constants)} if spread.centered else {scaled}
        rest = [one for one in made if one not in wanted]
        if not wanted <= set(made) or len(made) != len(wanted) + len(rest) or len(rest) > spread.centered:
            return None
        if any(one.sign != 1 or one.values or len(one.constants) != 1 for one in rest):
            return None
        found = (next(iter(scaled.constants), None), rest[0].constants[0] if rest else None)
        over = self.shapes[spread.x][-spread.count :]
        return found if all(one is None or _fits(one.value, over) for one in found) else None

    # ---- what a value is -----------------------------------------------------------------------------------------------------

    def _is_view(self, made: Operation) -> bool:
        """Whether it keeps the order of elements: it repeats them, if at all, along axes of length one."""
        if made.name not in VIEWS or len(made.values) != 1:
            return False
        below, above = self.shapes[made.values[0]], self.shapes[made.outputs[0]]
        return prod(below) == prod(above) or len(below) == len(above)

    def _lies(self, one: int, x: int, count: int) -> bool:
        """Whether a statistic of x has its axes where x has them: the last ones are gone, of length one, or repeated."""
        return self.shapes[one] == self.shapes[x][:-count] or self._beside(one, x, count)

    def _beside(self, one: int, x: int, count: int) -> bool:
        """Whether a statistic of x lies beside the elements that it is of: its last axes are there, of length one or repeated."""
        shape = self.shapes[x]
        return self.shapes[one] in (shape, (*shape[:-count], *[1] * count))

    def _source(self, one: Ref) -> Ref:
        """The value of which this is a view."""
        made = self._maker.get(one) if isinstance(one, int) else None
        while made is not None and self._is_view(made):
            one = made.values[0]
            made = self._maker.get(one)
        return one

    def _before(self, one: Ref) -> Operation | None:
        """What made a value, views passed over."""
        return self._maker.get(at) if isinstance(at := self._source(one), int) else None

    def _mean(self, one: Ref, *, detached: bool = False) -> tuple[int, int] | None:
        """Of which value this is the mean, and over how many of its last axes."""
        passed: list[int] = []
        made = self._maker.get(one) if isinstance(one, int) else None
        while made is not None and (self._is_view(made) or (detached and made.name == "detach")):
            passed.append(made.outputs[0])
            made = self._maker.get(made.values[0])
        if made is None or made.name != "mean" or len(made.values) != 1:
            return None
        x = made.values[0]
        shape, axes = self.shapes[x], made.about.get("axes", ())
        count = len(axes)
        last = sorted(axis % len(shape) for axis in axes) == list(range(len(shape) - count, len(shape)))
        return (x, count) if count and last and all(self._lies(view, x, count) for view in passed) else None

    def _squared(self, one: Ref) -> int | None:
        """Of which value this is the square."""
        made = self._maker.get(one) if isinstance(one, int) else None
        if made is None:
            return None
        if (made.name == "square" and len(made.inputs) == 1) or exponent(made) == 2:
            return made.values[0]
        return made.values[0] if made.name == "mul" and len(made.values) == 2 and made.values[0] == made.values[1] else None


def _combined(name: str, parts: list[Sum]) -> Sum:
    """A sum, difference, product or quotient of sums."""
    if any(part is None for part in parts):
        return None
    if name == "neg" and len(parts) == 1:
        return tuple(-one for one in parts[0] or ())
    if len(parts) != 2:
        return None
    left, right = parts[0] or (), parts[1] or ()
    made: Sum = None
    if name == "add":
        made = (*left, *right)
    elif name == "sub":
        made = (*left, *(-one for one in right))
    elif name == "mul":
        made = tuple(a * b for a in left for b in right)
    elif name == "div" and right == (Term(1, (ROOT,)),):
        made = tuple(one * Term(1, (INVERSE,)) for one in left)
    return made if made is not None and len(made) <= LONG else None


def _fits(value: Tensor | float, over: tuple[int, ...]) -> bool:
    """Whether a constant has one number for each element of the last axes."""
    return isinstance(value, Tensor) and value.is_floating_point() and tuple(value.shape) == (1,) * (value.ndim - len(over)) + over
