"""DeepLIFT and DeepSHAP around their rules: baselines, backgrounds, targets, counting, memory, what stays fixed beside the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import stdtrit
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods import background_pairs
from pellucid.models.rules.deeplift.difference import Reference
from pellucid.models.rules.rows import RowsHidden


class Attending(nn.Module):
    """Convolution, then attention whose heads are folded into the batch axis."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.qkv, self.last = nn.Conv1d(2, 8, 3, padding=1), nn.Linear(8, 24), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = F.relu(self.conv(x)).transpose(1, 2)
        b, n, c = tokens.shape
        q, k, v = self.qkv(tokens).reshape(b, n, 3, 2, 4).permute(2, 0, 3, 1, 4).reshape(3, 2 * b, n, 4)
        mixed = torch.bmm(torch.bmm(q, k.transpose(1, 2)).softmax(-1), v).reshape(b, 2, n, 4).transpose(1, 2).reshape(b, n, c)
        return self.last(F.gelu(mixed).mean(1))


def seeded(make: Any, *shapes: tuple[int, ...]) -> Any:
    kept = torch.get_rng_state()
    torch.manual_seed(0)
    made = make().double().eval(), *(torch.randn(*shape, dtype=torch.float64) for shape in shapes)
    torch.set_rng_state(kept)
    return made


def values(net: nn.Module, x: Any, method: Any, **options: Any) -> np.ndarray:
    return pl.explain(net, x, method, checks="none", **{"target": 1, **options}).arrays[0].values


def one_by_one(net: nn.Module, x: Tensor, background: Tensor, **options: Any) -> np.ndarray:
    """DeepLIFT against every background row, (background row, sample, ...)."""
    return np.stack([values(net, x, pl.DeepLIFT(baseline=row.expand_as(x).clone()), **options) for row in background])


