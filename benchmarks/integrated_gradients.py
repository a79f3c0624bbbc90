"""How close integrated gradients come at equal gradients: ``python -m benchmarks.integrated_gradients [STEPS ...]``.

EfficientNet-Lite0 in float64, the middle 224 pixels of six photos, the predicted class, against the photo's mean color. The reference is
the midpoint rule with 4,096 steps; it takes an hour or two at first and is kept in ``benchmarks/out`` (by network,
photo and steps).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn

import pellucid as pl
from benchmarks.machine import described
from benchmarks.peers import missing
from pellucid.demo.efficientnet import efficientnet_lite0, preparation

HERE = Path(__file__).parent
REFERENCE = 4096
BUDGETS = (20, 50, 200)
BATCH = 2
RULES = ("pellucid", "captum Gauss-Legendre", "captum midpoint")
PACKAGES = ("torch", "numpy", "captum", "scikit-image", "scikit-learn", "pellucid")


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo as the network sees it, what it is compared with, and the class that is explained."""

    name: str
    x: Tensor
    baseline: Tensor
    target: int
    difference: float


@dataclass(frozen=True, eq=False)
class Reference:
    """Attributions (channel, y, x), and half the difference of the two rules of half the steps that make up the whole."""

    values: np.ndarray
    half: np.ndarray

    @property
    def error(self) -> float:
        """An upper estimate of the relative error: how far each half of the steps lies from both together."""
        return float(np.linalg.norm(self.half) / np.linalg.norm(self.values))


@dataclass(frozen=True)
class Cell:
    """One rule on one photo at one budget: relative L2 error, relative completeness error, share of elements within the stated error."""

    photo: str
    steps: int
    rule: str
    error: float
    completeness: float
    covered: float | None
    stated: float | None


def photos(net: nn.Module) -> list[Photo]:
    """Six photos that ship with scikit-image and scikit-learn."""
    from skimage import data
    from sklearn.datasets import load_sample_image

    pictures = {"cat": data.chelsea(), "coffee": data.coffee(), "astronaut": data.astronaut(), "rocket": data.rocket()}
    pictures |= {name: load_sample_image(f"{name}.jpg") for name in ("china", "flower")}
    found = []
    for name, picture in pictures.items():
        x = torch.as_tensor(np.asarray(preparation().apply([picture]))).double()
        baseline = x.mean((2, 3), keepdim=True).expand_as(x).clone()
        with torch.no_grad():
            here, there = net(x)[0], net(baseline)[0]
        target = int(here.argmax())
        found.append(Photo(name, x, baseline, target, float(here[target] - there[target])))
    return found


def gradients(net: nn.Module, photo: Photo, parts: np.ndarray) -> Tensor:
    """The gradient at these parts of the way, (part, channel, y, x)."""
    points = photo.baseline + torch.from_numpy(parts).reshape(-1, 1, 1, 1) * (photo.x - photo.baseline)
    points.requires_grad_()
    return torch.autograd.grad(net(points)[:, photo.target].sum(), points)[0]


def reference(net: nn.Module, photo: Photo) -> Reference:
    """The fine midpoint rule, odd and even steps apart; computed once."""
    kept = HERE / "out" / f"integrated-gradients-{photo.name}-{REFERENCE}.npz"
    if not kept.exists():
        sums = torch.zeros(2, *photo.x.shape[1:], dtype=torch.float64)
        for first in track(range(0, REFERENCE, 2), f"reference: {photo.name}"):
            sums += gradients(net, photo, (np.array([first, first + 1]) + 0.5) / REFERENCE)
        difference = photo.x[0] - photo.baseline[0]
        kept.parent.mkdir(exist_ok=True)
        values, half = difference * sums.sum(0) / REFERENCE, difference * (sums[0] - sums[1]) / REFERENCE
        np.savez(kept, values=values.numpy(), half=half.numpy(), target=photo.target)
    with np.load(kept) as saved:
        if int(saved["target"]) != photo.target:
            raise SystemExit(f"{kept} was made for another network: delete it")
        return Reference(saved["values"], saved["half"])


