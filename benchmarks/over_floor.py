"""A benchmark whose table is CPU time over the floor, by contender: measured, printed and written."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from rich.console import Console

from benchmarks.machine import described
from benchmarks.pairing import Ratio


def report(name: str, title: str, peer: str, measure: Callable[[int], tuple[Mapping[str, Ratio], list[str]]], rounds: int) -> None:
    """Measures in so many rounds, or those of ``--rounds``, and writes ``results/<name>.md``.

    ``measure`` gives each contender's ratio, and lines about what was run.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=rounds)
    torch.set_num_threads(1)
    ratios, said = measure(parser.parse_args().rounds)
    lines = [f"# {title}", "", *described(f"python -m benchmarks.{name}", ("torch", "numpy", peer))]
    lines += [*said, "", "| contender | CPU time over the floor [95 %] |", "|---|---|"]
    lines += [f"| {contender} | {value} |" for contender, value in ratios.items()]
    Console(width=140).print("\n".join(lines))
    (Path(__file__).parent / "results" / f"{name}.md").write_text("\n".join(lines) + "\n")
