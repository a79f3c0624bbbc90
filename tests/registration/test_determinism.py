"""For every registered method: rows do not depend on neighbors, seeds decide, the batch size does not matter, archives keep every bit."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.explanation.frame import from_frame, to_frame
from pellucid.methods.registry import method_class
from registration.subjects import METHODS, asked, busy, subject

EXPLAIN = pl.explain  # for the proofs below, which put something else in the place of pl
SAMPLED = [m for m in METHODS if method_class(m).sampled]


def relative(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max() / max(np.abs(second).max(), 1e-300))


def everything(explanation: pl.Explanation) -> list[np.ndarray]:
    """Values, errors and check results: all that the rows' neighbors could touch."""
    arrays = [a.values for a in (*explanation.arrays, *explanation.errors)] + [explanation.decision.scores]
    for check in explanation.checks:
        # the residual of an identity is the difference of sums as large as the score, and is judged on their scale
        scale = np.abs(explanation.decision.scores) if check.role == "identity" else 0.0
        arrays += [check.value + scale, check.reference + scale, check.low + scale, check.high + scale]
    return arrays


def worst_row(explain: Any, net: torch.nn.Module, x: torch.Tensor) -> float:
    """The largest relative difference between a row explained alone and the same row explained among others."""
    together = explain(net, x)
    worst = 0.0
    for row in range(len(x)):
        alone = explain(net, x[row : row + 1])
        for whole, one in zip(everything(together), everything(alone), strict=True):
            worst = max(worst, relative(one[0], whole[row]))
    return worst


@pytest.mark.parametrize("method", METHODS)
def test_a_row_alone_is_the_row_in_a_batch(method: str) -> None:
    net, x = subject(method)
    assert worst_row(lambda n, rows: pl.explain(n, rows, asked(method), target=1, batch_size=4), net, x) <= 1e-9


def test_a_batch_dependence_would_be_seen() -> None:
    class Neighborly(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x + 1e-6 * x.mean(0)).flatten(1)[:, :4]

    _, x = busy()
    assert worst_row(lambda n, rows: pl.explain(n, rows, "occlusion", target=1, batch_size=4), Neighborly(), x) > 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_and_batch_size_same_bytes(method: str) -> None:
    net, x = subject(method, dtype=torch.float32)
    first, second = (pl.explain(net, x, asked(method), target=1, seed=3, batch_size=4, checks="full") for _ in range(2))
    assert [a.tobytes() for a in everything(first)] == [a.tobytes() for a in everything(second)]


@pytest.mark.parametrize("method", SAMPLED)
def test_another_seed_gives_another_answer(method: str) -> None:
    net, x = subject(method, dtype=torch.float32)
    first, second = (pl.explain(net, x, asked(method), target=1, seed=seed, batch_size=4).arrays[0].values for seed in (3, 4))
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_size_found_by_itself_gives_the_same_answer(method: str) -> None:
    net, x = subject(method, dtype=torch.float32)
    fixed = pl.explain(net, x, asked(method), target=1, batch_size=1, checks="none").arrays[0].values
    for _ in range(3):  # the measured size grows from call to call
        found = pl.explain(net, x, asked(method), target=1, checks="none").arrays[0].values
        assert np.linalg.norm(found - fixed) <= 1e-5 * np.linalg.norm(fixed)


@pytest.mark.parametrize("method", METHODS)
def test_archive_round_trip(method: str, tmp_path: Path) -> None:
    net, x = subject(method, dtype=torch.float32)
    made = pl.explain(net, x, asked(method), target=[0, 1, 2, 3, 0], checks="full", class_names=("a", "b", "c", "犬"))
    read = pl.load(made.save(tmp_path / "解释 of a net.safetensors"))
    assert to_frame(read) == to_frame(made)
    assert read.provenance == made.provenance
    assert read.verdicts == made.verdicts
    assert repr(read) == repr(made)
    for mine, theirs in zip(everything(made), everything(read), strict=True):
        assert mine.dtype == theirs.dtype
        assert mine.tobytes() == theirs.tobytes()


def test_a_flipped_bit_would_be_seen() -> None:
    net, x = busy(dtype=torch.float32)
    made = pl.explain(net, x, "gradient", target=1)
    frame = bytearray(to_frame(made))
    frame[-1] ^= 1
    assert to_frame(from_frame(bytes(frame), pl.Explanation)) != to_frame(made)


def test_a_batch_size_that_mattered_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(net: Any, x: Any, method: Any, *, batch_size: int | None = None, **options: Any) -> Any:
        return EXPLAIN(net, x * (1 if batch_size else 1.001), method, batch_size=batch_size, **options)

    monkeypatch.setitem(globals(), "pl", types.SimpleNamespace(explain=careless))
    with pytest.raises(AssertionError):
        test_a_batch_size_found_by_itself_gives_the_same_answer("integrated_gradients")
    monkeypatch.setitem(
        globals(), "pl", types.SimpleNamespace(explain=lambda *a, **o: EXPLAIN(*a, **{**o, "seed": len(SEEDS.append(1) or SEEDS)}))
    )
    with pytest.raises(AssertionError):
        test_same_seed_and_batch_size_same_bytes("smoothgrad")


SEEDS: list[int] = []
