"""Errors of Shapley estimates at equal calls: ``python -m benchmarks.shapley [--quick] [--only NAME]``.

What has been measured is kept in ``out/shapley``, so that a run may be cut off and goes on, contender by contender.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from benchmarks.machine import described
from benchmarks.shapley_contenders import LEVERAGE, OURS, contenders
from benchmarks.shapley_games import Known, forest, network

HERE = Path(__file__).parent
PLAYERS, MULTIPLES, SEEDS = (10, 16, 20, 30, 61), (5, 10, 20, 40), 5
KINDS = {"forest": forest, "network": network}
Cell = dict[str, object]


def measure(known: Known, name: str, calls: int, seeds: int) -> Cell:
    """Relative squared errors over rows and seeds, and how many true values lie within 1.96 standard errors."""
    run = contenders()[name]
    errors, inside, seconds = [], [], 0.0
    for seed in range(seeds):
        started = _clock()
        values, spread = run(known.game, calls, seed)
        seconds += _clock() - started
        errors += (((values - known.truth) ** 2).sum(1) / (known.truth**2).sum(1)).tolist()
        if spread is not None:
            inside.append(float((np.abs(values - known.truth) <= 1.96 * spread + 1e-12 * np.abs(known.truth).max()).mean()))
    median = float(np.median(errors))
    return {
        "median": median,
        "upper": float(np.quantile(errors, 0.9)),
        "coverage": float(np.mean(inside)) if inside else None,
        "milliseconds": 1e3 * seconds / len(errors),
    }


def _clock() -> float:
    import time

    return time.process_time()


def settings(quick: bool) -> Iterator[tuple[str, int]]:
    """Kinds of models and numbers of players."""
    for players in (10, 16) if quick else PLAYERS:
        for kind in KINDS:
            yield kind, players


def run(quick: bool, only: str, console: Console) -> None:
    """Measures what is missing."""
    out = HERE / "out" / ("shapley-quick" if quick else "shapley")
    out.mkdir(parents=True, exist_ok=True)
    for kind, players in settings(quick):
        wanted = [name for name in contenders() if only in name and not (out / _file(kind, players, name)).exists()]
        if not wanted:
            continue
        known = KINDS[kind](players)
        about = {"title": known.title, "how": known.how, "doubt": float(np.median(known.doubt))}
        (out / f"{kind}-{players}.about.json").write_text(json.dumps(about))
        for name in wanted:
            cells = {str(m): measure(known, name, m * players, 1 if quick else SEEDS) for m in MULTIPLES}
            (out / _file(kind, players, name)).write_text(json.dumps(cells))
            console.print(f"{kind} {players} {name}: " + " ".join(f"{cell['median']:.1e}" for cell in cells.values()))


def _file(kind: str, players: int, name: str) -> str:
    return f"{kind}-{players}.{name.replace(' ', '_').replace(',', '')}.json"


def markdown(out: Path, quick: bool) -> str:
    """The tables of all that was measured."""
    names = list(contenders())
    text = ["# Shapley values: error at equal calls", "", *described("python -m benchmarks.shapley", ("torch", "numpy", "shap", "shapiq"))]
    text += [
        f"- median over 20 rows and {SEEDS} seeds of the relative squared error; calls are a multiple of the players n",
        "- ratio: pellucid proxy over pellucid leverage (paired leverage sampling without replacement, the same estimator as `leverage`)",
        "- cover: share of true values within 1.96 standard errors, over players, rows and seeds",
        "",
        "| n | game | truth (its own error) | calls | " + " | ".join(names) + " | ratio | cover, proxy | cover, leverage |",
        "|---" * (7 + len(names)) + "|",
    ]
    ratios, covers, doubts, by_players = [], [], [], {}
    for kind, players in settings(quick):
        if not (out / f"{kind}-{players}.about.json").exists():
            continue
        about = json.loads((out / f"{kind}-{players}.about.json").read_text())
        cells = {name: json.loads(path.read_text()) for name in names if (path := out / _file(kind, players, name)).exists()}
        for m in map(str, MULTIPLES):
            errors = {name: cells[name][m]["median"] for name in cells}
            ratio = errors[OURS] / errors[LEVERAGE]
            ratios.append(ratio)
            by_players.setdefault(players, []).append(np.log(ratio))
            covers += [cells[OURS][m]["coverage"]] if m != "5" else []
            doubts += [about["doubt"] / min(errors.values())]
            shown = " | ".join(f"{errors[name]:.1e}" if name in errors else "" for name in names)
            cover = " | ".join(f"{cells[name][m]['coverage']:.1%}" for name in (OURS, LEVERAGE))
            own = f" ({about['doubt']:.0e})" if about["doubt"] else ""
            text.append(f"| {players} | {about['title']} | {about['how']}{own} | {m}n | {shown} | {ratio:.2f} | {cover} |")
    text += [
        "",
        f"- geometric mean of the ratio over {len(ratios)} settings: **{np.exp(np.mean(np.log(ratios))):.3f}**; largest {max(ratios):.2f}",
        "- by n: "
        + ", ".join(f"{n}: {np.exp(np.mean(logs)):.3f}" for n, logs in by_players.items())
        + " (10 features, 40n calls on the forest: nearly half of all coalitions, and next to no error)",
        f"- cover of the proxy's intervals at 10n and above: {min(covers):.1%} to {max(covers):.1%}",
        f"- error of the reference over the smallest error compared with it: at most {max(doubts):.4f}",
    ]
    return "\n".join(text) + "\n"


def main() -> None:
    """Measures, and writes ``results/shapley.md``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="two numbers of players, one seed; prints and writes nothing to results")
    parser.add_argument("--only", default="", help="contenders whose name holds this")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=max(150, Console().width))
    run(chosen.quick, chosen.only, console)
    if chosen.quick:
        console.print(markdown(HERE / "out" / "shapley-quick", quick=True))
    elif all((HERE / "out" / "shapley" / _file(*s, name)).exists() for s in settings(quick=False) for name in (OURS, LEVERAGE)):
        (HERE / "results" / "shapley.md").write_text(markdown(HERE / "out" / "shapley", quick=False))


if __name__ == "__main__":
    main()