def ours(net: nn.Module, photo: Photo, steps: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Values and stated errors of Pellucid's adaptive rule."""
    method = pl.IntegratedGradients(steps=steps, rule="adaptive", baseline=photo.baseline)
    made = pl.explain(net, photo.x, method, target=photo.target, checks="none", batch_size=BATCH)
    return made.arrays[0].values[0], made.errors[0].values[0]


def captum(net: nn.Module, photo: Photo, steps: int, *, rule: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Values of captum, which states no error."""
    from captum.attr import IntegratedGradients

    found = IntegratedGradients(net).attribute(
        photo.x, photo.baseline, target=photo.target, n_steps=steps, method=rule, internal_batch_size=BATCH
    )
    return found[0].detach().numpy(), None


CONTENDERS: dict[str, Callable[[nn.Module, Photo, int], tuple[np.ndarray, np.ndarray | None]]] = {
    RULES[0]: ours,
    RULES[1]: partial(captum, rule="gausslegendre"),
    RULES[2]: partial(captum, rule="riemann_middle"),
}


def measure(net: nn.Module, budgets: tuple[int, ...]) -> tuple[list[Cell], dict[str, float]]:
    """All cells, and the references' own errors by photo."""
    cells, own = [], {}
    for photo in photos(net):
        truth = reference(net, photo)
        own[photo.name] = truth.error
        for steps in budgets:
            for rule in RULES:
                values, stated = CONTENDERS[rule](net, photo, steps)
                cells.append(_cell(photo, steps, rule, (values, stated), truth))
    return cells, own


def _cell(photo: Photo, steps: int, rule: str, found: tuple[np.ndarray, np.ndarray | None], truth: Reference) -> Cell:
    values, stated = found
    size = float(np.linalg.norm(truth.values))
    off = values - truth.values
    return Cell(
        photo.name,
        steps,
        rule,
        float(np.linalg.norm(off)) / size,
        abs(float(values.sum()) - photo.difference) / abs(photo.difference),
        None if stated is None else float((np.abs(off) <= stated).mean()),
        None if stated is None else float(np.linalg.norm(stated)) / size,
    )


def table(cells: list[Cell], own: dict[str, float]) -> str:
    """Every cell, and the medians over photos."""
    lines = [
        "| steps | photo | " + " | ".join(f"{rule}: error, completeness" for rule in RULES) + " | to the better one | covered | stated |"
    ]
    lines.append("|---" * (len(RULES) + 5) + "|")
    for steps in sorted({cell.steps for cell in cells}):
        rows = {name: [_of(cells, steps, name, rule) for rule in RULES] for name in own}
        for name, row in rows.items():
            lines.append(_line(str(steps), name, [(c.error, c.completeness) for c in row], row[0].covered, row[0].stated))
        middle = [(np.median([r[k].error for r in rows.values()]), np.median([r[k].completeness for r in rows.values()])) for k in range(3)]
        covered, stated = (np.median([getattr(r[0], field) for r in rows.values()]) for field in ("covered", "stated"))
        lines.append(_line(str(steps), "**median**", middle, float(covered), float(stated)))
    lines += ["", "The reference's own error, an upper estimate: " + ", ".join(f"{name} {error:.4f}" for name, error in own.items()) + "."]
    return "\n".join(lines)


def _of(cells: list[Cell], steps: int, photo: str, rule: str) -> Cell:
    return next(cell for cell in cells if (cell.steps, cell.photo, cell.rule) == (steps, photo, rule))


def _line(steps: str, name: str, errors: list[tuple[float, float]], covered: float | None, stated: float | None) -> str:
    shown = " | ".join(f"{error:.4f}, {completeness:.1e}" for error, completeness in errors)
    ratio = errors[0][0] / min(error for error, _ in errors[1:])
    return f"| {steps} | {name} | {shown} | {ratio:.2f} | {covered:.3f} | {stated:.3f} |"


INTRODUCTION = """# Integrated gradients at equal gradients

EfficientNet-Lite0 in float64, the middle 224 pixels of six photos as the network was trained to see them, the predicted class, against
the photo's mean color. Error: relative L2 distance of the attribution from the midpoint rule with {reference} steps. Completeness: what
the sum of the values lacks of f(x) - f(baseline), relative. "To the better one": our error over that of the better of captum's two
rules. Covered: share of the elements of an attribution whose error is within the stated one; stated: the L2 norm of what is stated,
relative. captum's rules are deterministic and state no error. Pellucid evaluates two forward rows beside the gradients, f(x) and
f(baseline).

"""


def main(arguments: list[str]) -> int:
    """Measures, prints, and writes the table where all budgets were asked for."""
    if lacking := missing("captum"):
        sys.stderr.write(f"not installed: {', '.join(lacking)}\n")
        return 2
    torch.set_num_threads(1)
    budgets = tuple(int(argument) for argument in arguments) or BUDGETS
    cells, own = measure(efficientnet_lite0().double().requires_grad_(requires_grad=False), budgets)
    text = table(cells, own)
    Console(width=200).print(text, markup=False)
    if budgets == BUDGETS:
        lines = described("python -m benchmarks.integrated_gradients", PACKAGES)
        page = "\n".join((INTRODUCTION.format(reference=f"{REFERENCE:,}") + text, "", *lines, ""))
        (HERE / "results" / "integrated_gradients.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
