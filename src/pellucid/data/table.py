"""Tables to network inputs and back: standardized numbers, one-hot categories, missing values."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pellucid.data.columns import Table, column_names, is_frame, is_missing, read_columns
from pellucid.errors import InputError, MissingExtra, UnknownName

if TYPE_CHECKING:
    import pandas as pd

Missing: TypeAlias = Literal["median", "constant", "allow"]
MISSING = "missing"


@dataclass(frozen=True)
class Column:
    """How one column of the user's table is encoded.

    Attributes:
        categories: the known values of a categorical column in order (``None`` among them is "missing"); empty for numbers.
        mean, scale: a number ``x`` becomes ``(x - mean) / scale``; ``scale`` is 1 for a constant column.
        fill: what stands in for a missing number, in the user's units; ``None`` lets it through as not-a-number.
        indicator: whether a further encoded column says that the number was missing.
        whole: whether all numbers seen were whole.
    """

    name: str
    unit: str = ""
    categories: tuple[Hashable, ...] = ()
    mean: float = 0.0
    scale: float = 1.0
    fill: float | None = None
    indicator: bool = False
    whole: bool = False

    @property
    def encoded_names(self) -> tuple[str, ...]:
        """The names of the columns that the network sees."""
        if self.categories:
            return tuple(f"{self.name}={self.text(value)}" for value in self.categories)
        return (self.name, f"{self.name} is {MISSING}") if self.indicator else (self.name,)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """(sample) of the user's entries to (sample, encoded column)."""
        if self.categories:
            return np.eye(len(self.categories))[self.codes(values).astype(int)]
        numbers = self._numbers(values)
        absent = np.isnan(numbers)
        filled = numbers if self.fill is None else np.where(absent, self.fill, numbers)
        parts = [(filled - self.mean) / self.scale] + [absent.astype(float)] * self.indicator
        return np.stack(parts, axis=1)

    def decode(self, encoded: np.ndarray) -> np.ndarray:
        """(sample, encoded column) to the user's entries; of a one-hot group that was moved, the largest."""
        if self.categories:
            values = np.empty(len(encoded), object)
            values[:] = [self.categories[code] for code in encoded.argmax(1)]
            return values
        numbers = encoded[:, 0] * self.scale + self.mean
        return np.where(encoded[:, 1] >= 0.5, np.nan, numbers) if self.indicator else numbers

    def codes(self, values: np.ndarray) -> np.ndarray:
        """(sample) as numbers: those of the user, or the index of the category."""
        if not self.categories:
            return self._numbers(values)
        known = {value: float(code) for code, value in enumerate(self.categories)}
        entries = [None if is_missing(value) else value for value in values.tolist()]
        for entry in entries:
            if entry not in known:
                legal = ", ".join(self.text(value) for value in self.categories)
                remedy = f"known are: {legal}; or fit the preparation on rows that have it"
                raise InputError(
                    f"Column {self.name!r} holds a category that was not there when it was fitted", received=self.text(entry), remedy=remedy
                )
        return np.array([known[entry] for entry in entries])

    def text(self, value: object) -> str:
        """One entry as a person reads it: four digits, the unit, or "missing"."""
        if is_missing(value):
            return MISSING
        if self.categories or not isinstance(value, (int, float, np.number)):
            return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
        shown = number_text(float(value), whole=self.whole)
        return f"{shown} {self.unit}" if self.unit else shown

    def _numbers(self, values: np.ndarray) -> np.ndarray:
        if values.dtype != object:
            return values
        wrong = next(value for value in values.tolist() if isinstance(value, bool) or not isinstance(value, (int, float, type(None))))
        raise InputError(
            f"Column {self.name!r} held numbers when it was fitted", received=repr(wrong), remedy="give a number, or None for missing"
        )


