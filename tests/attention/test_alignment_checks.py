"""Checks of an alignment: every produced token by its own order and its own score, on a network whose true alignment is known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from attention.reversing import LENGTH, SPEC, Reversing, strings
from pellucid import views
from pellucid.checks import faithfulness
from pellucid.checks.faithfulness import _removed, _spread
from pellucid.harness.judge import Given
from pellucid.scenes.words import Language

TRUE = np.eye(LENGTH)[::-1]  # the network reverses
SEEDS = range(3)
ROWS = 32


def judged(values: np.ndarray, net: nn.Module, rows: Any, *, seed: int = 0, **options: Any) -> pl.Explanation:
    """The checks of given values (sample, produced, token)."""
    given: Any = Given(np.array(values), "", ("produced", "token"), 0)
    return pl.explain(net, rows, given, target=options.pop("target", pl.Token()), seed=seed, **options)


def levels(net: nn.Module, values: Any) -> Counter[str]:
    """The verdicts of what ``values`` (random, rows) makes, over strings and random orders of several seeds."""
    found: Counter[str] = Counter()
    for seed in SEEDS:
        source, so_far, _ = strings(ROWS, torch.Generator().manual_seed(100 + seed))
        made = np.broadcast_to(values(np.random.default_rng(seed)), (ROWS, LENGTH, LENGTH))
        found.update(v.level for v in judged(made, net, (source, so_far), seed=seed, spec=SPEC).verdicts)
    return found


# ---- right and wrong alignments --------------------------------------------------------------------------------------------


# measured 94 to 100 %; before, with the sum over produced tokens, 0
@pytest.mark.parametrize("method", ["attention_norm", "attention_gradient", "attention", "attention_rollout"])
@pytest.mark.parametrize("checks", ["fast", "full"])
def test_attention_that_finds_the_alignment_is_borne_out(method: str, checks: Any, reversing: Any) -> None:
    net, rows = reversing
    made = pl.explain(net, rows, method, target=pl.Token(), spec=SPEC, checks=checks)
    counts = Counter((v.level, *(r.code for r in v.reasons)) for v in made.verdicts)
    cautioned = ("weak", "attention_is_not_importance")  # known of the method, whatever it is used on
    assert counts[("supported",) if method in ("attention_norm", "attention_gradient") else cautioned] >= 0.9 * len(made)


def test_the_true_alignment_is_supported(reversing: Any) -> None:
    counts = levels(reversing[0], lambda _: TRUE)
    assert counts["supported"] >= 0.9 * counts.total()  # measured 94 %
    assert counts["refused"] <= 0.05 * counts.total()


WRONG = {
    "the identity": lambda _: TRUE[::-1],
    "one token too far": lambda _: np.roll(TRUE, 1, axis=0),
    "noise": lambda random: random.random((ROWS, LENGTH, LENGTH)),
    "one row for all": lambda random: random.random((ROWS, 1, LENGTH)),
    "no two alike": lambda random: np.stack([np.eye(LENGTH)[random.permutation(LENGTH)] for _ in range(ROWS)]),
    "nothing": lambda _: np.zeros((LENGTH, LENGTH)),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_alignments_are_refused(name: str, reversing: Any) -> None:
    counts = levels(reversing[0], WRONG[name])
    assert counts["refused"] >= 0.95 * counts.total()


def test_judge_refuses_the_shuffled_rows_of_a_supported_alignment(reversing: Any) -> None:
    net, rows = reversing
    made = pl.explain(net, rows, "attention_gradient", target=pl.Token(), spec=SPEC)
    random = np.random.default_rng(0)
    shuffled = {
        "rows": np.stack([one[random.permutation(LENGTH)] for one in made.arrays[0].values]),
        "within rows": random.permuted(made.arrays[0].values, axis=2),
    }
    for name, values in shuffled.items():
        again = pl.judge(made, net, rows, values=values, target=pl.Token(), spec=SPEC)
        assert np.mean([v.level == "refused" for v in again.verdicts]) >= 0.95, name


# ---- what is measured ------------------------------------------------------------------------------------------------------


class Sums(nn.Module):
    """Every produced token's scores are a sum over source tokens, by a map of its own or by one for all."""

    def __init__(self, length: int = 12, produced: int = 10, *, own: bool = True, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.words, self.produced = nn.Embedding(9, 8), produced
        self.words.weight.data = torch.randn(9, 8, generator=generator)
        self.maps = nn.Parameter(torch.randn(length, produced if own else 1, 8, 9, generator=generator))

    def forward(self, source: Tensor, so_far: Tensor) -> Tensor:
        return self.scores(self.words(source)) + 0 * so_far[..., None]

    def scores(self, embedded: Tensor) -> Tensor:
        return torch.einsum("bsd,stdv->btv", embedded, self.maps).expand(-1, self.produced, -1)


def sums_rows(rows: int, seed: int, length: int = 12, produced: int = 10) -> tuple[Tensor, Tensor]:
    source = torch.randint(0, 9, (rows, length), generator=torch.Generator().manual_seed(seed))
    return source, torch.zeros(rows, produced, dtype=torch.long)


TWO = pl.ModelSpec(inputs=(pl.InputSpec("source", kind="tokens"), pl.InputSpec("so far", kind="tokens")), outputs="logits")


def test_curves_equal_a_slow_loop_over_produced_tokens() -> None:
    net, (source, so_far) = Sums(7, 3).double().eval(), sums_rows(2, 0, 7, 3)
    values = np.random.default_rng(0).normal(size=(2, 3, 7))
    made = judged(values, net, (source, so_far), spec=TWO)
    with torch.no_grad():
        embedded = net.words(source)
        chosen = net(source, so_far).argmax(-1)
        for name, keep in (("deletion", False), ("insertion", True)):
            check = made.check(name)
            curves = {c.name: c.values for c in check.curves}
            counts = np.round(curves["fraction"] * 7).astype(int)
            assert counts.tolist() == [0, 2, 5, 7]
            for row in range(2):
                for at, k in enumerate(counts):
                    scores = []
                    for token in range(3):
                        order = np.argsort(-values[row, token]).copy()
                        x = embedded[row].clone()
                        x[order[k:] if keep else order[:k]] = 0.0
                        scores.append(float(net.scores(x[None])[0, token, chosen[row, token]]))
                    assert curves["curve"][row, at] == pytest.approx(np.mean(scores), abs=1e-9)


def test_the_spread_is_that_of_relabeled_source_tokens() -> None:
    """Rows with an order in common stay alike under a relabeling, and the spread says so: against relabelings drawn outright."""
    random, players, counts, weights = np.random.default_rng(0), 12, np.array([3, 9]), np.array([0.375, 0.375])
    shared = random.normal(size=players)
    parts = np.stack([shared + random.normal(size=players) * 0.3 for _ in range(5)])  # what each row's score is a sum of

    def areas(orders: np.ndarray) -> np.ndarray:  # (..., row, player), with one row for all or one each
        return ((1 - _removed(orders, counts)) * parts[:, None]).sum(-1) @ weights

    draws = np.stack([random.permutation(players) for _ in range(4000)])
    kept = ((1 - _removed(draws, counts))[:, :, None] * parts).sum(-1)  # (order, point, row)
    for alike in (True, False):
        order = np.stack([random.permutation(players)] * 5 if alike else [random.permutation(players) for _ in range(5)])
        truth = np.std([areas(random.permutation(players)[order]).mean() for _ in range(4000)])
        found = _spread(_removed(order, counts)[None], kept[None], weights)[0]
        assert found == pytest.approx(truth, rel=0.06)  # each is off by 1.1 % (4000 draws), both by 1.6 %; four times that


def accepted(*, own: bool, alike: bool) -> float:
    """How often random rows are not refused: rows that are alike or not, of scores that are alike or not."""
    found = []
    for seed in range(40):
        values = np.random.default_rng(seed).random((10, 1 if alike else 10, 12))
        made = judged(np.broadcast_to(values, (10, 10, 12)), Sums(own=own, seed=seed).eval(), sums_rows(10, seed), seed=seed, spec=TWO)
        found += [v.level != "refused" for v in made.verdicts]
    return float(np.mean(found))


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("alike", [True, False])
def test_chance_is_not_supported_however_alike_rows_and_scores_are(own: bool, alike: bool) -> None:
    assert accepted(own=own, alike=alike) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)  # measured 1 to 4.5 %


