"""A progress bar on stderr, or nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any


class Bar:
    """Nothing to see."""

    def advance(self, latest: dict[str, float]) -> None:
        """One epoch is done."""


class RichBar(Bar):
    """Epochs, elapsed time and the latest values of the curves, drawn by rich."""

    def __init__(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("training"), BarColumn(16), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self.rich = Progress(*columns, console=Console(stderr=True))
        self.task = self.rich.add_task("", total=epochs)

    def advance(self, latest: dict[str, float]) -> None:
        """One epoch is done; ``latest`` are its values. Where there is validation, its values are told: a line has room for two."""
        chosen = {name: value for name, value in latest.items() if name.startswith("valid")} or latest
        told = ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in chosen.items())
        self.rich.update(self.task, advance=1, description=told)

    def __enter__(self) -> RichBar:
        self.rich.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401
        self.rich.__exit__(*error)


def progress_bar(epochs: int, *, shown: bool) -> AbstractContextManager[Bar]:
    """The bar to tell of each epoch."""
    return RichBar(epochs) if shown else nullcontext(Bar())
