"""What attributions cost beside the bare model and the peers: ``python -m benchmarks.attribution [CASE ...]``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.cases import CASES, FLOOR, OURS, Bench, Call, Case
from benchmarks.counting import Rows, counted
from benchmarks.machine import described
from benchmarks.memory import added
from benchmarks.outside import outside_share
from benchmarks.pairing import Ratio, alternate, ratio
from benchmarks.peers import missing

HERE = Path(__file__).parent
AGAIN = "floor again"
PACKAGES = ("torch", "numpy", "captum", "grad-cam", "pellucid")
MIB = 2**20


@dataclass(frozen=True)
class Line:
    """One contender of one case."""

    case: str
    contender: str
    batch: int
    entered: int
    differentiated: int
    milliseconds: float
    over_floor: Ratio | None
    ours_over: Ratio | None
    outside: float | None
    outside_ms: float | None
    memory: int


def measure(case: Case, tick: Callable[[], None]) -> list[Line]:
    """All contenders of one case: counted, timed in alternation, and their memory taken in processes of their own."""
    bench = Bench(case)
    size = bench.floor_size()
    sizes = {FLOOR: size, AGAIN: size, OURS: 0} | {name: bench.peer_size(name) for name in bench.peer_names}
    calls: dict[str, Call] = {FLOOR: partial(bench.floor_at, bench.points, size), OURS: bench.ours}
    calls |= {name: partial(bench.peer_at, name, sizes[name]) for name in bench.peer_names}
    calls[AGAIN] = partial(bench.floor_at, bench.points, size)
    for _ in range(2 if case.forward + case.gradient > case.explained + 1 else 4):  # the batch size settles
        bench.ours()
    for call in calls.values():
        call()
    rows = {name: _rows(bench, name, call) for name, call in calls.items()}
    seconds = alternate(calls, case.rounds, tick)
    outside = outside_share(bench.ours, max(3, min(50, case.rounds // 3)))
    return [
        Line(
            case.title,
            name,
            rows[name].largest,
            rows[name].entered,
            rows[name].differentiated,
            float(seconds[name].min() * 1e3),
            None if name == FLOOR else ratio(seconds[name], seconds[FLOOR]),
            ratio(seconds[OURS], seconds[name]) if name in bench.peer_names else None,
            outside.share if name == OURS else None,
            outside.seconds * 1e3 if name == OURS else None,
            added(case.id, FLOOR if name == AGAIN else name, sizes[name]),
        )
        for name in calls
    ]


def _rows(bench: Bench, name: str, call: Call) -> Rows:
    """What one call counts."""
    net = bench.bare if name in (FLOOR, AGAIN) else bench.net
    with counted(net.get_submodule("stem.conv"), net.get_submodule("classifier")) as found:
        call()
    return replace(found)


HEADINGS = (
    "contender",
    "largest batch",
    "rows in",
    "differentiated",
    "CPU ms, least",
    "over the floor [95 %]",
    "Pellucid over it [95 %]",
    "outside the model",
    "MiB added",
)


def cells(line: Line) -> tuple[str, ...]:
    """One line as text."""
    return (
        line.contender,
        str(line.batch),
        str(line.entered),
        str(line.differentiated),
        f"{line.milliseconds:.1f}",
        str(line.over_floor or "1"),
        str(line.ours_over or ""),
        f"{line.outside:.1%} ({line.outside_ms:.2f} ms)" if line.outside is not None else "",
        f"{line.memory / MIB:.0f}",
    )


def markdown(measured: dict[str, list[Line]]) -> str:
    """The tables of all cases."""
    text = ["# Attributions on EfficientNet-Lite0, 224 pixels", "", *described("python -m benchmarks.attribution", PACKAGES)]
    text += ['- process CPU time, one thread, `checks="none"`; how to read it: [README](../README.md)']
    for case in CASES:
        if case.id in measured:
            text += ["", f"## {case.title} ({case.rounds} rounds)", "", "| " + " | ".join(HEADINGS) + " |", "|---" * len(HEADINGS) + "|"]
            text += ["| " + " | ".join(cells(line)) + " |" for line in measured[case.id]]
    return "\n".join(text) + "\n"


def show(case: Case, lines: list[Line], console: Console) -> None:
    """One case as a table on the terminal."""
    table = Table(*HEADINGS, title=f"{case.title} ({case.rounds} rounds)")
    for line in lines:
        table.add_row(*cells(line))
    console.print(table)


def save(case: Case, lines: list[Line]) -> None:
    """Keeps a case's numbers in ``out/`` and writes the table of all that are kept, so that cases may be run one by one."""
    out, results = HERE / "out", HERE / "results"
    out.mkdir(exist_ok=True)
    results.mkdir(exist_ok=True)
    (out / f"{case.id}.json").write_text(json.dumps([asdict(line) for line in lines], indent=1))
    kept = {path.stem: [_line(row) for row in json.loads(path.read_text())] for path in out.glob("*.json")}
    (results / "attribution.md").write_text(markdown(kept))


def _line(row: dict[str, object]) -> Line:
    found = {k: Ratio(**v) if isinstance(v, dict) else v for k, v in row.items()}
    return Line(**found)  # type: ignore[arg-type]


def main(chosen: tuple[str, ...] = ()) -> None:
    """Measures, prints and writes ``results/attribution.md``."""
    torch.set_num_threads(1)
    console = Console(width=max(150, Console().width))
    for peer in ("captum", "pytorch-grad-cam"):
        if missing(peer):
            console.print(f"{peer} is left out: {', '.join(missing(peer))} not installed (see benchmarks/README.md)")
    for case in CASES:
        if not chosen or case.id in chosen:
            with Progress(console=console, transient=True) as bars:
                task = bars.add_task(case.title, total=case.rounds)
                lines = measure(case, partial(bars.advance, task))
            show(case, lines, console)
            save(case, lines)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