def test_with_rows_taken_for_independent_chance_would_be_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    def independent(_own: np.ndarray, chance: np.ndarray, weights: np.ndarray) -> np.ndarray:
        areas = np.einsum("sopr,p->sor", chance, weights)
        return np.sqrt(areas.var(1, ddof=1).mean(1) / areas.shape[2] * (1 + 1 / areas.shape[1]))

    monkeypatch.setattr(faithfulness, "_spread", independent)
    assert accepted(own=False, alike=True) > 0.1


def test_the_right_rows_are_supported_where_all_are_alike() -> None:
    """Every produced token reads the same source tokens: no row differs from another, and the alignment is right."""
    net, rows = Sums(own=False).eval(), sums_rows(20, 3)
    with torch.no_grad():
        chosen = net(*rows).argmax(-1)
        each = torch.einsum("bsd,stdv->btsv", net.words(rows[0]), net.maps).expand(-1, 10, -1, -1)
    values = each.gather(-1, chosen[:, :, None, None].expand(-1, -1, 12, 1))[..., 0].numpy()
    assert Counter(v.level for v in judged(values, net, rows, spec=TWO).verdicts)["refused"] <= 1


@pytest.mark.parametrize(("length", "produced"), [(4, 2), (5, 8), (8, 3), (12, 40), (30, 10)])
def test_fast_checks_keep_to_their_rows(length: int, produced: int) -> None:
    net, rows = Sums(length, produced).eval(), sums_rows(2, 0, length, produced)
    made = judged(np.random.default_rng(0).random((2, produced, length)), net, rows, spec=TWO)
    assert sum(check.evaluations for check in made.checks) <= 64 * 2
    note = made.check("deletion").note
    assert f"; {min(6, produced)} of {produced} produced tokens" in note