@pytest.mark.parametrize(("rows", "background"), [(4, 3), (3, 7), (1, 5), (5, 1), (1, 1)])
def test_deepshap_is_the_mean_of_deeplift(rows: int, background: int) -> None:
    net, x, others = seeded(Attending, (rows, 2, 6), (background, 2, 6))
    found = pl.explain(net, x, "deepshap", target=1, background=others, checks="none")
    slow = one_by_one(net, x, others)
    np.testing.assert_allclose(found.arrays[0].values, slow.mean(0), rtol=0, atol=1e-14)
    if background == 1:
        assert not found.errors
        return
    widened = stdtrit(background - 1, 0.975) / 1.959964
    np.testing.assert_allclose(found.errors[0].values, slow.std(0, ddof=1) / np.sqrt(background) * widened, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("method", ["deeplift", "deepshap"])
def test_every_row_has_its_own_target(method: str) -> None:
    net, x, others = seeded(Attending, (4, 2, 6), (6, 2, 6))
    together = values(net, x, method, background=others, target=[0, 1, 2, 3])
    for row in range(4):
        alone = values(net, x[row : row + 1], method, background=others, target=row)
        np.testing.assert_allclose(together[row], alone[0], rtol=0, atol=1e-13)


class Probabilities(nn.Module):
    """Ends in a softmax: its log-odds are explained, a score that is not linear in the outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Attending()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x).softmax(1)


@pytest.mark.parametrize(("rows", "background"), [(4, 3), (3, 7)])
def test_log_odds_are_followed_to_the_end(rows: int, background: int) -> None:
    net, x, others = seeded(Probabilities, (rows, 2, 6), (background, 2, 6))
    found = pl.explain(net, x, "deepshap", target=1, background=others)
    np.testing.assert_allclose(found.arrays[0].values, one_by_one(net, x, others).mean(0), rtol=0, atol=1e-13)
    check = next(check for check in found.checks if check.name == "completeness")
    assert (check.value <= check.reference).all()


def test_a_margin_of_two_classes_is_the_difference_of_theirs() -> None:
    net, x, others = seeded(Attending, (3, 2, 6), (4, 2, 6))
    for method in ("deeplift", "deepshap"):
        margin, first, second = (values(net, x, method, background=others, target=t) for t in (pl.Margin(1, 2), 1, 2))
        np.testing.assert_allclose(margin, first - second, rtol=0, atol=1e-13)


def test_little_memory_takes_more_passes_and_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, others = seeded(Attending, (3, 2, 6), (9, 2, 6))
    whole = pl.explain(net, x, "deepshap", target=1, background=others, checks="none", batch_size=2)
    monkeypatch.setattr(background_pairs, "MEMORY", 1)
    parted = pl.explain(net, x, "deepshap", target=1, background=others, checks="none", batch_size=2)
    np.testing.assert_allclose(parted.arrays[0].values, whole.arrays[0].values, rtol=0, atol=1e-14)
    assert parted.provenance.evaluations > whole.provenance.evaluations == 2 * (3 + 9)


@pytest.mark.parametrize(("rows", "background"), [(3, 5), (5, 3)])
def test_rows_that_can_not_be_found_are_run_pair_by_pair(rows: int, background: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, others = seeded(Attending, (rows, 2, 6), (background, 2, 6))
    expected = values(net, x, "deepshap", background=others)

    def hidden(*_: Any) -> Any:
        raise RowsHidden("hidden", received="", remedy="")

    monkeypatch.setattr(Reference, "_one", hidden)
    np.testing.assert_allclose(values(net, x, "deepshap", background=others), expected, rtol=0, atol=1e-14)
    shared = torch.zeros_like(x)
    found = values(net, x, pl.DeepLIFT(baseline=shared))
    monkeypatch.undo()
    np.testing.assert_allclose(values(net, x, pl.DeepLIFT(baseline=shared)), found, rtol=0, atol=1e-14)


def test_rows_are_counted_as_the_docstrings_say() -> None:
    net, x, others = seeded(Attending, (4, 2, 6), (6, 2, 6))

    def spent(method: Any, **options: Any) -> int:
        return pl.explain(net, x, method, target=1, checks="none", batch_size=4, **options).provenance.evaluations

    assert spent(pl.DeepLIFT(baseline=others[:4])) == 4 + 4 + 4 + 4
    assert spent(pl.DeepLIFT(baseline=0.0)) == 4 + 1 + 1 + 4
    assert spent("deepshap", background=others) == 2 * (4 + 6)


def test_more_background_rows_than_asked_for_are_drawn_once_and_for_all() -> None:
    net, x, others = seeded(Attending, (3, 2, 6), (30, 2, 6))
    first, second = (
        pl.explain(net, x, pl.DeepSHAP(backgrounds=8), target=1, background=others, checks="none", seed=seed, batch_size=8)
        for seed in (0, 1)
    )
    assert first.arrays[0].values.tobytes() == second.arrays[0].values.tobytes()
    assert set(first.provenance.baseline.values()) == {"some of the background rows"}
    whole = pl.explain(net, x, pl.DeepSHAP(), target=1, background=others, checks="none")
    assert set(whole.provenance.baseline.values()) == {"all background rows"}
    off = np.abs(first.arrays[0].values - whole.arrays[0].values) / first.errors[0].values
    assert (off < 1.96).mean() > 0.9


class TwoInputs(nn.Module):
    """One input gates the other; a mask of integers is held fixed."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.last = nn.Linear(5, 6), nn.Linear(3, 6), nn.Linear(6, 3)

    def forward(self, a: Tensor, b: Tensor, mask: Tensor | None = None) -> Tensor:
        h = F.relu(self.a(a)) * torch.sigmoid(self.b(b))
        return self.last(h if mask is None else h * mask)


@pytest.mark.parametrize("masked", [False, True])
def test_several_inputs_and_a_mask_that_follows_the_row(masked: bool) -> None:
    net, a, b, ba, bb = seeded(TwoInputs, (4, 5), (4, 3), (6, 5), (6, 3))
    mask = (torch.arange(24).reshape(4, 6) % 3 > 0).long()
    given = (a, b, mask) if masked else (a, b)
    background = (ba, bb, torch.ones(6, 6, dtype=torch.long)) if masked else (ba, bb)
    found = pl.explain(net, given, "deepshap", target=1, background=background, checks="none")
    with torch.no_grad():
        extra = (mask,) if masked else ()
        here = net(a, b, *extra)[:, 1]
        there = torch.stack([net(ba[k].expand_as(a), bb[k].expand_as(b), *extra)[:, 1] for k in range(6)]).mean(0)
    total = sum(array.values.sum(1) for array in found.arrays)
    np.testing.assert_allclose(total, (here - there).numpy(), rtol=0, atol=1e-13)


class Tokens(nn.Module):
    """Integer tokens through an embedding and a GRU."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.gru, self.last = nn.Embedding(20, 6), nn.GRU(6, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.last(self.gru(self.embedding(tokens))[0].mean(1))


@pytest.mark.parametrize("method", ["deeplift", "deepshap"])
def test_tokens_are_explained_at_their_embedding(method: str) -> None:
    (net,) = seeded(Tokens)
    tokens = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 1, 0]])
    found = pl.explain(net, tokens, method, target=1)
    check = next(check for check in found.checks if check.name == "completeness")
    assert (check.value <= check.reference).all()
    assert found.arrays[0].values.shape[:2] == (3, 4)


def test_half_precision_networks_state_their_own_rounding() -> None:
    net, x = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3)).bfloat16().eval(), torch.randn(4, 6)
    found = pl.explain(net, x, pl.DeepLIFT(baseline=0.5), target=1)
    check = next(check for check in found.checks if check.name == "completeness")
    assert (check.value <= check.reference).all()
    assert check.reference.max() > 1e-3  # of bfloat16, not of the float32 in which the path is formed


def test_what_deepshap_is_not_given() -> None:
    net, x = seeded(Attending, (2, 2, 6))
    with pytest.raises(pl.PellucidError, match="backgrounds=100"):
        pl.explain(net, x, pl.DeepSHAP(backgrounds=0), target=1)
    with pytest.raises(pl.PellucidError, match=r"outputs|graph|function"):
        pl.explain(lambda a: a.reshape(len(a), -1)[:, :2], x.numpy(), "deepshap", target=1)
    with_default, deeplift = values(net, x, "deepshap"), values(net, x, "deeplift")
    np.testing.assert_allclose(with_default, deeplift, rtol=0, atol=1e-14)


def test_memory_that_runs_out_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, others = seeded(Attending, (6, 2, 6), (4, 2, 6))
    expected = values(net, x, "deepshap", background=others, batch_size=6)
    plain = background_pairs._Pairs._add
    calls = [0]

    def scarce(self: Any, part: Any, multipliers: Any, batch: Any, at: int) -> Tensor:
        calls[0] += 1
        if len(batch[0]) > 3:
            raise RuntimeError("[enforce fail] not enough memory")
        return plain(self, part, multipliers, batch, at)

    monkeypatch.setattr(background_pairs._Pairs, "_add", scarce)
    np.testing.assert_allclose(values(net, x, "deepshap", background=others, batch_size=6), expected, rtol=0, atol=1e-14)
    assert calls[0] > 2 * 4
