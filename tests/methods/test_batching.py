"""The batch size is found on a noisy machine, and a bad moment does not stick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pellucid.methods.batching import AGAIN, BatchSize

Cost = Callable[[int], float]  # rows -> seconds


def convolutional(rows: int) -> float:
    """As measured on EfficientNet-Lite0, gradient rows: the time per row is least at four rows and grows once the cache is full."""
    return 2e-3 + rows * np.interp(np.log2(rows), [0, 1, 2, 3, 4, 5], [60e-3, 56e-3, 55e-3, 58e-3, 67e-3, 110e-3])


def small(rows: int) -> float:
    """A small network: the call's own overhead outweighs the rows up to thousands of them."""
    return 80e-6 + rows * 0.2e-6


def feed(size: BatchSize, cost: Cost, batches: int, noise: Callable[[], float]) -> list[int]:
    """Reports full batches of the size that is asked for; returns the sizes."""
    sizes = []
    for _ in range(batches):
        sizes.append(size.size)
        size.report(size.size, cost(size.size) * noise(), 0)
    return sizes


def slowed(seed: int, share: float = 0.3) -> Callable[[], float]:
    """Other work makes some batches up to three times slower, and none faster."""
    rng = np.random.default_rng(seed)
    return lambda: 1 + (rng.random() < share) * 2 * rng.random()


def worst(cost: Cost, size: int, sizes: tuple[int, ...]) -> float:
    """The time per row at a size over the least possible."""
    return cost(size) / size / min(cost(s) / s for s in sizes)


@pytest.mark.parametrize("seed", range(20))
def test_convolutional_networks_get_a_few_rows(seed: int) -> None:
    size = BatchSize(row_bytes=600_000)
    sizes = feed(size, convolutional, 200, slowed(seed))
    assert worst(convolutional, size.best_size, (1, 2, 4, 8, 16, 32)) < 1.12
    assert np.mean([s > 32 for s in sizes]) < 0.05


@pytest.mark.parametrize("seed", range(20))
def test_small_networks_get_thousands(seed: int) -> None:
    size = BatchSize(row_bytes=120)
    feed(size, small, 100, slowed(seed))
    assert size.settled
    assert size.best_size >= 2048


def test_a_bad_first_measurement_does_not_stick() -> None:
    size = BatchSize(row_bytes=600_000)
    while not size.settled:  # a machine that is busy just while anything above one row is tried
        size.report(size.size, convolutional(size.size) * (1 if size.size == 1 else 4), 0)
    assert size.size == 1
    feed(size, convolutional, AGAIN + 20, lambda: 1.0)
    assert size.settled
    assert size.size == 4


def test_measuring_again_becomes_rare() -> None:
    size = BatchSize(row_bytes=600_000)
    sizes = feed(size, convolutional, 3000, lambda: 1.0)
    assert np.mean(np.array(sizes[1000:]) != 4) < 0.02


def test_the_memory_limit_caps_the_batch() -> None:
    size = BatchSize(row_bytes=100, memory=1000 * 100)
    for _ in range(100):
        size.report(size.size, small(size.size), 0)
    assert size.best_size <= 1000 // 8


def test_memory_that_grows_step_by_step_ends_the_search() -> None:
    size, row = BatchSize(row_bytes=1, memory=500), 100
    for _ in range(40):
        size.report(size.size, small(size.size), row * size.size // 2 if size.size > 1 else row)  # a doubled batch adds half of itself
    assert size.best_size * row <= 500


def test_samples_that_stay_together_do_not_keep_a_batch_small() -> None:
    sizer = BatchSize(8)
    sizer.start_at(4)
    for _ in range(40):
        sizer.report(sizer.size // 4 * 4, 1e-4, 0)
    assert sizer.size >= 1024
    sizer.start_at(2)
    assert sizer.size >= 1024
    tight = BatchSize(2**28)  # one row fills the memory
    tight.start_at(4)
    assert tight.size == 1