def test_only_what_the_target_reads_and_the_values_speak_of_is_measured(reversing: Any) -> None:
    net, (source, so_far) = reversing
    rows = source[:4], so_far[:4]
    one = np.zeros((4, LENGTH, LENGTH))
    one[:, 5] = TRUE[5]
    for values, target in ((TRUE, pl.Token(position=5)), (one, pl.Token())):
        made = judged(np.broadcast_to(values, (4, LENGTH, LENGTH)), net, rows, target=target, spec=SPEC)
        assert f"; 1 of {LENGTH} produced tokens" in made.check("deletion").note
        scores = net(*rows)[:, 5].amax(-1).detach().numpy()
        np.testing.assert_allclose(made.check("deletion").curves[1].values[:, 0], scores, rtol=1e-4)


def test_a_score_that_is_no_sum_over_produced_tokens_is_measured_whole(reversing: Any) -> None:
    net, rows = reversing
    made = judged(np.broadcast_to(TRUE, (ROWS, LENGTH, LENGTH)), net, rows, target=lambda outputs: outputs[:, 2].amax(-1), spec=SPEC)
    assert "produced" not in made.check("deletion").note
    np.testing.assert_allclose(made.check("deletion").curves[1].values[:, 0], made.decision.scores, rtol=1e-4)


def test_an_untrained_network_bears_out_no_alignment() -> None:
    torch.manual_seed(1)
    counts = levels(Reversing().eval(), lambda _: TRUE)
    assert counts["refused"] >= 0.95 * counts.total()


# ---- in words --------------------------------------------------------------------------------------------------------------


WORDS = {
    "en": ("{} from {}", "“{1}” no. {0}", "of the produced tokens, each in its own order", "6 of 8 produced", "mean over produced tokens"),
    "zh-CN": ("{}来自{}", "第 {0} 个“{1}”", "各生成词元按自己的顺序", "8 个生成词元中的 6 个", "各生成词元的均值"),
}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_pairs_are_named_and_the_mean_is_called_one(language: Language, reversing: Any) -> None:
    pair, place, measured, note, axis = WORDS[language]
    net, rows = reversing
    made = pl.explain(net, rows, "attention_gradient", target=pl.Token(), spec=SPEC)
    one = made[[v.level for v in made.verdicts].index("supported")]
    told = str(one.narrate(language))
    strongest = one.arrays[0].values[0]
    target, origin = np.unravel_index(strongest.argmax(), strongest.shape)
    sides = ((one.inputs[-1].cells[0], target), (one.inputs[0].cells[0], origin))
    assert (
        pair.format(*(place.format(at + 1, cells[at]) if cells.count(cells[at]) > 1 else f"“{cells[at]}”" for cells, at in sides)) in told
    )
    assert told.count(measured) == 3  # what falls, deletion, insertion
    scene = views.faithfulness_curves(one, language=language)
    assert any(note in text for text in scene.notes)
    assert axis in scene.panels[0].y.label
    assert measured in str(made.narrate(language))
