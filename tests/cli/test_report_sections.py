"""What a report made of explanations says, before a page is made of it."""

from __future__ import annotations

import pytest
from numpy import eye

from narration.examples import FEATURES, picture, several, table
from pellucid.errors import InputError
from pellucid.explanation import Reason
from pellucid.report.sections import report_of


def test_one_row_has_one_section_with_its_verdict_and_its_checks():
    report = report_of([table()])
    assert [edition.language for edition in report.editions] == ["en", "zh-CN"]
    (section,) = report.editions[0].sections
    assert section.findings[0].badge.level == "supported"
    assert len(section.scenes) == 3
    assert "not a cause in the world" in section.findings[-1].text


def test_several_rows_are_told_together_and_then_each():
    sections = report_of([several()], languages=("en",)).editions[0].sections
    assert [section.id for section in sections] == ["e1", "e1-1", "e1-2", "e1-3", "e1-4"]
    assert [section.findings[0].badge.level for section in sections[1:]] == ["supported", "supported", "weak", "refused"]
    assert "4 rows were explained" in sections[0].findings[0].text
    limits = [finding.text for section in sections for finding in section.findings if "not a cause in the world" in finding.text]
    assert len(limits) == 1


def test_the_sections_are_the_same_in_every_language():
    english, chinese = report_of([several(), picture(eye(7))]).editions
    assert [s.id for s in english.sections] == [s.id for s in chinese.sections]
    assert [len(s.scenes) for s in english.sections] == [len(s.scenes) for s in chinese.sections]


def test_a_refused_row_names_no_reason_in_its_words():
    refused = table(level="refused", reasons=[Reason("not_better_than_random", "deletion", 0.6, 0.55)])
    section = report_of([refused], languages=("en",)).editions[0].sections[0]
    assert not [name for name in FEATURES for finding in section.findings if name in finding.text]


def test_without_checks_there_are_no_pictures_of_checks():
    bare = table(level="unchecked", reasons=[Reason("unchecked", "", None, None)], checks=())
    assert len(report_of([bare]).editions[0].sections[0].scenes) == 1


def test_the_report_says_what_it_discloses():
    said = " ".join(report_of([several(), table()], languages=("en",)).editions[0].disclosures)
    assert "5 explained rows" in said
    assert "Net" in said


def test_a_report_of_nothing_is_refused():
    with pytest.raises(InputError):
        report_of([])


def test_many_rows_of_a_table_are_drawn_together_and_few_are_not():
    from views.explanations_by_hand import patients

    drawn = [report_of([patients(rows)], languages=("en",)).editions[0].sections[0].scenes for rows in (9, 10)]
    assert [len(scenes) for scenes in drawn] == [0, 3]
    assert [scene.panels[0].id for scene in drawn[1]] == ["beeswarm", "importance", "dependence"]
    assert "1 of 10 rows are refused and left out" in drawn[1][0].subtitle
