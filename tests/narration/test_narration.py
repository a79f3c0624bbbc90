# ruff: noqa: RUF001 (Chinese punctuation and real quotation marks are meant)
"""What narration says about hand-made explanations, and what it must not say."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, replace

import numpy as np
import pytest

from narration.examples import (
    FEATURES,
    completeness,
    decision,
    deletion,
    labelled,
    parameter_randomization,
    picture,
    regression,
    seed_stability,
    several,
    table,
    tokens,
)
from pellucid.errors import InputError, UnknownName
from pellucid.explanation import Reason, Verdict
from pellucid.narration import findings, narrate
from pellucid.narration.facts import period, region, removal
from pellucid.narration.voice import CATALOGS, Voice

LANGUAGES = ["en", "zh-CN"]


def text(explanation, topic: str, language="en", **options) -> str:
    return " ".join(f.text for f in findings(explanation, None, language, **options) if f.topic == topic)


# catalogs


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_catalogs_have_the_same_keys_and_fields():
    english, chinese = CATALOGS["en"], CATALOGS["zh-CN"]
    assert set(english) == set(chinese)
    assert {key: fields(english[key]) for key in english} == {key: fields(chinese[key]) for key in chinese}


def test_every_reason_code_can_be_said():
    named = re.search(r"Codes: (.*)\.", " ".join(Reason.__doc__.split()))
    codes = re.findall(r"``(\w+)``", named.group(1))
    assert len(codes) >= 8
    assert [code for code in codes if not Voice("en").has(f"reason.{code}")] == []


def test_an_unknown_language_is_refused():
    with pytest.raises(UnknownName, match=r"zh-CN"):
        narrate(table(), language="fr")


def test_a_row_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="row"):
        narrate(several(), row=9)


# one row of a table


def test_the_decision_names_the_class_its_probability_and_the_runner_up():
    assert text(table(), "decision") == "The network says “sick” with a probability of 70\u00a0%, ahead of “well” with 25\u00a0%."


@pytest.mark.parametrize(
    ("shares", "phrase"), [((0.45, 0.4, 0.15), "only just ahead"), ((0.6, 0.3, 0.1), ", ahead"), ((0.9, 0.06, 0.04), "far ahead")]
)
def test_the_lead_is_told_by_its_size(shares, phrase):
    assert phrase in text(table(said=decision(shares)), "decision")


def test_probabilities_that_do_not_exclude_each_other_have_no_runner_up():
    said = text(table(said=decision((0.9, 0.8, 0.1))), "decision")
    assert said == "The network gives “sick” a probability of 90\u00a0%."


def test_a_wrong_network_is_called_wrong_and_a_right_one_right():
    assert "network is wrong" in text(table(said=decision(truth=("well",))), "decision")
    assert "network is right" in text(table(said=decision(truth=("sick",))), "decision")


def test_another_target_than_the_prediction_is_said():
    assert "not that answer but “well”, with a probability of 25\u00a0%" in text(table(said=decision(target=1)), "decision")


def test_the_three_strongest_features_come_with_the_users_values_and_shares():
    said = text(table(), "reasons")
    assert "pressure = 142 mmHg raises it by 3.00 (60\u00a0%)" in said
    assert "pulse = 88 /min lowers it by 1.50 (30\u00a0%)" in said
    assert "weight = 70.5 kg raises it by 0.400 (8.0\u00a0%)" in said
    assert "height" not in said
    assert "Together they hold 98\u00a0% of all attribution over 4 entries." in said


def test_a_gradient_is_told_as_a_slope_not_as_a_part_of_the_score():
    said = text(table(method="gradient"), "reasons")
    assert "pressure = 142 mmHg (60\u00a0%; a higher value would raise it)" in said
    assert "raises it by" not in said


def test_the_smallest_rank_p_value_is_told_as_what_it_is():
    check = replace(deletion(p=0.05), note="30 players, in-fill: zero; 5 points, 19 random orders")
    assert "better than all 19 random orders (deletion, p = 0.05)" in text(table(checks=(check,)), "checks")
    assert "优于全部 19 个随机顺序" in text(table(checks=(check,)), "checks", "zh-CN")
    second = replace(check, p_value=np.array([0.1]))  # one order did as well
    assert "can not be told apart" in text(table(checks=(second,)), "checks")
    held = replace(check, high=np.array([0.6]))
    assert "its interval holds chance too" in text(table(checks=(held,)), "checks")


def test_an_entry_within_its_error_has_no_sign():
    said = text(table(values=(3.0, -1.5, 0.4, 0.1), errors=((0.1, 1.0, 0.1, 0.1),)), "reasons")
    assert "pulse = 88 /min, whose sign can not be told (−1.50 ± 1.96; 30\u00a0%)" in said
    assert "pressure = 142 mmHg raises it by" in said


def test_removal_is_told_from_the_deletion_curve_with_a_hedge_that_follows_the_interval():
    clearly = text(table(), "removal")
    assert "Without the strongest 10\u00a0% the logit falls from 5.00 to 1.00" in clearly
    assert "at random it is 4.00 (95\u00a0% of random orders: 3.00 to 4.80)" in clearly
    assert "clearly more than chance" in clearly
    assert "more than on average at random, but" in text(table(checks=(deletion(curve=(5.0, 3.5, 1.0, 0.0)),)), "removal")
    assert "can not be told apart from chance" in text(table(checks=(deletion(curve=(5.0, 4.5, 1.0, 0.0)),)), "removal")
    assert "does not fall" in text(table(checks=(deletion(curve=(5.0, 5.5, 1.0, 0.0)),)), "removal")
    assert text(table(checks=()), "removal") == ""


def test_checks_are_told_with_their_numbers_and_hedged_by_p():
    said = text(table(), "checks")
    assert "they miss it by 0.00100, and the stated error is 0.0100" in said
    assert "Removed strongest first, the logit averages 0.200 (95\u00a0% interval 0.150 to 0.250)" in said
    assert "in random order 0.550: clearly better than chance" in said
    assert "(deletion, p = 0.001)" in said
    assert "clearly better" in text(table(checks=(deletion(p=0.05),)), "checks")  # the verdict's own threshold, included
    assert "can not be told apart" in text(table(checks=(deletion(p=0.4),)), "checks")
    assert "no better than chance" in text(table(checks=(deletion(value=0.7, p=0.9),)), "checks")
    assert "its interval holds chance too" in text(table(checks=(deletion(value=0.53, p=0.03),)), "checks")
    assert "do not add up" in text(table(checks=(completeness(value=0.5),)), "checks")
    assert "only 50\u00a0% of the strongest" in text(table(checks=(seed_stability(0.5),)), "checks")
    assert "hardly another one" in text(table(checks=(parameter_randomization(0.9),)), "checks")
    assert "another one" in text(table(checks=(parameter_randomization(0.1),)), "checks")
    assert "not a number" in text(table(checks=(seed_stability(float("nan")),)), "checks")


# verdicts


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["not_finite", "identity_broken", "not_better_than_random", "no_difference", "ignores_parameters"])
def test_a_refused_explanation_opens_with_that_and_names_no_reason(code, language):
    refused = table(level="refused", reasons=[Reason(code, "deletion", 0.6, 0.55)])
    found = findings(refused, 0, language)
    assert (found[0].topic, found[0].level) == ("verdict", "refused")
    assert not [f for f in found if f.topic in ("reasons", "removal")]
    said = narrate(refused, language=language)
    assert not [name for name in FEATURES if name in said]
    opening = {"en": "This explanation by integrated gradients is refused: ", "zh-CN": "这个解释（积分梯度）不可信："}
    assert said.startswith(opening[language])


def test_that_a_refused_row_names_nothing_can_fail():
    assert [name for name in FEATURES if name in narrate(table())]


def test_reasons_are_told_with_their_numbers():
    said = text(table(level="refused", reasons=[Reason("not_better_than_random", "deletion", 0.6, 0.55)]), "verdict")
    assert said == (
        "This explanation by integrated gradients is refused: deletion scores 0.600 against 0.550 in random order, which is no better than "
        "chance. "
        "What it marks must not be read as the network's reasons."
    )
    said = text(table(level="weak", reasons=[Reason("unstable_over_seeds", "seed_stability", 0.6, 0.8)]), "verdict")
    assert "only 60\u00a0% of the strongest entries stay when the random seed changes (80\u00a0% are needed)" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_reason_and_one_without_numbers_can_be_said(language):
    reasons = [Reason("brand_new", "x", 1.0, 2.0), Reason("identity_broken", "completeness", None, None)]
    said = text(table(level="refused", reasons=reasons), "verdict", language)
    assert "brand_new" in said
    assert "None" not in said


def test_what_is_weak_or_unchecked_is_hedged():
    assert "can not tell them apart from a random choice" in text(
        table(level="weak", reasons=[Reason("interval_includes_random", "deletion", 0.5, 0.55)]), "reasons"
    )
    assert "probably carried" in text(table(level="weak", reasons=[Reason("unstable_over_seeds", "seed_stability", 0.6, 0.8)]), "reasons")
    unchecked = table(level="unchecked", reasons=[Reason("unchecked", "", None, None)], checks=())
    assert "no check has shown that it is right" in text(unchecked, "reasons")
    assert "unchecked: no check was run." in text(unchecked, "verdict")


def test_the_random_control_never_names_a_reason_even_when_it_passes():
    control = table(method="random")
    assert text(control, "reasons") == text(control, "removal") == ""
    assert "drawn at random as a control" in text(control, "limits")


# quality


@dataclass(frozen=True)
class Metric:
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Evaluation:
    better_than_base_rate: bool
    metrics: dict[str, Metric]
    base_rate: Metric


GUESS = Metric(0.11, 0.09, 0.13)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("level", ["supported", "refused"])
def test_a_network_no_better_than_guessing_is_called_that_above_anything_else(level, language):
    poor = Evaluation(False, {"accuracy": Metric(0.1, 0.08, 0.13)}, GUESS)
    found = findings(table(level=level), 0, language, quality=poor)
    assert found[0].topic == "quality"
    assert dict(found[0].evidence) == {"accuracy_value": 0.1, "accuracy_low": 0.08, "accuracy_high": 0.13, "accuracy_base": 0.11}
    assert findings(several(), None, language, quality=poor)[0].topic == "quality"
    good = Evaluation(True, {"accuracy": Metric(0.97, 0.95, 0.98)}, GUESS)
    assert findings(table(level=level), 0, language, quality=good)[0].topic != "quality"


def test_a_network_without_a_known_metric_is_still_called_no_better_than_guessing():
    assert "no better than guessing" in text(table(), "quality", quality=Evaluation(False, {}, GUESS))


# other kinds


def test_a_value_is_told_as_a_value():
    said = text(regression(), "decision")
    assert said == "The network gives the output the value 152. The true value is “149”."
    assert "网络给输出的值是 152。" in text(regression(), "decision", "zh-CN")


def test_a_picture_is_told_by_region():
    mass = np.zeros((30, 30))
    mass[0:8, 22:30] = 1.0
    said = text(picture(mass, method="occlusion"), "reasons")
    assert "100\u00a0% of what speaks for “tiger cat” lies at the upper right (11\u00a0% of the picture)" in said
    assert "holds 100\u00a0%" in said
    assert "30 × 30 cells" in said
    assert "nothing" not in said


@pytest.mark.parametrize("method", ["fullgrad", "sobol", "attention_rollout", "eigencam"])
def test_a_map_without_a_sign_is_not_said_to_speak_for_the_target(method):
    mass = np.zeros((30, 30))
    mass[0:8, 22:30], mass[25, 2] = -1.0, 1.0  # only a singular vector can be negative; its size is what is told
    for level in ("supported", "weak", "unchecked"):
        said = text(picture(mass, method=method, level=level), "reasons")
        assert "98\u00a0% of what the map holds lies at the upper right" in said
        assert "it does not say whether that speaks for “tiger cat” or against it" in said
        assert "of what speaks for" not in said
    assert "No check has shown that it is right." in said
    assert "不说明这是支持还是反对“tiger cat”" in text(picture(mass, method=method), "reasons", "zh-CN")


def test_an_even_picture_has_no_place_that_stands_out():
    assert "No part of the picture stands out" in text(picture(np.ones((30, 30))), "reasons")
    assert "Nothing in the picture speaks for “tiger cat”" in text(picture(-np.ones((30, 30))), "reasons")


def test_a_coarse_layer_map_says_its_grid():
    mass = np.zeros((7, 7))
    mass[3, 3] = 1.0
    said = text(picture(mass), "reasons")
    assert "7 × 7 cells" in said
    assert "in the middle" in said
    assert "(features.7)" in text(picture(mass), "limits")


def test_padded_tokens_are_not_named():
    said = text(tokens(), "reasons")
    assert "“great” raises it by 2.00 (87\u00a0%)" in said
    assert "pad" not in said


def test_a_series_is_told_by_its_thirds():
    values = np.zeros((1, 30, 2))
    values[0, 25:, 1] = -1.0
    series = replace(table(), arrays=(labelled("signal", values, "sample time feature"),), inputs=())
    said = text(series, "reasons")
    assert "100\u00a0% of all attribution for “sick” lies in the last third of the series" in said


def test_several_inputs_are_weighed_against_each_other():
    both = replace(table(), arrays=(labelled("a", [[3.0]], "sample unit"), labelled("b", [[-1.0]], "sample unit")), inputs=())
    said = text(both, "reasons")
    assert "75\u00a0% lies in the input “a”; 25\u00a0% lies in the input “b”" in said


def test_elements_without_names_are_told_by_their_place():
    many = replace(table(), arrays=(labelled("a", [[1.0] * 20 + [5.0]], "sample unit"),), inputs=())
    said = text(many, "reasons")
    assert "unit 20 raises it by 5.00 (20\u00a0%)" in said
    assert "over 21 entries" in said
    assert "other" not in said


def test_zeros_name_nothing():
    assert "every attribution is zero" in text(table(values=(0.0, 0.0, 0.0, 0.0)), "reasons")


# many rows


def test_rows_are_summed_up_and_refused_ones_name_nothing():
    said = text(several(), "verdict")
    assert "4 rows were explained: 2 supported, 1 weak and 1 refused." in said
    assert "In 1 of 4 rows removing in its order does no more than removing in random order." in said
    assert "In 3 of the 4 rows" in text(several(), "decision")
    reasons = text(several(), "reasons")
    assert "of the 3 rows that are not refused: pulse (3), weight (3) and pressure (2)." in reasons
    assert "height" not in reasons.split(":")[1]
    assert "In 4 of 4 rows the logit without the strongest 10\u00a0%" in text(several(), "removal")


def test_when_every_row_is_refused_nothing_is_named():
    said = narrate(several(("refused", "refused")))
    assert "every row is refused" in said
    assert not [name for name in FEATURES if name in said]


def test_a_row_of_many_is_told_like_a_single_one():
    assert findings(several(), 0) == findings(several()[0], 0)


# every sentence


def test_doubt_about_a_method_is_not_said_to_come_from_the_checks():
    mapped = replace(picture(np.eye(7), method="eigencam"), verdicts=(Verdict("weak", (Reason("ignores_target", "", None, None),)),))
    for one in (mapped, table(level="weak", reasons=[Reason("attention_is_not_importance", "", None, None)])):
        assert "the checks bear it out, but the method itself is open to doubt" in text(one, "reasons").lower()
        assert "random" not in text(one, "reasons")
        assert "方法本身存疑" in text(one, "reasons", "zh-CN")
    both = [Reason("ignores_target", "", None, None), Reason("interval_includes_random", "deletion", 0.5, 0.55)]
    assert "can not tell" in text(replace(mapped, verdicts=(Verdict("weak", tuple(both)),)), "reasons")
    assert "gives the same map for every class" in text(mapped, "verdict")


def every_example():
    mass = np.eye(7)
    return [
        table(),
        regression(),
        picture(mass),
        *(picture(mass, method=name) for name in ("gradcam++", "hirescam", "layercam", "scorecam", "ablationcam")),
        replace(picture(mass, method="eigencam"), verdicts=(Verdict("weak", (Reason("ignores_target", "", None, None),)),)),
        tokens(),
        several(),
        table(level="weak", reasons=[Reason("interval_includes_random", "deletion", 0.5, 0.55)], checks=(deletion(), seed_stability(0.3))),
        table(level="refused", reasons=[Reason("identity_broken", "completeness", 0.5, 0.01)]),
        table(method="smoothgrad"),
        table(method="brand_new"),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_whole_has_evidence_and_is_the_same_twice(language):
    for example in every_example():
        found = findings(example, None, language)
        assert found == findings(example, None, language)
        for finding in found:
            assert finding.text.endswith({"en": ".", "zh-CN": "。"}[language]), finding.text
            assert not re.search(r"[{}]|None|nan|NaN", finding.text), finding.text
            assert finding.evidence, finding.text
            assert all(isinstance(value, float) for _, value in finding.evidence), finding
        if language == "zh-CN":
            assert not re.search(r"[一-鿿] ?[,.;:!?](\s|$)", narrate(example, language="zh-CN"))


def test_both_languages_say_the_same_numbers():
    digits = re.compile(r"\d[\d.,]*\d|\d")
    for example in every_example():
        english, chinese = (digits.findall(narrate(example, language=language)) for language in LANGUAGES)
        assert sorted(english) == sorted(chinese)


def test_limits_name_the_baseline_in_the_readers_language():
    one = replace(table(), provenance=replace(table().provenance, baseline={"input": "the mean color"}))
    assert "(the mean color)" in text(one, "limits")
    assert "（平均颜色）" in text(one, "limits", "zh-CN")


def test_guesses_are_mentioned():
    one = replace(table(), provenance=replace(table().provenance, guesses=("a", "b")))
    assert "model or data: 2 (see" in text(one, "limits")


# facts


def test_region_shares_are_exact_where_cells_cross_the_ninths():
    mass = np.zeros((2, 2))
    mass[0, 0] = 1.0  # covers 1.5 of 3 parts each way: the corner ninth holds (1 / 1.5)^2
    place = region(labelled("m", mass, "y x"))
    assert place is not None
    assert place.index == 0
    assert place.share == pytest.approx((2 / 3) ** 2)


def test_the_strongest_tenth_counts_a_part_of_an_element():
    values = np.zeros(25)
    values[:5] = 1.0
    place = period(labelled("s", values, "time"))
    assert place is not None
    assert place.top == pytest.approx(2.5 / 5)


def test_removal_reads_the_curve_nearest_to_a_tenth():
    fact = removal(table())
    assert fact is not None
    assert (fact.fraction, fact.start, fact.after, fact.mean) == (0.1, 5.0, 1.0, 4.0)


def test_a_verdict_without_reasons_can_be_said():
    assert text(replace(table(), verdicts=(Verdict("weak"),)), "verdict").endswith(".")


def test_an_explanation_takes_what_was_measured_of_its_network():
    measured = Evaluation(False, {}, GUESS)
    assert table().narrate(quality=measured).startswith("This network is no better than guessing")
    assert not table().narrate().startswith("This network is no better")
