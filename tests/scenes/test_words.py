"""Both languages say the same things, and every word that a view asks for exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pellucid
from pellucid.errors import UnknownName
from pellucid.scenes.words import check_name, method_name, spaced, words

SOURCES = Path(pellucid.__file__).parent


def fields(template: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", template))


def test_the_languages_have_the_same_keys_and_fields():
    english, chinese = words("en"), words("zh-CN")
    assert set(english) == set(chinese)
    assert {key: fields(english[key]) for key in english} == {key: fields(chinese[key]) for key in english}


def test_every_word_that_a_view_asks_for_exists():
    asked = set()
    for path in [*(SOURCES / "views").glob("*.py"), *(SOURCES / "paper").glob("*.py")]:
        asked |= set(re.findall(r'say\["([^"{]+)"\]', path.read_text())) | set(
            re.findall(r'words\(language\)\["([^"{]+)"\]', path.read_text())
        )
    assert len(asked) > 50
    assert asked <= set(words("en"))


def test_no_word_is_left_in_the_other_language():
    han = re.compile(r"[\u4e00-\u9fff]")
    assert not [key for key, text in words("en").items() if han.search(text)]
    bare = {key: re.sub(r"{\w*}|FLOPs", "", text) for key, text in words("zh-CN").items()}
    latin_only = {key for key, text in bare.items() if re.search(r"[A-Za-z]", text) and not han.search(text)}
    cams = ("gradcam", "gradcam++", "hirescam", "layercam", "scorecam", "ablationcam", "eigencam")
    names = {f"method.{name}" for name in (*cams, "lime", "rise")}
    assert latin_only <= names | {"scale.logit", "axis.other", "note.check"}


def test_an_unknown_language_is_refused_with_the_legal_ones():
    with pytest.raises(UnknownName, match=r"language.*'fr'.*legal: en, zh-CN"):
        words("fr")


def test_names_without_a_translation_are_spelled_out():
    assert method_name("integrated_gradients", "zh-CN") == "积分梯度"
    assert method_name("some_new_method", "en") == "Some new method"
    assert check_name("deletion", "en") == "Deletion"


def test_latin_words_in_chinese_text_stand_off():
    assert spaced("对logit的贡献") == "对 logit 的贡献"
    assert spaced("the logit") == "the logit"
