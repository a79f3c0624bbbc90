"""The entry point: runs a command, and tells an error in three lines instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.text import Text

from pellucid.errors import PellucidError

FAILED = 2
INTERRUPTED = 130  # as shells say that a signal ended a program: 128 + SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status: 0, 2 for an error that was told, 130 where Ctrl-C stopped it."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        from pellucid.cli.commands import app
        from pellucid.cli.comparing import compare
        from pellucid.cli.inspecting import inspect
        from pellucid.cli.running import runs

        known = [command.callback for command in app.registered_commands]
        for command in (compare, inspect):
            if command not in known:
                app.command()(command)
        if runs not in [group.typer_instance for group in app.registered_groups]:
            app.add_typer(runs, name="runs")
        typer.main.get_command(app)([a for a in given if a != "--debug"], prog_name="pellucid")
    except PellucidError as error:
        if debug:
            raise
        tell(error)
        return FAILED
    except SystemExit as ended:  # how typer ends a command, well or with an error of usage that it has told
        if ended.code == INTERRUPTED:  # typer's answer to Ctrl-C
            return _stopped()
        return ended.code if isinstance(ended.code, int) else 0
    except KeyboardInterrupt:  # before typer had begun
        return _stopped()
    return 0


def _stopped() -> int:
    # files are written beside their place and then renamed, so there is none that is half-written
    Console(stderr=True, highlight=False).print("\nStopped. Nothing half-written was left behind.")
    return INTERRUPTED


def tell(error: PellucidError) -> None:
    """What was wrong, what was received, what to do: one line each, on stderr."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for label, text, style in (
        ("Error", error.problem, "bold red"),
        ("Received", error.received or "see above", "bold"),
        ("What to do", error.remedy, "bold"),
    ):
        console.print(Text.assemble((f"{label}: ", style), " ".join(text.rstrip(".").split()) + "."))
