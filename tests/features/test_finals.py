"""Initials and finals as units: what was never heard is written from its parts, as pinyin or as the characters that go together."""

import json

import numpy as np
import pytest

from modelwright.features.shared.speech_units import Units, in_pinyin, parted
from modelwright.recipes.speech._decoding import Decoder

pytest.importorskip("pypinyin")


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [("zhang1", ["zh", "ang1"]), ("ni3", ["n", "i3"]), ("er2", ["er2"]), ("ai4", ["ai4"]), ("shuang5", ["sh", "uang5"]),
     ("lü4", ["l", "ü4"]), ("hello", ["\u2581hello"]), ("3", ["\u25813"])],
)  # fmt: skip
def test_a_syllable_is_cut_in_two(syllable, parts):
    assert parted(syllable) == parts


def test_pinyin_is_told_and_never_heard_syllables_are_written():
    texts = ["ni3 hao3", "zhong1 guo2", "hao3 ren2"] * 3
    assert in_pinyin(texts)
    assert not in_pinyin(["hello there"])
    units = Units.fit(texts, "finals")
    ids = units.encode(["zhong1 hao3"]).values.tolist()
    assert units.text(ids) == "zhong1 hao3"
    never = [units.ids["g"], units.ids["ong1"], units.ids["n"], units.ids["en2"]]
    assert units.text(never) == "gong1 nen2"
    assert units.words([units.ids["n"], units.ids["h"], units.ids["ao3"]]) == [
        ("hao3", 1, 2)
    ]  # an initial alone is none
    assert units.encode(["ni3 xue2"]).values.tolist() == [
        units.ids["n"],
        units.ids["i3"],
    ]  # what was never heard is left out


def test_characters_go_by_what_stands_beside_them():
    texts = ["他是学生", "她是老师", "事情是这样", "是的", "老师的事情", "是他的事情"] * 3
    units = Units.fit(texts, "finals")
    for text in ("老师的事情", "他是老师"):
        ids = units.encode([text]).values.tolist()
        found = units.text(ids)
        assert found[1:] == text[1:], found
    kept = Units.restore(json.loads(json.dumps(units.state())), {})
    assert kept.text(ids) == units.text(ids)
    assert kept.size == units.size


def test_a_tone_that_was_never_heard_is_written_as_its_like():
    units = Units.fit(["好人好", "好人"], "finals")
    ids = units.encode(["好"]).values.tolist()
    assert units.text(ids) == "好"
    assert units.spelling._near("hao1") == {"好": 3}


def test_what_came_once_is_no_pair():
    units = Units.fit(["天地人", "天地"], "finals")
    assert units.spelling.pairs == {"天地": 2}


def test_a_phrase_that_is_hoped_for_is_written_as_it_is_there():
    units = Units.fit(["他是老师", "是的", "事情", "是他", "老是他"] * 3, "finals")
    ids = units.encode(["老诗"]).values.tolist()  # lao3 shi1, as 老师: 诗 was never heard
    hoped = units.hoping(["老诗", "Lee"])
    assert units.text(ids) != "老诗"
    assert hoped.text(ids) == "老诗"
    others = units.encode(["是他"]).values.tolist()
    assert hoped.text(others) == units.text(others) == "是他"
    assert Units.fit(["a b"], "characters").hoping(["c"]).spelling is None


def test_a_recogniser_of_finals_heeds_hot_words():
    units = Units.fit(["他是老师", "是的", "事情", "是他", "老是他"] * 3, "finals")
    decoder = Decoder.fit(units, [])
    logs = np.full((8, units.size), -20.0)
    for t, i in enumerate(units.encode(["老诗"]).values.tolist()):
        logs[2 * t, i], logs[2 * t + 1, 0] = 0.0, 0.0
    assert "".join(w for w, _, _ in decoder.with_hot(["老诗"]).read(logs)[1]) == "老诗"
