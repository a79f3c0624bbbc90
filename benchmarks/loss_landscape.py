"""What a loss landscape costs beside bare passes and the loss-landscapes package: ``python -m benchmarks.loss_landscape [--rounds 12]``.

51 x 51 points around a 64-128-128-10 MLP trained on the digits training set, all of its rows; process CPU time with one thread. The floor
is a bare forward pass over all rows for each point, without moving a weight and without a loss.
"""

from __future__ import annotations

import copy
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

import pellucid as pl
from benchmarks.over_floor import report
from benchmarks.pairing import Ratio, alternate, best_size, ratio
from benchmarks.peers import missing
from pellucid.demo.networks import train_digits
from pellucid.explanation.contents import LossLandscape
from pellucid.methods.dynamics.loss_landscape import LookAtLossLandscape

SIDE = 51
SIZES = (64, 128, 256, 512, 1024, 2048)
LOOK = LookAtLossLandscape(resolution=SIDE, eigenvalues=0)


def case() -> tuple[nn.Sequential, Tensor, np.ndarray]:
    """The network, the rows and their labels."""
    digits = train_digits()
    rows = digits.split.train
    x = torch.as_tensor(np.asarray(digits.inputs(rows)), dtype=torch.float32).flatten(1)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    pl.fit(net, x, rows.labels, epochs=20, seed=0)
    return net.eval(), x, np.asarray(rows.labels)


def whole(x: Tensor, labels: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """The training rows and all others."""
    digits = train_digits()
    rows = (digits.split.validation, digits.split.test)
    others = [torch.as_tensor(np.asarray(digits.inputs(part)), dtype=torch.float32).flatten(1) for part in rows]
    return torch.cat([x, *others]), np.concatenate([labels, *(np.asarray(part.labels) for part in rows)])


def passes(net: nn.Module, x: Tensor, size: int, count: int) -> None:
    """So many bare forward passes over all rows."""
    batches = x.split(size)
    with torch.no_grad():
        for _ in range(count):
            for rows in batches:
                net(rows)


def plain_loop(net: nn.Module, x: Tensor, labels: Tensor) -> np.ndarray:
    """The same plane as anybody would write it: weights moved, one pass over all rows, cross-entropy."""
    moved = copy.deepcopy(net)
    own = [value.detach().clone() for value in net.parameters()]
    first, second = ([torch.randn_like(value) for value in own] for _ in range(2))
    found = []
    with torch.no_grad():
        for b, a in product(np.linspace(-1, 1, SIDE), repeat=2):
            for value, base, one, other in zip(moved.parameters(), own, first, second, strict=True):
                torch.add(base, one, alpha=a, out=value).add_(other, alpha=b)
            found.append(nn.functional.cross_entropy(moved(x), labels).item())
    return np.array(found)


def peers_plane(net: nn.Module, x: Tensor, labels: Tensor) -> np.ndarray:
    """The peer's plane, as its documentation makes it."""
    import loss_landscapes
    from loss_landscapes.metrics import Loss

    return loss_landscapes.random_plane(net, Loss(nn.functional.cross_entropy, x, labels), 1, SIDE, normalization="filter")


def measure(rounds: int) -> tuple[dict[str, Ratio], list[str]]:
    """Ratios to the floor, and what else there is to say."""
    net, x, classes = case()
    labels = torch.from_numpy(classes)
    size = best_size(lambda s: passes(net, x, s, 20), SIZES, len(x))

    def ours() -> pl.Explanation:
        return pl.inspect(net, LOOK, x, labels=classes)

    before = [value.clone() for value in net.parameters()]
    made = ours()
    kept = all(torch.equal(one, other) for one, other in zip(net.parameters(), before, strict=True))
    calls = {
        "floor": lambda: passes(net, x, size, SIDE**2),
        "pellucid": ours,
        "floor again": lambda: passes(net, x, size, SIDE**2),
        "plain loop": lambda: plain_loop(net, x, labels),
    }
    said = [
        f"- floor: {SIDE**2:,} forward passes over {len(x):,} rows in batches of {size}",
        f"- pellucid: batches of {made.provenance.batch}; {_own(made)}; weights left as they were: {_yes(kept)}",
    ]
    if not missing("loss-landscapes"):
        calls["loss-landscapes"] = lambda: peers_plane(copy.deepcopy(net), x, labels)
        said.append(_peer(net, x, labels))
    every, truth = whole(x, classes)
    all_size = best_size(lambda s: passes(net, every, s, 20), SIZES, len(every))
    more = {
        "floor, all rows": lambda: passes(net, every, all_size, SIDE**2),
        "pellucid, all rows": lambda: pl.inspect(net, LOOK, every, labels=truth),
    }
    said.append(f"- all rows: {len(every):,}, those held out too, in batches of {all_size}")
    seconds = alternate(calls | more, rounds)
    each = {name: f"{taken.min() / SIDE**2 * 1e6:.0f}" for name, taken in seconds.items()}
    said.append(f"- microseconds a point, least of {rounds} rounds: " + ", ".join(f"{name} {value}" for name, value in each.items()))
    ratios = {name: ratio(seconds[name], seconds["floor"]) for name in calls if name != "floor"}
    return ratios | {"pellucid, all rows": ratio(seconds["pellucid, all rows"], seconds["floor, all rows"])}, said


def _own(made: pl.Explanation) -> str:
    seen = made.content
    if not isinstance(seen, LossLandscape) or seen.surface is None:
        raise TypeError(type(seen).__name__)
    row, column = int(np.flatnonzero(seen.surface.up == 0)[0]), int(np.flatnonzero(seen.surface.across == 0)[0])
    same = seen.surface.loss[row, column] == seen.own[0]
    return f"products shared of {', '.join(seen.shared) or 'no layer'}; the grid holds the model, bit for bit: {_yes(bool(same))}"


def _peer(net: nn.Module, x: Tensor, labels: Tensor) -> str:
    """Whether the peer's grid holds the model, and what it does to its weights."""
    given = copy.deepcopy(net)
    with torch.no_grad():
        own = nn.functional.cross_entropy(net(x), labels).item()
    found = peers_plane(given, x, labels)
    apart = max(float((one - other).detach().abs().max()) for one, other in zip(given.parameters(), net.parameters(), strict=True))
    nearest = float(np.abs(found - own).min())
    least = f"nearest of its {found.size:,} values to the model's loss {own:.6f} is {nearest:.1e} away"
    return (
        f"- loss-landscapes: the grid holds the model: {_yes(nearest == 0)} ({least}); largest change of a weight afterwards: {apart:.2g}"
    )


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


if __name__ == "__main__":
    report("loss_landscape", "Loss landscapes over bare forward passes", "loss-landscapes", measure, 12)