@dataclass(frozen=True, eq=False)
class TablePreparation:
    """A fitted, invertible preparation of tables.

    Attributes:
        columns: one per column of the user's table.
        background_mean: the mean encoded row of the table it was fitted on: 0 for standardized numbers, the shares of categories.
        from_frame: whether it was fitted on a DataFrame, which ``invert`` then gives back.
    """

    columns: tuple[Column, ...]
    background_mean: np.ndarray
    from_frame: bool = False
    kind: Literal["tabular"] = "tabular"

    @classmethod
    def fit(
        cls,
        table: Table,
        *,
        names: Sequence[str] | None = None,
        categories: Literal["infer"] | Sequence[str | int] = "infer",
        missing: Missing = "median",
        fill_value: float = 0.0,
        indicator: bool = False,
        units: Sequence[str] | None = None,
    ) -> TablePreparation:
        """Learns means, scales, medians and categories from a table (sample, feature).

        Args:
            table: a DataFrame, an array or nested lists.
            names: of the columns of an array; a DataFrame has its own.
            categories: "infer" takes columns of text, booleans and pandas categories; or names or positions of columns to be taken as
                categories beside those (for numbers that are codes). A missing category is a category of its own.
            missing: what stands in for a missing number: the column's median, ``fill_value`` (in the user's units), or, for networks
                that take not-a-number, nothing.
            fill_value: used by ``missing="constant"`` only.
            indicator: add a column that says "was missing" beside each number column that had missing entries.
            units: one text per column, shown beside its numbers.

        Raises:
            InputError: no rows, names that do not fit, infinities, a column without a single value.
        """
        found = column_names(table, names)
        texts = ("",) * len(found) if units is None else tuple(units)
        if len(texts) != len(found) or missing not in ("median", "constant", "allow"):
            received = f"{len(texts)} units for {len(found)} columns, missing={missing!r}"
            raise InputError(
                "The options do not fit", received=received, remedy='one unit per column; missing="median", "constant" or "allow"'
            )
        values = read_columns(table, found)
        if len(values[0]) == 0:
            raise InputError("The table has no rows", received=f"{len(found)} columns", remedy="fit on the training rows")
        forced = _chosen(categories, found)
        fill = {"median": None, "constant": fill_value, "allow": np.nan}[missing]
        columns = tuple(
            _fit_category(name, entries, _declared(table, position))
            if position in forced or entries.dtype == object
            else _fit_number(Column(name, unit), entries, fill=fill, indicator=indicator)
            for position, (name, unit, entries) in enumerate(zip(found, texts, values, strict=True))
        )
        encoded = np.concatenate([column.encode(entries) for column, entries in zip(columns, values, strict=True)], axis=1)
        return cls(columns, np.nanmean(encoded, axis=0), is_frame(table))

    @property
    def raw_names(self) -> tuple[str, ...]:
        """The user's column names."""
        return tuple(column.name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        return tuple(name for column in self.columns for name in column.encoded_names)

    @property
    def groups(self) -> np.ndarray:
        """For each encoded column the index of the user's column that it belongs to: what is removed together."""
        return np.repeat(np.arange(len(self.columns)), [len(column.encoded_names) for column in self.columns])

    def apply(self, table: Table) -> np.ndarray:
        """The network's input, float32 (sample, encoded column). A frame's columns are found by name, in any order.

        Raises:
            InputError: a column that is missing, a category that was not there when it was fitted, text in a column of numbers.
        """
        parts = [column.encode(values) for column, values in zip(self.columns, self._read(table), strict=True)]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def invert(self, inputs: np.ndarray) -> np.ndarray | pd.DataFrame:
        """The user's table of network inputs: a DataFrame if it was fitted on one, else (sample, column), of objects if there are
        categories.

        A missing number that was filled comes back as its filling, unless an indicator column says that it was missing.
        """
        inputs = np.asarray(inputs, np.float64)
        if inputs.ndim != 2 or inputs.shape[1] != len(self.names):
            raise InputError(
                f"Network inputs (sample, {len(self.names)}) are needed",
                received=f"shape {inputs.shape}",
                remedy="give what apply() returned",
            )
        decoded = [column.decode(inputs[:, self.groups == i]) for i, column in enumerate(self.columns)]
        if self.from_frame:
            import pandas as pd

            return pd.DataFrame(dict(zip(self.raw_names, decoded, strict=True)))
        return np.stack(decoded, axis=1)

    def codes(self, table: Table) -> np.ndarray:
        """The table in the user's units as float64 (sample, column): categories by their index, missing numbers as not-a-number."""
        return np.stack([column.codes(values) for column, values in zip(self.columns, self._read(table), strict=True)], axis=1)

    def cells(self, table: Table) -> tuple[tuple[str, ...], ...]:
        """The table's entries as text, row by row: numbers with their unit, categories, or "missing"."""
        texts = [[column.text(value) for value in values.tolist()] for column, values in zip(self.columns, self._read(table), strict=True)]
        return tuple(zip(*texts, strict=True))

    def _read(self, table: Table) -> list[np.ndarray]:
        return read_columns(table, self.raw_names)


def number_text(value: float, *, whole: bool = False) -> str:
    """A number with four significant digits, without an exponent where it can be read so: 17.99, 0.006399, 1001, 2.500e+07."""
    if whole and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if value == 0 or 1e-4 <= abs(value) < 1e7:
        size = int(np.floor(np.log10(abs(value)))) if value else 0
        return f"{value:.{max(3 - size, 0)}f}"
    return f"{value:.3e}"


def _chosen(categories: Literal["infer"] | Sequence[str | int], names: tuple[str, ...]) -> set[int]:
    if isinstance(categories, str):
        if categories != "infer":
            raise InputError(
                "categories is a list of columns or 'infer'", received=repr(categories), remedy=f"[{categories!r}] names one column"
            )
        return set()
    chosen: set[int] = set()
    for entry in categories:
        if isinstance(entry, str) and entry not in names:
            raise UnknownName("column", entry, names)
        position = names.index(entry) if isinstance(entry, str) else int(entry)
        if not 0 <= position < len(names):
            raise InputError("There is no column at this position", received=str(position), remedy=f"0 to {len(names) - 1}")
        chosen.add(position)
    return chosen


def _declared(table: Table, position: int) -> tuple[Hashable, ...]:
    """The categories that a pandas categorical column declares, in its order."""
    dtype = table.iloc[:, position].dtype if is_frame(table) else None
    return tuple(getattr(dtype, "categories", ()))


def _fit_category(name: str, entries: np.ndarray, declared: tuple[Hashable, ...]) -> Column:
    present: set[Any] = {None if is_missing(value) else value for value in entries.tolist()}
    seen = declared or tuple(sorted(present - {None}, key=lambda value: (str(type(value)), value)))
    return Column(name, categories=seen + ((None,) if None in present else ()))


def _fit_number(column: Column, entries: np.ndarray, *, fill: float | None, indicator: bool) -> Column:
    """Mean and scale by scikit-learn, after its imputer; ``fill``: ``None`` stands for the median, not-a-number leaves gaps."""
    absent = np.isnan(entries)
    if absent.all():
        raise InputError(
            f"Column {column.name!r} holds no value", received=f"{len(entries)} missing entries", remedy="leave the column out"
        )
    try:
        from sklearn.impute import SimpleImputer
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtra("scikit-learn", "data") from error
    numbers = entries[:, None]
    stands_in = None if fill is not None and np.isnan(fill) else fill
    if fill is None or stands_in is not None:
        imputer: Any = SimpleImputer(strategy="median" if fill is None else "constant", fill_value=stands_in)
        numbers = imputer.fit_transform(numbers)
        stands_in = float(imputer.statistics_[0])
    scaler: Any = StandardScaler().fit(numbers)
    return Column(
        column.name,
        column.unit,
        mean=float(scaler.mean_[0]),
        scale=float(scaler.scale_[0]),
        fill=stands_in,
        indicator=indicator and bool(absent.any()),
        whole=bool((entries[~absent] == np.round(entries[~absent])).all()),
    )
